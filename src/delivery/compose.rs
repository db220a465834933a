//! Puts items and what they refer to together: one query for the ties of a whole page, whatever
//! its size, and two more where items filed under them are included.

use std::borrow::Cow;
use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use super::fields::only;
use super::{Audience, Shape};
use crate::content::Site;
use crate::content::field::{Relation, Shape as RelationShape};
use crate::content::render::{Fragments, Renderer, View, empty_relation};
use crate::content::translations::visible;
use crate::database::ledger::Depends;
use crate::database::schema::{items, links};
use crate::database::{Db, any_of, by_the_way};
use crate::editorial::derive;
use crate::items::{Item, Link, Named};
use crate::resources::Resource;

/// An item on its way into an answer.
#[derive(Debug)]
pub struct Loaded {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: i64,
    /// When it was last written (µs).
    pub updated_at: i64,
    /// Its own fields.
    pub fragments: Fragments,
    /// The stored form, where the answer is not the ready one.
    pub content: Option<Map<String, Value>>,
    /// Its ties, where they are not to be read: they are not the public ones, or they are known.
    pub links: Option<Vec<Link>>,
    /// What is known of the items at their other ends, by id.
    pub targets: HashMap<String, Fragments>,
}

impl Loaded {
    /// From a whole row, in the wanted view.
    pub fn from_item(item: Item, site: &Site, view: &View) -> Self {
        if !is_ready(&item, site, view) {
            return Self::rendered(item, site, view);
        }
        let fragments = Fragments { card: item.card, detail: item.detail, reference: item.reference };
        Self::ready(item.id, item.version, item.updated_at, fragments)
    }

    /// From a whole row, whose ready answer is not used.
    pub fn rendered(item: Item, site: &Site, view: &View) -> Self {
        let mut content = item.content();
        let fragments = rendered(&item, &content, site, view);
        // The fields of its ties are rendered from it too.
        if !view.unpublished
            && let Some(resource) = Resource::of_kind(&item.kind)
            && let Cow::Owned(seen) = visible(resource.fields, &content, &item.translations())
        {
            content = seen;
        }
        Self { content: Some(content), ..Self::ready(item.id, item.version, item.updated_at, fragments) }
    }

    /// From a ready answer.
    pub fn ready(id: String, version: i64, updated_at: i64, fragments: Fragments) -> Self {
        Self { id, version, updated_at, fragments, content: None, links: None, targets: HashMap::new() }
    }

    /// The same with what was looked up for its writing, where nothing else is to be shown of it.
    pub fn knowing(
        self,
        item: &Item,
        resource: &'static Resource,
        site: &Site,
        named: HashMap<String, Named>,
        shape: &Shape,
    ) -> Self {
        if named.is_empty() || !shape.include.is_empty() || !shape.view.is_plain(site) {
            return self;
        }
        let links = derive::links(&item.id, resource, &item.content(), &item.translations(), site);
        if links.iter().any(|link| !named.contains_key(&link.target_id)) {
            return self;
        }
        let reference = |named: Named| fragments(named.reference, String::new(), String::new());
        let targets = named.into_iter().map(|(id, named)| (id, reference(named))).collect();
        Self { links: Some(links), targets, ..self }
    }
}

/// Whether the ready answer of an item is that of this view. Of drafts it may tell an earlier stage.
fn is_ready(item: &Item, site: &Site, view: &View) -> bool {
    view.is_plain(site) || (view.is_usual(site) && item.live && item.translations().hidden().is_empty())
}

fn rendered(item: &Item, content: &Map<String, Value>, site: &Site, view: &View) -> Fragments {
    match Resource::of_kind(&item.kind) {
        Some(resource) => Renderer::new(site, view).item(resource, &item.envelope(), content),
        None => Fragments { card: item.card.clone(), detail: item.detail.clone(), reference: item.reference.clone() },
    }
}

/// A tie with what it needs of the item at its other end.
#[derive(Debug, Clone)]
struct Tie {
    relation: String,
    position: i32,
    card: String,
    target_id: String,
    target: Fragments,
    /// Whoever is answered may see the target.
    seen: bool,
    /// The ties of the target, where some of them are to be shown whole.
    inner: Vec<Tie>,
}

/// An item, put together.
#[derive(Debug)]
pub struct Composed {
    /// The JSON object.
    pub object: String,
    /// What it is made of.
    pub made_of: MadeOf,
}

/// What an answer is made of.
#[derive(Debug, Default, Clone)]
pub struct MadeOf {
    /// Everything of these kinds.
    pub kinds: Vec<&'static str>,
    /// These items, by id.
    pub items: Vec<String>,
}

impl MadeOf {
    /// Everything of these kinds.
    pub fn kinds(kinds: impl IntoIterator<Item = &'static str>) -> Self {
        Self { kinds: kinds.into_iter().collect(), items: Vec::new() }
    }

    /// The same for the ledger.
    pub fn depends(&self) -> Depends {
        Depends::on_kinds(self.kinds.iter().copied()).and_items(self.items.iter().map(String::as_str))
    }
}

/// The items in their order.
pub fn compose(
    connection: &mut Db,
    resource: &'static Resource,
    site: &Site,
    loaded: &[Loaded],
    shape: &Shape,
) -> QueryResult<Vec<Composed>> {
    let ids: Vec<&str> = loaded.iter().map(|l| l.id.as_str()).collect();
    let public: Vec<&str> = loaded.iter().filter(|l| l.links.is_none()).map(|l| l.id.as_str()).collect();
    let has_relations = resource.relations().any(|relation| shape.shows(relation.name));
    let mut ties =
        if has_relations && !public.is_empty() { load_ties(connection, &public, site, shape)? } else { HashMap::new() };
    ties.extend(given_ties(connection, loaded, site, shape)?);
    inner_ties(connection, resource, site, shape, &mut ties)?;
    let mut children = included_children(connection, resource, site, &ids, shape)?;
    Ok(loaded
        .iter()
        .map(|item| {
            let ties = ties.remove(&item.id).unwrap_or_default();
            let children = children.as_mut().map(|all| all.remove(&item.id).unwrap_or_default());
            let mut made_of = MadeOf::default();
            if let Some(of) = resource.children.filter(|_| children.is_some()) {
                made_of.kinds.extend(Resource::of_kind(of.kind).into_iter().flat_map(Resource::touched_by));
            }
            // What is not shown yet belongs to it too: it will be shown once it is public.
            let inner = ties.iter().flat_map(|tie| &tie.inner);
            made_of.items.extend(ties.iter().chain(inner).map(|tie| tie.target_id.clone()).chain([item.id.clone()]));
            Composed { object: object(resource, site, item, &ties, children, shape), made_of }
        })
        .collect())
}

fn object(
    resource: &'static Resource,
    site: &Site,
    item: &Loaded,
    ties: &[Tie],
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

/// A relation with all its ties; `content` is the stored form of the item, where the ready answer is not used.
fn push_relation(
    out: &mut String,
    site: &Site,
    content: Option<&Map<String, Value>>,
    relation: &Relation,
    ties: &[Tie],
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
    tie: &Tie,
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

/// The item at the other end: whole when it is included, else a reference. Of its own ties only those are
/// shown that are to be included as well.
fn push_target(out: &mut String, site: &Site, relation: &Relation, tie: &Tie, shape: &Shape) {
    if !shape.include.contains(&relation.name) {
        return out.push_str(&tie.target.reference);
    }
    out.push_str(&tie.target.card);
    if shape.full {
        out.push_str(&tie.target.detail);
    }
    let include = shape.within(relation.name);
    if !include.is_empty()
        && let Some(target) = Resource::of_kind(relation.target)
    {
        let inner = Shape { include, ..shape.clone() };
        for relation in target.relations().filter(|relation| inner.include.contains(&relation.name)) {
            push_relation(out, site, None, &relation, &tie.inner, &inner);
        }
    }
    out.push('}');
}

/// One statement for all ties of all these items. It is not boxed: its text stays known, and it
/// stays prepared.
fn load_ties(connection: &mut Db, ids: &[&str], site: &Site, shape: &Shape) -> QueryResult<HashMap<String, Vec<Tie>>> {
    let query = links::table
        .inner_join(items::table)
        .filter(any_of(connection.dialect(), links::source_id, ids))
        .order((links::source_id, links::relation, links::position));
    let state = (items::live, items::trashed_at);
    let tie = (links::source_id, links::relation, links::position, links::card, links::target_id, state);
    type Head = (String, String, i32, String, String, (bool, i64));
    let rows: Vec<(Head, Fragments)> = if !shape.view.is_plain(site) {
        let rows: Vec<(Head, Item)> = query.select((tie, Item::as_select())).load(connection)?;
        rows.into_iter().map(|(head, item)| (head, Loaded::from_item(item, site, &shape.view).fragments)).collect()
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
    let mut ties: HashMap<String, Vec<Tie>> = HashMap::with_capacity(ids.len());
    for ((source, relation, position, card, target_id, (live, trashed_at)), target) in rows {
        let seen = live || (shape.audience == Audience::Editors && trashed_at == 0);
        ties.entry(source).or_default().push(Tie {
            relation,
            position,
            card,
            target_id,
            target,
            seen,
            inner: Vec::new(),
        });
    }
    Ok(ties)
}

/// The ties of what is shown whole, where some of these are to be shown whole too: one query a relation.
fn inner_ties(
    connection: &mut Db,
    resource: &'static Resource,
    site: &Site,
    shape: &Shape,
    ties: &mut HashMap<String, Vec<Tie>>,
) -> QueryResult<()> {
    for relation in resource.relations() {
        let include = shape.within(relation.name);
        if include.is_empty() {
            continue;
        }
        let inner = Shape { include, fields: None, ..shape.clone() };
        let mut outer: Vec<&mut Tie> =
            ties.values_mut().flatten().filter(|tie| tie.seen && tie.relation == relation.name).collect();
        let ids: Vec<&str> = outer.iter().map(|tie| tie.target_id.as_str()).collect();
        if ids.is_empty() {
            continue;
        }
        let found = load_ties(connection, &ids, site, &inner)?;
        for tie in &mut outer {
            tie.inner = found.get(&tie.target_id).cloned().unwrap_or_default();
        }
    }
    Ok(())
}

/// The ties that need not be read: one query for all targets of which nothing is known.
fn given_ties(
    connection: &mut Db,
    loaded: &[Loaded],
    site: &Site,
    shape: &Shape,
) -> QueryResult<HashMap<String, Vec<Tie>>> {
    let own: Vec<(&Loaded, &Vec<Link>)> = loaded.iter().filter_map(|l| Some((l, l.links.as_ref()?))).collect();
    let all = own.iter().flat_map(|(item, links)| links.iter().map(|link| (*item, link.target_id.as_str())));
    let ids: Vec<&str> = all.filter(|(item, id)| !item.targets.contains_key(*id)).map(|(_, id)| id).collect();
    let mut read = HashMap::new();
    if !ids.is_empty() {
        let rows: Vec<Item> = items::table
            .filter(any_of(connection.dialect(), items::id, &ids).and(items::trashed_at.eq(0)))
            .select(Item::as_select())
            .load(connection)?;
        let fragments = |item| Loaded::from_item(item, site, &shape.view).fragments;
        read.extend(rows.into_iter().map(|item| (item.id.clone(), fragments(item))));
    }
    let tie = |item: &Loaded, link: &Link| {
        let target = item.targets.get(&link.target_id).or_else(|| read.get(&link.target_id))?.clone();
        let (relation, position, card) = (link.relation.clone(), link.position, link.card.clone());
        Some(Tie { relation, position, card, target_id: link.target_id.clone(), target, seen: true, inner: Vec::new() })
    };
    let ties = |(item, links): (&Loaded, &Vec<Link>)| {
        (item.id.clone(), links.iter().filter_map(|link| tie(item, link)).collect())
    };
    Ok(own.into_iter().map(ties).collect())
}

fn fragments(reference: String, card: String, detail: String) -> Fragments {
    Fragments { card, detail, reference }
}

/// The items filed under these, where they are to be included: by the id they are filed under.
fn included_children(
    connection: &mut Db,
    resource: &'static Resource,
    site: &Site,
    ids: &[&str],
    shape: &Shape,
) -> QueryResult<Option<HashMap<String, Vec<String>>>> {
    let Some(of) = resource.children.filter(|of| shape.include.contains(&of.name)) else { return Ok(None) };
    let Some(kind) = Resource::of_kind(of.kind) else { return Ok(None) };
    let dialect = connection.dialect();
    let mut query = items::table
        .filter(by_the_way(dialect, items::kind, [of.kind]).and(any_of(dialect, items::parent_id, ids)))
        .order((items::parent_id, items::starts_at, items::id))
        .select(Item::as_select())
        .into_boxed();
    query = match shape.audience {
        Audience::Public => query.filter(items::live.eq(true)),
        Audience::Editors => query.filter(items::trashed_at.eq(0)),
    };
    let rows: Vec<Item> = query.load(connection)?;
    let parents: Vec<Option<String>> = rows.iter().map(|row| row.parent_id.clone()).collect();
    let loaded: Vec<Loaded> = rows.into_iter().map(|row| Loaded::from_item(row, site, &shape.view)).collect();
    let inner = Shape { include: shape.within(of.name), fields: None, ..shape.clone() };
    let objects = compose(connection, kind, site, &loaded, &inner)?;
    let mut by_parent: HashMap<String, Vec<String>> = HashMap::new();
    for (parent, object) in parents.into_iter().zip(objects) {
        by_parent.entry(parent.unwrap_or_default()).or_default().push(object.object);
    }
    Ok(Some(by_parent))
}
