//! The record of a merge: what moved from the merged item, so that the merge can be undone.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde::{Deserialize, Serialize};

use super::field_references::ReferenceChange;
use crate::database::schema::merges;
use crate::database::{Db, now};
use crate::items::Item;
use crate::problem::{Problem, ProblemKind};

/// A row of `merges`: an item that was merged into another one.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = merges)]
pub struct MergeRow {
    /// Id of the merged item.
    pub item_id: String,
    /// Id of the item into which it was merged.
    pub target_id: String,
    /// Id of the batch to which all writes of the merge belong.
    pub batch: String,
    /// Time of the merge (µs).
    pub merged_at: i64,
    /// A [`MergeRecord`] as JSON.
    pub record: String,
}

/// What moved from a merged item.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct MergeRecord {
    /// Version that the item had before.
    pub version: i64,
    /// Slug that the item had.
    pub slug: String,
    /// Slugs that it had in other locales.
    pub locale_slugs: BTreeMap<String, String>,
    /// Slugs under which it was public, and ids, that led to it.
    pub addresses: Vec<String>,
    /// Slugs that it had, and under which it was never public. They lead nowhere now.
    #[serde(default)]
    pub unseen: Vec<String>,
    /// Its external ids.
    pub sources: Vec<MovedSource>,
    /// The references to it. Merges that were recorded before have them as `ties`.
    #[serde(alias = "ties")]
    pub references: Vec<FieldReferences>,
}

/// An external id of a merged item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MovedSource {
    /// The external id, `system:id`.
    pub source: String,
    /// Version that its last write made of the item.
    pub version: i64,
}

/// The references in one field of an item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FieldReferences {
    /// Id of the item that refers.
    pub item_id: String,
    /// Name of the field.
    pub relation: String,
    /// Whether the references are in its working draft.
    pub in_working_draft: bool,
    #[serde(flatten)]
    pub change: ReferenceChange,
}

impl FieldReferences {
    /// Returns whether the references of another merge are in the same field.
    pub fn has_field_of(&self, other: &FieldReferences) -> bool {
        (&self.item_id, &self.relation, self.in_working_draft)
            == (&other.item_id, &other.relation, other.in_working_draft)
    }
}

impl MergeRow {
    /// Returns the record.
    ///
    /// # Errors
    ///
    /// Fails with `Internal` if it was written by a program that this one does not understand.
    pub fn record(&self) -> Result<MergeRecord, Problem> {
        serde_json::from_str(&self.record).map_err(|error| Problem::internal(&error))
    }

    /// Stores the row.
    ///
    /// # Errors
    ///
    /// Fails if the statement fails.
    pub fn insert(&self, connection: &mut Db) -> QueryResult<()> {
        diesel::insert_into(merges::table).values(self).execute(connection).map(drop)
    }
}

/// Returns the merge of an item into another one, if it was merged.
///
/// # Errors
///
/// Fails if the query fails.
pub fn find(connection: &mut Db, item_id: &str) -> QueryResult<Option<MergeRow>> {
    merges::table.find(item_id).select(MergeRow::as_select()).first(connection).optional()
}

/// Returns the merges of one request.
///
/// # Errors
///
/// Fails if the query fails.
pub fn of_batch(connection: &mut Db, batch: &str) -> QueryResult<Vec<MergeRow>> {
    merges::table
        .filter(merges::batch.eq(batch))
        .order((merges::merged_at, merges::item_id))
        .select(MergeRow::as_select())
        .load(connection)
}

/// Returns the time of a merge into an item that is made now: later than those before, whatever the clock says.
///
/// # Errors
///
/// Fails if the query fails.
pub fn next_time(connection: &mut Db, target_id: &str) -> QueryResult<i64> {
    let last: Option<i64> = merges::table
        .filter(merges::target_id.eq(target_id))
        .select(diesel::dsl::max(merges::merged_at))
        .first(connection)?;
    Ok(now().max(last.map_or(0, |last| last + 1)))
}

/// Returns the merges into an item after another one.
///
/// # Errors
///
/// Fails if the query fails.
pub fn later_than(connection: &mut Db, merge: &MergeRow) -> QueryResult<Vec<MergeRow>> {
    merges::table
        .filter(merges::target_id.eq(&merge.target_id).and(merges::merged_at.gt(merge.merged_at)))
        .order((merges::merged_at.desc(), merges::item_id))
        .select(MergeRow::as_select())
        .load(connection)
}

/// Deletes the merge of an item.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn forget(connection: &mut Db, item_id: &str) -> QueryResult<()> {
    diesel::delete(merges::table.find(item_id)).execute(connection).map(drop)
}

/// Refuses to take an item out of the trash that is there because it was merged: what moved from it would stay away.
///
/// # Errors
///
/// Fails with `Conflict` if the item was merged, and if the query fails.
pub fn require_not_merged(connection: &mut Db, item: &Item) -> Result<(), Problem> {
    match find(connection, &item.id)? {
        None => Ok(()),
        Some(merge) => {
            let detail = format!("the item was merged into {}; undo that with unmerge", merge.target_id);
            Err(Problem::new(ProblemKind::Conflict, detail))
        }
    }
}
