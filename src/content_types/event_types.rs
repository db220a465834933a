//! Event types: the categories by which a site classifies its events, in an order that editors set.

use crate::content::field::{Field, FieldType};
use crate::content_types::filter::*;
use crate::content_types::shared_fields::*;
use crate::content_types::{ContentType, no_rules};

/// The content type of event types.
pub static EVENT_TYPE: ContentType = ContentType {
    kind: "event_type",
    collection: "event-types",
    schema: "EventType",
    noun: "event type",
    title_plural: "Event types",
    about: "A category of events, such as \"Policy Dialogue\" or \"Conference\".",
    label: "name",
    parent: None,
    variant: None,
    children: None,
    span: None,
    position: Some(POSITION.name),
    countries: &[],
    coordinates: None,
    rules: no_rules,
    fields: &[
        Field::new("name", FieldType::Line { max: 200 }, "Name of the event type.", r#""Policy Dialogue""#)
            .required()
            .localised(),
        Field::new(
            "description",
            FieldType::Text { max: 2_000 },
            "Description of the event type, plain text.",
            r#""A round of equals.""#,
        )
        .localised(),
        POSITION,
        CUSTOM,
    ],
    filters: &[SLUG, IDS, UPDATED_AT, CREATED_AT, PUBLISHED_AT],
    sorts: &[BY_POSITION, BY_NAME, CREATED, UPDATED, PUBLISHED],
};
