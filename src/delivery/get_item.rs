//! Look-up of single items.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content::Site;
use crate::content_types::ContentType;
use crate::database::Db;
use crate::database::schema::items;
use crate::delivery::Shape;
use crate::delivery::render::compose::{Composed, compose};
use crate::delivery::render::loaded_item::Loaded;
use crate::delivery::render::working_drafts;
use crate::delivery::viewer::VisibilityState;
use crate::items::render::Fragments;
use crate::items::{self as stored, Elsewhere, Item, ReferenceTarget};

/// Outcome of looking up an item.
#[derive(Debug)]
pub enum ItemLookup {
    /// The item.
    Here {
        /// JSON object with its dependencies.
        composed: Composed,
        version: i64,
    },
    /// The item has this slug now.
    Moved(String),
    /// There is no item that the viewer may see.
    Nowhere,
}

/// Finds an item by id or slug and composes it: two queries, whatever it refers to.
///
/// # Errors
///
/// Fails if a database statement fails.
pub fn find_item(
    connection: &mut Db,
    resource: &'static ContentType,
    site: &Site,
    key: &str,
    shape: &Shape,
) -> QueryResult<ItemLookup> {
    if !stored::is_address(key) {
        return Ok(ItemLookup::Nowhere);
    }
    let Some(loaded) = load(connection, resource, site, key, shape)? else {
        return match stored::elsewhere(connection, resource.kind, key)? {
            // A redirect must not reveal that a draft exists.
            Some(Elsewhere::Moved(slug)) if load(connection, resource, site, &slug, shape)?.is_some() => {
                Ok(ItemLookup::Moved(slug))
            }
            Some(Elsewhere::Language(id)) => match load(connection, resource, site, &id, shape)? {
                Some(loaded) => here(connection, resource, site, loaded, shape),
                None => Ok(ItemLookup::Nowhere),
            },
            _ => Ok(ItemLookup::Nowhere),
        };
    };
    here(connection, resource, site, loaded, shape)
}

fn here(
    connection: &mut Db,
    resource: &'static ContentType,
    site: &Site,
    loaded: Loaded,
    shape: &Shape,
) -> QueryResult<ItemLookup> {
    let version = loaded.version;
    let mut objects = compose(connection, resource, site, &[loaded], shape)?;
    Ok(objects.pop().map_or(ItemLookup::Nowhere, |composed| ItemLookup::Here { composed, version }))
}

fn load(
    connection: &mut Db,
    resource: &'static ContentType,
    site: &Site,
    key: &str,
    shape: &Shape,
) -> QueryResult<Option<Loaded>> {
    // These two statements stay prepared; one that is put together at run time would not.
    let of_kind = items::table.filter(items::kind.eq(resource.kind));
    let by_id = of_kind.filter(items::id.eq(key.to_ascii_lowercase()));
    let by_slug = of_kind.filter(items::slug.eq(key));
    let is_id = stored::is_id(key);
    if shape.draft || !shape.view.is_plain(site) {
        let item: Option<Item> = match is_id {
            true => by_id.select(Item::as_select()).first(connection),
            false => by_slug.select(Item::as_select()).first(connection),
        }
        .optional()?;
        let Some(item) = item.filter(|item| shape.viewer.finds(&VisibilityState::from(item))) else { return Ok(None) };
        if shape.draft {
            return Ok(working_drafts::newest(connection, resource, site, vec![item], &shape.view)?.pop());
        }
        return Ok(Some(Loaded::from_item(item, site, &shape.view)));
    }
    type Row = (String, i64, i64, String, String);
    let columns = (items::id, items::version, items::updated_at, items::card, items::detail);
    // Only public views come here: viewers of drafts also see hidden languages, which the fragments lack.
    let row: Option<Row> = match is_id {
        true => by_id.filter(items::live.eq(true)).select(columns).first(connection),
        false => by_slug.filter(items::live.eq(true)).select(columns).first(connection),
    }
    .optional()?;
    Ok(row.map(|(id, version, updated_at, card, detail)| {
        Loaded::ready(id, version, updated_at, Fragments { card, detail, reference: String::new() })
    }))
}

/// Renders an item that was just written, for its author. `named` holds the items that it refers to, by id,
/// as far as the write looked them up.
///
/// # Errors
///
/// Fails if a database statement fails.
pub fn shown(
    connection: &mut Db,
    resource: &'static ContentType,
    site: &Site,
    item: &Item,
    named: HashMap<String, ReferenceTarget>,
    shape: &Shape,
) -> QueryResult<String> {
    let loaded = match shape.draft {
        true => working_drafts::newest(connection, resource, site, vec![item.clone()], &shape.view)?,
        false => vec![Loaded::from_item(item.clone(), site, &shape.view).knowing(item, resource, site, named, shape)],
    };
    let composed = compose(connection, resource, site, &loaded, shape)?.pop();
    Ok(composed.map_or_else(String::new, |composed| composed.object))
}
