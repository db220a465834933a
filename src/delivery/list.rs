//! Lists: one page of items, with cursors to its neighbours.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::compose::{Loaded, compose};
use super::cursor::{Cursor, KeyValue};
use super::drafts;
use super::query::ListQuery;
use super::select::{Query, Selection, after, sorted};
use crate::content::Site;
use crate::content::render::{Fragments, View};
use crate::database::Db;
use crate::database::schema::items;
use crate::items::Item;
use crate::resources::{Column, Resource};

/// One page.
#[derive(Debug)]
pub struct Page {
    /// The items as JSON objects.
    pub objects: Vec<String>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
    /// Where the page before begins, if there is one.
    pub previous: Option<String>,
    /// How many items there are in all, when that was asked.
    pub total: Option<i64>,
    /// When one of them was last written (µs).
    pub updated_at: i64,
}

/// Sort keys of a row: times and position, then the label.
#[derive(Debug, Clone)]
struct Keys {
    numbers: [i64; 6],
    label: String,
}

impl Keys {
    fn of(item: &Item) -> Self {
        let numbers =
            [item.starts_at, item.ends_at, item.created_at, item.updated_at, item.published_at, item.position];
        Self { numbers, label: item.label.clone() }
    }

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
    let mut rows = load(connection, resource, select, site, query)?;
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
    let cursor = |row: Option<&(Keys, Loaded)>, before: bool| {
        row.map(|(keys, item)| {
            let keys = query.order.iter().map(|(sort, _)| keys.get(sort.column)).collect();
            Cursor { list: query.name(resource), keys, id: item.id.clone(), before }.encode(cursor_key)
        })
    };
    let next = if has_next { cursor(rows.last(), false) } else { None };
    let previous = if has_previous { cursor(rows.first(), true) } else { None };
    let loaded: Vec<Loaded> = rows.into_iter().map(|(_, item)| item).collect();
    let objects = compose(connection, resource, site, &loaded, &query.shape)?;
    let updated_at = loaded.iter().map(|l| l.updated_at).max().unwrap_or(0);
    Ok(Page { objects, next, previous, total, updated_at })
}

fn load(
    connection: &mut Db,
    resource: &'static Resource,
    select: Query<'_>,
    site: &Site,
    query: &ListQuery,
) -> QueryResult<Vec<(Keys, Loaded)>> {
    let view = &query.shape.view;
    if query.shape.draft || *view != View::plain(site) {
        let rows: Vec<Item> = select.select(Item::as_select()).load(connection)?;
        let keys: Vec<Keys> = rows.iter().map(Keys::of).collect();
        let loaded = match query.shape.draft {
            true => drafts::newest(connection, resource, site, rows, view)?,
            false => rows.into_iter().map(|item| Loaded::from_item(item, site, view)).collect(),
        };
        return Ok(keys.into_iter().zip(loaded).collect());
    }
    type Numbers = (i64, i64, i64, i64, i64, i64);
    type Row = (String, i64, Numbers, String, String);
    let columns = (
        items::id,
        items::version,
        (items::starts_at, items::ends_at, items::created_at, items::updated_at, items::published_at, items::position),
        items::label,
        items::card,
    );
    let rows: Vec<(Row, String)> = if query.shape.full {
        select.select((columns, items::detail)).load(connection)?
    } else {
        let rows: Vec<Row> = select.select(columns).load(connection)?;
        rows.into_iter().map(|row| (row, String::new())).collect()
    };
    Ok(rows
        .into_iter()
        .map(|((id, version, n, label, card), detail)| {
            let fragments = Fragments { card, detail, reference: String::new() };
            let keys = Keys { numbers: [n.0, n.1, n.2, n.3, n.4, n.5], label };
            (keys, Loaded::ready(id, version, n.3, fragments))
        })
        .collect())
}
