//! Links within the fields of items, such as the entries of menus: those that lead to an item that the viewer does not see
//! are not shown, so that their texts tell nothing of a draft. Editors of the items that have them see all.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use super::loaded_item::LoadedItem;
use crate::content_types::ContentType;
use crate::content_types::references::{deep_references, has_deep_references, retain_links};
use crate::database::compressed_text::compress;
use crate::database::schema::items;
use crate::database::{Db, in_list};
use crate::delivery::ReadContext;
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::viewer::{VISIBILITY_COLUMNS, Viewer, VisibilityState};
use crate::items::Item;

/// The targets of the links within the items of a response.
#[derive(Debug)]
pub struct LinksWithin {
    /// Ids of the targets of each item, by its id.
    of_items: HashMap<String, Vec<String>>,
    targets: HashMap<String, VisibilityState>,
    /// Ids of the targets that the viewer sees.
    seen: HashSet<String>,
}

impl LinksWithin {
    /// Loads the targets of all links within these items in one query; `None` if there can be none, or the viewer edits
    /// items of the type and so sees all.
    ///
    /// # Errors
    ///
    /// Fails if the query fails.
    pub fn load(
        connection: &mut Db,
        context: ReadContext<'_>,
        items: &[LoadedItem],
    ) -> QueryResult<Option<LinksWithin>> {
        let ReadContext { content_type, shape, .. } = context;
        if !has_deep_references(content_type) || shape.viewer.edits(content_type.kind) {
            return Ok(None);
        }
        let targets_of = |item: &LoadedItem| {
            let detail = if shape.full { item.fragments.detail.as_str() } else { "" };
            let object = serde_json::from_str(&format!("{}{detail}}}", item.fragments.card)).unwrap_or_default();
            (item.id.clone(), targets(content_type, &object))
        };
        let of_items: HashMap<String, Vec<String>> = items.iter().map(targets_of).collect();
        let targets = states(connection, of_items.values().flatten())?;
        let seen = seen_of(&targets, &shape.viewer);
        Ok(Some(Self { of_items, targets, seen }))
    }

    /// Adds the targets of an item to its dependencies, also those that are not seen: the response changes once they are.
    pub fn add_dependencies(&self, item_id: &str, dependencies: &mut Dependencies) {
        let ids = self.of_items.get(item_id).into_iter().flatten();
        ids.filter_map(|id| self.targets.get(id)).for_each(|target| add_dependency(target, dependencies));
    }

    /// Removes the links that are not shown from the JSON object of an item.
    pub fn retain(&self, content_type: &'static ContentType, object: String) -> String {
        let Ok(mut content) = serde_json::from_str::<Map<String, Value>>(&object) else { return object };
        retain_links(content_type, &mut content, &|id| self.seen.contains(id));
        // The object was JSON before, so it still is.
        serde_json::to_string(&content).unwrap_or_default()
    }
}

/// Adds the target of a link to the dependencies of what shows it, with the item under which it is filed, without which
/// it is not public.
pub fn add_dependency(target: &VisibilityState, dependencies: &mut Dependencies) {
    let Some(content_type) = ContentType::of_kind(&target.kind) else { return };
    dependencies.add_item(content_type.kind, &target.id);
    let parent = target.parent_id.as_deref().filter(|_| content_type.is_child());
    for kind in content_type.visible_by().filter(|kind| *kind != content_type.kind) {
        parent.iter().for_each(|id| dependencies.add_item(kind, id));
    }
}

/// Removes from stored items the links that lead to items that are not public.
///
/// # Errors
///
/// Fails if a query fails.
pub fn retain_public(connection: &mut Db, rows: &mut [Item]) -> QueryResult<()> {
    let mut with_links: Vec<(&mut Item, &'static ContentType, Map<String, Value>)> = rows
        .iter_mut()
        .filter_map(|row| {
            let content_type = ContentType::of_kind(&row.kind).filter(|of| has_deep_references(of))?;
            let content = row.content();
            Some((row, content_type, content))
        })
        .collect();
    let ids: Vec<String> = with_links.iter().flat_map(|(_, of, content)| targets(of, content)).collect();
    let seen = seen_of(&states(connection, ids.iter())?, &Viewer::Public);
    for (row, content_type, content) in &mut with_links {
        retain_links(content_type, content, &|id| seen.contains(id));
        row.content = compress(&serde_json::to_string(content).unwrap_or_default());
    }
    Ok(())
}

fn targets(content_type: &'static ContentType, content: &Map<String, Value>) -> Vec<String> {
    let found = deep_references(content_type, content).into_iter();
    found.filter_map(|reference| Some(reference.value.as_str()?.to_owned())).collect()
}

fn states<'a>(
    connection: &mut Db,
    ids: impl Iterator<Item = &'a String>,
) -> QueryResult<HashMap<String, VisibilityState>> {
    let ids: HashSet<&str> = ids.map(String::as_str).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let these = items::table.filter(in_list(connection.dialect(), items::id, ids)).select(VISIBILITY_COLUMNS);
    let states: Vec<VisibilityState> = these.load(connection)?;
    Ok(states.into_iter().map(|state| (state.id.clone(), state)).collect())
}

fn seen_of(targets: &HashMap<String, VisibilityState>, viewer: &Viewer) -> HashSet<String> {
    targets.values().filter(|target| viewer.sees(target)).map(|target| target.id.clone()).collect()
}
