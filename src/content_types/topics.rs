//! Topics of events, which form a tree.

use crate::content::field::{Field, FieldType};
use crate::content_types::filter::*;
use crate::content_types::shared_fields::*;
use crate::content_types::{ContentType, no_rules};

/// The content type of topics.
pub static TOPIC: ContentType = ContentType {
    kind: "topic",
    collection: "topics",
    schema: "Topic",
    noun: "topic",
    title_plural: "Topics",
    about: "A subject that events are about; topics form a tree.",
    label: "name",
    parent: Some("parent"),
    variant: None,
    children: None,
    span: None,
    position: Some(POSITION.name),
    countries: &[],
    coordinates: None,
    rules: no_rules,
    fields: &[
        Field::new("parent", FieldType::Reference("topic"), "Broader topic, given by id or slug.", r#""environment""#),
        Field::new("name", FieldType::Line { max: 200 }, "Name of the topic.", r#""Water""#).required().localised(),
        Field::new(
            "description",
            FieldType::Rich { max: 50_000 },
            "Description: Markdown or HTML; in responses, in the format of `body_format`.",
            r#""Rivers, lakes and seas.""#,
        )
        .localised()
        .detail(),
        POSITION,
        CUSTOM,
    ],
    filters: &[
        Filter {
            name: "parent",
            on: FilterTarget::Parent("topic"),
            about: "Broader topic, of which the topic is a direct child, by id or slug.",
            example: "environment",
        },
        Filter {
            name: "event",
            on: FilterTarget::ReferredBy { relation: "topics", source: "event" },
            about: "Event on the topic, by id or slug.",
            example: "rivers-without-borders",
        },
        SLUG,
        IDS,
        UPDATED_AT,
        CREATED_AT,
        PUBLISHED_AT,
    ],
    sorts: &[BY_POSITION, BY_NAME, CREATED, UPDATED, PUBLISHED],
};
