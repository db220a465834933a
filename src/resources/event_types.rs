//! Event types: the site's own words for what it holds, in the order of its editors.

use super::filter::*;
use super::parts::*;
use super::{Resource, no_rules};
use crate::content::field::{Field, Kind};

/// A type of events.
pub static EVENT_TYPE: Resource = Resource {
    kind: "event_type",
    collection: "event-types",
    schema: "EventType",
    noun: "event type",
    about: "A sort of event, such as \"Policy Dialogue\" or \"Conference\".",
    label: "name",
    parent: None,
    variant: None,
    children: None,
    rules: no_rules,
    fields: &[
        Field::new("name", Kind::Line { max: 200 }, "The name.", r#""Policy Dialogue""#).required().localised(),
        Field::new("description", Kind::Text { max: 2_000 }, "What such events are.", r#""A round of equals.""#)
            .localised(),
        POSITION,
        CUSTOM,
    ],
    filters: &[SLUG, IDS, UPDATED_AT, CREATED_AT, PUBLISHED_AT],
    sorts: &[by("position", Column::Position), by("name", Column::Label), CREATED, UPDATED, PUBLISHED],
};
