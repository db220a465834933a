//! Speakers: the people who take part in events (schema.org/Person).

use super::filter::*;
use super::parts::*;
use super::{Resource, no_rules};
use crate::content::field::{Field, Kind};

/// A speaker.
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
        Field::new("name", Kind::Line { max: 200 }, "The name as it is shown.", r#""Anna Janssens""#).required(),
        Field::new("given_name", Kind::Line { max: 100 }, "Given name.", r#""Anna""#),
        Field::new("family_name", Kind::Line { max: 100 }, "Family name.", r#""Janssens""#),
        Field::new("honorific", Kind::Line { max: 60 }, "Title before the name.", r#""Dr""#).localised(),
        Field::new("job_title", Kind::Line { max: 200 }, "What the person does.", r#""Senior Analyst""#).localised(),
        Field::new("affiliation", Kind::Line { max: 300 }, "Where, in words.", r#""Delta Institute""#).localised(),
        Field::new(
            "organisation",
            Kind::Reference("partner"),
            "Where, as a partner, by id or slug.",
            r#""delta-institute""#,
        ),
        Field::new(
            "biography",
            Kind::Rich { max: 50_000 },
            "About the person, Markdown or HTML.",
            r#""Anna has worked on rivers since 2004.""#,
        )
        .localised()
        .detail(),
        Field::new(
            "portrait",
            Kind::Object(IMAGE),
            "A picture of the person.",
            r#"{"url": "https://example.org/anna.jpg"}"#,
        ),
        LINKS,
        Field::new(
            "languages",
            Kind::List { of: &Kind::Language, max: 20 },
            "Languages spoken (BCP 47).",
            r#"["nl", "en"]"#,
        ),
        Field::new("country", Kind::Country, "ISO 3166-1 alpha-2 code.", r#""BE""#),
        CUSTOM,
    ],
    filters: &[
        Filter {
            name: "event",
            on: On::ReferredBy { relation: "speakers", source: "event" },
            about: "Speakers of this event, by id or slug.",
            example: "rivers-without-borders",
        },
        Filter {
            name: "organisation",
            on: On::Refers { relation: "organisation", target: "partner", many: false },
            about: "Speakers of this partner, by id or slug.",
            example: "delta-institute",
        },
        through("organisation.kind", "organisation", "partner", &super::partners::KIND, "The kind of the partner."),
        through("organisation.country", "organisation", "partner", &COUNTRY, "The country of the partner."),
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
