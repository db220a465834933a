//! Records that are items of this site: its own calendars and programmes, taken back.

use std::collections::HashSet;

use diesel::prelude::*;

use super::record::Record;
use crate::database::Db;
use crate::database::schema::{items, sources as stored_sources};
use crate::editorial::lifecycle;
use crate::editorial::write_context::WriteContext;
use crate::items::record_ids::RecordIds;
use crate::items::sources::{self, VersionChange};
use crate::problem::Problem;

/// What is known of the items of this site that a file may have.
#[derive(Debug, Default)]
pub struct OwnItems {
    /// The event whose programme was last met, and the UUIDs with which its sessions were imported from another system.
    programme: Option<(String, HashSet<String>)>,
}

impl OwnItems {
    /// Returns whether a record is an item of this site, or a part of one, such as its venue.
    ///
    /// # Errors
    /// Fails if a query fails.
    pub fn has(&mut self, connection: &mut Db, record: &Record) -> QueryResult<bool> {
        for id in &record.own_ids {
            let found: Option<String> = items::table.find(id).select(items::id).first(connection).optional()?;
            if found.is_some() {
                return Ok(true);
            }
        }
        let Some(event) = &record.own_event else { return Ok(false) };
        if self.programme.as_ref().is_none_or(|(known, _)| known != event) {
            self.programme = Some((event.clone(), guids_of_sessions(connection, event)?));
        }
        let guids = self.programme.as_ref().map(|(_, guids)| guids);
        Ok(guids.is_some_and(|guids| record.own_ids.iter().any(|id| guids.contains(id))))
    }
}

/// Returns the UUIDs with which the sessions of an event were imported, in lower case.
fn guids_of_sessions(connection: &mut Db, event_id: &str) -> QueryResult<HashSet<String>> {
    let stored: Vec<(String, String)> = items::table
        .inner_join(stored_sources::table.on(stored_sources::item_id.eq(items::id)))
        .filter(items::parent_id.eq(event_id).and(items::kind.eq("session")))
        .select((stored_sources::ids, stored_sources::source))
        .load(connection)?;
    let guids = stored.iter().filter_map(|(ids, source)| RecordIds::from_stored(ids, source).guid);
    Ok(guids.map(|guid| guid.to_ascii_lowercase()).collect())
}

/// Gives an item its next version because it has other ids outside: feeds show them.
///
/// # Errors
/// Fails if a statement fails.
pub fn announce_ids(connection: &mut Db, context: WriteContext<'_>, item_id: &str) -> Result<(), Problem> {
    let item = lifecycle::load(connection, item_id)?;
    let from = item.latest_version();
    let item = lifecycle::bump_version(connection, context, item, "update_external_ids")?;
    sources::follow(connection, &[VersionChange { item_id: item.id.clone(), from, to: item.latest_version() }])?;
    Ok(())
}
