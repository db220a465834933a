//! Writes of items. Each function runs within a write transaction that its caller has begun.
//!
//! The columns of an item, its rows in other tables (links, words, coordinates, slugs), the visibility of the
//! items filed under it, and its journal entry change in the same transaction, so that they always agree. The
//! journal entry comes last: it takes a snapshot of the result.

use std::borrow::Cow;
use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::{Map, Value};

use super::slugs::{self, SlugsByLocale};
use super::{branches, menu_limit, redirects, schedule, zone_rules};
use crate::content::local_time::utc_text;
use crate::content::violation::Violations;
use crate::content_types::{ContentType, REDIRECT};
use crate::database::schema::items;
use crate::database::{Db, now};
use crate::editorial::working_drafts::DraftEntry;
use crate::editorial::write_context::WriteContext;
use crate::items::Item;
use crate::items::if_match::version_tag;
use crate::items::redirects::RedirectRule;
use crate::items::store::store;
use crate::items::{projection, side_tables, working_draft};
use crate::journal::diff::pointers;
use crate::journal::{self, Author, ItemEntry};
use crate::problem::{Current, Problem, ProblemKind};

/// A validated item that is to be stored.
#[derive(Debug)]
pub struct ItemWrite<'c> {
    /// The declaration of the item's kind.
    pub content_type: &'static ContentType,
    /// The requested slug, if the request named one.
    pub slug: Option<String>,
    /// The locale of that slug; none for the default locale.
    pub locale: Option<String>,
    /// The requested slugs of several locales.
    pub slugs: SlugsByLocale,
    /// The requested status, if the request named one.
    pub status: Option<String>,
    /// The stored form, references resolved.
    pub content: Cow<'c, Map<String, Value>>,
}

impl ItemWrite<'_> {
    /// Returns the write of a content by a request that names neither slugs nor a status.
    pub fn of(content_type: &'static ContentType, content: Map<String, Value>) -> Self {
        let slugs = SlugsByLocale::new();
        Self { content_type, slug: None, locale: None, slugs, status: None, content: Cow::Owned(content) }
    }
}

/// Replaces the content of an item, as the transaction sees it, that has no working draft, and its slug and
/// status if the request names them. A change of the status cancels what is scheduled for the item.
///
/// # Errors
///
/// Fails with `Conflict` if the item has a working draft or the slug is taken, and otherwise as [`save`] does.
pub fn update(
    connection: &mut Db,
    context: WriteContext<'_>,
    mut item: Item,
    writing: ItemWrite<'_>,
) -> Result<Item, Problem> {
    if item.has_working_draft() {
        return Err(has_working_draft());
    }
    let ItemWrite { slug, locale, slugs: by_locale, status, content, .. } = writing;
    let default_locale = context.site.default_locale();
    let before = slugs::PresentSlugs::of(&item);
    // A patch carries the present slug of its locale beside the slugs that it sets.
    if let Some(requested) = slug.filter(|_| !by_locale.contains_key(locale.as_deref().unwrap_or(default_locale))) {
        slugs::assign(connection, &mut item, locale.as_deref(), &requested)?;
    }
    slugs::assign_all(&mut item, default_locale, &by_locale, |item, slug| {
        slugs::require_free(connection, &item.kind, &item.id, slug).map(drop)
    })?;
    slugs::keep_all(connection, &item, &by_locale)?;
    before.settle(connection, &item)?;
    let action = match status.as_deref() {
        Some("published") if item.status != "published" => "publish",
        Some("archived") if item.status != "archived" => "archive",
        Some("draft") if item.status != "draft" => "unpublish",
        _ => "update",
    };
    if action != "update" {
        item.stage = "draft".to_owned();
        schedule::forget(connection, &item.id)?;
    }
    item.status = status.unwrap_or(item.status);
    save(connection, context, action, item, &content)
}

/// Replaces the content of an imported item once the items that it refers to exist. Version and times stay
/// as they were imported, and the journal gets an entry `import` with the same version.
///
/// # Errors
///
/// Fails with `Invalid` if the item would stand below itself, and if a statement fails.
pub fn complete_import(
    connection: &mut Db,
    context: WriteContext<'_>,
    id: &str,
    content: &Map<String, Value>,
) -> Result<(), Problem> {
    let WriteContext { site, author, .. } = context;
    let mut item: Item = items::table.find(id).select(Item::as_select()).first(connection)?;
    let content_type = content_type_of(&item)?;
    refuse_circle(connection, content_type, id, content)?;
    let (was_live, parent_live) = (item.live, parent_is_live(connection, content_type, content)?);
    projection::fill(&mut item, content_type, content, site, parent_live);
    if item.live && item.shown_at == 0 {
        item.shown_at = now();
    }
    store(connection, &item)?;
    zone_rules::mark_if_behind(connection, content_type)?;
    side_tables::update(connection, &item, content_type, content, site)?;
    if was_live != item.live {
        branches::show_or_hide(connection, author, content_type, &item)?;
    }
    branches::follow_paths(connection, context, &item)?;
    let draft = working_draft::find(connection, &item)?;
    DraftEntry::without_changes("import", draft).append(connection, author, &item)?;
    Ok(())
}

/// Returns the declaration of an item's kind.
///
/// # Errors
///
/// Fails with `Internal` if this program does not know the kind.
pub fn content_type_of(item: &Item) -> Result<&'static ContentType, Problem> {
    ContentType::of_kind(&item.kind).ok_or_else(|| Problem::internal(&format!("unknown kind {}", item.kind)))
}

/// Returns the problem for a write to an item's own text while it has a working draft. Such a write is
/// refused rather than merged: publishing the draft later would silently undo it.
pub fn has_working_draft() -> Problem {
    let detail = "the item has a working draft: write to it with view=draft, or publish or discard it first";
    Problem::new(ProblemKind::Conflict, detail)
}

/// Returns the problem for a write that is based on an outdated version, with the item's current version.
pub fn precondition_failed(item: &Item) -> Problem {
    let version = item.latest_version();
    let mut problem = Problem::new(ProblemKind::PreconditionFailed, format!("the item is now at version {version}"));
    problem.current = Some(Box::new(Current {
        version,
        etag: version_tag(version),
        updated_at: utc_text(item.updated_at),
        changed: Vec::new(),
        conflicts: Vec::new(),
    }));
    problem
}

/// Stores an item with new content under its next version: columns, rendered JSON, the rows beside it, the
/// visibility of the items filed under it, and the journal entry.
///
/// # Errors
///
/// Fails with `Invalid` if the item would stand below itself, with `Conflict` if a menu has no room in the layout, and if a
/// statement fails.
pub fn save(
    connection: &mut Db,
    context: WriteContext<'_>,
    action: &str,
    mut item: Item,
    content: &Map<String, Value>,
) -> Result<Item, Problem> {
    let WriteContext { site, author, .. } = context;
    let content_type = content_type_of(&item)?;
    // Both are read before `projection::fill` below overwrites the columns.
    let was_live = item.live;
    let changed = pointers(&item.content(), content);
    let mut translations = item.translations();
    translations.follow(site, content, &changed);
    item.translations = translations.to_json();
    advance_version(&mut item, author);
    // Only a new parent can close a circle, so other writes save the walk up the tree.
    if parent_of(content_type, content) != item.parent_id.as_deref() {
        refuse_circle(connection, content_type, &item.id, content)?;
    }
    let parent_live = parent_is_live(connection, content_type, content)?;
    projection::fill(&mut item, content_type, content, site, parent_live);
    if item.shown_at == 0 && (item.live || was_live) {
        item.shown_at = item.updated_at;
    }
    if was_live && !item.live {
        // The row still has the slugs that the public saw.
        slugs::note_shown(connection, &item.kind, std::slice::from_ref(&item.id))?;
    }
    store(connection, &item)?;
    zone_rules::mark_if_behind(connection, content_type)?;
    side_tables::update(connection, &item, content_type, content, site)?;
    if was_live != item.live {
        menu_limit::require_room(connection, &item)?;
        branches::show_or_hide(connection, author, content_type, &item)?;
    }
    branches::follow_paths(connection, context, &item)?;
    if let Some(memo) = context.redirects.filter(|_| content_type.kind == REDIRECT.kind) {
        memo.note(site, &item.id, RedirectRule::of(&item, content, site));
    }
    if !was_live || !changed.is_empty() {
        redirects::require_direct(connection, context, &item)?;
    }
    // The snapshot holds the item and its working draft as they are after all of the above.
    let draft = working_draft::find(connection, &item)?;
    DraftEntry { action, draft, changed: &changed }.append(connection, author, &item)?;
    Ok(item)
}

/// Sets the version and the times of an item for its next write.
fn advance_version(item: &mut Item, author: &Author) {
    item.version = item.latest_version() + 1;
    if item.has_working_draft() {
        // With `view=draft`, responses and entity tags show `draft_version`. If it fell behind, editors would
        // send an outdated tag.
        item.draft_version = item.version;
    }
    // The time increases with each write, even if the machine's clock is set back. A preview carries plans
    // out before they are due, and its items must bear the planned time nevertheless.
    item.updated_at = now().max(author.due_at.unwrap_or(0)).max(item.updated_at + 1);
    if item.status == "published" && item.published_at == 0 {
        item.published_at = author.due_at.unwrap_or(item.updated_at);
    }
}

/// Gives an item without a working draft its next version for a change that touches neither its text nor its
/// visibility, such as a plan or an assignment. `updated_at` stays.
///
/// Such changes make a version so that the same entity tag protects them: of two editors who plan or assign
/// with the same tag, the second one's precondition fails.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn bump_version(
    connection: &mut Db,
    context: WriteContext<'_>,
    action: &str,
    mut item: Item,
) -> Result<Item, Problem> {
    let (content_type, live) = (content_type_of(&item)?, item.live);
    let content = item.content();
    item.version = item.latest_version() + 1;
    // The rendered JSON contains the version. Whether the parent is visible is not looked up: visibility does
    // not change here and is put back below.
    projection::fill(&mut item, content_type, &content, context.site, true);
    item.live = live;
    store(connection, &item)?;
    // The instants of its times were computed again.
    zone_rules::mark_if_behind(connection, content_type)?;
    journal::append_item(connection, context.author, &item, ItemEntry { action, ..ItemEntry::default() })?;
    Ok(item)
}

/// Returns the id of the item under which this content files its item.
fn parent_of<'a>(content_type: &'static ContentType, content: &'a Map<String, Value>) -> Option<&'a str> {
    content.get(content_type.parent?)?.as_str()
}

/// Returns the id of the item on whose visibility that of an item with this content depends, if there is one.
/// Only kinds that are declared as the children of their parent's kind depend on it: a session is visible only
/// with its event, but an event does not depend on its type.
pub(super) fn owner_of<'a>(content_type: &'static ContentType, content: &'a Map<String, Value>) -> Option<&'a str> {
    let parent_id = parent_of(content_type, content)?;
    let relation = content_type.relations().find(|r| Some(r.name) == content_type.parent)?;
    let owner = ContentType::of_kind(relation.target).and_then(|target| target.children)?;
    (owner.kind == content_type.kind).then_some(parent_id)
}

/// Returns whether the parent allows the item to be visible.
fn parent_is_live(
    connection: &mut Db,
    content_type: &'static ContentType,
    content: &Map<String, Value>,
) -> QueryResult<bool> {
    owner_of(content_type, content).map_or(Ok(true), |id| is_live(connection, id))
}

/// Returns whether an item is visible to the public. One that is not stored yet, such as another entry of a batch, is not.
pub(super) fn is_live(connection: &mut Db, id: &str) -> QueryResult<bool> {
    let live: Option<bool> = items::table.find(id).select(items::live).first(connection).optional()?;
    Ok(live.unwrap_or(false))
}

/// Refuses content by which an item would stand below itself, such as a topic under one of its own subtopics.
/// A chain of more than 100 ancestors is refused as well, so that the walk always ends.
///
/// # Errors
///
/// Fails with `Invalid` and the code `circle`, and if a query fails.
pub fn refuse_circle(
    connection: &mut Db,
    content_type: &'static ContentType,
    id: &str,
    content: &Map<String, Value>,
) -> Result<(), Problem> {
    refuse_circle_among(connection, content_type, id, content, &HashMap::new())
}

/// Refuses a circle as [`refuse_circle`] does, where `new` has the parents of items that are not stored yet.
pub(super) fn refuse_circle_among(
    connection: &mut Db,
    content_type: &'static ContentType,
    id: &str,
    content: &Map<String, Value>,
    new: &HashMap<String, Option<String>>,
) -> Result<(), Problem> {
    let Some(parent_id) = parent_of(content_type, content) else { return Ok(()) };
    let Some(relation) = content_type.relations().find(|r| Some(r.name) == content_type.parent) else { return Ok(()) };
    if relation.target != content_type.kind {
        return Ok(());
    }
    let mut above = Some(parent_id.to_owned());
    for _ in 0..100 {
        let Some(current) = above else { return Ok(()) };
        if current == id {
            break;
        }
        above = match new.get(&current) {
            Some(parent) => parent.clone(),
            None => items::table.find(&current).select(items::parent_id).first(connection).optional()?.flatten(),
        };
    }
    let place = format!("/{}", relation.name);
    Err(Problem::invalid(Violations::one(place, "circle", "an item cannot stand below itself")))
}
