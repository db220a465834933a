//! Merges: one item of a kind takes the place of others that stand for the same. What refers to them refers to it, their
//! addresses redirect to it, their external ids are its own. They go to the trash with their texts and their history, and
//! come back when the merge is undone (`docs/decisions/0034-one-item-for-several.md`).
//!
//! A merge is one write transaction, so that nothing ever refers to an item that is merged, and no reader sees a half of
//! it.

mod addresses;
mod field_references;
pub mod record;
mod referrers;
mod refusals;
pub mod report;
mod undo;

use std::sync::Arc;

use self::field_references::Retarget;
use self::record::{FieldReferences, MergeRecord, MergeRow};
use self::refusals::MergedItem;
use self::report::MergeReport;
use crate::content_types::ContentType;
use crate::database::{Db, new_id};
use crate::editorial::editor::{Editor, WriteRequest, find, find_version};
use crate::editorial::idempotency::IdempotencyRecord;
use crate::editorial::lifecycle;
use crate::editorial::write;
use crate::editorial::write_context::WriteContext;
use crate::items::sources::{self, VersionChange};
use crate::items::{ExpectedVersions, Item};
use crate::journal::Author;
use crate::problem::Problem;

/// Maximum number of items that are merged into another one by one request.
pub const MOST_MERGED: usize = 20;
/// Maximum number of items that refer to what one request merges.
pub const MOST_REFERRERS: usize = 500;

/// The action of the journal for all items that a merge changes.
const MERGE: &str = "merge";

/// A request to merge items into another one.
#[derive(Clone)]
struct MergeRequest {
    request: WriteRequest,
    collections: Arc<[String]>,
    /// Id or slug of the item that stays.
    key: String,
    version: ExpectedVersions,
    /// Ids or slugs of the items that are merged into it.
    from: Vec<String>,
}

impl Editor {
    /// Merges items into one that is at a version that `version` accepts. With an idempotency key that did so before,
    /// returns what that merge did.
    ///
    /// # Errors
    ///
    /// Fails with `NotFound` if the item does not exist, with `PreconditionFailed` if it has another version, with
    /// `Invalid` if `from` does not name other items of its kind, with `Forbidden` if the author may not change an item
    /// that refers to one of them, with `Conflict` if the state of one of them does not allow it or more than 500 items
    /// refer to them, and if the database fails.
    pub async fn merge(
        &self,
        id_or_slug: &str,
        version: ExpectedVersions,
        from: Vec<String>,
        key: Option<IdempotencyRecord>,
    ) -> Result<MergeReport, Problem> {
        let merge = MergeRequest {
            request: self.request.clone(),
            collections: self.collections.clone().into(),
            key: id_or_slug.to_owned(),
            version,
            from,
        };
        self.database.write_content(move |c: &mut Db| merge.run_once(c, key)).await
    }
}

impl MergeRequest {
    fn run_once(&self, connection: &mut Db, key: Option<IdempotencyRecord>) -> Result<MergeReport, Problem> {
        if let Some(key) = &key
            && let Some(batch) = key.made_before(connection)?
        {
            let merges = record::of_batch(connection, &batch)?;
            // Meanwhile another item can have the slug by which the target was named.
            let key = merges.first().map_or(&self.key, |merge| &merge.target_id);
            let target = find(connection, self.request.content_type, key)?;
            return MergeReport { replayed: true, ..MergeReport::new(target) }.with_merges(connection, &merges);
        }
        let (batch, report) = self.run(connection)?;
        if let Some(key) = key {
            // What is stored under the key is the merge and not an item: the report is made of its rows again.
            key.keep(connection, &batch)?;
        }
        Ok(report)
    }

    fn run(&self, connection: &mut Db) -> Result<(String, MergeReport), Problem> {
        let content_type = self.request.content_type;
        let target = find_version(connection, content_type, &self.key, &self.version)?;
        let all = refusals::check(connection, self.request.context(), (&target, &self.from), &self.collections)?;
        let author = author(&self.request.author, &target, &all);
        let context = WriteContext { author: &author, ..self.request.context() };
        let batch = author.batch.clone().unwrap_or_default();
        let mut merges = Vec::with_capacity(all.len());
        for MergedItem { item, .. } in all {
            merges.push(merge_item(connection, context, item, &target.id)?);
        }
        let target = renew(connection, context, MERGE, &target.id)?;
        let report = MergeReport::new(target).with_merges(connection, &merges)?;
        Ok((batch, report))
    }
}

/// Returns the author of all writes of a merge, which the journal records as one batch.
fn author(author: &Author, target: &Item, all: &[MergedItem]) -> Author {
    let mut names: Vec<String> = all.iter().take(3).map(|merged| format!("\"{}\"", merged.item.slug)).collect();
    if all.len() > names.len() {
        names.push(format!("{} more", all.len() - names.len()));
    }
    let reason = format!("{} merged into \"{}\"", names.join(", "), target.slug);
    Author { reason: author.reason.clone().or(Some(reason)), batch: Some(new_id()), ..author.clone() }
}

/// Merges one item into another one.
fn merge_item(
    connection: &mut Db,
    context: WriteContext<'_>,
    mut item: Item,
    target_id: &str,
) -> Result<MergeRow, Problem> {
    let mut record = MergeRecord { version: item.latest_version(), ..MergeRecord::default() };
    record.references = move_references(connection, context, &item, target_id)?;
    let target = lifecycle::load(connection, target_id)?;
    record.sources = addresses::move_sources(connection, &item, &target)?;
    addresses::move_slugs(connection, &mut item, &target, &mut record)?;
    item.trashed_at = record::next_time(connection, target_id)?;
    let content = item.content();
    let item = write::save(connection, context, MERGE, item, &content)?;
    let merge = MergeRow {
        item_id: item.id,
        target_id: target.id,
        batch: context.author.batch.clone().unwrap_or_default(),
        merged_at: item.trashed_at,
        record: serde_json::to_string(&record).map_err(|error| Problem::internal(&error))?,
    };
    merge.insert(connection)?;
    Ok(merge)
}

/// Lets everything that refers to an item refer to another one.
fn move_references(
    connection: &mut Db,
    context: WriteContext<'_>,
    item: &Item,
    target_id: &str,
) -> Result<Vec<FieldReferences>, Problem> {
    let (content, mut references, mut renewed) = (item.content(), Vec::new(), Vec::<VersionChange>::new());
    for referrer in referrers::load_referrers(connection, &item.id)? {
        let item_id = referrer.id.clone();
        let own = (item_id == target_id).then_some(&content);
        let retarget = Retarget { kind: &item.kind, from: &item.id, to: target_id, own };
        let written = referrers::rewrite(
            connection,
            context,
            MERGE,
            referrer,
            |_, content_type: &'static ContentType, text, draft| {
                let changes = retarget.apply(content_type, text);
                references.extend(changes.into_iter().map(|(relation, change)| {
                    let relation = relation.to_owned();
                    FieldReferences { item_id: item_id.clone(), relation, in_working_draft: draft, change }
                }));
                Ok(())
            },
        )?;
        renewed.extend(written);
    }
    sources::follow(connection, &renewed)?;
    Ok(references)
}

/// Gives an item its next version, because what leads to it has changed.
fn renew(connection: &mut Db, context: WriteContext<'_>, action: &str, id: &str) -> Result<Item, Problem> {
    let item = lifecycle::load(connection, id)?;
    let from = item.latest_version();
    let item = lifecycle::bump_version(connection, context, item, action)?;
    let renewed = VersionChange { item_id: item.id.clone(), from, to: item.latest_version() };
    sources::follow(connection, &[renewed])?;
    Ok(item)
}
