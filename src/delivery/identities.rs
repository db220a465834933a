//! The ids that the items of feeds have outside: those of the records from which they were imported.

use std::collections::HashSet;

use diesel::result::QueryResult;
use serde_json::Value;

use crate::database::Db;
use crate::feeds::identities::{Identities, ImportedRecord};
use crate::feeds::{list, text};
use crate::items::sources::{self, NOT_WRITTEN};

/// Returns the ids of the items of a feed, which are objects of the API, and of the items within them, with one
/// statement, whatever their number.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn identities(connection: &mut Db, feed: &[Value]) -> QueryResult<Identities> {
    let items: HashSet<&str> = feed.iter().flat_map(shown_items).filter_map(|item| text(item, "id")).collect();
    let events = feed.iter().flat_map(|item| std::iter::once(item).chain(item.get("event")));
    let events: HashSet<&str> = events.filter_map(|event| text(event, "id")).collect();
    let mut ids: Vec<String> = items.iter().map(|id| (*id).to_owned()).collect();
    ids.sort_unstable();
    let rows = sources::of_items(connection, &ids)?;
    let of_events = rows.iter().filter(|row| events.contains(row.item_id.as_str()) && !row.origin.is_empty());
    let sessions = feed.iter().flat_map(|item| std::iter::once(item).chain(list(item, "sessions")));
    let people: HashSet<&str> = sessions.flat_map(people).filter_map(|person| text(person, "id")).collect();
    let origins: HashSet<&str> = of_events.map(|row| row.origin.as_str()).collect();
    let records = rows.iter().map(|row| ImportedRecord {
        item_id: row.item_id.clone(),
        source: row.source.clone(),
        origin: row.origin.clone(),
        // The revision of a record begins with its `SEQUENCE`.
        sequence: row.revision.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or_default(),
        is_person: people.contains(row.item_id.as_str()),
        is_secondary: row.version == NOT_WRITTEN,
        ids: row.record_ids(),
    });
    Ok(Identities::new(&items, records.collect(), &origins))
}

/// Returns an item with those within it whose ids feeds show.
fn shown_items(item: &Value) -> impl Iterator<Item = &Value> {
    let sessions = list(item, "sessions");
    let people = sessions.iter().flat_map(people);
    std::iter::once(item).chain(item.get("event")).chain(item.get("venue")).chain(sessions).chain(people)
}

/// Returns the speakers of a session.
fn people(session: &Value) -> impl Iterator<Item = &Value> {
    list(session, "speakers").iter().filter_map(|link| link.get("speaker"))
}
