//! The files of an export of Open Event: one event, whose zone its sessions have.

use plenary::auth::permissions::Role;
use plenary::transfer::{Options, Outcome};
use serde_json::{Value, json};

use crate::imports::succeeded;
use crate::support::app::TestApp;
use crate::support::import::{Said, bring_bytes, bring_text};
use crate::support::program::{fresh_database, run};

fn event() -> Value {
    json!({"id": 1, "name": "Open Tides", "location_name": "Quay House", "start_time": "2027-05-01T09:00:00", "end_time": "2027-05-02T18:00:00", "timezone": "Asia/Singapore", "privacy": "public", "identifier": "tides27"})
}

/// A list of sessions whose times name no zone, as the export writes them.
fn sessions() -> Value {
    json!([{"id": 1, "title": "On ebb", "short_abstract": "Short.", "start_time": "2027-05-01T10:00:00", "end_time": "2027-05-01T11:00:00", "state": "accepted",
            "microlocation": {"id": 1, "name": "Upper deck"}, "track": {"id": 1, "name": "Moon"}, "speakers": [{"id": 7, "name": "Ada Example"}]}])
}

const SPEAKERS: &str =
    r#"[{"id": 7, "name": "Ada Example", "long_biography": "Counts waves.", "organisation": "Ebb"}]"#;
const ROOMS: &str = r#"[{"id": 1, "name": "Upper deck", "floor": 2}, {"id": 2, "name": "Lower deck", "floor": 1}]"#;
const TRACKS: &str = r##"[{"id": 1, "name": "Moon", "color": "#112233", "font_color": "#000"}]"##;

fn first_start(app: &TestApp, sessions: &str) -> Value {
    app.visitor().get(&format!("/api/v1/sessions/{sessions}")).expect(200).json()["starts_at"].clone()
}

/// Files of one command are one programme, whatever their order; the zone of the event decides.
#[apply(api_test)]
fn the_files_of_an_export_are_one_programme(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let files = [
        write("sessions.json", &sessions().to_string()),
        write("speakers.json", SPEAKERS),
        write("microlocations.json", ROOMS),
        write("tracks.json", TRACKS),
        write("event.json", &event().to_string()),
    ];
    for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]] {
        let own = tempfile::tempdir().unwrap();
        let database = fresh_database(app.backend, own.path());
        let named: Vec<&str> = order.iter().map(|at| files[*at].as_str()).collect();
        let first = run(&database, &[&["import", "--status", "published"], &named[..]].concat());
        assert_eq!(first.status.code(), Some(0), "{first:?}");
        assert!(!String::from_utf8_lossy(&first.stdout).contains("site_zone"), "{first:?}");
        let items = |kind: &str| -> Vec<Value> {
            let all = run(&database, &["export"]).stdout;
            let lines = String::from_utf8(all).unwrap();
            let items = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            items.filter(|item| item["kind"] == kind).collect()
        };
        let counts = ["event", "session", "speaker", "venue"].map(|kind| items(kind).len());
        assert_eq!(counts, [1, 1, 1, 1], "{order:?} {first:?}");
        let session = &items("session")[0]["content"];
        assert_eq!(
            (&session["starts_at"], &session["event"]),
            (&json!("2027-05-01T10:00:00+08:00"), &items("event")[0]["id"])
        );
        let event = &items("event")[0]["content"];
        assert_eq!((&event["time_zone"], &event["tracks"][0]["colour"]), (&json!("Asia/Singapore"), &json!("#112233")));
        assert!(items("speaker")[0].to_string().contains("Counts waves."));
        let rooms = items("venue")[0]["content"]["rooms"].clone();
        assert_eq!((&rooms[0]["name"], &rooms[1]["name"]), (&json!("Upper deck"), &json!("Lower deck")));
        // The next run changes nothing, and takes nothing for missing.
        let again =
            run(&database, &[&["import", "--status", "published", "--withdraw", "missing"], &named[..]].concat());
        let said = String::from_utf8_lossy(&again.stdout).into_owned();
        assert_eq!(again.status.code(), Some(0), "{said}");
        for word in ["created ", "updated ", "withdrawn", "missing"] {
            assert!(!said.contains(&format!("  {word}")), "{word}: {said}");
        }
    }
}

/// Files beside two events belong to neither.
#[apply(api_test)]
fn of_two_events_none_is_taken(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let other = json!({"id": 2, "name": "Closed Tides", "start_time": "2028-05-01T09:00:00", "timezone": "Asia/Tokyo", "identifier": "tides28"});
    let mut paths = Vec::new();
    for (name, text) in [("a.json", event()), ("b.json", other), ("sessions.json", sessions())] {
        paths.push(folder.path().join(name));
        std::fs::write(paths.last().unwrap(), text.to_string()).unwrap();
    }
    let said =
        bring_bytes(app, "sessions.json", sessions().to_string().as_bytes(), |options| options.settings.beside = paths);
    assert_eq!(said.report.count_notes("site_zone", "/time_zone"), 1, "{:?}", said.report.notes);
}

/// Sessions alone have the zone of the site, which is told, unless another one is named or the event is known.
#[apply(api_test)]
fn the_zone_of_sessions_is_named_or_told(app: &TestApp) {
    let bring = |name: &str, change: &dyn Fn(&mut Options)| -> Said {
        bring_bytes(app, name, sessions().to_string().as_bytes(), |options| {
            options.settings.name = name.trim_end_matches(".json").to_owned();
            change(options);
        })
    };
    let told = |said: &Said| said.report.count_notes("site_zone", "/time_zone");
    let alone = bring("alone.json", &|_| {});
    assert_eq!((told(&alone), first_start(app, "on-ebb")), (1, json!("2027-05-01T10:00:00+02:00")));
    let note = alone.report.notes.values().find(|note| note.code == "site_zone").unwrap();
    assert!(note.message.contains("Europe/Brussels") && note.message.contains("time_zone"), "{}", note.message);
    let named = bring("named.json", &|options| {
        (options.settings.time_zone, options.settings.is_zone_known) = ("Asia/Tokyo".into(), true);
    });
    assert_eq!((told(&named), first_start(app, "on-ebb-2")), (0, json!("2027-05-01T10:00:00+09:00")));
    assert_eq!(bring_text(app, "event.json", &event().to_string()).report.of(Outcome::Created, "event"), 1);
    let known = bring("known.json", &|options| options.settings.event = Some("open-tides".into()));
    assert_eq!((told(&known), first_start(app, "on-ebb-3")), (0, json!("2027-05-01T10:00:00+08:00")));
    // Over HTTP too, where a file comes alone.
    let client = app.client(Role::Administrator);
    let headers = [("content-type", "application/json")];
    let post = |query: &str| {
        let path = format!("/api/v1/imports?status=published&format=open-event&{query}");
        let job = client.send("POST", &path, &headers, sessions().to_string().as_bytes()).expect(202).json();
        succeeded(&client, job["id"].as_str().unwrap())["report"]["notes"].to_string()
    };
    assert!(!post("event=open-tides&name=over").contains("site_zone"));
    assert_eq!(first_start(app, "on-ebb-4"), json!("2027-05-01T10:00:00+08:00"));
    assert!(post("name=over-2").contains("site_zone"));
}

/// An event that is online has no place, and rooms that are services make none.
#[apply(api_test)]
fn an_event_on_the_net_has_no_venue(app: &TestApp) {
    let mut event = event();
    event["location_name"] = "Online".into();
    let rooms = json!([{"id": 1, "name": "Stage"}]);
    let mut list = sessions();
    list[0]["microlocation"]["name"] = "https://meet.tides.example/7".into();
    let file = json!({"event": event, "microlocations": rooms, "sessions": list, "speakers": []});
    let said = bring_bytes(app, "whole.json", file.to_string().as_bytes(), |options| {
        options.format = Some(plenary::transfer::read::ImportFormat::OpenEvent);
    });
    assert_eq!(
        (said.report.of(Outcome::Created, "event"), said.report.of(Outcome::Created, "venue")),
        (1, 0),
        "{:?}",
        said.lines
    );
    let stored = app.visitor().get("/api/v1/events/open-tides?include=venue").expect(200).json();
    assert_eq!((&stored["attendance_mode"], &stored["venue"]), (&json!("online"), &Value::Null));
    let talk = app.visitor().get("/api/v1/sessions/on-ebb").expect(200).json();
    assert_eq!((&talk["room"], &talk["links"][0]["url"]), (&Value::Null, &json!("https://meet.tides.example/7")));
}
