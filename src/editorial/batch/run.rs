//! The writes of a batch within the write transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::creations;
use super::faults::{Refusal, RunError};
use super::nested_creations::ItemIdentity;
use super::plan::{BatchPlan, ConflictAction, PlannedCreation, PlannedEntry, PlannedWork, Replacement};
use super::{EntryTarget, KIND};
use crate::content::violation::Violations;
use crate::content_types::ContentType;
use crate::database::Db;
use crate::database::connection::Savepoint;
use crate::delivery::viewer::Viewer;
use crate::editorial::change::{ChangeRequest, ItemChange};
use crate::editorial::editor::{WrittenItem, find};
use crate::editorial::external_ids::PutCondition;
use crate::editorial::lifecycle::{self, Operation};
use crate::editorial::publication_checks::{PublishedIds, find_unpublished, refuse_references_to};
use crate::editorial::references;
use crate::editorial::validate::LocalNames;
use crate::editorial::wide_redirects::RedirectMemo;
use crate::editorial::write::precondition_failed;
use crate::editorial::write_context::WriteContext;
use crate::items::sources::Source;
use crate::items::{self, ExpectedVersions, Item, Lookup};
use crate::problem::{Problem, ProblemKind};

/// The state of a batch that is being written.
pub(super) struct BatchRun<'a> {
    pub(super) plan: &'a BatchPlan,
    /// The ids of the items that have local ids.
    pub(super) names: LocalNames,
    /// The ids of the items that the batch publishes. They may refer to each other.
    pub(super) published: PublishedIds,
    /// The items that exist already, by the index of the entry that would otherwise create the item.
    present: HashMap<usize, PresentItem>,
    /// What has been written, by the index of the entry.
    written: Vec<Option<WrittenItem>>,
    /// The refused entries by index, with the reason. An entry without one was not tried, because it refers to the
    /// item of a refused entry.
    refused: BTreeMap<usize, Option<Refusal>>,
    /// What the checks of redirects compare, for steps that follow each other.
    redirects: RedirectMemo,
}

/// An item that exists already.
struct PresentItem {
    id: String,
    /// The source by which it was found.
    source: Option<Source>,
}

/// Writes all entries, and returns what was written in the order of the request. If an entry is refused, the others
/// are tried nevertheless; the caller must then roll back.
///
/// # Errors
///
/// Fails with the refusals if an entry is refused, and if the database fails.
pub(super) fn run(connection: &mut Db, plan: &BatchPlan) -> Result<Vec<WrittenItem>, RunError> {
    let mut run = BatchRun::begin(connection, plan)?;
    let mut left = plan.order.as_slice();
    while let Some(&first) = left.first() {
        let together = left.iter().take_while(|index| run.creates(**index)).count();
        if together > 0 {
            creations::write(connection, &mut run, &left[..together])?;
            run.redirects.forget();
        } else {
            run.write_one(connection, first)?;
        }
        left = &left[together.max(1)..];
    }
    run.check_references_to_published(connection)?;
    run.end()
}

impl<'a> BatchRun<'a> {
    fn begin(connection: &mut Db, plan: &'a BatchPlan) -> Result<Self, Problem> {
        let mut run = Self {
            plan,
            names: LocalNames::new(),
            published: PublishedIds::new(),
            present: HashMap::new(),
            written: plan.entries.iter().map(|_| None).collect(),
            refused: BTreeMap::new(),
            redirects: RedirectMemo::default(),
        };
        run.find_present(connection)?;
        for (index, entry) in plan.entries.iter().enumerate() {
            let Some(name) = &entry.local_id else { continue };
            let kind = entry.content_type.kind;
            let id = run.id_of(connection, index)?;
            let id = id.or_else(|| entry.work.is_err().then(|| placeholder(index)));
            run.names.extend(id.map(|id| ((kind, name.clone()), id)));
        }
        for index in (0..plan.entries.len()).filter(|index| publishes(&plan.entries[*index])) {
            let id = run.id_of(connection, index)?;
            run.published.extend(id);
        }
        Ok(run)
    }

    /// Looks up which external ids exist. One that a new item is to get must not.
    fn find_present(&mut self, connection: &mut Db) -> Result<(), Problem> {
        let mut new = HashSet::new();
        for (index, entry) in self.plan.entries.iter().enumerate() {
            let Some(planned) = entry.creation() else { continue };
            let Some(identity) = &planned.identity else { continue };
            let present = present_item(connection, entry.content_type, identity)?;
            if present.is_none() && !new.insert((entry.content_type.kind, identity)) {
                let detail = "another entry creates the item that this one names; refer to it by its local id";
                self.refuse(index, Problem::new(ProblemKind::Conflict, detail))?;
                continue;
            }
            match (present, &planned.existing) {
                (Some(_), ConflictAction::Refuse) => {
                    let problem = Problem::new(ProblemKind::Conflict, "an item has this external id already");
                    self.refused.insert(index, Some(Refusal { problem, member: Some("external_id") }));
                }
                (Some(present), ConflictAction::Use | ConflictAction::Replace(_)) => {
                    drop(self.present.insert(index, present));
                }
                (None, ConflictAction::Replace(replacement)) => {
                    if let Err(problem) = replacement.condition.require_creatable() {
                        self.refuse(index, problem)?;
                    }
                }
                (None, ConflictAction::Use) if planned.creation.is_none() => {
                    let noun = entry.content_type.noun;
                    let message = format!("there is no {noun} that matches");
                    self.refuse(index, Problem::invalid(Violations::one("", "dangling_reference", message)))?;
                }
                (None, ConflictAction::Refuse | ConflictAction::Use) => {}
            }
        }
        Ok(())
    }

    /// Returns the kinds and ids of the items that refused entries would have created.
    pub(super) fn refused_items(&self) -> impl Iterator<Item = (&'static str, String)> {
        let entries = self.plan.entries.iter().enumerate();
        let refused = entries.filter(|(index, entry)| entry.work.is_err() || self.refused.contains_key(index));
        refused.map(|(index, entry)| {
            let id = entry.creation().map_or_else(|| placeholder(index), |planned| planned.id.clone());
            (entry.content_type.kind, id)
        })
    }

    /// Returns whether an entry creates its item.
    fn creates(&self, index: usize) -> bool {
        self.plan.entries[index].can_create && !self.present.contains_key(&index)
    }

    /// Returns the id of the item of an entry, if the item exists or the entry creates it.
    fn id_of(&self, connection: &mut Db, index: usize) -> Result<Option<String>, Problem> {
        let entry = &self.plan.entries[index];
        let kind = entry.content_type.kind;
        let target = match &entry.work {
            Ok(PlannedWork::Create(creation)) => {
                let present = self.present.get(&index).map(|present| &present.id);
                return Ok(Some(present.unwrap_or(&creation.id).clone()));
            }
            Ok(PlannedWork::Change { target, .. } | PlannedWork::Step { target, .. }) => target,
            Err(_) => return Ok(None),
        };
        match target {
            EntryTarget::Local { name, .. } => Ok(self.names.get(&(kind, name.clone())).cloned()),
            EntryTarget::Stored { key, .. } => match items::find(connection, kind, key)? {
                Lookup::Found(item) => Ok(Some(item.id)),
                Lookup::Moved(_) | Lookup::Absent => Ok(None),
            },
        }
    }

    /// Returns the context of the writes.
    pub(super) fn context(&self) -> WriteContext<'a> {
        let context = &self.plan.context;
        WriteContext::of_role(&context.site, &context.author, context.role)
    }

    /// Records what an entry has written.
    pub(super) fn record(&mut self, index: usize, written: WrittenItem) {
        self.written[index] = Some(written);
    }

    /// Records that an entry is refused, and why.
    ///
    /// # Errors
    ///
    /// Fails with the problem itself if it is a failure of the database: the batch cannot go on then.
    pub(super) fn refuse(&mut self, index: usize, problem: Problem) -> Result<(), Problem> {
        if problem.kind.status() >= 500 {
            return Err(problem);
        }
        self.refused.insert(index, Some(Refusal { problem, member: None }));
        Ok(())
    }

    /// Returns whether an entry cannot be tried, because it is refused or names the item of a refused entry, and
    /// records that.
    pub(super) fn is_hopeless(&mut self, index: usize) -> bool {
        let entry = &self.plan.entries[index];
        if self.refused.contains_key(&index) {
            return true;
        }
        if let Err(problem) = &entry.work {
            self.refused.insert(index, Some(Refusal { problem: problem.clone(), member: None }));
        } else if entry.depends_on.iter().any(|needed| self.refused.contains_key(needed)) {
            self.refused.insert(index, None);
        }
        self.refused.contains_key(&index)
    }

    /// Writes a change or a step. It has a savepoint: after a refusal the transaction goes on, and what is tried
    /// next must not be judged by the half of an entry.
    fn write_one(&mut self, connection: &mut Db, index: usize) -> Result<(), Problem> {
        if self.is_hopeless(index) {
            return self.note_known_faults(index);
        }
        let outcome = connection.with_savepoint(Savepoint::STEP, |c| self.attempt(c, index))?;
        if outcome.is_err() || !matches!(self.plan.entries[index].work, Ok(PlannedWork::Step { .. })) {
            self.redirects.forget();
        }
        match outcome {
            Ok(written) => {
                self.record(index, written);
                Ok(())
            }
            Err(problem) => self.refuse(index, problem),
        }
    }

    /// Names the faults of a body that is not tried, because it names the item of a refused entry.
    fn note_known_faults(&mut self, index: usize) -> Result<(), Problem> {
        match (&self.plan.entries[index].work, self.refused.get(&index)) {
            (Ok(PlannedWork::Change { prepared: Some(prepared), .. }), Some(None)) if prepared.has_violations() => {
                self.refuse(index, Problem::invalid(prepared.violations()))
            }
            _ => Ok(()),
        }
    }

    fn attempt(&self, connection: &mut Db, index: usize) -> Result<WrittenItem, Problem> {
        let entry = &self.plan.entries[index];
        match &entry.work {
            Ok(PlannedWork::Change { target, change, prepared }) => match (target, prepared) {
                (EntryTarget::Stored { .. }, Some(prepared)) => {
                    change.write(connection, (**prepared).clone(), &self.names)
                }
                (EntryTarget::Stored { key, .. }, None) => {
                    let item = find(connection, entry.content_type, key)?;
                    change.apply(connection, item, &self.names)
                }
                (EntryTarget::Local { name, accepted }, _) => {
                    let item = self.load_local(connection, entry.content_type, name)?;
                    let accepted =
                        accepted.clone().unwrap_or_else(|| ExpectedVersions::from_iter([item.latest_version()]));
                    ChangeRequest { accepted, ..(**change).clone() }.apply(connection, item, &self.names)
                }
            },
            Ok(PlannedWork::Step { target, operation, keep_references }) => {
                let item = self.target(connection, entry.content_type, target)?;
                let context = WriteContext { redirects: Some(&self.redirects), ..self.context() };
                let item = lifecycle::apply(connection, context, item, *operation, &self.published)?;
                if *operation == Operation::Trash && !keep_references {
                    let viewer = Viewer::restricted_to(&self.plan.context.collections);
                    references::require_unused(connection, &item, &viewer)?;
                }
                Ok(item.into())
            }
            Ok(PlannedWork::Create(creation)) => self.keep(connection, index, creation),
            Err(problem) => Err(problem.clone()),
        }
    }

    /// Uses an item that exists already instead of creating it, or replaces its content.
    fn keep(&self, connection: &mut Db, index: usize, creation: &PlannedCreation) -> Result<WrittenItem, Problem> {
        let Some(present) = self.present.get(&index) else {
            return Err(Problem::internal(&"a creation was written as a change"));
        };
        let item = lifecycle::load(connection, &present.id)?;
        // A condition says nothing about the trash, so this comes first: the other system must learn of it.
        if item.trashed_at != 0 {
            return Err(Problem::new(ProblemKind::Conflict, "the item is in the trash; restore it first"));
        }
        match (&creation.existing, &present.source) {
            (ConflictAction::Replace(replacement), Some(source)) => {
                self.replace(connection, (creation, replacement), source, item)
            }
            _ => Ok(item.into()),
        }
    }

    fn replace(
        &self,
        connection: &mut Db,
        (creation, replacement): (&PlannedCreation, &Replacement),
        source: &Source,
        item: Item,
    ) -> Result<WrittenItem, Problem> {
        let is_same_record = source.fingerprint == creation.fingerprint;
        if is_same_record && replacement.condition == PutCondition::LastPut {
            return Ok(item.into());
        }
        let accepted = replacement.condition.accepted_versions(connection, source)?;
        let change = ChangeRequest { accepted, ..replacement.change.clone() };
        let is_current = change.accepted == replacement.change.accepted;
        let written = match replacement.prepared.clone().filter(|_| is_current) {
            Some(prepared) => change.write(connection, prepared, &self.names)?,
            None => change.apply(connection, item, &self.names)?,
        };
        if let Some(external_id) = creation.external_id() {
            external_id.keep(connection, &written.item, &creation.fingerprint)?;
        }
        Ok(written)
    }

    /// Loads the item that an entry changes, which must be at the version that the entry names.
    fn target(
        &self,
        connection: &mut Db,
        content_type: &'static ContentType,
        target: &EntryTarget,
    ) -> Result<Item, Problem> {
        let item = match target {
            EntryTarget::Stored { key, .. } => find(connection, content_type, key)?,
            EntryTarget::Local { name, .. } => self.load_local(connection, content_type, name)?,
        };
        match target.accepted_versions() {
            Some(accepted) if !accepted.accepts(item.latest_version()) => Err(precondition_failed(&item)),
            _ => Ok(item),
        }
    }

    /// Loads the item that has a local id.
    fn load_local(&self, connection: &mut Db, content_type: &'static ContentType, name: &str) -> Result<Item, Problem> {
        match self.names.get(&(content_type.kind, name.to_owned())) {
            Some(id) => lifecycle::load(connection, id),
            None => {
                let detail = format!("no entry gives the local id \"{name}\" to one {}", content_type.noun);
                Err(Problem::new(ProblemKind::NotFound, detail))
            }
        }
    }

    /// Refuses entries whose items refer to others that counted as published by the batch, but are not: an entry found
    /// its item there and left it alone, or a later one took it down again.
    fn check_references_to_published(&mut self, connection: &mut Db) -> Result<(), Problem> {
        if !self.refused.is_empty() {
            return Ok(());
        }
        let plan = self.plan;
        let unpublished = find_unpublished(connection, &plan.context.site, &self.published)?;
        for (index, entry) in plan.entries.iter().enumerate() {
            let Some(WrittenItem { item, .. }) = &self.written[index] else { continue };
            if let Err(problem) = refuse_references_to(&plan.context.site, entry.content_type, item, &unpublished) {
                self.refuse(index, problem)?;
            }
        }
        Ok(())
    }

    /// Returns what was written in the order of the request, or the refusals.
    fn end(self) -> Result<Vec<WrittenItem>, RunError> {
        if !self.refused.is_empty() {
            return Err(RunError::Refused(self.refused));
        }
        let written: Option<Vec<WrittenItem>> = self.written.into_iter().collect();
        written.ok_or_else(|| Problem::internal(&format!("an entry of a {KIND} was not written")).into())
    }
}

/// Returns an id that stands for the item of a refused entry.
fn placeholder(index: usize) -> String {
    format!("refused-{index}")
}

/// Looks up the item that an entry would create.
fn present_item(
    connection: &mut Db,
    content_type: &'static ContentType,
    identity: &ItemIdentity,
) -> Result<Option<PresentItem>, Problem> {
    match identity {
        ItemIdentity::External(external_id) => {
            let source = external_id.find(connection, content_type)?;
            Ok(source.map(|source| PresentItem { id: source.item_id.clone(), source: Some(source) }))
        }
        ItemIdentity::Slug(slug) => match items::find(connection, content_type.kind, slug)? {
            Lookup::Found(item) => Ok(Some(PresentItem { id: item.id, source: None })),
            Lookup::Moved(_) | Lookup::Absent => Ok(None),
        },
    }
}

/// Returns whether an entry makes its item public.
fn publishes(entry: &PlannedEntry) -> bool {
    match &entry.work {
        Ok(PlannedWork::Create(planned)) => {
            planned.creation.as_ref().is_some_and(|creation| creation.body.status.as_deref() == Some("published"))
        }
        Ok(PlannedWork::Change { change, .. }) => match &change.change {
            ItemChange::Replace(body) | ItemChange::Patch(body) => {
                body.get("status").and_then(serde_json::Value::as_str) == Some("published")
            }
            ItemChange::Revision(_) => false,
        },
        Ok(PlannedWork::Step { operation, .. }) => *operation == Operation::Publish,
        Err(_) => false,
    }
}
