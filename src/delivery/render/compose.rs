//! Composition of items with what they refer to: one query for the links of a whole page, whatever its size,
//! and two more if children are included.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::Site;
use crate::content::field::{Relation, RelationShape};
use crate::content_types::ContentType;
use crate::database::schema::items;
use crate::database::{Db, in_list, unindexed};
use crate::delivery::Shape;
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::render::loaded_item::Loaded;
use crate::delivery::render::relations::{self, LoadedLink};
use crate::delivery::render::sparse_fields::only;
use crate::delivery::viewer::VisibilityState;
use crate::items::Item;
use crate::items::render::{Renderer, empty_relation};

/// A composed item.
#[derive(Debug)]
pub struct Composed {
    pub object: String,
    /// Content types and items that the object depends on.
    pub dependencies: Dependencies,
}

/// Composes items, in their order.
///
/// # Errors
///
/// Fails if a database statement fails.
pub fn compose(
    connection: &mut Db,
    resource: &'static ContentType,
    site: &Site,
    loaded: &[Loaded],
    shape: &Shape,
) -> QueryResult<Vec<Composed>> {
    let ids: Vec<&str> = loaded.iter().map(|l| l.id.as_str()).collect();
    let public: Vec<&str> = loaded.iter().filter(|l| l.links.is_none()).map(|l| l.id.as_str()).collect();
    let has_relations = resource.relations().any(|relation| shape.shows(relation.name));
    let mut ties = if has_relations && !public.is_empty() {
        relations::load(connection, &public, site, shape)?
    } else {
        HashMap::new()
    };
    ties.extend(relations::given(connection, loaded, site, shape)?);
    relations::inner(connection, resource, site, shape, &mut ties)?;
    let mut children = included_children(connection, resource, site, &ids, shape)?;
    let relations: Vec<Relation> = resource.relations().collect();
    Ok(loaded
        .iter()
        .map(|item| {
            let ties = ties.remove(&item.id).unwrap_or_default();
            let children = children.as_mut().map(|all| all.remove(&item.id).unwrap_or_default());
            let dependencies = dependencies((resource, &relations), item, &ties, children.as_deref());
            let objects = children.map(|all| all.into_iter().map(|child| child.object).collect());
            Composed { object: object(resource, site, item, &ties, objects, shape), dependencies }
        })
        .collect())
}

/// Returns the dependencies of an object: the item and all items that it links to. If children are included,
/// also the dependencies of these and their content type, since there may be more of them later.
fn dependencies(
    (resource, relations): (&'static ContentType, &[Relation]),
    item: &Loaded,
    ties: &[LoadedLink],
    children: Option<&[Composed]>,
) -> Dependencies {
    let mut all = Dependencies::default();
    all.add_item(resource.kind, &item.id);
    // Items that are not public yet count too: the object changes once they are.
    for tie in ties {
        let Some(target) = target_kind(relations, tie) else { continue };
        all.add_item(target, &tie.target_id);
        let relations: Vec<Relation> = match tie.inner.is_empty() {
            true => continue,
            false => ContentType::of_kind(target).into_iter().flat_map(ContentType::relations).collect(),
        };
        for inner in &tie.inner {
            target_kind(&relations, inner).iter().for_each(|target| all.add_item(target, &inner.target_id));
        }
    }
    if let (Some(of), Some(children)) = (resource.children, children) {
        all.add_kind(of.kind);
        children.iter().for_each(|child| all.add(&child.dependencies));
    }
    all
}

/// Returns the content type of the item at the other end of a link.
fn target_kind(relations: &[Relation], tie: &LoadedLink) -> Option<&'static str> {
    relations.iter().find(|relation| relation.name == tie.relation).map(|relation| relation.target)
}

fn object(
    resource: &'static ContentType,
    site: &Site,
    item: &Loaded,
    ties: &[LoadedLink],
    children: Option<Vec<String>>,
    shape: &Shape,
) -> String {
    let mut out = String::with_capacity(item.fragments.card.len() + item.fragments.detail.len() + 1024);
    out.push_str(&item.fragments.card);
    if shape.full {
        out.push_str(&item.fragments.detail);
    }
    for relation in resource.relations() {
        push_relation(&mut out, site, item.content.as_ref(), &relation, ties, shape);
    }
    if let (Some(of), Some(list)) = (resource.children, children) {
        out.push_str(",\"");
        out.push_str(of.name);
        out.push_str("\":[");
        out.push_str(&list.join(","));
        out.push(']');
    }
    out.push('}');
    match &shape.fields {
        Some(fields) => only(out, fields),
        None => out,
    }
}

/// Writes a relation with all its links. `content` is the stored content of the item, if its pre-rendered
/// fragments are not used.
fn push_relation(
    out: &mut String,
    site: &Site,
    content: Option<&Map<String, Value>>,
    relation: &Relation,
    ties: &[LoadedLink],
    shape: &Shape,
) {
    out.push_str(",\"");
    out.push_str(relation.name);
    out.push_str("\":");
    let mut own = ties.iter().filter(|t| t.seen && t.relation == relation.name).peekable();
    if own.peek().is_none() {
        return out.push_str(empty_relation(relation.shape));
    }
    let many = !matches!(relation.shape, RelationShape::One);
    out.push_str(if many { "[" } else { "" });
    for (index, tie) in own.enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_tie(out, site, content, relation, tie, shape);
    }
    out.push_str(if many { "]" } else { "" });
}

fn push_tie(
    out: &mut String,
    site: &Site,
    content: Option<&Map<String, Value>>,
    relation: &Relation,
    tie: &LoadedLink,
    shape: &Shape,
) {
    let RelationShape::ManyWith { key, fields } = relation.shape else {
        return push_target(out, site, relation, tie, shape);
    };
    out.push('{');
    let stored = content.and_then(|c| c.get(relation.name)?.get(tie.position as usize)?.as_object());
    match stored {
        Some(stored) => out.push_str(&Renderer::new(site, &shape.view).tie(fields, stored)),
        None => out.push_str(&tie.card),
    }
    out.push_str(",\"");
    out.push_str(key);
    out.push_str("\":");
    push_target(out, site, relation, tie, shape);
    out.push('}');
}

/// Writes the item at the other end of a link: whole if it is included, and otherwise as a reference. Of its
/// own relations only the included ones are written.
fn push_target(out: &mut String, site: &Site, relation: &Relation, tie: &LoadedLink, shape: &Shape) {
    if !shape.include.contains(&relation.name) {
        return out.push_str(&tie.target.reference);
    }
    out.push_str(&tie.target.card);
    if shape.full {
        out.push_str(&tie.target.detail);
    }
    let include = shape.within(relation.name);
    if !include.is_empty()
        && let Some(target) = ContentType::of_kind(relation.target)
    {
        let inner = Shape { include, ..shape.clone() };
        for relation in target.relations().filter(|relation| inner.include.contains(&relation.name)) {
            push_relation(out, site, None, &relation, &tie.inner, &inner);
        }
    }
    out.push('}');
}

/// Composes the children of these items, by the id of their parent; `None` if they are not included.
fn included_children(
    connection: &mut Db,
    resource: &'static ContentType,
    site: &Site,
    ids: &[&str],
    shape: &Shape,
) -> QueryResult<Option<HashMap<String, Vec<Composed>>>> {
    let Some(of) = resource.children.filter(|of| shape.include.contains(&of.name)) else { return Ok(None) };
    let Some(kind) = ContentType::of_kind(of.kind) else { return Ok(None) };
    let dialect = connection.dialect();
    let mut query = items::table
        .filter(unindexed(dialect, items::kind, [of.kind]).and(in_list(dialect, items::parent_id, ids)))
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
    let loaded: Vec<Loaded> = rows.into_iter().map(|row| Loaded::from_item(row, site, &view)).collect();
    let inner = Shape { include: shape.within(of.name), fields: None, view, ..shape.clone() };
    let objects = compose(connection, kind, site, &loaded, &inner)?;
    let mut by_parent: HashMap<String, Vec<Composed>> = HashMap::new();
    for (parent, composed) in parents.into_iter().zip(objects) {
        by_parent.entry(parent.unwrap_or_default()).or_default().push(composed);
    }
    Ok(Some(by_parent))
}
