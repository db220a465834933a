//! Records that are items of this site: its own calendars and programmes, taken back.

use diesel::prelude::*;

use super::record::Record;
use crate::database::Db;
use crate::database::schema::items;
use crate::editorial::lifecycle;
use crate::editorial::write_context::WriteContext;
use crate::items::sources::{self, Renewed};
use crate::problem::Problem;

/// Returns whether a record is an item of this site, or a part of one, such as its venue.
///
/// # Errors
/// Fails if the query fails.
pub fn is_own(connection: &mut Db, record: &Record) -> QueryResult<bool> {
    for id in &record.own_ids {
        let found: Option<String> = items::table.find(id).select(items::id).first(connection).optional()?;
        if found.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Gives an item its next version because it has other ids outside: feeds show them.
///
/// # Errors
/// Fails if a statement fails.
pub fn announce_ids(connection: &mut Db, context: WriteContext<'_>, item_id: &str) -> Result<(), Problem> {
    let item = lifecycle::load(connection, item_id)?;
    let from = item.latest();
    let item = lifecycle::bump_version(connection, context, item, "update_external_ids")?;
    sources::follow(connection, &[Renewed { item_id: item.id.clone(), from, to: item.latest() }])?;
    Ok(())
}
