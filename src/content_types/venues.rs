//! Venues of events (schema.org/Place).

use crate::content::field::{Field, FieldType, ObjectType};
use crate::content_types::filter::*;
use crate::content_types::shared_fields::*;
use crate::content_types::{ContentType, no_rules};

const GEO: &ObjectType = &ObjectType {
    schema: "Coordinates",
    about: "Geographic coordinates (WGS 84).",
    fields: &[
        Field::new(
            "latitude",
            FieldType::Number { min: -90.0, max: 90.0 },
            "Latitude in degrees, positive to the north (WGS 84).",
            "50.8466",
        )
        .required(),
        Field::new(
            "longitude",
            FieldType::Number { min: -180.0, max: 180.0 },
            "Longitude in degrees, positive to the east (WGS 84).",
            "4.3528",
        )
        .required(),
    ],
};

const ROOM: &ObjectType = &ObjectType {
    schema: "Room",
    about: "A room of a venue.",
    fields: &[
        Field::new("name", FieldType::Line { max: 120 }, "Name of the room.", r#""Main hall""#).required(),
        Field::new("capacity", FieldType::Integer { min: 0, max: 1_000_000 }, "Maximum number of people.", "120"),
        Field::new("note", FieldType::Line { max: 300 }, "Note for visitors.", r#""Second floor""#).localised(),
    ],
};

/// The content type of venues.
pub static VENUE: ContentType = ContentType {
    kind: "venue",
    collection: "venues",
    schema: "Venue",
    noun: "venue",
    title_plural: "Venues",
    about: "A place where events are held.",
    label: "name",
    parent: None,
    variant: None,
    children: None,
    span: None,
    position: None,
    countries: &[&["address", "country"]],
    coordinates: Some("geo"),
    rules: no_rules,
    fields: &[
        Field::new("name", FieldType::Line { max: 200 }, "Name of the venue.", r#""Hall of the Delta""#)
            .required()
            .localised(),
        Field::new(
            "description",
            FieldType::Rich { max: 50_000 },
            "Description: Markdown or HTML; in responses, in the format of `body_format`.",
            r#""A former pumping station.""#,
        )
        .localised()
        .detail(),
        Field::new(
            "address",
            FieldType::Object(ADDRESS),
            "Postal address.",
            r#"{"city": "Brussels", "country": "BE"}"#,
        ),
        Field::new(
            "geo",
            FieldType::Object(GEO),
            "Geographic coordinates (WGS 84).",
            r#"{"latitude": 50.8466, "longitude": 4.3528}"#,
        ),
        Field::new("map_url", FieldType::Url, "Address of a map.", r#""https://example.org/map""#),
        Field::new("url", FieldType::Url, "Address of the website.", r#""https://example.org/hall""#),
        Field::new(
            "rooms",
            FieldType::List { of: &FieldType::Object(ROOM), max: 300 },
            "Rooms of the venue.",
            r#"[{"name": "Main hall", "capacity": 120}]"#,
        )
        .detail(),
        Field::new(
            "accessibility",
            FieldType::Text { max: 2_000 },
            "Accessibility information for visitors, plain text.",
            r#""Step-free from the street.""#,
        )
        .localised()
        .detail(),
        Field::new(
            "image",
            FieldType::Object(IMAGE),
            "Image of the venue.",
            r#"{"url": "https://example.org/hall.jpg"}"#,
        ),
        CUSTOM,
    ],
    filters: &[
        Filter {
            name: "event",
            on: FilterTarget::ReferredBy { relation: "venue", source: "event" },
            about: "Event at the venue, by id or slug.",
            example: "rivers-without-borders",
        },
        COUNTRY,
        Filter {
            name: "near",
            on: FilterTarget::Near(None),
            about: "Maximum distance of the venue from a place: latitude, longitude, distance in `m` or `km`.",
            example: "50.84,4.36,10km",
        },
        SLUG,
        IDS,
        UPDATED_AT,
        CREATED_AT,
        PUBLISHED_AT,
    ],
    sorts: &[BY_NAME, CREATED, UPDATED, PUBLISHED],
};
