//! Items that show parts of other items, as an event shows the names of its speakers.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content_types::ALL;
use crate::database::schema::{items, links};
use crate::database::{Db, in_list, in_list_unindexed};
use crate::items::Item;

/// Actions that change nothing of an item that others show. Nothing refers to an item that was just created,
/// or that is gone.
const INVISIBLE_ACTIONS: [&str; 13] = [
    "assign",
    "create",
    "discard",
    "purge",
    "reject",
    "schedule",
    "schedule_failed",
    "submit",
    "unassign",
    "unschedule",
    "update_draft",
    "update_external_ids",
    "withdraw",
];

/// Returns whether an action may change what others show of an item.
pub fn is_visible(action: &str) -> bool {
    !INVISIBLE_ACTIONS.contains(&action)
}

/// An item that appears and disappears with another one: a session of an event.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Child {
    /// Id of the other one.
    pub parent: String,
    pub id: String,
}

/// Returns at most `limit` of the children of these items.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn children(connection: &mut Db, ids: &[&str], limit: i64) -> QueryResult<Vec<Child>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let dialect = connection.dialect();
    let kinds: Vec<&str> = ALL.iter().filter_map(|content_type| Some(content_type.children?.kind)).collect();
    let of_these = in_list(dialect, items::parent_id, ids).and(in_list_unindexed(dialect, items::kind, &kinds));
    let rows = items::table.filter(of_these).select((items::parent_id.assume_not_null(), items::id));
    rows.limit(limit).load(connection)
}

/// Returns the public items that refer to these, without those that are `known`; `None` if there are more than `most`.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn load_referrers(
    connection: &mut Db,
    targets: &[&str],
    known: &HashSet<&str>,
    most: usize,
) -> QueryResult<Option<Vec<Item>>> {
    if targets.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let dialect = connection.dialect();
    let mut ids: Vec<String> = links::table
        .inner_join(items::table.on(items::id.eq(links::source_id)))
        .filter(in_list(dialect, links::target_id, targets).and(items::live.eq(true)))
        .select(links::source_id)
        .distinct()
        .limit(i64::try_from(most + known.len()).unwrap_or(i64::MAX).saturating_add(1))
        .load(connection)?;
    ids.retain(|id| !known.contains(id.as_str()));
    if ids.len() > most {
        return Ok(None);
    }
    let these = items::table.filter(in_list(dialect, items::id, &ids)).order((items::kind, items::id));
    these.select(Item::as_select()).load(connection).map(Some)
}
