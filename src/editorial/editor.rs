//! The operations of an editor on one item: create, change, and the steps of the workflow.
//!
//! A change reads the stored item in a transaction of its own, computes the new body outside of any
//! transaction, and writes it under the condition that the item still has the version that was read. Only one
//! write transaction runs at a time on all nodes together, so what can be computed before it is not computed
//! in it. Where the condition fails and the client asked for a merge, the change starts anew with the newest
//! version.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::auth::permissions::{Action, Area, Role, is_permitted};
use crate::content::slug::is_slug;
use crate::content::violation::Violations;
use crate::content::{LocaleMode, Site, merge_patch};
use crate::content_types::ContentType;
use crate::database::{Database, Db};
use crate::editorial::idempotency::Idempotent;
use crate::editorial::lifecycle::{self, Operation, WriteContext, require_permission};
use crate::editorial::publication_checks::{self, PublishedIds};
use crate::editorial::releases;
use crate::editorial::three_way_merge::{Merge, as_input};
use crate::editorial::validate::{ValidatedBody, check_patch};
use crate::editorial::working_drafts;
use crate::editorial::write::{self, ItemWrite, Origin, precondition_failed};
use crate::items::working_draft::{self, WorkingDraft};
use crate::items::{self, Among, Expected, Item, Lookup, ReferenceTarget};
use crate::journal::{Author, history};
use crate::problem::{Problem, ProblemKind};

/// An editor's request for one kind of content.
pub struct Editor {
    pub database: Database,
    pub site: Arc<Site>,
    /// The kind of content.
    pub resource: &'static ContentType,
    /// Whether localised fields are given in one locale or as maps of all locales.
    pub mode: LocaleMode,
    /// The author, as the journal records it.
    pub author: Author,
    /// The role of the editor's account or API key.
    pub role: Role,
    /// Whether writes to published and archived items go to their working drafts (`view=draft`).
    pub beside: bool,
    /// Whether a write that is based on an older version is merged, if nobody changed the same values
    /// (`merge=auto`).
    pub merge: bool,
    /// Renders the item for the response.
    pub show: RenderItem,
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
struct Written {
    item: Item,
    named: HashMap<String, ReferenceTarget>,
    replayed: bool,
}

impl From<Item> for Written {
    fn from(item: Item) -> Self {
        Self { item, named: HashMap::new(), replayed: false }
    }
}

/// A change of the content of an existing item.
#[derive(Debug, Clone)]
pub enum ItemChange {
    /// A full replacement of all fields (PUT).
    Replace(Value),
    /// A JSON Merge Patch (PATCH, RFC 7396).
    Patch(Value),
    /// The restoration of an earlier version.
    Revision(i64),
}

/// A stored item with its working draft, as read before a change.
struct StoredItem {
    item: Item,
    draft: Option<WorkingDraft>,
}

impl StoredItem {
    /// Returns the slug and content of the newest text.
    fn text(&self) -> (String, Map<String, Value>) {
        let slug = self.draft.as_ref().map_or(&self.item.slug, |draft| &draft.slug);
        (slug.clone(), working_draft::newest(&self.item, self.draft.as_ref()))
    }
}

/// Maximum number of attempts to merge a change while others keep writing to the same item.
const MERGE_ATTEMPTS: usize = 8;

impl Editor {
    /// Creates an item. With an idempotency key that created one before, returns that item instead.
    ///
    /// # Errors
    ///
    /// Fails with `Invalid` if the body breaks a rule or the idempotency key was used for another request,
    /// with `Forbidden` if the role may not publish and the body asks for another status than draft, with
    /// `Conflict` if the slug is taken, and if the database fails.
    pub async fn create(&self, input: Value, key: Option<Idempotent>) -> Result<WriteResult, Problem> {
        let mut faults = Violations::new();
        let draft = ValidatedBody::read(self.resource, &input, None, &self.mode, &self.site, &mut faults);
        if faults.is_empty() && draft.status.as_deref().is_some_and(|s| s != "draft") {
            require_permission(self.role, Action::Publish)?;
        }
        let (site, author, resource) = (Arc::clone(&self.site), self.author.clone(), self.resource);
        let write = move |c: &mut Db| {
            // The key is looked up before the body is judged: a repeated request must get its item even if
            // the same body would be refused now, such as for a reference that has been purged since.
            if let Some(earlier) = key.as_ref().map_or(Ok(None), |key| key.made_before(c))? {
                return match items::find(c, resource.kind, &earlier)? {
                    Lookup::Found(item) => Ok(Written { replayed: true, ..Written::from(*item) }),
                    _ => Err(Problem::not_found(resource.noun)),
                };
            }
            let draft = resolve_references(c, draft, faults)?;
            if draft.status.as_deref() == Some("published") {
                publication_checks::require(c, &site, resource, &draft.content, None, &draft.live())?;
            }
            let ValidatedBody { slug, status, content, named, .. } = draft;
            let writing = ItemWrite { resource, slug, locale: None, status, content };
            let item = write::insert(c, &site, &author, writing, Origin::default())?;
            if let Some(key) = key {
                key.keep(c, &item.id)?;
            }
            Ok(Written { named, ..Written::from(item) })
        };
        self.made(write).await
    }

    /// Takes a step of the workflow with an item at a version that `version` accepts.
    ///
    /// # Errors
    ///
    /// Fails with `NotFound` if the item does not exist, with `PreconditionFailed` if it has another version,
    /// otherwise as [`lifecycle::apply`] does, and if the database fails.
    pub async fn operate(
        &self,
        id_or_slug: &str,
        version: Expected,
        operation: Operation,
    ) -> Result<WriteResult, Problem> {
        let take = move |c: &mut Db, pen: WriteContext<'_>, item| {
            lifecycle::apply(c, pen, item, operation, &PublishedIds::new())
        };
        self.step(id_or_slug, version, take).await
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
        let take =
            move |c: &mut Db, pen: WriteContext<'_>, item| lifecycle::show_translation(c, pen, item, &locale, hidden);
        self.step(id_or_slug, version, take).await
    }

    /// Runs a step on an item that is read and compared with `version` within the write transaction. A step
    /// has no body to compute, so it needs no read beforehand and no second attempt.
    async fn step(
        &self,
        id_or_slug: &str,
        version: Expected,
        take: impl FnOnce(&mut Db, WriteContext<'_>, Item) -> Result<Item, Problem> + Clone + Send + 'static,
    ) -> Result<WriteResult, Problem> {
        let (site, author, role) = (Arc::clone(&self.site), self.author.clone(), self.role);
        let (resource, key) = (self.resource, id_or_slug.to_owned());
        let write = move |c: &mut Db| {
            let item = find(c, resource, &key)?;
            if !version.accepts(item.latest()) {
                return Err(precondition_failed(&item));
            }
            Ok(take(c, WriteContext { site: &site, author: &author, role: Some(role) }, item)?.into())
        };
        self.made(write).await
    }

    /// Changes the content of an existing item that is at a version that `version` accepts.
    ///
    /// A write that is based on an older version is merged with the changes made since, if the client asked
    /// for it. In that case a write that was overtaken between its read and its write transaction is repeated
    /// from the start, merge included, since the other write may have changed the same values.
    ///
    /// # Errors
    ///
    /// Fails with `NotFound` if the item does not exist; with `PreconditionFailed`, which names what others
    /// changed, if the write is based on an older version and is not or cannot be merged; with `Invalid` if
    /// the resulting body breaks a rule; with `Forbidden` if the role may not make the change; with
    /// `Conflict` if the state of the item does not allow it; and if the database fails.
    pub async fn change(
        &self,
        id_or_slug: &str,
        version: Expected,
        change: ItemChange,
    ) -> Result<WriteResult, Problem> {
        if let ItemChange::Patch(patch) = &change {
            check_patch(self.resource, patch)?;
        }
        for _ in 0..MERGE_ATTEMPTS {
            let before = self.find(id_or_slug).await?;
            let late = !version.accepts(before.item.latest());
            let input = match late {
                true => self.merged(&before, &version, change.clone()).await?,
                false => self.input(&before, change.clone()).await?,
            };
            match self.rewrite(before, input).await {
                // Another write came between the read and the write transaction.
                Err(problem) if self.merge && problem.kind == ProblemKind::PreconditionFailed => {}
                outcome => return outcome,
            }
        }
        let before = self.find(id_or_slug).await?;
        Err(precondition_failed(&before.item))
    }

    /// Computes the full body of a change that is based on the newest version.
    async fn input(&self, before: &StoredItem, change: ItemChange) -> Result<Value, Problem> {
        let (slug, content) = before.text();
        let patched = |patch: Value| {
            let slug = self.slug_of(&before.item, &slug);
            let mut input = as_input(self.resource.fields, slug, &content, &self.mode);
            input.insert("status".to_owned(), before.item.status.as_str().into());
            let mut input = Value::Object(input);
            merge_patch::apply(&mut input, patch);
            input
        };
        match change {
            ItemChange::Replace(input) => Ok(input),
            ItemChange::Patch(patch) => Ok(patched(patch)),
            ItemChange::Revision(version) => {
                let then = self.revision(&before.item, version).await?;
                Ok(as_input(self.resource.fields, Some(then.slug), &then.content, &self.mode).into())
            }
        }
    }

    /// Computes the full body of a change that is based on an older version, by a three-way merge with the
    /// changes made since.
    async fn merged(&self, before: &StoredItem, version: &Expected, change: ItemChange) -> Result<Value, Problem> {
        // After a restore of the database, or a failover that lost the newest writes, a client can hold a
        // version that the journal does not have: there is no base for a merge.
        let Some(version) = version.newest() else { return Err(precondition_failed(&before.item)) };
        let Ok(then) = self.revision(&before.item, version).await else {
            return Err(precondition_failed(&before.item));
        };
        let fields = self.resource.fields;
        let (slug, content) = before.text();
        // The journal has former slugs in the default locale only. In another locale, the current slug stands
        // for the base as well, so that a request without a change of the slug leaves it alone.
        let then_slug = self.slug_of(&before.item, &then.slug);
        let base = as_input(fields, then_slug.clone(), &then.content, &self.mode);
        let current = as_input(fields, self.slug_of(&before.item, &slug), &content, &self.mode);
        let mut wanted = Value::Object(base.clone());
        let mut status = None;
        match change {
            // Restoring a revision replaces everything: there is nothing to merge.
            ItemChange::Revision(_) => return Err(precondition_failed(&before.item)),
            // The patch is applied to the base, the text that its author saw.
            ItemChange::Patch(patch) => merge_patch::apply(&mut wanted, patch),
            ItemChange::Replace(input) => {
                wanted = input;
                // A replacement without a slug keeps the slug; without this, it would count as a removal.
                if let (Some(object), Some(slug)) = (wanted.as_object_mut(), then_slug) {
                    object.entry("slug").or_insert(slug.into());
                }
            }
        }
        let Value::Object(mut wanted) = wanted else { return Ok(wanted) };
        // The status takes no part in the merge, since base and current do not contain it.
        if let Some(asked) = wanted.shift_remove("status") {
            status = Some(asked);
        }
        let mut joined = Merge { base, current, wanted }.join(&before.item, self.merge)?;
        joined.insert("status".to_owned(), status.unwrap_or_else(|| before.item.status.as_str().into()));
        Ok(Value::Object(joined))
    }

    /// Returns the locale whose slug a body sets, or `None` for the default locale.
    fn slug_locale(&self) -> Option<String> {
        match &self.mode {
            LocaleMode::One(locale) if locale != self.site.default_locale() => Some(locale.clone()),
            _ => None,
        }
    }

    /// Returns the slug that a body for this item has in the request's locale.
    fn slug_of(&self, item: &Item, default: &str) -> Option<String> {
        let slug = match self.slug_locale() {
            Some(locale) => item.translations().slug(&locale).map(str::to_owned),
            None => Some(default.to_owned()),
        };
        // Older versions of Plenary accepted slugs in the form of an id. Such a slug is left out of the body,
        // which would be refused with it, and so stays until somebody sets another one.
        slug.filter(|slug| is_slug(slug))
    }

    async fn revision(&self, item: &Item, version: i64) -> Result<history::State, Problem> {
        let (kind, id) = (self.resource.kind, item.id.clone());
        self.database.read(move |c| history::state_at(c, kind, &id, version)).await
    }

    /// Validates a full body and writes it, if the item still has the version of `before`.
    async fn rewrite(&self, before: StoredItem, input: Value) -> Result<WriteResult, Problem> {
        let (_, content) = before.text();
        let mut faults = Violations::new();
        let draft = ValidatedBody::read(self.resource, &input, Some(&content), &self.mode, &self.site, &mut faults);
        let item = before.item;
        let beside = self.beside && (item.status != "draft" || item.has_working_draft());
        if item.trashed_at != 0 {
            return Err(Problem::new(ProblemKind::Conflict, "the item is in the trash; restore it first"));
        }
        let status_changes = draft.status.as_deref().is_some_and(|status| status != item.status);
        let is_public = (item.status == "published" && !beside) || item.stage == "scheduled";
        if is_public || (faults.is_empty() && status_changes) {
            require_permission(self.role, Action::Publish)?;
        }
        if beside && status_changes {
            let detail = "a working draft has no status; use the publish operation";
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        let slug_locale = self.slug_locale();
        if beside && slug_locale.is_some() && draft.slug != self.slug_of(&item, &item.slug) {
            return Err(Problem::invalid(Violations::one(
                "/slug",
                "not_in_draft",
                "slugs in other languages cannot be changed with view=draft",
            )));
        }
        let (site, author, resource, role) = (Arc::clone(&self.site), self.author.clone(), self.resource, self.role);
        let write = move |c: &mut Db| {
            let pen = WriteContext { site: &site, author: &author, role: Some(role) };
            // Ownership and releases are looked up in this transaction, since both could change between a
            // read and the write.
            pen.must(c, &item, Action::UpdateOwn)?;
            if !is_permitted(role, Area::Content, Action::Publish) && releases::will_publish(c, &item.id)? {
                require_permission(role, Action::Publish)?;
            }
            // This comes before the violations of the body: a text that cannot be written here is not judged.
            if item.has_working_draft() && !beside {
                return Err(write::has_working_draft());
            }
            let draft = resolve_references(c, draft, faults)?;
            let live = draft.live();
            let ValidatedBody { slug, status, content, named, .. } = draft;
            let writing = ItemWrite { resource, slug, locale: slug_locale, status, content };
            let version = item.latest();
            if beside {
                return Ok(working_drafts::write(c, &author, &item.id, version, writing)?.into());
            }
            let status = writing.status.as_deref().unwrap_or(&item.status);
            if status == "published" {
                let public = (item.status == "published").then(|| item.content());
                publication_checks::require(c, &site, resource, &writing.content, public.as_ref(), &live)?;
            }
            let item = write::update(c, &site, &author, &item.id, version, writing)?;
            Ok(Written { named, ..Written::from(item) })
        };
        self.made(write).await
    }

    /// Runs a write and renders the resulting item, both in one write transaction.
    ///
    /// Rendering in a read transaction afterwards would keep the writer busy for a shorter time, but costs
    /// more in total: the writer's connection has the pages in its cache on SQLite, and on Postgres a second
    /// transaction means additional round trips. It could also show a later write than this one.
    async fn made(
        &self,
        write: impl FnOnce(&mut Db) -> Result<Written, Problem> + Clone + Send + 'static,
    ) -> Result<WriteResult, Problem> {
        let show = Arc::clone(&self.show);
        let all = move |c: &mut Db| {
            let Written { item, named, replayed } = write(c)?;
            let body = show(c, &item, named)?;
            Ok::<_, Problem>(WriteResult { item, body, replayed })
        };
        self.database.write_content(all).await
    }

    async fn find(&self, id_or_slug: &str) -> Result<StoredItem, Problem> {
        let (resource, key) = (self.resource, id_or_slug.to_owned());
        let look = move |c: &mut Db| {
            let item = find(c, resource, &key)?;
            let draft = working_draft::find(c, &item)?;
            Ok::<_, Problem>(StoredItem { item, draft })
        };
        self.database.read_item(look).await
    }
}

/// Finds the item that is to be written.
///
/// # Errors
///
/// Fails with `NotFound` if there is no such item or the slug is a former one, and if a query fails.
pub fn find(connection: &mut Db, resource: &'static ContentType, id_or_slug: &str) -> Result<Item, Problem> {
    let noun = resource.noun;
    match items::find(connection, resource.kind, id_or_slug)? {
        Lookup::Found(item) => Ok(*item),
        // Unlike reads, writes do not follow a former slug: its user has not seen the change of the slug.
        Lookup::Moved(slug) => {
            Err(Problem::new(ProblemKind::NotFound, format!("the {noun} now has the slug \"{slug}\"")))
        }
        Lookup::Absent => Err(Problem::not_found(noun)),
    }
}

/// Resolves the references of a draft and reports dangling ones together with all other violations of the
/// body.
fn resolve_references(
    connection: &mut Db,
    mut draft: ValidatedBody,
    mut faults: Violations,
) -> Result<ValidatedBody, Problem> {
    if draft.has_references() {
        draft.resolve(connection, Among::Present, &mut faults)?;
    }
    if faults.is_empty() { Ok(draft) } else { Err(Problem::invalid(faults)) }
}
