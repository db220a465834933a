//! Lists: one page of items, with cursors to the neighbouring pages.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::Site;
use crate::content_types::{ContentType, Sort};
use crate::database::schema::items;
use crate::database::{Db, in_list};
use crate::delivery::ReadContext;
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::cache::item_cache::{CacheScope, CachedItem, shape_key};
use crate::delivery::named_items::with_present_names;
use crate::delivery::query::cursor::{Cursor, KeyValue};
use crate::delivery::query::{ListQuery, MAX_OFFSET};
use crate::delivery::render::compose::compose;
use crate::delivery::render::links_within::retain_public;
use crate::delivery::render::loaded_item::LoadedItem;
use crate::delivery::render::working_drafts::with_drafts;
use crate::delivery::sql::facets::FacetCounter;
use crate::delivery::sql::keyset::{KeysetWalk, Row, RowRange};
use crate::delivery::sql::selection::Selection;
use crate::delivery::sql::sort_order::SortKey;
use crate::delivery::sql::text_match::{TextMatches, too_expensive};
use crate::delivery::viewer::VisibilityState;
use crate::items::render::Fragments;
use crate::items::{Item, read_detail};
use crate::problem::Problem;
use crate::search::Search;

/// One page of a list.
#[derive(Debug)]
pub struct Page {
    /// Composed items, in their order.
    pub items: Vec<Arc<CachedItem>>,
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

/// Resources of a node for every page that it computes.
#[derive(Clone, Copy)]
pub struct ListContext<'a> {
    pub site: &'a Site,
    /// Key that signs cursors.
    pub cursor_key: &'a [u8],
    /// Full-text index.
    pub search: &'a Search,
    /// Access to the cached items.
    pub cache: CacheScope<'a>,
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
    content_type: &'static ContentType,
    list: ListContext<'_>,
    query: &ListQuery,
) -> Result<Page, Problem> {
    let context = ReadContext { content_type, site: list.site, shape: &query.shape };
    let selection = Selection::new(connection, content_type, query, list.cache)?;
    let matches = TextMatches::new(list.search, content_type, query, query.locale(list.site))?;
    let total = if query.count { Some(total(connection, &selection, matches.as_ref())?) } else { None };
    let page = match &matches {
        Some(matches) if query.by_relevance() => by_relevance(connection, content_type, &selection, matches, query)?,
        _ => in_order(connection, content_type, &selection, matches.as_ref(), query)?,
    };
    if let Some(present) = with_present_names(connection, content_type, query, page.ids.len())? {
        return self::page(connection, content_type, list, &present);
    }
    let items = composed_items(connection, context, &page.ids, list.cache)?;
    let highlights = match &matches {
        Some(matches) if query.highlights => highlights(connection, list.site, matches, &page.ids)?,
        _ => Vec::new(),
    };
    let facets = match query.facets.is_empty() {
        true => Map::new(),
        false => facets(connection, list, &selection, matches.as_ref(), query)?,
    };
    let dependencies = dependencies(content_type, query, &items);
    let (next, previous) = page.encode(list.cursor_key);
    Ok(Page { items, next, previous, total, highlights, facets, dependencies })
}

/// Returns the dependencies of a page with these items.
fn dependencies(content_type: &'static ContentType, query: &ListQuery, items: &[Arc<CachedItem>]) -> Dependencies {
    let mut all = query.dependencies(content_type);
    items.iter().for_each(|item| all.add(&item.dependencies));
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
    content_type: &'static ContentType,
    list: ListContext<'_>,
    query: &ListQuery,
) -> Result<Option<Page>, Problem> {
    let context = ReadContext { content_type, site: list.site, shape: &query.shape };
    let cache = list.cache.for_shape(&query.shape);
    let is_plain = query.text.is_none() && !query.count && query.facets.is_empty() && cache.is_enabled();
    let selection =
        if is_plain { Selection::from_cache(connection.dialect(), content_type, query, cache) } else { None };
    let Some(selection) = selection else { return Ok(None) };
    let page = in_order(connection, content_type, &selection, None, query)?;
    if let Some(present) = with_present_names(connection, content_type, query, page.ids.len())? {
        return single_query_page(connection, content_type, list, &present);
    }
    let items = composed_items(connection, context, &page.ids, cache)?;
    let dependencies = dependencies(content_type, query, &items);
    let (next, previous) = page.encode(list.cursor_key);
    Ok(Some(Page { items, next, previous, total: None, highlights: Vec::new(), facets: Map::new(), dependencies }))
}

fn total(connection: &mut Db, selection: &Selection, matches: Option<&TextMatches<'_>>) -> Result<i64, Problem> {
    let Some(matches) = matches else { return Ok(selection.query().count().get_result(connection)?) };
    let ids = matches.ids_within_limit("?count")?;
    Ok(selection.query_of(ids).count().get_result(connection)?)
}

/// The ids of the items of a page, with the positions of its neighbours.
struct PageIds {
    ids: Vec<String>,
    next: Option<Cursor>,
    previous: Option<Cursor>,
}

impl PageIds {
    /// Returns the cursors of the next and the previous page, signed with `key`.
    fn encode(&self, key: &[u8]) -> (Option<String>, Option<String>) {
        let encode = |cursor: &Option<Cursor>| cursor.as_ref().map(|cursor| cursor.encode(key));
        (encode(&self.next), encode(&self.previous))
    }
}

/// Returns the best matches; the cursor holds the number of better ones to skip.
fn by_relevance(
    connection: &mut Db,
    content_type: &ContentType,
    selection: &Selection,
    matches: &TextMatches<'_>,
    query: &ListQuery,
) -> Result<PageIds, Problem> {
    let skip = match query.cursor.as_ref().and_then(|cursor| cursor.keys.first()) {
        Some(KeyValue::Number(skip)) => *skip,
        _ => query.offset,
    };
    let cursor = |skip: i64| {
        let keys = vec![KeyValue::Number(skip)];
        Cursor { list: query.name(content_type), keys, id: String::new(), before: false }
    };
    let end = skip + query.limit;
    let mut ids = matches.best_ids(connection, selection, usize::try_from(end + 1).unwrap_or(0))?;
    let next = (ids.len() as i64 > end && end <= MAX_OFFSET).then(|| cursor(end));
    let previous = (skip > 0).then(|| cursor((skip - query.limit).max(0)));
    ids.truncate(usize::try_from(end).unwrap_or(0));
    let ids = ids.split_off(ids.len().min(usize::try_from(skip).unwrap_or(0)));
    Ok(PageIds { ids, next, previous })
}

/// Returns the items in the order of the query.
fn in_order(
    connection: &mut Db,
    content_type: &ContentType,
    selection: &Selection,
    matches: Option<&TextMatches<'_>>,
    query: &ListQuery,
) -> Result<PageIds, Problem> {
    // The page before a row is walked to in reverse order, and then turned round. One row more than the page
    // has tells whether there is another page.
    let backwards = query.cursor.as_ref().is_some_and(|c| c.before);
    let key = |(sort, down): &(Sort, bool)| SortKey { column: sort.column, down: *down != backwards, backwards };
    let order = query.order.iter().map(key).collect();
    let walk = KeysetWalk { selection, order, matches };
    let start = query.cursor.as_ref().map(|cursor| (cursor.keys.clone(), cursor.id.clone()));
    let range = RowRange { start: start.as_ref(), offset: query.offset, limit: query.limit + 1 };
    let mut rows = walk.rows(connection, range)?;
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
        row.map(|(id, keys)| Cursor { list: query.name(content_type), keys: keys.clone(), id: id.clone(), before })
    };
    let next = if has_next { cursor(rows.last(), false) } else { None };
    let previous = if has_previous { cursor(rows.first(), true) } else { None };
    Ok(PageIds { ids: rows.into_iter().map(|(id, _)| id).collect(), next, previous })
}

fn facets(
    connection: &mut Db,
    list: ListContext<'_>,
    selection: &Selection,
    matches: Option<&TextMatches<'_>>,
    query: &ListQuery,
) -> Result<Map<String, Value>, Problem> {
    let mut facets = Map::new();
    let among = matches.map(|matches| matches.ids_within_limit("?facets")).transpose()?;
    if among.is_none() {
        require_countable(connection, list, selection)?;
    }
    for facet in &query.facets {
        let view = &query.shape.view;
        let without_choice = selection.of_facet(connection, query, list.cache, *facet)?;
        if let Some(wider) = without_choice.as_ref().filter(|_| among.is_none()) {
            require_countable(connection, list, wider)?;
        }
        let selection = without_choice.as_ref().unwrap_or(selection);
        let mut counting = FacetCounter { connection, site: list.site, view, selection, among };
        facets.insert(facet.name().to_owned(), counting.facet(*facet)?);
    }
    Ok(facets)
}

/// Refuses to count facets over more items than the settings allow.
fn require_countable(connection: &mut Db, list: ListContext<'_>, selection: &Selection) -> Result<(), Problem> {
    let beyond = selection.query().select(items::id).offset(list.facet_items).limit(1);
    if beyond.load::<String>(connection)?.is_empty() {
        return Ok(());
    }
    let why = format!("more than {} items would be counted", list.facet_items);
    Err(too_expensive("?facets", &why))
}

/// Returns excerpts around the matches of a text, by item id.
fn highlights(
    connection: &mut Db,
    site: &Site,
    matches: &TextMatches<'_>,
    ids: &[String],
) -> Result<Vec<(String, String)>, Problem> {
    let mut rows: Vec<Item> = items::table
        .filter(in_list(connection.dialect(), items::id, ids))
        .select(Item::as_select())
        .load(connection)?;
    retain_public(connection, &mut rows)?;
    let snippets = matches.matches().snippets(site, &rows)?;
    Ok(rows.into_iter().map(|row| row.id).zip(snippets).collect())
}

/// Returns the items with these ids, in the same order. Those that are not cached are composed, and those
/// that are not visible any more are left out.
fn composed_items(
    connection: &mut Db,
    context: ReadContext<'_>,
    ids: &[String],
    cache: CacheScope<'_>,
) -> QueryResult<Vec<Arc<CachedItem>>> {
    let (cache, key) = (cache.for_shape(context.shape), shape_key(context.content_type.kind, context.shape));
    let mut items: Vec<Option<Arc<CachedItem>>> = ids.iter().map(|id| cache.find(id, key)).collect();
    let missing: Vec<&str> =
        ids.iter().zip(&items).filter(|(_, item)| item.is_none()).map(|(id, _)| id.as_str()).collect();
    if !missing.is_empty() {
        let loaded = load_items(connection, context, &missing)?;
        let composed = compose(connection, context, &loaded)?;
        let mut added: HashMap<&str, Arc<CachedItem>> = loaded
            .iter()
            .zip(composed)
            .map(|(item, composed)| (item.id.as_str(), cache.insert(&item.id, key, composed)))
            .collect();
        for (id, item) in ids.iter().zip(&mut items).filter(|(_, item)| item.is_none()) {
            *item = added.remove(id.as_str());
        }
    }
    Ok(items.into_iter().flatten().collect())
}

fn load_items(connection: &mut Db, context: ReadContext<'_>, ids: &[&str]) -> QueryResult<Vec<LoadedItem>> {
    let ReadContext { site, shape, .. } = context;
    let wanted = items::table.filter(in_list(connection.dialect(), items::id, ids));
    if shape.draft || !shape.view.is_plain(site) {
        let mut rows: Vec<Item> = wanted.select(Item::as_select()).load(connection)?;
        rows.retain(|item| shape.viewer.finds(&VisibilityState::from(item)));
        if shape.draft {
            return with_drafts(connection, context, rows);
        }
        return Ok(rows.into_iter().map(|item| LoadedItem::from_item(item, site, &shape.view)).collect());
    }
    // Only public views come here: viewers of drafts also see hidden languages, which the fragments lack.
    let wanted = wanted.filter(items::live.eq(true));
    let loaded = |(id, version, updated_at, card, detail)| {
        LoadedItem::from_fragments(id, version, updated_at, Fragments { card, detail, reference: String::new() })
    };
    type Head = (String, i64, i64, String);
    let head = (items::id, items::version, items::updated_at, items::card);
    if shape.full {
        let rows: Vec<(Head, Vec<u8>)> = wanted.select((head, items::detail)).load(connection)?;
        return Ok(rows
            .into_iter()
            .map(|((id, version, at, card), detail)| loaded((id, version, at, card, read_detail(&detail))))
            .collect());
    }
    let rows: Vec<Head> = wanted.select(head).load(connection)?;
    Ok(rows.into_iter().map(|(id, version, at, card)| loaded((id, version, at, card, String::new()))).collect())
}
