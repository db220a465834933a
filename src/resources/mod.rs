//! The kinds of content, one file each: which fields, rules, filters and sort orders it has.
//! Everything else (storage, operations, answers, the OpenAPI document) follows from these.

mod answered;
mod event_types;
mod events;
mod filter;
mod partners;
mod parts;
mod series;
mod sessions;
mod speakers;
mod topics;
mod venues;

use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::content::fault::Faults;
use crate::content::field::{Field, Kind, Relation};

pub use answered::Path;
pub use filter::{Column, Filter, On, Sort, Through, Word};

/// Every kind of content, in the order in which the documentation lists them. References point
/// to kinds that an import must bring first: see [`in_order_of_reference`].
pub static ALL: [&Resource; 8] = [
    &events::EVENT,
    &sessions::SESSION,
    &speakers::SPEAKER,
    &partners::PARTNER,
    &venues::VENUE,
    &topics::TOPIC,
    &series::SERIES,
    &event_types::EVENT_TYPE,
];

/// The collections of [`ALL`], as words of the field language.
pub const COLLECTIONS: &[&str] =
    &["events", "sessions", "speakers", "partners", "venues", "topics", "series", "event-types"];

/// What all items have in answers beside their fields.
const ENVELOPE: [&str; 9] =
    ["id", "slug", "version", "status", "created_at", "updated_at", "published_at", "locale", "fallbacks"];

/// What answers tell of the main text.
const OUTLINE: [&str; 3] = ["excerpt", "reading_minutes", "table_of_contents"];

/// One kind of content.
#[derive(Debug)]
pub struct Resource {
    /// The kind, as it is stored: `event`.
    pub kind: &'static str,
    /// The last part of its URL: `events`.
    pub collection: &'static str,
    /// The name of its schema: `Event`.
    pub schema: &'static str,
    /// How a person calls one: "event type".
    pub noun: &'static str,
    /// What it is, for the OpenAPI document.
    pub about: &'static str,
    /// The field that names an item: `title` or `name`.
    pub label: &'static str,
    /// The fields, in the order of answers.
    pub fields: &'static [Field],
    /// Rules between fields; may fill in what follows from others.
    pub rules: fn(&mut Map<String, Value>, &mut Faults),
    /// The relation under which an item is filed, if there is one: an event's type.
    pub parent: Option<&'static str>,
    /// The field with the word by which items are told apart: a partner's kind.
    pub variant: Option<&'static str>,
    /// The list's filters.
    pub filters: &'static [Filter],
    /// The list's sort keys, the default first.
    pub sorts: &'static [Sort],
    /// The kind whose items are filed under this one and can be included: an event's sessions.
    pub children: Option<Children>,
}

/// Items of another kind that are filed under one.
#[derive(Debug, Clone, Copy)]
pub struct Children {
    /// The name in `include` and in the answer.
    pub name: &'static str,
    /// Their kind.
    pub kind: &'static str,
}

impl Resource {
    /// The kind of content with this name.
    pub fn of_kind(kind: &str) -> Option<&'static Resource> {
        ALL.into_iter().find(|r| r.kind == kind)
    }

    /// The kind of content at this URL part.
    pub fn of_collection(collection: &str) -> Option<&'static Resource> {
        ALL.into_iter().find(|r| r.collection == collection)
    }

    /// All ties of this kind to others, in field order.
    pub fn relations(&'static self) -> impl Iterator<Item = Relation> {
        self.fields.iter().filter_map(Field::relation)
    }

    /// The declaration of a field.
    pub fn field(&'static self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// Whether items take place at a time.
    pub fn has_span(&'static self) -> bool {
        self.field("starts_at").is_some_and(|f| matches!(f.kind, Kind::Moment { .. }))
    }

    /// The kinds of which a change can change which items of this kind the public sees: itself, and the kind
    /// with which its items appear and disappear.
    pub fn visible_by(&'static self) -> impl Iterator<Item = &'static str> {
        let holders = ALL.into_iter().filter(|other| other.children.is_some_and(|below| below.kind == self.kind));
        std::iter::once(self.kind).chain(holders.map(|holder| holder.kind))
    }

    /// The rich text that is the item's body, if it has one in each language.
    pub fn main_text(&'static self) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.localised && matches!(field.kind, Kind::Rich { .. }))
    }

    /// What `include` may name: relations, what is filed under an item, and, behind a dot, the relations
    /// of either.
    pub fn includes(&'static self) -> &'static [&'static str] {
        static OF_ALL: OfAll<&str> = OnceLock::new();
        self.of(&OF_ALL, Resource::all_includes)
    }

    /// What is told of this kind by something that is made once for all.
    fn of<T>(&'static self, all: &'static OfAll<T>, made: fn(&'static Resource) -> Vec<T>) -> &'static [T] {
        let known = all.get_or_init(|| ALL.iter().map(|resource| (resource.kind, made(resource))).collect());
        known.iter().find(|(kind, _)| *kind == self.kind).map_or(&[], |(_, of)| of)
    }

    fn all_includes(&'static self) -> Vec<&'static str> {
        let children = self.children.map(|children| (children.name, children.kind));
        let first: Vec<(&str, &str)> =
            self.relations().map(|relation| (relation.name, relation.target)).chain(children).collect();
        let second = first.iter().flat_map(|(name, kind)| {
            let inner = Resource::of_kind(kind).into_iter().flat_map(Resource::relations);
            // What leads back to where it comes from tells nothing new.
            let inner = inner.filter(|relation| relation.target != self.kind);
            inner.map(move |relation| leaked(format!("{name}.{}", relation.name)))
        });
        first.iter().map(|(name, _)| *name).chain(second).collect()
    }
}

/// By kind, what is told of it.
type OfAll<T> = OnceLock<Vec<(&'static str, Vec<T>)>>;

/// A name that is made once, for as long as the program runs: names are compared as static words.
fn leaked(name: String) -> &'static str {
    name.leak()
}

/// The kinds such that each comes after those it refers to (ties of a kind to itself aside).
pub fn in_order_of_reference() -> [&'static Resource; 8] {
    [
        &event_types::EVENT_TYPE,
        &topics::TOPIC,
        &series::SERIES,
        &venues::VENUE,
        &partners::PARTNER,
        &speakers::SPEAKER,
        &events::EVENT,
        &sessions::SESSION,
    ]
}

/// No rules between fields.
fn no_rules(_: &mut Map<String, Value>, _: &mut Faults) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_after_what_they_refer_to() {
        let mut seen: Vec<&str> = Vec::new();
        for resource in in_order_of_reference() {
            for relation in resource.relations().filter(|r| r.target != resource.kind) {
                assert!(seen.contains(&relation.target), "{} refers to {}", resource.kind, relation.target);
            }
            seen.push(resource.kind);
        }
        assert_eq!(seen.len(), ALL.len());
    }

    #[test]
    fn filters_have_names_of_their_own() {
        for resource in ALL {
            let mut names: Vec<&str> = resource.filters.iter().map(|filter| filter.name).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{}", resource.collection);
        }
    }

    #[test]
    fn collections_are_those_of_all_kinds() {
        assert_eq!(ALL.map(|resource| resource.collection), COLLECTIONS);
    }

    #[test]
    fn examples_and_defaults_are_json() {
        fn check(fields: &'static [Field]) {
            for field in fields {
                serde_json::from_str::<Value>(field.example).unwrap_or_else(|e| panic!("{}: {e}", field.name));
                if let Some(default) = field.default {
                    serde_json::from_str::<Value>(default).unwrap();
                }
                match &field.kind {
                    Kind::Object(inner) | Kind::List { of: Kind::Object(inner), .. } => check(inner),
                    _ => {}
                }
            }
        }
        ALL.iter().for_each(|r| check(r.fields));
    }
}
