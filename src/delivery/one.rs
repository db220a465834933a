//! Single items.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::compose::{Loaded, compose};
use super::{Audience, Shape};
use crate::content::Site;
use crate::content::render::{Fragments, View};
use crate::database::Db;
use crate::database::schema::items;
use crate::items::{self as stored, Item};
use crate::resources::Resource;

/// What came of looking for an item.
#[derive(Debug)]
pub enum One {
    /// Its JSON.
    Here {
        /// The object.
        body: String,
        /// Its version.
        version: i64,
    },
    /// It has another slug now.
    Moved(String),
    /// There is none that may be seen.
    Nowhere,
}

/// Finds an item by id or slug and puts it together: two queries, whatever it refers to.
pub fn one(
    connection: &mut Db,
    resource: &'static Resource,
    site: &Site,
    key: &str,
    shape: &Shape,
) -> QueryResult<One> {
    if !stored::is_address(key) {
        return Ok(One::Nowhere);
    }
    let Some(loaded) = load(connection, resource, site, key, shape)? else {
        return Ok(match stored::moved(connection, resource.kind, key)? {
            // A redirect must not tell that a draft exists.
            Some(slug) if load(connection, resource, site, &slug, shape)?.is_some() => One::Moved(slug),
            _ => One::Nowhere,
        });
    };
    let version = loaded.version;
    let mut objects = compose(connection, resource, site, &[loaded], shape)?;
    Ok(objects.pop().map_or(One::Nowhere, |body| One::Here { body, version }))
}

fn load(
    connection: &mut Db,
    resource: &'static Resource,
    site: &Site,
    key: &str,
    shape: &Shape,
) -> QueryResult<Option<Loaded>> {
    let mut query = items::table.filter(items::kind.eq(resource.kind)).into_boxed();
    query = if stored::is_id(key) {
        query.filter(items::id.eq(key.to_ascii_lowercase()))
    } else {
        query.filter(items::slug.eq(key))
    };
    if shape.audience == Audience::Public {
        query = query.filter(items::live.eq(true));
    }
    if shape.view != View::plain(site) {
        let item: Option<Item> = query.select(Item::as_select()).first(connection).optional()?;
        return Ok(item.map(|item| Loaded::from_item(item, site, &shape.view)));
    }
    type Row = (String, i64, i64, String, String);
    let columns = (items::id, items::version, items::updated_at, items::card, items::detail);
    let row: Option<Row> = query.select(columns).first(connection).optional()?;
    Ok(row.map(|(id, version, updated_at, card, detail)| Loaded {
        id,
        version,
        updated_at,
        fragments: Fragments { card, detail, reference: String::new() },
        content: None,
    }))
}
