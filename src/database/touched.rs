//! Which items the journal says were touched.

use diesel::dsl::max;
use diesel::prelude::*;
use diesel::result::QueryResult;

use super::Db;
use super::ledger::Ledger;
use super::position::Position;
use super::schema::journal;

/// Entries that are read at a time. Of more than these, or of so many times as the caller says, it is only said that
/// anything may have changed.
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

/// Kind and id of an item.
type Named = (String, String);

impl Followed {
    /// Looks at what came since, and remembers how far it looked.
    ///
    /// # Errors
    /// Fails if the database does not answer.
    pub fn look(self, connection: &mut Db) -> QueryResult<(Self, Touched)> {
        self.look_far(connection, 1)
    }

    /// Looks at what came since, if that is at most so many times 2,000 entries.
    ///
    /// # Errors
    /// Fails if the database does not answer.
    pub fn look_far(self, connection: &mut Db, pages: usize) -> QueryResult<(Self, Touched)> {
        let Some(mut seen) = self.0 else { return Self::from_here(connection) };
        let mut touched = Vec::new();
        for _ in 0..pages {
            let Some((newest, page, is_last)) = page_after(connection, seen)? else { break };
            seen = newest;
            touched.extend(page);
            if is_last {
                return Ok((Self(Some(seen)), Touched::Items(touched)));
            }
        }
        Self::from_here(connection)
    }

    /// Where the journal is now; what came before may have been anything.
    fn from_here(connection: &mut Db) -> QueryResult<(Self, Touched)> {
        Ok((Self(Some(Position::newest(connection)?)), Touched::Anything))
    }
}

/// What the entries after this one touched, up to which entry, and whether there are no more; none where this entry
/// is missing or another one, since this is another history then.
fn page_after(connection: &mut Db, seen: Position) -> QueryResult<Option<(Position, Vec<Named>, bool)>> {
    let entries: Vec<(i64, i64, String, i64, String)> = journal::table
        .filter(journal::sequence.ge(seen.sequence))
        .order(journal::sequence)
        .select((journal::sequence, journal::at, journal::item_id, journal::version, journal::kind))
        .limit(MOST + 1)
        .load(connection)?;
    let position =
        |(sequence, at, id, version, _): &(i64, i64, String, i64, String)| Position::of(*sequence, *at, id, *version);
    if seen != Position::default() && entries.first().map(position) != Some(seen) {
        return Ok(None);
    }
    let (newest, is_last) = (entries.last().map_or(seen, position), entries.len() as i64 <= MOST);
    let new = entries.into_iter().filter(|(sequence, ..)| *sequence > seen.sequence);
    Ok(Some((newest, new.map(|(_, _, id, _, kind)| (kind, id)).collect(), is_last)))
}

/// The number of the newest entry of the journal; 0 while there is none.
pub fn head(connection: &mut Db) -> QueryResult<i64> {
    let last: Option<i64> = journal::table.select(max(journal::sequence)).first(connection)?;
    Ok(last.unwrap_or(0))
}
