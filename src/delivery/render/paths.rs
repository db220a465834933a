//! The paths of pages in responses.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::relations::LoadedLink;
use crate::content::LocaleMode;
use crate::content_types::{ContentType, PATH};
use crate::database::schema::items;
use crate::database::{Db, in_list};
use crate::delivery::ReadContext;
use crate::delivery::viewer::Viewer;
use crate::items::paths::current_in;

/// Returns the paths of items in the language of the response, by their ids, and writes those of the items to which they
/// refer into the fragments of these.
///
/// # Errors
///
/// Fails if the query fails.
pub fn add_paths(
    connection: &mut Db,
    context: ReadContext<'_>,
    ids: &[&str],
    links: &mut HashMap<String, Vec<LoadedLink>>,
) -> QueryResult<HashMap<String, String>> {
    let ReadContext { content_type, site, shape } = context;
    let has_path = |kind: &str| ContentType::of_kind(kind).is_some_and(ContentType::has_paths);
    let to_pages: Vec<&str> =
        content_type.relations().filter(|relation| has_path(relation.target)).map(|relation| relation.name).collect();
    let is_page = |link: &&mut LoadedLink| to_pages.contains(&link.relation.as_str());
    let mut targets: Vec<&mut LoadedLink> = links.values_mut().flatten().filter(is_page).collect();
    let own = if content_type.has_paths() { ids } else { &[] };
    let wanted: Vec<&str> = own.iter().copied().chain(targets.iter().map(|link| link.target_id.as_str())).collect();
    let locale = match &shape.view.locale {
        LocaleMode::One(locale) => locale,
        LocaleMode::All => site.default_locale(),
    };
    let paths = visible_paths(connection, &shape.viewer, locale, &wanted)?;
    for link in &mut targets {
        let path = paths.get(&link.target_id).map(String::as_str);
        if !link.target.card.is_empty() {
            push(&mut link.target.card, path);
        }
        if link.target.reference.pop().is_some() {
            push(&mut link.target.reference, path);
            link.target.reference.push('}');
        }
    }
    Ok(paths)
}

/// Returns the paths of pages in a language as far as the viewer may know them, by their ids: a preview link of one page
/// does not show the path of a draft above it.
///
/// # Errors
///
/// Fails if a query fails.
pub fn visible_paths(
    connection: &mut Db,
    viewer: &Viewer,
    locale: &str,
    ids: &[&str],
) -> QueryResult<HashMap<String, String>> {
    let mut paths = current_in(connection, locale, ids)?;
    if let Viewer::Link { item_id } = viewer
        && !paths.is_empty()
    {
        let told = visible_ids(connection, item_id, ids)?;
        paths.retain(|id, _| told.contains(id));
    }
    Ok(paths)
}

/// Returns those of these pages that are public, and the previewed page with those directly below it, if no draft is above.
fn visible_ids(connection: &mut Db, previewed: &str, ids: &[&str]) -> QueryResult<Vec<String>> {
    let above = diesel::alias!(items as above);
    let parent: Option<(Option<String>, Option<bool>)> = items::table
        .left_join(above.on(above.field(items::id).nullable().eq(items::parent_id)))
        .filter(items::id.eq(previewed))
        .select((items::parent_id, above.field(items::live).nullable()))
        .first(connection)
        .optional()?;
    let is_below_public = parent.is_some_and(|(parent, is_live)| parent.is_none() || is_live == Some(true));
    let rows: Vec<(String, bool, Option<String>)> = items::table
        .filter(in_list(connection.dialect(), items::id, ids))
        .select((items::id, items::live, items::parent_id))
        .load(connection)?;
    let is_told = |(id, is_live, parent): &(String, bool, Option<String>)| {
        *is_live || (is_below_public && (id == previewed || parent.as_deref() == Some(previewed)))
    };
    Ok(rows.into_iter().filter(is_told).map(|(id, ..)| id).collect())
}

/// Writes the path as a member of an object that is not closed.
pub fn push(out: &mut String, path: Option<&str>) {
    out.push_str(",\"");
    out.push_str(PATH);
    // Paths consist of slugs and slashes: nothing in them needs escaping.
    match path {
        Some(path) => {
            out.push_str("\":\"");
            out.push_str(path);
            out.push('"');
        }
        None => out.push_str("\":null"),
    }
}
