//! Puts items into the database; each function runs within one writing transaction.

use diesel::prelude::*;
use serde_json::{Map, Value};

use super::{beside, derive, schedule, slugs, working, zone_rules};
use crate::content::Site;
use crate::content::fault::Faults;
use crate::content::moment::utc_text;
use crate::content::translations::Translations;
use crate::database::schema::items;
use crate::database::{Db, by_the_way, new_id, now};
use crate::items::Item;
use crate::journal::diff::pointers;
use crate::journal::{self, Author};
use crate::problem::{Current, Kind, Problem};
use crate::resources::Resource;

/// A checked item on its way into the database.
#[derive(Debug)]
pub struct Writing {
    /// Its kind.
    pub resource: &'static Resource,
    /// The slug asked for.
    pub slug: Option<String>,
    /// The language of that slug; none for the default.
    pub locale: Option<String>,
    /// The state asked for.
    pub status: Option<String>,
    /// The stored form, references resolved.
    pub content: Map<String, Value>,
}

/// Makes an item; `id` and times may be given by an import of Plenary's own export.
pub fn insert(
    connection: &mut Db,
    site: &Site,
    author: &Author,
    writing: Writing,
    origin: Origin,
) -> Result<Item, Problem> {
    let Writing { resource, slug, status, content, .. } = writing;
    let id = origin.id.unwrap_or_else(new_id);
    let at = now();
    let title = derive::label(resource, &content, site);
    let wished = slug.is_some();
    let slug = slugs::choose(connection, resource.kind, &id, slug.as_deref(), &title)?;
    let status = status.unwrap_or_else(|| "draft".to_owned());
    let published_at = match origin.published_at {
        Some(given) => given,
        None if status == "published" => at,
        None => 0,
    };
    let mut item = Item {
        id,
        kind: resource.kind.to_owned(),
        slug,
        status,
        live: false,
        version: origin.version.unwrap_or(1),
        created_at: origin.created_at.unwrap_or(at),
        updated_at: origin.updated_at.unwrap_or(at),
        published_at,
        trashed_at: origin.trashed_at.unwrap_or(0),
        created_by: author.account_id.clone(),
        parent_id: None,
        starts_at: 0,
        ends_at: 0,
        position: 0,
        label: String::new(),
        country: None,
        variant: None,
        content: String::new(),
        card: String::new(),
        detail: String::new(),
        reference: String::new(),
        stage: "draft".to_owned(),
        draft_version: 0,
        translations: origin.translations.stored(),
        untranslated: String::new(),
        outdated: String::new(),
        shown_at: 0,
    };
    refuse_circle(connection, resource, &item.id, &content)?;
    let parent_live = parent_is_live(connection, resource, &content)?;
    derive::fill(&mut item, resource, &content, site, parent_live);
    if item.live {
        item.shown_at = at;
    }
    diesel::insert_into(items::table).values(&item).execute(connection)?;
    zone_rules::mark_if_behind(connection, resource)?;
    beside::insert(connection, &item, resource, &content, site)?;
    if wished {
        slugs::keep(connection, resource.kind, &item.id, &item.slug)?;
    } else {
        // It was found free a moment ago, in this transaction.
        slugs::note(connection, resource.kind, &item.id, &item.slug)?;
    }
    journal::append_item(connection, author, "create", &item, None, &[])?;
    Ok(item)
}

/// What an import may bring along of an item's past.
#[derive(Debug, Default, Clone)]
pub struct Origin {
    /// Its id.
    pub id: Option<String>,
    /// Its version.
    pub version: Option<i64>,
    /// When it was made (µs).
    pub created_at: Option<i64>,
    /// When it was last written (µs).
    pub updated_at: Option<i64>,
    /// When it was first published (µs, 0 for never).
    pub published_at: Option<i64>,
    /// When it was moved to the trash (µs, 0 for never).
    pub trashed_at: Option<i64>,
    /// What it has for each language beside its values.
    pub translations: Translations,
}

/// Changes an item that is still at `version` and has no working draft.
pub fn update(
    connection: &mut Db,
    site: &Site,
    author: &Author,
    id: &str,
    version: i64,
    writing: Writing,
) -> Result<Item, Problem> {
    let mut item = at_version(connection, id, version)?;
    if item.has_working_draft() {
        return Err(has_working_draft());
    }
    let Writing { slug, locale, status, content, .. } = writing;
    if let Some(asked) = slug {
        slugs::give(connection, &mut item, locale.as_deref(), &asked)?;
    }
    let action = match status.as_deref() {
        Some("published") if item.status != "published" => "publish",
        Some("archived") if item.status != "archived" => "archive",
        Some("draft") if item.status != "draft" => "unpublish",
        _ => "update",
    };
    if action != "update" {
        item.stage = "draft".to_owned();
        schedule::forget(connection, id)?;
    }
    item.status = status.unwrap_or(item.status);
    save(connection, site, author, action, item, &content)
}

/// Gives an item that an import made the content that it could not have before all others were there:
/// neither its version nor its times change.
pub fn complete(
    connection: &mut Db,
    site: &Site,
    author: &Author,
    id: &str,
    content: &Map<String, Value>,
) -> Result<(), Problem> {
    let mut item: Item = items::table.find(id).select(Item::as_select()).first(connection)?;
    let resource = resource_of(&item)?;
    refuse_circle(connection, resource, id, content)?;
    let parent_live = parent_is_live(connection, resource, content)?;
    derive::fill(&mut item, resource, content, site, parent_live);
    diesel::update(items::table.find(id)).set(&item).execute(connection)?;
    beside::update(connection, &item, resource, content, site)?;
    let draft = working::of(connection, &item)?;
    working::told(connection, author, "import", &item, draft.as_ref(), &[])?;
    Ok(())
}

/// The declaration of an item's kind.
pub fn resource_of(item: &Item) -> Result<&'static Resource, Problem> {
    Resource::of_kind(&item.kind).ok_or_else(|| Problem::internal(&format!("unknown kind {}", item.kind)))
}

/// The item, if its last write made this version.
pub fn at_version(connection: &mut Db, id: &str, version: i64) -> Result<Item, Problem> {
    let item: Option<Item> = items::table.find(id).select(Item::as_select()).first(connection).optional()?;
    let item = item.ok_or_else(|| Problem::not_found("item"))?;
    if item.latest() == version { Ok(item) } else { Err(changed_meanwhile(&item)) }
}

/// The problem of a write past a working draft.
pub fn has_working_draft() -> Problem {
    let detail = "the item has a working draft: write that with view=draft, discard it, or take a step";
    Problem::new(Kind::Conflict, detail)
}

/// The problem of a stale write, with the item's current state.
pub fn changed_meanwhile(item: &Item) -> Problem {
    let version = item.latest();
    let mut problem = Problem::new(Kind::PreconditionFailed, format!("the item is at version {version} now"));
    problem.current = Some(Box::new(Current {
        version,
        etag: format!("\"v{version}\""),
        updated_at: utc_text(item.updated_at),
        changed: Vec::new(),
        conflicts: Vec::new(),
    }));
    problem
}

/// Writes an item with its next version: its columns, ready answers, ties, and the journal.
pub fn save(
    connection: &mut Db,
    site: &Site,
    author: &Author,
    action: &str,
    mut item: Item,
    content: &Map<String, Value>,
) -> Result<Item, Problem> {
    let resource = resource_of(&item)?;
    let was_live = item.live;
    let changed = pointers(&item.content(), content);
    let mut translations = item.translations();
    translations.follow(site, content, &changed);
    item.translations = translations.stored();
    item.version = item.latest() + 1;
    if item.has_working_draft() {
        // The version of an item is that of its last write; the draft's stays the newer one.
        item.draft_version = item.version;
    }
    // A plan is carried out when it is due, and looked at before.
    item.updated_at = now().max(author.due_at.unwrap_or(0)).max(item.updated_at + 1);
    if item.status == "published" && item.published_at == 0 {
        item.published_at = author.due_at.unwrap_or(item.updated_at);
    }
    if parent_of(resource, content) != item.parent_id.as_deref() {
        refuse_circle(connection, resource, &item.id, content)?;
    }
    let parent_live = parent_is_live(connection, resource, content)?;
    derive::fill(&mut item, resource, content, site, parent_live);
    if item.shown_at == 0 && (item.live || was_live) {
        item.shown_at = item.updated_at;
    }
    diesel::update(items::table.find(&item.id)).set(&item).execute(connection)?;
    zone_rules::mark_if_behind(connection, resource)?;
    beside::update(connection, &item, resource, content, site)?;
    if was_live != item.live {
        pass_on(connection, resource, &item)?;
    }
    let draft = working::of(connection, &item)?;
    working::told(connection, author, action, &item, draft.as_ref(), &changed)?;
    Ok(item)
}

/// Gives an item without a working draft its next version, where neither its text nor what the public
/// sees of it changes: what was planned for it, or who takes care of it. When it was last written stays.
pub fn renew(connection: &mut Db, site: &Site, author: &Author, action: &str, mut item: Item) -> Result<Item, Problem> {
    let (resource, live) = (resource_of(&item)?, item.live);
    let content = item.content();
    item.version = item.latest() + 1;
    // The ready answers tell the version.
    derive::fill(&mut item, resource, &content, site, true);
    item.live = live;
    diesel::update(items::table.find(&item.id)).set(&item).execute(connection)?;
    working::told(connection, author, action, &item, None, &[])?;
    Ok(item)
}

/// The id of the item that this one is filed under.
fn parent_of<'a>(resource: &'static Resource, content: &'a Map<String, Value>) -> Option<&'a str> {
    content.get(resource.parent?)?.as_str()
}

/// Whether the item that this one is filed under can be seen, where that matters: sessions are
/// seen only with their event.
fn parent_is_live(
    connection: &mut Db,
    resource: &'static Resource,
    content: &Map<String, Value>,
) -> Result<bool, Problem> {
    let Some(parent_id) = parent_of(resource, content) else { return Ok(true) };
    let Some(relation) = resource.relations().find(|r| Some(r.name) == resource.parent) else { return Ok(true) };
    let owner = Resource::of_kind(relation.target).and_then(|r| r.children);
    if owner.is_some_and(|children| children.kind == resource.kind) {
        return Ok(items::table.find(parent_id).select(items::live).first(connection)?);
    }
    Ok(true)
}

/// Refuses a text by which an item would stand below itself.
pub fn refuse_circle(
    connection: &mut Db,
    resource: &'static Resource,
    id: &str,
    content: &Map<String, Value>,
) -> Result<(), Problem> {
    let Some(parent_id) = parent_of(resource, content) else { return Ok(()) };
    let Some(relation) = resource.relations().find(|r| Some(r.name) == resource.parent) else { return Ok(()) };
    if relation.target != resource.kind {
        return Ok(());
    }
    let mut above = Some(parent_id.to_owned());
    for _ in 0..100 {
        let Some(current) = above else { return Ok(()) };
        if current == id {
            break;
        }
        above = items::table.find(&current).select(items::parent_id).first(connection).optional()?.flatten();
    }
    let place = format!("/{}", relation.name);
    Err(Problem::invalid(Faults::one(place, "circle", "an item cannot stand below itself")))
}

/// Shows or hides the items filed under one that appeared or disappeared.
fn pass_on(connection: &mut Db, resource: &'static Resource, item: &Item) -> QueryResult<()> {
    let Some(children) = resource.children else { return Ok(()) };
    let kind = by_the_way(connection.dialect(), items::kind, [children.kind]);
    let below = items::parent_id.eq(&item.id).and(kind);
    if item.live {
        let visible = items::status.eq("published").and(items::trashed_at.eq(0));
        let first = diesel::update(items::table.filter(below.clone()).filter(visible).filter(items::shown_at.eq(0)));
        first.set(items::shown_at.eq(item.updated_at)).execute(connection)?;
        diesel::update(items::table.filter(below).filter(visible)).set(items::live.eq(true)).execute(connection)?;
    } else {
        diesel::update(items::table.filter(below)).set(items::live.eq(false)).execute(connection)?;
    }
    Ok(())
}
