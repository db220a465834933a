//! Calendars to import.

use serde_json::Value;

use super::app::TestApp;

/// Returns a calendar with these lines, in which each event has what the standard requires.
pub fn calendar(lines: &str) -> String {
    let text = format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//River//EN\n{}\nEND:VCALENDAR\n", lines.trim());
    text.replace('\n', "\r\n")
}

/// Returns an event with a UID, a title, a start and further lines.
pub fn event(uid: &str, title: &str, lines: &str) -> String {
    let start = if lines.contains("DTSTART") { "" } else { "DTSTART:20270304T090000Z\n" };
    format!(
        "BEGIN:VEVENT\nUID:{uid}@river.example\nDTSTAMP:20270101T000000Z\n{start}SUMMARY:{title}\n{}\nEND:VEVENT\n",
        lines.trim()
    )
}

/// Returns an event with what it refers to.
pub fn read(app: &TestApp, slug: &str) -> Value {
    app.visitor().get(&format!("/api/v1/events/{slug}?include=venue,topics,series,speakers")).expect(200).json()
}
