//! Venues: where events take place (schema.org/Place).

use super::filter::*;
use super::parts::*;
use super::{Resource, no_rules};
use crate::content::field::{Field, Kind};

const GEO: &[Field] = &[
    Field::new("latitude", Kind::Number { min: -90.0, max: 90.0 }, "Degrees north (WGS 84).", "50.8466").required(),
    Field::new("longitude", Kind::Number { min: -180.0, max: 180.0 }, "Degrees east (WGS 84).", "4.3528").required(),
];

const ROOM: &[Field] = &[
    Field::new("name", Kind::Line { max: 120 }, "What it is called.", r#""Main hall""#).required(),
    Field::new("capacity", Kind::Integer { min: 0, max: 1_000_000 }, "How many people fit.", "120"),
    Field::new("note", Kind::Line { max: 300 }, "What to know.", r#""Second floor""#).localised(),
];

/// A venue.
pub static VENUE: Resource = Resource {
    kind: "venue",
    collection: "venues",
    schema: "Venue",
    noun: "venue",
    about: "A place where events are held.",
    label: "name",
    parent: None,
    variant: None,
    children: None,
    rules: no_rules,
    fields: &[
        Field::new("name", Kind::Line { max: 200 }, "The name.", r#""Hall of the Delta""#).required().localised(),
        Field::new(
            "description",
            Kind::Rich { max: 50_000 },
            "About it, Markdown or HTML.",
            r#""A former pumping station.""#,
        )
        .localised()
        .detail(),
        Field::new("address", Kind::Object(ADDRESS), "Its postal address.", r#"{"city": "Brussels", "country": "BE"}"#),
        Field::new(
            "geo",
            Kind::Object(GEO),
            "Where on earth (WGS 84).",
            r#"{"latitude": 50.8466, "longitude": 4.3528}"#,
        ),
        Field::new("map_url", Kind::Url, "A map.", r#""https://example.org/map""#),
        Field::new("url", Kind::Url, "Its website.", r#""https://example.org/hall""#),
        Field::new(
            "rooms",
            Kind::List { of: &Kind::Object(ROOM), max: 300 },
            "Its rooms.",
            r#"[{"name": "Main hall", "capacity": 120}]"#,
        )
        .detail(),
        Field::new(
            "accessibility",
            Kind::Text { max: 2_000 },
            "How to get in and around for everybody.",
            r#""Step-free from the street.""#,
        )
        .localised()
        .detail(),
        Field::new("image", Kind::Object(IMAGE), "Its picture.", r#"{"url": "https://example.org/hall.jpg"}"#),
        CUSTOM,
    ],
    filters: &[
        Filter {
            name: "event",
            on: On::ReferredBy { relation: "venue", source: "event" },
            about: "The venue of this event, by id or slug.",
            example: "rivers-without-borders",
        },
        COUNTRY,
        Filter {
            name: "near",
            on: On::Near(None),
            about: "Venues within a distance of a place: latitude, longitude, and m or km.",
            example: "50.84,4.36,10km",
        },
        SLUG,
        IDS,
        UPDATED_AT,
        CREATED_AT,
        PUBLISHED_AT,
    ],
    sorts: &[by("name", Column::Label), CREATED, UPDATED, PUBLISHED],
};
