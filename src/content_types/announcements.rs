//! Announcements: short messages that all pages of the website show for some time.

use serde_json::{Map, Value};

use crate::content::field::{Enumeration, Field, FieldType};
use crate::content::local_time::{Moment, zone_of};
use crate::content::violation::Violations;
use crate::content_types::ContentType;
use crate::content_types::filter::*;
use crate::content_types::page_link::{PAGE_LINK, link_rules};
use crate::content_types::shared_fields::*;

const SEVERITIES: &Enumeration =
    &Enumeration { schema: "AnnouncementSeverity", words: &["info", "success", "warning", "critical"] };
const PLACES: &Enumeration =
    &Enumeration { schema: "AnnouncementPlace", words: &["banner", "dialog", "footer", "home"] };

/// The content type of announcements.
pub static ANNOUNCEMENT: ContentType = ContentType {
    kind: "announcement",
    collection: "announcements",
    schema: "Announcement",
    noun: "announcement",
    title_plural: "Announcements",
    about: "A short message on all pages of the website, for some time. Before and after, `GET /layout` does not have it.",
    label: "title",
    parent: None,
    variant: None,
    children: None,
    span: Some(SPAN),
    position: None,
    countries: &[],
    coordinates: None,
    rules: announcement_rules,
    fields: &[
        Field::new("title", FieldType::Line { max: 200 }, "The message in one line.", r#""Our office is closed""#)
            .required()
            .localised(),
        Field::new(
            "text",
            FieldType::Rich { max: 5_000 },
            "Further text: Markdown or HTML; in responses, in the format of `body_format`.",
            r#""We are back on **Monday**.""#,
        )
        .localised(),
        Field::new(
            "link",
            FieldType::Object(PAGE_LINK),
            "Link to more about it.",
            r#"{"label": "Read more", "url": "/news"}"#,
        ),
        Field::new("severity", FieldType::OneOf(SEVERITIES), "How serious the message is.", r#""info""#)
            .default_value(r#""info""#),
        Field::new("place", FieldType::OneOf(PLACES), "Place on the page.", r#""banner""#).default_value(r#""banner""#),
        Field::new("dismissible", FieldType::Boolean, "Whether readers may close the message.", "true")
            .default_value("true"),
        Field::new(
            SPAN.starts_at,
            FieldType::Moment { end: false },
            "Beginning of the time in which the message is shown; without it, from its publication.",
            r#""2027-03-04T09:00""#,
        ),
        Field::new(
            SPAN.ends_at,
            FieldType::Moment { end: true },
            "End of the time in which the message is shown; a date includes that day. Without it, the message stays.",
            r#""2027-03-05""#,
        ),
        TIME_ZONE,
        CUSTOM,
    ],
    filters: &[
        Filter {
            name: "when",
            on: FilterTarget::When,
            about: "Position of the time in which the message is shown relative to now: `ongoing` are those that are shown.",
            example: "ongoing",
        },
        word(&["severity"], SEVERITIES, "info", "How serious the message is."),
        word(&["place"], PLACES, "banner", "Place on the page."),
        YEAR,
        SLUG,
        IDS,
        UPDATED_AT,
        CREATED_AT,
        PUBLISHED_AT,
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

/// Checks the link, and that the time in which the message is shown has a length.
fn announcement_rules(content: &mut Map<String, Value>, faults: &mut Violations) {
    if let Some(link) = content.get("link").and_then(Value::as_object) {
        link_rules(link, "/link", true, faults);
    }
    let Some(zone) = zone_of(content) else { return };
    let at = |name: &str, end: bool| {
        Some(Moment::parse_stored(content.get(name)?.as_str()?, zone)?.instant(zone, end).timestamp_micros())
    };
    if let (Some(starts), Some(ends)) = (at(SPAN.starts_at, false), at(SPAN.ends_at, true))
        && ends <= starts
    {
        faults.add("/ends_at", "before_start", "the end is not after the start");
    }
}
