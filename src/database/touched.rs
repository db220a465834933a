//! Which items the journal says were touched.

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::result::QueryResult;

use super::Db;
use super::ledger::Ledger;
use super::position::Position;
use super::schema::journal;

/// Of more entries than this it is only said that anything may have changed.
const MOST: i64 = 2_000;

/// How far this reader has followed the journal; none before the first look.
#[derive(Debug, Default, Clone, Copy)]
pub struct Followed(Option<Position>);

/// What was touched since the last look.
#[derive(Debug)]
pub enum Touched {
    /// These items, by kind and id.
    Items(Vec<(String, String)>),
    /// So many that they are not named, or nobody knows which.
    Anything,
}

impl Touched {
    /// Tells the ledger.
    pub fn note(&self, ledger: &Ledger) {
        match self {
            Touched::Items(items) if items.is_empty() => {}
            Touched::Items(items) => ledger.note(items.iter().map(|(kind, id)| (kind.as_str(), id.as_str()))),
            Touched::Anything => ledger.note_everything(),
        }
    }
}

impl Followed {
    /// Looks at what came since, and remembers how far it looked.
    pub fn look(self, connection: &mut Db) -> QueryResult<(Self, Touched)> {
        let Some(seen) = self.0 else { return Self::from_here(connection) };
        // From the last one that is known: where it is missing or another one, this is another history.
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

    /// Where the journal is now; what came before may have been anything.
    fn from_here(connection: &mut Db) -> QueryResult<(Self, Touched)> {
        Ok((Self(Some(Position::newest(connection)?)), Touched::Anything))
    }
}

/// The number of the newest entry of the journal; 0 while there is none.
pub fn head(connection: &mut Db) -> QueryResult<i64> {
    let last: Option<i64> = journal::table.select(max(journal::sequence)).first(connection)?;
    Ok(last.unwrap_or(0))
}
