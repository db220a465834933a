//! Which items the journal says were touched.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::Db;
use super::ledger::Ledger;
use super::schema::{journal, journal_head};

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
        let head: i64 = journal_head::table.find(1).select(journal_head::sequence).first(connection)?;
        let Some(seen) = self.0 else { return Ok((Self(Some(head)), Touched::Anything)) };
        if head == seen {
            return Ok((self, Touched::Items(Vec::new())));
        }
        if head - seen > MOST || head < seen {
            return Ok((Self(Some(head)), Touched::Anything));
        }
        let items = journal::table
            .filter(journal::sequence.gt(seen).and(journal::sequence.le(head)))
            .select((journal::kind, journal::item_id))
            .load(connection)?;
        Ok((Self(Some(head)), Touched::Items(items)))
    }
}
