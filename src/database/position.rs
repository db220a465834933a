//! A place in the journal that is told apart from the same place in another history.
//!
//! Numbers of entries are given again after a restore, or after a failover that lost the newest of them. So whoever
//! remembers how far the journal was followed (a client's token, the search index, what caches were told, this process
//! itself) remembers which entry that was, and looks whether it is there still.

use std::fmt;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use super::Db;
use super::schema::journal;

/// An entry of the journal, up to which somebody followed it; the beginning, before any entry, is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Its number.
    #[serde(rename = "s")]
    pub sequence: i64,
    /// What it says, as a number: another history has another entry here.
    #[serde(rename = "e")]
    entry: u64,
}

/// What a position is made of.
pub type PositionRow = (i64, i64, String, i64);

/// The columns of [`PositionRow`].
pub const COLUMNS: (journal::sequence, journal::at, journal::item_id, journal::version) =
    (journal::sequence, journal::at, journal::item_id, journal::version);

impl Position {
    /// Of this entry.
    pub fn of(sequence: i64, at: i64, item_id: &str, version: i64) -> Self {
        Self { sequence, entry: XxHash3_64::oneshot(format!("{at} {item_id} {version}").as_bytes()) }
    }

    /// The newest entry.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn newest(connection: &mut Db) -> QueryResult<Self> {
        let row: Option<PositionRow> =
            journal::table.order(journal::sequence.desc()).select(COLUMNS).first(connection).optional()?;
        Ok(row.map_or(Self::default(), Self::from))
    }

    /// The entry of this number, if there is one; the beginning is there always.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn at(connection: &mut Db, sequence: i64) -> QueryResult<Option<Self>> {
        if sequence == 0 {
            return Ok(Some(Self::default()));
        }
        let row: Option<PositionRow> = journal::table.find(sequence).select(COLUMNS).first(connection).optional()?;
        Ok(row.map(Self::from))
    }

    /// Whether this entry is in the journal.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn holds(self, connection: &mut Db) -> QueryResult<bool> {
        Ok(Self::at(connection, self.sequence)? == Some(self))
    }

    /// Reads what [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (sequence, entry) = text.split_once(':')?;
        Some(Self { sequence: sequence.parse().ok()?, entry: u64::from_str_radix(entry, 16).ok()? })
    }
}

impl From<PositionRow> for Position {
    fn from((sequence, at, item_id, version): PositionRow) -> Self {
        Self::of(sequence, at, &item_id, version)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{:016x}", self.sequence, self.entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_entry_of_the_same_number_is_another_position() {
        let position = Position::of(7, 1, "a", 2);
        assert_eq!(Position::parse(&position.to_string()), Some(position));
        assert!(
            [(7, 2, "a", 2), (7, 1, "b", 2), (7, 1, "a", 3)]
                .iter()
                .all(|(s, at, id, v)| Position::of(*s, *at, id, *v) != position)
        );
        assert_eq!(["", "7", "7:x", "x:1"].map(Position::parse), [None; 4]);
    }
}
