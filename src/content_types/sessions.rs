//! Sessions, of which the programme of an event consists. The vocabulary follows pretalx and frab.

use crate::content::field::{Enumeration, Field, FieldType};
use crate::content_types::ContentType;
use crate::content_types::events::span_rules;
use crate::content_types::filter::*;
use crate::content_types::shared_fields::*;

const KINDS: &Enumeration = &Enumeration {
    schema: "SessionKind",
    words: &["talk", "keynote", "panel", "workshop", "lightning_talk", "break", "social", "other"],
};

/// The content type of sessions.
pub static SESSION: ContentType = ContentType {
    kind: "session",
    collection: "sessions",
    schema: "Session",
    noun: "session",
    title_plural: "Sessions",
    about: "A session in the programme of an event, such as a talk, a panel or a break.",
    label: "title",
    parent: Some("event"),
    variant: Some("kind"),
    children: None,
    span: Some(SPAN),
    position: None,
    countries: &[],
    coordinates: None,
    rules: span_rules,
    fields: &[
        Field::new(
            "event",
            FieldType::Reference("event"),
            "Event to which the session belongs, given by id or slug.",
            r#""rivers-without-borders""#,
        )
        .required(),
        Field::new("title", FieldType::Line { max: 300 }, "Title of the session.", r#""Opening""#)
            .required()
            .localised(),
        Field::new("subtitle", FieldType::Line { max: 300 }, "Subtitle of the session.", r#""What we know""#)
            .localised(),
        Field::new("kind", FieldType::OneOf(KINDS), "Kind of session.", r#""talk""#).default_value(r#""talk""#),
        Field::new(
            "format",
            FieldType::Line { max: 120 },
            "Format of the session, in the organiser's own words.",
            r#""Lightning talk""#,
        )
        .localised(),
        Field::new(
            "abstract",
            FieldType::Rich { max: 50_000 },
            "Abstract: Markdown or HTML; in responses, in the format of `body_format`.",
            r#""The state of *our* rivers.""#,
        )
        .localised()
        .detail(),
        Field::new(
            "description",
            FieldType::Rich { max: 200_000 },
            "Description: Markdown or HTML; in responses, in the format of `body_format`.",
            r#""In three parts.""#,
        )
        .localised()
        .detail(),
        Field::new(
            SPAN.starts_at,
            FieldType::Moment { end: false },
            "Start: local time in `time_zone`, or a date; an RFC 3339 time in responses.",
            r#""2027-03-04T14:30""#,
        ),
        Field::new(
            SPAN.ends_at,
            FieldType::Moment { end: true },
            "End: local time in `time_zone`, or a date, which includes that day; an RFC 3339 time in responses.",
            r#""2027-03-04T15:00""#,
        ),
        TIME_ZONE,
        Field::new("room", FieldType::Line { max: 120 }, "Name of the room.", r#""Main hall""#),
        Field::new("track", FieldType::Line { max: 120 }, "Track of the programme.", r#""Law""#).localised(),
        Field::new("language", FieldType::Language, "Language spoken, BCP 47 tag.", r#""en""#),
        Field::new(
            "image",
            FieldType::Object(IMAGE),
            "Image of the session.",
            r#"{"url": "https://example.org/river.jpg"}"#,
        )
        .detail(),
        Field::new(
            "do_not_record",
            FieldType::Boolean,
            "Whether the speakers do not agree to a recording. Absent if it is not known.",
            "true",
        )
        .detail(),
        Field::new("recording_license", FieldType::Line { max: 120 }, "Licence of the recording.", r#""CC BY 4.0""#)
            .detail(),
        SPEAKERS,
        DOCUMENTS,
        RECORDINGS,
        LINKS,
        CUSTOM,
    ],
    filters: &[
        Filter {
            name: "event",
            on: FilterTarget::Parent("event"),
            about: "Event of the session, by id or slug.",
            example: "rivers-without-borders",
        },
        Filter { name: "kind", on: FilterTarget::Variant(KINDS), about: "Kind of the session.", example: "talk" },
        Filter {
            name: "speaker",
            on: FilterTarget::Refers { relation: "speakers", target: "speaker", many: true },
            about: "Speaker of the session, by id or slug.",
            example: "anna-janssens",
        },
        SPEAKER_COUNTRY,
        Filter {
            name: "language",
            on: FilterTarget::Word(WordField {
                field: "language",
                path: &["language"],
                words: None,
                usual: None,
                many: false,
            }),
            about: "Language spoken, BCP 47 tag.",
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
        YEAR,
    ],
    sorts: &[
        ascending_sort("starts_at", Column::StartsAt),
        ascending_sort("ends_at", Column::EndsAt),
        BY_TITLE,
        CREATED,
        UPDATED,
        PUBLISHED,
    ],
};
