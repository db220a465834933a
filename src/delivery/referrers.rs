//! Items that show a part of others: the answer of an event has the names of its speakers in it.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::schema::{items, links};
use crate::database::{Db, any_of};
use crate::items::Item;

/// The most items that one answer tells beside those that were touched, for what they show of these.
const MOST: usize = 2_000;

/// Actions that change nothing that others show of an item; nothing refers to one that was just made, or is gone.
const UNSEEN: [&str; 12] = [
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
    "withdraw",
];

/// Whether an action may change what others show of an item.
pub fn is_seen(action: &str) -> bool {
    !UNSEEN.contains(&action)
}

/// The public items that refer to these; none where there are more than [`MOST`].
pub fn of(connection: &mut Db, targets: &[&str]) -> QueryResult<Option<Vec<Item>>> {
    if targets.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let dialect = connection.dialect();
    let ids: Vec<String> = links::table
        .inner_join(items::table.on(items::id.eq(links::source_id)))
        .filter(any_of(dialect, links::target_id, targets).and(items::live.eq(true)))
        .select(links::source_id)
        .distinct()
        .limit(MOST as i64 + 1)
        .load(connection)?;
    if ids.len() > MOST {
        return Ok(None);
    }
    let these = items::table.filter(any_of(dialect, items::id, &ids)).order((items::kind, items::id));
    these.select(Item::as_select()).load(connection).map(Some)
}
