//! Speakers: the people who take part in events (schema.org/Person).

use crate::content::field::{Field, Kind};
use crate::content_types::filter::*;
use crate::content_types::shared_fields::*;
use crate::content_types::{Resource, no_rules};

/// The content type of speakers.
pub static SPEAKER: Resource = Resource {
    kind: "speaker",
    collection: "speakers",
    schema: "Speaker",
    noun: "speaker",
    about: "A person who takes part in events.",
    label: "name",
    parent: None,
    variant: None,
    children: None,
    rules: no_rules,
    fields: &[
        Field::new("name", Kind::Line { max: 200 }, "Full name for display.", r#""Anna Janssens""#).required(),
        Field::new("given_name", Kind::Line { max: 100 }, "Given name.", r#""Anna""#),
        Field::new("family_name", Kind::Line { max: 100 }, "Family name.", r#""Janssens""#),
        Field::new("honorific", Kind::Line { max: 60 }, "Honorific title before the name.", r#""Dr""#).localised(),
        Field::new("job_title", Kind::Line { max: 200 }, "Job title.", r#""Senior Analyst""#).localised(),
        Field::new("affiliation", Kind::Line { max: 300 }, "Affiliation, as text.", r#""Delta Institute""#).localised(),
        Field::new(
            "organisation",
            Kind::Reference("partner"),
            "Organisation of the speaker, a partner given by id or slug.",
            r#""delta-institute""#,
        ),
        Field::new(
            "biography",
            Kind::Rich { max: 50_000 },
            "Biography: Markdown or HTML in requests, in the format of `body_format` in responses.",
            r#""Anna has worked on rivers since 2004.""#,
        )
        .localised()
        .detail(),
        Field::new(
            "portrait",
            Kind::Object(IMAGE),
            "Portrait of the speaker.",
            r#"{"url": "https://example.org/anna.jpg"}"#,
        ),
        LINKS,
        Field::new(
            "languages",
            Kind::List { of: &Kind::Language, max: 20 },
            "Languages that the speaker speaks, BCP 47 tags.",
            r#"["nl", "en"]"#,
        ),
        Field::new("country", Kind::Country, "Country, ISO 3166-1 alpha-2 code.", r#""BE""#),
        CUSTOM,
    ],
    filters: &[
        Filter {
            name: "event",
            on: On::ReferredBy { relation: "speakers", source: "event" },
            about: "Event of the speaker, by id or slug.",
            example: "rivers-without-borders",
        },
        Filter {
            name: "organisation",
            on: On::Refers { relation: "organisation", target: "partner", many: false },
            about: "Organisation of the speaker, a partner by id or slug.",
            example: "delta-institute",
        },
        through(
            "organisation.kind",
            "organisation",
            "partner",
            &crate::content_types::partners::KIND,
            "Kind of the organisation.",
        ),
        through(
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
    sorts: &[by("name", Column::Label), CREATED, UPDATED, PUBLISHED],
};
