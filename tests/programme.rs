//! The programme of an event: what is probably not meant, and its publication together with the event.

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

fn event(editor: &Client) {
    let rooms = json!([{"name": "Hall"}, {"name": "Library"}]);
    editor.create("venues", &json!({"name": "Delta", "rooms": rooms, "status": "published"}));
    let event = json!({"title": "Rivers", "venue": "delta", "time_zone": "Europe/Brussels",
        "starts_at": "2027-03-04T09:00", "ends_at": "2027-03-05T17:00"});
    editor.create("events", &event);
    for name in ["Anna", "Bram"] {
        editor.create("speakers", &json!({"name": name, "status": "published"}));
    }
}

fn session(editor: &Client, title: &str, times: (&str, &str), more: Value) {
    let mut session = json!({"title": title, "event": "rivers", "time_zone": "Europe/Brussels", "starts_at": times.0, "ends_at": times.1});
    session.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    editor.create("sessions", &session);
}

/// The codes of the warnings, each with the slugs of its sessions.
fn warnings(editor: &Client, path: &str) -> Vec<(String, Vec<String>)> {
    let state = editor.get(&format!("/api/v1/{path}/desk")).expect(200).json();
    let slug = |session: &Value| session["slug"].as_str().unwrap().to_owned();
    let warning = |warning: &Value| {
        let sessions = warning["sessions"].as_array().unwrap().iter().map(slug).collect();
        (warning["code"].as_str().unwrap().to_owned(), sessions)
    };
    state["warnings"].as_array().unwrap().iter().map(warning).collect()
}

#[apply(api_test)]
fn a_programme_is_checked(app: &TestApp) {
    let editor = app.editor();
    event(&editor);
    assert_eq!(warnings(&editor, "events/rivers"), []);
    let anna = || json!([{"speaker": "anna"}]);
    let published = |room: &str, speakers: Value| json!({"room": room, "speakers": speakers, "status": "published"});
    session(&editor, "A", ("2027-03-04T09:00", "2027-03-04T10:00"), published("Hall", anna()));
    // One after the other is no collision, nor is another room, nor a day without hours.
    session(&editor, "B", ("2027-03-04T10:00", "2027-03-04T11:00"), published("Hall", anna()));
    session(&editor, "C", ("2027-03-04T10:00", "2027-03-04T11:00"), published("Library", json!([{"speaker": "bram"}])));
    session(&editor, "D", ("2027-03-04", "2027-03-04"), published("Hall", anna()));
    // Across zones, the instants count: 11:30 in London is 12:30 in Brussels.
    session(&editor, "E", ("2027-03-05T12:00", "2027-03-05T13:00"), published("Hall", anna()));
    assert_eq!(warnings(&editor, "events/rivers"), []);
    let more = json!({"room": "Hall", "speakers": [{"speaker": "anna"}, {"speaker": "bram"}], "status": "published", "time_zone": "Europe/London"});
    session(&editor, "F", ("2027-03-05T11:30", "2027-03-05T12:30"), more);
    session(&editor, "G", ("2027-03-06T09:00", "2027-03-06T10:00"), published("Attic", json!([])));
    session(&editor, "H", ("2027-03-05T15:00", "2027-03-05T16:00"), json!({}));
    let of = |code: &str, sessions: &[&str]| (code.to_owned(), sessions.iter().map(|s| (*s).to_owned()).collect());
    let all: Vec<(String, Vec<String>)> = vec![
        of("sessions_not_published", &["h"]),
        of("unknown_room", &["g"]),
        of("outside_event", &["g"]),
        of("room_taken", &["e", "f"]),
        of("speaker_taken", &["e", "f"]),
    ];
    assert_eq!(warnings(&editor, "events/rivers"), all);
    assert_eq!(warnings(&editor, "sessions/g"), all[1..3]);
    assert_eq!(warnings(&editor, "sessions/e"), all[3..]);
    assert_eq!(warnings(&editor, "sessions/h"), []);
    assert_eq!(warnings(&editor, "speakers/anna"), []);
    // The newest texts count, and nothing is prevented.
    editor.patch("/api/v1/sessions/f?view=draft", "\"v1\"", &json!({"room": "Library", "speakers": []})).expect(200);
    editor.trash("/api/v1/sessions/g", "\"v1\"").expect(204);
    assert_eq!(warnings(&editor, "events/rivers"), all[..1]);
    editor.act("/api/v1/events/rivers/publish", "\"v1\"").expect(200);
}

#[apply(api_test)]
fn an_event_is_published_with_its_sessions(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    event(&editor);
    session(&editor, "A", ("2027-03-04T09:00", "2027-03-04T10:00"), json!({"speakers": [{"speaker": "anna"}]}));
    session(&editor, "B", ("2027-03-04T10:00", "2027-03-04T11:00"), json!({}));
    let path = "/api/v1/events/rivers/publish";
    // What is missing anywhere is told at once, and nothing is published.
    editor.create("speakers", &json!({"name": "Draft"}));
    let with_draft = json!({"speakers": [{"speaker": "draft"}]});
    editor.patch("/api/v1/events/rivers", "\"v1\"", &with_draft).expect(200);
    editor.patch("/api/v1/sessions/a", "\"v1\"", &with_draft).expect(200);
    let missing = [("/speakers/0/speaker", "not_published"), ("/sessions/a/speakers/0/speaker", "not_published")];
    editor.act(&format!("{path}?sessions=publish"), "\"v2\"").problem(422, &missing);
    public.get("/api/v1/events/rivers").problem(404, &[]);
    editor.act("/api/v1/speakers/draft/publish", "\"v1\"").expect(200);
    // Without the sessions, the response says that they are drafts.
    let alone = editor.act(path, "\"v2\"").expect(200);
    assert_eq!(alone.header("unpublished-sessions"), "2");
    assert_eq!(public.get("/api/v1/events/rivers?include=sessions").expect(200).json()["sessions"], json!([]));
    // The event is public already, so its sessions alone are published.
    app.client(Role::Contributor).act(&format!("{path}?sessions=publish"), alone.etag()).problem(403, &[]);
    let both = editor.act(&format!("{path}?sessions=publish"), alone.etag()).expect(200);
    assert_eq!((both.header("unpublished-sessions"), &both.json()["version"]), ("", &alone.json()["version"]));
    let sessions = public.get("/api/v1/events/rivers?include=sessions").expect(200).json()["sessions"].clone();
    assert_eq!(sessions.as_array().map(Vec::len), Some(2));
    editor.act(&format!("{path}?sessions=publish"), both.etag()).problem(409, &[]);
    // In one step, from drafts to public; each session has its own history.
    editor.post("/api/v1/events/rivers/duplicate", &json!({"slug": "again"})).expect(201);
    let again = editor.act("/api/v1/events/again/publish?sessions=publish", "\"v1\"").expect(200);
    assert_eq!(again.json()["status"], "published");
    let sessions = public.get("/api/v1/sessions?event=again").expect(200).json()["data"].clone();
    assert_eq!(sessions.as_array().map(Vec::len), Some(2));
    let id = sessions[0]["id"].as_str().unwrap();
    let history = editor.get(&format!("/api/v1/sessions/{id}/revisions")).expect(200).json();
    assert_eq!(history["data"][0]["action"], "publish");
    editor.act(&format!("{path}?sessions=all"), "\"v9\"").problem(400, &[("?sessions", "not_allowed")]);
    editor
        .act("/api/v1/speakers/anna/publish?sessions=publish", "\"v1\"")
        .problem(400, &[("?sessions", "unknown_parameter")]);
    // A key that is held to events publishes no sessions.
    let key = editor.post("/api/v1/auth/keys", &json!({"name": "K", "collections": ["events"]})).expect(201).json();
    let limited = app.visitor().with_token(key["token"].as_str().unwrap());
    limited.act(&format!("{path}?sessions=publish"), both.etag()).problem(403, &[]);
}
