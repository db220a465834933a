//! The writes of an editor: creations, steps of the workflow, and, in [`super::change`], changes of content.
//!
//! Each write is one write transaction, which also renders the response.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::result::QueryResult;
use serde_json::Value;

use crate::auth::permissions::Role;
use crate::content::slug::is_slug;
use crate::content::violation::{Violation, Violations};
use crate::content::{LocaleMode, Site};
use crate::content_types::ContentType;
use crate::database::{Database, Db};
use crate::delivery::viewer::Viewer;
use crate::editorial::batch::{self, BatchContext, EntryWrite};
use crate::editorial::create::Creation;
use crate::editorial::idempotency::IdempotencyRecord;
use crate::editorial::lifecycle::{self, Operation};
use crate::editorial::publication_checks::PublishedIds;
use crate::editorial::references;
use crate::editorial::validate::{BodyRules, ContentWithIds, LocalNames, ValidatedBody};
use crate::editorial::write::precondition_failed;
use crate::editorial::write_context::WriteContext;
use crate::items::{self, ExpectedVersions, Item, ItemScope, KnownReferences, Lookup, ReferenceTarget};
use crate::journal::Author;
use crate::problem::{Problem, ProblemKind};

/// A request to write items of one content type, apart from the write itself.
#[derive(Clone)]
pub struct WriteRequest {
    pub site: Arc<Site>,
    pub content_type: &'static ContentType,
    /// Whether localised fields are given in one locale or as maps of all locales.
    pub mode: LocaleMode,
    /// The author, as the journal records it.
    pub author: Author,
    /// The role of the editor's account or API key.
    pub role: Role,
    /// Whether writes to published and archived items go to their working drafts (`view=draft`).
    pub to_working_draft: bool,
    /// Whether a write that is based on an older version is merged, if nobody changed the same values
    /// (`merge=auto`).
    pub merge: bool,
}

impl WriteRequest {
    /// Returns the context in which the request's write is made.
    pub fn context(&self) -> WriteContext<'_> {
        WriteContext::of_role(&self.site, &self.author, self.role)
    }

    /// Returns the rules by which bodies of the request are validated.
    pub fn body_rules(&self) -> BodyRules<'_> {
        BodyRules { content_type: self.content_type, mode: &self.mode, site: &self.site }
    }

    /// Returns the locale whose slug a body sets, or `None` for the default locale.
    pub fn slug_locale(&self) -> Option<String> {
        match &self.mode {
            LocaleMode::One(locale) if locale != self.site.default_locale() => Some(locale.clone()),
            _ => None,
        }
    }

    /// Returns the slug that a body for this item has in the request's locale. `default` is the slug in the
    /// default locale.
    pub fn slug_of(&self, item: &Item, default: &str) -> Option<String> {
        let slug = match self.slug_locale() {
            Some(locale) => item.translations().slug(&locale).map(str::to_owned),
            None => Some(default.to_owned()),
        };
        // Older versions of Plenary accepted slugs in the form of an id, and segments of other addresses. Such a slug is left
        // out of the body, which would be refused with it, and so stays until somebody sets another one.
        slug.filter(|slug| is_slug(slug) && self.content_type.allows_slug(slug))
    }
}

/// Writes items as an editor requests it.
pub struct Editor {
    pub database: Database,
    pub request: WriteRequest,
    /// The collections to which the API key is restricted; empty if it is not restricted.
    pub collections: Vec<String>,
    /// Renders the item for the response.
    pub render: RenderItem,
}

/// Renders an item that was just written as the body of the response.
pub type RenderItem = Arc<dyn Fn(&mut Db, &Item, KnownReferences) -> QueryResult<String> + Send + Sync>;

/// The result of a write.
#[derive(Debug)]
pub struct WriteResult {
    /// The item after the write.
    pub item: Item,
    /// The item as the body of the response.
    pub body: String,
    /// Whether an earlier request with the same idempotency key had created the item.
    pub replayed: bool,
    /// Number of its children that a publication left as drafts.
    pub draft_children: usize,
    /// Notes on the parts of the request's rich texts that are not shown; `None` if they are not known yet.
    pub not_shown: Option<Vec<Violation>>,
}

/// An item that a write stored, or that an earlier request with the same idempotency key had created.
pub(super) struct WrittenItem {
    pub(super) item: Item,
    pub(super) references: KnownReferences,
    pub(super) replayed: bool,
    /// Number of its children that a publication left as drafts.
    pub(super) draft_children: usize,
}

impl From<Item> for WrittenItem {
    fn from(item: Item) -> Self {
        Self { item, references: KnownReferences::default(), replayed: false, draft_children: 0 }
    }
}

impl Editor {
    /// Creates an item. With an idempotency key that created one before, returns that item instead.
    ///
    /// # Errors
    ///
    /// Fails with `Invalid` if the body breaks a rule or the idempotency key was used for another request,
    /// with `Forbidden` if the role may not publish and the body asks for another status than draft, with
    /// `Conflict` if the slug is taken, and if the database fails.
    pub async fn create(&self, input: Value, key: Option<IdempotencyRecord>) -> Result<WriteResult, Problem> {
        if batch::has_nested(self.request.content_type, &input) {
            return Ok(self.write_entry(EntryWrite::Create(input, None), key).await?.0);
        }
        // Shared, since a write that is attempted again would copy it.
        let creation = Arc::new(Creation::prepare(self.request.clone(), &input)?);
        let (content_type, not_shown) = (self.request.content_type, Some(creation.not_shown.clone()));
        let written =
            self.write_and_render(move |c: &mut Db| write_once(c, content_type, key, |c| creation.write(c))).await?;
        Ok(WriteResult { not_shown, ..written })
    }

    /// Makes a write together with the creations that are nested in its content. Returns whether it created the item
    /// too.
    ///
    /// # Errors
    ///
    /// Fails as the write does without nested creations, and with `Invalid` if one of these is refused.
    pub(super) async fn write_entry(
        &self,
        write: EntryWrite,
        key: Option<IdempotencyRecord>,
    ) -> Result<(WriteResult, bool), Problem> {
        let context = BatchContext::of(&self.request, self.collections.clone(), Arc::clone(&self.render));
        let content_type = self.request.content_type;
        let plan = Arc::new(batch::prepare_one(&self.database, context, content_type, write).await?);
        let render = Arc::clone(&self.render);
        let all = move |c: &mut Db| {
            let mut created = false;
            let written = write_once(c, content_type, key, |c| {
                let (written, is_new) = batch::write_one(c, &plan)?;
                created = is_new;
                Ok(written)
            })?;
            Ok::<_, Problem>((render_written(c, &render, written)?, created))
        };
        self.database.write_content(all).await
    }

    /// Takes a step of the workflow with an item at a version that `version` accepts.
    ///
    /// # Errors
    ///
    /// Fails with `NotFound` if the item does not exist, with `PreconditionFailed` if it has another version,
    /// otherwise as [`lifecycle::apply`] does, and if the database fails.
    pub async fn take_step(
        &self,
        id_or_slug: &str,
        version: ExpectedVersions,
        operation: Operation,
    ) -> Result<WriteResult, Problem> {
        let apply = move |c: &mut Db, context: WriteContext<'_>, item| {
            lifecycle::apply(c, context, item, operation, &PublishedIds::new())
        };
        self.write_item(id_or_slug, version, apply).await
    }

    /// Moves an item at a version that `version` accepts to the trash. With `unused_for`, this is refused
    /// for an item that something uses, and the problem names what that viewer sees of it.
    ///
    /// # Errors
    ///
    /// Fails with `NotFound` if the item does not exist, with `PreconditionFailed` if it has another version, with
    /// `Conflict` if something uses it, otherwise as [`lifecycle::apply`] does, and if the database fails.
    pub async fn trash(
        &self,
        id_or_slug: &str,
        version: ExpectedVersions,
        unused_for: Option<Viewer>,
    ) -> Result<WriteResult, Problem> {
        let apply = move |c: &mut Db, context: WriteContext<'_>, item: Item| {
            let trashed = lifecycle::apply(c, context, item, Operation::Trash, &PublishedIds::new())?;
            if let Some(viewer) = unused_for {
                references::require_unused(c, &trashed, &viewer)?;
            }
            Ok(trashed)
        };
        self.write_item(id_or_slug, version, apply).await
    }

    /// Hides or shows a translation of an item at a version that `version` accepts.
    ///
    /// # Errors
    ///
    /// Fails with `NotFound` if the item does not exist, with `PreconditionFailed` if it has another version,
    /// otherwise as [`lifecycle::show_translation`] does, and if the database fails.
    pub async fn show_translation(
        &self,
        id_or_slug: &str,
        version: ExpectedVersions,
        locale: String,
        hidden: bool,
    ) -> Result<WriteResult, Problem> {
        let apply = move |c: &mut Db, context: WriteContext<'_>, item| {
            lifecycle::show_translation(c, context, item, &locale, hidden)
        };
        self.write_item(id_or_slug, version, apply).await
    }

    /// Applies `apply` to an item that is read and compared with `version` within the write transaction. It
    /// has no body to validate, so it needs no read beforehand.
    async fn write_item(
        &self,
        id_or_slug: &str,
        version: ExpectedVersions,
        apply: impl FnOnce(&mut Db, WriteContext<'_>, Item) -> Result<Item, Problem> + Clone + Send + 'static,
    ) -> Result<WriteResult, Problem> {
        let (request, key) = (self.request.clone(), id_or_slug.to_owned());
        let write = move |c: &mut Db| {
            let item = find_version(c, request.content_type, &key, &version)?;
            Ok(apply(c, request.context(), item)?.into())
        };
        self.write_and_render(write).await
    }

    /// Runs a write and renders the resulting item, both in one write transaction.
    ///
    /// Rendering in a read transaction afterwards would keep the writer busy for a shorter time, but costs
    /// more in total: the writer's connection has the pages in its cache on SQLite, and on Postgres a second
    /// transaction means additional round trips. It could also show a later write than this one.
    pub(super) async fn write_and_render(
        &self,
        write: impl FnOnce(&mut Db) -> Result<WrittenItem, Problem> + Clone + Send + 'static,
    ) -> Result<WriteResult, Problem> {
        let render = Arc::clone(&self.render);
        let all = move |c: &mut Db| {
            let written = write(c)?;
            Ok::<_, Problem>(render_written(c, &render, written)?)
        };
        self.database.write_content(all).await
    }
}

impl WrittenItem {
    /// Adds the targets of references that the write looked up, by id.
    pub(super) fn with_targets(mut self, targets: HashMap<String, ReferenceTarget>) -> Self {
        self.references.targets = targets;
        self
    }
}

/// Renders an item that was just written.
fn render_written(connection: &mut Db, render: &RenderItem, written: WrittenItem) -> QueryResult<WriteResult> {
    let WrittenItem { item, references, replayed, draft_children } = written;
    let body = render(connection, &item, references)?;
    Ok(WriteResult { item, body, replayed, draft_children, not_shown: None })
}

/// Makes a write, unless an earlier request with the same idempotency key made it: then returns the item of that one.
///
/// The key is looked up before the body is judged: a repeated request must get its item even if the same body would
/// be refused now, such as for a reference that has been purged since.
pub(super) fn write_once(
    connection: &mut Db,
    content_type: &'static ContentType,
    key: Option<IdempotencyRecord>,
    write: impl FnOnce(&mut Db) -> Result<WrittenItem, Problem>,
) -> Result<WrittenItem, Problem> {
    let Some(key) = key else { return write(connection) };
    if let Some(earlier) = key.made_before(connection)? {
        return match items::find(connection, content_type.kind, &earlier)? {
            Lookup::Found(item) => Ok(WrittenItem { replayed: true, ..WrittenItem::from(*item) }),
            _ => Err(Problem::not_found(content_type.noun)),
        };
    }
    let written = write(connection)?;
    key.keep(connection, &written.item.id)?;
    Ok(written)
}

/// Finds the item that is to be written.
///
/// # Errors
///
/// Fails with `NotFound` if there is no such item or the slug is a former one, and if a query fails.
pub fn find(connection: &mut Db, content_type: &'static ContentType, id_or_slug: &str) -> Result<Item, Problem> {
    let noun = content_type.noun;
    match items::find(connection, content_type.kind, id_or_slug)? {
        Lookup::Found(item) => Ok(*item),
        // Unlike reads, writes do not follow a former slug: its user has not seen the change of the slug.
        Lookup::Moved(slug) => {
            Err(Problem::new(ProblemKind::NotFound, format!("the {noun} now has the slug \"{slug}\"")))
        }
        Lookup::Absent => Err(Problem::not_found(noun)),
    }
}

/// Finds the item that is to be written, at a version that `version` accepts.
///
/// # Errors
///
/// Fails as [`find`] does, and with `PreconditionFailed` if the item has another version.
pub fn find_version(
    connection: &mut Db,
    content_type: &'static ContentType,
    id_or_slug: &str,
    version: &ExpectedVersions,
) -> Result<Item, Problem> {
    let item = find(connection, content_type, id_or_slug)?;
    if version.accepts(item.latest_version()) { Ok(item) } else { Err(precondition_failed(&item)) }
}

/// Returns the content of a body with the ids of its references, and reports dangling ones together with all other
/// violations.
pub(super) fn resolve_references<'b>(
    connection: &mut Db,
    body: &'b ValidatedBody,
    names: &LocalNames,
    mut violations: Violations,
) -> Result<ContentWithIds<'b>, Problem> {
    let found = body.find_targets(connection, ItemScope::Present, names)?;
    let text = body.with_ids(&found, names, &mut violations);
    if violations.is_empty() { Ok(text) } else { Err(Problem::invalid(violations)) }
}
