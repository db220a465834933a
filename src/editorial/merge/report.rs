//! What a merge moved, and what its undoing brought back.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::field_references::ReferenceChange;
use super::record::{FieldReferences, MergeRow};
use crate::database::schema::items;
use crate::database::{Db, in_list};
use crate::items::Item;
use crate::items::summary::ItemSummary;
use crate::problem::Problem;

/// What became of the references in one field of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceOutcome {
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

impl ReferenceOutcome {
    /// Returns the name of the outcome in responses.
    pub fn word(self) -> &'static str {
        match self {
            ReferenceOutcome::Moved => "moved",
            ReferenceOutcome::Joined => "joined",
            ReferenceOutcome::Removed => "removed",
            ReferenceOutcome::Restored => "restored",
            ReferenceOutcome::Left => "left",
        }
    }
}

impl From<&ReferenceChange> for ReferenceOutcome {
    fn from(change: &ReferenceChange) -> Self {
        match change {
            ReferenceChange::Moved { .. } => ReferenceOutcome::Moved,
            ReferenceChange::Joined { .. } => ReferenceOutcome::Joined,
            ReferenceChange::Removed { .. } => ReferenceOutcome::Removed,
        }
    }
}

/// The references in one field of an item.
#[derive(Debug)]
pub struct ReferenceReport {
    pub item: ItemSummary,
    /// Name of the field.
    pub relation: String,
    pub in_working_draft: bool,
    pub outcome: ReferenceOutcome,
}

/// The references and addresses that a merge moved to an item, or that returned to it.
#[derive(Debug)]
pub struct MergeReport {
    /// The item that stays, or the one that is taken out again.
    pub item: Item,
    pub references: Vec<ReferenceReport>,
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
        Self { item, references: Vec::new(), addresses, external_ids, left, replayed: false }
    }

    /// Adds what merges moved to the item.
    ///
    /// # Errors
    ///
    /// Fails if a record cannot be read or a query fails.
    pub fn with_merges(mut self, connection: &mut Db, merges: &[MergeRow]) -> Result<Self, Problem> {
        let mut references = Vec::new();
        for merge in merges {
            let record = merge.record()?;
            self.addresses.extend(record.addresses);
            self.external_ids.extend(record.sources.into_iter().map(|source| source.source));
            references.extend(record.references);
        }
        self.with_references(connection, references.iter().map(|field| (field, ReferenceOutcome::from(&field.change))))
    }

    /// Adds references with what became of them.
    ///
    /// # Errors
    ///
    /// Fails if the query fails.
    pub fn with_references<'a>(
        mut self,
        connection: &mut Db,
        references: impl Iterator<Item = (&'a FieldReferences, ReferenceOutcome)> + Clone,
    ) -> Result<Self, Problem> {
        let summaries = summaries(connection, references.clone().map(|(field, _)| field.item_id.as_str()).collect())?;
        self.references.extend(references.filter_map(|(field, outcome)| {
            let item = summaries.get(&field.item_id)?.clone();
            let (relation, in_working_draft) = (field.relation.clone(), field.in_working_draft);
            Some(ReferenceReport { item, relation, in_working_draft, outcome })
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
