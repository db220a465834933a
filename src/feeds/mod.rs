//! Feeds: events in the formats of calendars, feed readers, conference software and search engines. They are
//! generated from the responses of the API, so that they disclose exactly the same content.

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
use crate::content::local_time::Moment;
use crate::time_zone::Zone;

/// The relations that must be included in the responses from which feeds are generated.
pub const INCLUDED: [&str; 5] = ["venue", "partners", "speakers", "topics", "type"];

/// A list of events with the metadata of a feed.
pub struct Feed<'a> {
    pub site: &'a Site,
    /// Address of this feed.
    pub own_url: &'a str,
    /// Address of the same list as JSON.
    pub list_url: &'a str,
    /// Public address of the server, for events without a page on a website.
    pub public_url: &'a str,
    /// Language of the texts.
    pub locale: &'a str,
    /// The events as in responses with `detail=full` and `include=venue,partners,speakers,topics,type`.
    pub events: &'a [Value],
}

impl Feed<'_> {
    /// Returns the title of the feed, which is the name of the site.
    pub fn title(&self) -> String {
        self.site.name.clone()
    }

    /// Returns the address of an event's page.
    pub fn page(&self, event: &Value) -> String {
        page(self.site, self.public_url, text(event, "slug").unwrap_or_default(), self.locale)
    }

    /// Returns the time of the last change of any of the events; `None` if there are none.
    pub fn updated(&self) -> Option<DateTime<FixedOffset>> {
        self.events.iter().filter_map(|event| time(event, "updated_at")).max()
    }
}

/// Returns the address of the page of an event: on the website if the site configures `event_url`, otherwise
/// in the API.
pub fn page(site: &Site, public_url: &str, slug: &str, locale: &str) -> String {
    match site.event_url.is_empty() {
        true => format!("{}/api/v1/events/{slug}", public_url.trim_end_matches('/')),
        false => site.event_url.replace("{slug}", slug).replace("{locale}", locale),
    }
}

/// Returns a text property; `None` if it is absent or null.
pub fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

/// Returns a property as an RFC 3339 time; `None` if it is absent, null or a date only.
pub fn time(object: &Value, name: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(text(object, name)?).ok()
}

/// Returns a time property in the time zone of the item.
///
/// Only the local time and the zone count. The UTC offset in responses is rounded to the minute, so an
/// instant that is computed from it can be off by seconds (see `docs/decisions/0017-rules-of-time-zones.md`).
pub fn local_time(item: &Value, name: &str) -> Option<DateTime<Zone>> {
    let zone = text(item, "time_zone")?.parse().ok()?;
    Some(Moment::stored(text(item, name)?, zone)?.instant(zone, false))
}

/// Returns a list property; empty if it is absent or null.
pub fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns whether an item takes whole days, or only its days are known.
pub fn is_day_precise(event: &Value) -> bool {
    event.get("all_day").and_then(Value::as_bool) == Some(true) || text(event, "date_precision") == Some("day")
}

/// Returns a plain-text description of an event: its summary, or else its main text without markup.
pub fn description(event: &Value) -> Option<String> {
    let summary = text(event, "summary").map(str::to_owned);
    summary.or_else(|| text(event, "body").map(crate::content::rich_text::to_text))
}

/// Escapes plain text for formats that expect HTML.
pub fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Returns the first partner with this role.
pub fn partner<'a>(event: &'a Value, role: &str) -> Option<&'a Value> {
    list(event, "partners").iter().find(|link| text(link, "role") == Some(role))?.get("partner")
}

/// Returns name and address of a venue in one line.
pub fn address_line(venue: &Value) -> String {
    let address = venue.get("address").unwrap_or(&Value::Null);
    let place =
        [text(address, "postal_code"), text(address, "city")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let parts = [text(venue, "name"), text(address, "street"), Some(place.as_str()), text(address, "country")];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}
