//! Working drafts: what a published or archived item is to become when it is published again. Writing
//! one changes nothing that the public sees.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde::Serialize;
use serde_json::{Map, Value};

use super::write::{Writing, at_version, resource_of};
use super::{derive, slugs};
use crate::database::insert::Rows;
use crate::database::schema::{draft_links, drafts, items};
use crate::database::{Db, any_of, now};
use crate::items::Item;
use crate::journal::diff::pointers;
use crate::journal::{self, Author};
use crate::problem::{Kind, Problem};
use crate::resources::Resource;

/// A row of `drafts`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = drafts, primary_key(item_id), treat_none_as_null = true)]
pub struct WorkingDraft {
    /// Whose draft it is.
    pub item_id: String,
    /// The slug that it is to have.
    pub slug: String,
    /// When it was last written (µs).
    pub updated_at: i64,
    /// By whom.
    pub updated_by: Option<String>,
    /// The stored form, as JSON.
    pub content: String,
}

impl WorkingDraft {
    /// The stored form.
    pub fn content(&self) -> Map<String, Value> {
        serde_json::from_str(&self.content).unwrap_or_default()
    }
}

/// A row of `draft_links`: something that a working draft refers to.
#[derive(Debug, Serialize)]
struct DraftLink {
    source_id: String,
    target_id: String,
}

impl DraftLink {
    const STORED: Rows = Rows { table: "draft_links", columns: &[("source_id", "text"), ("target_id", "text")] };
}

/// What the newest text of an item says: that of its working draft, if it has one.
pub fn newest(item: &Item, draft: Option<&WorkingDraft>) -> Map<String, Value> {
    draft.map_or_else(|| item.content(), WorkingDraft::content)
}

/// Tells the journal what was done to an item, with the working draft that it has now.
pub fn told(
    connection: &mut Db,
    author: &Author,
    action: &str,
    item: &Item,
    draft: Option<&WorkingDraft>,
    changed: &[String],
) -> QueryResult<()> {
    let beside = draft.map(|draft| (draft.slug.as_str(), draft.content.as_str()));
    journal::append_item(connection, author, action, item, beside, changed)
}

/// The working drafts of those of these items that have one, by the item's id.
pub fn of_all(connection: &mut Db, items: &[Item]) -> QueryResult<HashMap<String, WorkingDraft>> {
    let ids: Vec<&str> = items.iter().filter(|item| item.has_working_draft()).map(|item| item.id.as_str()).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<WorkingDraft> = drafts::table
        .filter(any_of(connection.dialect(), drafts::item_id, &ids))
        .select(WorkingDraft::as_select())
        .load(connection)?;
    Ok(rows.into_iter().map(|row| (row.item_id.clone(), row)).collect())
}

/// The working draft of an item, if it has one; without one nothing is asked of the database.
pub fn of(connection: &mut Db, item: &Item) -> QueryResult<Option<WorkingDraft>> {
    if !item.has_working_draft() {
        return Ok(None);
    }
    drafts::table.find(&item.id).select(WorkingDraft::as_select()).first(connection).optional()
}

/// Writes the working draft of an item that is still at `version`; begins one where there is none.
pub fn write(connection: &mut Db, author: &Author, id: &str, version: i64, writing: Writing) -> Result<Item, Problem> {
    let item = at_version(connection, id, version)?;
    let earlier = of(connection, &item)?;
    let (slug, before) = match &earlier {
        Some(draft) => (draft.slug.clone(), draft.content()),
        None => (item.slug.clone(), item.content()),
    };
    let asked = writing.slug.filter(|asked| *asked != slug);
    if let Some(asked) = &asked {
        slugs::require_free(connection, &item.kind, id, asked)?;
    }
    let changed = pointers(&before, &writing.content);
    let content = serde_json::to_string(&writing.content).unwrap_or_default();
    let draft = WorkingDraft {
        item_id: id.to_owned(),
        slug: asked.clone().unwrap_or(slug),
        updated_at: now(),
        updated_by: author.account_id.clone(),
        content,
    };
    put(connection, writing.resource, &draft, earlier.as_ref())?;
    if asked.is_some() {
        slugs::reserve(connection, &item, &draft.slug)?;
    }
    touch(connection, author, "update_draft", item, Some(draft), &changed)
}

/// Stores a working draft in the place of an earlier one, with what it refers to: that must not end
/// before the draft does.
fn put(
    connection: &mut Db,
    resource: &'static Resource,
    draft: &WorkingDraft,
    earlier: Option<&WorkingDraft>,
) -> QueryResult<()> {
    let id = &draft.item_id;
    match earlier {
        Some(_) => diesel::update(drafts::table.find(id)).set(draft).execute(connection)?,
        None => diesel::insert_into(drafts::table).values(draft).execute(connection)?,
    };
    let wanted = derive::targets(resource, &draft.content());
    let known = earlier.map(|earlier| derive::targets(resource, &earlier.content())).unwrap_or_default();
    if wanted == known {
        return Ok(());
    }
    diesel::delete(draft_links::table.filter(draft_links::source_id.eq(id))).execute(connection)?;
    let rows: Vec<DraftLink> =
        wanted.into_iter().map(|target_id| DraftLink { source_id: id.clone(), target_id }).collect();
    DraftLink::STORED.insert(connection, &rows)
}

/// Notes that something beside the public item happened: its stage, its working draft. Neither the
/// public answer nor its entity tag changes.
pub fn touch(
    connection: &mut Db,
    author: &Author,
    action: &str,
    mut item: Item,
    draft: Option<WorkingDraft>,
    changed: &[String],
) -> Result<Item, Problem> {
    item.draft_version = item.latest() + 1;
    diesel::update(items::table.find(&item.id))
        .set((items::stage.eq(&item.stage), items::draft_version.eq(item.draft_version)))
        .execute(connection)?;
    told(connection, author, action, &item, draft.as_ref(), changed)?;
    Ok(item)
}

/// Forgets the working draft; the caller writes the item's row, with the version after the draft's.
pub fn forget(connection: &mut Db, item: &mut Item) -> QueryResult<()> {
    item.version = item.latest();
    item.draft_version = 0;
    slugs::release(connection, &item.id)?;
    diesel::delete(drafts::table.find(&item.id)).execute(connection).map(drop)
}

/// Gives an item that an import made the stage and the working draft that it had elsewhere; says whether
/// that changed anything. The caller renders and journals it. A draft whose slug somebody else has here
/// keeps that of its item: its text is not to be lost.
pub fn restore(
    connection: &mut Db,
    id: &str,
    stage: &str,
    version: i64,
    draft: Option<WorkingDraft>,
) -> Result<bool, Problem> {
    let item: Item = items::table.find(id).select(Item::as_select()).first(connection)?;
    if item.stage == stage && draft.is_none() {
        return Ok(false);
    }
    let mut draft_version = item.draft_version;
    if let Some(mut draft) = draft {
        draft_version = version.max(item.version + 1);
        match slugs::require_free(connection, &item.kind, id, &draft.slug) {
            Err(problem) if problem.kind == Kind::Conflict => draft.slug.clone_from(&item.slug),
            outcome => outcome?,
        }
        put(connection, resource_of(&item)?, &draft, None)?;
        slugs::reserve(connection, &item, &draft.slug)?;
    }
    diesel::update(items::table.find(id))
        .set((items::stage.eq(stage), items::draft_version.eq(draft_version)))
        .execute(connection)?;
    Ok(true)
}
