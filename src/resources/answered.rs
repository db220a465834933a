//! What `fields` may name: the fields of answers and, behind dots, those of what these show.

use std::sync::OnceLock;

use super::{ENVELOPE, OUTLINE, OfAll, Resource, leaked};
use crate::content::field::{Field, Kind, Relation, Shape};

/// What references say of the items that they name, beside their label.
const REFERENCE: [&str; 2] = ["id", "slug"];

/// The place of a value in answers, as JSON shows it: `title`, `speakers.speaker.name`.
#[derive(Debug)]
pub struct Path {
    /// The names, with dots between them.
    pub name: &'static str,
    /// What must be included to be shown there.
    pub include: Option<&'static str>,
    /// Left out of lists, where only cards are shown.
    pub detail: bool,
}

impl Resource {
    /// What `fields` may name.
    pub fn paths(&'static self) -> &'static [Path] {
        static OF_ALL: OfAll<Path> = OnceLock::new();
        self.of(&OF_ALL, Resource::all_paths)
    }

    fn all_paths(&'static self) -> Vec<Path> {
        let own = self.names().map(|name| Path { name, include: None, detail: self.is_detail(name) });
        let below = self.fields.iter().flat_map(|field| self.below(field));
        own.chain(below).chain(self.of_children()).collect()
    }

    /// The names of the answer, but for what is filed under the item.
    fn names(&'static self) -> impl Iterator<Item = &'static str> {
        let days = if self.has_span() { ["starts_on", "ends_on"].as_slice() } else { &[] };
        let outline = if self.main_text().is_some() { OUTLINE.as_slice() } else { &[] };
        let fields = self.fields.iter().map(|field| field.name);
        ENVELOPE.into_iter().chain(fields).chain(days.iter().chain(outline).copied())
    }

    /// Whether answers show it only in full.
    fn is_detail(&'static self, name: &str) -> bool {
        ["reading_minutes", "table_of_contents"].contains(&name) || self.field(name).is_some_and(|field| field.detail)
    }

    /// What a field shows, where that has names.
    fn below(&'static self, field: &'static Field) -> Vec<Path> {
        let inside = |fields: &'static [Field]| {
            let names = fields.iter().map(move |inner| leaked(format!("{}.{}", field.name, inner.name)));
            names.map(|name| Path { name, include: None, detail: field.detail })
        };
        match (&field.kind, field.relation()) {
            (_, Some(Relation { name, target, shape })) => {
                let Some(target) = Resource::of_kind(target) else { return Vec::new() };
                match shape {
                    Shape::ManyWith { key, fields } => {
                        inside(fields).chain(self.of_target(name, &format!("{name}.{key}"), target)).collect()
                    }
                    Shape::One | Shape::Many => self.of_target(name, name, target),
                }
            }
            (Kind::Object(fields) | Kind::List { of: Kind::Object(fields), .. }, None) => inside(fields).collect(),
            _ => Vec::new(),
        }
    }

    /// What is shown at `place` of an item of that kind, to which `relation` leads.
    fn of_target(&'static self, relation: &'static str, place: &str, target: &'static Resource) -> Vec<Path> {
        let includes = self.includes();
        let shown_by = |name: &str| match target.field(name).and_then(Field::relation) {
            // Of an item that is included, a relation is shown if that is included as well.
            Some(_) => includes
                .iter()
                .copied()
                .find(|known| known.strip_prefix(relation) == Some(&format!(".{name}")))
                .map(Some),
            None if REFERENCE.contains(&name) || name == target.label => Some(None),
            None => Some(Some(relation)),
        };
        let path = |name| {
            let include = shown_by(name)?;
            Some(Path { name: leaked(format!("{place}.{name}")), include, detail: target.is_detail(name) })
        };
        target.names().filter_map(path).collect()
    }

    /// What is shown of the items filed under one.
    fn of_children(&'static self) -> Vec<Path> {
        let Some((of, kind)) = self.children.and_then(|of| Some((of, Resource::of_kind(of.kind)?))) else {
            return Vec::new();
        };
        let all = Path { name: of.name, include: Some(of.name), detail: false };
        let path = |name| Path {
            name: leaked(format!("{}.{name}", of.name)),
            include: Some(of.name),
            detail: kind.is_detail(name),
        };
        std::iter::once(all).chain(kind.names().map(path)).collect()
    }
}
