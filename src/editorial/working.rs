//! Working drafts: unpublished texts of published and archived items.
//!
//! A working draft is a row of its own, not a second version of the item's row. Public reads never look at
//! it, and the item keeps its version, its rendered JSON and its entity tag while the draft is written, so
//! every cached response stays valid. `items.draft_version` tells that an item has a draft, and the version
//! on which writes are conditional is the newer of the two: an editor who has seen only the public text
//! cannot publish a draft unseen.
//!
//! What a draft needs when it is published is secured as soon as it is written: its slug is reserved in
//! `slugs`, and the items that it refers to are rows of `draft_links`, whose foreign keys keep them from
//! being purged.

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
    /// The id of the item.
    pub item_id: String,
    /// The slug that the item gets when the draft is published.
    pub slug: String,
    /// Time of the last write (µs).
    pub updated_at: i64,
    /// The id of the account that made the last write.
    pub updated_by: Option<String>,
    /// The stored form, as JSON.
    pub content: String,
}

impl WorkingDraft {
    /// Parses the stored form.
    pub fn content(&self) -> Map<String, Value> {
        serde_json::from_str(&self.content).unwrap_or_default()
    }
}

/// A row of `draft_links`: an item that a working draft refers to.
#[derive(Debug, Serialize)]
struct DraftLink {
    source_id: String,
    target_id: String,
}

impl DraftLink {
    const STORED: Rows = Rows { table: "draft_links", columns: &[("source_id", "text"), ("target_id", "text")] };
}

/// Returns the content of an item's newest text: that of its working draft if it has one.
pub fn newest(item: &Item, draft: Option<&WorkingDraft>) -> Map<String, Value> {
    draft.map_or_else(|| item.content(), WorkingDraft::content)
}

/// Appends a journal entry about an item and the working draft that it has after the action.
///
/// # Errors
///
/// Fails if the statement fails.
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

/// Loads the working drafts of several items with one query, by the item's id.
///
/// # Errors
///
/// Fails if the query fails.
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

/// Loads the working draft of an item, if it has one. No query is made for an item without one.
///
/// # Errors
///
/// Fails if the query fails.
pub fn of(connection: &mut Db, item: &Item) -> QueryResult<Option<WorkingDraft>> {
    if !item.has_working_draft() {
        return Ok(None);
    }
    drafts::table.find(&item.id).select(WorkingDraft::as_select()).first(connection).optional()
}

/// Writes the working draft of an item that is still at `version`, and creates it if there is none. The first
/// draft starts from the item's own slug and content.
///
/// # Errors
///
/// Fails with `NotFound` if the item does not exist, with `PreconditionFailed` if it has another version,
/// with `Conflict` if the slug is taken, and if a statement fails.
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
    // The reservation comes with the write, not with the publication: whoever asks for the slug later is
    // refused at once, instead of a plan failing when it is due.
    if asked.is_some() {
        slugs::reserve(connection, &item, &draft.slug)?;
    }
    touch(connection, author, "update_draft", item, Some(draft), &changed)
}

/// Stores a working draft in place of an earlier one, with the rows that keep the items it refers to from
/// being purged while the draft exists.
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

/// Gives an item its next draft version after a change of its stage or its working draft. Only `stage` and
/// `draft_version` are written, so the public response and its entity tag stay as they are.
///
/// # Errors
///
/// Fails if a statement fails.
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

/// Deletes the working draft, its links and the reservation of its slug. The caller must save the item's row
/// afterwards: `item.version` is raised to that of the draft here, so that the next version is newer than
/// both. Otherwise the item could get a version that the draft had already, and a stale entity tag would
/// match again.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn forget(connection: &mut Db, item: &mut Item) -> QueryResult<()> {
    item.version = item.latest();
    item.draft_version = 0;
    slugs::release(connection, &item.id)?;
    diesel::delete(drafts::table.find(&item.id)).execute(connection).map(drop)
}

/// Gives an imported item the stage and the working draft that it had in its previous installation, and
/// returns whether that changed anything. The caller renders the item and writes the journal entry. A draft
/// whose slug is taken here gets the slug of its item instead, so that its text is not lost.
///
/// # Errors
///
/// Fails if a statement fails.
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
