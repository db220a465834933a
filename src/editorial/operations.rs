//! The operations of an editor on one item: read what is there, check, write.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::result::QueryResult;
use serde_json::{Map, Value};

use super::checks::{self, Together};
use super::draft::{Draft, check_patch};
use super::idempotency::Idempotent;
use super::life::{self, Operation, Pen, allowed};
use super::merge::{Merge, as_input};
use super::releases;
use super::working::{self, WorkingDraft};
use super::write::{self, Origin, Writing, changed_meanwhile};
use crate::app::App;
use crate::auth::permissions::{Action, Area, Role, may};
use crate::content::fault::Faults;
use crate::content::slug::is_slug;
use crate::content::{LocaleMode, merge_patch};
use crate::database::Db;
use crate::items::{self, Among, Expected, Found, Item, Named};
use crate::journal::{Author, history};
use crate::problem::{Kind, Problem};
use crate::resources::Resource;

/// An editor at work.
pub struct Desk {
    /// The application.
    pub app: Arc<App>,
    /// The kind of content.
    pub resource: &'static Resource,
    /// In which form localised fields come.
    pub mode: LocaleMode,
    /// For the journal.
    pub author: Author,
    /// What the editor is trusted with.
    pub role: Role,
    /// Whether writes of published and archived items go to their working drafts (`view=draft`).
    pub beside: bool,
    /// Whether a late write is merged where nobody changed the same places (`merge=auto`).
    pub merge: bool,
    /// How the answer shows the item.
    pub show: Show,
}

/// Puts an item as it was just written into the form of the answer; with what it refers to, by id, as far as
/// that was looked up.
pub type Show = Arc<dyn Fn(&mut Db, &Item, HashMap<String, Named>) -> QueryResult<String> + Send + Sync>;

/// What came of a write.
#[derive(Debug)]
pub struct Made {
    /// The item as it is now.
    pub item: Item,
    /// The same in the form of the answer.
    pub body: String,
    /// An earlier request with the same key had made it.
    pub replayed: bool,
}

/// An item that a write made or found.
struct Written {
    item: Item,
    named: HashMap<String, Named>,
    replayed: bool,
}

impl From<Item> for Written {
    fn from(item: Item) -> Self {
        Self { item, named: HashMap::new(), replayed: false }
    }
}

/// How the content of an existing item is to change.
#[derive(Debug, Clone)]
pub enum Change {
    /// All fields anew (PUT).
    Replace(Value),
    /// JSON Merge Patch (PATCH).
    Patch(Value),
    /// As it was at this version.
    Revision(i64),
}

/// An item as a write found it.
struct Before {
    item: Item,
    draft: Option<WorkingDraft>,
}

impl Before {
    /// The newest text, and its slug.
    fn text(&self) -> (String, Map<String, Value>) {
        let slug = self.draft.as_ref().map_or(&self.item.slug, |draft| &draft.slug);
        (slug.clone(), working::newest(&self.item, self.draft.as_ref()))
    }
}

/// How often a merge is tried anew when others keep writing.
const MERGE_ATTEMPTS: usize = 8;

impl Desk {
    /// Makes an item. With a key that made one before, it is that one.
    pub async fn create(&self, input: Value, key: Option<Idempotent>) -> Result<Made, Problem> {
        let mut faults = Faults::new();
        let draft = Draft::read(self.resource, &input, None, &self.mode, &self.app.site, &mut faults);
        if faults.is_empty() && draft.status.as_deref().is_some_and(|s| s != "draft") {
            allowed(self.role, Action::Publish)?;
        }
        let (site, author, resource) = (Arc::clone(&self.app.site), self.author.clone(), self.resource);
        let write = move |c: &mut Db| {
            // What was made before is shown again, though a body like it would be refused today.
            if let Some(earlier) = key.as_ref().map_or(Ok(None), |key| key.made_before(c))? {
                return match items::find(c, resource.kind, &earlier)? {
                    Found::Here(item) => Ok(Written { replayed: true, ..Written::from(*item) }),
                    _ => Err(Problem::not_found(resource.noun)),
                };
            }
            let draft = resolved(c, draft, faults)?;
            if draft.status.as_deref() == Some("published") {
                checks::require(c, &site, resource, &draft.content, None, &draft.live())?;
            }
            let Draft { slug, status, content, named, .. } = draft;
            let writing = Writing { resource, slug, locale: None, status, content };
            let item = write::insert(c, &site, &author, writing, Origin::default())?;
            if let Some(key) = key {
                key.keep(c, &item.id)?;
            }
            Ok(Written { named, ..Written::from(item) })
        };
        self.made(write).await
    }

    /// Takes a step in the life of an item whose last write made a version that `version` accepts.
    pub async fn operate(&self, id_or_slug: &str, version: Expected, operation: Operation) -> Result<Made, Problem> {
        let take = move |c: &mut Db, pen: Pen<'_>, item| life::apply(c, pen, item, operation, &Together::new());
        self.step(id_or_slug, version, take).await
    }

    /// Hides or shows a language of an item whose last write made a version that `version` accepts.
    pub async fn show_translation(
        &self,
        id_or_slug: &str,
        version: Expected,
        locale: String,
        hidden: bool,
    ) -> Result<Made, Problem> {
        let take = move |c: &mut Db, pen: Pen<'_>, item| life::show_translation(c, pen, item, &locale, hidden);
        self.step(id_or_slug, version, take).await
    }

    /// Writes an item as it is found within the transaction, if its last write made a version that `version` accepts.
    async fn step(
        &self,
        id_or_slug: &str,
        version: Expected,
        take: impl FnOnce(&mut Db, Pen<'_>, Item) -> Result<Item, Problem> + Clone + Send + 'static,
    ) -> Result<Made, Problem> {
        let (site, author, role) = (Arc::clone(&self.app.site), self.author.clone(), self.role);
        let (resource, key) = (self.resource, id_or_slug.to_owned());
        let write = move |c: &mut Db| {
            let item = find(c, resource, &key)?;
            if !version.accepts(item.latest()) {
                return Err(changed_meanwhile(&item));
            }
            Ok(take(c, Pen { site: &site, author: &author, role: Some(role) }, item)?.into())
        };
        self.made(write).await
    }

    /// Changes the content of an existing item whose last write made a version that `version` accepts.
    pub async fn change(&self, id_or_slug: &str, version: Expected, change: Change) -> Result<Made, Problem> {
        if let Change::Patch(patch) = &change {
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
                // Somebody wrote between the look and the write.
                Err(problem) if self.merge && problem.kind == Kind::PreconditionFailed => {}
                outcome => return outcome,
            }
        }
        let before = self.find(id_or_slug).await?;
        Err(changed_meanwhile(&before.item))
    }

    /// What the item is to become, as an editor would send it.
    async fn input(&self, before: &Before, change: Change) -> Result<Value, Problem> {
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
            Change::Replace(input) => Ok(input),
            Change::Patch(patch) => Ok(patched(patch)),
            Change::Revision(version) => {
                let then = self.revision(&before.item, version).await?;
                Ok(as_input(self.resource.fields, Some(then.slug), &then.content, &self.mode).into())
            }
        }
    }

    /// The same for a change that was based on an older version.
    async fn merged(&self, before: &Before, version: &Expected, change: Change) -> Result<Value, Problem> {
        // A version that never was, as after a restore of the database, leaves nothing to compare with.
        let Some(version) = version.newest() else { return Err(changed_meanwhile(&before.item)) };
        let Ok(then) = self.revision(&before.item, version).await else { return Err(changed_meanwhile(&before.item)) };
        let fields = self.resource.fields;
        let (slug, content) = before.text();
        // Of slugs in other languages only the present one is known.
        let then_slug = self.slug_of(&before.item, &then.slug);
        let base = as_input(fields, then_slug.clone(), &then.content, &self.mode);
        let current = as_input(fields, self.slug_of(&before.item, &slug), &content, &self.mode);
        let mut wanted = Value::Object(base.clone());
        let mut status = None;
        match change {
            Change::Revision(_) => return Err(changed_meanwhile(&before.item)),
            Change::Patch(patch) => merge_patch::apply(&mut wanted, patch),
            Change::Replace(input) => {
                wanted = input;
                if let (Some(object), Some(slug)) = (wanted.as_object_mut(), then_slug) {
                    object.entry("slug").or_insert(slug.into());
                }
            }
        }
        let Value::Object(mut wanted) = wanted else { return Ok(wanted) };
        if let Some(asked) = wanted.shift_remove("status") {
            status = Some(asked);
        }
        let mut joined = Merge { base, current, wanted }.join(&before.item, self.merge)?;
        joined.insert("status".to_owned(), status.unwrap_or_else(|| before.item.status.as_str().into()));
        Ok(Value::Object(joined))
    }

    /// The language whose slug a body means; none for the default.
    fn slug_locale(&self) -> Option<String> {
        match &self.mode {
            LocaleMode::One(locale) if locale != self.app.site.default_locale() => Some(locale.clone()),
            _ => None,
        }
    }

    /// The slug that a body would have for this item.
    fn slug_of(&self, item: &Item, default: &str) -> Option<String> {
        let slug = match self.slug_locale() {
            Some(locale) => item.translations().slug(&locale).map(str::to_owned),
            None => Some(default.to_owned()),
        };
        // One of before slugs in the form of an id were refused stays, as long as nobody asks for another.
        slug.filter(|slug| is_slug(slug))
    }

    async fn revision(&self, item: &Item, version: i64) -> Result<history::State, Problem> {
        let (kind, id) = (self.resource.kind, item.id.clone());
        self.app.database.read(move |c| history::state_at(c, kind, &id, version)).await
    }

    async fn rewrite(&self, before: Before, input: Value) -> Result<Made, Problem> {
        let (_, content) = before.text();
        let mut faults = Faults::new();
        let draft = Draft::read(self.resource, &input, Some(&content), &self.mode, &self.app.site, &mut faults);
        let item = before.item;
        let beside = self.beside && (item.status != "draft" || item.has_working_draft());
        if item.trashed_at != 0 {
            return Err(Problem::new(Kind::Conflict, "the item is in the trash; restore it first"));
        }
        let status_changes = draft.status.as_deref().is_some_and(|status| status != item.status);
        let is_public = (item.status == "published" && !beside) || item.stage == "scheduled";
        if is_public || (faults.is_empty() && status_changes) {
            allowed(self.role, Action::Publish)?;
        }
        if beside && status_changes {
            let detail = "a working draft has no status of its own; publish it with the operation";
            return Err(Problem::new(Kind::Conflict, detail));
        }
        let slug_locale = self.slug_locale();
        if beside && slug_locale.is_some() && draft.slug != self.slug_of(&item, &item.slug) {
            return Err(Problem::invalid(Faults::one(
                "/slug",
                "not_in_draft",
                "slugs of other languages are changed without view=draft",
            )));
        }
        let (site, author, resource, role) =
            (Arc::clone(&self.app.site), self.author.clone(), self.resource, self.role);
        let write = move |c: &mut Db| {
            let pen = Pen { site: &site, author: &author, role: Some(role) };
            pen.must(c, &item, Action::UpdateOwn)?;
            if !may(role, Area::Content, Action::Publish) && releases::will_publish(c, &item.id)? {
                allowed(role, Action::Publish)?;
            }
            // A text that may not be written here is not examined.
            if item.has_working_draft() && !beside {
                return Err(write::has_working_draft());
            }
            let draft = resolved(c, draft, faults)?;
            let live = draft.live();
            let Draft { slug, status, content, named, .. } = draft;
            let writing = Writing { resource, slug, locale: slug_locale, status, content };
            let version = item.latest();
            if beside {
                return Ok(working::write(c, &author, &item.id, version, writing)?.into());
            }
            let status = writing.status.as_deref().unwrap_or(&item.status);
            if status == "published" {
                let public = (item.status == "published").then(|| item.content());
                checks::require(c, &site, resource, &writing.content, public.as_ref(), &live)?;
            }
            let item = write::update(c, &site, &author, &item.id, version, writing)?;
            Ok(Written { named, ..Written::from(item) })
        };
        self.made(write).await
    }

    /// Writes an item, or finds that it was written before, and shows it as it is then. All of it is one
    /// transaction of the writer, who has what it needs at hand: its pages on SQLite, and on Postgres there
    /// is no second transaction to begin and to end.
    async fn made(
        &self,
        write: impl FnOnce(&mut Db) -> Result<Written, Problem> + Clone + Send + 'static,
    ) -> Result<Made, Problem> {
        let show = Arc::clone(&self.show);
        let all = move |c: &mut Db| {
            let Written { item, named, replayed } = write(c)?;
            let body = show(c, &item, named)?;
            Ok::<_, Problem>(Made { item, body, replayed })
        };
        self.app.database.write_content(all).await
    }

    async fn find(&self, id_or_slug: &str) -> Result<Before, Problem> {
        let (resource, key) = (self.resource, id_or_slug.to_owned());
        let look = move |c: &mut Db| {
            let item = find(c, resource, &key)?;
            let draft = working::of(c, &item)?;
            Ok::<_, Problem>(Before { item, draft })
        };
        self.app.database.read_item(look).await
    }
}

/// The item that is to be written.
pub fn find(connection: &mut Db, resource: &'static Resource, id_or_slug: &str) -> Result<Item, Problem> {
    let noun = resource.noun;
    match items::find(connection, resource.kind, id_or_slug)? {
        Found::Here(item) => Ok(*item),
        // A write under an old slug is a write by somebody who did not see the change.
        Found::Moved(slug) => Err(Problem::new(Kind::NotFound, format!("the {noun} has the slug \"{slug}\" now"))),
        Found::Nowhere => Err(Problem::not_found(noun)),
    }
}

/// Looks up what the draft refers to, so that dangling references are told with all other faults.
fn resolved(connection: &mut Db, mut draft: Draft, mut faults: Faults) -> Result<Draft, Problem> {
    if draft.has_references() {
        draft.resolve(connection, Among::Present, &mut faults)?;
    }
    if faults.is_empty() { Ok(draft) } else { Err(Problem::invalid(faults)) }
}
