//! The tail of the journal: the items that were changed since the last look.
//!
//! Every node follows the journal in this way: the writer before each commit of content, and a background job
//! for the writes of other nodes. The numbers of entries have neither gaps nor late arrivals, since all writers
//! share one lock (see [`Db::begin_write`]); so the largest number that was seen covers everything before it.

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::result::QueryResult;

use super::Db;
use super::ledger::Ledger;
use super::position::Position;
use super::schema::journal;

/// Number of entries above which the changed items are not listed.
const MOST: i64 = 2_000;

/// The position up to which the journal has been followed; none before the first look.
#[derive(Debug, Default, Clone, Copy)]
pub struct Followed(Option<Position>);

/// The changes since the last look.
#[derive(Debug)]
pub enum Touched {
    /// Changes of these items, by content type and id.
    Items(Vec<(String, String)>),
    /// Changes of unknown extent: too many to list, or not known.
    Anything,
}

impl Touched {
    /// Records the changes in the invalidation clock.
    pub fn note(&self, ledger: &Ledger) {
        match self {
            Touched::Items(items) if items.is_empty() => {}
            Touched::Items(items) => ledger.note(items.iter().map(|(kind, id)| (kind.as_str(), id.as_str()))),
            Touched::Anything => ledger.note_everything(),
        }
    }
}

impl Followed {
    /// Reads the entries since the last look. Returns the new position with the changes; the caller adopts it only
    /// once it has processed the changes, so that none is skipped after a failure.
    ///
    /// # Errors
    ///
    /// Fails if the query fails.
    pub fn look(self, connection: &mut Db) -> QueryResult<(Self, Touched)> {
        let Some(seen) = self.0 else { return Self::from_here(connection) };
        // The query includes the last known entry (`ge`), although it brings nothing new: if it is missing or
        // differs, the database was restored or failed over, and its entries continue another history. Hence the
        // limit of one entry more than can be listed, plus one that reveals an excess.
        let entries: Vec<(i64, i64, String, i64, String)> = journal::table
            .filter(journal::sequence.ge(seen.sequence))
            .order(journal::sequence)
            .select((journal::sequence, journal::at, journal::item_id, journal::version, journal::kind))
            .limit(MOST + 2)
            .load(connection)?;
        let position = |(sequence, at, id, version, _): &(i64, i64, String, i64, String)| {
            Position::of(*sequence, *at, id, *version)
        };
        let known = seen == Position::default() || entries.first().map(position) == Some(seen);
        if !known || entries.len() as i64 > MOST + 1 {
            return Self::from_here(connection);
        }
        let newest = entries.last().map_or(seen, position);
        let new = entries.into_iter().filter(|(sequence, ..)| *sequence > seen.sequence);
        Ok((Self(Some(newest)), Touched::Items(new.map(|(_, _, id, _, kind)| (kind, id)).collect())))
    }

    /// Returns the current end of the journal, with changes of unknown extent.
    fn from_here(connection: &mut Db) -> QueryResult<(Self, Touched)> {
        Ok((Self(Some(Position::newest(connection)?)), Touched::Anything))
    }
}

/// Returns the number of the newest entry of the journal; 0 if it is empty.
///
/// # Errors
///
/// Fails if the query fails.
pub fn head(connection: &mut Db) -> QueryResult<i64> {
    let last: Option<i64> = journal::table.select(max(journal::sequence)).first(connection)?;
    Ok(last.unwrap_or(0))
}
