//! Speakers: the people who take part in events (schema.org/Person).

use crate::content::field::{Field, FieldType};
use crate::content_types::filter::*;
use crate::content_types::shared_fields::*;
use crate::content_types::{ContentType, no_rules};

/// The content type of speakers.
pub static SPEAKER: ContentType = ContentType {
    kind: "speaker",
    collection: "speakers",
    schema: "Speaker",
    noun: "speaker",
    title_plural: "Speakers",
    about: "A person who takes part in events.",
    label: "name",
    parent: None,
    variant: None,
    children: None,
    span: None,
    position: None,
    countries: &[&["country"]],
    coordinates: None,
    rules: no_rules,
    fields: &[
        Field::new("name", FieldType::Line { max: 200 }, "Full name for display.", r#""Anna Janssens""#).required(),
        Field::new("given_name", FieldType::Line { max: 100 }, "Given name.", r#""Anna""#),
        Field::new("family_name", FieldType::Line { max: 100 }, "Family name.", r#""Janssens""#),
        Field::new("honorific", FieldType::Line { max: 60 }, "Honorific title before the name.", r#""Dr""#).localised(),
        Field::new("job_title", FieldType::Line { max: 200 }, "Job title.", r#""Senior Analyst""#).localised(),
        Field::new("affiliation", FieldType::Line { max: 300 }, "Affiliation, as text.", r#""Delta Institute""#)
            .localised(),
        Field::new(
            "organisation",
            FieldType::Reference("partner"),
            "Organisation of the speaker, a partner given by id or slug.",
            r#""delta-institute""#,
        ),
        Field::new(
            "biography",
            FieldType::Rich { max: 50_000 },
            "Biography: Markdown or HTML; in responses, in the format of `body_format`.",
            r#""Anna has worked on rivers since 2004.""#,
        )
        .localised()
        .detail(),
        Field::new(
            "portrait",
            FieldType::Object(IMAGE),
            "Portrait of the speaker.",
            r#"{"url": "https://example.org/anna.jpg"}"#,
        ),
        LINKS,
        Field::new(
            "languages",
            FieldType::List { of: &FieldType::Language, max: 20 },
            "Languages that the speaker speaks, BCP 47 tags.",
            r#"["nl", "en"]"#,
        ),
        Field::new("country", FieldType::Country, "Country, ISO 3166-1 alpha-2 code.", r#""BE""#),
        CUSTOM,
    ],
    filters: &[
        Filter {
            name: "event",
            on: FilterTarget::ReferredBy { relation: "speakers", source: "event" },
            about: "Event of the speaker, by id or slug.",
            example: "rivers-without-borders",
        },
        Filter {
            name: "organisation",
            on: FilterTarget::Refers { relation: "organisation", target: "partner", many: false },
            about: "Organisation of the speaker, a partner by id or slug.",
            example: "delta-institute",
        },
        related_filter(
            "organisation.kind",
            "organisation",
            "partner",
            &crate::content_types::partners::KIND,
            "Kind of the organisation.",
        ),
        related_filter(
            "organisation.country",
            "organisation",
            "partner",
            &COUNTRY,
            "Country of the organisation, ISO 3166-1 alpha-2 code.",
        ),
        COUNTRY,
        LANGUAGE,
        SLUG,
        IDS,
        UPDATED_AT,
        CREATED_AT,
        PUBLISHED_AT,
    ],
    sorts: &[BY_NAME, CREATED, UPDATED, PUBLISHED],
};
