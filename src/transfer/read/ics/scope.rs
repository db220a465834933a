//! Of which fields an event of a calendar says whether they are there.

use super::components::Component;
use super::place::ONLINE;
use crate::transfer::field_scope::FieldScope;
use crate::transfer::record::Record;

/// Fields, and the properties from which they are read. A field of which the event has such a property and the record no value
/// could not be read, and is not gone.
const PROPERTIES: [(&[&str], &[&str]); 9] = [
    (&["body"], &["DESCRIPTION", "STYLED-DESCRIPTION", "X-ALT-DESC"]),
    (&["ends_at"], &["DTEND", "DURATION"]),
    (&["online_url", "attendance_mode"], &ONLINE),
    (&["image", "documents"], &["IMAGE", "ATTACH"]),
    (&["links"], &["URL", "STYLED-DESCRIPTION", "X-ALT-DESC"]),
    (&["topics"], &["CATEGORIES"]),
    (&["contact"], &["CONTACT", "ORGANIZER"]),
    (&["speakers"], &["ATTENDEE"]),
    (&["event_status"], &["STATUS"]),
];

/// Returns the scope of the record of an event. A revision replaces the whole event (RFC 5546, section 2.1.5), unless a part of
/// it could not be read, or it is not for everybody, for such a copy often withholds texts.
pub fn scope_of(event: &Component, record: &Record) -> FieldScope {
    if event.dropped > 0 || record.private {
        return FieldScope::Own;
    }
    let is_there = |names: &&[&str]| {
        event.properties.iter().any(|one| names.contains(&one.name.as_str()) && !one.value.trim().is_empty())
    };
    let unread = PROPERTIES.iter().filter(|(_, names)| is_there(names)).flat_map(|(fields, _)| fields.iter().copied());
    // An occurrence by itself stays in its series.
    FieldScope::AllBut(unread.chain(["series"]).collect())
}
