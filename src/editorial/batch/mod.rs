//! Batches: many writes over all kinds in one transaction, all of them or none.
//!
//! Each entry is what it would be as a request of its own, and passes the same code: bodies are validated before the
//! transaction (`plan`), and within it (`run`) creations, changes and steps are written like single ones. A batch
//! adds three things. Entries can name each other's items by local ids, before these exist. Creations that stand
//! beside each other are stored together (`creations`), so that they may refer to each other. And if entries are
//! refused, the others are tried nevertheless, so that the problem names every fault (`faults`).

mod creations;
mod faults;
mod nested_creations;
mod plan;
mod run;

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::auth::permissions::Role;
use crate::content::violation::{Violation, Violations};
use crate::content::{LocaleMode, Site};
use crate::content_types::ContentType;
use crate::database::{Database, Db, new_id};
use crate::editorial::change::ItemChange;
use crate::editorial::editor::{RenderItem, WriteRequest, WrittenItem};
use crate::editorial::external_ids::{ExternalId, PutCondition};
use crate::editorial::idempotency::IdempotencyRecord;
use crate::editorial::lifecycle::Operation;
use crate::items::ExpectedVersions;
use crate::journal::{self, Author, NewEntry, history};
use crate::problem::Problem;
use plan::PlannedEntry;

pub use faults::note;
pub use nested_creations::{ItemIdentity, has_nested};
pub use plan::BatchPlan;

/// Largest number of entries of one batch.
pub const MAX_ENTRIES: usize = 1_000;

/// The kind of the journal entry of a batch.
const KIND: &str = "batch";

/// One write of a batch.
#[derive(Debug, Clone)]
pub struct BatchEntry {
    pub place: EntryPlace,
    /// The kind of the item.
    pub content_type: &'static ContentType,
    /// The name by which other entries refer to the item.
    pub local_id: Option<String>,
    /// Whether the entry was nested in the content of another one. Such entries have no result of their own.
    pub is_nested: bool,
    pub write: EntryWrite,
}

/// The places of an entry in the request, by which its faults are named.
#[derive(Debug, Clone, Default)]
pub struct EntryPlace {
    /// JSON Pointer of the entry.
    pub entry: String,
    /// JSON Pointer of its content; none for a step.
    pub content: Option<String>,
}

impl EntryPlace {
    /// Returns the JSON Pointer of the content, or of an entry without one.
    fn of_content(&self) -> &str {
        self.content.as_deref().unwrap_or(&self.entry)
    }
}

/// What an entry writes.
#[derive(Debug, Clone)]
pub enum EntryWrite {
    /// Creates an item with this content, and with the external id of a record of another system, which no other
    /// item may have.
    Create(Value, Option<ExternalId>),
    /// Creates the item with an external id, or replaces its content.
    Put(ExternalId, PutCondition, Value),
    /// Creates an item with this content, unless the item that is looked for exists. Without content, it must.
    Ensure(ItemIdentity, Option<Value>),
    /// Is refused for these violations, which were found before.
    Refused(Violations),
    /// Changes the content of an item.
    Change(EntryTarget, ItemChange),
    /// Takes a step of the workflow with an item.
    Step {
        target: EntryTarget,
        operation: Operation,
        /// Whether an item is moved to the trash although something uses it.
        keep_references: bool,
    },
}

/// The item that an entry changes.
#[derive(Debug, Clone)]
pub enum EntryTarget {
    /// An item that exists before the batch.
    Stored {
        /// The id or slug.
        key: String,
        /// The versions of which the item must have one.
        accepted: ExpectedVersions,
    },
    /// The item of another entry.
    Local {
        /// The local id.
        name: String,
        /// The versions of which the item must have one; by default that which the batch has given it so far.
        accepted: Option<ExpectedVersions>,
    },
}

impl EntryTarget {
    /// Returns the versions of which the item must have one, if the entry names any.
    fn accepted_versions(&self) -> Option<&ExpectedVersions> {
        match self {
            Self::Stored { accepted, .. } => Some(accepted),
            Self::Local { accepted, .. } => accepted.as_ref(),
        }
    }
}

/// What all entries of a batch have in common.
#[derive(Clone)]
pub struct BatchContext {
    pub site: Arc<Site>,
    /// Whether localised fields are given in one locale or as maps of all locales.
    pub mode: LocaleMode,
    /// The author, as the journal records it.
    pub author: Author,
    /// The role of the editor's account or API key.
    pub role: Role,
    /// Whether changes of published and archived items go to their working drafts.
    pub to_working_draft: bool,
    /// Whether a change that is based on an older version is merged.
    pub merge: bool,
    /// The collections to which the API key is restricted; empty if it is not restricted.
    pub collections: Vec<String>,
    /// Renders an item as the client reads it.
    pub render: RenderItem,
}

impl BatchContext {
    /// Returns the context of a batch with what `request` says, whatever its kind. `collections` are those to which
    /// the API key is restricted; empty if it is not restricted. `render` renders an item as the client reads it.
    pub fn of(request: &WriteRequest, collections: Vec<String>, render: RenderItem) -> Self {
        Self {
            site: Arc::clone(&request.site),
            mode: request.mode.clone(),
            author: request.author.clone(),
            role: request.role,
            to_working_draft: request.to_working_draft,
            merge: request.merge,
            collections,
            render,
        }
    }

    /// Returns the request of one entry, whose item is of this kind.
    fn request(&self, content_type: &'static ContentType) -> WriteRequest {
        WriteRequest {
            site: Arc::clone(&self.site),
            content_type,
            mode: self.mode.clone(),
            author: self.author.clone(),
            role: self.role,
            to_working_draft: self.to_working_draft,
            merge: self.merge,
        }
    }
}

/// The result of one entry of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchResult {
    /// Collection of the item.
    #[schema(example = "events")]
    pub collection: String,
    /// Id of the item.
    #[schema(format = "uuid")]
    pub id: String,
    /// Slug of the item in the default locale after the entry.
    #[schema(example = "rivers-without-borders")]
    pub slug: String,
    /// Version of the item after the entry, for the next write.
    #[schema(minimum = 1)]
    pub version: i64,
    /// Status of the item after the entry: `draft`, `in_review`, `scheduled`, `published` or `archived`.
    #[schema(example = "draft")]
    pub status: String,
    /// Local id that the entry gave the item; null if it gave none.
    #[schema(required = true)]
    pub local_id: Option<String>,
}

/// The results of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchResults {
    /// Id of the batch, which the history of each of its items names.
    #[schema(format = "uuid")]
    pub id: String,
    /// Results, one for each entry, in the order of the request.
    pub results: Vec<BatchResult>,
    /// Rich texts of the request of which a part is not shown, such as frames and scripts; at most 100.
    pub not_shown: Vec<Violation>,
}

/// The response to a batch.
#[derive(Debug)]
pub struct BatchResponse {
    /// [`BatchResults`] as JSON.
    pub body: String,
    /// Whether an earlier request with the same idempotency key had made the writes.
    pub replayed: bool,
}

/// Writes a batch: all entries, in their order, or none of them. With an idempotency key with which a batch was
/// written before, returns the results of that one instead.
///
/// # Errors
///
/// Fails with `Invalid`, which names every fault of every entry, if an entry is refused; with `Invalid` too if the
/// idempotency key was used for another request; and if the database fails.
pub async fn write(
    database: &Database,
    mut context: BatchContext,
    entries: Vec<BatchEntry>,
    key: Option<IdempotencyRecord>,
) -> Result<BatchResponse, Problem> {
    let id = new_id();
    context.author.batch = Some(id.clone());
    let plan = Arc::new(plan::prepare(database, context, entries).await?);
    let all = move |c: &mut Db| {
        if let Some(earlier) = key.as_ref().map_or(Ok(None), |key| key.made_before(c))? {
            let stored = history::snapshot(c, KIND, &earlier)?;
            let body = stored.ok_or_else(|| Problem::not_found(KIND))?;
            return Ok(BatchResponse { body, replayed: true });
        }
        let written = run::run(c, &plan).map_err(|error| error.of_batch(&plan))?;
        let body = record(c, &plan, &written)?;
        if let Some(key) = key {
            key.keep(c, &id)?;
        }
        Ok::<_, Problem>(BatchResponse { body, replayed: false })
    };
    database.write_content(all).await
}

/// Prepares a request that is one entry, with those that are nested in its content, for [`write_one`].
///
/// # Errors
///
/// Fails with `Invalid` if too many entries are nested in it, and if the database fails.
pub(super) async fn prepare_one(
    database: &Database,
    mut context: BatchContext,
    content_type: &'static ContentType,
    write: EntryWrite,
) -> Result<BatchPlan, Problem> {
    let body = match &write {
        EntryWrite::Create(body, _)
        | EntryWrite::Put(_, _, body)
        | EntryWrite::Change(_, ItemChange::Replace(body) | ItemChange::Patch(body)) => Some(body),
        _ => None,
    };
    context.author.batch = body.filter(|body| has_nested(content_type, body)).map(|_| new_id());
    // The faults of the content are those of the whole body.
    let place = EntryPlace { entry: String::new(), content: Some(String::new()) };
    let entry = BatchEntry { place, content_type, local_id: None, is_nested: false, write };
    plan::prepare(database, context, vec![entry]).await
}

/// Writes a request that is one entry, with those that are nested in its content, and returns what it wrote and
/// whether it created the item.
///
/// # Errors
///
/// Fails as the entry does as a request of its own, with the faults of the nested ones beside its own.
pub(super) fn write_one(connection: &mut Db, plan: &BatchPlan) -> Result<(WrittenItem, bool), Problem> {
    let mut written = run::run(connection, plan).map_err(|error| error.of_single(plan))?;
    record(connection, plan, &written)?;
    let written = written.pop().ok_or_else(|| Problem::internal(&"a batch without entries"))?;
    let own = plan.entries.last().and_then(PlannedEntry::creation);
    let is_new = own.is_some_and(|planned| planned.id == written.item.id);
    Ok((written, is_new))
}

/// Records a batch in the journal, and returns its results as JSON. A single write is none.
fn record(connection: &mut Db, plan: &BatchPlan, written: &[WrittenItem]) -> Result<String, Problem> {
    let Some(id) = plan.context.author.batch.as_deref() else { return Ok(String::new()) };
    let body = results(plan, id, written)?;
    let snapshot = body.clone();
    let entry = NewEntry { action: "apply", kind: KIND, id, version: 0, snapshot, changed: &[] };
    journal::append(connection, &plan.context.author, entry)?;
    Ok(body)
}

/// Returns the results of a batch as JSON.
fn results(plan: &BatchPlan, id: &str, written: &[WrittenItem]) -> Result<String, Problem> {
    let result = |(planned, WrittenItem { item, .. }): (&PlannedEntry, &WrittenItem)| BatchResult {
        collection: planned.content_type.collection.to_owned(),
        id: item.id.clone(),
        slug: item.slug.clone(),
        version: item.latest_version(),
        status: item.state().to_owned(),
        local_id: planned.local_id.clone(),
    };
    let own = plan.entries.iter().zip(written).filter(|(planned, _)| !planned.is_nested);
    let (results, not_shown) = (own.map(result).collect(), plan.not_shown.clone());
    let results = BatchResults { id: id.to_owned(), results, not_shown };
    serde_json::to_string(&results).map_err(|error| Problem::internal(&error))
}
