//! Links of menus and announcements: to an item of this site, or to an address.

use serde_json::{Map, Value};
use url::Url;

use crate::content::field::{Enumeration, Field, FieldType, ObjectType, REFERENCE_COLLECTION};
use crate::content::values;
use crate::content::violation::{Violations, child_pointer};

/// The collections whose items have pages to which links can lead, with the kinds of their items. The addresses of the
/// pages are settings such as `site.event_url`.
pub const LINKED: &[(&str, &str)] = &[
    ("events", "event"),
    ("sessions", "session"),
    ("speakers", "speaker"),
    ("partners", "partner"),
    ("venues", "venue"),
    ("topics", "topic"),
    ("series", "series"),
    ("event-types", "event_type"),
    ("pages", "page"),
];

/// The collections of [`LINKED`].
const LINKED_COLLECTIONS: &[&str] = &{
    let mut names = [""; LINKED.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = LINKED[index].0;
        index += 1;
    }
    names
};

/// [`LINKED_COLLECTIONS`] as the values of a field.
pub const LINKED_COLLECTION: &Enumeration = &Enumeration { schema: "LinkedCollection", words: LINKED_COLLECTIONS };

const LINK_TARGET: &ObjectType = &ObjectType {
    schema: "LinkTarget",
    about: "An item to whose page a link leads.",
    fields: &[
        Field::new(REFERENCE_COLLECTION, FieldType::OneOf(LINKED_COLLECTION), "Collection of the item.", r#""topics""#)
            .required(),
        Field::new("id", FieldType::ReferenceIn(LINKED), "Item, given by id or slug.", r#""water""#).required(),
    ],
};

/// Text of a link.
pub(super) const LABEL: Field = Field::new(
    "label",
    FieldType::Line { max: 200 },
    "Text of the link. By default the title or name of the target.",
    r#""About us""#,
)
.localised();

/// Item to which a link leads.
pub(super) const TARGET: Field = Field::new(
    "target",
    FieldType::Object(LINK_TARGET),
    "Item to which the link leads. While it is not public, the link is not shown.",
    r#"{"collection": "topics", "id": "water"}"#,
);

/// Address to which a link leads.
pub(super) const URL: Field = Field::new(
    "url",
    FieldType::Line { max: 2_000 },
    "Address to which the link leads, instead of a target: a path of the website (`/about`), or an `http`, `https`, \
     `mailto` or `tel` URL.",
    r#""/about""#,
);

/// A link with a text of its own.
pub(super) const PAGE_LINK: &ObjectType =
    &ObjectType { schema: "PageLink", about: "A link to an item or an address.", fields: &[LABEL, TARGET, URL] };

/// Checks a link: it leads to one place at most, which exists in form, and has a text unless its target gives it one.
/// `needs_place` says that a heading, which leads nowhere, is no link.
pub(super) fn link_rules(link: &Map<String, Value>, pointer: &str, needs_place: bool, faults: &mut Violations) {
    let (label, target, address) = (link.get(LABEL.name), link.get(TARGET.name), link.get(URL.name));
    if let Some(address) = address.and_then(Value::as_str) {
        let place = child_pointer(pointer, URL.name);
        if target.is_some() {
            faults.add(&place, "not_allowed", "a link has either a target or an address");
        }
        if let Err(message) = address_rule(address) {
            faults.add(place, "not_a_url", message);
        }
    }
    if target.is_none() && label.is_none() {
        let rule = "a link without a target requires a label";
        faults.add(child_pointer(pointer, LABEL.name), "not_complete", rule);
    }
    if needs_place && target.is_none() && address.is_none() {
        faults.add(child_pointer(pointer, URL.name), "not_complete", "a link requires a target or an address");
    }
}

/// Checks the address of a link.
pub(super) fn address_rule(address: &str) -> Result<(), String> {
    if address.starts_with('/') {
        // Browsers read `//` and `/\` as the beginning of another host.
        return match address.starts_with("//") || address.contains(['\\', ' ']) {
            true => Err(format!("\"{address}\" is not a path of the website")),
            false => Ok(()),
        };
    }
    match Url::parse(address) {
        Ok(url) if matches!(url.scheme(), "mailto" | "tel") => Ok(()),
        _ => values::url(address).map(drop).map_err(|(_, message)| message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content_types::ContentType;

    #[test]
    fn linked_collections_are_those_of_their_kinds() {
        for (collection, kind) in LINKED {
            assert_eq!(ContentType::of_kind(kind).map(|of| of.collection), Some(*collection));
        }
    }

    #[test]
    fn addresses_lead_to_pages() {
        for good in ["/", "/about/team?x=1#top", "https://example.org/a", "mailto:info@example.org", "tel:+3220000000"]
        {
            assert_eq!(address_rule(good), Ok(()), "{good}");
        }
        for bad in
            ["about", "//example.org", "/\\example.org", "javascript:alert(1)", "ftp://example.org", "#top", "/a b"]
        {
            assert!(address_rule(bad).is_err(), "{bad}");
        }
    }
}
