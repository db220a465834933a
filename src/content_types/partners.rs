//! Partners: organisations that organise, support or host events (schema.org/Organization).

use crate::content::field::{Enumeration, Field, FieldType};
use crate::content_types::filter::*;
use crate::content_types::shared_fields::*;
use crate::content_types::{ContentType, no_rules};

const KINDS: &Enumeration = &Enumeration {
    schema: "PartnerKind",
    words: &["foundation", "institution", "company", "media", "university", "ngo", "public_body", "community", "other"],
};

pub(super) const KIND: Filter =
    Filter { name: "kind", on: FilterTarget::Variant(KINDS), about: "Kind of the partner.", example: "foundation" };

/// The content type of partners.
pub static PARTNER: ContentType = ContentType {
    kind: "partner",
    collection: "partners",
    schema: "Partner",
    noun: "partner",
    title_plural: "Partners",
    about: "An organisation that organises, supports or hosts events.",
    label: "name",
    parent: None,
    variant: Some("kind"),
    children: None,
    span: None,
    position: None,
    countries: &[&["country"], &["address", "country"]],
    coordinates: None,
    rules: no_rules,
    fields: &[
        Field::new("name", FieldType::Line { max: 200 }, "Name of the partner.", r#""Delta Institute""#)
            .required()
            .localised(),
        Field::new("abbreviation", FieldType::Line { max: 30 }, "Abbreviation of the name.", r#""DI""#),
        Field::new(
            "description",
            FieldType::Rich { max: 50_000 },
            "Description: Markdown or HTML; in responses, in the format of `body_format`.",
            r#""A house for river research.""#,
        )
        .localised()
        .detail(),
        Field::new("url", FieldType::Url, "Address of the website.", r#""https://example.org/""#),
        Field::new(
            "logo",
            FieldType::Object(IMAGE),
            "Logo of the partner.",
            r#"{"url": "https://example.org/logo.svg"}"#,
        ),
        Field::new("kind", FieldType::OneOf(KINDS), "Kind of organisation.", r#""foundation""#)
            .default_value(r#""other""#),
        Field::new("country", FieldType::Country, "Country, ISO 3166-1 alpha-2 code.", r#""BE""#),
        Field::new(
            "address",
            FieldType::Object(ADDRESS),
            "Postal address.",
            r#"{"city": "Brussels", "country": "BE"}"#,
        )
        .detail(),
        Field::new(
            "contact",
            FieldType::Object(CONTACT),
            "Contact of the partner.",
            r#"{"telephone": "+32 2 000 00 00"}"#,
        )
        .detail(),
        Field::new(
            "register_numbers",
            FieldType::List { of: &FieldType::Object(REGISTRATION_NUMBER), max: 20 },
            "Entries in public registers.",
            r#"[{"label": "EU Transparency Register No.", "number": "000000000000-00"}]"#,
        )
        .detail(),
        LINKS,
        CUSTOM,
    ],
    filters: &[
        KIND,
        Filter {
            name: "event",
            on: FilterTarget::ReferredBy { relation: "partners", source: "event" },
            about: "Event of the partner, by id or slug.",
            example: "rivers-without-borders",
        },
        COUNTRY,
        SLUG,
        IDS,
        UPDATED_AT,
        CREATED_AT,
        PUBLISHED_AT,
    ],
    sorts: &[BY_NAME, CREATED, UPDATED, PUBLISHED],
};
