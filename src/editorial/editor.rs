//! The writes of an editor: creations, steps of the workflow, and, in [`super::change`], changes of content.
//!
//! Each write is one write transaction, which also renders the response.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::result::QueryResult;
use serde_json::Value;

use crate::auth::permissions::{Action, Role};
use crate::content::slug::is_slug;
use crate::content::violation::Violations;
use crate::content::{LocaleMode, Site};
use crate::content_types::ContentType;
use crate::database::{Database, Db};
use crate::editorial::idempotency::Idempotent;
use crate::editorial::lifecycle::{self, Operation};
use crate::editorial::publication_checks::{Publication, PublishedIds};
use crate::editorial::validate::{BodyRules, ValidatedBody};
use crate::editorial::write::{self, ItemWrite, Origin, precondition_failed};
use crate::editorial::write_context::{WriteContext, require_permission};
use crate::items::{self, Among, Expected, Item, Lookup, ReferenceTarget};
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
        WriteContext { site: &self.site, author: &self.author, role: Some(self.role) }
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
        // Older versions of Plenary accepted slugs in the form of an id. Such a slug is left out of the body,
        // which would be refused with it, and so stays until somebody sets another one.
        slug.filter(|slug| is_slug(slug))
    }
}

/// Writes items as an editor requests it.
pub struct Editor {
    pub database: Database,
    pub request: WriteRequest,
    /// Renders the item for the response.
    pub render: RenderItem,
}

/// Renders an item that was just written as the body of the response. The map holds the targets of its
/// references by id, as far as the write looked them up, so that they are not read twice.
pub type RenderItem =
    Arc<dyn Fn(&mut Db, &Item, HashMap<String, ReferenceTarget>) -> QueryResult<String> + Send + Sync>;

/// The result of a write.
#[derive(Debug)]
pub struct WriteResult {
    /// The item after the write.
    pub item: Item,
    /// The item as the body of the response.
    pub body: String,
    /// Whether an earlier request with the same idempotency key had created the item.
    pub replayed: bool,
}

/// An item that a write stored, or that an earlier request with the same idempotency key had created.
pub(super) struct Written {
    pub(super) item: Item,
    /// The targets of the item's references by id, as far as the write looked them up.
    pub(super) targets: HashMap<String, ReferenceTarget>,
    pub(super) replayed: bool,
}

impl From<Item> for Written {
    fn from(item: Item) -> Self {
        Self { item, targets: HashMap::new(), replayed: false }
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
    pub async fn create(&self, input: Value, key: Option<Idempotent>) -> Result<WriteResult, Problem> {
        let mut violations = Violations::new();
        let body = ValidatedBody::read(self.request.body_rules(), &input, None, &mut violations);
        if violations.is_empty() && body.status.as_deref().is_some_and(|s| s != "draft") {
            require_permission(self.request.role, Action::Publish)?;
        }
        let request = self.request.clone();
        let write = move |c: &mut Db| {
            let content_type = request.content_type;
            // The key is looked up before the body is judged: a repeated request must get its item even if
            // the same body would be refused now, such as for a reference that has been purged since.
            if let Some(earlier) = key.as_ref().map_or(Ok(None), |key| key.made_before(c))? {
                return match items::find(c, content_type.kind, &earlier)? {
                    Lookup::Found(item) => Ok(Written { replayed: true, ..Written::from(*item) }),
                    _ => Err(Problem::not_found(content_type.noun)),
                };
            }
            let body = resolve_references(c, body, violations)?;
            if body.status.as_deref() == Some("published") {
                let published = body.published_targets();
                let (site, content) = (&request.site, &body.content);
                Publication { site, content_type, content, public: None, published: &published }.require(c)?;
            }
            let ValidatedBody { slug, status, content, targets, .. } = body;
            let writing = ItemWrite { content_type, slug, locale: None, status, content };
            let item = write::insert(c, request.context(), writing, Origin::default())?;
            if let Some(key) = key {
                key.keep(c, &item.id)?;
            }
            Ok(Written { targets, ..Written::from(item) })
        };
        self.write_and_render(write).await
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
        version: Expected,
        operation: Operation,
    ) -> Result<WriteResult, Problem> {
        let apply = move |c: &mut Db, context: WriteContext<'_>, item| {
            lifecycle::apply(c, context, item, operation, &PublishedIds::new())
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
        version: Expected,
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
        version: Expected,
        apply: impl FnOnce(&mut Db, WriteContext<'_>, Item) -> Result<Item, Problem> + Clone + Send + 'static,
    ) -> Result<WriteResult, Problem> {
        let (request, key) = (self.request.clone(), id_or_slug.to_owned());
        let write = move |c: &mut Db| {
            let item = find(c, request.content_type, &key)?;
            if !version.accepts(item.latest()) {
                return Err(precondition_failed(&item));
            }
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
        write: impl FnOnce(&mut Db) -> Result<Written, Problem> + Clone + Send + 'static,
    ) -> Result<WriteResult, Problem> {
        let render = Arc::clone(&self.render);
        let all = move |c: &mut Db| {
            let Written { item, targets, replayed } = write(c)?;
            let body = render(c, &item, targets)?;
            Ok::<_, Problem>(WriteResult { item, body, replayed })
        };
        self.database.write_content(all).await
    }
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

/// Resolves the references of a body and reports dangling ones together with all other violations.
pub(super) fn resolve_references(
    connection: &mut Db,
    mut body: ValidatedBody,
    mut violations: Violations,
) -> Result<ValidatedBody, Problem> {
    if body.has_references() {
        body.resolve(connection, Among::Present, &mut violations)?;
    }
    if violations.is_empty() { Ok(body) } else { Err(Problem::invalid(violations)) }
}
