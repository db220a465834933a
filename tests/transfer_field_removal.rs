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

/// A status that cannot be read says nothing of the one before.
#[apply(api_test)]
fn what_cannot_be_read_is_not_removed(app: &TestApp) {
    bring_text(app, "a.ics", &revision(0, "STATUS:CANCELLED"));
    let said = bring_text(app, "a.ics", &revision(1, &format!("STATUS:OVER\n{TEXT}")));
    assert_eq!((said.report.of(Outcome::Updated, "event"), removed(&said, "/event_status")), (1, 0));
    assert_eq!(read(app, "ford")["event_status"], "cancelled");
}

/// A programme in frab's JSON with one session.
fn frab(session: &Value) -> String {
    let mut talk = json!({"guid": "0b0c8a2e-0000-4000-8000-000000000001", "title": "Weirs", "slug": "weirs", "start": "10:00", "duration": "00:30"});
    talk.as_object_mut().unwrap().extend(session.as_object().unwrap().clone());
    json!({"schedule": {"version": "1", "conference": {"acronym": "ebb-2027", "title": "Ebb", "start": "2027-05-01", "end": "2027-05-02", "time_zone_name": "Europe/Brussels",
        "days": [{"index": 1, "date": "2027-05-01", "rooms": {"Aula": [talk]}}]}}})
    .to_string()
}

fn session(app: &TestApp, slug: &str) -> Value {
    app.visitor().get(&format!("/api/v1/sessions/{slug}?include=speakers")).expect(200).json()
}

#[apply(api_test)]
fn a_session_loses_what_its_programme_removes(app: &TestApp) {
    let person = |more: Value| {
        let mut person = json!({"id": 1, "name": "Ada Example"});
        person.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([person])
    };
    let fields = ["abstract", "track", "speakers", "do_not_record", "starts_at"];
    let full = json!({"abstract": "Words", "track": "Law", "do_not_record": true, "persons": person(json!({"biography": "Long"}))});
    bring_text(app, "schedule.json", &frab(&full));
    assert_eq!(has(&session(app, "weirs"), fields), [true; 5]);
    // Another document may say less of a person, and of a session it says all.
    let said = bring_text(app, "schedule.json", &frab(&json!({"track": "Law", "persons": person(json!({}))})));
    assert_eq!((removed(&said, "/abstract"), removed(&said, "/biography")), (1, 0), "{:?}", said.lines);
    assert_eq!(has(&session(app, "weirs"), fields), [false, true, true, true, true]);
    let ada = app.visitor().get("/api/v1/speakers/ada-example").expect(200).json();
    assert_eq!(has(&ada, ["biography"]), [true]);
    bring_text(app, "schedule.json", &frab(&json!({})));
    assert_eq!(has(&session(app, "weirs"), fields), [false, false, false, true, true]);
}

/// A programme that says what its event is says all of it; a list of sessions says nothing of it.
#[apply(api_test)]
fn the_event_of_a_programme_loses_what_it_removes(app: &TestApp) {
    let named = |text: &str| {
        bring_bytes(app, "schedule.json", text.as_bytes(), |options| {
            (options.settings.name, options.replace) = ("ebb".to_owned(), true);
        })
    };
    let ebb = || app.visitor().get("/api/v1/events/ebb").expect(200).json();
    let (plain, title) = (frab(&json!({})), "\"title\":\"Ebb\"");
    let full = plain.replace(title, &format!("{title},\"subtitle\":\"Low water\",\"description\":\"Long\""));
    named(&full);
    assert_eq!(has(&ebb(), ["summary", "body", "starts_at"]), [true; 3]);
    let page = json!({"results": [{"code": "ABC", "title": "Locks", "state": "confirmed", "start": "2027-05-01T12:00:00+02:00"}]});
    named(&page.to_string());
    assert_eq!(has(&ebb(), ["summary", "body", "starts_at"]), [true; 3]);
    let said = named(&plain);
    assert_eq!((removed(&said, "/summary"), removed(&said, "/body")), (1, 1), "{:?}", said.lines);
    assert_eq!(has(&ebb(), ["summary", "body", "starts_at"]), [false, false, true]);
}

/// Relations of which a document of JSON:API has the address alone, or the id alone, stand for what is there.
#[apply(api_test)]
fn relations_without_content_remove_nothing(app: &TestApp) {
    let document = |speakers: Value, included: Value| {
        let times = json!({"title": "Weirs", "state": "accepted", "starts-at": "2027-05-01T09:00:00Z", "ends-at": "2027-05-01T10:00:00Z"});
        let relations = json!({"track": {"data": {"type": "track", "id": "5"}}, "speakers": speakers});
        let session = json!({"type": "session", "id": "1", "attributes": times, "relationships": relations});
        json!({"data": [session], "included": included}).to_string()
    };
    let track = json!({"type": "track", "id": "5", "attributes": {"name": "Law"}});
    let person = json!({"type": "speaker", "id": "9", "attributes": {"name": "Ada Example"}});
    let named = json!({"data": [{"type": "speaker", "id": "9"}]});
    let fields = ["track", "speakers"];
    bring_text(app, "sessions.json", &document(named.clone(), json!([track, person])));
    assert_eq!(has(&session(app, "weirs"), fields), [true, true]);
    for (speakers, included) in
        [(json!({"links": {"related": "/v1/sessions/1/speakers"}}), json!([track])), (named, json!([]))]
    {
        let said = bring_text(app, "sessions.json", &document(speakers, included));
        assert_eq!(removed(&said, "/speakers"), 0, "{:?}", said.lines);
        assert_eq!(has(&session(app, "weirs"), fields), [true, true]);
    }
    bring_text(app, "sessions.json", &document(json!({"data": []}), json!([track])));
    assert_eq!(has(&session(app, "weirs"), fields), [true, false]);
}

/// Ids of which a page does not say what they are stand for what is there.
#[apply(api_test)]
fn ids_without_content_remove_nothing(app: &TestApp) {
    let page = |more: Value| {
        let mut submission = json!({"code": "ABC", "title": "Weirs", "state": "confirmed", "start": "2027-05-01T09:00:00+02:00", "end": "2027-05-01T09:30:00+02:00"});
        submission.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"count": 1, "next": null, "results": [submission]}).to_string()
    };
    let fields = ["abstract", "track", "speakers", "room"];
    let whole = json!({"abstract": "Words", "track": {"en": "Law"}, "room": {"name": {"en": "Aula"}}, "speakers": [{"code": "S1", "name": "Ada Example"}]});
    bring_text(app, "submissions.json", &page(whole));
    let slug = "weirs";
    assert_eq!(has(&session(app, slug), fields), [true; 4]);
    bring_text(app, "submissions.json", &page(json!({"track": 5, "speakers": ["S1"], "room": 7})));
    assert_eq!(has(&session(app, slug), fields), [true; 4]);
    // What was not said then is still known to be of the source.
    let said = bring_text(app, "submissions.json", &page(json!({"room": {"name": {"en": "Aula"}}})));
    assert_eq!(removed(&said, "/speakers"), 1, "{:?}", said.lines);
    assert_eq!(has(&session(app, slug), fields), [false, false, false, true]);
}

fn table(app: &TestApp, text: &str, fields: &str) -> Said {
    let mapping = format!("kind = \"event\"\nid = \"{{T}}\"\nslug = \"{{T}}\"\n[fields]\ntitle = \"{{T}}\"\n{fields}");
    let mapping = Mapping::parse(&mapping).unwrap();
    bring_bytes(app, "table.csv", text.as_bytes(), |options| options.settings.mapping = Some(mapping))
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
    let said = table(app, "T,S,B,R,V\nford,,,,Quay House\n", columns);
    assert_eq!(["/summary", "/body", "/registration", "/online_url"].map(|field| removed(&said, field)), [1; 4]);
    let ford = read(app, "ford");
    assert_eq!((has(&ford, fields), &ford["attendance_mode"]), ([false; 4], &json!("offline")));
    assert_eq!(has(&ford, ["title", "venue"]), [true, true]);
}

/// A list has a conference under each of its topics.
fn list(first: &Value, second: &Value) -> String {
    let row = |topic: &str, more: &Value| {
        let mut row = json!({"topic": topic, "name": "Rain", "url": "https://rain.example/", "startDate": "2027-01-01", "endDate": "2027-01-02"});
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    json!([row("water", first), row("law", second)]).to_string()
}

#[apply(api_test)]
fn a_record_does_not_remove_what_another_one_of_its_item_gave(app: &TestApp) {
    let (offers, nothing) = (json!({"offersSignLanguageOrCC": true}), json!({}));
    let fields = ["accessibility", "topics"];
    let rain = || app.visitor().get("/api/v1/events/rain-2027?include=topics").expect(200).json();
    bring_text(app, "list.json", &list(&offers, &offers));
    assert_eq!(has(&rain(), fields), [true, true]);
    let said = bring_text(app, "list.json", &list(&nothing, &offers));
    assert_eq!((has(&rain(), fields), removed(&said, "/accessibility")), ([true, true], 0));
    let said = bring_text(app, "list.json", &list(&nothing, &nothing));
    assert_eq!((has(&rain(), fields), removed(&said, "/accessibility")), ([false, true], 1), "{:?}", said.lines);
    // Records append to a list that they share, and none of them removes it.
    let without_topic = list(&json!({"topic": null}), &nothing);
    bring_text(app, "list.json", &without_topic);
    assert_eq!(rain()["topics"].as_array().unwrap().len(), 2);
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
