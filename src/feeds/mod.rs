//! Feeds: events in the forms that calendars, feed readers and search engines know. They are made from
//! the same answers that the API gives, so they show what those show and nothing else.

pub mod atom;
pub mod calendar;
pub mod json_feed;
pub mod json_ld;
pub mod rss;
pub mod schedule;
pub mod schedule_xml;
pub mod sitemap;
pub mod table;
mod timezone;

use chrono::{DateTime, FixedOffset};
use serde_json::Value;

use crate::content::Site;
use crate::content::moment::Moment;
use crate::time_zone::Zone;

/// What a feed wants to be included in the answers that it is made from.
pub const INCLUDED: [&str; 5] = ["venue", "partners", "speakers", "topics", "type"];

/// A list of events with what is said of it.
pub struct Feed<'a> {
    /// The site.
    pub site: &'a Site,
    /// Where this feed is.
    pub own_url: &'a str,
    /// Where the same list is as JSON.
    pub list_url: &'a str,
    /// Begins the addresses of items that have no page of their own: the server.
    pub public_url: &'a str,
    /// The language of its texts.
    pub locale: &'a str,
    /// The events, as full answers with `include=venue,partners,speakers,topics,type`.
    pub events: &'a [Value],
}

impl Feed<'_> {
    /// What the feed is called.
    pub fn title(&self) -> String {
        self.site.name.clone()
    }

    /// The page of an event: that of the website, where the site says how those are made.
    pub fn page(&self, event: &Value) -> String {
        page(self.site, self.public_url, text(event, "slug").unwrap_or_default(), self.locale)
    }

    /// When any of the events was last written.
    pub fn updated(&self) -> Option<DateTime<FixedOffset>> {
        self.events.iter().filter_map(|event| time(event, "updated_at")).max()
    }
}

/// The page of an event with this slug, in a language.
pub fn page(site: &Site, public_url: &str, slug: &str, locale: &str) -> String {
    match site.event_url.is_empty() {
        true => format!("{}/api/v1/events/{slug}", public_url.trim_end_matches('/')),
        false => site.event_url.replace("{slug}", slug).replace("{locale}", locale),
    }
}

/// A text of an answer; `None` where it is absent or null.
pub fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

/// A time of an answer.
pub fn time(object: &Value, name: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(text(object, name)?).ok()
}

/// A time of an answer on the clock of the item's zone: what that shows counts, to the second.
pub fn local_time(item: &Value, name: &str) -> Option<DateTime<Zone>> {
    let zone = text(item, "time_zone")?.parse().ok()?;
    Some(Moment::stored(text(item, name)?, zone)?.instant(zone, false))
}

/// A list of an answer; empty where it is absent.
pub fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether only the days of an event are known or meant.
pub fn by_days(event: &Value) -> bool {
    event.get("all_day").and_then(Value::as_bool) == Some(true) || text(event, "date_precision") == Some("day")
}

/// What an event is about in plain words: its summary, or its text without markup.
pub fn described(event: &Value) -> Option<String> {
    let summary = text(event, "summary").map(str::to_owned);
    summary.or_else(|| text(event, "body").map(crate::content::rich_text::to_text))
}

/// Plain text where a format means HTML.
pub fn as_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The first partner with this role.
pub fn partner<'a>(event: &'a Value, role: &str) -> Option<&'a Value> {
    list(event, "partners").iter().find(|tie| text(tie, "role") == Some(role))?.get("partner")
}

/// The address of a venue in one line.
pub fn address_line(venue: &Value) -> String {
    let address = venue.get("address").unwrap_or(&Value::Null);
    let place =
        [text(address, "postal_code"), text(address, "city")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let parts = [text(venue, "name"), text(address, "street"), Some(place.as_str()), text(address, "country")];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}
