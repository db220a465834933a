//! The last changes of what items are shown with in feeds: of the items to which they refer, and of their start.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::Value;

use crate::content::local_time::{Moment, zone_of};
use crate::database::schema::{items, journal, links};
use crate::database::{Db, in_list};
use crate::feeds::revisions::{LinkedChanges, Revisions};
use crate::feeds::{INCLUDED, text};
use crate::items::rows::parse_content;
use crate::journal::snapshot;

/// Maximum number of events of a feed for which the history is searched.
const MAX_RESCHEDULED: usize = 20;
/// Maximum number of changes of a start through which the last other one is searched.
const MAX_CHANGES: i64 = 20;

/// Returns the changes of what these items refer to, with one statement, whatever their number. `relations` are those
/// whose items are shown; `None` means all of them.
///
/// Items that have been public once count even if they no longer are: the item is shown without them since. Those that
/// never were do not, because their changes change nothing that is shown.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn linked_changes(
    connection: &mut Db,
    ids: &[&str],
    relations: Option<&[&str]>,
) -> QueryResult<HashMap<String, LinkedChanges>> {
    let dialect = connection.dialect();
    let all = links::table
        .inner_join(items::table)
        .filter(in_list(dialect, links::source_id, ids).and(items::shown_at.gt(0)))
        .select((links::source_id, items::updated_at, items::version));
    let rows: Vec<(String, i64, i64)> = match relations {
        Some(relations) => all.filter(in_list(dialect, links::relation, relations)).load(connection)?,
        None => all.load(connection)?,
    };
    let mut changes: HashMap<String, LinkedChanges> = HashMap::with_capacity(ids.len());
    for (id, updated_at, version) in rows {
        let of_item = changes.entry(id).or_default();
        of_item.changed_at = of_item.changed_at.max(updated_at);
        of_item.count += version - 1;
    }
    Ok(changes)
}

/// Returns the revisions of the items of a feed, which are objects of the API, and of the items within them.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn revisions(connection: &mut Db, feed: &[Value]) -> QueryResult<Revisions> {
    let mut ids: Vec<&str> = Vec::with_capacity(feed.len());
    for item in feed {
        let sessions = item.get("sessions").and_then(Value::as_array).into_iter().flatten();
        let nested = sessions.chain(item.get("event"));
        ids.extend(std::iter::once(item).chain(nested).filter_map(|item| text(item, "id")));
    }
    let linked = linked_changes(connection, &ids, Some(&INCLUDED))?;
    let mut previous_starts = HashMap::new();
    let rescheduled = feed.iter().filter(|item| text(item, "event_status") == Some("rescheduled"));
    for id in rescheduled.take(MAX_RESCHEDULED).filter_map(|event| text(event, "id")) {
        previous_starts.extend(previous_start(connection, id)?.map(|start| (id.to_owned(), start)));
    }
    Ok(Revisions { linked, previous_starts })
}

/// Returns the last start of an event that was public and is another one than now, as the journal has it.
fn previous_start(connection: &mut Db, id: &str) -> QueryResult<Option<String>> {
    let current: Option<(i64, Vec<u8>)> =
        items::table.find(id).select((items::version, items::content)).first(connection).optional()?;
    let Some((version, content)) = current else { return Ok(None) };
    let current = start(&parse_content(&content).into());
    // Entries about a working draft have the version of the draft.
    let of_item = journal::table.filter(journal::item_id.eq(id));
    let changes: Vec<i64> = of_item
        .filter(journal::version.le(version).and(journal::changed.like("%\"/starts_at\"%")))
        .order(journal::sequence.desc())
        .limit(MAX_CHANGES)
        .select(journal::sequence)
        .load(connection)?;
    for change in changes {
        let before = of_item.filter(journal::sequence.lt(change)).order(journal::sequence.desc());
        let stored: Option<Vec<u8>> = before.select(journal::snapshot).first(connection).optional()?;
        let snapshot = snapshot::read(&stored.unwrap_or_default()).unwrap_or_default();
        let snapshot: Value = serde_json::from_str(&snapshot).unwrap_or_default();
        let is_public = text(&snapshot, "status") == Some("published") && snapshot["trashed_at"] == 0;
        let earlier = start(&snapshot["content"]).filter(|start| is_public && Some(start) != current.as_ref());
        if earlier.is_some() {
            return Ok(earlier);
        }
    }
    Ok(None)
}

/// Returns the start in a stored content, under the rules of its time zone that are in use.
fn start(content: &Value) -> Option<String> {
    let zone = zone_of(content.as_object()?)?;
    Some(Moment::parse_stored(text(content, "starts_at")?, zone)?.to_text())
}
