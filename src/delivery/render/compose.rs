//! Composition of items with what they refer to: one query for the links of a whole page, whatever its size,
//! and two more if children are included.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::field::{Field, Relation, RelationShape};
use crate::content_types::ContentType;
use crate::database::schema::items;
use crate::database::{Db, in_list, in_list_unindexed};
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::render::links_within::LinksWithin;
use crate::delivery::render::loaded_item::LoadedItem;
use crate::delivery::render::relations::{self, LoadedLink};
use crate::delivery::render::site_members;
use crate::delivery::render::sparse_fields::select_members;
use crate::delivery::render::{blocks, paths};
use crate::delivery::viewer::VisibilityState;
use crate::delivery::{ReadContext, Shape};
use crate::items::Item;
use crate::items::render::{Renderer, empty_relation};

/// An item as a response shows it.
#[derive(Debug)]
pub struct ComposedItem {
    /// JSON object of the item.
    pub object: String,
    /// Content types and items that the object depends on.
    pub dependencies: Dependencies,
}

/// Composes items, in their order.
///
/// # Errors
///
/// Fails if a database statement fails.
pub fn compose(connection: &mut Db, context: ReadContext<'_>, items: &[LoadedItem]) -> QueryResult<Vec<ComposedItem>> {
    let ReadContext { content_type, shape, .. } = context;
    let ids: Vec<&str> = items.iter().map(|item| item.id.as_str()).collect();
    let public: Vec<&str> = items.iter().filter(|item| item.links.is_none()).map(|item| item.id.as_str()).collect();
    let has_relations = content_type.relations().any(|relation| shape.shows(relation.name));
    let mut links = if has_relations && !public.is_empty() {
        relations::load_links(connection, context, &public)?
    } else {
        HashMap::new()
    };
    links.extend(relations::known_links(connection, context, items)?);
    relations::load_nested_links(connection, context, &mut links)?;
    let paths = paths::add_paths(connection, context, &ids, &mut links)?;
    let mut children = included_children(connection, context, &ids)?;
    let links_within = LinksWithin::load(connection, context, items)?;
    let relations: Vec<Relation> = content_type.relations().collect();
    Ok(items
        .iter()
        .map(|item| {
            let links = links.remove(&item.id).unwrap_or_default();
            let children = children.as_mut().map(|all| all.remove(&item.id).unwrap_or_default());
            let mut dependencies = dependencies((content_type, &relations), item, &links, children.as_deref());
            links_within.iter().for_each(|within| within.add_dependencies(&item.id, &mut dependencies));
            let children = children.map(|all| all.into_iter().map(|child| child.object).collect());
            let path = paths.get(&item.id).map(String::as_str);
            let whole = object(context, (item, path), &links, children);
            let object = match &links_within {
                Some(within) => within.retain(content_type, whole),
                None => whole,
            };
            ComposedItem { object: shown_part(object, shape), dependencies }
        })
        .collect())
}

/// Returns the dependencies of an object: the item and all items that it links to. If children are included,
/// also the dependencies of these and their content type, since there may be more of them later.
fn dependencies(
    (content_type, relations): (&'static ContentType, &[Relation]),
    item: &LoadedItem,
    links: &[LoadedLink],
    children: Option<&[ComposedItem]>,
) -> Dependencies {
    let mut all = Dependencies::default();
    all.add_item(content_type.kind, &item.id);
    // The path of a page, and its visibility, depend on all pages above it.
    let with_paths = relations.iter().filter_map(|relation| ContentType::of_kind(relation.target));
    with_paths.chain([content_type]).filter(|kind| kind.has_paths()).for_each(|kind| all.add_kind(kind.kind));
    // Items that are not public yet count too: the object changes once they are.
    for link in links {
        let Some(target) = target_kind(relations, link) else { continue };
        all.add_item(target, &link.target_id);
        let relations: Vec<Relation> = match link.nested.is_empty() {
            true => continue,
            false => ContentType::of_kind(target).into_iter().flat_map(ContentType::relations).collect(),
        };
        for nested in &link.nested {
            target_kind(&relations, nested).iter().for_each(|target| all.add_item(target, &nested.target_id));
        }
    }
    if let (Some(of), Some(children)) = (content_type.children, children) {
        all.add_kind(of.kind);
        children.iter().for_each(|child| all.add(&child.dependencies));
    }
    all
}

/// Returns the content type of the item at the other end of a link.
fn target_kind(relations: &[Relation], link: &LoadedLink) -> Option<&'static str> {
    relations.iter().find(|relation| relation.name == link.relation).map(|relation| relation.target)
}

/// Returns the JSON object of an item: its own fragments, its relations, and its children if they are included.
fn object(
    context: ReadContext<'_>,
    (item, path): (&LoadedItem, Option<&str>),
    links: &[LoadedLink],
    children: Option<Vec<String>>,
) -> String {
    let ReadContext { content_type, shape, .. } = context;
    let mut out = String::with_capacity(item.fragments.card.len() + item.fragments.detail.len() + 1024);
    out.push_str(&item.fragments.card);
    if shape.full {
        out.push_str(&item.fragments.detail);
    }
    if content_type.has_paths() {
        paths::push(&mut out, path);
    }
    for relation in content_type.fields.iter().filter_map(Field::relation) {
        push_relation(&mut out, context, item.content.as_ref(), &relation, links);
    }
    if let (Some(of), Some(children)) = (content_type.children, children) {
        out.push_str(",\"");
        out.push_str(of.name);
        out.push_str("\":[");
        out.push_str(&children.join(","));
        out.push(']');
    }
    if content_type.is_singleton() {
        site_members::push(&mut out, context.site);
    }
    out.push('}');
    if shape.full {
        blocks::fill(&mut out, context, links);
    }
    out
}

/// Returns the part of an object that a response shows.
fn shown_part(object: String, shape: &Shape) -> String {
    match &shape.fields {
        Some(fields) => select_members(object, fields),
        None => object,
    }
}

/// Writes a relation with all its links. `content` is the stored content of the item, if its pre-rendered
/// fragments are not used.
fn push_relation(
    out: &mut String,
    context: ReadContext<'_>,
    content: Option<&Map<String, Value>>,
    relation: &Relation,
    links: &[LoadedLink],
) {
    out.push_str(",\"");
    out.push_str(relation.name);
    out.push_str("\":");
    let mut own = links.iter().filter(|link| link.visible && link.relation == relation.name).peekable();
    if own.peek().is_none() {
        return out.push_str(empty_relation(relation.shape));
    }
    let many = !matches!(relation.shape, RelationShape::One);
    out.push_str(if many { "[" } else { "" });
    for (index, link) in own.enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_link(out, context, content, relation, link);
    }
    out.push_str(if many { "]" } else { "" });
}

/// Writes a link: its own fields, if it has any, around the item at its other end.
fn push_link(
    out: &mut String,
    context: ReadContext<'_>,
    content: Option<&Map<String, Value>>,
    relation: &Relation,
    link: &LoadedLink,
) {
    let RelationShape::ManyWith { key, object } = relation.shape else {
        return push_target(out, context, relation, link);
    };
    out.push('{');
    let stored = content.and_then(|c| c.get(relation.name)?.get(link.position as usize)?.as_object());
    match stored {
        Some(stored) => out.push_str(&Renderer::new(context.site, &context.shape.view).link(object.fields, stored)),
        None => out.push_str(&link.card),
    }
    out.push_str(",\"");
    out.push_str(key);
    out.push_str("\":");
    push_target(out, context, relation, link);
    out.push('}');
}

/// Writes the item at the other end of a link: whole if it is included, and otherwise as a reference. Of its
/// own relations only the included ones are written.
fn push_target(out: &mut String, context: ReadContext<'_>, relation: &Relation, link: &LoadedLink) {
    let shape = context.shape;
    if !shape.include.contains(&relation.name) {
        return out.push_str(&link.target.reference);
    }
    out.push_str(&link.target.card);
    if shape.full {
        out.push_str(&blocks::strip_blocks(relation.target, &link.target.detail));
    }
    let include = shape.relations_within(relation.name);
    if !include.is_empty()
        && let Some(content_type) = ContentType::of_kind(relation.target)
    {
        let shape = &Shape { include, ..shape.clone() };
        let nested = ReadContext { content_type, shape, ..context };
        let included = content_type.fields.iter().filter_map(Field::relation);
        for relation in included.filter(|relation| shape.include.contains(&relation.name)) {
            push_relation(out, nested, link.content.as_ref(), &relation, &link.nested);
        }
    }
    out.push('}');
}

/// Composes the children of these items, by the id of their parent; `None` if they are not included.
fn included_children(
    connection: &mut Db,
    context: ReadContext<'_>,
    ids: &[&str],
) -> QueryResult<Option<HashMap<String, Vec<ComposedItem>>>> {
    let ReadContext { content_type, site, shape } = context;
    let Some(of) = content_type.children.filter(|of| shape.include.contains(&of.name)) else { return Ok(None) };
    let Some(content_type) = ContentType::of_kind(of.kind) else { return Ok(None) };
    let dialect = connection.dialect();
    let mut query = items::table
        .filter(in_list_unindexed(dialect, items::kind, [of.kind]).and(in_list(dialect, items::parent_id, ids)))
        .order((items::parent_id, items::starts_at, items::id))
        .select(Item::as_select())
        .into_boxed();
    if shape.viewer.is_public() {
        query = query.filter(items::live.eq(true));
    }
    let mut rows: Vec<Item> = query.load(connection)?;
    rows.retain(|row| shape.viewer.sees(&VisibilityState::from(row)));
    let parents: Vec<Option<String>> = rows.iter().map(|row| row.parent_id.clone()).collect();
    let view = shape.viewer.view_of(of.kind, "", &shape.view);
    let children: Vec<LoadedItem> = rows.into_iter().map(|row| LoadedItem::from_item(row, site, &view)).collect();
    let shape = &Shape { include: shape.relations_within(of.name), fields: None, view, ..shape.clone() };
    let children = compose(connection, ReadContext { content_type, site, shape }, &children)?;
    let mut by_parent: HashMap<String, Vec<ComposedItem>> = HashMap::new();
    for (parent, child) in parents.into_iter().zip(children) {
        by_parent.entry(parent.unwrap_or_default()).or_default().push(child);
    }
    Ok(Some(by_parent))
}
