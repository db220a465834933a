//! The rows that are stored for an item in other tables: its links, the words by which lists are filtered,
//! its coordinates, and the rule of a redirect. All of them follow from the content.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::Site;
use crate::content_types::{ContentType, REDIRECT};
use crate::database::Db;
use crate::database::insert::insert_rows;
use crate::database::schema::{item_words, links, places};
use crate::items::projection;
use crate::items::redirects::{self, RedirectRule};
use crate::items::{Coordinates, Item, Link, Word};

/// A new item with its kind and its content.
pub type NewContent<'a> = (&'a Item, &'static ContentType, &'a Map<String, Value>);

/// The rows of new items in other tables than that of links.
#[derive(Debug, Default)]
pub struct NewRows {
    pub words: Vec<Word>,
    pub places: Vec<Coordinates>,
    pub redirects: Vec<RedirectRule>,
}

/// Returns the rows of new items, which must be stored after the items.
pub fn of_new<'a>(site: &Site, new: impl Iterator<Item = NewContent<'a>>) -> NewRows {
    let mut rows = NewRows::default();
    for (item, content_type, content) in new {
        rows.words.extend(projection::words(item, content_type, content, site));
        rows.places.extend(projection::coordinates(&item.id, content_type, content));
        rows.redirects.extend(RedirectRule::of(item, content, site));
    }
    rows
}

/// Brings the rows of an item in line with its content. Only rows that differ are deleted and inserted: most
/// changes of an item touch none of them, and each row that is written costs index pages.
///
/// # Errors
///
/// Fails if a statement fails, such as on a link to an item that does not exist.
pub fn update(
    connection: &mut Db,
    item: &Item,
    content_type: &'static ContentType,
    content: &Map<String, Value>,
    site: &Site,
) -> QueryResult<()> {
    update_links(connection, &item.id, projection::links_of_row(item, content_type, content, site))?;
    if projection::has_words(content_type) {
        update_words(connection, &item.id, projection::words(item, content_type, content, site))?;
    }
    if content_type.coordinates.is_some() {
        update_coordinates(connection, &item.id, projection::coordinates(&item.id, content_type, content))?;
    }
    if content_type.kind == REDIRECT.kind {
        redirects::update(connection, &item.id, RedirectRule::of(item, content, site))?;
    }
    Ok(())
}

fn update_links(connection: &mut Db, id: &str, requested: Vec<Link>) -> QueryResult<()> {
    let present: Vec<Link> = links::table.filter(links::source_id.eq(id)).select(Link::as_select()).load(connection)?;
    // Deletions come first: a changed link has the same primary key as the one that it replaces.
    for link in present.iter().filter(|link| !requested.contains(link)) {
        diesel::delete(links::table.find((&link.source_id, &link.relation, link.position))).execute(connection)?;
    }
    let new: Vec<Link> = requested.into_iter().filter(|link| !present.contains(link)).collect();
    insert_rows(connection, &new)
}

fn update_words(connection: &mut Db, id: &str, requested: Vec<Word>) -> QueryResult<()> {
    let own = item_words::table.filter(item_words::item_id.eq(id));
    let present: Vec<Word> = own.select(Word::as_select()).load(connection)?;
    for word in present.iter().filter(|word| !requested.contains(word)) {
        diesel::delete(item_words::table.find((&word.item_id, &word.field, &word.value))).execute(connection)?;
    }
    let new: Vec<Word> = requested.into_iter().filter(|word| !present.contains(word)).collect();
    insert_rows(connection, &new)
}

fn update_coordinates(connection: &mut Db, id: &str, requested: Option<Coordinates>) -> QueryResult<()> {
    let present: Option<Coordinates> =
        places::table.find(id).select(Coordinates::as_select()).first(connection).optional()?;
    if present == requested {
        return Ok(());
    }
    diesel::delete(places::table.find(id)).execute(connection)?;
    insert_rows(connection, requested.as_slice())
}
