//! iCalendar (RFC 5545, RFC 7986): a calendar of events, or one event with its sessions.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use icalendar::{Component, Event, EventLike, EventStatus, Property};
use serde_json::Value;

use super::timezone::vtimezone;
use super::{Feed, address_line, by_days, described, list, local_time, partner, text, time};
use crate::time_zone::Zone;

/// The zones of a calendar, each with the years that it needs.
pub type Zones = BTreeMap<&'static str, (Zone, BTreeSet<i32>)>;

/// What a calendar asks to be fetched anew after (RFC 7986, section 5.7).
const REFRESH: &str = "PT1H";

/// The whole calendar. Events without a date are left out: a calendar has no place for them.
pub fn calendar(feed: &Feed<'_>) -> String {
    let mut zones = Zones::new();
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

/// The zones of a calendar as components.
pub fn push_zones(out: &mut String, zones: Zones) {
    for (zone, years) in zones.into_values() {
        out.push_str(&vtimezone(zone, &years));
    }
}

/// What stands before the components.
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

/// One line of content, folded after 75 bytes (RFC 5545, section 3.1).
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

/// A text as a value (RFC 5545, section 3.3.11).
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,").replace('\n', "\\n").replace('\r', "")
}

/// One event as a component, with its zones noted; nothing, if it has no date.
pub fn push_event(out: &mut String, event: &Value, page: &str, zones: &mut Zones) {
    let Some(mut component) = begun(event, zones) else { return };
    component.summary(text(event, "title").unwrap_or_default()).url(page);
    if let Some(description) = described(event) {
        component.description(&description);
    }
    match text(event, "event_status") {
        Some("cancelled") => component.status(EventStatus::Cancelled),
        Some("postponed") => component.status(EventStatus::Tentative),
        _ => component.status(EventStatus::Confirmed),
    };
    let categories: Vec<String> = event
        .get("type")
        .into_iter()
        .chain(list(event, "topics"))
        .filter_map(|tie| text(tie, "name").map(escaped))
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

/// A session as a component that belongs to its event.
fn push_session(out: &mut String, session: &Value, event: &Value, page: &str, zones: &mut Zones) {
    let Some(mut component) = begun(session, zones) else { return };
    component.summary(text(session, "title").unwrap_or_default()).url(page);
    if let Some(room) = text(session, "room") {
        component.location(room);
    }
    let parent = text(event, "id").unwrap_or_default();
    push(out, &component, &property("RELATED-TO;RELTYPE=PARENT", parent));
}

/// The library escapes and folds what it knows; the rest goes in before the component's end.
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

/// A component with identity and times. The id is the UID (RFC 7986, section 5.3): it stays the same
/// wherever the server is; the version counts changes.
fn begun(item: &Value, zones: &mut Zones) -> Option<Event> {
    let starts = local_time(item, "starts_at")?;
    let mut component = Event::with_uid(text(item, "id")?);
    let written = time(item, "updated_at")?.to_utc();
    component.timestamp(written).last_modified(written).created(time(item, "created_at")?.to_utc());
    let version = item.get("version").and_then(Value::as_i64).unwrap_or(1);
    // An INTEGER has 32 bits with its sign (RFC 5545, section 3.3.8).
    component.sequence(u32::try_from((version - 1).clamp(0, i64::from(i32::MAX))).unwrap_or_default());
    if by_days(item) {
        let day = |name: &str| NaiveDate::parse_from_str(text(item, name)?, "%Y-%m-%d").ok();
        let (first, last) = (day("starts_on")?, day("ends_on")?);
        date(&mut component, "DTSTART", first);
        // The end is the first day after it (RFC 5545, section 3.6.1). A year has four digits.
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

fn instant(component: &mut Event, name: &str, local: DateTime<Zone>, zones: &mut Zones) {
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

/// Who organises it, with the address to write to; without one there is no value to give.
fn organiser(event: &Value) -> Option<String> {
    let name = text(partner(event, "organiser")?, "name")?;
    let address = event.get("contact").and_then(|contact| text(contact, "email"))?;
    // A parameter's value is quoted, and has no way to hold a quote (RFC 5545, section 3.2).
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
