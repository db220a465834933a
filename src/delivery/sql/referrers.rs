//! Items that show parts of other items, as an event shows the names of its speakers.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content_types::ALL;
use crate::database::schema::{items, links};
use crate::database::{Db, in_list, unindexed};
use crate::items::Item;

/// Maximum number of referring items that a batch of changes contains in addition to those that were touched.
const MAX_REFERRERS: usize = 2_000;

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

/// Returns the ids of the children of these items, which appear and disappear with them: the sessions of events.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn children(connection: &mut Db, ids: &[&str]) -> QueryResult<Vec<String>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let dialect = connection.dialect();
    let kinds: Vec<&str> = ALL.iter().filter_map(|content_type| Some(content_type.children?.kind)).collect();
    let of_these = in_list(dialect, items::parent_id, ids).and(unindexed(dialect, items::kind, &kinds));
    items::table.filter(of_these).select(items::id).load(connection)
}

/// Returns the public items that refer to these, or `None` if there are more than [`MAX_REFERRERS`].
///
/// # Errors
///
/// Fails if a statement fails.
pub fn of(connection: &mut Db, targets: &[&str]) -> QueryResult<Option<Vec<Item>>> {
    if targets.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let dialect = connection.dialect();
    let ids: Vec<String> = links::table
        .inner_join(items::table.on(items::id.eq(links::source_id)))
        .filter(in_list(dialect, links::target_id, targets).and(items::live.eq(true)))
        .select(links::source_id)
        .distinct()
        .limit(MAX_REFERRERS as i64 + 1)
        .load(connection)?;
    if ids.len() > MAX_REFERRERS {
        return Ok(None);
    }
    let these = items::table.filter(in_list(dialect, items::id, &ids)).order((items::kind, items::id));
    these.select(Item::as_select()).load(connection).map(Some)
}
