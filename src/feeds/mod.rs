//! Feeds: events and sessions in the formats of calendars, feed readers, conference software and search engines. They
//! are generated from the responses of the API, so that they disclose exactly the same content.

pub mod atom;
pub mod calendar;
mod calendar_lines;
pub mod dates;
pub mod identities;
pub mod json_feed;
pub mod json_ld;
pub mod pages;
pub mod revisions;
pub mod rss;
pub mod schedule;
pub mod schedule_xml;
pub mod scheduled_talk;
pub mod sitemap;
pub mod status_words;
pub mod table;
mod timezone;

use chrono::{DateTime, FixedOffset, Utc};
use serde_json::Value;
use url::Url;

use crate::content::Site;
use crate::content::local_time::Moment;
use crate::content::rich_text::{resolve_links, to_text, to_text_of_page};
use crate::time_zone::Zone;
use identities::Identities;
use revisions::Revisions;

/// The relations that must be included in the responses from which feeds of events are generated.
pub const INCLUDED: [&str; 5] = ["venue", "partners", "speakers", "topics", "type"];
/// The relations that must be included in the responses from which feeds of sessions are generated.
pub const INCLUDED_WITH_SESSIONS: [&str; 3] = ["event", "event.venue", "speakers"];

/// A list of events or sessions with the metadata of a feed.
pub struct Feed<'a> {
    pub site: &'a Site,
    /// Address of this feed, or of this page of it.
    pub own_url: &'a str,
    /// Address of the same list as JSON.
    pub list_url: &'a str,
    /// Public address of the server, for items without a page on a website.
    pub public_url: &'a str,
    /// Language of the texts.
    pub locale: &'a str,
    /// Addresses of the other pages of the feed.
    pub pages: OtherPages,
    /// The items as in responses with `detail=full` and [`INCLUDED`] or [`INCLUDED_WITH_SESSIONS`].
    pub items: &'a [Value],
    /// The last changes of what the items are shown with.
    pub revisions: &'a Revisions,
    /// The ids that the items have outside.
    pub identities: &'a Identities,
}

/// Addresses of the other pages of a feed (RFC 5005, section 3).
#[derive(Debug, Clone, Default)]
pub struct OtherPages {
    /// The first page, which may be the only one.
    pub first: String,
    pub next: Option<String>,
    pub previous: Option<String>,
}

impl OtherPages {
    /// Returns the pages with their link relations, if there is more than one.
    pub fn links(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let (next, previous) = (self.next.as_deref(), self.previous.as_deref());
        let first = next.or(previous).map(|_| self.first.as_str());
        let all = [("first", first), ("next", next), ("previous", previous)];
        all.into_iter().filter_map(|(rel, url)| Some((rel, url?)))
    }
}

impl Feed<'_> {
    /// Returns the title of the feed, which is the name of the site.
    pub fn title(&self) -> String {
        self.site.name.clone()
    }

    /// Returns the address of an event's page.
    pub fn page(&self, event: &Value) -> String {
        pages::page(self.site, self.public_url, "event", text(event, "slug").unwrap_or_default(), self.locale)
    }

    /// Returns the title of an event, with its status if it does not take place as announced.
    pub fn event_title(&self, event: &Value) -> String {
        status_words::title(event, self.locale)
    }

    /// Returns the rich text of a field as HTML in which all addresses are absolute.
    pub fn html(&self, event: &Value, field: &str) -> Option<String> {
        Some(html_of_page(text(event, field)?, &self.page(event)))
    }

    /// Returns a plain-text description of an event: its summary, or else its main text without markup.
    pub fn description(&self, event: &Value) -> Option<String> {
        let summary = text(event, "summary").map(str::to_owned);
        summary.or_else(|| text(event, "body").map(|body| text_of_page(body, &self.page(event))))
    }

    /// Returns the time of the last change of any of the items; `None` if there are none.
    pub fn changed_at(&self) -> Option<DateTime<Utc>> {
        self.items.iter().map(|item| self.revisions.changed_at(item)).max()
    }
}

/// Returns a text property; `None` if it is absent or null.
pub fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

/// Returns an XML document without the two noncharacters that texts may have and XML may not (XML 1.0, section 2.2).
fn xml_text(mut document: String) -> String {
    let noncharacters = ['\u{fffe}', '\u{ffff}'];
    if document.contains(noncharacters) {
        document.retain(|c| !noncharacters.contains(&c));
    }
    document
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
    Some(Moment::parse_stored(text(item, name)?, zone)?.instant(zone, false))
}

/// Returns a list property; empty if it is absent or null.
pub fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns an object property; `None` if it is absent or null.
pub fn object<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| value.is_object())
}

/// Returns rich text in which all addresses are absolute: relative ones are meant from the page at this address.
pub fn html_of_page(html: &str, page: &str) -> String {
    Url::parse(page).map_or_else(|_| html.to_owned(), |page| resolve_links(html, &page))
}

/// Returns rich text without markup, with addresses like [`html_of_page`].
pub fn text_of_page(html: &str, page: &str) -> String {
    Url::parse(page).map_or_else(|_| to_text(html), |page| to_text_of_page(html, &page))
}

/// Returns how people attend; `None` if that is not known. That they come to a place is known only if there is one: the
/// value of the API for it is the default.
pub fn attendance_mode(event: &Value) -> Option<&str> {
    let is_known = |mode: &&str| *mode != "offline" || object(event, "venue").is_some();
    text(event, "attendance_mode").filter(is_known)
}

/// Returns how precise the dates of an event are; `None` if it has none.
pub fn date_precision(event: &Value) -> Option<&str> {
    text(event, "date_precision").filter(|_| text(event, "starts_at").is_some())
}

/// Returns when and where an event takes place, in one line of plain text; `None` if neither is known.
pub fn when_and_where(event: &Value) -> Option<String> {
    let place = object(event, "venue").map(address_line).filter(|line| !line.is_empty());
    let place = place.or_else(|| text(event, "online_url").map(str::to_owned));
    let parts: Vec<String> = dates::line(event).into_iter().chain(place).collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
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
    let parts = [
        text(venue, "name"),
        text(address, "street"),
        Some(place.as_str()),
        text(address, "region"),
        text(address, "country"),
    ];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}
