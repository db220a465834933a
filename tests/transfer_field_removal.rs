//! What a source removes does not stay public, and what editors and other records added does.

use plenary::transfer::Outcome;
use plenary::transfer::read::Mapping;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::calendars::{calendar, event, read};
use crate::support::import::{Said, bring_bytes, bring_text, export_text};

/// A calendar with one event, in a revision with these lines.
fn revision(sequence: u32, lines: &str) -> String {
    calendar(&event("ford", "Ford", &format!("SEQUENCE:{sequence}\n{lines}")))
}

const TEXT: &str = "DESCRIPTION:Call Ada at home";
const PLACE: &str = "LOCATION:Quay House";
const CALL: &str = "CONFERENCE;VALUE=URI:https://meet.river.example/private";

fn removed(said: &Said, field: &str) -> usize {
    usize::try_from(said.report.count_notes("removed", field)).unwrap()
}

/// Returns which of some fields a public item has.
fn has<const N: usize>(item: &Value, fields: [&str; N]) -> [bool; N] {
    fields.map(|field| match &item[field] {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        _ => true,
    })
}

#[apply(api_test)]
fn an_event_loses_what_its_calendar_removes(app: &TestApp) {
    let fields = ["body", "venue", "online_url", "topics", "kicker"];
    let all = format!("{TEXT}\n{PLACE}\n{CALL}\nCATEGORIES:Law");
    bring_text(app, "a.ics", &revision(0, &all));
    assert_eq!(has(&read(app, "ford"), fields), [true, true, true, true, false]);
    let editor = app.editor();
    let etag = editor.get("/api/v1/events/ford").expect(200).etag().to_owned();
    editor.patch("/api/v1/events/ford", &etag, &json!({"kicker": "NEW"})).expect(200);
    // An editor's text is left alone, whatever the calendar removes.
    let said = bring_text(app, "a.ics", &revision(1, PLACE));
    assert_eq!((said.report.of(Outcome::Kept, "event"), removed(&said, "/body")), (1, 0), "{:?}", said.lines);
    assert_eq!(has(&read(app, "ford"), fields), [true, true, true, true, true]);
    let said = bring_bytes(app, "a.ics", revision(2, PLACE).as_bytes(), |options| options.overwrite = true);
    assert_eq!(["/body", "/online_url", "/topics", "/kicker"].map(|field| removed(&said, field)), [1, 1, 1, 0]);
    assert_eq!(has(&read(app, "ford"), fields), [false, true, false, false, true]);
    assert_eq!(read(app, "ford")["attendance_mode"], "offline");
    // The item is now as the import left it, and what the editor had added before stays.
    bring_text(app, "a.ics", &revision(3, ""));
    let ford = read(app, "ford");
    assert_eq!((has(&ford, fields), &ford["title"]), ([false, false, false, false, true], &json!("Ford")));
    assert_eq!(bring_text(app, "a.ics", &revision(3, "")).report.of(Outcome::Unchanged, "event"), 1);
}

#[apply(api_test)]
fn an_occurrence_by_itself_stays_in_its_series(app: &TestApp) {
    let lines = format!("DTSTART:20270304T090000Z\nDTEND:20270304T100000Z\n{TEXT}");
    let series = event("walk", "Walk", &format!("SEQUENCE:0\nRRULE:FREQ=DAILY;COUNT=2\n{lines}"));
    bring_text(app, "a.ics", &calendar(&series));
    let one = event("walk", "Walk", "SEQUENCE:1\nDTSTART:20270305T110000Z\nRECURRENCE-ID:20270305T090000Z");
    let said = bring_text(app, "a.ics", &calendar(&format!("METHOD:REQUEST\n{one}")));
    assert_eq!((said.report.of(Outcome::Updated, "event"), removed(&said, "/body")), (1, 1), "{:?}", said.lines);
    assert_eq!(has(&read(app, "walk-2027-03-05"), ["body", "series", "ends_at"]), [false, true, false]);
    assert_eq!(has(&read(app, "walk"), ["body", "series", "ends_at"]), [true, true, true]);
}

/// What cannot be read, and what a copy for others leaves out, says nothing of what was there before.
#[apply(api_test)]
fn what_cannot_be_read_is_not_removed(app: &TestApp) {
    let full = format!("{TEXT}\n{CALL}\nSTATUS:CANCELLED\nCATEGORIES:Law");
    let fields = ["body", "online_url", "event_status", "topics"];
    bring_text(app, "a.ics", &revision(0, &full));
    assert_eq!(has(&read(app, "ford"), fields), [true; 4]);
    let revisions = [
        ("DESCRIPTION Call Ada at home", [true; 4]),
        ("CONFERENCE:meeting room 5\nSTATUS:OVER\nCATEGORIES:,", [false, true, true, true]),
        ("DESCRIPTION:\nLOCATION:Quay House", [false, false, true, false]),
        ("CLASS:CONFIDENTIAL", [true; 4]),
    ];
    for (sequence, (lines, expected)) in (1..).zip(revisions) {
        let said = bring_text(app, "a.ics", &revision(sequence, lines));
        let ford = app.editor().get("/api/v1/events/ford").expect(200).json();
        assert_eq!(has(&ford, fields), expected, "{lines}: {:?}", said.lines);
        bring_text(app, "a.ics", &revision(sequence, &full));
    }
}

/// A calendar often has an event twice, with less in the copy; only a newer revision replaces what was there.
#[apply(api_test)]
fn a_copy_of_the_same_revision_removes_nothing(app: &TestApp) {
    let full = revision(0, &format!("{TEXT}\n{PLACE}"));
    bring_text(app, "a.ics", &full);
    for (name, text) in [("b.ics", revision(0, "")), ("a.ics", format!("{full}{}", revision(0, "")))] {
        let said = bring_text(app, name, &text);
        assert_eq!((removed(&said, "/body"), removed(&said, "/venue")), (0, 0), "{:?}", said.lines);
        assert_eq!(has(&read(app, "ford"), ["body", "venue"]), [true, true]);
    }
}

fn table(app: &TestApp, text: &str, fields: &str) -> Said {
    table_with(app, text, fields, false)
}

fn table_with(app: &TestApp, text: &str, fields: &str, overwrite: bool) -> Said {
    let mapping = format!("kind = \"event\"\nid = \"{{T}}\"\nslug = \"{{T}}\"\n[fields]\ntitle = \"{{T}}\"\n{fields}");
    let mapping = Mapping::parse(&mapping).unwrap();
    bring_bytes(app, "table.csv", text.as_bytes(), |options| {
        (options.settings.mapping, options.overwrite) = (Some(mapping), overwrite);
    })
}

#[apply(api_test)]
fn an_empty_cell_removes_and_a_missing_column_does_not(app: &TestApp) {
    let fields = ["summary", "body", "registration", "online_url"];
    let columns =
        "summary = \"{S}\"\nbody = \"{B}\"\n\"registration.url\" = \"{R}\"\nvenue = { from = \"{V}\", create = true }";
    table(app, "T,S,B,R,V\nford,Short,Long,https://river.example/r,https://zoom.us/j/1\n", columns);
    let ford = read(app, "ford");
    assert_eq!((has(&ford, fields), &ford["attendance_mode"]), ([true; 4], &json!("online")));
    // A table without the columns does not speak of them.
    table(app, "T,S\nford,Shorter\n", "summary = \"{S}\"");
    assert_eq!(has(&read(app, "ford"), fields), [true; 4]);
    // A row that ends before its last columns says nothing of them either.
    let said = table(app, "T,S,B,R,V\nford,Shortest\n", columns);
    assert_eq!(said.report.of(Outcome::Updated, "event"), 1, "{:?}", said.lines);
    assert_eq!(has(&read(app, "ford"), fields), [true; 4]);
    // Its other column may give the rest of a field.
    let said = table(app, "T,S,B,R,V\nford,,,,Quay House\n", columns);
    assert_eq!(["/summary", "/body", "/registration", "/online_url"].map(|field| removed(&said, field)), [1, 1, 0, 1]);
    let ford = read(app, "ford");
    assert_eq!((has(&ford, fields), &ford["attendance_mode"]), ([false, false, true, false], &json!("offline")));
    assert_eq!(has(&ford, ["title", "venue"]), [true, true]);
}

/// The content of a row is the same without a column and with an empty one, and only the latter says that the text is gone.
#[apply(api_test)]
fn a_column_that_comes_later_removes(app: &TestApp) {
    let (two, three) = ("summary = \"{S}\"", "summary = \"{S}\"\nbody = \"{B}\"");
    table(app, "T,S,B\nford,Short,Call Ada at home\n", three);
    table(app, "T,S\nford,Short\n", two);
    assert_eq!(has(&read(app, "ford"), ["summary", "body"]), [true, true]);
    let said = table(app, "T,S,B\nford,Short,\n", three);
    assert_eq!((has(&read(app, "ford"), ["summary", "body"]), removed(&said, "/body")), ([true, false], 1));
    assert_eq!(table(app, "T,S,B\nford,Short,\n", three).report.of(Outcome::Unchanged, "event"), 1);
}

/// What broke a rule was not given, so what an editor writes in its place stays.
#[apply(api_test)]
fn what_was_left_out_is_not_removed(app: &TestApp) {
    let columns = "online_url = \"{U}\"\nsummary = \"{S}\"";
    let said = table(app, "T,U,S\nford,not an address,Short\n", columns);
    assert_eq!(has(&read(app, "ford"), ["online_url", "summary"]), [false, true], "{:?}", said.lines);
    let editor = app.editor();
    let etag = editor.get("/api/v1/events/ford").expect(200).etag().to_owned();
    editor.patch("/api/v1/events/ford", &etag, &json!({"online_url": "https://river.example/live"})).expect(200);
    let said = table_with(app, "T,U,S\nford,,\n", columns, true);
    assert_eq!(has(&read(app, "ford"), ["online_url", "summary"]), [true, false], "{:?}", said.lines);
}

/// The times of an item would be others without their zone.
#[apply(api_test)]
fn a_zone_stays_with_its_times(app: &TestApp) {
    let zone = "time_zone = \"{Z}\"";
    table(app, "T,A,Z\nford,2027-03-01 09:00,America/New_York\n", &format!("starts_at = \"{{A}}\"\n{zone}"));
    let starts_at = read(app, "ford")["starts_at"].clone();
    let said = table(app, "T,S,Z\nford,Short,\n", &format!("summary = \"{{S}}\"\n{zone}"));
    assert_eq!((said.report.of(Outcome::Updated, "event"), removed(&said, "/time_zone")), (1, 0), "{:?}", said.lines);
    let ford = read(app, "ford");
    assert_eq!((&ford["starts_at"], &ford["time_zone"]), (&starts_at, &json!("America/New_York")));
}

/// A record whose item was merged into another one gave that one nothing, and takes nothing from it.
#[apply(api_test)]
fn a_merged_record_neither_keeps_nor_removes(app: &TestApp) {
    let twin = |lines: &str| calendar(&event("weir", "Weir", lines));
    bring_text(app, "a.ics", &revision(0, &format!("{TEXT}\n{PLACE}")));
    bring_text(app, "b.ics", &twin(&format!("SEQUENCE:0\n{TEXT}\n{PLACE}")));
    let editor = app.editor();
    let (ford, weir) = (editor.get("/api/v1/events/ford").expect(200), read(app, "weir")["id"].clone());
    editor.act_with("/api/v1/events/ford/merge", ford.etag(), &json!({"from": [weir]})).expect(200);
    let said = bring_bytes(app, "b.ics", twin("SEQUENCE:1").as_bytes(), |options| options.overwrite = true);
    assert_eq!((said.report.of(Outcome::Updated, "event"), &read(app, "ford")["title"]), (1, &json!("Weir")));
    assert_eq!(has(&read(app, "ford"), ["body", "venue"]), [true, true]);
    bring_text(app, "a.ics", &revision(1, PLACE));
    assert_eq!(has(&read(app, "ford"), ["body", "venue"]), [false, true]);
}

/// What an earlier program imported is not known field by field, until an import sees it again.
#[apply(api_test)]
fn after_an_upgrade_the_first_import_learns_the_fields(app: &TestApp) {
    bring_text(app, "a.ics", &revision(0, &format!("{TEXT}\n{PLACE}")));
    app.sql("UPDATE sources SET fields = ''");
    bring_text(app, "a.ics", &revision(1, PLACE));
    assert_eq!(has(&read(app, "ford"), ["body", "venue"]), [true, true]);
    app.sql("UPDATE sources SET fields = ''");
    let version = read(app, "ford")["version"].clone();
    let said = bring_text(app, "a.ics", &revision(1, PLACE));
    assert_eq!((said.report.of(Outcome::Unchanged, "event"), &read(app, "ford")["version"]), (1, &version));
    let said = bring_text(app, "a.ics", &revision(2, ""));
    assert_eq!((removed(&said, "/body"), removed(&said, "/venue")), (0, 1), "{:?}", said.lines);
    assert_eq!(has(&read(app, "ford"), ["body", "venue"]), [true, false]);
}

/// A site that was restored from an export removes what the source removes afterwards.
#[apply(api_test)]
fn an_export_tells_the_fields(app: &TestApp) {
    bring_text(app, "a.ics", &revision(0, TEXT));
    let other = TestApp::start(app.backend);
    bring_text(&other, "all.jsonl", &export_text(app));
    bring_text(&other, "a.ics", &revision(1, ""));
    assert_eq!(has(&read(&other, "ford"), ["title", "body"]), [true, false]);
}
