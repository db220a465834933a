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
use diesel::sql_types::Text;
use serde_json::{Map, Value};

use crate::content_types::ContentType;
use crate::database::insert::{insert_rows, stored_row};
use crate::database::schema::{draft_links, drafts};
use crate::database::{Db, in_list};
use crate::items::Item;
use crate::items::projection;

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
#[derive(Debug)]
struct DraftLink {
    source_id: String,
    target_id: String,
}

stored_row!(DraftLink, draft_links, {
    source_id: Text,
    target_id: Text,
});

/// Returns the content of an item's newest text: that of its working draft if it has one.
pub fn newest_content(item: &Item, draft: Option<&WorkingDraft>) -> Map<String, Value> {
    draft.map_or_else(|| item.content(), WorkingDraft::content)
}

/// Loads the working drafts of several items with one query, by the item's id.
///
/// # Errors
///
/// Fails if the query fails.
pub fn find_all(connection: &mut Db, items: &[Item]) -> QueryResult<HashMap<String, WorkingDraft>> {
    let ids: Vec<&str> = items.iter().filter(|item| item.has_working_draft()).map(|item| item.id.as_str()).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<WorkingDraft> = drafts::table
        .filter(in_list(connection.dialect(), drafts::item_id, &ids))
        .select(WorkingDraft::as_select())
        .load(connection)?;
    Ok(rows.into_iter().map(|row| (row.item_id.clone(), row)).collect())
}

/// Loads the working draft of an item, if it has one. No query is made for an item without one.
///
/// # Errors
///
/// Fails if the query fails.
pub fn find(connection: &mut Db, item: &Item) -> QueryResult<Option<WorkingDraft>> {
    if !item.has_working_draft() {
        return Ok(None);
    }
    drafts::table.find(&item.id).select(WorkingDraft::as_select()).first(connection).optional()
}

/// Stores a working draft in place of an earlier one, with the rows that keep the items it refers to from
/// being purged while the draft exists.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn put(
    connection: &mut Db,
    content_type: &'static ContentType,
    draft: &WorkingDraft,
    earlier: Option<&WorkingDraft>,
) -> QueryResult<()> {
    let id = &draft.item_id;
    match earlier {
        Some(_) => diesel::update(drafts::table.find(id)).set(draft).execute(connection)?,
        None => diesel::insert_into(drafts::table).values(draft).execute(connection)?,
    };
    let targets = projection::targets(content_type, &draft.content());
    let known = earlier.map(|earlier| projection::targets(content_type, &earlier.content())).unwrap_or_default();
    if targets == known {
        return Ok(());
    }
    diesel::delete(draft_links::table.filter(draft_links::source_id.eq(id))).execute(connection)?;
    let rows: Vec<DraftLink> =
        targets.into_iter().map(|target_id| DraftLink { source_id: id.clone(), target_id }).collect();
    insert_rows(connection, &rows)
}
