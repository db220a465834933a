//! iCalendar (RFC 5545, RFC 7986): calendars of events, of sessions, and of one event with its sessions.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use icalendar::{Component, Event, EventLike, EventStatus, Property};
use serde_json::Value;

use super::calendar_lines::{escape_text, property};
use super::dates::{Precision, days};
use super::identities::Identities;
use super::pages::session_page;
use super::status_words::{status_word, title, title_with_status};
use super::timezone::vtimezone;
use super::{Feed, address_line, list, local_time, object, partner, text, text_of_page, time};
use crate::time_zone::{LocalOffsets, Zone};

/// The time zones of a calendar by name, each with the years that its times are in.
pub type ZoneOffsets = BTreeMap<&'static str, (Zone, BTreeSet<i32>)>;

/// Suggested interval between two fetches of a calendar (RFC 7986, section 5.7).
const REFRESH: &str = "PT1H";

/// The property with the status of an event that does not take place as announced, in the words of the API. `STATUS` has
/// fewer words, and titles begin with one that a reader of ours must take away again.
pub const STATUS_PROPERTY: &str = "X-PLENARY-STATUS";

/// The property with the id of an item whose `UID` is that of the calendar from which it was imported. By it a calendar
/// of this site is recognised when it is imported here.
pub const ID_PROPERTY: &str = "X-PLENARY-ID";

/// The parameter with the time zone of a time that only UTC can write. `TZID` cannot stand beside such a time (RFC 5545,
/// section 3.2.19).
pub const ZONE_PARAMETER: &str = "X-PLENARY-TZID";

/// Returns the calendar of a feed of events, with their sessions where these are included. Events without a start are
/// omitted, since a component requires `DTSTART`.
pub fn calendar(feed: &Feed<'_>) -> String {
    calendar_text(feed, |out, zones| {
        for event in feed.items {
            push_event(out, feed, event, zones);
            list(event, "sessions").iter().for_each(|session| push_session(out, feed, (session, event), zones));
        }
    })
}

/// Returns the calendar of a feed of sessions that include their events. Sessions without a start are omitted.
pub fn calendar_of_sessions(feed: &Feed<'_>) -> String {
    calendar_text(feed, |out, zones| {
        for session in feed.items {
            push_session(out, feed, (session, &session["event"]), zones);
        }
    })
}

/// Returns a calendar with the components that `push` writes.
fn calendar_text(feed: &Feed<'_>, push: impl FnOnce(&mut String, &mut ZoneOffsets)) -> String {
    // The components of the events are written first, because only they show which zones and years are
    // needed. In the calendar the zones precede them.
    let (mut zones, mut components) = (ZoneOffsets::new(), String::new());
    push(&mut components, &mut zones);
    let mut out = head(feed);
    push_zones(&mut out, zones);
    out.push_str(&components);
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
    line("NAME", &escape_text(&feed.title()));
    line("X-WR-CALNAME", &escape_text(&feed.title()));
    if let Some(next) = &feed.pages.next {
        // Programs that subscribe to a calendar do not show the header of the response that tells this, too.
        let told = format!("This calendar is not complete; it continues at {next}");
        line("DESCRIPTION", &escape_text(&told));
        line("X-WR-CALDESC", &escape_text(&told));
    }
    line("SOURCE;VALUE=URI", feed.own_url);
    line("REFRESH-INTERVAL;VALUE=DURATION", REFRESH);
    line("X-PUBLISHED-TTL", REFRESH);
    out
}

/// Writes one event as a `VEVENT` component and adds its time zone to `zones`. Writes nothing for an event
/// without a start.
pub fn push_event(out: &mut String, feed: &Feed<'_>, event: &Value, zones: &mut ZoneOffsets) {
    if text(event, "title").is_none() {
        // Without texts of other languages (`fallback=none`), some events have no title.
        return;
    }
    let sequence = feed.revisions.sequence(event).saturating_add(feed.identities.sequence(event));
    let revision = (feed.revisions.changed_at(event), sequence);
    let Some(mut component) = new_component((feed.identities, event), revision, zones) else { return };
    component.summary(&title(event, feed.locale)).url(&feed.page(event));
    if let Some(description) = feed.description(event) {
        component.description(&description);
    }
    set_status(&mut component, event);
    let mut lines = String::new();
    let names = object(event, "type").into_iter().chain(list(event, "topics"));
    lines.push_str(&categories(names.filter_map(|item| text(item, "name"))));
    lines.push_str(&organiser(event).unwrap_or_default());
    if let Some(venue) = object(event, "venue") {
        component.location(&address_line(venue));
        lines.push_str(&geo(venue).unwrap_or_default());
    }
    if let Some(url) = object(event, "image").and_then(|image| text(image, "url")) {
        lines.push_str(&property("IMAGE;VALUE=URI;DISPLAY=BADGE", url));
    }
    if let Some(url) = text(event, "online_url") {
        lines.push_str(&property("CONFERENCE;VALUE=URI", url));
    }
    push(out, &component, &lines);
}

/// Writes a session as a component whose parent is that of its event. It shows the venue and the status of the event,
/// so it changes with the event.
fn push_session(out: &mut String, feed: &Feed<'_>, (session, event): (&Value, &Value), zones: &mut ZoneOffsets) {
    let Some(name) = text(session, "title") else { return };
    let revisions = feed.revisions;
    let sequence = revisions.sequence_of_session(session, event);
    let changed_at = revisions.changed_at(session).max(revisions.changed_at(event));
    let identified = (feed.identities, session);
    let Some(mut component) = new_component(identified, (changed_at, sequence), zones) else { return };
    component.summary(&title_with_status(name, text(event, "event_status"), feed.locale));
    let page = session_page(feed.site, session, event, &feed.page(event), feed.locale);
    component.url(&page);
    if let Some(description) = session_description(session, &page) {
        component.description(&description);
    }
    set_status(&mut component, event);
    let venue = object(event, "venue");
    let place: Vec<String> =
        text(session, "room").map(str::to_owned).into_iter().chain(venue.map(address_line)).collect();
    if !place.is_empty() {
        component.location(&place.join(", "));
    }
    let mut lines = venue.and_then(geo).unwrap_or_default();
    lines.push_str(&categories(text(session, "track").into_iter()));
    lines.push_str(&property("RELATED-TO;RELTYPE=PARENT", &escape_text(feed.identities.uid(event))));
    push(out, &component, &lines);
}

/// Returns the speakers of a session and its text, without markup.
fn session_description(session: &Value, page: &str) -> Option<String> {
    let speakers = list(session, "speakers").iter().filter_map(|link| text(link.get("speaker")?, "name"));
    let speakers = speakers.collect::<Vec<_>>().join(", ");
    let plain = |name| text(session, name).map(|html| text_of_page(html, page)).unwrap_or_default();
    let texts = ["abstract", "description"].map(plain);
    let parts: Vec<String> = std::iter::once(speakers).chain(texts).filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join("\n\n"))
}

/// Sets the status as far as it is known: that an event is planned does not mean that it is confirmed.
fn set_status(component: &mut Event, event: &Value) {
    match text(event, "event_status") {
        Some("cancelled") => drop(component.status(EventStatus::Cancelled)),
        Some("postponed" | "tentative") => drop(component.status(EventStatus::Tentative)),
        _ => {}
    }
    if let Some(status) = text(event, "event_status").filter(|status| status_word(status, "en").is_some()) {
        component.add_property(STATUS_PROPERTY, status);
    }
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

/// Returns a component with identity and times; `None` for an item without a start. `revision` is the time of the last
/// change and the number of the revision, of everything that the component shows.
fn new_component(
    (identities, item): (&Identities, &Value),
    revision: (DateTime<Utc>, i64),
    zones: &mut ZoneOffsets,
) -> Option<Event> {
    let starts = local_time(item, "starts_at")?;
    let mut component = Event::with_uid(identities.uid(item));
    if let Some(own) = text(item, "id").filter(|own| *own != identities.uid(item)) {
        component.add_property(ID_PROPERTY, own);
    }
    if let Some(instance) = identities.recurrence_id(item) {
        let mut property = Property::new("RECURRENCE-ID", instance);
        if !instance.contains('T') {
            property.add_parameter("VALUE", "DATE");
        }
        component.append_property(property.done());
    }
    let (changed_at, sequence) = revision;
    component.timestamp(changed_at).last_modified(changed_at).created(time(item, "created_at")?.to_utc());
    // An INTEGER is a signed number of 32 bits (RFC 5545, section 3.3.8).
    component.sequence(u32::try_from(sequence.clamp(0, i64::from(i32::MAX))).unwrap_or_default());
    let precision = Precision::of_item(item);
    if precision != Precision::Time {
        set_days(&mut component, days(item)?);
        if precision != Precision::Day {
            // The event takes place on some of these days, so it makes nobody busy on all of them.
            component.add_property("TRANSP", "TRANSPARENT");
        }
        return Some(component);
    }
    instant(&mut component, "DTSTART", starts, zones);
    if let Some(ends) = local_time(item, "ends_at").filter(|ends| *ends > starts) {
        instant(&mut component, "DTEND", ends, zones);
    }
    Some(component)
}

fn set_days(component: &mut Event, (first, last): (NaiveDate, NaiveDate)) {
    date(component, "DTSTART", first);
    // `DTEND` is exclusive: the day after the last one (RFC 5545, section 3.6.1). After 9999-12-31 there
    // is none that four digits can write, so the event has a duration instead.
    match last.succ_opt().filter(|after| after.year() <= 9_999) {
        Some(after) => date(component, "DTEND", after),
        None => drop(component.add_property("DURATION", format!("P{}D", (last - first).num_days() + 1))),
    }
}

fn date(component: &mut Event, name: &str, day: NaiveDate) {
    let mut property = Property::new(name, day.format("%Y%m%d").to_string());
    component.append_property(property.add_parameter("VALUE", "DATE").done());
}

fn instant(component: &mut Event, name: &str, local: DateTime<Zone>, zones: &mut ZoneOffsets) {
    let zone = local.timezone();
    let is_repeated = is_repeated(local);
    if zone == Zone::utc() || is_repeated {
        let text = local.with_timezone(&Utc).format("%Y%m%dT%H%M%SZ").to_string();
        let mut property = Property::new(name, text);
        if is_repeated {
            property.add_parameter(ZONE_PARAMETER, zone.name());
        }
        component.append_property(property.done());
        return;
    }
    zones.entry(zone.name()).or_insert((zone, BTreeSet::new())).1.insert(local.year());
    let mut property = Property::new(name, local.format("%Y%m%dT%H%M%S").to_string());
    component.append_property(property.add_parameter("TZID", zone.name()).done());
}

/// Tells whether the clocks of the zone show this time twice, because they are put back. A local time means the first
/// (RFC 5545, section 3.3.5), but programs read the second too (findings/ical-js-repeated-hour.sh), so both are written in UTC.
fn is_repeated(local: DateTime<Zone>) -> bool {
    matches!(local.timezone().clock_at(local.naive_local()), LocalOffsets::Twice(..))
}

fn categories<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(escape_text).collect();
    if names.is_empty() { String::new() } else { property("CATEGORIES", &names.join(",")) }
}

/// Returns the property `ORGANIZER`, with the name of the organiser or else of the contact; `None` without an e-mail
/// address, which is its value.
fn organiser(event: &Value) -> Option<String> {
    let contact = object(event, "contact")?;
    let address = text(contact, "email")?;
    let name = partner(event, "organiser").and_then(|partner| text(partner, "name")).or_else(|| text(contact, "name"));
    let Some(name) = name else { return Some(property("ORGANIZER", &format!("mailto:{address}"))) };
    // A quoted parameter value cannot contain a double quote, and there is no escape for it (RFC 5545,
    // section 3.2).
    Some(property(&format!("ORGANIZER;CN=\"{}\"", name.replace('"', "'")), &format!("mailto:{address}")))
}

fn geo(venue: &Value) -> Option<String> {
    let geo = object(venue, "geo")?;
    let number = |name: &str| geo.get(name)?.as_f64();
    Some(property("GEO", &format!("{};{}", number("latitude")?, number("longitude")?)))
}
