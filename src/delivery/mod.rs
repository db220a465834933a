//! Reads: from a typed query to the bytes of an answer.

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

/// How an answer shows its items.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Locale and form of rich text.
    pub view: crate::content::render::View,
    /// The relations to show whole.
    pub include: Vec<&'static str>,
    /// With the fields that cards leave out.
    pub full: bool,
    /// For whom.
    pub viewer: Viewer,
    /// Only what is at these places of the answer ([`Path`](crate::resources::Path)); all if none are named.
    pub fields: Option<Vec<&'static str>>,
    /// With the newest text instead of the public one.
    pub draft: bool,
}

impl Shape {
    /// For the public, nothing included.
    pub fn public(view: crate::content::render::View, full: bool) -> Self {
        Self { view, include: Vec::new(), full, viewer: Viewer::Public, fields: None, draft: false }
    }

    /// Shows this whole too; what is within something shows that as well.
    pub fn include_also(&mut self, name: &'static str) {
        let outer = name.split_once('.').map(|(outer, _)| outer);
        for name in outer.into_iter().chain([name]) {
            if !self.include.contains(&name) {
                self.include.push(name);
            }
        }
    }

    /// What is to be shown whole of the items that this relation shows whole.
    pub fn within(&self, relation: &str) -> Vec<&'static str> {
        let inner = |name: &&'static str| name.strip_prefix(relation)?.strip_prefix('.');
        self.include.iter().filter_map(inner).collect()
    }

    /// Whether a field is shown.
    pub fn shows(&self, name: &str) -> bool {
        let leads =
            |place: &&str| place.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.fields.as_ref().is_none_or(|fields| fields.iter().any(leads))
    }
}
