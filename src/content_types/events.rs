//! Events. The vocabulary follows iCalendar (RFC 5545) and schema.org/Event.

use serde_json::{Map, Value};

use crate::content::field::{Enumeration, Field, FieldType, ObjectType};
use crate::content::local_time::stored_span;
use crate::content::violation::Violations;
use crate::content_types::filter::*;
use crate::content_types::shared_fields::*;
use crate::content_types::{Children, ContentType};

const MODES: &Enumeration = &Enumeration { schema: "AttendanceMode", words: &["offline", "online", "mixed"] };
const STATUSES: &Enumeration = &Enumeration {
    schema: "EventStatus",
    words: &["scheduled", "tentative", "cancelled", "postponed", "rescheduled", "moved_online"],
};
const PRECISIONS: &Enumeration = &Enumeration { schema: "DatePrecision", words: &["time", "day", "month", "year"] };
const PARTNER_ROLES: &Enumeration = &Enumeration {
    schema: "PartnerRole",
    words: &["organiser", "co-organiser", "partner", "sponsor", "host", "media-partner"],
};

/// A partner's part in an event.
const PARTNERSHIP: &ObjectType = &ObjectType {
    schema: "Partnership",
    about: "A partner's part in an event.",
    fields: &[
        Field::new("role", FieldType::OneOf(PARTNER_ROLES), "Role of the partner in this event.", r#""organiser""#)
            .default_value(r#""partner""#),
        Field::new("tier", FieldType::Line { max: 60 }, "Sponsorship tier.", r#""gold""#),
        Field::new(
            "affiliation",
            FieldType::Line { max: 300 },
            "Wording by which the partner is presented for this event.",
            r#""with the support of""#,
        )
        .localised(),
        Field::new("partner", FieldType::Reference("partner"), "Partner, given by id or slug.", r#""delta-institute""#)
            .required(),
    ],
};

const REGISTRATION: &ObjectType = &ObjectType {
    schema: "Registration",
    about: "The registration of participants.",
    fields: &[
        Field::new("url", FieldType::Url, "Address of the registration page.", r#""https://example.org/register""#),
        Field::new(
            "opens_at",
            FieldType::Moment { end: false },
            "Start of registration: a local time in the event's time zone, or a date.",
            r#""2027-01-10T09:00""#,
        ),
        Field::new(
            "closes_at",
            FieldType::Moment { end: true },
            "End of registration: a local time in the event's time zone, or a date, which includes that day.",
            r#""2027-02-28""#,
        ),
        Field::new(
            "capacity",
            FieldType::Integer { min: 0, max: 10_000_000 },
            "Maximum number of participants.",
            "120",
        ),
        Field::new("price_note", FieldType::Line { max: 300 }, "Price, as text for readers.", r#""Free of charge""#)
            .localised(),
        Field::new("invitation_only", FieldType::Boolean, "Whether only invited persons may attend.", "false")
            .default_value("false"),
    ],
};

const TRACK: &ObjectType = &ObjectType {
    schema: "Track",
    about: "A track of the programme.",
    fields: &[
        Field::new("name", FieldType::Line { max: 120 }, "Name of the track, as its sessions have it.", r#""Law""#)
            .required(),
        Field::new("colour", FieldType::Line { max: 40 }, "Colour of the track, as in CSS.", r##""#aa0000""##),
    ],
};

/// The content type of events.
pub static EVENT: ContentType = ContentType {
    kind: "event",
    collection: "events",
    schema: "Event",
    noun: "event",
    title_plural: "Events",
    about: "An event, such as a policy dialogue, a briefing or a conference.",
    label: "title",
    parent: Some("type"),
    variant: None,
    children: Some(Children { name: "sessions", kind: "session", plural: "sessions" }),
    span: Some(SPAN),
    position: None,
    countries: &[],
    coordinates: None,
    rules: event_rules,
    fields: &[
        Field::new(
            "type",
            FieldType::Reference("event_type"),
            "Event type, given by id or slug.",
            r#""policy-dialogue""#,
        ),
        Field::new("title", FieldType::Line { max: 300 }, "Title of the event.", r#""Rivers without borders""#)
            .required()
            .localised(),
        Field::new("kicker", FieldType::Line { max: 100 }, "Short line above the title.", r#""EVENT""#).localised(),
        Field::new(
            "summary",
            FieldType::Text { max: 600 },
            "Summary in a few sentences, plain text.",
            r#""Who cares for shared rivers?""#,
        )
        .localised(),
        Field::new(
            "body",
            FieldType::Rich { max: 200_000 },
            "Main text: Markdown or HTML; in responses, in the format of `body_format`.",
            r#""A dialogue on **shared rivers**.""#,
        )
        .localised()
        .detail(),
        Field::new(
            SPAN.starts_at,
            FieldType::Moment { end: false },
            "Start: local time in `time_zone`, or a date if only the day is known; an RFC 3339 time in responses.",
            r#""2027-03-04T14:30""#,
        ),
        Field::new(
            SPAN.ends_at,
            FieldType::Moment { end: true },
            "End: local time in `time_zone`, or a date, which includes that day; an RFC 3339 time in responses.",
            r#""2027-03-04T16:00""#,
        ),
        TIME_ZONE,
        Field::new(
            "all_day",
            FieldType::Boolean,
            "Whether the event takes whole days; start and end must then be dates.",
            "false",
        )
        .default_value("false"),
        Field::new(
            "date_precision",
            FieldType::OneOf(PRECISIONS),
            "Precision of start and end: `day` if both are dates, otherwise `time`; `month` and `year` if less is known.",
            r#""time""#,
        ),
        Field::new(
            "attendance_mode",
            FieldType::OneOf(MODES),
            "Attendance mode (schema.org/eventAttendanceMode).",
            r#""offline""#,
        )
        .default_value(r#""offline""#),
        Field::new(
            "event_status",
            FieldType::OneOf(STATUSES),
            "Status of the event (schema.org/eventStatus).",
            r#""scheduled""#,
        )
        .default_value(r#""scheduled""#),
        Field::new("venue", FieldType::Reference("venue"), "Venue, given by id or slug.", r#""hall-of-the-delta""#),
        Field::new(
            "online_url",
            FieldType::Url,
            "Address at which participants attend online.",
            r#""https://example.org/live""#,
        ),
        Field::new(
            "registration",
            FieldType::Object(REGISTRATION),
            "Registration of participants.",
            r#"{"url": "https://example.org/register"}"#,
        ),
        Field::new(
            "languages",
            FieldType::List { of: &FieldType::Language, max: 20 },
            "Languages spoken at the event, BCP 47 tags.",
            r#"["en", "fr"]"#,
        ),
        Field::new(
            "topics",
            FieldType::List { of: &FieldType::Reference("topic"), max: 50 },
            "Topics of the event, given by id or slug.",
            r#"["water"]"#,
        ),
        Field::new(
            "series",
            FieldType::Reference("series"),
            "Series to which the event belongs, given by id or slug.",
            r#""river-talks""#,
        ),
        Field::new(
            "image",
            FieldType::Object(IMAGE),
            "Image of the event.",
            r#"{"url": "https://example.org/hall.jpg"}"#,
        ),
        Field::new(
            "tracks",
            FieldType::List { of: &FieldType::Object(TRACK), max: 200 },
            "Tracks of the programme with their colours, in the order of display.",
            r##"[{"name": "Law", "colour": "#aa0000"}]"##,
        )
        .detail(),
        DOCUMENTS,
        RECORDINGS,
        LINKS,
        SPEAKERS,
        Field::new(
            "partners",
            FieldType::List { of: &FieldType::Object(PARTNERSHIP), max: 200 },
            "Organisers, partners and sponsors, in the order of display.",
            r#"[{"role": "organiser", "partner": "delta-institute"}]"#,
        ),
        Field::new(
            "related",
            FieldType::List { of: &FieldType::Reference("event"), max: 50 },
            "Related events, given by id or slug.",
            r#"["rivers-without-borders"]"#,
        ),
        Field::new(
            "accessibility",
            FieldType::Text { max: 2_000 },
            "Accessibility information for participants, plain text.",
            r#""Sign language is offered.""#,
        )
        .localised()
        .detail(),
        SEO_FIELD,
        Field::new(
            "contact",
            FieldType::Object(CONTACT),
            "Contact for enquiries.",
            r#"{"email": "events@example.org"}"#,
        )
        .detail(),
        CUSTOM,
    ],
    filters: &[
        Filter {
            name: "type",
            on: FilterTarget::Parent("event_type"),
            about: "Event type, by id or slug.",
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
        YEAR,
        Filter {
            name: "speaker",
            on: FilterTarget::Refers { relation: "speakers", target: "speaker", many: true },
            about: "Speaker of the event, by id or slug.",
            example: "anna-janssens",
        },
        Filter {
            name: "partner",
            on: FilterTarget::Refers { relation: "partners", target: "partner", many: true },
            about: "Partner of the event, by id or slug.",
            example: "delta-institute",
        },
        Filter {
            name: "topic",
            on: FilterTarget::Refers { relation: "topics", target: "topic", many: true },
            about: "Topic of the event, by id or slug.",
            example: "water",
        },
        Filter {
            name: "series",
            on: FilterTarget::Refers { relation: "series", target: "series", many: false },
            about: "Series of the event, by id or slug.",
            example: "river-talks",
        },
        Filter {
            name: "venue",
            on: FilterTarget::Refers { relation: "venue", target: "venue", many: false },
            about: "Venue of the event, by id or slug.",
            example: "hall-of-the-delta",
        },
        LANGUAGE,
        word(&["attendance_mode"], MODES, "offline", "Attendance mode of the event."),
        word(&["event_status"], STATUSES, "scheduled", "Status of the event."),
        word(&["all_day"], BOOLEANS, "false", "Whether the event takes whole days."),
        word(&["date_precision"], PRECISIONS, "time", "Precision of start and end."),
        word(&["registration", "invitation_only"], BOOLEANS, "false", "Whether only invited persons may attend."),
        related_filter("country", "venue", "venue", &COUNTRY, "Country of the venue, ISO 3166-1 alpha-2 code."),
        SPEAKER_COUNTRY,
        related_filter(
            "speaker.language",
            "speakers",
            "speaker",
            &LANGUAGE,
            "Language that a speaker speaks, BCP 47 tag.",
        ),
        related_filter(
            "partner.kind",
            "partners",
            "partner",
            &crate::content_types::partners::KIND,
            "Kind of a partner.",
        ),
        related_filter(
            "partner.country",
            "partners",
            "partner",
            &COUNTRY,
            "Country of a partner, ISO 3166-1 alpha-2 code.",
        ),
        Filter {
            name: "near",
            on: FilterTarget::Near(Some("venue")),
            about: "Maximum distance of the venue from a place: latitude, longitude, distance in `m` or `km`.",
            example: "50.84,4.36,10km",
        },
    ],
    sorts: &[
        descending_sort("starts_at", Column::StartsAt),
        descending_sort("ends_at", Column::EndsAt),
        BY_TITLE,
        CREATED,
        UPDATED,
        PUBLISHED,
    ],
};

/// Checks the span, and sets `date_precision` to `day` if start and end are dates, otherwise to `time`, unless it says that
/// less is known. A patch of the dates alone changes it too, so that no midnight is invented and no time is lost.
fn event_rules(content: &mut Map<String, Value>, faults: &mut Violations) {
    span_rules(content, faults);
    let has_start = text(content, SPAN.starts_at).is_some();
    match text(content, "date_precision") {
        Some("month" | "year") => {}
        Some(_) if !has_start => {}
        _ => {
            let is_by_day = has_start && has_only_dates(content);
            content.insert("date_precision".into(), if is_by_day { "day" } else { "time" }.into());
        }
    }
}

const TIMED_END: &str =
    "the start is a date without a time of day, so the end must be one, too; or write the start with its time";
const DATED_END: &str =
    "the start has a time of day, so the end must have one, too; leave the end out if its time is not known";

/// Checks that the end is not before the start, that both have a time of day or neither, and that all-day items have dates
/// only.
pub(super) fn span_rules(content: &mut Map<String, Value>, faults: &mut Violations) {
    let (start, end) = (text(content, SPAN.starts_at), text(content, SPAN.ends_at));
    if end.is_some() && start.is_none() {
        faults.add("/ends_at", "without_start", "an end requires a start");
    }
    if let (Some(start), Some(end)) = (start, end) {
        match (start.len() == 10, end.len() == 10) {
            (true, false) => faults.add("/ends_at", "not_a_date", TIMED_END),
            (false, true) => faults.add("/ends_at", "not_a_time", DATED_END),
            _ => {}
        }
    }
    if let Some((first, last)) = stored_span(SPAN, content) {
        // An end that is a date ends at the midnight after it, which is also the first instant of the next
        // day. So a start at exactly that instant is on the day after the end.
        if end.is_some_and(|text| last < first || (last == first && text.len() == 10)) {
            faults.add("/ends_at", "before_start", "the end is before the start");
        }
    }
    let all_day = content.get("all_day").and_then(Value::as_bool).unwrap_or(false);
    if all_day && start.is_some() && !has_only_dates(content) {
        faults.add("/starts_at", "not_a_date", "an all-day item must have dates without times of day");
    }
}

/// Returns whether the start and the end, where present, are dates without times of day.
fn has_only_dates(content: &Map<String, Value>) -> bool {
    [SPAN.starts_at, SPAN.ends_at].iter().filter_map(|name| text(content, name)).all(|text| text.len() == 10)
}

fn text<'a>(content: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    content.get(name).and_then(Value::as_str)
}
