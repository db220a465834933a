//! Which items the journal says were touched.

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::result::QueryResult;

use super::Db;
use super::ledger::Ledger;
use super::schema::journal;

/// Of more entries than this it is only said that anything may have changed.
const MOST: i64 = 2_000;

/// How far this reader has followed the journal; none before the first look.
#[derive(Debug, Default, Clone, Copy)]
pub struct Followed(Option<i64>);

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
    /// The number of the last entry that was seen.
    pub fn sequence(&self) -> i64 {
        self.0.unwrap_or(0)
    }

    /// Looks at what came since, and remembers how far it looked.
    pub fn look(self, connection: &mut Db) -> QueryResult<(Self, Touched)> {
        let Some(seen) = self.0 else { return Self::from_here(connection) };
        // From the last one that is known: where it is missing, this is another database.
        let entries: Vec<(i64, String, String)> = journal::table
            .filter(journal::sequence.ge(seen))
            .order(journal::sequence)
            .select((journal::sequence, journal::kind, journal::item_id))
            .limit(MOST + 2)
            .load(connection)?;
        let known = seen == 0 || entries.first().is_some_and(|(sequence, ..)| *sequence == seen);
        if !known || entries.len() as i64 > MOST + 1 {
            return Self::from_here(connection);
        }
        let head = entries.last().map_or(seen, |(sequence, ..)| *sequence);
        let new = entries.into_iter().filter(|(sequence, ..)| *sequence > seen);
        Ok((Self(Some(head)), Touched::Items(new.map(|(_, kind, id)| (kind, id)).collect())))
    }

    /// Where the journal is now; what came before may have been anything.
    fn from_here(connection: &mut Db) -> QueryResult<(Self, Touched)> {
        Ok((Self(Some(head(connection)?)), Touched::Anything))
    }
}

/// The number of the newest entry of the journal; 0 while there is none.
pub fn head(connection: &mut Db) -> QueryResult<i64> {
    let last: Option<i64> = journal::table.select(max(journal::sequence)).first(connection)?;
    Ok(last.unwrap_or(0))
}
