//! Series of events (schema.org/EventSeries).

use crate::content::field::{Field, FieldType};
use crate::content_types::filter::*;
use crate::content_types::shared_fields::*;
use crate::content_types::{ContentType, no_rules};

/// The content type of series.
pub static SERIES: ContentType = ContentType {
    kind: "series",
    collection: "series",
    schema: "Series",
    noun: "series",
    title_plural: "Series",
    about: "A series of events that belong together.",
    label: "title",
    parent: None,
    variant: None,
    children: None,
    span: None,
    position: None,
    countries: &[],
    coordinates: None,
    rules: no_rules,
    fields: &[
        Field::new("title", FieldType::Line { max: 300 }, "Title of the series.", r#""River Talks""#)
            .required()
            .localised(),
        Field::new(
            "summary",
            FieldType::Text { max: 600 },
            "Summary in a few sentences, plain text.",
            r#""Four evenings a year.""#,
        )
        .localised(),
        Field::new(
            "description",
            FieldType::Rich { max: 50_000 },
            "Description: Markdown or HTML; in responses, in the format of `body_format`.",
            r#""Since 2011.""#,
        )
        .localised()
        .detail(),
        Field::new(
            "image",
            FieldType::Object(IMAGE),
            "Image of the series.",
            r#"{"url": "https://example.org/river.jpg"}"#,
        ),
        Field::new("url", FieldType::Url, "Address of the website.", r#""https://example.org/talks""#),
        SEO_FIELD,
        CUSTOM,
    ],
    filters: &[
        Filter {
            name: "event",
            on: FilterTarget::ReferredBy { relation: "series", source: "event" },
            about: "Event of the series, by id or slug.",
            example: "rivers-without-borders",
        },
        SLUG,
        IDS,
        UPDATED_AT,
        CREATED_AT,
        PUBLISHED_AT,
    ],
    sorts: &[BY_TITLE, CREATED, UPDATED, PUBLISHED],
};
