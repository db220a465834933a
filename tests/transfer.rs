//! Import and export, on our own data.

use plenary::transfer::read::{Mapping, Settings};
use plenary::transfer::{Options, Outcome, export_ics};
use serde_json::{Value, json};

use crate::support::app::{Backend, TestApp};
use crate::support::data::fixture;
use crate::support::import::{all, bring, options, write_export};

/// Into an empty database of the other kind and out again: the same bytes.
#[apply(api_test)]
fn an_export_makes_the_same_content_elsewhere(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    app.block_on(plenary::demo::fill(&app.app)).unwrap();
    bring(app, &fixture("schedule.xml"), &options(&fixture("schedule.xml")));
    bring(app, &fixture("conferences.json"), &options(&fixture("conferences.json")));
    let editor = app.editor();
    // What makes it hard: circles, old slugs, the trash, references into the trash, drafts.
    let first = editor.create("events", &json!({"title": "First", "status": "published"}));
    editor.act("/api/v1/events/first/unpublish", "\"v1\"").expect(200);
    let second = editor.create("events", &json!({"title": "Second", "related": ["first"]}));
    editor.patch("/api/v1/events/first", "\"v2\"", &json!({"related": [second["id"]], "slug": "renamed"})).expect(200);
    editor.create(
        "speakers",
        &json!({"name": "Gone", "biography": {"format": "html", "source": "<p>Was here &amp; left</p>"}}),
    );
    editor.create("events", &json!({"title": "With gone", "speakers": [{"speaker": "gone", "affiliation": "Then"}]}));
    editor.trash("/api/v1/speakers/gone", "\"v1\"").expect(204);
    editor.create("topics", &json!({"name": "Child"}));
    editor.create("topics", &json!({"name": "Later parent"}));
    editor.patch("/api/v1/topics/child", "\"v1\"", &json!({"parent": "later-parent"})).expect(200);
    // What is being written: a working draft, something in review, languages with slugs of their own.
    editor.create("venues", &json!({"name": "Hall", "status": "published"}));
    editor
        .patch("/api/v1/venues/hall?view=draft", "\"v1\"", &json!({"name": "Great hall", "slug": "great-hall"}))
        .expect(200);
    editor.create("venues", &json!({"name": "Shed"}));
    editor.act("/api/v1/venues/shed/submit", "\"v1\"").expect(200);
    editor.patch("/api/v1/venues/shed?locale=nl", "\"v2\"", &json!({"name": "Schuur", "slug": "schuur"})).expect(200);
    editor.act("/api/v1/venues/shed/translations/nl/unpublish", "\"v3\"").expect(200);

    let before = write_export(app, folder.path(), "before.jsonl");
    let others = [TestApp::start(Backend::Sqlite), TestApp::start(app.other_backend())];
    for other in &others {
        let said = bring(other, &before, &options(&before));
        assert_eq!(said.report.total(Outcome::Refused), 0, "{:?}", said.lines(Outcome::Refused).next());
        assert_eq!(said.lines(Outcome::Note).count(), 0, "{:?}", said.lines(Outcome::Note).next());
        let after = write_export(other, folder.path(), "after.jsonl");
        assert!(std::fs::read(&before).unwrap() == std::fs::read(&after).unwrap(), "the exports differ");
        let again = bring(other, &before, &options(&before));
        assert_eq!(again.report.total(Outcome::Unchanged), said.report.total(Outcome::Created));
        assert_eq!(other.editor().get("/api/v1/events/first").expect(308).header("location"), "/api/v1/events/renamed");
        assert_eq!(other.editor().get("/api/v1/events/renamed").expect(200).json()["id"], first["id"]);
        let other_editor = other.editor();
        let hall = other_editor.get("/api/v1/venues/hall?view=draft").expect(200);
        assert_eq!((&hall.json()["name"], &hall.json()["slug"]), (&json!("Great hall"), &json!("great-hall")));
        let shed = other_editor.get("/api/v1/venues/schuur").expect(200).json();
        assert_eq!((&shed["name"], &shed["status"]), (&json!("Shed"), &json!("in_review")));
        // What was imported from elsewhere is still known.
        let source = fixture("conferences.json");
        let repeated = bring(other, &source, &options(&source));
        assert_eq!((repeated.report.total(Outcome::Created), repeated.report.total(Outcome::Updated)), (0, 0));
    }
}

#[apply(api_test)]
fn our_own_fixtures_come_in_whole(app: &TestApp) {
    let path = fixture("schedule.xml");
    let said = bring(app, &path, &options(&path));
    assert_eq!((said.report.of(Outcome::Created, "session"), said.report.total(Outcome::Refused)), (3, 1));
    let late = app.visitor().get("/api/v1/sessions/night-on-the-river").expect(200).json();
    assert_eq!(
        (&late["starts_at"], &late["ends_at"]),
        (&json!("2027-03-05T00:30:00+01:00"), &json!("2027-03-05T01:15:00+01:00"))
    );
    let talk = app.visitor().get("/api/v1/sessions/who-owns-the-rain?include=speakers").expect(200).json();
    assert_eq!(talk["abstract"], "<p>Rain &amp; rights.</p>");
    assert_eq!((&talk["kind"], &talk["format"]), (&json!("lightning_talk"), &json!("lightningtalk")));
    assert_eq!(talk["recordings"][0]["kind"], "video");
    assert_eq!(talk["documents"][0]["kind"], "slides");
    assert_eq!(talk["speakers"][0]["speaker"]["name"], "Ingrid Bäcker");
    assert_eq!(talk["speakers"].as_array().unwrap().len(), 2);

    let path = fixture("calendar.ics");
    let said = bring(app, &path, &options(&path));
    assert_eq!((said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)), (5, 1));
    let event =
        |slug: &str| app.visitor().get(&format!("/api/v1/events/{slug}?include=venue,topics")).expect(200).json();
    let folded = event("a-long-evening-by-the-water-with-a-title-that-is-folded-over-two-lines");
    assert_eq!(
        (&folded["starts_at"], &folded["time_zone"]),
        (&json!("2027-06-01T19:00:00+02:00"), &json!("Europe/Paris"))
    );
    assert_eq!(folded["venue"]["name"], "Quay 7, by the lock");
    assert_eq!(folded["topics"].as_array().unwrap().len(), 2);
    let days = event("three-days-upstream");
    assert_eq!(
        (&days["starts_on"], &days["ends_on"], &days["all_day"]),
        (&json!("2027-08-01"), &json!("2027-08-03"), &json!(true))
    );
    assert_eq!(event("called-off")["event_status"], "cancelled");
    assert_eq!(event("twice-shown")["starts_at"], "2027-10-31T02:30:00+02:00");

    let path = fixture("schedule.json");
    let said = bring(app, &path, &options(&path));
    assert_eq!(
        (said.report.of(Outcome::Created, "session"), said.report.total(Outcome::Refused)),
        (1, 0),
        "{:?}",
        said.lines
    );
    let talk = app.visitor().get("/api/v1/sessions/locks-and-keys").expect(200).json();
    assert_eq!(
        (&talk["starts_at"], &talk["ends_at"]),
        (&json!("2027-05-01T10:00:00+02:00"), &json!("2027-05-01T10:30:00+02:00"))
    );
}

#[apply(api_test)]
fn csv_follows_its_mapping(app: &TestApp) {
    let path = fixture("events.csv");
    let mapping = Mapping::load(&fixture("events.mapping.toml")).unwrap();
    let options =
        Options { settings: Settings { mapping: Some(mapping), ..options(&path).settings }, ..options(&path) };
    let said = bring(app, &path, &options);
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (3, 2),
        "{:?}",
        said.lines
    );
    let places: Vec<&str> = said.lines(Outcome::Refused).map(|l| l.place.as_str()).collect();
    assert_eq!(places, ["line 4", "line 6"]);
    assert_eq!(said.codes(Outcome::Refused), ["not_a_time", "required"]);
    assert_eq!(said.report.count_notes("short_row", ""), 1);
    let event = app.visitor().get("/api/v1/events/rivers-2027?include=speakers,topics,type").expect(200).json();
    assert_eq!(event["registration"]["capacity"], 120);
    assert_eq!(event["attendance_mode"], "mixed");
    assert_eq!(event["type"]["name"], "Conference");
    assert_eq!(event["speakers"].as_array().unwrap().len(), 2);
    assert_eq!(event["languages"], json!(["nl", "fr"]));
    assert!(Mapping::load(&fixture("schedule.xml")).is_err());
    let again = bring(app, &path, &options);
    assert_eq!((again.report.of(Outcome::Unchanged, "event"), again.report.total(Outcome::Created)), (3, 0));
}

#[apply(api_test)]
fn a_rehearsal_changes_nothing(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let path = fixture("conferences.json");
    let before = std::fs::read(write_export(app, folder.path(), "before.jsonl")).unwrap();
    let said = bring(app, &path, &Options { dry_run: true, ..options(&path) });
    assert!(said.report.of(Outcome::Created, "event") > 0);
    assert_eq!(before, std::fs::read(write_export(app, folder.path(), "after.jsonl")).unwrap());
    let real = bring(app, &path, &options(&path));
    assert_eq!(serde_json::to_value(&said.report).unwrap(), serde_json::to_value(&real.report).unwrap());
}

/// What an editor wrote stays, also when the source changes; the import says so.
#[apply(api_test)]
fn edits_are_not_overwritten(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.json");
    let row = |end: &str| json!([{"topic": "water", "name": "Rain", "url": "https://rain.example/", "startDate": "2027-01-01", "endDate": end}]);
    std::fs::write(&path, row("2027-01-02").to_string()).unwrap();
    let mut options = options(&path);
    bring(app, &path, &options);
    let editor = app.editor();
    let event = editor.get("/api/v1/events/rain-2027").expect(200);
    editor.patch("/api/v1/events/rain-2027", event.etag(), &json!({"title": "Rain!"})).expect(200);
    assert_eq!(bring(app, &path, &options).report.of(Outcome::Unchanged, "event"), 1);
    std::fs::write(&path, row("2027-01-03").to_string()).unwrap();
    assert_eq!(bring(app, &path, &options).report.of(Outcome::Kept, "event"), 1);
    let event = editor.get("/api/v1/events/rain-2027").expect(200).json();
    assert_eq!((&event["title"], &event["ends_on"]), (&json!("Rain!"), &json!("2027-01-02")));
    // A record that joins the item adds to it, and the edit stays an edit.
    let joining = json!({"topic": "law", "name": "Rain", "url": "https://rain.example/", "startDate": "2027-01-01"});
    let mut both = row("2027-01-03");
    both.as_array_mut().unwrap().push(joining);
    std::fs::write(&path, both.to_string()).unwrap();
    let said = bring(app, &path, &options);
    assert_eq!((said.report.of(Outcome::Kept, "event"), said.report.of(Outcome::Updated, "event")), (1, 1));
    assert_eq!(bring(app, &path, &options).report.of(Outcome::Kept, "event"), 1);
    assert_eq!(editor.get("/api/v1/events/rain-2027").expect(200).json()["title"], "Rain!");
    std::fs::write(&path, row("2027-01-03").to_string()).unwrap();
    options.overwrite = true;
    assert_eq!(bring(app, &path, &options).report.of(Outcome::Updated, "event"), 1);
    let event = editor.get("/api/v1/events/rain-2027").expect(200).json();
    assert_eq!((&event["title"], &event["ends_on"]), (&json!("Rain"), &json!("2027-01-03")));
}

#[apply(api_test)]
fn events_go_out_as_a_calendar(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    app.block_on(plenary::demo::fill(&app.app)).unwrap();
    let path = folder.path().join("events.ics");
    let file = std::fs::File::create(&path).unwrap();
    let count =
        app.block_on(export_ics::write(&app.app.database, &app.app.site, "https://cms.example.org", file)).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("BEGIN:VEVENT").count() as u64, count);
    assert!(text.contains("BEGIN:VTIMEZONE\r\nTZID:Europe/Brussels\r\n"), "{text}");
    assert!(!text.contains("What the budget says"), "a draft went out");
    assert!(text.lines().all(|line| line.len() <= 75), "a line is not folded");
    // Our own reader finds the same events at the same times.
    let other = TestApp::start(app.backend);
    let said = bring(&other, &path, &options(&path));
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (count, 0),
        "{:?}",
        said.lines
    );
    let times = |app: &TestApp| {
        let mut times: Vec<String> = all(app, "/api/v1/events")
            .iter()
            .map(|e| format!("{} {} {}", e["title"], e["starts_at"], e["time_zone"]))
            .collect();
        times.sort();
        times
    };
    assert_eq!(times(app), times(&other));
}

#[apply(api_test)]
fn bad_records_spoil_nothing(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let good = json!({"topic": "water", "name": "Good", "url": "https://x.example/", "startDate": "2027-01-01", "endDate": "2027-01-01"});
    let path = folder.path().join("list.json");
    let rows = json!([good, 5, {"name": "No day", "startDate": "soon"}, {"startDate": "2027-01-01"}, {"name": "Backwards", "startDate": "2027-01-02", "endDate": "2027-01-01"}]);
    std::fs::write(&path, rows.to_string()).unwrap();
    let said = bring(app, &path, &options(&path));
    // The end of the last one is left out, since it is before the start.
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.total(Outcome::Refused)),
        (2, 3),
        "{:?}",
        said.lines
    );
    let places: Vec<&str> = said.lines(Outcome::Refused).map(|l| l.place.as_str()).collect();
    assert_eq!(places, ["/1", "/2", "/3"]);
    // A file that breaks off: what came before stays.
    std::fs::write(&path, json!([good]).to_string().replace("Good", "Better").replace(']', ", {\"name\": ")).unwrap();
    let said = bring(app, &path, &options(&path));
    assert_eq!((said.report.of(Outcome::Created, "event"), said.codes(Outcome::Refused)), (1, vec!["malformed_json"]));
    let path = folder.path().join("items.jsonl");
    let item = json!({"kind": "topic", "id": "01890a5d-ac96-774b-bcce-b302099a8057", "slug": "x", "status": "draft", "version": 1, "created_at": 1, "updated_at": 1, "published_at": 0, "trashed_at": 0, "content": {"name": {"en": "X"}}});
    let with = |field: &str, value: Value| {
        let mut item = item.clone();
        item[field] = value;
        item.to_string()
    };
    let lines = [
        item.to_string(),
        "{".into(),
        with("kind", "king".into()),
        with("id", "x".into()),
        with("slug", "A b".into()),
        with("status", "great".into()),
        with("content", json!({"name": {"fr": "X"}})).replace("8057", "8058"),
        with("surprise", 1.into()),
    ];
    std::fs::write(&path, lines.join("\n")).unwrap();
    let said = bring(app, &path, &options(&path));
    assert_eq!(
        (said.report.of(Outcome::Created, "topic"), said.report.total(Outcome::Refused)),
        (1, 7),
        "{:?}",
        said.lines
    );
}
