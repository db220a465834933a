//! Items as loaded from the database, rendered in the view of a response.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::content::Site;
use crate::content::translations::visible_content;
use crate::content_types::ContentType;
use crate::delivery::ReadContext;
use crate::items::projection;
use crate::items::render::{Fragments, Renderer, View};
use crate::items::{Item, KnownReferences, Link, ReferenceTarget, read_detail};

/// An item that is about to be composed into a response.
#[derive(Debug)]
pub struct LoadedItem {
    pub id: String,
    pub version: i64,
    /// Time of the last write (µs).
    pub updated_at: i64,
    /// Rendered fields of the item itself.
    pub fragments: Fragments,
    /// Stored content, if the pre-rendered fragments are not used.
    pub content: Option<Map<String, Value>>,
    /// Links of the item, if they need not be read: they are not the public ones, or they are known already.
    pub links: Option<Vec<Link>>,
    /// Known items at the other ends of the links, by id.
    pub targets: HashMap<String, Fragments>,
}

impl LoadedItem {
    /// Creates the item from a whole row in this view.
    pub fn from_item(item: Item, site: &Site, view: &View) -> Self {
        if !has_fragments_for(&item, site, view) {
            return Self::render(item, site, view);
        }
        let detail = read_detail(&item.detail);
        let fragments = Fragments { card: item.card, detail, reference: item.reference };
        Self::from_fragments(item.id, item.version, item.updated_at, fragments)
    }

    /// Creates the item from a whole row without its pre-rendered fragments.
    pub fn render(item: Item, site: &Site, view: &View) -> Self {
        let mut content = item.content();
        let fragments = fragments(&item, &content, site, view);
        // The fields of links are rendered from the content too, so hidden languages must not stay in it.
        if !view.unpublished
            && let Some(content_type) = ContentType::of_kind(&item.kind)
            && let Cow::Owned(seen) = visible_content(content_type.fields, &content, &item.translations())
        {
            content = seen;
        }
        Self { content: Some(content), ..Self::from_fragments(item.id, item.version, item.updated_at, fragments) }
    }

    /// Creates the item from pre-rendered fragments.
    pub fn from_fragments(id: String, version: i64, updated_at: i64, fragments: Fragments) -> Self {
        Self { id, version, updated_at, fragments, content: None, links: None, targets: HashMap::new() }
    }

    /// Adds what a write knows of the linked items, if the response shows nothing else of them.
    pub fn with_references(self, context: ReadContext<'_>, item: &Item, known: KnownReferences) -> Self {
        let KnownReferences { targets, links } = known;
        let ReadContext { content_type, site, shape } = context;
        if targets.is_empty() || !shape.include.is_empty() || !shape.view.is_usual(site) {
            return self;
        }
        let links = links
            .unwrap_or_else(|| projection::links(&item.id, content_type, &item.content(), &item.translations(), site));
        // What was looked up of the item itself is its state before the write.
        let is_known = |link: &Link| link.target_id != item.id && targets.get(&link.target_id).is_some_and(|t| t.open);
        if !links.iter().all(is_known) {
            return self;
        }
        let fragments = |target: ReferenceTarget| Fragments { reference: target.reference, ..Fragments::default() };
        let targets = targets.into_iter().map(|(id, target)| (id, fragments(target))).collect();
        Self { links: Some(links), targets, ..self }
    }
}

/// Returns whether the stored fragments of an item are those of this view. Those of drafts may be outdated.
fn has_fragments_for(item: &Item, site: &Site, view: &View) -> bool {
    view.is_plain(site) || (view.is_usual(site) && item.is_open())
}

fn fragments(item: &Item, content: &Map<String, Value>, site: &Site, view: &View) -> Fragments {
    match ContentType::of_kind(&item.kind) {
        Some(content_type) => Renderer::new(site, view).item(content_type, &item.envelope(), content),
        None => item.fragments(),
    }
}
