//! An item as the database gives it, in the view of an answer.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Shape;
use crate::content::Site;
use crate::content::render::{Fragments, Renderer, View};
use crate::content::translations::visible;
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
        if named.is_empty() || !shape.include.is_empty() || !shape.view.is_usual(site) {
            return self;
        }
        let links = derive::links(&item.id, resource, &item.content(), &item.translations(), site);
        // Itself it was before the write.
        let is_known = |link: &Link| link.target_id != item.id && named.get(&link.target_id).is_some_and(|n| n.open);
        if !links.iter().all(is_known) {
            return self;
        }
        let reference = |named: Named| Fragments { reference: named.reference, ..Fragments::default() };
        let targets = named.into_iter().map(|(id, named)| (id, reference(named))).collect();
        Self { links: Some(links), targets, ..self }
    }
}

/// Whether the ready answer of an item is that of this view. Of drafts it may tell an earlier stage.
fn is_ready(item: &Item, site: &Site, view: &View) -> bool {
    view.is_plain(site) || (view.is_usual(site) && item.is_open())
}

fn rendered(item: &Item, content: &Map<String, Value>, site: &Site, view: &View) -> Fragments {
    match Resource::of_kind(&item.kind) {
        Some(resource) => Renderer::new(site, view).item(resource, &item.envelope(), content),
        None => Fragments { card: item.card.clone(), detail: item.detail.clone(), reference: item.reference.clone() },
    }
}
