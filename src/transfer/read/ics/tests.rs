//! Tests of whole files, read into the entries that the import gets.

use std::io::{BufReader, Cursor};

use serde_json::Value;

use super::calendars::MOST_CALENDARS;
use super::{Calendars, read};
use crate::transfer::read::{Settings, Sink};
use crate::transfer::record::{ImportEntry, Record};

fn settings() -> Settings {
    Settings {
        name: String::new(),
        file: "club.ics".to_owned(),
        event: None,
        time_zone: "Europe/Brussels".to_owned(),
        is_zone_known: true,
        beside: Vec::new(),
        locale: "en".to_owned(),
        mapping: None,
        horizon: 365,
    }
}

fn calendar(events: &[&str]) -> String {
    let event = |lines: &&str| format!("BEGIN:VEVENT\nSUMMARY:Walk\n{lines}\nEND:VEVENT\n");
    format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", events.iter().map(event).collect::<String>())
}

fn entries(text: &str) -> Vec<ImportEntry> {
    let (sender, entries) = flume::unbounded();
    read(Box::new(BufReader::new(Cursor::new(text.as_bytes().to_vec()))), &settings(), &Sink::new(sender)).unwrap();
    entries.drain().collect()
}

/// Returns the events of a file, and the places of what is refused.
fn events(text: &str) -> (Vec<Record>, Vec<String>) {
    let (mut events, mut refused) = (Vec::new(), Vec::new());
    for entry in entries(text) {
        match entry {
            ImportEntry::Record(record) if record.kind == "event" => events.push(*record),
            ImportEntry::Broken { place, .. } => refused.push(place),
            _ => {}
        }
    }
    (events, refused)
}

fn field<'a>(record: &'a Record, name: &str) -> &'a str {
    record.body.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn times_beyond_the_year_9999_are_refused_alone() {
    let far = [
        "UID:1\nDTSTART:-262143-01-01T00:00:00",
        "UID:2\nDTSTART:+262142-12-31T23:59:59Z",
        "UID:3\nDTSTART:+262142-12-31T23:59:59+0100",
        "UID:4\nDTSTART;VALUE=DATE:+262142-12-31",
        "UID:5\nDTSTART;VALUE=DATE:00000101",
    ];
    let near = ["UID:6\nDTSTART:20270301T090000", "UID:7\nDTSTART:99991231T225959Z", "UID:8\nDTSTART:00010102T000000"];
    let (read, refused) = events(&calendar(&[&far[..], &near[..]].concat()));
    assert_eq!(refused, ["line 2", "line 7", "line 12", "line 17", "line 22"]);
    let starts: Vec<&str> = read.iter().map(|event| field(event, "starts_at")).collect();
    assert_eq!(starts.len(), 3);
    assert!(starts[0].starts_with("2027-03-01") && starts[1].starts_with("9999-12-31T23:59:59"), "{starts:?}");
}

#[test]
fn lengths_beyond_the_year_9999_are_left_out() {
    let hours = "99999999H".repeat(100_000);
    for length in ["P95000000D", "P9999W", "PT0S", "P1D", &format!("PT{hours}")] {
        let event = format!("UID:1\nDTSTART:20270101T000000Z\nDURATION:{length}\nRRULE:FREQ=YEARLY;COUNT=40");
        let (read, refused) = events(&calendar(&[&event]));
        assert!(refused.is_empty() && !read.is_empty(), "{}", length.get(..4).unwrap_or(length));
        let has_end = read.iter().all(|event| event.body.contains_key("ends_at"));
        assert_eq!(has_end, length.len() < 7, "{}", length.get(..4).unwrap_or(length));
    }
}

#[test]
fn a_length_is_nominal_and_an_end_is_exact() {
    let start = "UID:1\nRRULE:FREQ=WEEKLY;COUNT=2\nDTSTART;TZID=Europe/Brussels:20270320T120000";
    for (end, wanted) in [
        ("DURATION:P1D", "2027-03-28T12:00:00+02:00"),
        ("DURATION:PT24H", "2027-03-28T13:00:00+02:00"),
        ("DURATION:P1DT1H", "2027-03-28T13:00:00+02:00"),
        ("DTEND;TZID=Europe/Brussels:20270321T120000", "2027-03-28T13:00:00+02:00"),
    ] {
        let (read, _) = events(&calendar(&[&format!("{start}\n{end}")]));
        assert_eq!((read.len(), field(&read[1], "ends_at")), (2, wanted), "{end}");
    }
}

#[test]
fn long_ids_and_names_are_not_repeated() {
    let long = "x".repeat(2_000);
    let event = format!("UID:{long}@club.example\nDTSTART:20270301T090000\nRRULE:FREQ=DAILY;COUNT=3");
    let other = format!("UID:{long}@river.example\nDTSTART:20270301T090000");
    let text = calendar(&[&event, &other]).replacen('\n', &format!("\nX-WR-CALNAME:{long}\n"), 1);
    let (read, refused) = events(&text);
    let mut sources: Vec<&str> = read.iter().map(|event| event.source.as_str()).collect();
    assert!(refused.is_empty() && read.iter().all(|event| event.source.len() < 300 && event.origin.len() < 300));
    sources.dedup();
    assert_eq!(sources.len(), 4);
    // The ids of other calendars are as they were.
    let (read, _) = events(&calendar(&["UID:walk-1@club.example\nDTSTART:20270301T090000"]));
    assert_eq!((read[0].source.as_str(), read[0].origin.as_str()), ("ics:walk-1@club.example", "ics:club"));
}

#[test]
fn calendars_of_a_file_have_a_bound() {
    let text = "BEGIN:VCALENDAR\nEND:VCALENDAR\n".repeat(MOST_CALENDARS);
    let more = |count: usize| text.clone() + &calendar(&["UID:1\nDTSTART:20270301T090000"]).repeat(count);
    let (read, refused) = events(&more(2));
    assert_eq!((read.len(), refused), (0, vec![format!("calendar {}", MOST_CALENDARS + 1)]));
    assert!(!entries(&more(1)).iter().any(|entry| matches!(entry, ImportEntry::Whole)));
    let mut input = BufReader::new(Cursor::new(more(1).into_bytes()));
    assert_eq!(Calendars::read(&mut input, &settings()).list.len(), MOST_CALENDARS);
}

#[test]
fn a_calendar_is_named_by_what_it_says_first() {
    let text = calendar(&["UID:1\nDTSTART:20270301T090000"]);
    let with = |lines: &str| {
        let (read, _) = events(&text.replacen('\n', &format!("\n{lines}\n"), 1));
        read[0].origin.clone()
    };
    assert_eq!(with("X-WR-CALNAME:Walks\nX-OWN:1"), "ics:Walks");
    assert_eq!(with("X-WR-CALNAME:Walks\nURL:https://club.example/a.ics\nX-OWN:1"), "ics:https://club.example/a.ics");
    assert_eq!(with("VERSION:2.0"), "ics:club");
}

#[test]
fn chairs_and_topics_are_taken_once() {
    let chair = "ATTENDEE;ROLE=CHAIR;CN=Jo:mailto:jo@club.example\n";
    let event = format!("UID:1\n{}{}DTSTART:20270301T090000", chair.repeat(3), "CATEGORIES:Water,Walks,Water\n");
    let (read, _) = events(&calendar(&[&event]));
    let count = |name: &str| read[0].body.get(name).and_then(Value::as_array).map(Vec::len);
    assert_eq!((count("speakers"), count("topics")), (Some(1), Some(2)));
}
