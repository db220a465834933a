//! The content types, one file each: the declarations of their fields, rules, filters and sort keys. Storage,
//! operations, responses and the OpenAPI document all derive from these declarations.

mod event_types;
mod events;
mod filter;
mod partners;
pub mod references;
pub mod response_paths;
mod series;
mod sessions;
pub mod shared_fields;
mod speakers;
mod topics;
mod venues;

use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::content::field::{Enumeration, Field, FieldType, Relation, Span};
use crate::content::violation::Violations;

pub use events::EVENT;
pub use filter::{Column, Filter, FilterTarget, Sort, Through, WordField};
pub use response_paths::ResponsePath;

/// All content types, in the order of the documentation. Imports need another order, in which a type follows
/// those that it refers to: see [`in_order_of_reference`].
pub static ALL: [&ContentType; 8] = [
    &EVENT,
    &sessions::SESSION,
    &speakers::SPEAKER,
    &partners::PARTNER,
    &venues::VENUE,
    &topics::TOPIC,
    &series::SERIES,
    &event_types::EVENT_TYPE,
];

/// The collections of [`ALL`], as a constant that field declarations can refer to.
pub const COLLECTIONS: &[&str] =
    &["events", "sessions", "speakers", "partners", "venues", "topics", "series", "event-types"];

/// [`COLLECTIONS`] as the values of a field.
pub const COLLECTION: &Enumeration = &Enumeration { schema: "Collection", words: COLLECTIONS };

/// The properties that every item has in responses besides its fields.
const ENVELOPE: [&str; 10] =
    ["id", "slug", "version", "status", "created_at", "updated_at", "published_at", "locale", "fallbacks", ALTERNATES];

/// The property with the slugs and addresses of an item in all its languages.
const ALTERNATES: &str = "alternates";

/// The properties that responses derive from the main text.
const OUTLINE: [&str; 3] = ["excerpt", "reading_minutes", "table_of_contents"];

/// A content type, declared by its fields, rules, filters and sort keys.
#[derive(Debug)]
pub struct ContentType {
    /// Name of the type in the database: `event`.
    pub kind: &'static str,
    /// Last segment of the URL of its list: `events`.
    pub collection: &'static str,
    /// Name of its schema in the OpenAPI document: `Event`.
    pub schema: &'static str,
    /// Noun for one item in texts: "event type".
    pub noun: &'static str,
    /// Title of the type in the plural, which is its tag in the OpenAPI document: "Event types".
    pub title_plural: &'static str,
    /// Description in the OpenAPI document.
    pub about: &'static str,
    /// Name of the field that names an item to readers: `title` or `name`.
    pub label: &'static str,
    /// Fields, in the order of responses.
    pub fields: &'static [Field],
    /// Rules between fields; may fill in values that follow from others.
    pub rules: fn(&mut Map<String, Value>, &mut Violations),
    /// Relation to the parent item, if the type has one: the type of an event.
    pub parent: Option<&'static str>,
    /// Field that distinguishes variants of the type, if there is one: the kind of a partner.
    pub variant: Option<&'static str>,
    /// Filters of the list.
    pub filters: &'static [Filter],
    /// Sort keys of the list, the default one first.
    pub sorts: &'static [Sort],
    /// Child items, which responses can include: the sessions of an event.
    pub children: Option<Children>,
    /// Fields with the start and the end of an item, if the type has them.
    pub span: Option<Span>,
    /// Field with the position of an item in the order that editors set, if the type has one.
    pub position: Option<&'static str>,
    /// Paths to the country of an item in its content. The first one that leads to a value counts.
    pub countries: &'static [&'static [&'static str]],
    /// Field with the coordinates of an item, an object with `latitude` and `longitude`, if the type has one.
    pub coordinates: Option<&'static str>,
}

/// The child items of a content type.
#[derive(Debug, Clone, Copy)]
pub struct Children {
    /// Name in `include` and in responses.
    pub name: &'static str,
    /// Content type of the children.
    pub kind: &'static str,
}

impl ContentType {
    /// Returns the content type with this name in the database.
    pub fn of_kind(kind: &str) -> Option<&'static ContentType> {
        ALL.into_iter().find(|r| r.kind == kind)
    }

    /// Returns the content type with this collection in its URL.
    pub fn of_collection(collection: &str) -> Option<&'static ContentType> {
        ALL.into_iter().find(|r| r.collection == collection)
    }

    /// Returns all relations to other items, in the order of the fields.
    pub fn relations(&'static self) -> impl Iterator<Item = Relation> {
        self.fields.iter().filter_map(Field::relation)
    }

    /// Returns whether items of this type can be filed under others of it.
    pub fn is_tree(&'static self) -> bool {
        self.relations().any(|relation| Some(relation.name) == self.parent && relation.target == self.kind)
    }

    /// Returns the declaration of a field.
    pub fn field(&'static self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// Returns the content types whose changes can affect which items of this type are public: the type
    /// itself, and the type of which they are children. A session, for instance, is public only while its
    /// event is.
    pub fn visible_by(&'static self) -> impl Iterator<Item = &'static str> {
        let holders = ALL.into_iter().filter(|other| other.children.is_some_and(|below| below.kind == self.kind));
        std::iter::once(self.kind).chain(holders.map(|holder| holder.kind))
    }

    /// Returns whether items of this type are children of another type's items, as sessions are of events.
    pub fn is_child(&'static self) -> bool {
        self.visible_by().count() > 1
    }

    /// Returns the main text of an item, which is the first localised rich text, if there is one.
    pub fn main_text(&'static self) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.localised && matches!(field.kind, FieldType::Rich { .. }))
    }

    /// Returns the paths that `include` accepts: relations, children, and, after a dot, the relations of
    /// either.
    pub fn includes(&'static self) -> &'static [&'static str] {
        static OF_ALL: OfAll<&str> = OnceLock::new();
        self.of(&OF_ALL, ContentType::all_includes)
    }

    /// Returns the values of this type from a table that is computed for all types at first use.
    fn of<T>(&'static self, all: &'static OfAll<T>, made: fn(&'static ContentType) -> Vec<T>) -> &'static [T] {
        let known =
            all.get_or_init(|| ALL.iter().map(|content_type| (content_type.kind, made(content_type))).collect());
        known.iter().find(|(kind, _)| *kind == self.kind).map_or(&[], |(_, of)| of)
    }

    fn all_includes(&'static self) -> Vec<&'static str> {
        let children = self.children.map(|children| (children.name, children.kind));
        let first: Vec<(&str, &str)> =
            self.relations().map(|relation| (relation.name, relation.target)).chain(children).collect();
        let second = first.iter().flat_map(|(name, kind)| {
            let inner = ContentType::of_kind(kind).into_iter().flat_map(ContentType::relations);
            // A relation back to this type would embed the items that the response consists of already.
            let inner = inner.filter(|relation| relation.target != self.kind);
            inner.map(move |relation| leaked(format!("{name}.{}", relation.name)))
        });
        first.iter().map(|(name, _)| *name).chain(second).collect()
    }
}

/// A table of values by content type, computed at first use.
type OfAll<T> = OnceLock<Vec<(&'static str, Vec<T>)>>;

/// Makes a computed name static, like those that are declared. The number of names is fixed, so what is
/// leaked is bounded.
fn leaked(name: String) -> &'static str {
    name.leak()
}

/// Returns the content types in an order in which each follows all types that it refers to, except itself.
pub fn in_order_of_reference() -> [&'static ContentType; 8] {
    [
        &event_types::EVENT_TYPE,
        &topics::TOPIC,
        &series::SERIES,
        &venues::VENUE,
        &partners::PARTNER,
        &speakers::SPEAKER,
        &EVENT,
        &sessions::SESSION,
    ]
}

fn no_rules(_: &mut Map<String, Value>, _: &mut Violations) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_come_after_what_they_refer_to() {
        let mut seen: Vec<&str> = Vec::new();
        for content_type in in_order_of_reference() {
            for relation in content_type.relations().filter(|r| r.target != content_type.kind) {
                assert!(seen.contains(&relation.target), "{} refers to {}", content_type.kind, relation.target);
            }
            seen.push(content_type.kind);
        }
        assert_eq!(seen.len(), ALL.len());
    }

    #[test]
    fn declarations_name_fields_of_the_type() {
        fn at(fields: &'static [Field], path: &[&str]) -> Option<&'static FieldType> {
            let kind = &fields.iter().find(|field| field.name == path[0])?.kind;
            match (kind, &path[1..]) {
                (kind, []) => Some(kind),
                (FieldType::Object(inner), rest) => at(inner.fields, rest),
                _ => None,
            }
        }
        for content_type in ALL {
            let (kind, at) = (content_type.kind, |path: &[&str]| at(content_type.fields, path));
            assert!(at(&[content_type.label]).is_some(), "{kind}: label");
            if let Some(span) = content_type.span {
                assert!(matches!(at(&[span.starts_at]), Some(FieldType::Moment { end: false })), "{kind}: span");
                assert!(matches!(at(&[span.ends_at]), Some(FieldType::Moment { end: true })), "{kind}: span");
            }
            if let Some(position) = content_type.position {
                assert!(matches!(at(&[position]), Some(FieldType::Integer { .. })), "{kind}: position");
            }
            for &path in content_type.countries {
                assert!(matches!(at(path), Some(FieldType::Country)), "{kind}: countries");
            }
            if let Some(name) = content_type.coordinates {
                for part in ["latitude", "longitude"] {
                    assert!(matches!(at(&[name, part]), Some(FieldType::Number { .. })), "{kind}: coordinates");
                }
            }
            // Each such declaration fills a column that a filter or a sort key of the type may then use.
            let sorts = |column| content_type.sorts.iter().any(|sort| sort.column == column);
            assert_eq!(sorts(Column::StartsAt), content_type.span.is_some(), "{kind}: span");
            assert_eq!(sorts(Column::Position), content_type.position.is_some(), "{kind}: position");
            let filters =
                |wanted: fn(&FilterTarget) -> bool| content_type.filters.iter().any(|filter| wanted(&filter.on));
            let by_year = filters(|on| matches!(on, FilterTarget::Year));
            assert_eq!(by_year, content_type.span.is_some(), "{kind}: span");
            let by_country = filters(|on| matches!(on, FilterTarget::Country));
            assert_eq!(by_country, !content_type.countries.is_empty(), "{kind}: countries");
            let by_distance = filters(|on| matches!(on, FilterTarget::Near(None)));
            assert_eq!(by_distance, content_type.coordinates.is_some(), "{kind}: coordinates");
        }
    }

    #[test]
    fn filters_have_names_of_their_own() {
        for content_type in ALL {
            let mut names: Vec<&str> = content_type.filters.iter().map(|filter| filter.name).collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{}", content_type.collection);
        }
    }

    #[test]
    fn collections_are_those_of_all_kinds() {
        assert_eq!(ALL.map(|content_type| content_type.collection), COLLECTIONS);
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
                    FieldType::Object(inner) | FieldType::List { of: FieldType::Object(inner), .. } => {
                        check(inner.fields);
                    }
                    _ => {}
                }
            }
        }
        ALL.iter().for_each(|r| check(r.fields));
    }
}
