//! Lists: one page of items, with cursors to the neighbouring pages.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::Site;
use crate::content_types::ContentType;
use crate::database::schema::items;
use crate::database::{Db, in_list};
use crate::delivery::Shape;
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::cache::item_cache::{CacheScope, CachedItem, shape_key};
use crate::delivery::query::cursor::{Cursor, KeyValue};
use crate::delivery::query::{ListQuery, MAX_OFFSET};
use crate::delivery::render::compose::compose;
use crate::delivery::render::loaded_item::Loaded;
use crate::delivery::render::working_drafts;
use crate::delivery::sql::facets::Counting;
use crate::delivery::sql::keyset::{KeysetWalk, Row};
use crate::delivery::sql::selection::Selection;
use crate::delivery::sql::text_match::{TextMatches, too_expensive};
use crate::delivery::viewer::VisibilityState;
use crate::items::Item;
use crate::items::render::Fragments;
use crate::problem::Problem;
use crate::search::Search;

/// One page of a list.
#[derive(Debug)]
pub struct Page {
    /// Rendered items.
    pub cards: Vec<Arc<CachedItem>>,
    /// Cursor of the next page, if there is one.
    pub next: Option<String>,
    /// Cursor of the previous page, if there is one.
    pub previous: Option<String>,
    /// Total number of items, if requested.
    pub total: Option<i64>,
    /// Excerpts around the matches of a text, by item id, if requested.
    pub highlights: Vec<(String, String)>,
    /// Requested facets, by name.
    pub facets: Map<String, Value>,
    /// Content types and items that the page depends on.
    pub dependencies: Dependencies,
}

/// Context in which a page is computed.
#[derive(Clone, Copy)]
pub struct ListContext<'a> {
    pub site: &'a Site,
    /// Key that signs cursors.
    pub cursor_key: &'a [u8],
    /// Full-text index.
    pub search: &'a Search,
    /// Access to the cached items.
    pub shelf: CacheScope<'a>,
    /// Maximum number of items over which facets are counted.
    pub facet_items: i64,
}

/// Computes a page. The number of statements depends on the filters and includes, never on the number of
/// items.
///
/// # Errors
///
/// Returns a problem with the code `too_expensive` if the query would take too long. Fails if the search index or
/// the database cannot be read.
pub fn page(
    connection: &mut Db,
    resource: &'static ContentType,
    kitchen: ListContext<'_>,
    query: &ListQuery,
) -> Result<Page, Problem> {
    let ListContext { site, cursor_key, search, shelf, facet_items } = kitchen;
    let selection = Selection::new(connection, resource, query, shelf)?;
    let found = TextMatches::new(search, resource, query, query.locale(site))?;
    let total = if query.count { Some(total(connection, &selection, found.as_ref())?) } else { None };
    let (ids, next, previous) = match &found {
        Some(found) if query.by_relevance() => by_relevance(connection, resource, &selection, found, query)?,
        _ => in_order(connection, resource, &selection, found.as_ref(), query)?,
    };
    let cards = cards(connection, resource, site, &ids, &query.shape, shelf)?;
    let highlights = match &found {
        Some(found) if query.highlights => highlights(connection, site, found, &ids)?,
        _ => Vec::new(),
    };
    let facets = match query.facets.is_empty() {
        true => Map::new(),
        false => facets(connection, (site, facet_items), &selection, found.as_ref(), query)?,
    };
    let encode = |cursor: Option<Cursor>| cursor.map(|cursor| cursor.encode(cursor_key));
    let dependencies = dependencies(resource, query, &cards);
    Ok(Page { cards, next: encode(next), previous: encode(previous), total, highlights, facets, dependencies })
}

/// Returns the dependencies of a page with these items.
fn dependencies(resource: &'static ContentType, query: &ListQuery, cards: &[Arc<CachedItem>]) -> Dependencies {
    let mut all = query.dependencies(resource);
    cards.iter().for_each(|card| all.add(&card.dependencies));
    all
}

/// Computes a page whose items one statement can find; `None` if others are needed.
///
/// If all items are cached, that statement is the only one, and needs no transaction. Missing items are
/// composed after it, without a transaction around both, which would cost Postgres further round trips while
/// others wait for the same page. A change between the statements does no lasting harm: it is recorded in the
/// invalidation table later than this read began, so that neither the items nor the page stay in the cache,
/// and an item that is not public any more is left out.
///
/// # Errors
///
/// Fails if the database cannot be read.
pub fn single_query_page(
    connection: &mut Db,
    resource: &'static ContentType,
    kitchen: ListContext<'_>,
    query: &ListQuery,
) -> Result<Option<Page>, Problem> {
    let shelf = kitchen.shelf.in_shape(&query.shape);
    let plain = query.text.is_none() && !query.count && query.facets.is_empty() && shelf.is_open();
    let selection = if plain { Selection::known(connection.dialect(), resource, query, shelf) } else { None };
    let Some(selection) = selection else { return Ok(None) };
    let (ids, next, previous) = in_order(connection, resource, &selection, None, query)?;
    let cards = cards(connection, resource, kitchen.site, &ids, &query.shape, shelf)?;
    let encode = |cursor: Option<Cursor>| cursor.map(|cursor| cursor.encode(kitchen.cursor_key));
    let (next, previous) = (encode(next), encode(previous));
    let dependencies = dependencies(resource, query, &cards);
    Ok(Some(Page { cards, next, previous, total: None, highlights: Vec::new(), facets: Map::new(), dependencies }))
}

fn total(connection: &mut Db, selection: &Selection, found: Option<&TextMatches<'_>>) -> Result<i64, Problem> {
    let Some(found) = found else { return Ok(selection.query().count().get_result(connection)?) };
    let ids = found.few("?count")?;
    Ok(selection.among(ids).count().get_result(connection)?)
}

/// Ids of the items of a page, with the cursors of the next and the previous page.
type Placed = (Vec<String>, Option<Cursor>, Option<Cursor>);

/// Returns the best matches; the cursor holds the number of better ones to skip.
fn by_relevance(
    connection: &mut Db,
    resource: &ContentType,
    selection: &Selection,
    found: &TextMatches<'_>,
    query: &ListQuery,
) -> Result<Placed, Problem> {
    let skip = match query.cursor.as_ref().and_then(|cursor| cursor.keys.first()) {
        Some(KeyValue::Number(skip)) => *skip,
        _ => query.offset,
    };
    let cursor = |skip: i64| {
        let keys = vec![KeyValue::Number(skip)];
        Cursor { list: query.name(resource), keys, id: String::new(), before: false }
    };
    let end = skip + query.limit;
    let mut ids = found.ranked(connection, selection, usize::try_from(end + 1).unwrap_or(0))?;
    let next = (ids.len() as i64 > end && end <= MAX_OFFSET).then(|| cursor(end));
    let previous = (skip > 0).then(|| cursor((skip - query.limit).max(0)));
    ids.truncate(usize::try_from(end).unwrap_or(0));
    Ok((ids.split_off(ids.len().min(usize::try_from(skip).unwrap_or(0))), next, previous))
}

/// Returns the items in the order of the query.
fn in_order(
    connection: &mut Db,
    resource: &ContentType,
    selection: &Selection,
    found: Option<&TextMatches<'_>>,
    query: &ListQuery,
) -> Result<Placed, Problem> {
    // The page before a row is walked to in reverse order, and then turned round. One row more than the page
    // has tells whether there is another page.
    let backwards = query.cursor.as_ref().is_some_and(|c| c.before);
    let walk = KeysetWalk {
        selection,
        order: query.order.iter().map(|(sort, down)| (sort.column, *down != backwards)).collect(),
        found,
    };
    let start = query.cursor.as_ref().map(|cursor| (cursor.keys.clone(), cursor.id.clone()));
    let mut rows = walk.rows(connection, start, query.offset, query.limit + 1)?;
    let more = rows.len() as i64 > query.limit;
    rows.truncate(query.limit as usize);
    if backwards {
        rows.reverse();
    }
    let (has_next, has_previous) = match &query.cursor {
        Some(_) if backwards => (true, more),
        Some(_) => (more, true),
        None => (more, query.offset > 0),
    };
    let cursor = |row: Option<&Row>, before: bool| {
        row.map(|(id, keys)| Cursor { list: query.name(resource), keys: keys.clone(), id: id.clone(), before })
    };
    let next = if has_next { cursor(rows.last(), false) } else { None };
    let previous = if has_previous { cursor(rows.first(), true) } else { None };
    Ok((rows.into_iter().map(|(id, _)| id).collect(), next, previous))
}

fn facets(
    connection: &mut Db,
    (site, most): (&Site, i64),
    selection: &Selection,
    found: Option<&TextMatches<'_>>,
    query: &ListQuery,
) -> Result<Map<String, Value>, Problem> {
    let mut facets = Map::new();
    let among = found.map(|found| found.few("?facets")).transpose()?;
    if among.is_none() {
        let beyond = selection.query().select(items::id).offset(most).limit(1);
        if !beyond.load::<String>(connection)?.is_empty() {
            return Err(too_expensive("?facets", &format!("more than {most} items would be counted")));
        }
    }
    for facet in &query.facets {
        let mut counting = Counting { connection, site, view: &query.shape.view, selection, among };
        facets.insert(facet.name().to_owned(), counting.facet(*facet)?);
    }
    Ok(facets)
}

/// Returns excerpts around the matches of a text, by item id.
fn highlights(
    connection: &mut Db,
    site: &Site,
    found: &TextMatches<'_>,
    ids: &[String],
) -> Result<Vec<(String, String)>, Problem> {
    let rows: Vec<Item> = items::table
        .filter(in_list(connection.dialect(), items::id, ids))
        .select(Item::as_select())
        .load(connection)?;
    let snippets = found.matches().snippets(site, &rows)?;
    Ok(rows.into_iter().map(|row| row.id).zip(snippets).collect())
}

/// Returns the items with these ids, in the same order. Those that are not cached are composed, and those
/// that are not visible any more are left out.
///
/// # Errors
///
/// Fails if a database statement fails.
pub fn cards(
    connection: &mut Db,
    resource: &'static ContentType,
    site: &Site,
    ids: &[String],
    shape: &Shape,
    shelf: CacheScope<'_>,
) -> QueryResult<Vec<Arc<CachedItem>>> {
    let (shelf, key) = (shelf.in_shape(shape), shape_key(resource.kind, shape));
    let mut found: Vec<Option<Arc<CachedItem>>> = ids.iter().map(|id| shelf.find(id, key)).collect();
    let missing: Vec<&str> =
        ids.iter().zip(&found).filter(|(_, card)| card.is_none()).map(|(id, _)| id.as_str()).collect();
    if !missing.is_empty() {
        let loaded = load(connection, resource, site, &missing, shape)?;
        let composed = compose(connection, resource, site, &loaded, shape)?;
        let mut made: HashMap<&str, Arc<CachedItem>> = loaded
            .iter()
            .zip(composed)
            .map(|(item, composed)| (item.id.as_str(), shelf.keep(&item.id, key, composed)))
            .collect();
        for (id, place) in ids.iter().zip(&mut found).filter(|(_, card)| card.is_none()) {
            *place = made.remove(id.as_str());
        }
    }
    Ok(found.into_iter().flatten().collect())
}

fn load(
    connection: &mut Db,
    resource: &'static ContentType,
    site: &Site,
    ids: &[&str],
    shape: &Shape,
) -> QueryResult<Vec<Loaded>> {
    let wanted = items::table.filter(in_list(connection.dialect(), items::id, ids));
    if shape.draft || !shape.view.is_plain(site) {
        let mut rows: Vec<Item> = wanted.select(Item::as_select()).load(connection)?;
        rows.retain(|item| shape.viewer.finds(&VisibilityState::from(item)));
        if shape.draft {
            return working_drafts::newest(connection, resource, site, rows, &shape.view);
        }
        return Ok(rows.into_iter().map(|item| Loaded::from_item(item, site, &shape.view)).collect());
    }
    // Only public views come here: viewers of drafts also see hidden languages, which the fragments lack.
    let wanted = wanted.filter(items::live.eq(true));
    let ready = |(id, version, updated_at, card, detail)| {
        Loaded::ready(id, version, updated_at, Fragments { card, detail, reference: String::new() })
    };
    let head = (items::id, items::version, items::updated_at, items::card);
    if shape.full {
        let rows: Vec<((String, i64, i64, String), String)> = wanted.select((head, items::detail)).load(connection)?;
        return Ok(rows
            .into_iter()
            .map(|((id, version, at, card), detail)| ready((id, version, at, card, detail)))
            .collect());
    }
    let rows: Vec<(String, i64, i64, String)> = wanted.select(head).load(connection)?;
    Ok(rows.into_iter().map(|(id, version, at, card)| ready((id, version, at, card, String::new()))).collect())
}
