//! The tail of the journal: the items that were changed since the last look.
//!
//! Every node follows the journal in this way: the writer before each commit of content, and a background job
//! for the writes of other nodes. The numbers of entries have neither gaps nor late arrivals, since all writers
//! share one lock (see [`Db::begin_write`]); so the largest number that was seen covers everything before it.

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::Db;
use crate::database::invalidation::InvalidationClock;
use crate::database::position::Position;
use crate::database::schema::journal;

/// Number of entries that are read at a time, and above which [`JournalTail::look`] does not list the changed items.
const MAX_LISTED_CHANGES: i64 = 2_000;

/// The position up to which the journal has been followed; none before the first look.
#[derive(Debug, Default, Clone, Copy)]
pub struct JournalTail(Option<Position>);

/// The changes since the last look.
#[derive(Debug)]
pub enum JournalChanges {
    /// Changes of these items, by content type and id.
    Items(Vec<(String, String)>),
    /// Changes of unknown extent: too many to list, or not known.
    Anything,
}

impl JournalChanges {
    /// Records the changes in the invalidation clock.
    pub fn record_in(&self, clock: &InvalidationClock) {
        match self {
            JournalChanges::Items(items) if items.is_empty() => {}
            JournalChanges::Items(items) => clock.record(items.iter().map(|(kind, id)| (kind.as_str(), id.as_str()))),
            JournalChanges::Anything => clock.record_all(),
        }
    }
}

/// A changed item, by content type and id.
type ChangedItem = (String, String);

impl JournalTail {
    /// Reads the entries since the last look. Returns the new position with the changes; the caller adopts it only
    /// once it has processed the changes, so that none is skipped after a failure.
    ///
    /// # Errors
    ///
    /// Fails if the query fails.
    pub fn look(self, connection: &mut Db) -> QueryResult<(Self, JournalChanges)> {
        self.look_far(connection, 1)
    }

    /// Does the same, and lists up to `pages` times 2,000 changes. Several pages are of one state of the database
    /// only in a transaction.
    ///
    /// # Errors
    ///
    /// Fails if the query fails.
    pub fn look_far(self, connection: &mut Db, pages: usize) -> QueryResult<(Self, JournalChanges)> {
        let Some(mut seen) = self.0 else { return Self::from_here(connection) };
        let mut touched = Vec::new();
        for _ in 0..pages {
            let Some((newest, page, is_last)) = page_after(connection, seen)? else { break };
            seen = newest;
            touched.extend(page);
            if is_last {
                return Ok((Self(Some(seen)), JournalChanges::Items(touched)));
            }
        }
        Self::from_here(connection)
    }

    /// Returns the current end of the journal, with changes of unknown extent.
    fn from_here(connection: &mut Db) -> QueryResult<(Self, JournalChanges)> {
        Ok((Self(Some(Position::find_newest(connection)?)), JournalChanges::Anything))
    }
}

/// Returns the new position, the changes of the entries after `seen`, and whether there are no more entries; `None` if
/// the history is another one.
fn page_after(connection: &mut Db, seen: Position) -> QueryResult<Option<(Position, Vec<ChangedItem>, bool)>> {
    // The query includes the last known entry (`ge`), although it brings nothing new: if it is missing or differs,
    // the database was restored or failed over, and its entries continue another history.
    let entries: Vec<(i64, i64, String, i64, String)> = journal::table
        .filter(journal::sequence.ge(seen.sequence))
        .order(journal::sequence)
        .select((journal::sequence, journal::at, journal::item_id, journal::version, journal::kind))
        .limit(MAX_LISTED_CHANGES + 1)
        .load(connection)?;
    let position =
        |(sequence, at, id, version, _): &(i64, i64, String, i64, String)| Position::of(*sequence, *at, id, *version);
    if seen != Position::default() && entries.first().map(position) != Some(seen) {
        return Ok(None);
    }
    let (newest, is_last) = (entries.last().map_or(seen, position), entries.len() as i64 <= MAX_LISTED_CHANGES);
    let new = entries.into_iter().filter(|(sequence, ..)| *sequence > seen.sequence);
    Ok(Some((newest, new.map(|(_, _, id, _, kind)| (kind, id)).collect(), is_last)))
}

/// Returns the number of the newest entry of the journal; 0 if it is empty.
///
/// # Errors
///
/// Fails if the query fails.
pub fn newest_sequence(connection: &mut Db) -> QueryResult<i64> {
    let last: Option<i64> = journal::table.select(max(journal::sequence)).first(connection)?;
    Ok(last.unwrap_or(0))
}
