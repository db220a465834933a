//! The parameters of properties (RFC 5545, section 3.2; RFC 6638, 7986, 8607 and 9073), and properties that stand more than once:
//! what is not read is noted.

use super::components::Component;
use super::place::is_address_read;
use super::property::Property;
use crate::feeds::calendar::ZONE_PARAMETER;
use crate::transfer::read::Sink;

/// Parameters that say in which form a value is written, of any property.
const FORM: [&str; 6] = ["VALUE", "ENCODING", "CHARSET", "QUOTED-PRINTABLE", "BASE64", "8BIT"];
/// Parameters that are read, with their properties.
const READ: [(&str, &[&str]); 11] = [
    ("TZID", &["DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE"]),
    (ZONE_PARAMETER, &["DTSTART", "DTEND"]),
    ("RANGE", &["RECURRENCE-ID"]),
    ("LANGUAGE", &["SUMMARY", "DESCRIPTION", "X-ALT-DESC", "STYLED-DESCRIPTION", "CATEGORIES", "LOCATION"]),
    ("FMTTYPE", &["X-ALT-DESC", "STYLED-DESCRIPTION", "ATTACH"]),
    ("ALTREP", &["CONTACT"]),
    ("CN", &["ORGANIZER", "ATTENDEE"]),
    ("EMAIL", &["ORGANIZER", "ATTENDEE"]),
    ("ROLE", &["ATTENDEE"]),
    ("PARTSTAT", &["ATTENDEE"]),
    ("CUTYPE", &["ATTENDEE"]),
];
/// Parameters with the name of a file, of which the first one is read.
pub const FILE_NAMES: [&str; 3] = ["FILENAME", "X-FILENAME", "LABEL"];
/// Parameters that are passed over on purpose: the properties, or none for all, and why.
const ON_PURPOSE: [(&[&str], &[&str], &str); 4] = [
    (
        &[
            "RSVP",
            "SENT-BY",
            "DELEGATED-FROM",
            "DELEGATED-TO",
            "MEMBER",
            "ROLE",
            "PARTSTAT",
            "CUTYPE",
            "SCHEDULE-AGENT",
            "SCHEDULE-STATUS",
            "SCHEDULE-FORCE-SEND",
            "X-NUM-GUESTS",
            "X-RESPONSE-COMMENT",
            "X-CALENDARSERVER-DTSTAMP",
            "X-CALENDARSERVER-AUTO",
        ],
        &["ORGANIZER", "ATTENDEE"],
        "it belongs to an invitation",
    ),
    (&["MANAGED-ID"], &["ATTACH"], "it is the id of the file on a calendar server"),
    (&["DERIVED"], &[], "it says that the value is made of another one"),
    (
        &["X-APPLE-RADIUS", "X-APPLE-MAPKIT-HANDLE", "X-APPLE-REFERENCEFRAME", "X-APPLE-ABUID"],
        &["X-APPLE-STRUCTURED-LOCATION"],
        "it belongs to a program for maps",
    ),
];
/// Properties of which an event has one.
const ONCE: [&str; 12] = [
    "UID",
    "DTSTART",
    "DTEND",
    "DURATION",
    "SEQUENCE",
    "DTSTAMP",
    "RECURRENCE-ID",
    "STATUS",
    "CLASS",
    "GEO",
    "ORGANIZER",
    "X-APPLE-STRUCTURED-LOCATION",
];

/// Notes the parameters of a property of a calendar that are not read.
pub fn note(sink: &Sink, place: &str, property: &Property) {
    note_others(sink, place, property, |_| false);
}

/// Notes the parameters of a property of an event that are not read.
pub fn note_of_event(sink: &Sink, event: &Component, property: &Property) {
    note_others(sink, &event.place(), property, |name| is_read_in(event, property, name));
}

fn note_others(sink: &Sink, place: &str, property: &Property, is_read: impl Fn(&str) -> bool) {
    for (name, value) in property.parameters() {
        let of = property.name.as_str();
        let is_known = READ.iter().any(|(known, properties)| *known == name && properties.contains(&of));
        let is_form = FORM.contains(&name) || value.trim().is_empty();
        if is_form || is_known || is_read(name) {
            continue;
        }
        let is_it = |(names, properties, _): &&(&[&str], &[&str], &str)| {
            names.contains(&name) && (properties.is_empty() || properties.contains(&of))
        };
        let subject = format!("{of};{name}");
        match ON_PURPOSE.iter().find(is_it) {
            Some((_, _, why)) => sink.on_purpose(place, &subject, why),
            None => sink.left_out(place, &subject),
        }
    }
}

/// Returns whether a parameter is read that is so in some events only.
fn is_read_in(event: &Component, property: &Property, name: &str) -> bool {
    match (property.name.as_str(), name) {
        ("ATTACH", name) if FILE_NAMES.contains(&name) => {
            FILE_NAMES.into_iter().find(|known| property.parameter(known).is_some()) == Some(name)
        }
        ("DESCRIPTION", "ALTREP") => property.markup().is_some() && event.find("X-ALT-DESC").is_none(),
        ("X-APPLE-STRUCTURED-LOCATION", "X-TITLE") => {
            let title = property.parameter(name).unwrap_or_default();
            event.text("LOCATION").is_none_or(|text| text.contains(title.trim()))
        }
        ("X-APPLE-STRUCTURED-LOCATION", "X-ADDRESS") => is_address_read(event, property),
        _ => false,
    }
}

/// Notes properties of which an event has one and the file more.
pub fn note_further(sink: &Sink, event: &Component) {
    for name in ONCE {
        for _ in event.all(name).skip(1) {
            sink.left_out(&event.place(), &format!("{name}, a further one"));
        }
    }
}

/// Notes the properties of the definition of a zone that say nothing of its clocks.
pub fn note_zone(sink: &Sink, zone: &Component) {
    const CLOCKS: [&str; 7] = ["TZID", "X-LIC-LOCATION", "DTSTART", "RRULE", "RDATE", "TZOFFSETFROM", "TZOFFSETTO"];
    for part in [zone].into_iter().chain(&zone.children) {
        for property in part.properties.iter().filter(|property| !CLOCKS.contains(&property.name.as_str())) {
            let why = "a zone is what its offsets and their changes say";
            sink.on_purpose(&zone.place(), &format!("{}/{}", zone.name, property.name), why);
        }
    }
}
