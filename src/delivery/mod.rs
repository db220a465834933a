//! Read path of published content: from a typed query to the bytes of the response.

pub mod cache;
pub mod change_stream;
pub mod changes;
pub mod get_item;
pub mod identities;
pub mod layout;
pub mod list_items;
mod named_items;
pub mod page_by_path;
pub mod page_versions;
pub mod public_slugs;
pub mod query;
pub mod redirects;
pub mod render;
pub mod revisions;
pub mod search_all;
pub mod sitemap;
pub mod sql;
pub mod stored_queries;
pub mod viewer;

use crate::content::Site;
use crate::content_types::ContentType;
use viewer::Viewer;

/// The circumstances of a read, which hold for every item of its response.
#[derive(Clone, Copy)]
pub struct ReadContext<'a> {
    /// Content type of the requested items.
    pub content_type: &'static ContentType,
    /// Settings of the site: languages, time zone.
    pub site: &'a Site,
    /// Representation of the items, with the viewer for whom they are rendered.
    pub shape: &'a Shape,
}

/// The representation in which a response shows its items.
#[derive(Debug, Clone, Hash)]
pub struct Shape {
    /// Locale and rich-text format.
    pub view: crate::items::render::View,
    /// Relations whose items are embedded whole instead of as references.
    pub include: Vec<&'static str>,
    /// Whether the detail fields are shown, which list entries leave out by default.
    pub full: bool,
    /// Viewer for whom the response is rendered.
    pub viewer: Viewer,
    /// Sparse fieldset: the only paths of the response ([`Path`](crate::content_types::ResponsePath)) that are shown; all
    /// of them if `None`.
    pub fields: Option<Vec<&'static str>>,
    /// Whether the newest text (the working draft) is shown instead of the published one.
    pub draft: bool,
}

impl Shape {
    /// Creates the shape of a public response that embeds nothing.
    pub fn for_public(view: crate::items::render::View, full: bool) -> Self {
        Self { view, include: Vec::new(), full, viewer: Viewer::Public, fields: None, draft: false }
    }

    /// Embeds a relation. A nested name such as `event.series` embeds `event` as well.
    pub fn include_also(&mut self, name: &'static str) {
        let outer = name.split_once('.').map(|(outer, _)| outer);
        for name in outer.into_iter().chain([name]) {
            if !self.include.contains(&name) {
                self.include.push(name);
            }
        }
    }

    /// Returns the relations that are embedded in the items of this relation.
    pub fn relations_within(&self, relation: &str) -> Vec<&'static str> {
        let inner = |name: &&'static str| name.strip_prefix(relation)?.strip_prefix('.');
        self.include.iter().filter_map(inner).collect()
    }

    /// Returns whether a field, or a part of it, is shown.
    pub fn shows(&self, name: &str) -> bool {
        let leads =
            |place: &&str| place.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.fields.as_ref().is_none_or(|fields| fields.iter().any(leads))
    }
}
