//! What is stored beside an item in tables of its own: its ties, the words that lists are filtered by,
//! where it is. All of it follows from the content.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use super::derive;
use crate::content::Site;
use crate::database::Db;
use crate::database::schema::{item_words, links, places};
use crate::items::{Item, Link, Place, Word};
use crate::resources::Resource;

/// Stores what belongs to a new item.
pub fn insert(
    connection: &mut Db,
    item: &Item,
    resource: &'static Resource,
    content: &Map<String, Value>,
    site: &Site,
) -> QueryResult<()> {
    for link in derive::links(&item.id, resource, content, &item.translations(), site) {
        diesel::insert_into(links::table).values(&link).execute(connection)?;
    }
    for word in derive::words(&item.id, resource, content) {
        diesel::insert_into(item_words::table).values(&word).execute(connection)?;
    }
    if let Some(place) = derive::place(&item.id, content) {
        diesel::insert_into(places::table).values(&place).execute(connection)?;
    }
    Ok(())
}

/// Brings what belongs to an item to what it is to be; what is right already stays untouched.
pub fn update(
    connection: &mut Db,
    item: &Item,
    resource: &'static Resource,
    content: &Map<String, Value>,
    site: &Site,
) -> QueryResult<()> {
    relink(connection, &item.id, derive::links(&item.id, resource, content, &item.translations(), site))?;
    if derive::has_words(resource) {
        say(connection, &item.id, derive::words(&item.id, resource, content))?;
    }
    if derive::has_place(resource) {
        locate(connection, &item.id, derive::place(&item.id, content))?;
    }
    Ok(())
}

fn relink(connection: &mut Db, id: &str, wanted: Vec<Link>) -> QueryResult<()> {
    let present: Vec<Link> = links::table.filter(links::source_id.eq(id)).select(Link::as_select()).load(connection)?;
    for link in present.iter().filter(|link| !wanted.contains(link)) {
        diesel::delete(links::table.find((&link.source_id, &link.relation, link.position))).execute(connection)?;
    }
    for link in wanted.iter().filter(|link| !present.contains(link)) {
        diesel::insert_into(links::table).values(link).execute(connection)?;
    }
    Ok(())
}

fn say(connection: &mut Db, id: &str, wanted: Vec<Word>) -> QueryResult<()> {
    let own = item_words::table.filter(item_words::item_id.eq(id));
    let present: Vec<Word> = own.select(Word::as_select()).load(connection)?;
    for word in present.iter().filter(|word| !wanted.contains(word)) {
        diesel::delete(item_words::table.find((&word.item_id, &word.field, &word.value))).execute(connection)?;
    }
    for word in wanted.iter().filter(|word| !present.contains(word)) {
        diesel::insert_into(item_words::table).values(word).execute(connection)?;
    }
    Ok(())
}

fn locate(connection: &mut Db, id: &str, wanted: Option<Place>) -> QueryResult<()> {
    let present: Option<Place> = places::table.find(id).select(Place::as_select()).first(connection).optional()?;
    if present == wanted {
        return Ok(());
    }
    diesel::delete(places::table.find(id)).execute(connection)?;
    if let Some(place) = wanted {
        diesel::insert_into(places::table).values(&place).execute(connection)?;
    }
    Ok(())
}
