//! Sessions: the programme of an event. Words from pretalx and frab.

use super::Resource;
use super::events::span_rules;
use super::filter::*;
use super::parts::*;
use crate::content::field::{Field, Kind};

const KINDS: &[&str] = &["talk", "keynote", "panel", "workshop", "lightning_talk", "break", "social", "other"];

/// A session of an event.
pub static SESSION: Resource = Resource {
    kind: "session",
    collection: "sessions",
    schema: "Session",
    noun: "session",
    about: "A part of an event's programme: a talk, a panel, a break.",
    label: "title",
    parent: Some("event"),
    variant: Some("kind"),
    children: None,
    rules: span_rules,
    fields: &[
        Field::new(
            "event",
            Kind::Reference("event"),
            "The event it is part of, by id or slug.",
            r#""rivers-without-borders""#,
        )
        .required(),
        Field::new("title", Kind::Line { max: 300 }, "The title.", r#""Opening""#).required().localised(),
        Field::new("subtitle", Kind::Line { max: 300 }, "The line below the title.", r#""What we know""#).localised(),
        Field::new("kind", Kind::OneOf(KINDS), "What it is.", r#""talk""#).or(r#""talk""#),
        Field::new(
            "format",
            Kind::Line { max: 120 },
            "What it is, in the organiser's own words.",
            r#""Lightning talk""#,
        )
        .localised(),
        Field::new(
            "abstract",
            Kind::Rich { max: 50_000 },
            "What it is about, Markdown or HTML.",
            r#""The state of *our* rivers.""#,
        )
        .localised()
        .detail(),
        Field::new(
            "description",
            Kind::Rich { max: 200_000 },
            "More about it, Markdown or HTML.",
            r#""In three parts.""#,
        )
        .localised()
        .detail(),
        Field::new("starts_at", Kind::Moment { end: false }, "When it starts, local time.", r#""2027-03-04T14:30""#),
        Field::new("ends_at", Kind::Moment { end: true }, "When it ends, local time.", r#""2027-03-04T15:00""#),
        TIME_ZONE,
        Field::new("room", Kind::Line { max: 120 }, "The room.", r#""Main hall""#),
        Field::new("track", Kind::Line { max: 120 }, "The track.", r#""Law""#).localised(),
        Field::new("language", Kind::Language, "The language spoken (BCP 47).", r#""en""#),
        SPEAKERS,
        DOCUMENTS,
        RECORDINGS,
        LINKS,
        CUSTOM,
    ],
    filters: &[
        Filter {
            name: "event",
            on: On::Parent("event"),
            about: "Sessions of this event, by id or slug.",
            example: "rivers-without-borders",
        },
        Filter { name: "kind", on: On::Variant(KINDS), about: "Sessions of this kind.", example: "talk" },
        Filter {
            name: "speaker",
            on: On::Refers { relation: "speakers", target: "speaker", many: true },
            about: "Sessions with this speaker, by id or slug.",
            example: "anna-janssens",
        },
        through(
            "speaker.country",
            "speakers",
            "speaker",
            &COUNTRY,
            "The country of a speaker, ISO 3166-1 alpha-2 code.",
        ),
        Filter {
            name: "language",
            on: On::Word(Word { field: "language", path: &["language"], words: &[], usual: None, many: false }),
            about: "The language spoken (BCP 47).",
            example: "en",
        },
        SLUG,
        IDS,
        STARTS_AT,
        ENDS_AT,
        UPDATED_AT,
        CREATED_AT,
        PUBLISHED_AT,
        WHEN,
    ],
    sorts: &[
        by("starts_at", Column::StartsAt),
        by("ends_at", Column::EndsAt),
        by("title", Column::Label),
        CREATED,
        UPDATED,
        PUBLISHED,
    ],
};
