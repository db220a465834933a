//! The content types, one file each: the declarations of their fields, rules, filters and sort keys. Storage,
//! operations, responses and the OpenAPI document all derive from these declarations.

mod announcements;
mod blocks;
mod event_types;
mod events;
mod filter;
pub mod menus;
mod page_link;
pub mod pages;
mod partners;
pub mod redirects;
pub mod references;
pub mod response_paths;
mod series;
mod sessions;
pub mod shared_fields;
mod site_settings;
mod speakers;
mod topics;
mod venues;
mod videos;

use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::content::field::{Enumeration, Field, FieldType, Relation, Span};
use crate::content::violation::Violations;

pub use announcements::ANNOUNCEMENT;
pub use events::EVENT;
pub use filter::{Column, Filter, FilterTarget, RelatedFilter, Sort, UNTITLED, WordField};
pub use menus::MENU;
pub use page_link::{LINKED, LINKED_COLLECTION};
pub use redirects::REDIRECT;
pub use response_paths::ResponsePath;
pub use site_settings::SITE_SETTINGS;

/// All content types, in the order of the documentation. Imports need another order, in which a type follows
/// those that it refers to: see [`in_order_of_reference`]. Those without pages of their own come last ([`PAGE_COLLECTIONS`]).
/// The search index names a type by its place here: a change of the order needs another `FORMAT` in `src/search/index.rs`.
pub static ALL: [&ContentType; 13] = [
    &EVENT,
    &sessions::SESSION,
    &speakers::SPEAKER,
    &partners::PARTNER,
    &venues::VENUE,
    &topics::TOPIC,
    &series::SERIES,
    &event_types::EVENT_TYPE,
    &pages::PAGE,
    &SITE_SETTINGS,
    &MENU,
    &ANNOUNCEMENT,
    &REDIRECT,
];

/// The collections of [`ALL`], as a constant that field declarations can refer to.
pub const COLLECTIONS: &[&str] = &[
    "events",
    "sessions",
    "speakers",
    "partners",
    "venues",
    "topics",
    "series",
    "event-types",
    "pages",
    "site",
    "menus",
    "announcements",
    "redirects",
];

/// The collections whose items have pages, in the order of [`COLLECTIONS`]; the others are parts of the layout, or redirects.
pub const PAGE_COLLECTIONS: &[&str] = COLLECTIONS.split_at(COLLECTIONS.len() - 4).0;

/// [`COLLECTIONS`] as the values of a field.
pub const COLLECTION: &Enumeration = &Enumeration { schema: "Collection", words: COLLECTIONS };

/// The properties that every item has in responses besides its fields.
const ENVELOPE: [&str; 10] =
    ["id", "slug", "version", "status", "created_at", "updated_at", "published_at", "locale", "fallbacks", ALTERNATES];

/// The property with the slugs and addresses of an item in all its languages.
const ALTERNATES: &str = "alternates";

/// The field with the last segment of an item's path.
pub const SEGMENT: &str = "segment";

/// The property with the path of an item.
pub const PATH: &str = "path";

/// The segment of addresses before the id of another system.
pub const BY_EXTERNAL_ID: &str = "by-external-id";

/// The segment of addresses before the path of an item.
pub const BY_PATH: &str = "by-path";

/// The properties that responses derive from the main text.
const OUTLINE: [&str; 3] = ["excerpt", "reading_minutes", "table_of_contents"];

/// The properties of the settings of the site that are computed.
const OF_SITE: [&str; 2] = ["current_year", "configuration"];

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
    /// Word for several children in texts for users.
    pub plural: &'static str,
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
        self.fields.iter().flat_map(Field::relations)
    }

    /// Returns whether items of this type can be filed under others of it.
    pub fn is_tree(&'static self) -> bool {
        self.relations().any(|relation| Some(relation.name) == self.parent && relation.target == self.kind)
    }

    /// Returns whether items of this type have paths, which consist of the last segments of the items above them.
    pub fn has_paths(&'static self) -> bool {
        self.field(SEGMENT).is_some()
    }

    /// Returns the segments that stand in addresses below the collection at the place of a slug. An item with one of them as
    /// its slug could not be addressed by it. A test compares them with the routes.
    pub fn fixed_segments(&'static self) -> impl Iterator<Item = &'static str> {
        let of_paths = self.has_paths().then_some(BY_PATH);
        let of_redirects = if self.kind == REDIRECT.kind { &[redirects::RESOLVE, redirects::HITS][..] } else { &[] };
        std::iter::once(BY_EXTERNAL_ID).chain(of_paths).chain(of_redirects.iter().copied())
    }

    /// Returns whether items of this type can have a slug: it is no segment of other addresses.
    pub fn allows_slug(&'static self, slug: &str) -> bool {
        self.fixed_segments().all(|segment| segment != slug)
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

    /// Returns whether there is exactly one item of this type, which exists from the first start and is always public.
    pub fn is_singleton(&'static self) -> bool {
        self.kind == SITE_SETTINGS.kind
    }

    /// Returns whether items of this type have no page of their own: they are parts of the layout, which is on every page, or
    /// redirects. They are no results of a search for pages.
    pub fn is_without_page(&'static self) -> bool {
        [SITE_SETTINGS.kind, MENU.kind, ANNOUNCEMENT.kind, REDIRECT.kind].contains(&self.kind)
    }

    /// Returns whether the span of an item begins always, or never ends, where the item names no start or end.
    pub fn is_open_ended(&self) -> bool {
        self.kind == ANNOUNCEMENT.kind
    }

    /// Returns the main text of an item, which is the first localised rich text, if there is one.
    pub fn main_text(&'static self) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.localised && matches!(field.kind, FieldType::Rich { .. }))
    }

    /// Returns the paths that `include` accepts: relations, children, and, after a dot, the relations of
    /// either.
    pub fn includes(&'static self) -> &'static [&'static str] {
        static OF_ALL: ByContentType<&str> = OnceLock::new();
        self.computed_values(&OF_ALL, ContentType::all_includes)
    }

    /// Returns the values of this type from a table that is computed for all types at first use.
    fn computed_values<T>(
        &'static self,
        all: &'static ByContentType<T>,
        made: fn(&'static ContentType) -> Vec<T>,
    ) -> &'static [T] {
        let known =
            all.get_or_init(|| ALL.iter().map(|content_type| (content_type.kind, made(content_type))).collect());
        known.iter().find(|(kind, _)| *kind == self.kind).map_or(&[], |(_, of)| of)
    }

    fn all_includes(&'static self) -> Vec<&'static str> {
        let children = self.children.map(|children| (children.name, children.kind));
        let own = self.fields.iter().filter_map(Field::relation).map(|relation| (relation.name, relation.target));
        let first: Vec<(&str, &str)> = own.chain(children).collect();
        let second = first.iter().flat_map(|(name, kind)| {
            let inner = ContentType::of_kind(kind).into_iter().flat_map(|kind| kind.fields).filter_map(Field::relation);
            // A relation back to this type would embed the items that the response consists of already.
            let inner = inner.filter(|relation| relation.target != self.kind);
            inner.map(move |relation| leak_name(format!("{name}.{}", relation.name)))
        });
        let blocks = self.fields.iter().filter(|field| field.blocks().is_some()).map(|field| field.name);
        first.iter().map(|(name, _)| *name).chain(second).chain(blocks).collect()
    }
}

/// A table of values by content type, computed at first use.
type ByContentType<T> = OnceLock<Vec<(&'static str, Vec<T>)>>;

/// Returns the content types of which there is any number of items, in the order of the documentation.
pub fn with_lists() -> impl Iterator<Item = &'static ContentType> + Clone {
    ALL.into_iter().filter(|content_type| !content_type.is_singleton())
}

/// Makes a computed name static, like those that are declared. The number of names is fixed, so what is
/// leaked is bounded.
fn leak_name(name: String) -> &'static str {
    name.leak()
}

/// Returns the content types in an order in which each follows all types that it refers to, except itself.
pub fn in_order_of_reference() -> [&'static ContentType; 13] {
    [
        &event_types::EVENT_TYPE,
        &topics::TOPIC,
        &series::SERIES,
        &venues::VENUE,
        &partners::PARTNER,
        &speakers::SPEAKER,
        &EVENT,
        &sessions::SESSION,
        &pages::PAGE,
        &SITE_SETTINGS,
        &MENU,
        &ANNOUNCEMENT,
        &REDIRECT,
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
            // Those of links come last, after everything that has a page.
            assert!(!content_type.is_without_page() || LINKED.iter().all(|(_, kind)| seen.contains(kind)));
            seen.push(content_type.kind);
        }
        assert_eq!(seen.len(), ALL.len());
    }

    #[test]
    fn declarations_name_fields_of_the_type() {
        fn kind_at(fields: &'static [Field], path: &[&str]) -> Option<&'static FieldType> {
            let kind = &fields.iter().find(|field| field.name == path[0])?.kind;
            match (kind, &path[1..]) {
                (kind, []) => Some(kind),
                (FieldType::Object(inner), rest) => kind_at(inner.fields, rest),
                _ => None,
            }
        }
        for content_type in ALL {
            let (kind, at) = (content_type.kind, |path: &[&str]| kind_at(content_type.fields, path));
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
        let of_pages = ALL.into_iter().filter(|content_type| !content_type.is_without_page());
        assert!(of_pages.map(|content_type| content_type.collection).eq(PAGE_COLLECTIONS.iter().copied()));
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
