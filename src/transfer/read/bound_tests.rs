//! Tests of what readers do with files that are more than one, or larger than they read.

use std::io::{BufReader, Cursor};

use serde_json::{Value, json};

use super::{HORIZON, ImportFormat, Mapping, Settings, Sink, read};
use crate::transfer::record::{ImportEntry, Record};

/// Reads a text, and returns what the reader sends.
fn entries(format: ImportFormat, text: &str, mapping: Option<Mapping>) -> Vec<ImportEntry> {
    let (sender, entries) = flume::unbounded();
    let settings = Settings {
        name: String::new(),
        file: "file".to_owned(),
        event: None,
        time_zone: "UTC".to_owned(),
        is_zone_known: true,
        beside: Vec::new(),
        locale: "en".to_owned(),
        mapping,
        horizon: HORIZON,
    };
    read(format, Box::new(BufReader::new(Cursor::new(text.to_owned()))), &settings, &Sink::new(sender));
    entries.into_iter().collect()
}

/// Returns the records of a kind.
fn records<'e>(entries: &'e [ImportEntry], kind: &str) -> Vec<&'e Record> {
    let record = |entry: &'e ImportEntry| match entry {
        ImportEntry::Record(record) if record.kind == kind => Some(&**record),
        _ => None,
    };
    entries.iter().filter_map(record).collect()
}

/// Returns the places and codes of what is refused.
fn refusals(entries: &[ImportEntry]) -> Vec<(&str, &str)> {
    let mut faults = Vec::new();
    for entry in entries {
        if let ImportEntry::Broken { place, fault, .. } = entry {
            faults.push((place.as_str(), fault.code.as_str()));
        }
    }
    faults
}

/// Returns whether the file counts as one that has every record of its source.
fn is_whole(entries: &[ImportEntry]) -> bool {
    entries.iter().any(|entry| matches!(entry, ImportEntry::Whole))
}

const LIST: &str = r#"[{"name": "Water Days", "startDate": "2027-05-01"}]"#;
const SCHEDULE: &str = r#"{"schedule": {"conference": {"title": "Water Days", "start": "2027-05-01", "days": [
    {"date": "2027-05-01", "rooms": {"Hall": [{"id": 1, "title": "Rain", "start": "10:00", "duration": "1:00"}]}}]}}}"#;
const OPEN_EVENT: &str = r#"{"data": [{"type": "session", "id": "1", "attributes": {"title": "Rain"}}]}"#;

#[test]
fn what_follows_the_value_of_a_json_text_is_refused() {
    for (format, text, kind) in [
        (ImportFormat::Conferences, LIST, "event"),
        (ImportFormat::ScheduleJson, SCHEDULE, "session"),
        (ImportFormat::OpenEvent, OPEN_EVENT, "session"),
    ] {
        let sent = entries(format, &format!("{text}\r\n \t"), None);
        assert_eq!((records(&sent, kind).len(), refusals(&sent), is_whole(&sent)), (1, vec![], true), "{format:?}");
        for rest in [text, "x", "]", "0"] {
            let sent = entries(format, &format!("{text}\n{rest}"), None);
            let line = format!("line {}", text.lines().count() + 1);
            let wanted = vec![(line.as_str(), "malformed_json")];
            let found = (records(&sent, kind).len(), refusals(&sent), is_whole(&sent));
            assert_eq!(found, (1, wanted, false), "{format:?} {rest}");
        }
    }
}

#[test]
fn a_second_document_of_yaml_is_refused() {
    let text = "- title: Water Days\n  year: 2027\n";
    let sent = entries(ImportFormat::Conferences, text, None);
    assert_eq!((refusals(&sent), is_whole(&sent)), (vec![], true));
    let sent = entries(ImportFormat::Conferences, &format!("{text}---\n{text}"), None);
    assert_eq!((refusals(&sent).len(), is_whole(&sent)), (1, false));
}

/// Returns the places, fields and codes of notes.
fn notes(entries: &[ImportEntry]) -> Vec<(&str, &str, &str)> {
    let mut notes = Vec::new();
    for entry in entries {
        if let ImportEntry::Note { place, fault } = entry {
            notes.push((place.as_str(), fault.pointer.as_str(), fault.code.as_str()));
        }
    }
    notes
}

fn length(record: &Record, field: &str) -> usize {
    record.body[field].as_array().map_or(0, Vec::len)
}

#[test]
fn a_person_is_sent_once_for_each_session() {
    let people: Vec<String> = (0..=200).map(|id| id.to_string()).collect();
    let twice = ["7".to_owned(), "7".to_owned()];
    let session = |id: &str, speakers: &[String]| json!({"id": id, "title": "Rain", "startsAt": "2027-05-01T10:00:00", "speakers": speakers});
    let list: Vec<Value> = people.iter().map(|id| json!({"id": id, "fullName": format!("Speaker {id}")})).collect();
    let file = json!({"sessions": [session("a", &people[..200]), session("b", &people), session("c", &twice)], "speakers": list});
    let sent = entries(ImportFormat::ScheduleJson, &file.to_string(), None);
    let counts: Vec<usize> = records(&sent, "session").into_iter().map(|session| length(session, "speakers")).collect();
    assert_eq!(counts, [200, 200, 1]);
    assert_eq!(records(&sent, "speaker").len(), 200 + 200 + 1 + 201);
    let wanted = [("/sessions/1", "/speakers", "too_many"), ("/sessions/2", "/speakers", "duplicate")];
    assert_eq!(notes(&sent), wanted);
}

#[test]
fn lists_are_read_up_to_what_a_field_holds() {
    let many = |count: usize| (0..count).map(|number| format!("https://a{number}.example/x.pdf"));
    let links = |count| many(count).map(|url| json!({"title": "A", "url": url})).collect::<Vec<_>>();
    let tracks = (0..300).map(|number| json!({"name": format!("Track {number}")})).collect::<Vec<_>>();
    let mut file: Value = serde_json::from_str(SCHEDULE).unwrap();
    file["schedule"]["conference"]["tracks"] = tracks.into();
    let session = &mut file["schedule"]["conference"]["days"][0]["rooms"]["Hall"][0];
    session["links"] = [links(70), links(70)].concat().into();
    session["attachments"] = [links(50), links(50)].concat().into();
    let sent = entries(ImportFormat::ScheduleJson, &file.to_string(), None);
    // One more than the field holds, so that the rest is noted when the record is repaired.
    let (event, session) = (records(&sent, "event")[0], records(&sent, "session")[0]);
    let found = (length(event, "tracks"), length(session, "links"), length(session, "documents"));
    assert_eq!(found, (201, 51, 50));

    let words: Vec<String> = (0..80).map(|number| format!("Topic {number}")).collect();
    let twice = [words.clone(), words.clone()].concat();
    let list = json!([{"title": "Water Days", "year": 2027, "tags": twice}]);
    let sent = entries(ImportFormat::Conferences, &list.to_string(), None);
    assert_eq!(length(records(&sent, "event")[0], "topics"), 51);

    let categories: Vec<Value> = words.iter().map(|word| json!({"name": word})).collect();
    let page =
        json!({"events": [{"id": 1, "title": "Rain", "start_date": "2027-05-01 10:00:00", "categories": categories}]});
    let sent = entries(ImportFormat::ScheduleJson, &page.to_string(), None);
    assert_eq!((length(records(&sent, "event")[0], "topics"), records(&sent, "topic").len()), (51, 51));
}

#[test]
fn editions_of_a_conference_have_what_is_said_of_all() {
    let list = json!([{"conference": "Water Days", "link": "https://water.example", "confs": [{"year": 2026}, {"year": 2027}]}]);
    let sent = entries(ImportFormat::Conferences, &list.to_string(), None);
    let events = records(&sent, "event");
    let found: Vec<_> =
        events.iter().map(|event| (event.body["title"].as_str().unwrap(), length(event, "links"))).collect();
    assert_eq!(found, [("Water Days 2026", 1), ("Water Days 2027", 1)]);
    let places: Vec<_> = events.iter().map(|event| event.place.as_str()).collect();
    assert_eq!(places, ["/0/confs/0", "/0/confs/1"]);
}

#[test]
fn a_header_of_many_columns_is_refused() {
    let mapping = |text: &str| Some(Mapping::parse(text).unwrap());
    let plain = "kind = \"topic\"\nid = \"{A}\"\n[fields]\nname = \"{A}\"\n";
    let row = |columns: usize| format!("A{}\nx\n", ",A".repeat(columns - 1));
    let sent = entries(ImportFormat::Csv, &row(1_000), mapping(plain));
    assert_eq!((records(&sent, "topic").len(), refusals(&sent), is_whole(&sent)), (1, vec![], true));
    let sent = entries(ImportFormat::Csv, &row(1_001), mapping(plain));
    assert_eq!((refusals(&sent), is_whole(&sent)), (vec![("line 1", "too_many")], false));

    let topics = "kind = \"event\"\nid = \"{A}\"\n[fields]\ntitle = \"{A}\"\n\
                  topics = { from = \"{T}\", split = \";\", create = true }\n";
    let words: Vec<String> = (0..80).map(|number| format!("T{number}")).collect();
    let sent = entries(ImportFormat::Csv, &format!("A,T\nx,{}\n", words.join(";")), mapping(topics));
    assert_eq!((length(records(&sent, "event")[0], "topics"), records(&sent, "topic").len()), (51, 51));
}

#[test]
fn a_long_text_of_a_speaker_is_whole_in_its_own_record_only() {
    let long = "x".repeat(200_001);
    let sessionize = json!({
        "speakers": [{"id": "s", "fullName": "A B", "biography": long}],
        "sessions": [{"id": "1", "title": "Rain", "startsAt": "2027-05-01T10:00:00", "speakers": ["s"]}],
    });
    let open_event = json!({
        "data": [{"type": "session", "id": "1", "attributes": {"title": "Rain"},
            "relationships": {"speakers": {"data": [{"type": "speaker", "id": "s"}]}}}],
        "included": [{"type": "speaker", "id": "s", "attributes": {"name": "A B", "long-biography": long}}],
    });
    for (format, file) in [(ImportFormat::ScheduleJson, sessionize), (ImportFormat::OpenEvent, open_event)] {
        let sent = entries(format, &file.to_string(), None);
        let source = |record: &&Record| {
            record.body["biography"].as_str().or(record.body["biography"]["source"].as_str()).map_or(0, str::len)
        };
        let mut lengths: Vec<usize> = records(&sent, "speaker").iter().map(source).collect();
        lengths.sort_unstable();
        assert_eq!(lengths.len(), 2, "{format:?}");
        assert!(lengths[0] <= 200_000 && lengths[1] > 200_000, "{format:?} {lengths:?}");
        assert_eq!(length(records(&sent, "session")[0], "speakers"), 1, "{format:?}");
    }
}

#[test]
fn categories_are_found_by_their_ids_and_by_their_names() {
    let items = json!([{"id": 1, "name": "Water"}, {"id": 2, "name": "Land"}]);
    let file = json!({
        "categories": [{"title": format!("Track {}", "x".repeat(2_000)), "items": items}],
        "sessions": [{"id": "1", "title": "Rain", "startsAt": "2027-05-01T10:00:00", "categoryItems": [2, 1, 2],
            "categories": [{"name": "Format", "categoryItems": [{"name": "Talk"}]}]}],
    });
    let sent = entries(ImportFormat::ScheduleJson, &file.to_string(), None);
    let session = records(&sent, "session")[0];
    assert_eq!((&session.body["track"], &session.body["format"]), (&json!("Land"), &json!("Talk")));
    let counts = sent.iter().filter_map(|entry| match entry {
        ImportEntry::LeftOut(groups) => groups.iter().find(|group| group.subject.starts_with("category \"Track")),
        _ => None,
    });
    assert_eq!(counts.map(|group| (group.count, group.subject.len())).collect::<Vec<_>>(), [(2, 1_011)]);
}
