//! Look-up of pages by their path, with all that a website shows around a page: the pages above and directly below it, and
//! its paths in all languages.

use std::cmp::Reverse;
use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::json;

use crate::content::LocaleMode;
use crate::content_types::PATH;
use crate::content_types::pages::PAGE;
use crate::database::schema::{items, paths};
use crate::database::{Db, in_list, in_list_unindexed};
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::get_item::{ItemLookup, find_item};
use crate::delivery::list_items::ListContext;
use crate::delivery::render::compose::compose;
use crate::delivery::render::loaded_item::LoadedItem;
use crate::delivery::stored_queries;
use crate::delivery::viewer::{VISIBILITY_COLUMNS, Viewer, VisibilityState};
use crate::delivery::{ReadContext, Shape};
use crate::items::Item;
use crate::items::paths as stored;
use crate::problem::Problem;

/// Maximum number of pages below that the response has.
const MAX_CHILDREN: i64 = 100;

/// A page with all that a website shows around it.
#[derive(Debug)]
pub struct PageView {
    /// JSON object.
    pub body: String,
    pub version: i64,
    pub dependencies: Dependencies,
    /// Whether the response depends on the time of day.
    pub depends_on_now: bool,
}

/// The place to which a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathTarget {
    /// The page with this id has the path.
    Page(String),
    /// The page has this path now, or in the language of the request.
    Moved(String),
    /// There is no page that the viewer may see.
    Absent,
}

/// Returns the place to which a path leads for a viewer. The path of a page in another language, and a former one, lead to
/// its present path in this language.
///
/// # Errors
///
/// Fails if a query fails.
pub fn resolve(
    connection: &mut Db,
    (locales, locale): (&[String], &str),
    viewer: &Viewer,
    given: &str,
) -> QueryResult<PathTarget> {
    let path = given.trim_matches('/').to_ascii_lowercase();
    type Row = (String, bool, i64, VisibilityState);
    let mut rows: Vec<Row> = paths::table
        .inner_join(items::table.on(items::id.eq(paths::item_id)))
        .filter(in_list(connection.dialect(), paths::locale, locales).and(paths::path.eq(&path)))
        .select((paths::locale, paths::is_current, paths::shown_at, VISIBILITY_COLUMNS))
        .load(connection)?;
    rows.retain(|row| viewer.finds(&row.3));
    let rank = |(own, is_current, shown_at, state): &Row| {
        let is_own = own == locale;
        Reverse((*is_current && is_own, *is_current, is_own, *shown_at, state.id.clone()))
    };
    let Some((own, is_current, _, state)) = rows.into_iter().min_by_key(rank) else { return Ok(PathTarget::Absent) };
    if is_current && own == locale && path == given {
        return Ok(PathTarget::Page(state.id));
    }
    let now = stored::current_in(connection, locale, &[&state.id])?.remove(&state.id);
    Ok(match now {
        Some(now) if now == given => PathTarget::Page(state.id),
        Some(now) => PathTarget::Moved(now),
        None => PathTarget::Absent,
    })
}

/// Returns the page with this id, with all that is shown around it; `None` if the viewer may not see it.
///
/// # Errors
///
/// Fails if the database or the search index cannot be read.
pub fn page_view(
    connection: &mut Db,
    list: ListContext<'_>,
    shape: &Shape,
    id: &str,
) -> Result<Option<PageView>, Problem> {
    let context = ReadContext { content_type: &PAGE, site: list.site, shape };
    let ItemLookup::Found { mut item, version } = find_item(connection, context, id)? else { return Ok(None) };
    let queries = stored_queries::fill(connection, list, (&PAGE, shape), &mut item.object)?;
    let above = load_ancestors(connection, context, id)?;
    let below = load_children(connection, context, id)?;
    let paths = stored::load_current(connection, &[id])?.remove(id).unwrap_or_default();
    let locales = list.site.locales.iter();
    let paths: Vec<_> = locales
        .filter_map(|locale| Some(json!({"locale": locale, PATH: paths.get(locale)?})))
        .map(|path| path.to_string())
        .collect();
    let mut dependencies = item.dependencies;
    // The pages around it are others when any page changes.
    dependencies.add_kind(PAGE.kind);
    dependencies.add(&queries.dependencies);
    let body = format!(
        "{{\"page\":{},\"breadcrumbs\":[{}],\"children\":[{}],\"paths\":[{}]}}",
        item.object,
        above.join(","),
        below.join(","),
        paths.join(",")
    );
    Ok(Some(PageView { body, version, dependencies, depends_on_now: queries.depends_on_now }))
}

/// Returns the pages above a page, from the top down, as references with their paths.
fn load_ancestors(connection: &mut Db, context: ReadContext<'_>, id: &str) -> QueryResult<Vec<String>> {
    let shape = context.shape;
    let mut found: Vec<Item> = Vec::new();
    let mut next: Option<String> = items::table.find(id).select(items::parent_id).first(connection)?;
    while let Some(parent) = next.filter(|_| found.len() < stored::MAX_SEGMENTS) {
        let item: Item = items::table.find(&parent).select(Item::as_select()).first(connection)?;
        next = item.parent_id.clone();
        found.push(item);
    }
    found.retain(|item| shape.viewer.sees(&VisibilityState::from(item)));
    found.reverse();
    let locale = locale_of(context);
    let ids: Vec<&str> = found.iter().map(|item| item.id.as_str()).collect();
    let paths: HashMap<String, String> = super::render::paths::visible_paths(connection, &shape.viewer, locale, &ids)?;
    let reference = |item: Item| {
        let path = paths.get(&item.id).cloned();
        let view = shape.viewer.view_of(PAGE.kind, &item.id, &shape.view);
        let mut reference = LoadedItem::from_item(item, context.site, &view).fragments.reference;
        reference.pop();
        super::render::paths::push(&mut reference, path.as_deref());
        reference.push('}');
        reference
    };
    Ok(found.into_iter().map(reference).collect())
}

/// Returns the pages directly below a page, in their order, in the form of list entries.
fn load_children(connection: &mut Db, context: ReadContext<'_>, id: &str) -> QueryResult<Vec<String>> {
    let of_kind = in_list_unindexed(connection.dialect(), items::kind, [PAGE.kind]);
    let mut query = items::table.filter(items::parent_id.eq(id).and(of_kind)).select(Item::as_select()).into_boxed();
    if context.shape.viewer.is_public() {
        query = query.filter(items::live.eq(true));
    }
    let order = (items::position, items::label, items::id);
    let mut rows: Vec<Item> = query.order(order).limit(MAX_CHILDREN).load(connection)?;
    rows.retain(|row| context.shape.viewer.sees(&VisibilityState::from(row)));
    let view = context.shape.viewer.view_of(PAGE.kind, "", &context.shape.view);
    let rows: Vec<LoadedItem> = rows.into_iter().map(|row| LoadedItem::from_item(row, context.site, &view)).collect();
    let shape = Shape { view, include: Vec::new(), full: false, fields: None, ..context.shape.clone() };
    let composed = compose(connection, ReadContext { shape: &shape, ..context }, &rows)?;
    Ok(composed.into_iter().map(|item| item.object).collect())
}

fn locale_of<'a>(context: ReadContext<'a>) -> &'a str {
    match &context.shape.view.locale {
        LocaleMode::One(locale) => locale,
        LocaleMode::All => context.site.default_locale(),
    }
}
