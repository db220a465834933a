//! Read path of published content: from a typed query to the bytes of the response.

pub mod absent;
pub mod answers;
pub mod cards;
pub mod changes;
pub mod coding;
pub mod compose;
mod conditions;
pub mod cursor;
pub mod dependencies;
mod drafts;
pub mod everywhere;
pub mod facets;
mod fields;
#[cfg(test)]
mod interleavings;
pub mod kept;
pub mod list;
pub mod live;
pub mod loaded;
mod narrow;
mod near;
pub mod one;
#[cfg(test)]
mod plans;
pub mod purge;
pub mod query;
pub mod reader;
mod referrers;
pub mod search;
mod select;
pub mod sitemap;
mod ties;
pub mod viewer;
mod walk;

use viewer::Viewer;

/// The representation in which a response shows its items.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Locale and rich-text format.
    pub view: crate::content::render::View,
    /// Relations whose items are embedded whole instead of as references.
    pub include: Vec<&'static str>,
    /// Whether the detail fields are shown, which list entries leave out by default.
    pub full: bool,
    /// Viewer for whom the response is rendered.
    pub viewer: Viewer,
    /// Sparse fieldset: the only paths of the response ([`Path`](crate::resources::Path)) that are shown; all
    /// of them if `None`.
    pub fields: Option<Vec<&'static str>>,
    /// Whether the newest text (the working draft) is shown instead of the published one.
    pub draft: bool,
}

impl Shape {
    /// Creates the shape of a public response that embeds nothing.
    pub fn public(view: crate::content::render::View, full: bool) -> Self {
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
    pub fn within(&self, relation: &str) -> Vec<&'static str> {
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
