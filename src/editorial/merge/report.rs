//! What a merge moved, and what its undoing brought back.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::record::{MergeRow, Tie};
use super::ties::TieChange;
use crate::database::schema::items;
use crate::database::{Db, in_list};
use crate::items::Item;
use crate::items::summary::ItemSummary;
use crate::problem::Problem;

/// What became of the references in one field of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TieOutcome {
    /// They lead to the other item.
    Moved,
    /// The field named both items, and names one now.
    Joined,
    /// The item would have referred to itself.
    Removed,
    /// They lead to the item again.
    Restored,
    /// They were changed since, and stay as they are.
    Left,
}

impl TieOutcome {
    /// Returns the name of the outcome in responses.
    pub fn word(self) -> &'static str {
        match self {
            TieOutcome::Moved => "moved",
            TieOutcome::Joined => "joined",
            TieOutcome::Removed => "removed",
            TieOutcome::Restored => "restored",
            TieOutcome::Left => "left",
        }
    }
}

impl From<&TieChange> for TieOutcome {
    fn from(change: &TieChange) -> Self {
        match change {
            TieChange::Moved { .. } => TieOutcome::Moved,
            TieChange::Joined { .. } => TieOutcome::Joined,
            TieChange::Removed { .. } => TieOutcome::Removed,
        }
    }
}

/// The references in one field of an item.
#[derive(Debug)]
pub struct ReportedTie {
    pub item: ItemSummary,
    /// Name of the field.
    pub relation: String,
    pub in_working_draft: bool,
    pub outcome: TieOutcome,
}

/// The references and addresses that a merge moved to an item, or that returned to it.
#[derive(Debug)]
pub struct MergeReport {
    /// The item that stays, or the one that is taken out again.
    pub item: Item,
    pub ties: Vec<ReportedTie>,
    /// Slugs and ids that lead to the item now.
    pub addresses: Vec<String>,
    /// External ids that the item has now, `system:id`.
    pub external_ids: Vec<String>,
    /// Addresses and external ids that do not return.
    pub left: Vec<String>,
    /// Whether an earlier request with the same idempotency key did this.
    pub replayed: bool,
}

impl MergeReport {
    /// Creates the report of an item without anything that moved.
    pub fn new(item: Item) -> Self {
        let (addresses, external_ids, left) = (Vec::new(), Vec::new(), Vec::new());
        Self { item, ties: Vec::new(), addresses, external_ids, left, replayed: false }
    }

    /// Adds what merges moved to the item.
    ///
    /// # Errors
    ///
    /// Fails if a record cannot be read or a query fails.
    pub fn with(mut self, connection: &mut Db, merges: &[MergeRow]) -> Result<Self, Problem> {
        let mut ties = Vec::new();
        for merge in merges {
            let record = merge.record()?;
            self.addresses.extend(record.addresses);
            self.external_ids.extend(record.sources.into_iter().map(|source| source.source));
            ties.extend(record.ties);
        }
        self.with_ties(connection, ties.iter().map(|tie| (tie, TieOutcome::from(&tie.change))))
    }

    /// Adds references with what became of them.
    ///
    /// # Errors
    ///
    /// Fails if the query fails.
    pub fn with_ties<'a>(
        mut self,
        connection: &mut Db,
        ties: impl Iterator<Item = (&'a Tie, TieOutcome)> + Clone,
    ) -> Result<Self, Problem> {
        let summaries = summaries(connection, ties.clone().map(|(tie, _)| tie.item_id.as_str()).collect())?;
        self.ties.extend(ties.filter_map(|(tie, outcome)| {
            let item = summaries.get(&tie.item_id)?.clone();
            let (relation, in_working_draft) = (tie.relation.clone(), tie.in_working_draft);
            Some(ReportedTie { item, relation, in_working_draft, outcome })
        }));
        Ok(self)
    }
}

/// Returns the items with these ids that exist.
fn summaries(connection: &mut Db, ids: BTreeSet<&str>) -> QueryResult<HashMap<String, ItemSummary>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = items::table.filter(in_list(connection.dialect(), items::id, &ids));
    let rows: Vec<ItemSummary> = rows.select(ItemSummary::as_select()).load(connection)?;
    Ok(rows.into_iter().map(|item| (item.id.clone(), item)).collect())
}
