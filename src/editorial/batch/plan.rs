//! The preparation of a batch outside of the write transaction: bodies are validated, stored items are read, and
//! the entries are put in an order in which each item exists before an entry refers to it.

use std::collections::HashMap;

use serde_json::Value;

use super::nested_creations::{ItemIdentity, expand};
use super::{BatchContext, BatchEntry, EntryPlace, EntryTarget, EntryWrite};
use crate::content::rich_text_fields::not_shown;
use crate::content::violation::Violation;
use crate::content_types::ContentType;
use crate::content_types::references::references;
use crate::database::{Database, Db, new_id};
use crate::editorial::change::{ChangeRequest, ItemChange, PreparedChange, StoredItem};
use crate::editorial::create::Creation;
use crate::editorial::editor::find;
use crate::editorial::external_ids::{ExternalId, PutCondition, fingerprint};
use crate::editorial::lifecycle::{self, Operation};
use crate::editorial::validate::{LOCAL, LocalNames, check_patch};
use crate::items::ExpectedVersions;
use crate::problem::{Problem, ProblemKind};

/// Maximum number of notes on a batch.
const MAX_NOTES: usize = 100;

/// A batch that is ready to be written.
pub struct BatchPlan {
    pub(super) context: BatchContext,
    /// The entries, in the order of the request.
    pub(super) entries: Vec<PlannedEntry>,
    /// The order in which the entries are written, by index.
    pub(super) order: Vec<usize>,
    /// Notes on what of the rich texts is not shown.
    pub(super) not_shown: Vec<Violation>,
}

pub(super) struct PlannedEntry {
    pub(super) place: EntryPlace,
    pub(super) content_type: &'static ContentType,
    pub(super) local_id: Option<String>,
    /// Whether the entry can create its item.
    pub(super) can_create: bool,
    /// The indexes of the entries whose items this one names by their local ids.
    pub(super) depends_on: Vec<usize>,
    /// The write, or the reason for which the entry is refused whatever the database holds.
    pub(super) work: Result<PlannedWork, Problem>,
    pub(super) is_nested: bool,
}

pub(super) enum PlannedWork {
    Create(Box<PlannedCreation>),
    Change {
        target: EntryTarget,
        change: Box<ChangeRequest>,
        /// The change as it was prepared from the stored item. Without it, the change is prepared within the
        /// transaction: the item does not exist before, or is not yet at the version that the entry names.
        prepared: Option<Box<PreparedChange>>,
    },
    Step {
        target: EntryTarget,
        operation: Operation,
        /// Whether an item is moved to the trash although something uses it.
        keep_references: bool,
    },
}

pub(super) struct PlannedCreation {
    /// The id that the item will have.
    pub(super) id: String,
    /// The creation. Without one, the item must exist.
    pub(super) creation: Option<Creation>,
    /// What identifies the item if it exists already, and what a new one gets.
    pub(super) identity: Option<ItemIdentity>,
    /// The hash of the content as given, if the item has an external id.
    pub(super) fingerprint: String,
    /// What becomes of an item that exists already.
    pub(super) existing: ConflictAction,
}

impl PlannedCreation {
    /// Returns the external id that the item gets.
    pub(super) fn external_id(&self) -> Option<&ExternalId> {
        match &self.identity {
            Some(ItemIdentity::External(external_id)) => Some(external_id),
            Some(ItemIdentity::Slug(_)) | None => None,
        }
    }
}

/// What becomes of the item that an entry would create, if it exists already.
pub(super) enum ConflictAction {
    /// The entry is refused.
    Refuse,
    /// It stays as it is.
    Use,
    /// Its content is replaced.
    Replace(Box<Replacement>),
}

/// The replacement of the content of an item that exists already.
pub(super) struct Replacement {
    pub(super) condition: PutCondition,
    pub(super) change: ChangeRequest,
    /// The change as it was prepared from the stored item.
    pub(super) prepared: Option<PreparedChange>,
}

impl PlannedEntry {
    /// Returns the creation, if the entry can create its item.
    pub(super) fn creation(&self) -> Option<&PlannedCreation> {
        match &self.work {
            Ok(PlannedWork::Create(creation)) => Some(creation),
            _ => None,
        }
    }
}

/// Prepares a batch. Validation runs on a thread of its own, because the thread of the request serves others too.
///
/// # Errors
///
/// Fails with `Invalid` if too many entries are nested in others, and if the database fails.
pub(super) async fn prepare(
    database: &Database,
    context: BatchContext,
    entries: Vec<BatchEntry>,
) -> Result<BatchPlan, Problem> {
    let (entries, reading) = (expand(entries)?, context.clone());
    let changes = |entry: &BatchEntry| matches!(entry.write, EntryWrite::Change(..) | EntryWrite::Put(..));
    let (entries, stored) = match entries.iter().any(changes) {
        true => database.read(move |c: &mut Db| read_all(c, &reading, entries)).await?,
        false => (entries, Vec::new()),
    };
    let planning = move || plan(context, entries, stored);
    actix_web::web::block(planning).await.map_err(|error| Problem::internal(&error))
}

/// Reads the items that the entries change, by the index of the entry.
fn read_all(
    connection: &mut Db,
    context: &BatchContext,
    entries: Vec<BatchEntry>,
) -> Result<(Vec<BatchEntry>, Vec<Option<StoredChange>>), Problem> {
    let mut all = Vec::with_capacity(entries.len());
    for entry in &entries {
        all.push(match read_one(connection, context, entry) {
            Ok(stored) => stored,
            Err(problem) if problem.kind.status() >= 500 => return Err(problem),
            // An earlier entry may still bring the item to the version that this one names: the transaction decides.
            Err(_) => None,
        });
    }
    Ok((entries, all))
}

/// Reads the item that an entry changes, if it exists before the batch.
fn read_one(connection: &mut Db, context: &BatchContext, entry: &BatchEntry) -> Result<Option<StoredChange>, Problem> {
    let content_type = entry.content_type;
    let (item, accepted, change) = match &entry.write {
        EntryWrite::Change(EntryTarget::Stored { key, accepted }, change) => {
            (find(connection, content_type, key)?, accepted.clone(), change.clone())
        }
        EntryWrite::Put(external_id, condition, content) => {
            let Some(source) = external_id.find(connection, content_type)? else { return Ok(None) };
            let accepted = condition.accepted_versions(connection, &source)?;
            (lifecycle::load(connection, &source.item_id)?, accepted, ItemChange::Replace(content.clone()))
        }
        _ => return Ok(None),
    };
    let request = ChangeRequest::new(context.request(content_type), accepted, change, &context.render);
    let stored = request.read(connection, item, &LocalNames::new())?;
    Ok(Some((request, stored)))
}

/// A change with the item that it changes, as read before the batch.
type StoredChange = (ChangeRequest, StoredItem);

fn plan(context: BatchContext, entries: Vec<BatchEntry>, stored: Vec<Option<StoredChange>>) -> BatchPlan {
    let places: HashMap<(&'static str, &str), usize> = entries
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| Some(((entry.content_type.kind, entry.local_id.as_deref()?), index)))
        .collect();
    let mut not_shown = Vec::new();
    let depends_on: Vec<Vec<usize>> = entries.iter().map(|entry| dependencies(entry, &places)).collect();
    let mut stored = stored.into_iter();
    let planned = entries.into_iter().zip(depends_on).map(|(entry, depends_on)| {
        let stored = stored.next().flatten();
        let can_create =
            matches!(entry.write, EntryWrite::Create(..) | EntryWrite::Put(..) | EntryWrite::Ensure(_, Some(_)));
        let mut notes = notes_of_change(&entry);
        let work = planned_work(&context, entry.content_type, entry.write, stored);
        notes.extend(notes_of_creation(&entry.place, &work));
        not_shown.extend(notes);
        not_shown.truncate(MAX_NOTES);
        PlannedEntry {
            place: entry.place,
            content_type: entry.content_type,
            local_id: entry.local_id,
            can_create,
            depends_on,
            work,
            is_nested: entry.is_nested,
        }
    });
    let entries: Vec<PlannedEntry> = planned.collect();
    let order = in_order(&entries);
    BatchPlan { context, entries, order, not_shown }
}

/// Returns notes on what of the rich texts of a change is not shown.
fn notes_of_change(entry: &BatchEntry) -> Vec<Violation> {
    let content = match &entry.write {
        EntryWrite::Change(_, ItemChange::Replace(content) | ItemChange::Patch(content)) => content.as_object(),
        _ => None,
    };
    let pointer = entry.place.of_content();
    content.map_or_else(Vec::new, |content| not_shown(entry.content_type.fields, content, pointer))
}

/// Returns notes on what of the rich texts of a new item is not shown, if the entry may create one.
fn notes_of_creation(place: &EntryPlace, work: &Result<PlannedWork, Problem>) -> Vec<Violation> {
    let creation = match work {
        Ok(PlannedWork::Create(planned)) => planned.creation.as_ref(),
        _ => None,
    };
    let at_place = |note: &Violation| {
        let pointer = format!("{}{}", place.of_content(), note.pointer);
        Violation { pointer, ..note.clone() }
    };
    creation.map_or_else(Vec::new, |creation| creation.not_shown.iter().map(at_place).collect())
}

fn planned_work(
    context: &BatchContext,
    content_type: &'static ContentType,
    write: EntryWrite,
    stored: Option<StoredChange>,
) -> Result<PlannedWork, Problem> {
    let collections = &context.collections;
    let only_refers = matches!(write, EntryWrite::Ensure(_, None) | EntryWrite::Refused(_));
    if !only_refers && !collections.is_empty() && !collections.iter().any(|own| own == content_type.collection) {
        let detail = format!("this API key is restricted to {}", collections.join(", "));
        return Err(Problem::new(ProblemKind::Forbidden, detail));
    }
    match write {
        EntryWrite::Create(content, external_id) => {
            let creation = Creation::prepare(context.request(content_type), &content)?;
            let fingerprint = external_id.as_ref().map_or_else(String::new, |_| fingerprint(&context.mode, &content));
            let identity = external_id.map(ItemIdentity::External);
            let (id, creation) = (new_id(), Some(creation));
            let planned = PlannedCreation { id, creation, identity, fingerprint, existing: ConflictAction::Refuse };
            Ok(PlannedWork::Create(Box::new(planned)))
        }
        EntryWrite::Put(external_id, condition, content) => {
            let creation = Creation::prepare(context.request(content_type), &content)?;
            let fingerprint = fingerprint(&context.mode, &content);
            let existing =
                ConflictAction::Replace(Box::new(replacement(context, content_type, (condition, content), stored)));
            let identity = Some(ItemIdentity::External(external_id));
            let planned = PlannedCreation { id: new_id(), creation: Some(creation), identity, fingerprint, existing };
            Ok(PlannedWork::Create(Box::new(planned)))
        }
        EntryWrite::Change(target, change) => {
            if let ItemChange::Patch(patch) = &change {
                check_patch(content_type, patch)?;
            }
            let accepted = target.accepted_versions().cloned().unwrap_or_default();
            let request = context.request(content_type);
            let change = Box::new(ChangeRequest::new(request, accepted, change, &context.render));
            let prepared = stored.and_then(|(_, stored)| change.prepare(stored).ok()).map(Box::new);
            Ok(PlannedWork::Change { target, change, prepared })
        }
        EntryWrite::Ensure(identity, content) => plan_ensured(context, content_type, identity, content.as_ref()),
        EntryWrite::Refused(violations) => Err(Problem::invalid(violations)),
        EntryWrite::Step { target, operation, keep_references } => {
            Ok(PlannedWork::Step { target, operation, keep_references })
        }
    }
}

/// Prepares the replacement of the item with an external id.
fn replacement(
    context: &BatchContext,
    content_type: &'static ContentType,
    (condition, content): (PutCondition, Value),
    stored: Option<StoredChange>,
) -> Replacement {
    let prepared = stored.map(|(change, stored)| (change.prepare(stored).ok(), change));
    let (prepared, change) = prepared.unwrap_or_else(|| {
        let (request, change) = (context.request(content_type), ItemChange::Replace(content));
        let change = ChangeRequest::new(request, ExpectedVersions::default(), change, &context.render);
        (None, ChangeRequest { unless_same: true, ..change })
    });
    Replacement { condition, change, prepared }
}

/// Plans an entry that creates an item unless the one that is looked for exists.
fn plan_ensured(
    context: &BatchContext,
    content_type: &'static ContentType,
    identity: ItemIdentity,
    content: Option<&Value>,
) -> Result<PlannedWork, Problem> {
    let creation = content.map(|content| Creation::prepare(context.request(content_type), content)).transpose()?;
    let creation = creation.map(|mut creation| {
        if let ItemIdentity::Slug(slug) = &identity {
            creation.body.slug.get_or_insert_with(|| slug.clone());
        }
        creation
    });
    let (identity, fingerprint) = (Some(identity), String::new());
    let planned = PlannedCreation { id: new_id(), creation, identity, fingerprint, existing: ConflictAction::Use };
    Ok(PlannedWork::Create(Box::new(planned)))
}

/// Returns the indexes of the entries whose items an entry names by their local ids: its target, and references in
/// its content.
fn dependencies(entry: &BatchEntry, places: &HashMap<(&'static str, &str), usize>) -> Vec<usize> {
    let (target, content) = match &entry.write {
        EntryWrite::Create(content, _) | EntryWrite::Put(_, _, content) => (None, Some(content)),
        EntryWrite::Ensure(_, content) => (None, content.as_ref()),
        EntryWrite::Refused(_) => (None, None),
        EntryWrite::Change(target, ItemChange::Replace(content) | ItemChange::Patch(content)) => {
            (Some(target), Some(content))
        }
        EntryWrite::Change(target, ItemChange::Revision(_)) | EntryWrite::Step { target, .. } => (Some(target), None),
    };
    let mut names = Vec::new();
    if let Some(EntryTarget::Local { name, .. }) = target {
        names.push((entry.content_type.kind, name.as_str()));
    }
    if let Some(content) = content {
        for (target, slot) in references(entry.content_type, content) {
            names.extend(slot.as_str().and_then(|text| Some((target, text.strip_prefix(LOCAL)?))));
        }
    }
    names.iter().filter_map(|name| places.get(name)).copied().collect()
}

/// Returns the order in which entries are written: that of the request, but a creation comes before the entries
/// that refer to its item. Creations that refer to each other end beside each other.
fn in_order(entries: &[PlannedEntry]) -> Vec<usize> {
    let mut order = Vec::with_capacity(entries.len());
    let mut is_placed = vec![false; entries.len()];
    for index in 0..entries.len() {
        place(entries, index, &mut is_placed, &mut order);
    }
    order
}

fn place(entries: &[PlannedEntry], index: usize, is_placed: &mut [bool], order: &mut Vec<usize>) {
    if std::mem::replace(&mut is_placed[index], true) {
        return;
    }
    for needed in entries[index].depends_on.iter().filter(|needed| entries[**needed].can_create) {
        place(entries, *needed, is_placed, order);
    }
    order.push(index);
}
