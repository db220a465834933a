//! Messages that an event, or occurrences of a series, do not take place (`METHOD:CANCEL`; RFC 5546, section 3.2.5). They often
//! say nothing but the `UID`, so the events keep all they have and are cancelled.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::Db;
use crate::database::schema::items;
use crate::items::Item;
use crate::items::sources::Source;
use crate::time_zone::Zone;
use crate::transfer::record::{Cancellation, CancelledInstance};
use crate::transfer::revisions::{records_of, start_of};

/// Returns the records that a cancellation means.
///
/// # Errors
/// Fails if a query fails.
pub fn find_cancelled(connection: &mut Db, cancellation: &Cancellation) -> QueryResult<Vec<Source>> {
    let mut meant = Vec::new();
    for row in records_of(connection, &cancellation.identity)? {
        let is_meant = match &cancellation.instance {
            None => true,
            Some(instance) => is_instance(connection, &row, instance)?,
        };
        meant.extend(is_meant.then_some(row));
    }
    Ok(meant)
}

/// Returns whether a record is an occurrence that is meant. A date means the occurrence of that day, and a time of a series
/// with dates means its day.
fn is_instance(connection: &mut Db, row: &Source, instance: &CancelledInstance) -> QueryResult<bool> {
    let Some((_, key)) = row.source.rsplit_once('/') else { return Ok(false) };
    let (Some(start), Some(first)) = (start_of(key), start_of(&instance.key)) else { return Ok(false) };
    let fits = |is_equal: bool, is_later: bool| is_equal || (instance.and_later && is_later);
    let is_time = |key: &str| key.contains('T');
    Ok(match (is_time(key), is_time(&instance.key)) {
        (true, true) | (false, false) => fits(start == first, start > first),
        (false, true) => fits(start.date() == instance.day, start.date() > instance.day),
        (true, false) => {
            let zone = zone_of_item(connection, &row.item_id)?;
            let day = start.and_utc().with_timezone(&zone).date_naive();
            fits(day == instance.day, day > instance.day)
        }
    })
}

fn zone_of_item(connection: &mut Db, id: &str) -> QueryResult<Zone> {
    let item: Option<Item> = items::table.find(id).select(Item::as_select()).first(connection).optional()?;
    let content = item.map(|item| item.content()).unwrap_or_default();
    let name = content.get("time_zone").and_then(serde_json::Value::as_str);
    Ok(name.and_then(|name| name.parse().ok()).unwrap_or_else(Zone::utc))
}

/// Returns whether an item says that it does not take place.
pub fn is_cancelled(item: &Item) -> bool {
    item.content().get("event_status").is_some_and(|status| status == "cancelled")
}
