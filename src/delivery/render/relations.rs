//! Links of items: one query for all links of a page, whatever its size.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content_types::ContentType;
use crate::database::schema::{items, links};
use crate::database::{Db, in_few, in_list};
use crate::delivery::render::loaded_item::LoadedItem;
use crate::delivery::viewer::{VISIBILITY_COLUMNS, VisibilityState};
use crate::delivery::{ReadContext, Shape};
use crate::items::render::Fragments;
use crate::items::{Item, Link, read_detail};

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
    /// Stored content of that item, from which the fields of its own links are rendered, if its pre-rendered
    /// fragments are not used.
    pub content: Option<Map<String, Value>>,
    /// Whether the viewer may see that item.
    pub visible: bool,
    /// Links of that item, if some of them are embedded.
    pub nested: Vec<LoadedLink>,
}

/// Loads all links of these items in one statement, by the id of the item. It is not boxed, so that its text is
/// fixed and it stays prepared. Links to items that the viewer may not see are loaded as well: the response
/// depends on them, since it changes once they are public.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn load_links(
    connection: &mut Db,
    context: ReadContext<'_>,
    ids: &[&str],
) -> QueryResult<HashMap<String, Vec<LoadedLink>>> {
    let shape = context.shape;
    let query = links::table
        .inner_join(items::table)
        .filter(in_list(connection.dialect(), links::source_id, ids))
        .order((links::source_id, links::relation, links::position));
    let link = (links::source_id, links::relation, links::position, links::card, VISIBILITY_COLUMNS);
    type Head = (String, String, i32, String, VisibilityState);
    let rows: Vec<(Head, EmbeddedItem)> = if !shape.viewer.is_public() || !shape.view.is_plain(context.site) {
        let rows: Vec<(Head, Item)> = query.select((link, Item::as_select())).load(connection)?;
        rows.into_iter().map(|(head, item)| (head, embed_item(context, item))).collect()
    } else if shape.include.is_empty() {
        let rows: Vec<(Head, String)> = query.select((link, items::reference)).load(connection)?;
        rows.into_iter()
            .map(|(head, reference)| (head, from_fragments(reference, String::new(), String::new())))
            .collect()
    } else if shape.full {
        type Whole = (String, String, Vec<u8>);
        let rows: Vec<(Head, Whole)> =
            query.select((link, (items::reference, items::card, items::detail))).load(connection)?;
        rows.into_iter()
            .map(|(head, (r, card, detail))| (head, from_fragments(r, card, read_detail(&detail))))
            .collect()
    } else {
        let rows: Vec<(Head, (String, String))> =
            query.select((link, (items::reference, items::card))).load(connection)?;
        rows.into_iter().map(|(head, (r, card))| (head, from_fragments(r, card, String::new()))).collect()
    };
    let mut links: HashMap<String, Vec<LoadedLink>> = HashMap::with_capacity(ids.len());
    for ((source, relation, position, card, state), (target, content)) in rows {
        let (visible, target_id) = (shape.viewer.sees(&state), state.id);
        let link = LoadedLink { relation, position, card, target_id, target, content, visible, nested: Vec::new() };
        links.entry(source).or_default().push(link);
    }
    Ok(links)
}

/// The rendered fragments of an embedded item, and its stored content if its pre-rendered fragments are not used.
type EmbeddedItem = (Fragments, Option<Map<String, Value>>);

/// Renders an embedded item in the languages that the viewer may see of it.
fn embed_item(context: ReadContext<'_>, item: Item) -> EmbeddedItem {
    let view = context.shape.viewer.view_of(&item.kind, &item.id, &context.shape.view);
    let LoadedItem { fragments, content, .. } = LoadedItem::from_item(item, context.site, &view);
    (fragments, content)
}

/// Loads the links of embedded items, where some of these are embedded in turn: one query for each relation.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn load_nested_links(
    connection: &mut Db,
    context: ReadContext<'_>,
    links: &mut HashMap<String, Vec<LoadedLink>>,
) -> QueryResult<()> {
    for relation in context.content_type.relations() {
        let include = context.shape.relations_within(relation.name);
        let target = ContentType::of_kind(relation.target).filter(|_| !include.is_empty());
        let Some(content_type) = target else { continue };
        let mut outer: Vec<&mut LoadedLink> =
            links.values_mut().flatten().filter(|link| link.visible && link.relation == relation.name).collect();
        let ids: Vec<&str> = outer.iter().map(|link| link.target_id.as_str()).collect();
        if ids.is_empty() {
            continue;
        }
        let shape = &Shape { include, fields: None, ..context.shape.clone() };
        let nested = load_links(connection, ReadContext { content_type, shape, ..context }, &ids)?;
        for link in &mut outer {
            link.nested = nested.get(&link.target_id).cloned().unwrap_or_default();
        }
    }
    Ok(())
}

/// Returns the links that need not be read, by the id of the item, with one query for all targets that are not
/// known yet. Links to items that the viewer may not see are returned as well, as by [`load_links`].
///
/// # Errors
///
/// Fails if the statement fails.
pub fn known_links(
    connection: &mut Db,
    context: ReadContext<'_>,
    items: &[LoadedItem],
) -> QueryResult<HashMap<String, Vec<LoadedLink>>> {
    let known: Vec<(&LoadedItem, &Vec<Link>)> =
        items.iter().filter_map(|item| Some((item, item.links.as_ref()?))).collect();
    let all = known.iter().flat_map(|(item, links)| links.iter().map(|link| (*item, link.target_id.as_str())));
    let ids: Vec<&str> = all.filter(|(item, id)| !item.targets.contains_key(*id)).map(|(_, id)| id).collect();
    let mut targets = HashMap::new();
    if !ids.is_empty() {
        let rows = items::table.filter(in_few(connection.dialect(), items::id, &ids)).select(Item::as_select());
        let mut rows: Vec<Item> = rows.load(connection)?;
        rows.retain(|item| context.shape.viewer.sees(&VisibilityState::from(item)));
        targets.extend(rows.into_iter().map(|item| (item.id.clone(), embed_item(context, item).0)));
    }
    let loaded = |item: &LoadedItem, link: &Link| {
        let target = item.targets.get(&link.target_id).or_else(|| targets.get(&link.target_id)).cloned();
        let (visible, target) = (target.is_some(), target.unwrap_or_default());
        let (relation, position, card) = (link.relation.clone(), link.position, link.card.clone());
        let (target_id, nested) = (link.target_id.clone(), Vec::new());
        LoadedLink { relation, position, card, target_id, target, content: None, visible, nested }
    };
    let of_item = |(item, links): (&LoadedItem, &Vec<Link>)| {
        (item.id.clone(), links.iter().map(|link| loaded(item, link)).collect())
    };
    Ok(known.into_iter().map(of_item).collect())
}

fn from_fragments(reference: String, card: String, detail: String) -> EmbeddedItem {
    (Fragments { card, detail, reference }, None)
}
