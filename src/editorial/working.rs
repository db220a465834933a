//! Working drafts: what a published or archived item is to become when it is published again. Writing
//! one changes nothing that the public sees.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use super::slugs;
use super::write::{Writing, at_version};
use crate::database::schema::{drafts, items};
use crate::database::{Db, any_of, now};
use crate::items::Item;
use crate::journal::diff::pointers;
use crate::journal::{self, Author};
use crate::problem::Problem;

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
    let slug = match writing.slug.filter(|asked| *asked != slug) {
        Some(asked) => slugs::choose(connection, &item.kind, id, Some(&asked), "")?,
        None => slug,
    };
    let changed = pointers(&before, &writing.content);
    let content = serde_json::to_string(&writing.content).unwrap_or_default();
    let draft = WorkingDraft {
        item_id: id.to_owned(),
        slug,
        updated_at: now(),
        updated_by: author.account_id.clone(),
        content,
    };
    if earlier.is_some() {
        diesel::update(drafts::table.find(id)).set(&draft).execute(connection)?;
    } else {
        diesel::insert_into(drafts::table).values(&draft).execute(connection)?;
    }
    touch(connection, author, "update_draft", item, Some(draft), &changed)
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
    diesel::delete(drafts::table.find(&item.id)).execute(connection).map(drop)
}

/// Gives an item that an import made the stage and the working draft that it had elsewhere; says
/// whether that changed anything. The caller renders and journals it.
pub fn restore(
    connection: &mut Db,
    id: &str,
    stage: &str,
    version: i64,
    draft: Option<WorkingDraft>,
) -> QueryResult<bool> {
    let item: Item = items::table.find(id).select(Item::as_select()).first(connection)?;
    if item.stage == stage && draft.is_none() {
        return Ok(false);
    }
    let mut draft_version = item.draft_version;
    if let Some(draft) = &draft {
        draft_version = version.max(item.version + 1);
        diesel::insert_into(drafts::table).values(draft).execute(connection)?;
    }
    diesel::update(items::table.find(id))
        .set((items::stage.eq(stage), items::draft_version.eq(draft_version)))
        .execute(connection)?;
    Ok(true)
}
