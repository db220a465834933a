//! Series: programmes of events (schema.org/EventSeries).

use super::filter::*;
use super::parts::*;
use super::{Resource, no_rules};
use crate::content::field::{Field, Kind};

/// A series of events.
pub static SERIES: Resource = Resource {
    kind: "series",
    collection: "series",
    schema: "Series",
    noun: "series",
    about: "A programme of events that belong together.",
    label: "title",
    parent: None,
    variant: None,
    children: None,
    rules: no_rules,
    fields: &[
        Field::new("title", Kind::Line { max: 300 }, "The title.", r#""River Talks""#).required().localised(),
        Field::new("summary", Kind::Text { max: 600 }, "A few sentences.", r#""Four evenings a year.""#).localised(),
        Field::new("description", Kind::Rich { max: 50_000 }, "About it, Markdown or HTML.", r#""Since 2011.""#)
            .localised()
            .detail(),
        Field::new("image", Kind::Object(IMAGE), "Its picture.", r#"{"url": "https://example.org/river.jpg"}"#),
        Field::new("url", Kind::Url, "Its website.", r#""https://example.org/talks""#),
        SEO_FIELD,
        CUSTOM,
    ],
    filters: &[
        Filter {
            name: "event",
            on: On::ReferredBy { relation: "series", source: "event" },
            about: "The series of this event, by id or slug.",
            example: "rivers-without-borders",
        },
        SLUG,
        IDS,
        UPDATED_AT,
        CREATED_AT,
        PUBLISHED_AT,
    ],
    sorts: &[by("title", Column::Label), CREATED, UPDATED, PUBLISHED],
};
