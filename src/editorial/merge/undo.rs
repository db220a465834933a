//! The undoing of a merge: the merged item comes back from the trash, and what moved from it returns, unless it was changed
//! since.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::record::{self, FieldReferences, MergeRecord, MergeRow};
use super::report::{MergeReport, ReferenceOutcome};
use super::{addresses, referrers, renew};
use crate::auth::permissions::Action;
use crate::content_types::ContentType;
use crate::database::{Db, new_id};
use crate::editorial::editor::{Editor, WriteRequest, find_version};
use crate::editorial::lifecycle;
use crate::editorial::write;
use crate::editorial::write_context::WriteContext;
use crate::items::sources::{self, VersionChange};
use crate::items::{ExpectedVersions, Item};
use crate::journal::Author;
use crate::problem::{Problem, ProblemKind};

/// The action of the journal for all items that the undoing of a merge changes.
const UNMERGE: &str = "unmerge";

impl Editor {
    /// Undoes the merge of an item that is at a version that `version` accepts.
    ///
    /// # Errors
    ///
    /// Fails with `NotFound` if the item does not exist any more, with `PreconditionFailed` if it has another version, with
    /// `Conflict` if it is not merged, or the item into which it was merged is merged itself, with `Forbidden` if the
    /// author may not change an item to which a reference returns, and if the database fails.
    pub async fn unmerge(&self, id_or_slug: &str, version: ExpectedVersions) -> Result<MergeReport, Problem> {
        let (request, collections) = (self.request.clone(), self.collections.clone());
        let key = id_or_slug.to_owned();
        let undo = move |c: &mut Db| {
            let item = find_version(c, request.content_type, &key, &version)?;
            run(c, &request, item, &collections)
        };
        self.database.write_content(undo).await
    }
}

fn run(
    connection: &mut Db,
    request: &WriteRequest,
    item: Item,
    collections: &[String],
) -> Result<MergeReport, Problem> {
    let Some(merge) = record::find(connection, &item.id)? else {
        return Err(Problem::new(ProblemKind::Conflict, "the item is not merged into another one"));
    };
    let (record, target) = (merge.record()?, lifecycle::load(connection, &merge.target_id)?);
    let context = request.context();
    check(connection, context, (&item, &target), collections)?;
    require_last(connection, &merge, &record)?;
    let ids: BTreeSet<String> = record.references.iter().map(|field| field.item_id.clone()).collect();
    let referring = referrers::by_ids(connection, &ids)?;
    for referrer in &referring {
        referrers::authorize(connection, context, referrer, collections)?;
    }
    let reason = format!("\"{}\" taken out of \"{}\" again", record.slug, target.slug);
    let author = Author {
        reason: request.author.reason.clone().or(Some(reason)),
        batch: Some(new_id()),
        ..request.author.clone()
    };
    undo(connection, WriteContext { author: &author, ..context }, (item, target), (&merge, &record, referring))
}

/// Refuses to undo a merge that the author or the state of the items does not allow.
fn check(
    connection: &mut Db,
    context: WriteContext<'_>,
    (item, target): (&Item, &Item),
    collections: &[String],
) -> Result<(), Problem> {
    context.authorize(connection, item, Action::Restore)?;
    referrers::authorize(connection, context, item, collections)?;
    referrers::authorize(connection, context, target, collections)?;
    if let Some(merge) = record::find(connection, &target.id)? {
        let detail = format!(
            "\"{}\", into which the item was merged, is merged into {} itself; undo that first",
            target.slug, merge.target_id
        );
        return Err(Problem::new(ProblemKind::Conflict, detail));
    }
    Ok(())
}

/// Refuses to undo a merge before a later one into the same item that changed the same fields: which of the references that
/// lead to the item now stand for which of the merged ones is known only in that order.
fn require_last(connection: &mut Db, merge: &MergeRow, record: &MergeRecord) -> Result<(), Problem> {
    for later in record::later_than(connection, merge)? {
        if later.record()?.references.iter().any(|field| record.references.iter().any(|own| own.has_field_of(field))) {
            let detail = format!("{} was merged later and changed the same references; undo that first", later.item_id);
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
    }
    Ok(())
}

fn undo(
    connection: &mut Db,
    context: WriteContext<'_>,
    (mut item, target): (Item, Item),
    (merge, record, referring): (&MergeRow, &MergeRecord, Vec<Item>),
) -> Result<MergeReport, Problem> {
    let mut left = addresses::return_slugs(connection, &mut item, &target, record)?;
    addresses::settle_draft_slug(connection, &item, &left)?;
    item.trashed_at = 0;
    let content = item.content();
    let item = write::save(connection, context, UNMERGE, item, &content)?;
    let returned = |all: &[String], left: &[String]| -> Vec<String> {
        all.iter().filter(|one| !left.contains(one)).cloned().collect()
    };
    let addresses = returned(&[&record.addresses[..], &record.unseen].concat(), &left);
    let sources: Vec<String> = record.sources.iter().map(|source| source.source.clone()).collect();
    let left_sources = addresses::return_sources(connection, &item, &target, record)?;
    let external_ids = returned(&sources, &left_sources);
    left.extend(left_sources);
    let outcomes = return_references(connection, context, &record.references, referring)?;
    record::forget(connection, &merge.item_id)?;
    renew(connection, context, UNMERGE, &target.id)?;
    let report =
        MergeReport { addresses, external_ids, left, ..MergeReport::new(lifecycle::load(connection, &item.id)?) };
    report.with_references(connection, record.references.iter().zip(outcomes))
}

/// Lets the references lead to the merged item again, and returns what became of each.
fn return_references(
    connection: &mut Db,
    context: WriteContext<'_>,
    references: &[FieldReferences],
    referring: Vec<Item>,
) -> Result<Vec<ReferenceOutcome>, Problem> {
    // The outcomes are in the order of the fields; an item that was purged since has nothing to return.
    let (mut outcomes, mut renewed) = (vec![ReferenceOutcome::Left; references.len()], Vec::<VersionChange>::new());
    let mut by_item: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, field) in references.iter().enumerate() {
        by_item.entry(&field.item_id).or_default().push(index);
    }
    for referrer in referring {
        let id = referrer.id.clone();
        let own = by_item.remove(id.as_str()).unwrap_or_default();
        let written =
            referrers::rewrite(connection, context, UNMERGE, referrer, |connection, content_type, text, in_draft| {
                for &index in own.iter().filter(|index| references[**index].in_working_draft == in_draft) {
                    outcomes[index] = return_field(connection, content_type, &references[index], text)?;
                }
                Ok(())
            });
        renewed.extend(written?);
    }
    sources::follow(connection, &renewed)?;
    Ok(outcomes)
}

/// Lets the references in one field of a text lead to the merged item again, if they are as the merge left them.
fn return_field(
    connection: &mut Db,
    content_type: &'static ContentType,
    field: &FieldReferences,
    text: &mut Map<String, Value>,
) -> Result<ReferenceOutcome, Problem> {
    let before = text.clone();
    if !field.change.undo(content_type, &field.relation, text) {
        return Ok(ReferenceOutcome::Left);
    }
    match write::refuse_circle(connection, content_type, &field.item_id, text) {
        Ok(()) => Ok(ReferenceOutcome::Restored),
        // Editors have moved one of the items since, to where the reference would close a circle.
        Err(problem) if problem.kind == ProblemKind::Invalid => {
            *text = before;
            Ok(ReferenceOutcome::Left)
        }
        Err(problem) => Err(problem),
    }
}
