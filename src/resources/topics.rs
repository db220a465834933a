//! Topics: a tree of subjects.

use super::filter::*;
use super::parts::*;
use super::{Resource, no_rules};
use crate::content::field::{Field, Kind};

/// A topic.
pub static TOPIC: Resource = Resource {
    kind: "topic",
    collection: "topics",
    schema: "Topic",
    noun: "topic",
    about: "A subject that events are about; topics form a tree.",
    label: "name",
    parent: Some("parent"),
    variant: None,
    children: None,
    rules: no_rules,
    fields: &[
        Field::new("parent", Kind::Reference("topic"), "The wider topic, by id or slug.", r#""environment""#),
        Field::new("name", Kind::Line { max: 200 }, "The name.", r#""Water""#).required().localised(),
        Field::new(
            "description",
            Kind::Rich { max: 50_000 },
            "About it, Markdown or HTML.",
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
            on: On::Parent("topic"),
            about: "Topics right below this one, by id or slug.",
            example: "environment",
        },
        Filter {
            name: "event",
            on: On::ReferredBy { relation: "topics", source: "event" },
            about: "Topics of this event, by id or slug.",
            example: "rivers-without-borders",
        },
        SLUG,
        IDS,
        UPDATED_AT,
        CREATED_AT,
        PUBLISHED_AT,
    ],
    sorts: &[by("position", Column::Position), by("name", Column::Label), CREATED, UPDATED, PUBLISHED],
};
