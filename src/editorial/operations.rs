//! The operations of an editor on one item: read what is there, check, write.

use std::sync::Arc;

use diesel::result::QueryResult;
use serde_json::{Map, Value};

use super::draft::Draft;
use super::idempotency::Idempotent;
use super::write::{self, Origin, Writing, changed_meanwhile};
use crate::app::App;
use crate::auth::permissions::{Action, Area, Role, may};
use crate::content::fault::Faults;
use crate::content::input_form::input_form;
use crate::content::{LocaleMode, merge_patch};
use crate::database::Db;
use crate::items::{self, Among, Found, Item};
use crate::journal::Author;
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
    /// How the answer shows the item.
    pub show: Show,
}

/// Puts an item as it was just written into the form of the answer.
pub type Show = Arc<dyn Fn(&mut Db, &Item) -> QueryResult<String> + Send + Sync>;

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

/// How an existing item is to change.
#[derive(Debug)]
pub enum Change {
    /// All fields anew (PUT).
    Replace(Value),
    /// JSON Merge Patch (PATCH).
    Patch(Value),
    /// Only the state.
    Status(&'static str),
    /// To the trash.
    Trash,
    /// Out of the trash.
    Restore,
}

impl Desk {
    /// Makes an item. With a key that made one before, it is that one.
    pub async fn create(&self, input: Value, key: Option<Idempotent>) -> Result<Made, Problem> {
        let mut faults = Faults::new();
        let draft = Draft::read(self.resource, &input, None, &self.mode, &self.app.site, &mut faults);
        if faults.is_empty() && draft.status.as_deref().is_some_and(|s| s != "draft") {
            self.must(Action::Publish)?;
        }
        let (site, author, resource) = (Arc::clone(&self.app.site), self.author.clone(), self.resource);
        let write = move |c: &mut Db, draft: Draft| {
            if let Some(earlier) = key.as_ref().map_or(Ok(None), |key| key.made_before(c))? {
                return match items::find(c, resource.kind, &earlier)? {
                    Found::Here(item) => Ok((*item, true)),
                    _ => Err(Problem::not_found(resource.noun)),
                };
            }
            let Draft { slug, status, content, .. } = draft;
            let writing = Writing { resource, slug, status, content };
            let item = write::insert(c, &site, &author, writing, Origin::default())?;
            if let Some(key) = key {
                key.keep(c, &item.id)?;
            }
            Ok((item, false))
        };
        let show = Arc::clone(&self.show);
        let show = move |c: &mut Db, (item, _): &(Item, bool)| Ok(show(c, item)?);
        let ((item, replayed), body) =
            self.app.database.exchange(move |c| resolved(c, draft, faults), write, show).await?;
        Ok(Made { item, body, replayed })
    }

    /// Changes an existing item that is still at the version that `version` names.
    pub async fn change(&self, id_or_slug: &str, version: i64, change: Change) -> Result<Made, Problem> {
        let item = self.find(id_or_slug).await?;
        if item.version != version {
            return Err(changed_meanwhile(&item));
        }
        match (&change, item.trashed_at) {
            (Change::Restore, 0) => return Err(Problem::new(Kind::Conflict, "the item is not in the trash")),
            (Change::Restore, _) => self.must(Action::Restore)?,
            (_, at) if at != 0 => {
                return Err(Problem::new(Kind::Conflict, "the item is in the trash; restore it first"));
            }
            (Change::Trash, _) => self.must(Action::Trash)?,
            _ if item.status == "published" => self.must(Action::Publish)?,
            _ => self.must(Action::Update)?,
        }
        match change {
            Change::Trash => self.set_trashed(item, true).await,
            Change::Restore => self.set_trashed(item, false).await,
            Change::Status(status) => self.set_status(item, status).await,
            Change::Replace(input) => self.rewrite(item, input).await,
            Change::Patch(patch) => {
                let mut input = self.present(&item);
                merge_patch::apply(&mut input, patch);
                self.rewrite(item, input).await
            }
        }
    }

    /// The item as an editor would send it.
    fn present(&self, item: &Item) -> Value {
        let mut input: Map<String, Value> = input_form(self.resource.fields, &item.content(), &self.mode);
        input.insert("slug".to_owned(), item.slug.as_str().into());
        input.insert("status".to_owned(), item.status.as_str().into());
        Value::Object(input)
    }

    async fn rewrite(&self, item: Item, input: Value) -> Result<Made, Problem> {
        let before = item.content();
        let mut faults = Faults::new();
        let draft = Draft::read(self.resource, &input, Some(&before), &self.mode, &self.app.site, &mut faults);
        if faults.is_empty() && draft.status.as_deref().is_some_and(|status| status != item.status) {
            self.must(Action::Publish)?;
        }
        let (site, author, resource) = (Arc::clone(&self.app.site), self.author.clone(), self.resource);
        let write = move |c: &mut Db, draft: Draft| {
            let Draft { slug, status, content, .. } = draft;
            let writing = Writing { resource, slug, status, content };
            write::update(c, &site, &author, &item.id, item.version, writing)
        };
        self.made(move |c| resolved(c, draft, faults), write).await
    }

    async fn set_status(&self, item: Item, status: &'static str) -> Result<Made, Problem> {
        if status != item.status {
            self.must(Action::Publish)?;
        }
        let (site, author, resource) = (Arc::clone(&self.app.site), self.author.clone(), self.resource);
        let write = move |c: &mut Db, ()| {
            let content = item.content();
            let writing = Writing { resource, slug: None, status: Some(status.to_owned()), content };
            write::update(c, &site, &author, &item.id, item.version, writing)
        };
        self.made(|_| Ok(()), write).await
    }

    async fn set_trashed(&self, item: Item, trashed: bool) -> Result<Made, Problem> {
        let (site, author) = (Arc::clone(&self.app.site), self.author.clone());
        let write = move |c: &mut Db, ()| write::set_trashed(c, &site, &author, &item.id, item.version, trashed);
        self.made(|_| Ok(()), write).await
    }

    /// Looks, writes, and shows the item as it is then.
    async fn made<R: Send + 'static>(
        &self,
        look: impl FnOnce(&mut Db) -> Result<R, Problem> + Send + 'static,
        write: impl FnOnce(&mut Db, R) -> Result<Item, Problem> + Send + 'static,
    ) -> Result<Made, Problem> {
        let show = Arc::clone(&self.show);
        let show = move |c: &mut Db, item: &Item| Ok(show(c, item)?);
        let (item, body) = self.app.database.exchange(look, write, show).await?;
        Ok(Made { item, body, replayed: false })
    }

    async fn find(&self, id_or_slug: &str) -> Result<Item, Problem> {
        let (kind, key, noun) = (self.resource.kind, id_or_slug.to_owned(), self.resource.noun);
        let found = self.app.database.read_item(move |c| Ok::<_, Problem>(items::find(c, kind, &key)?)).await?;
        match found {
            Found::Here(item) => Ok(*item),
            // A write under an old slug is a write by somebody who did not see the change.
            Found::Moved(slug) => Err(Problem::new(Kind::NotFound, format!("the {noun} has the slug \"{slug}\" now"))),
            Found::Nowhere => Err(Problem::not_found(noun)),
        }
    }

    fn must(&self, action: Action) -> Result<(), Problem> {
        if may(self.role, Area::Content, action) {
            return Ok(());
        }
        let detail = match action {
            Action::Publish => "publishing, or changing what is public, wants the role editor",
            _ => "the role of this account does not permit this",
        };
        Err(Problem::new(Kind::Forbidden, detail))
    }
}

/// Looks up what the draft refers to, so that dangling references are told with all other faults.
fn resolved(connection: &mut Db, mut draft: Draft, mut faults: Faults) -> Result<Draft, Problem> {
    if draft.has_references() {
        draft.resolve(connection, Among::Present, &mut faults)?;
    }
    if faults.is_empty() { Ok(draft) } else { Err(Problem::invalid(faults)) }
}
