//! iCalendar (RFC 5545, RFC 7986): calendars of events, and of one event with its sessions.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use icalendar::{Component, Event, EventLike, EventStatus, Property};
use serde_json::Value;

use super::timezone::vtimezone;
use super::{Feed, address_line, description, is_day_precise, list, local_time, partner, text, time};
use crate::time_zone::Zone;

/// The time zones of a calendar by name, each with the years that its times are in.
pub type ZoneOffsets = BTreeMap<&'static str, (Zone, BTreeSet<i32>)>;

/// Suggested interval between two fetches of a calendar (RFC 7986, section 5.7).
const REFRESH: &str = "PT1H";

/// Returns the calendar of a feed. Events without a start are omitted, since a component requires `DTSTART`.
pub fn calendar(feed: &Feed<'_>) -> String {
    // The components of the events are written first, because only they show which zones and years are
    // needed. In the calendar the zones precede them.
    let mut zones = ZoneOffsets::new();
    let mut events = String::new();
    for event in feed.events {
        push_event(&mut events, event, &feed.page(event), &mut zones);
        for session in list(event, "sessions") {
            push_session(&mut events, session, event, &feed.page(event), &mut zones);
        }
    }
    let mut out = head(feed);
    push_zones(&mut out, zones);
    out.push_str(&events);
    out.push_str("END:VCALENDAR\r\n");
    out
}

/// Writes the time zones of a calendar as `VTIMEZONE` components.
pub fn push_zones(out: &mut String, zones: ZoneOffsets) {
    for (zone, years) in zones.into_values() {
        out.push_str(&vtimezone(zone, &years));
    }
}

/// Returns the properties of the calendar, which precede its components.
fn head(feed: &Feed<'_>) -> String {
    let mut out =
        String::from("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Plenary//Plenary//EN\r\nCALSCALE:GREGORIAN\r\n");
    let mut line = |name: &str, value: &str| out.push_str(&property(name, value));
    line("METHOD", "PUBLISH");
    line("NAME", &escaped(&feed.title()));
    line("X-WR-CALNAME", &escaped(&feed.title()));
    line("SOURCE;VALUE=URI", feed.own_url);
    line("REFRESH-INTERVAL;VALUE=DURATION", REFRESH);
    line("X-PUBLISHED-TTL", REFRESH);
    out
}

/// Returns a content line, folded after 75 bytes between characters (RFC 5545, section 3.1).
fn property(name: &str, value: &str) -> String {
    let whole = format!("{name}:{value}");
    let (mut out, mut width) = (String::with_capacity(whole.len() + 8), 0);
    for letter in whole.chars() {
        if width + letter.len_utf8() > 75 {
            out.push_str("\r\n ");
            width = 1;
        }
        out.push(letter);
        width += letter.len_utf8();
    }
    out.push_str("\r\n");
    out
}

/// Escapes a text as a property value (RFC 5545, section 3.3.11).
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,").replace('\n', "\\n").replace('\r', "")
}

/// Writes one event as a `VEVENT` component and adds its time zone to `zones`. Writes nothing for an event
/// without a start.
pub fn push_event(out: &mut String, event: &Value, page: &str, zones: &mut ZoneOffsets) {
    let Some(mut component) = new_component(event, zones) else { return };
    component.summary(text(event, "title").unwrap_or_default()).url(page);
    if let Some(description) = description(event) {
        component.description(&description);
    }
    match text(event, "event_status") {
        Some("cancelled") => component.status(EventStatus::Cancelled),
        Some("postponed" | "tentative") => component.status(EventStatus::Tentative),
        _ => component.status(EventStatus::Confirmed),
    };
    let categories: Vec<String> = event
        .get("type")
        .into_iter()
        .chain(list(event, "topics"))
        .filter_map(|link| text(link, "name").map(escaped))
        .collect();
    let mut lines = String::new();
    if !categories.is_empty() {
        lines.push_str(&property("CATEGORIES", &categories.join(",")));
    }
    lines.push_str(&organiser(event).unwrap_or_default());
    if let Some(venue) = event.get("venue").filter(|venue| venue.is_object()) {
        component.location(&address_line(venue));
        lines.push_str(&geo(venue).unwrap_or_default());
    }
    if let Some(url) = event.get("image").and_then(|image| text(image, "url")) {
        lines.push_str(&property("IMAGE;VALUE=URI;DISPLAY=BADGE", url));
    }
    if let Some(url) = text(event, "online_url") {
        lines.push_str(&property("CONFERENCE;VALUE=URI", url));
    }
    push(out, &component, &lines);
}

/// Writes a session as a component whose parent is that of its event.
fn push_session(out: &mut String, session: &Value, event: &Value, page: &str, zones: &mut ZoneOffsets) {
    let Some(mut component) = new_component(session, zones) else { return };
    component.summary(text(session, "title").unwrap_or_default()).url(page);
    if let Some(room) = text(session, "room") {
        component.location(room);
    }
    let parent = text(event, "id").unwrap_or_default();
    push(out, &component, &property("RELATED-TO;RELTYPE=PARENT", parent));
}

/// Writes a component. `lines` are properties for which the library has no escaping of its own; they are
/// complete content lines and are inserted before the end of the component.
fn push(out: &mut String, component: &Event, lines: &str) {
    let written = component.to_string();
    match written.rfind("END:VEVENT") {
        Some(end) => {
            out.push_str(&written[..end]);
            out.push_str(lines);
            out.push_str(&written[end..]);
        }
        None => out.push_str(&written),
    }
}

/// Returns a component with identity and times; `None` for an item without a start.
///
/// The `UID` is the id of the item without a host name (RFC 7986, section 5.3), so that it stays the same if
/// the server moves. `SEQUENCE` counts the changes and is derived from the version.
fn new_component(item: &Value, zones: &mut ZoneOffsets) -> Option<Event> {
    let starts = local_time(item, "starts_at")?;
    let mut component = Event::with_uid(text(item, "id")?);
    let written = time(item, "updated_at")?.to_utc();
    component.timestamp(written).last_modified(written).created(time(item, "created_at")?.to_utc());
    let version = item.get("version").and_then(Value::as_i64).unwrap_or(1);
    // An INTEGER is a signed number of 32 bits (RFC 5545, section 3.3.8).
    component.sequence(u32::try_from((version - 1).clamp(0, i64::from(i32::MAX))).unwrap_or_default());
    if is_day_precise(item) {
        let day = |name: &str| NaiveDate::parse_from_str(text(item, name)?, "%Y-%m-%d").ok();
        let (first, last) = (day("starts_on")?, day("ends_on")?);
        date(&mut component, "DTSTART", first);
        // `DTEND` is exclusive: the day after the last one (RFC 5545, section 3.6.1). After 9999-12-31 there
        // is none that four digits can write, so the event has a duration instead.
        match last.succ_opt().filter(|after| after.year() <= 9_999) {
            Some(after) => date(&mut component, "DTEND", after),
            None => drop(component.add_property("DURATION", format!("P{}D", (last - first).num_days() + 1))),
        }
        return Some(component);
    }
    instant(&mut component, "DTSTART", starts, zones);
    if let Some(ends) = local_time(item, "ends_at").filter(|ends| *ends > starts) {
        instant(&mut component, "DTEND", ends, zones);
    }
    Some(component)
}

fn date(component: &mut Event, name: &str, day: NaiveDate) {
    let mut property = Property::new(name, day.format("%Y%m%d").to_string());
    component.append_property(property.add_parameter("VALUE", "DATE").done());
}

fn instant(component: &mut Event, name: &str, local: DateTime<Zone>, zones: &mut ZoneOffsets) {
    let zone = local.timezone();
    if zone == Zone::utc() {
        let text = local.with_timezone(&Utc).format("%Y%m%dT%H%M%SZ").to_string();
        component.append_property(Property::new(name, text).done());
        return;
    }
    zones.entry(zone.name()).or_insert((zone, BTreeSet::new())).1.insert(local.year());
    let mut property = Property::new(name, local.format("%Y%m%dT%H%M%S").to_string());
    component.append_property(property.add_parameter("TZID", zone.name()).done());
}

/// Returns the property `ORGANIZER`; `None` without an e-mail address, which is its value.
fn organiser(event: &Value) -> Option<String> {
    let name = text(partner(event, "organiser")?, "name")?;
    let address = event.get("contact").and_then(|contact| text(contact, "email"))?;
    // A quoted parameter value cannot contain a double quote, and there is no escape for it (RFC 5545,
    // section 3.2).
    Some(property(&format!("ORGANIZER;CN=\"{}\"", name.replace('"', "'")), &format!("mailto:{address}")))
}

fn geo(venue: &Value) -> Option<String> {
    let geo = venue.get("geo")?;
    let number = |name: &str| geo.get(name)?.as_f64();
    Some(property("GEO", &format!("{};{}", number("latitude")?, number("longitude")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_between_letters() {
        let long = property("X", &"ü".repeat(100));
        assert!(long.split("\r\n").all(|line| line.len() <= 75), "{long}");
        assert_eq!(long.replace("\r\n ", "").trim_end(), format!("X:{}", "ü".repeat(100)));
        assert_eq!(escaped("a;b,c\\d\ne"), "a\\;b\\,c\\\\d\\ne");
    }
}
