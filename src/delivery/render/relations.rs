//! Links of items: one query for all links of a page, whatever its size.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content::Site;
use crate::content_types::ContentType;
use crate::database::schema::{items, links};
use crate::database::{Db, in_list};
use crate::delivery::Shape;
use crate::delivery::render::loaded_item::Loaded;
use crate::delivery::viewer::{VISIBILITY_COLUMNS, VisibilityState};
use crate::items::render::Fragments;
use crate::items::{Item, Link};

/// A link, with what a response shows of the item at its other end.
#[derive(Debug, Clone)]
pub struct LoadedLink {
    /// Relation that holds the link.
    pub relation: String,
    /// Position in the list of the relation.
    pub position: i32,
    /// JSON fragment with the fields of the link itself.
    pub card: String,
    /// Id of the item at the other end.
    pub target_id: String,
    /// Rendered fragments of that item.
    pub target: Fragments,
    /// Whether the viewer may see that item.
    pub seen: bool,
    /// Links of that item, if some of them are embedded.
    pub inner: Vec<LoadedLink>,
}

/// Loads all links of these items in one statement. It is not boxed, so that its text is fixed and it stays
/// prepared. Links to items that the viewer may not see are loaded as well: the response depends on them,
/// since it changes once they are public.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn load(
    connection: &mut Db,
    ids: &[&str],
    site: &Site,
    shape: &Shape,
) -> QueryResult<HashMap<String, Vec<LoadedLink>>> {
    let query = links::table
        .inner_join(items::table)
        .filter(in_list(connection.dialect(), links::source_id, ids))
        .order((links::source_id, links::relation, links::position));
    let tie = (links::source_id, links::relation, links::position, links::card, VISIBILITY_COLUMNS);
    type Head = (String, String, i32, String, VisibilityState);
    let rows: Vec<(Head, Fragments)> = if !shape.viewer.is_public() || !shape.view.is_plain(site) {
        let rows: Vec<(Head, Item)> = query.select((tie, Item::as_select())).load(connection)?;
        rows.into_iter().map(|(head, item)| (head, embedded(item, site, shape))).collect()
    } else if shape.include.is_empty() {
        let rows: Vec<(Head, String)> = query.select((tie, items::reference)).load(connection)?;
        rows.into_iter().map(|(head, reference)| (head, fragments(reference, String::new(), String::new()))).collect()
    } else if shape.full {
        type Whole = (String, String, String);
        let rows: Vec<(Head, Whole)> =
            query.select((tie, (items::reference, items::card, items::detail))).load(connection)?;
        rows.into_iter().map(|(head, (r, card, detail))| (head, fragments(r, card, detail))).collect()
    } else {
        let rows: Vec<(Head, (String, String))> =
            query.select((tie, (items::reference, items::card))).load(connection)?;
        rows.into_iter().map(|(head, (r, card))| (head, fragments(r, card, String::new()))).collect()
    };
    let mut ties: HashMap<String, Vec<LoadedLink>> = HashMap::with_capacity(ids.len());
    for ((source, relation, position, card, standing), target) in rows {
        let (seen, target_id) = (shape.viewer.sees(&standing), standing.id);
        let tie = LoadedLink { relation, position, card, target_id, target, seen, inner: Vec::new() };
        ties.entry(source).or_default().push(tie);
    }
    Ok(ties)
}

/// Renders an embedded item in the languages that the viewer may see of it.
fn embedded(item: Item, site: &Site, shape: &Shape) -> Fragments {
    let view = shape.viewer.view_of(&item.kind, &item.id, &shape.view);
    Loaded::from_item(item, site, &view).fragments
}

/// Loads the links of embedded items, where some of these are embedded in turn: one query for each relation.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn inner(
    connection: &mut Db,
    resource: &'static ContentType,
    site: &Site,
    shape: &Shape,
    ties: &mut HashMap<String, Vec<LoadedLink>>,
) -> QueryResult<()> {
    for relation in resource.relations() {
        let include = shape.within(relation.name);
        if include.is_empty() {
            continue;
        }
        let inner = Shape { include, fields: None, ..shape.clone() };
        let mut outer: Vec<&mut LoadedLink> =
            ties.values_mut().flatten().filter(|tie| tie.seen && tie.relation == relation.name).collect();
        let ids: Vec<&str> = outer.iter().map(|tie| tie.target_id.as_str()).collect();
        if ids.is_empty() {
            continue;
        }
        let found = load(connection, &ids, site, &inner)?;
        for tie in &mut outer {
            tie.inner = found.get(&tie.target_id).cloned().unwrap_or_default();
        }
    }
    Ok(())
}

/// Returns the links that need not be read, with one query for all targets that are not known yet.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn given(
    connection: &mut Db,
    loaded: &[Loaded],
    site: &Site,
    shape: &Shape,
) -> QueryResult<HashMap<String, Vec<LoadedLink>>> {
    let own: Vec<(&Loaded, &Vec<Link>)> = loaded.iter().filter_map(|l| Some((l, l.links.as_ref()?))).collect();
    let all = own.iter().flat_map(|(item, links)| links.iter().map(|link| (*item, link.target_id.as_str())));
    let ids: Vec<&str> = all.filter(|(item, id)| !item.targets.contains_key(*id)).map(|(_, id)| id).collect();
    let mut read = HashMap::new();
    if !ids.is_empty() {
        let rows = items::table.filter(in_list(connection.dialect(), items::id, &ids)).select(Item::as_select());
        let mut rows: Vec<Item> = rows.load(connection)?;
        rows.retain(|item| shape.viewer.sees(&VisibilityState::from(item)));
        read.extend(rows.into_iter().map(|item| (item.id.clone(), embedded(item, site, shape))));
    }
    let tie = |item: &Loaded, link: &Link| {
        let target = item.targets.get(&link.target_id).or_else(|| read.get(&link.target_id))?.clone();
        let (relation, position, card) = (link.relation.clone(), link.position, link.card.clone());
        Some(LoadedLink {
            relation,
            position,
            card,
            target_id: link.target_id.clone(),
            target,
            seen: true,
            inner: Vec::new(),
        })
    };
    let ties = |(item, links): (&Loaded, &Vec<Link>)| {
        (item.id.clone(), links.iter().filter_map(|link| tie(item, link)).collect())
    };
    Ok(own.into_iter().map(ties).collect())
}

fn fragments(reference: String, card: String, detail: String) -> Fragments {
    Fragments { card, detail, reference }
}
