//! The formats of feeds.

use serde_json::Value;
use utoipa::openapi::RefOr;

use crate::api::openapi::schemas::{json_document, text};
use crate::feeds::schedule::{ConferenceSchedule, INCLUDED_IN_SCHEDULE};
use crate::feeds::schedule_xml::schedule_xml;
use crate::feeds::{Feed, INCLUDED, atom, calendar, json_feed, json_ld, rss, table};

/// Number of events in feeds, other than calendars and tables, if the request names none.
pub const USUAL_LIMIT: i64 = 100;
/// Maximum number of items that a request may name.
pub const MAX_FEED_ITEMS: i64 = 500;
/// Maximum number of items in a calendar if the request names none. A calendar has no pages that programs would follow.
pub const MAX_CALENDAR: i64 = 2_000;

const OF_SCHEDULE: &str =
    "Returns the sessions of the event by day and room, in the schedule format of frab, pretalx and the c3voc.";

/// The format of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedFormat {
    Calendar,
    Rss,
    Atom,
    JsonFeed,
    JsonLd,
    Csv,
    ScheduleJson,
    ScheduleXml,
}

impl FeedFormat {
    /// Formats of lists of events.
    pub const LISTS: [FeedFormat; 6] = [
        FeedFormat::Calendar,
        FeedFormat::Rss,
        FeedFormat::Atom,
        FeedFormat::JsonFeed,
        FeedFormat::JsonLd,
        FeedFormat::Csv,
    ];
    /// Formats of single events.
    pub const SINGLE: [FeedFormat; 4] =
        [FeedFormat::Calendar, FeedFormat::JsonLd, FeedFormat::ScheduleJson, FeedFormat::ScheduleXml];

    /// Returns the end of the address of a feed in the format.
    pub fn suffix(self) -> &'static str {
        match self {
            FeedFormat::Calendar => "ics",
            FeedFormat::Rss => "rss",
            FeedFormat::Atom => "atom",
            FeedFormat::JsonFeed => "json",
            FeedFormat::JsonLd => "jsonld",
            FeedFormat::Csv => "csv",
            FeedFormat::ScheduleJson => "schedule.json",
            FeedFormat::ScheduleXml => "schedule.xml",
        }
    }

    /// Returns the media type.
    pub fn media_type(self) -> &'static str {
        match self {
            FeedFormat::Calendar => "text/calendar; charset=utf-8",
            FeedFormat::Rss => "application/rss+xml; charset=utf-8",
            FeedFormat::Atom => "application/atom+xml; charset=utf-8",
            FeedFormat::JsonFeed => "application/feed+json",
            FeedFormat::JsonLd => "application/ld+json",
            FeedFormat::Csv => "text/csv; charset=utf-8; header=present",
            FeedFormat::ScheduleJson => "application/json",
            FeedFormat::ScheduleXml => "application/xml",
        }
    }

    /// Returns the summary of the operation for a list of events.
    pub fn list_summary(self) -> &'static str {
        match self {
            FeedFormat::Calendar => "Get events as a calendar",
            FeedFormat::Rss => "Get events as RSS",
            FeedFormat::Atom => "Get events as Atom",
            FeedFormat::JsonFeed => "Get events as a JSON Feed",
            FeedFormat::JsonLd => "Get events as JSON-LD",
            FeedFormat::Csv => "Get events as a table",
            // Schedules are formats of single events only; see `SINGLE`.
            FeedFormat::ScheduleJson | FeedFormat::ScheduleXml => "",
        }
    }

    /// Returns the last path segment, the operation id, the summary and the description of the operation for
    /// one event.
    pub fn item_operation(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            FeedFormat::Calendar => (
                "calendar.ics",
                "getEventCalendar",
                "Get an event as a calendar",
                "Returns the event and its sessions as iCalendar (RFC 5545, RFC 7986); the sessions are related to \
                 the event.",
            ),
            FeedFormat::ScheduleJson => {
                ("schedule.json", "getEventScheduleJson", "Get the schedule of an event as JSON", OF_SCHEDULE)
            }
            FeedFormat::ScheduleXml => {
                ("schedule.xml", "getEventScheduleXml", "Get the schedule of an event as XML", OF_SCHEDULE)
            }
            _ => (
                "json-ld",
                "getEventJsonLd",
                "Get an event as JSON-LD",
                "Returns the event as a schema.org/Event object in JSON-LD, for the web page of the event.",
            ),
        }
    }

    /// Returns the relations that the response must include from which one event is written.
    pub fn included_with_event(self) -> Vec<&'static str> {
        let more: &[&str] = match self {
            FeedFormat::Calendar => &["sessions"],
            FeedFormat::ScheduleJson | FeedFormat::ScheduleXml => &INCLUDED_IN_SCHEDULE,
            _ => &[],
        };
        [INCLUDED.as_slice(), more].concat()
    }

    /// Returns whether the format is one of feed readers, which want what was published last.
    pub fn is_news(self) -> bool {
        matches!(self, FeedFormat::Rss | FeedFormat::Atom | FeedFormat::JsonFeed)
    }

    /// Returns whether the format is one of programmes.
    pub fn is_schedule(self) -> bool {
        matches!(self, FeedFormat::ScheduleJson | FeedFormat::ScheduleXml)
    }

    /// Returns the number of events in a feed if the request names none.
    pub fn usual_limit(self) -> i64 {
        match self {
            FeedFormat::Calendar => MAX_CALENDAR,
            FeedFormat::Csv => MAX_FEED_ITEMS,
            _ => USUAL_LIMIT,
        }
    }

    /// Writes a feed of a list of events.
    pub fn write(self, feed: &Feed<'_>) -> String {
        match self {
            FeedFormat::Calendar => calendar::calendar(feed),
            FeedFormat::Rss => rss::rss(feed),
            FeedFormat::Atom => atom::atom(feed),
            FeedFormat::JsonFeed => json_feed::json_feed(feed).to_string(),
            FeedFormat::JsonLd => json_ld::to_script_text(&json_ld::list_of(feed)),
            FeedFormat::Csv => table::csv(feed),
            // Schedules are formats of single events only; see `SINGLE`.
            FeedFormat::ScheduleJson | FeedFormat::ScheduleXml => String::new(),
        }
    }

    /// Writes a feed of a single event.
    pub fn write_one(self, feed: &Feed<'_>, event: &Value) -> String {
        match self {
            FeedFormat::JsonLd => json_ld::to_script_text(&json_ld::event(feed, event)),
            FeedFormat::ScheduleJson => ConferenceSchedule::new(feed, event).json(feed.own_url).to_string(),
            FeedFormat::ScheduleXml => schedule_xml(&ConferenceSchedule::new(feed, event)),
            _ => self.write(feed),
        }
    }

    /// Returns the schema of the document.
    pub fn schema(self) -> RefOr<utoipa::openapi::Schema> {
        match self {
            FeedFormat::JsonFeed | FeedFormat::JsonLd | FeedFormat::ScheduleJson => json_document(),
            _ => text().into(),
        }
    }
}
