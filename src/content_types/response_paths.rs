//! The paths that the parameter `fields` accepts: fields of items, and fields of nested objects and related
//! items.

use std::sync::OnceLock;

use crate::content::field::{Field, FieldType, Relation, RelationShape};
use crate::content_types::{ALTERNATES, ByContentType, ContentType, ENVELOPE, OF_SITE, OUTLINE, PATH, leak_name};

/// The properties that a reference has besides the label of the item.
const REFERENCE: [&str; 2] = ["id", "slug"];

/// The path of a value in responses, such as `title` or `speakers.speaker.name`.
#[derive(Debug)]
pub struct ResponsePath {
    /// The names of the properties, separated by dots.
    pub name: &'static str,
    /// The relation that must be included for the value to be present.
    pub include: Option<&'static str>,
    /// Whether the value is absent from cards, the short form of items in lists.
    pub detail: bool,
}

impl ContentType {
    /// Returns the paths that `fields` accepts.
    pub fn paths(&'static self) -> &'static [ResponsePath] {
        static OF_ALL: ByContentType<ResponsePath> = OnceLock::new();
        self.computed_values(&OF_ALL, ContentType::all_paths)
    }

    fn all_paths(&'static self) -> Vec<ResponsePath> {
        let own = self.names().map(|name| ResponsePath { name, include: None, detail: self.is_detail(name) });
        let below = self.fields.iter().flat_map(|field| self.paths_below(field));
        own.chain(below).chain(self.of_children()).collect()
    }

    /// Returns the names of the properties of an item, except that of its children.
    fn names(&'static self) -> impl Iterator<Item = &'static str> {
        let days = if self.span.is_some() { ["starts_on", "ends_on"].as_slice() } else { &[] };
        let outline = if self.main_text().is_some() { OUTLINE.as_slice() } else { &[] };
        let computed = if self.is_singleton() { OF_SITE.as_slice() } else { &[] };
        let fields = self.fields.iter().map(|field| field.name);
        let path = self.has_paths().then_some(PATH);
        let derived = days.iter().chain(outline).chain(computed).copied();
        ENVELOPE.into_iter().chain(fields).chain(path).chain(derived)
    }

    /// Returns whether a property is absent from cards.
    fn is_detail(&'static self, name: &str) -> bool {
        [ALTERNATES, "reading_minutes", "table_of_contents"].contains(&name)
            || self.field(name).is_some_and(|field| field.detail)
    }

    /// Returns the paths below a field, if its value has properties.
    fn paths_below(&'static self, field: &'static Field) -> Vec<ResponsePath> {
        let inside = |fields: &'static [Field]| {
            let names = fields.iter().map(move |inner| leak_name(format!("{}.{}", field.name, inner.name)));
            names.map(|name| ResponsePath { name, include: None, detail: field.detail })
        };
        match (&field.kind, field.relation()) {
            (_, Some(Relation { name, target, shape })) => {
                let Some(target) = ContentType::of_kind(target) else { return Vec::new() };
                match shape {
                    RelationShape::ManyWith { key, object } => {
                        inside(object.fields).chain(self.of_target(name, &format!("{name}.{key}"), target)).collect()
                    }
                    RelationShape::One | RelationShape::Many | RelationShape::Within(_) => {
                        self.of_target(name, name, target)
                    }
                }
            }
            (FieldType::Object(object) | FieldType::List { of: FieldType::Object(object), .. }, None) => {
                inside(object.fields).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Returns the paths of an item of the type `target`, which `relation` embeds at `place`.
    fn of_target(
        &'static self,
        relation: &'static str,
        place: &str,
        target: &'static ContentType,
    ) -> Vec<ResponsePath> {
        let includes = self.includes();
        let shown_by = |name: &str| match target.field(name).and_then(Field::relation) {
            // A relation of an embedded item is present only if it is included too, by a path such as
            // `speakers.organisation`.
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
            Some(ResponsePath { name: leak_name(format!("{place}.{name}")), include, detail: target.is_detail(name) })
        };
        target.names().filter_map(path).collect()
    }

    /// Returns the paths of the children of an item.
    fn of_children(&'static self) -> Vec<ResponsePath> {
        let Some((of, kind)) = self.children.and_then(|of| Some((of, ContentType::of_kind(of.kind)?))) else {
            return Vec::new();
        };
        let all = ResponsePath { name: of.name, include: Some(of.name), detail: false };
        let path = |name| ResponsePath {
            name: leak_name(format!("{}.{name}", of.name)),
            include: Some(of.name),
            detail: kind.is_detail(name),
        };
        std::iter::once(all).chain(kind.names().map(path)).collect()
    }
}
