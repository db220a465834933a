//! Events: what an organisation lives by. Words from iCalendar (RFC 5545) and schema.org/Event.

use serde_json::{Map, Value};

use super::filter::*;
use super::parts::*;
use super::{Children, Resource};
use crate::content::fault::Faults;
use crate::content::field::{Field, Kind};

const MODES: &[&str] = &["offline", "online", "mixed"];
const STATUSES: &[&str] = &["scheduled", "cancelled", "postponed", "rescheduled", "moved_online"];
const PRECISIONS: &[&str] = &["time", "day", "month", "year"];
const PARTNER_ROLES: &[&str] = &["organiser", "co-organiser", "partner", "sponsor", "host", "media-partner"];

/// How a partner takes part.
const PARTNERSHIP: &[Field] = &[
    Field::new("role", Kind::OneOf(PARTNER_ROLES), "The part that the partner has.", r#""organiser""#)
        .or(r#""partner""#),
    Field::new("tier", Kind::Line { max: 60 }, "A sponsor's tier.", r#""gold""#),
    Field::new(
        "affiliation",
        Kind::Line { max: 300 },
        "How the partner is named for this event.",
        r#""with the support of""#,
    )
    .localised(),
    Field::new("partner", Kind::Reference("partner"), "The partner, by id or slug.", r#""delta-institute""#).required(),
];

const REGISTRATION: &[Field] = &[
    Field::new("url", Kind::Url, "Where to register.", r#""https://example.org/register""#),
    Field::new("opens_at", Kind::Moment { end: false }, "From when on.", r#""2027-01-10T09:00""#),
    Field::new("closes_at", Kind::Moment { end: true }, "Until when.", r#""2027-02-28""#),
    Field::new("capacity", Kind::Integer { min: 0, max: 10_000_000 }, "How many can come.", "120"),
    Field::new("price_note", Kind::Line { max: 300 }, "What it costs.", r#""Free of charge""#).localised(),
    Field::new("invitation_only", Kind::Boolean, "Only for those invited.", "false").or("false"),
];

/// An event.
pub static EVENT: Resource = Resource {
    kind: "event",
    collection: "events",
    schema: "Event",
    noun: "event",
    about: "Something that takes place: a policy dialogue, a briefing, a conference.",
    label: "title",
    parent: Some("type"),
    variant: None,
    children: Some(Children { name: "sessions", kind: "session" }),
    rules: span_rules,
    fields: &[
        Field::new("type", Kind::Reference("event_type"), "The event type, by id or slug.", r#""policy-dialogue""#),
        Field::new("title", Kind::Line { max: 300 }, "The title.", r#""Rivers without borders""#)
            .required()
            .localised(),
        Field::new("kicker", Kind::Line { max: 100 }, "The word above the title.", r#""EVENT""#).localised(),
        Field::new("summary", Kind::Text { max: 600 }, "A few sentences.", r#""Who cares for shared rivers?""#)
            .localised(),
        Field::new(
            "body",
            Kind::Rich { max: 200_000 },
            "The text, Markdown or HTML.",
            r#""A dialogue on **shared rivers**.""#,
        )
        .localised()
        .detail(),
        Field::new(
            "starts_at",
            Kind::Moment { end: false },
            "When it starts: local time, or a date where only the day is known.",
            r#""2027-03-04T14:30""#,
        ),
        Field::new(
            "ends_at",
            Kind::Moment { end: true },
            "When it ends; a date means the end of that day.",
            r#""2027-03-04T16:00""#,
        ),
        TIME_ZONE,
        Field::new("all_day", Kind::Boolean, "It fills its days.", "false").or("false"),
        Field::new(
            "date_precision",
            Kind::OneOf(PRECISIONS),
            "How exactly the date is known; `day` when only dates are given.",
            r#""time""#,
        ),
        Field::new(
            "attendance_mode",
            Kind::OneOf(MODES),
            "Where people attend (schema.org/eventAttendanceMode).",
            r#""offline""#,
        )
        .or(r#""offline""#),
        Field::new(
            "event_status",
            Kind::OneOf(STATUSES),
            "What became of it (schema.org/eventStatus).",
            r#""scheduled""#,
        )
        .or(r#""scheduled""#),
        Field::new("venue", Kind::Reference("venue"), "The venue, by id or slug.", r#""hall-of-the-delta""#),
        Field::new("online_url", Kind::Url, "Where to attend online.", r#""https://example.org/live""#),
        Field::new(
            "registration",
            Kind::Object(REGISTRATION),
            "How to take part.",
            r#"{"url": "https://example.org/register"}"#,
        ),
        Field::new(
            "languages",
            Kind::List { of: &Kind::Language, max: 20 },
            "Languages spoken (BCP 47).",
            r#"["en", "fr"]"#,
        ),
        Field::new(
            "topics",
            Kind::List { of: &Kind::Reference("topic"), max: 50 },
            "Topics, by id or slug.",
            r#"["water"]"#,
        ),
        Field::new("series", Kind::Reference("series"), "The series it belongs to, by id or slug.", r#""river-talks""#),
        Field::new("image", Kind::Object(IMAGE), "Its picture.", r#"{"url": "https://example.org/hall.jpg"}"#),
        DOCUMENTS,
        RECORDINGS,
        LINKS,
        SPEAKERS,
        Field::new(
            "partners",
            Kind::List { of: &Kind::Object(PARTNERSHIP), max: 200 },
            "Organisers, partners and sponsors, in order.",
            r#"[{"role": "organiser", "partner": "delta-institute"}]"#,
        ),
        Field::new(
            "related",
            Kind::List { of: &Kind::Reference("event"), max: 50 },
            "Related events, by id or slug.",
            r#"["rivers-without-borders"]"#,
        ),
        Field::new(
            "accessibility",
            Kind::Text { max: 2_000 },
            "How everybody can take part.",
            r#""Sign language is offered.""#,
        )
        .localised()
        .detail(),
        SEO_FIELD,
        Field::new("contact", Kind::Object(CONTACT), "Whom to ask.", r#"{"email": "events@example.org"}"#).detail(),
        CUSTOM,
    ],
    filters: &[
        Filter {
            name: "type",
            on: On::Parent("event_type"),
            about: "Events of this type, by id or slug.",
            example: "policy-dialogue",
        },
        SLUG,
        IDS,
        STARTS_AT,
        ENDS_AT,
        UPDATED_AT,
        CREATED_AT,
        PUBLISHED_AT,
        WHEN,
        Filter {
            name: "speaker",
            on: On::Refers { relation: "speakers", target: "speaker", many: true },
            about: "Events with this speaker, by id or slug.",
            example: "anna-janssens",
        },
        Filter {
            name: "partner",
            on: On::Refers { relation: "partners", target: "partner", many: true },
            about: "Events with this partner, by id or slug.",
            example: "delta-institute",
        },
        Filter {
            name: "topic",
            on: On::Refers { relation: "topics", target: "topic", many: true },
            about: "Events on this topic, by id or slug.",
            example: "water",
        },
        Filter {
            name: "series",
            on: On::Refers { relation: "series", target: "series", many: false },
            about: "Events of this series, by id or slug.",
            example: "river-talks",
        },
        Filter {
            name: "venue",
            on: On::Refers { relation: "venue", target: "venue", many: false },
            about: "Events at this venue, by id or slug.",
            example: "hall-of-the-delta",
        },
        LANGUAGE,
        word(&["attendance_mode"], MODES, "offline", "How people attend."),
        word(&["event_status"], STATUSES, "scheduled", "What became of it."),
        word(&["all_day"], &["true", "false"], "false", "Whether it fills its days."),
        word(&["date_precision"], PRECISIONS, "time", "How exactly its date is known."),
        word(
            &["registration", "invitation_only"],
            &["true", "false"],
            "false",
            "Whether it is for those invited only.",
        ),
        through("country", "venue", "venue", &COUNTRY, "The country of its venue, ISO 3166-1 alpha-2 code."),
        through(
            "speaker.country",
            "speakers",
            "speaker",
            &COUNTRY,
            "The country of a speaker, ISO 3166-1 alpha-2 code.",
        ),
        through("speaker.language", "speakers", "speaker", &LANGUAGE, "A language that a speaker speaks (BCP 47)."),
        through("partner.kind", "partners", "partner", &super::partners::KIND, "The kind of a partner."),
        through(
            "partner.country",
            "partners",
            "partner",
            &COUNTRY,
            "The country of a partner, ISO 3166-1 alpha-2 code.",
        ),
        Filter {
            name: "near",
            on: On::Near(Some("venue")),
            about: "Events at venues within a distance of a place: latitude, longitude, and m or km.",
            example: "50.84,4.36,10km",
        },
    ],
    sorts: &[
        newest("starts_at", Column::StartsAt),
        newest("ends_at", Column::EndsAt),
        by("title", Column::Label),
        CREATED,
        UPDATED,
        PUBLISHED,
    ],
};

/// The end is not before the start; a bare date means that the hour is not known.
pub(super) fn span_rules(content: &mut Map<String, Value>, faults: &mut Faults) {
    let text = |name: &str| content.get(name).and_then(Value::as_str).map(str::to_owned);
    let (starts, ends) = (text("starts_at"), text("ends_at"));
    if ends.is_some() && starts.is_none() {
        faults.add("/ends_at", "without_start", "an end needs a start");
    }
    if let Some((first, last)) = crate::content::moment::stored_span(content) {
        // The end of a day is the next midnight, which the day after begins with.
        if ends.as_ref().is_some_and(|text| last < first || (last == first && text.len() == 10)) {
            faults.add("/ends_at", "before_start", "the end lies before the start");
        }
    }
    let only_dates = [&starts, &ends].into_iter().flatten().all(|t| t.len() == 10);
    let all_day = content.get("all_day").and_then(Value::as_bool).unwrap_or(false);
    if all_day && starts.is_some() && !only_dates {
        faults.add("/starts_at", "not_a_date", "an all-day item has dates, not times of day");
    }
    if !content.contains_key("date_precision") && content.contains_key("attendance_mode") {
        let precision = if starts.is_some() && only_dates { "day" } else { "time" };
        content.insert("date_precision".into(), precision.into());
    }
}
