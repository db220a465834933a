//! Menus of the website: ordered trees of links.

use serde_json::{Map, Value};

use crate::content::field::{Field, FieldType, ObjectType};
use crate::content::violation::{Violations, child_pointer};
use crate::content_types::ContentType;
use crate::content_types::filter::*;
use crate::content_types::page_link::{LABEL, TARGET, URL, link_rules};
use crate::content_types::shared_fields::*;

/// Maximum number of menus that are public, which is the number of those in a layout.
pub const MAX_MENUS: i64 = 100;

/// Name of the field with the entries of a menu, and of that with the entries below one.
const ENTRIES: &str = "entries";
const CHILDREN: &str = "children";

const LAST_ENTRY: &ObjectType = &ObjectType {
    schema: "MenuEntryOfLevelThree",
    about: "An entry of the third level of a menu: a link, or a heading without target and address.",
    fields: &[LABEL, TARGET, URL],
};

const MIDDLE_ENTRY: &ObjectType = &ObjectType {
    schema: "MenuEntryOfLevelTwo",
    about: "An entry of the second level of a menu: a link, or a heading without target and address.",
    fields: &[
        LABEL,
        TARGET,
        URL,
        Field::new(
            CHILDREN,
            FieldType::List { of: &FieldType::Object(LAST_ENTRY), max: 50 },
            "Entries below this one, in their order.",
            r#"[{"label": "Board", "url": "/about/team/board"}]"#,
        ),
    ],
};

const ENTRY: &ObjectType = &ObjectType {
    schema: "MenuEntry",
    about: "An entry of a menu: a link, or a heading without target and address.",
    fields: &[
        LABEL,
        TARGET,
        URL,
        Field::new(
            CHILDREN,
            FieldType::List { of: &FieldType::Object(MIDDLE_ENTRY), max: 50 },
            "Entries below this one, in their order.",
            r#"[{"label": "Team", "url": "/about/team"}]"#,
        ),
    ],
};

/// The content type of menus.
pub static MENU: ContentType = ContentType {
    kind: "menu",
    collection: "menus",
    schema: "Menu",
    noun: "menu",
    title_plural: "Menus",
    about: "A menu of the website, known by its slug: an ordered tree of links, up to three levels deep. `GET /layout` shows \
            it with addresses.",
    label: "title",
    parent: None,
    variant: None,
    children: None,
    span: None,
    position: None,
    countries: &[],
    coordinates: None,
    rules: menu_rules,
    fields: &[
        Field::new("title", FieldType::Line { max: 200 }, "Title of the menu.", r#""Main menu""#)
            .required()
            .localised(),
        Field::new(
            ENTRIES,
            FieldType::List { of: &FieldType::Object(ENTRY), max: 50 },
            "Entries of the first level, in their order.",
            r#"[{"label": "About us", "url": "/about"}]"#,
        ),
        CUSTOM,
    ],
    filters: &[SLUG, IDS, UPDATED_AT, CREATED_AT, PUBLISHED_AT],
    sorts: &[BY_TITLE, CREATED, UPDATED, PUBLISHED],
};

fn menu_rules(content: &mut Map<String, Value>, faults: &mut Violations) {
    if let Some(entries) = content.get(ENTRIES).and_then(Value::as_array) {
        check_entries(entries, "/entries", faults);
    }
}

fn check_entries(entries: &[Value], pointer: &str, faults: &mut Violations) {
    for (index, entry) in entries.iter().enumerate() {
        let Some(entry) = entry.as_object() else { continue };
        let place = child_pointer(pointer, &index.to_string());
        link_rules(entry, &place, false, faults);
        if let Some(children) = entry.get(CHILDREN).and_then(Value::as_array) {
            check_entries(children, &child_pointer(&place, CHILDREN), faults);
        }
    }
}
