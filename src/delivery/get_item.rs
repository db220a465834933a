//! Look-up of single items.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::Db;
use crate::database::schema::items;
use crate::delivery::ReadContext;
use crate::delivery::render::compose::{ComposedItem, compose};
use crate::delivery::render::loaded_item::LoadedItem;
use crate::delivery::render::working_drafts::with_drafts;
use crate::delivery::viewer::{Viewer, VisibilityState};
use crate::items::render::Fragments;
use crate::items::unsaved_site::{self, is_only_item};
use crate::items::{self as stored, Item, KnownReferences, SlugTarget, read_detail, taken_slugs};

/// Outcome of looking up an item.
#[derive(Debug)]
pub enum ItemLookup {
    /// The item.
    Found {
        /// JSON object with its dependencies.
        item: ComposedItem,
        version: i64,
    },
    /// The item has this slug now.
    Moved(String),
    /// There is no item that the viewer may see.
    Absent,
}

/// Finds an item by id or slug and composes it: two queries, whatever it refers to.
///
/// # Errors
///
/// Fails if a database statement fails.
pub fn find_item(connection: &mut Db, context: ReadContext<'_>, key: &str) -> QueryResult<ItemLookup> {
    if !stored::is_address(key) {
        return Ok(ItemLookup::Absent);
    }
    let loaded = match load_item(connection, context, key)? {
        Some(item) => Some(item),
        None => match stored::find_elsewhere(connection, context.content_type.kind, key)? {
            // A redirect must not reveal that a draft exists.
            Some(SlugTarget::Moved(slug)) if load_item(connection, context, &slug)?.is_some() => {
                return Ok(ItemLookup::Moved(slug));
            }
            // The slug of a hidden language is a part of it.
            Some(SlugTarget::Language(id, is_shown))
                if is_shown || context.shape.viewer.sees_drafts_of(context.content_type.kind, &id) =>
            {
                load_item(connection, context, &id)?
            }
            _ => None,
        },
    };
    let loaded = match loaded {
        None if is_only_item(context.content_type, key) => load_unsaved_settings(connection, context)?,
        loaded => loaded,
    };
    let Some(item) = loaded else {
        return Ok(former_holder(connection, context, key)?.map_or(ItemLookup::Absent, ItemLookup::Moved));
    };
    let version = item.version;
    let composed = compose(connection, context, &[item])?.pop();
    Ok(composed.map_or(ItemLookup::Absent, |item| ItemLookup::Found { item, version }))
}

/// Returns the present slug of the item that the viewer may see, and that had this slug before one took it which the viewer
/// may not see.
fn former_holder(connection: &mut Db, context: ReadContext<'_>, key: &str) -> QueryResult<Option<String>> {
    if stored::is_id(key) {
        return Ok(None);
    }
    for holder in taken_slugs::former_holders(connection, context.content_type.kind, key)? {
        if load_item(connection, context, &holder.id)?.is_some() {
            return Ok(Some(holder.slug));
        }
    }
    Ok(None)
}

/// Returns the settings of the site as the configuration names them, if nobody has changed them.
fn load_unsaved_settings(connection: &mut Db, context: ReadContext<'_>) -> QueryResult<Option<LoadedItem>> {
    if unsaved_site::is_stored(connection)? {
        return Ok(None);
    }
    Ok(Some(LoadedItem::from_item(unsaved_site::item(context.site), context.site, &context.shape.view)))
}

fn load_item(connection: &mut Db, context: ReadContext<'_>, key: &str) -> QueryResult<Option<LoadedItem>> {
    let ReadContext { content_type, site, shape } = context;
    // These two statements stay prepared; one that is put together at run time would not.
    let of_kind = items::table.filter(items::kind.eq(content_type.kind));
    let by_id = of_kind.filter(items::id.eq(key.to_ascii_lowercase()));
    let by_slug = of_kind.filter(items::slug.eq(key));
    let is_id = stored::is_id(key);
    // The holder of a link sees children that wait for their parent, without seeing drafts of them.
    if shape.draft || !shape.view.is_plain(site) || matches!(shape.viewer, Viewer::Link { .. }) {
        let item: Option<Item> = match is_id {
            true => by_id.select(Item::as_select()).first(connection),
            false => by_slug.select(Item::as_select()).first(connection),
        }
        .optional()?;
        let Some(item) = item.filter(|item| shape.viewer.finds(&VisibilityState::from(item))) else { return Ok(None) };
        if shape.draft {
            return Ok(with_drafts(connection, context, vec![item])?.pop());
        }
        return Ok(Some(LoadedItem::from_item(item, site, &shape.view)));
    }
    type Row = (String, i64, i64, String, Vec<u8>);
    let columns = (items::id, items::version, items::updated_at, items::card, items::detail);
    // Only public views come here: viewers of drafts also see hidden languages, which the fragments lack.
    let row: Option<Row> = match is_id {
        true => by_id.filter(items::live.eq(true)).select(columns).first(connection),
        false => by_slug.filter(items::live.eq(true)).select(columns).first(connection),
    }
    .optional()?;
    Ok(row.map(|(id, version, updated_at, card, detail)| {
        let fragments = Fragments { card, detail: read_detail(&detail), reference: String::new() };
        LoadedItem::from_fragments(id, version, updated_at, fragments)
    }))
}

/// Returns the JSON object of an item that was just written, for its author.
///
/// # Errors
///
/// Fails if a database statement fails.
pub fn render_written_item(
    connection: &mut Db,
    context: ReadContext<'_>,
    item: &Item,
    references: KnownReferences,
) -> QueryResult<String> {
    let view = &context.shape.view;
    let loaded = match context.shape.draft {
        true => with_drafts(connection, context, vec![item.clone()])?,
        false => {
            vec![LoadedItem::from_item(item.clone(), context.site, view).with_references(context, item, references)]
        }
    };
    let composed = compose(connection, context, &loaded)?.pop();
    Ok(composed.map_or_else(String::new, |item| item.object))
}
