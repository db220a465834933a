//! Helpers for times, lists of events, and calendars.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, SecondsFormat};
use plenary::transfer::export;
use serde_json::Value;

use super::app::TestApp;
use super::client::Client;

/// Returns an instant (seconds since 1970) in RFC 3339.
pub fn utc(at: i64) -> String {
    DateTime::from_timestamp(at, 0).unwrap().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Returns all events of a list, in its order.
pub fn all(client: &Client, query: &str) -> Vec<Value> {
    pages(client, 100, query)
}

/// Returns all events of a list, read in pages of `limit`.
pub fn pages(client: &Client, limit: usize, query: &str) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/api/v1/events?limit={limit}&{query}{cursor}")).expect(200).json();
        events.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["page"]["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return events,
        }
    }
}

/// Writes Plenary's own export of an application to a file in a folder, and returns its path.
pub fn write_export(app: &TestApp, folder: &Path) -> PathBuf {
    let path = folder.join("all.jsonl");
    let file = std::fs::File::create(&path).unwrap();
    app.block_on(export::write(&app.app.database, std::io::BufWriter::new(file))).unwrap();
    path
}

/// Returns the instants of a calendar's events by title, computed from the time zone rules in the calendar
/// alone, as iCalendar readers do (RFC 5545, section 3.6.5).
pub fn instants_of(calendar: &str) -> BTreeMap<String, i64> {
    let unfolded = calendar.replace("\r\n ", "");
    let value = |line: &str, name: &str| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned);
    let local = |text: &str| NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").unwrap();
    let mut zones: BTreeMap<String, Vec<(NaiveDateTime, i64)>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    let (mut tzid, mut onset, mut start, mut title) = (String::new(), None, None, String::new());
    let mut events: Vec<(String, String, NaiveDateTime)> = Vec::new();
    for line in unfolded.split("\r\n") {
        if let Some(name) = value(line, "TZID") {
            tzid = name;
        } else if let Some(at) = value(line, "DTSTART") {
            match at.strip_suffix('Z') {
                Some(at) => start = Some((String::new(), local(at))),
                None => onset = Some(local(&at)),
            }
        } else if let Some(offset) = value(line, "TZOFFSETTO") {
            let digits: Vec<i64> =
                offset.as_bytes()[1..].chunks(2).map(|d| i64::from(d[0] - 48) * 10 + i64::from(d[1] - 48)).collect();
            let seconds = digits[0] * 3_600 + digits[1] * 60 + digits.get(2).unwrap_or(&0);
            let seconds = if offset.starts_with('-') { -seconds } else { seconds };
            zones.entry(tzid.clone()).or_default().push((onset.unwrap(), seconds));
        } else if let Some(rest) = line.strip_prefix("DTSTART;X-PLENARY-TZID=") {
            // A time that clocks show twice.
            let at = rest.split_once(':').unwrap().1;
            start = Some((String::new(), local(at.strip_suffix('Z').unwrap())));
        } else if let Some(rest) = line.strip_prefix("DTSTART;TZID=") {
            let (zone, at) = rest.split_once(':').unwrap();
            start = Some((zone.to_owned(), local(at)));
        } else if let Some(text) = value(line, "SUMMARY") {
            title = text;
        } else if line == "END:VEVENT" {
            let (zone, at) = start.take().unwrap();
            events.push((std::mem::take(&mut title), zone, at));
        }
    }
    for (title, zone, at) in events {
        let offset = match zones.get(&zone) {
            Some(parts) => parts.iter().rev().find(|(onset, _)| *onset <= at).expect("an observance").1,
            None => 0,
        };
        found.insert(title, at.and_utc().timestamp() - offset);
    }
    found
}
