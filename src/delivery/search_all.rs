//! Full-text search across all content types.

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::Value;

use crate::content::{LocaleMode, Site};
use crate::content_types::{ContentType, PATH};
use crate::database::schema::items;
use crate::database::{Db, in_list};
use crate::delivery::render::links_within::retain_public;
use crate::delivery::render::loaded_item::LoadedItem;
use crate::items::Item;
use crate::items::paths::current_in;
use crate::items::render::View;
use crate::problem::Problem;
use crate::search::{Search, SearchQuery};

/// Maximum number of matches that are examined to find public ones.
const MAX_EXAMINED: usize = 20_000;
/// Items that are read at a time.
const CHUNK: usize = 200;

/// A search across content types.
#[derive(Debug, Clone, Copy)]
pub struct SearchRequest<'a> {
    /// Parsed text.
    pub query: &'a SearchQuery,
    /// Content types to search.
    pub kinds: &'a [&'a str],
    /// Language to search in.
    pub locale: &'a str,
    /// Whether items without a title or name in this language are found too.
    pub falls_back: bool,
    /// Maximum number of results.
    pub limit: usize,
}

/// A search result.
#[derive(Debug)]
pub struct SearchResult {
    /// Content type of the item.
    pub content_type: &'static ContentType,
    /// The item as a reference, with its path if its type has paths.
    pub reference: Value,
    /// The item under which it is filed, as a reference, by the name of the relation: the event of a session.
    pub parent: Option<(&'static str, Value)>,
    /// Excerpt of the item around the match, as HTML.
    pub highlight: String,
}

/// Returns the best public matches, the best first.
///
/// # Errors
///
/// Fails if the search index or the database cannot be read.
pub fn search(
    connection: &mut Db,
    site: &Site,
    search: &Search,
    request: SearchRequest<'_>,
) -> Result<Vec<SearchResult>, Problem> {
    let SearchRequest { query, kinds, locale, falls_back, limit } = request;
    let matches = search.matches(query, kinds, locale)?;
    let (mut rows, mut seen, mut size) = (Vec::new(), 0, limit + 20);
    while rows.len() < limit {
        let hits = matches.best_hits(size)?;
        let ids: Vec<&str> = hits[seen.min(hits.len())..].iter().map(|hit| hit.id.as_str()).collect();
        for ids in ids.chunks(CHUNK) {
            rows.extend(load_public(connection, ids)?.into_iter().filter(|row| falls_back || has_label(row, locale)));
        }
        if hits.len() < size || size >= MAX_EXAMINED {
            break;
        }
        (seen, size) = (hits.len(), (size * 8).min(MAX_EXAMINED));
    }
    rows.truncate(limit);
    let view = View { locale: LocaleMode::One(locale.to_owned()), ..View::default_for(site) };
    retain_public(connection, &mut rows)?;
    let highlights = matches.snippets(site, &rows)?;
    let parents = parents(connection, &rows)?;
    let has_path = |row: &&Item| ContentType::of_kind(&row.kind).is_some_and(ContentType::has_paths);
    let pages: Vec<&str> = rows.iter().chain(parents.values()).filter(has_path).map(|row| row.id.as_str()).collect();
    let paths = current_in(connection, locale, &pages)?;
    let reference = |item: Item| {
        let path = has_path(&&item).then(|| paths.get(&item.id).cloned());
        let text = LoadedItem::from_item(item, site, &view).fragments.reference;
        let mut reference = serde_json::from_str::<Value>(&text).unwrap_or_default();
        if let Some(path) = path {
            reference[PATH] = path.into();
        }
        reference
    };
    let results = rows.into_iter().zip(highlights).filter_map(|(item, highlight)| {
        let content_type = ContentType::of_kind(&item.kind)?;
        let parent = item.parent_id.as_ref().and_then(|id| parents.get(id)).cloned();
        let parent = content_type.parent.zip(parent.map(reference));
        Some(SearchResult { content_type, reference: reference(item), parent, highlight })
    });
    Ok(results.collect())
}

/// Returns whether an item has a public title or name in a language; one that is the same in all languages counts.
fn has_label(item: &Item, locale: &str) -> bool {
    let Some(content_type) = ContentType::of_kind(&item.kind) else { return false };
    let is_localised = content_type.field(content_type.label).is_some_and(|field| field.localised);
    let content = item.content();
    let has_own = || content.get(content_type.label).is_some_and(|label| label.get(locale).is_some());
    !is_localised || (has_own() && !item.translations().get(locale).hidden)
}

/// Returns the public items under which children are filed, by id: the events of sessions.
fn parents(connection: &mut Db, rows: &[Item]) -> Result<HashMap<String, Item>, Problem> {
    let is_child = |row: &&Item| ContentType::of_kind(&row.kind).is_some_and(ContentType::is_child);
    let ids: Vec<&str> = rows.iter().filter(is_child).filter_map(|row| row.parent_id.as_deref()).collect();
    let parents = ids.chunks(CHUNK).map(|ids| load_public(connection, ids)).collect::<Result<Vec<_>, _>>()?;
    Ok(parents.into_iter().flatten().map(|parent| (parent.id.clone(), parent)).collect())
}

/// Returns those of these items that are public, in the same order.
fn load_public(connection: &mut Db, ids: &[&str]) -> Result<Vec<Item>, Problem> {
    let rows: Vec<Item> = items::table
        .filter(in_list(connection.dialect(), items::id, ids).and(items::live.eq(true)))
        .select(Item::as_select())
        .load(connection)?;
    let mut by_id: HashMap<String, Item> = rows.into_iter().map(|row| (row.id.clone(), row)).collect();
    Ok(ids.iter().filter_map(|id| by_id.remove(*id)).collect())
}
