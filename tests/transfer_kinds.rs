//! Neighbours of the cases that the tests of transfers have: lists of pretalx, names in several languages, twins in calendars,
//! zones that nobody defines, YAML, and readers that fail.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use indicatif::ProgressBar;
use plenary::journal::Author;
use plenary::transfer::import::{Import, ImportError, serve};
use plenary::transfer::import_file::{Bytes, FileReader, ImportFile};
use plenary::transfer::read::ImportFormat;
use plenary::transfer::{Outcome, ReportLine, Verdict};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::import::{Said, bring_bytes, bring_text, options};

fn list(app: &TestApp, path: &str) -> Vec<Value> {
    app.visitor().get(&format!("/api/v1/{path}")).expect(200).json()["data"].as_array().unwrap().clone()
}

fn texts<'a>(items: &'a [Value], name: &str) -> Vec<&'a str> {
    items.iter().map(|item| item[name].as_str().unwrap_or_default()).collect()
}

fn submission(code: &str, state: &str) -> Value {
    json!({"code": code, "title": format!("Tide {code}"), "state": state, "submission_type": "Talk", "speakers": [],
           "resources": [{"resource": "https://tide.example/gauge", "description": "Gauge"}, {"resource": "https://tide.example/chart.pdf", "description": "Chart"}],
           "slots": [{"start": "2032-05-01T09:00:00+02:00", "end": "2032-05-01T09:30:00+02:00", "room": {"id": 4, "name": {"de": "Kaisaal", "en": "Quay hall"}}}],
           "track": {"id": 7, "name": {"de": "Gezeiten", "en": "Tides"}}})
}

#[apply(api_test)]
fn a_list_without_its_page_is_a_programme(app: &TestApp) {
    let entries = json!([submission("A", "confirmed"), submission("B", "accepted"), submission("C", "canceled")]);
    let said = bring_text(app, "submissions.json", &entries.to_string());
    assert_eq!(said.report.of(Outcome::Created, "session"), 2, "{:?}", said.lines);
    assert_eq!(said.report.count_notes("not_public", "/state"), 1, "what is confirmed or accepted is in the programme");
    let session = app.visitor().get("/api/v1/sessions/tide-a").expect(200).json();
    // The site's own language decides where a name can have one only.
    assert_eq!((&session["room"], &session["track"]), (&json!("Quay hall"), &json!("Tides")));
    // A resource that is a page is a link.
    assert_eq!(
        (&session["links"][0]["url"], &session["documents"][0]["url"]),
        (&json!("https://tide.example/gauge"), &json!("https://tide.example/chart.pdf"))
    );
    assert_eq!((session["links"].as_array().unwrap().len(), session["documents"].as_array().unwrap().len()), (1, 1));
    let slots = json!([{"id": 1, "room": 4, "submission": "A", "start": "2032-05-01T09:00:00+02:00"}, {"id": 2, "room": 4, "submission": "B", "start": "2032-05-01T10:00:00+02:00"}]);
    let said = bring_text(app, "slots.json", &slots.to_string());
    assert_eq!(
        (
            said.report.count_notes("expand_submission", ""),
            said.report.count_notes("left_out", "slot of a submission that is an id")
        ),
        (1, 2),
        "{:?}",
        said.report.notes
    );
    let speakers = json!([{"code": "S1", "name": "Ada Ebb", "biography": "Reads gauges."}]);
    assert_eq!(bring_text(app, "speakers.json", &speakers.to_string()).report.of(Outcome::Created, "speaker"), 1);
}

#[apply(api_test)]
fn rooms_of_a_schedule_are_no_day_and_languages_have_names(app: &TestApp) {
    let talk = |guid: &str, language: &str| json!({"guid": guid, "title": format!("Ebb {guid}"), "start": "10:00", "duration": "00:30", "language": language});
    let file = json!({"schedule": {"version": "2", "rooms": [{"name": {"de": "Kaisaal", "en": "Quay hall"}, "capacity": 80}], "conference": {
        "acronym": "ebb-2032", "title": "Ebb 2032", "start": "2032-05-01", "time_zone_name": "Europe/Berlin",
        "days": [{"date": "2032-05-01", "rooms": {"Quay hall": [talk("1", "German"), talk("2", "Deutsch"), talk("3", "Français / English"), talk("4", "Klingonish")]}}]}}});
    let said = bring_text(app, "ebb.json", &file.to_string());
    assert_eq!(
        (said.report.of(Outcome::Created, "session"), said.report.total(Outcome::Refused)),
        (4, 0),
        "{:?}",
        said.lines
    );
    assert_eq!(texts(&list(app, "sessions?sort=title"), "language"), ["de", "de", "fr", ""]);
    assert_eq!(said.report.count_notes("not_a_language", "/language"), 1);
    let venue = list(app, "venues?detail=full").remove(0);
    assert_eq!((&venue["rooms"][0]["name"], &venue["rooms"][0]["capacity"]), (&json!("Quay hall"), &json!(80)));
}

/// A form that is not known is no success because it names an event.
#[apply(api_test)]
fn a_programme_in_an_unknown_form_is_refused(app: &TestApp) {
    let head = json!({"title": "Locks 2032", "start": "2032-02-03", "end": "2032-02-04"});
    let event = json!({"-id": "1", "start": "09:30", "title": "Opening"});
    let file = json!({"schedule": {"conference": head, "day": [{"-date": "2032-02-03", "room": [{"-name": "Quay", "event": [event]}]}]}});
    let said = bring_text(app, "locks.json", &file.to_string());
    assert_eq!((said.report.total(Outcome::Created), said.report.total(Outcome::Refused)), (0, 1), "{:?}", said.lines);
    assert_eq!(said.codes(Outcome::Refused), ["unknown_format"]);
    // An event whose days are not filled yet is one.
    let mut early = head;
    early["days"] = json!([]);
    let said = bring_text(app, "early.json", &json!({"schedule": {"conference": early}}).to_string());
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (1, 0),
        "{:?}",
        said.lines
    );
}

fn calendar(events: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\nX-WR-CALNAME:Ebb\nX-WR-TIMEZONE:Europe/Lisbon\n{events}END:VCALENDAR\n")
        .replace('\n', "\r\n")
}

#[apply(api_test)]
fn twins_at_one_time_are_two_events(app: &TestApp) {
    let one = |hour: u8, title: &str, place: &str| {
        format!(
            "BEGIN:VEVENT\nUID:day@ebb.example\nDTSTART:20320501T{hour}0000Z\nSUMMARY:{title}\nLOCATION:{place}\nEND:VEVENT\n"
        )
    };
    let file = calendar(
        &[
            one(10, "Locks", "Quay"),
            one(10, "Weirs", "Quay"),
            one(10, "Locks", "Hall"),
            one(12, "Locks", "Quay"),
            one(12, "Weirs", "Quay"),
            one(10, "Locks", "Quay"),
        ]
        .concat(),
    );
    let said = bring_text(app, "twins.ics", &file);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.count_notes("same_uid", "/UID")),
        (5, 4),
        "{:?}",
        said.lines
    );
    let again = bring_text(app, "twins.ics", &file).report;
    assert_eq!((again.of(Outcome::Unchanged, "event"), again.of(Outcome::Updated, "event")), (6, 0));
}

#[apply(api_test)]
fn a_zone_that_nobody_defines_costs_no_event(app: &TestApp) {
    let one = |uid: &str, zone: &str| {
        format!(
            "BEGIN:VEVENT\nUID:{uid}@ebb.example\nDTSTART;TZID={zone}:20320501T100000\nDTEND;TZID={zone}:20320501T110000\nSUMMARY:{uid}\nEND:VEVENT\n"
        )
    };
    let file = calendar(
        &[
            one("a", "Customized Time Zone 1"),
            one("b", "\"(GMT+01.00) Amsterdam / Berlin / Bern\""),
            one("c", "Europe/Germany"),
        ]
        .concat(),
    );
    let said = bring_text(app, "zones.ics", &file);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (3, 0),
        "{:?}",
        said.lines
    );
    assert_eq!(said.report.count_notes("zone", "/DTSTART"), 3);
    let events = list(app, "events?sort=title");
    assert_eq!(texts(&events, "time_zone"), ["Europe/Lisbon", "Europe/Amsterdam", "Europe/Lisbon"]);
    assert_eq!(events[0]["starts_at"], "2032-05-01T10:00:00+01:00");
}

const DEADLINES: &str = "---
# Lists of this form are kept by hand.
- &tides
  title: TIDES
  year: 2032
  id: tides32
  full_name: Symposium on Tides
  link: https://tides.example/2032
  deadline: '2031-12-15 23:59:00'
  abstract_deadline: '2031-12-08 23:59:00'
  timezone: UTC-12
  place: Porto, Portugal
  date: June 10-14, 2032
  sub: [HY, 'EC']
  hindex: 12
  mastodon: https://social.example/@tides
  note: More <b>here</b>
- <<: *tides
  id: ebb32
  title: EBB
  date: December 30 - January 2
  place: Miami, Florida, USA and Online
- name: Quays
  year: 2033
  date: TBA
  place: Virtual
- conference: Weirs 2032
  start: 2032-03-03
  end: 2032-03-05
  cfp: '2031-11-01 23:59:00'
- title: Locks
  sub: HY
  confs:
    - {year: 2031, id: locks31, date: 1 May 2031, place: Utrecht, timeline: [{deadline: '2030-12-01'}, {deadline: '2031-01-01'}]}
    - {year: 2032, id: locks32, date: May 2032}
";

#[apply(api_test)]
fn lists_of_deadlines_in_yaml_are_read(app: &TestApp) {
    let said = bring_text(app, "deadlines.yml", DEADLINES);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (6, 0),
        "{:?}",
        said.lines
    );
    let event = |slug: &str| {
        app.visitor().get(&format!("/api/v1/events/{slug}?include=venue,topics&detail=full")).expect(200).json()
    };
    let tides = event("tides-2032");
    assert_eq!(
        (&tides["starts_on"], &tides["ends_on"], &tides["all_day"]),
        (&json!("2032-06-10"), &json!("2032-06-14"), &json!(true))
    );
    assert_eq!(
        (&tides["summary"], &tides["venue"]["address"]["country"]),
        (&json!("Symposium on Tides"), &json!("PT"))
    );
    assert_eq!(tides["topics"].as_array().unwrap().len(), 2);
    let links: Vec<&str> =
        tides["links"].as_array().unwrap().iter().map(|link| link["title"].as_str().unwrap()).collect();
    assert_eq!(
        links,
        [
            "Website",
            "Call for papers, until 2031-12-08 23:59 UTC-12 for abstracts and 2031-12-15 23:59 UTC-12",
            "mastodon"
        ]
    );
    assert_eq!(said.report.count_notes("left_out", "hindex"), 2);
    let ebb = event("ebb-2032");
    assert_eq!(
        (&ebb["starts_on"], &ebb["ends_on"], &ebb["attendance_mode"]),
        (&json!("2032-12-30"), &json!("2033-01-02"), &json!("mixed"))
    );
    let address = &ebb["venue"]["address"];
    assert_eq!(
        (&address["city"], &address["region"], &address["country"]),
        (&json!("Miami"), &json!("Florida"), &json!("US"))
    );
    // What is not known is not invented.
    let quays = event("quays-2033");
    assert_eq!(
        (&quays["date_precision"], &quays["attendance_mode"], &quays["venue"]),
        (&json!("year"), &json!("online"), &Value::Null)
    );
    assert_eq!(said.report.count_notes("only_the_year", "/starts_at"), 1);
    assert_eq!(
        (&event("locks-2032")["date_precision"], &event("locks-2031")["starts_on"]),
        (&json!("month"), &json!("2031-05-01"))
    );
    assert_eq!(event("weirs-2032")["ends_on"], "2032-03-05");
    assert_eq!(bring_text(app, "deadlines.yml", DEADLINES).report.of(Outcome::Unchanged, "event"), 6);
    // The same members in JSON.
    let row = json!([{"title": "Sluices", "year": 2034, "id": "s34", "date": "4-6 April 2034", "place": "Delft, Netherlands"}]);
    assert_eq!(bring_text(app, "sluices.json", &row.to_string()).report.of(Outcome::Created, "event"), 1);
    assert_eq!(event("sluices-2034")["ends_on"], "2034-04-06");
}

#[apply(api_test)]
fn yaml_that_grows_or_breaks_is_refused(app: &TestApp) {
    let bomb = (1..12).fold("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        format!("{text}a{level}: &a{level} [{inner}]\n")
    });
    let deep = format!("- title: {}{}\n", "[".repeat(5_000), "]".repeat(5_000));
    let types = "- name: Water\n  sub: HY\n";
    let broken = "- title: Fine\n  year: 2032\n- title: 'not closed\n  year: 2033\n";
    for (name, text, created) in [
        ("bomb.yml", bomb.as_str(), 0),
        ("deep.yml", &deep, 0),
        ("broken.yml", broken, 1),
        ("other.yaml", "on: push\njobs: {a: 1}\n", 0),
        ("text.yml", "only words", 0),
        ("types.yml", types, 0),
        ("undated.yml", "- title: Quays\n  date: TBA\n", 0),
    ] {
        let said = bring_text(app, name, text);
        assert_eq!(said.report.of(Outcome::Created, "event"), created, "{name}: {:?}", said.lines);
        assert_eq!(said.report.total(Outcome::Refused), 1, "{name}: {:?}", said.lines);
        assert_ne!(said.report.verdict(), Verdict::AllTaken, "{name}");
    }
}

/// A file whose reading fails within the program after its first part.
struct Failing(String);

struct FailingBytes(Cursor<Vec<u8>>);

impl ImportFile for Failing {
    fn path(&self) -> PathBuf {
        PathBuf::from("failing.ics")
    }

    fn open(&self) -> io::Result<(Box<dyn Bytes>, u64)> {
        Ok((Box::new(FailingBytes(Cursor::new(self.0.clone().into_bytes()))), self.0.len() as u64))
    }
}

/// Fails at the end of the file.
fn beyond(read: usize) -> usize {
    assert!(read > 0, "a fault that a test makes");
    read
}

impl Read for FailingBytes {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out).map(beyond)
    }
}

impl Seek for FailingBytes {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        self.0.seek(target)
    }
}

/// The end of a reader that failed is not the end of its file.
#[apply(api_test)]
fn a_reader_that_fails_ends_the_import(app: &TestApp) {
    let event = |uid: u8| {
        format!("BEGIN:VEVENT\nUID:{uid}@ebb.example\nDTSTART:20320501T100000Z\nSUMMARY:Ebb {uid}\nEND:VEVENT\n")
    };
    bring_text(app, "failing.ics", &calendar(&(1..9).map(event).collect::<String>()));
    for dry_run in [true, false] {
        let mut options = options(&PathBuf::from("failing.ics"));
        (options.withdraw_missing, options.replace, options.dry_run) = (true, true, dry_run);
        let file = Arc::new(Failing(calendar(&event(1))));
        let reader = FileReader {
            file,
            format: ImportFormat::Ics,
            settings: options.settings.clone(),
            progress: ProgressBar::hidden(),
        };
        let listener = Box::new(|_: &ReportLine| {});
        let import = Import { reader, options, author: Author::default(), listener, begun: Default::default() };
        let failed = app.block_on(serve(&app.app, import));
        assert!(matches!(failed, Err(ImportError::Reader(..))), "{failed:?}");
    }
    let events = list(app, "events");
    assert_eq!((events.len(), events.iter().filter(|event| event["event_status"] == "cancelled").count()), (8, 0));
}

/// What is missing and was changed by an editor stays, unless it is overwritten. A publication is no such change.
#[apply(api_test)]
fn what_an_editor_changed_is_not_withdrawn(app: &TestApp) {
    let event = |uid: u8| {
        format!("BEGIN:VEVENT\nUID:{uid}@ebb.example\nDTSTART:20320501T100000Z\nSUMMARY:Ebb {uid}\nEND:VEVENT\n")
    };
    let file = |uids: std::ops::Range<u8>| calendar(&uids.map(event).collect::<String>());
    let bring = |uids, overwrite: bool| -> Said {
        bring_bytes(app, "ebb.ics", file(uids).as_bytes(), |options| {
            (options.withdraw_missing, options.overwrite, options.status) = (true, overwrite, "draft");
        })
    };
    bring(0..10, false);
    let editor = app.editor();
    for slug in ["ebb-8", "ebb-9", "ebb-0"] {
        let draft = editor.get(&format!("/api/v1/events/{slug}?view=draft")).expect(200);
        editor.send("POST", &format!("/api/v1/events/{slug}/publish"), &[("if-match", draft.etag())], b"").expect(200);
    }
    let edited = editor.get("/api/v1/events/ebb-9").expect(200);
    editor.patch("/api/v1/events/ebb-9", edited.etag(), &json!({"summary": "By hand."})).expect(200);
    let said = bring(0..8, false);
    assert_eq!(said.report.of(Outcome::Withdrawn, "event"), 1, "{:?}", said.lines);
    let kept: Vec<_> =
        said.lines(Outcome::Missing).map(|line| (line.what.as_str(), line.faults[0].code.as_str())).collect();
    assert_eq!(kept, [("Ebb 9", "edited")]);
    let status = |slug: &str| editor.get(&format!("/api/v1/events/{slug}")).expect(200).json()["event_status"].clone();
    assert_eq!((status("ebb-8"), status("ebb-9")), (json!("cancelled"), json!("scheduled")));
    // What was only published is still as the source has it, and follows it.
    let changed = file(0..8).replace("SUMMARY:Ebb 0", "SUMMARY:Ebb zero");
    let said = bring_bytes(app, "ebb.ics", changed.as_bytes(), |_| {});
    assert_eq!(
        (said.report.of(Outcome::Updated, "event"), said.report.of(Outcome::Kept, "event")),
        (1, 0),
        "{:?}",
        said.lines
    );
    assert_eq!(bring(0..8, true).report.of(Outcome::Withdrawn, "event"), 1);
    assert_eq!(status("ebb-9"), "cancelled");
}
