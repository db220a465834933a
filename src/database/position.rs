//! Positions in the journal that identify their entry.
//!
//! A number alone is not enough: after a restore, or a failover that lost the newest entries, the same numbers are
//! assigned to other entries. A follower that remembered only a number would skip those entries without notice, for
//! ever. So every follower (clients by their sync tokens, the search index, the purges of CDN caches, each node's
//! own memory) remembers the number with a hash of the entry, and starts anew if that entry is not in the journal
//! any more (docs/decisions/0023).

use std::fmt;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use super::Db;
use super::schema::journal;

/// The entry up to which the journal has been followed. The default, with the number 0, precedes all entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Number of the entry.
    #[serde(rename = "s")]
    pub sequence: i64,
    /// Hash of the entry's time, item and version. In another history the same number has another hash.
    #[serde(rename = "e")]
    entry: u64,
}

/// The columns of an entry that determine its position: number, time, item, version.
pub type PositionRow = (i64, i64, String, i64);

/// The columns of [`PositionRow`].
pub const COLUMNS: (journal::sequence, journal::at, journal::item_id, journal::version) =
    (journal::sequence, journal::at, journal::item_id, journal::version);

impl Position {
    /// Creates the position of an entry.
    pub fn of(sequence: i64, at: i64, item_id: &str, version: i64) -> Self {
        Self { sequence, entry: XxHash3_64::oneshot(format!("{at} {item_id} {version}").as_bytes()) }
    }

    /// Returns the position of the newest entry.
    ///
    /// # Errors
    ///
    /// Fails if the query fails.
    pub fn find_newest(connection: &mut Db) -> QueryResult<Self> {
        let row: Option<PositionRow> =
            journal::table.order(journal::sequence.desc()).select(COLUMNS).first(connection).optional()?;
        Ok(row.map_or(Self::default(), Self::from))
    }

    /// Returns the position of the entry with this number, if it exists; the beginning (0) always does.
    ///
    /// # Errors
    ///
    /// Fails if the query fails.
    pub fn find(connection: &mut Db, sequence: i64) -> QueryResult<Option<Self>> {
        if sequence == 0 {
            return Ok(Some(Self::default()));
        }
        let row: Option<PositionRow> = journal::table.find(sequence).select(COLUMNS).first(connection).optional()?;
        Ok(row.map(Self::from))
    }

    /// Returns whether this entry is in the journal. If not, the follower belongs to another history.
    ///
    /// # Errors
    ///
    /// Fails if the query fails.
    pub fn holds(self, connection: &mut Db) -> QueryResult<bool> {
        Ok(Self::find(connection, self.sequence)? == Some(self))
    }

    /// Parses the text that [`fmt::Display`] writes.
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
