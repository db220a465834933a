//! Lists: one page of items, with cursors to its neighbours.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::Shape;
use super::cards::{Card, Shelf, shape_key};
use super::compose::{Loaded, compose};
use super::cursor::{Cursor, KeyValue};
use super::drafts;
use super::query::ListQuery;
use super::select::{Query, Selection, after, sorted};
use crate::content::Site;
use crate::content::render::{Fragments, View};
use crate::database::schema::items;
use crate::database::{Db, any_of};
use crate::items::Item;
use crate::resources::{Column, Resource};

/// One page.
#[derive(Debug)]
pub struct Page {
    /// The items.
    pub cards: Vec<Arc<Card>>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
    /// Where the page before begins, if there is one.
    pub previous: Option<String>,
    /// How many items there are in all, when that was asked.
    pub total: Option<i64>,
}

/// Sort keys of a row: times and position, then the label.
#[derive(Debug, Clone)]
struct Keys {
    numbers: [i64; 6],
    label: String,
}

impl Keys {
    fn get(&self, column: Column) -> KeyValue {
        let at = match column {
            Column::StartsAt => 0,
            Column::EndsAt => 1,
            Column::CreatedAt => 2,
            Column::UpdatedAt => 3,
            Column::PublishedAt => 4,
            Column::Position => 5,
            Column::Label => return KeyValue::Text(self.label.clone()),
        };
        KeyValue::Number(self.numbers[at])
    }
}

/// Fetches a page. The number of queries depends on the filters and includes, never on the page.
pub fn page(
    connection: &mut Db,
    resource: &'static Resource,
    site: &Site,
    query: &ListQuery,
    cursor_key: &[u8],
    shelf: Shelf<'_>,
) -> QueryResult<Page> {
    let selection = Selection::new(connection, resource, query)?;
    let total = if query.count { Some(selection.query().count().get_result(connection)?) } else { None };
    let backwards = query.cursor.as_ref().is_some_and(|c| c.before);
    let order: Vec<(Column, bool)> = query.order.iter().map(|(sort, down)| (sort.column, *down != backwards)).collect();
    let mut select = sorted(selection.query(), &order).limit(query.limit + 1);
    if query.offset > 0 {
        select = select.offset(query.offset);
    }
    if let Some(cursor) = &query.cursor {
        select = after(select, &order, &cursor.keys, &cursor.id);
    }
    let mut rows = rows(connection, select)?;
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
    let cursor = |row: Option<&(String, Keys)>, before: bool| {
        row.map(|(id, keys)| {
            let keys = query.order.iter().map(|(sort, _)| keys.get(sort.column)).collect();
            Cursor { list: query.name(resource), keys, id: id.clone(), before }.encode(cursor_key)
        })
    };
    let next = if has_next { cursor(rows.last(), false) } else { None };
    let previous = if has_previous { cursor(rows.first(), true) } else { None };
    let ids: Vec<String> = rows.into_iter().map(|(id, _)| id).collect();
    let cards = cards(connection, resource, site, &ids, &query.shape, shelf)?;
    Ok(Page { cards, next, previous, total })
}

/// The items that a query finds, with their sort keys.
fn rows(connection: &mut Db, select: Query<'_>) -> QueryResult<Vec<(String, Keys)>> {
    type Numbers = (i64, i64, i64, i64, i64, i64);
    let numbers =
        (items::starts_at, items::ends_at, items::created_at, items::updated_at, items::published_at, items::position);
    let rows: Vec<(String, Numbers, String)> = select.select((items::id, numbers, items::label)).load(connection)?;
    Ok(rows.into_iter().map(|(id, n, label)| (id, Keys { numbers: [n.0, n.1, n.2, n.3, n.4, n.5], label })).collect())
}

/// The items with these ids, in their order; those for which no card is ready are put together.
pub fn cards(
    connection: &mut Db,
    resource: &'static Resource,
    site: &Site,
    ids: &[String],
    shape: &Shape,
    shelf: Shelf<'_>,
) -> QueryResult<Vec<Arc<Card>>> {
    let (shelf, key) = (shelf.in_shape(shape), shape_key(resource.kind, shape));
    let mut found: Vec<Option<Arc<Card>>> = ids.iter().map(|id| shelf.find(id, key)).collect();
    let missing: Vec<&str> =
        ids.iter().zip(&found).filter(|(_, card)| card.is_none()).map(|(id, _)| id.as_str()).collect();
    if !missing.is_empty() {
        let loaded = load(connection, resource, site, &missing, shape)?;
        let composed = compose(connection, resource, site, &loaded, shape)?;
        let mut made: HashMap<&str, Arc<Card>> = loaded
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
    resource: &'static Resource,
    site: &Site,
    ids: &[&str],
    shape: &Shape,
) -> QueryResult<Vec<Loaded>> {
    let wanted = items::table.filter(any_of(connection.dialect(), items::id, ids));
    if shape.draft {
        let rows: Vec<Item> = wanted.select(Item::as_select()).load(connection)?;
        return drafts::newest(connection, resource, site, rows, &shape.view);
    }
    if shape.view != View::plain(site) {
        let rows: Vec<Item> = wanted.select(Item::as_select()).load(connection)?;
        return Ok(rows.into_iter().map(|item| Loaded::from_item(item, site, &shape.view)).collect());
    }
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
