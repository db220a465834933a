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
pub fn shown(
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
    let mut paths = current_in(connection, locale, &wanted)?;
    if matches!(shape.viewer, Viewer::Link { .. }) {
        let live = live(connection, &wanted)?;
        paths.retain(|id, _| live.contains(id));
    }
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

/// Returns those of these pages that are public: a preview link of one page does not show the path of a draft above it.
fn live(connection: &mut Db, ids: &[&str]) -> QueryResult<Vec<String>> {
    let these = items::table.filter(in_list(connection.dialect(), items::id, ids).and(items::live.eq(true)));
    these.select(items::id).load(connection)
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
