//! Copies of events with their programmes.

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

/// A published event in two languages with three sessions, of which one is in the trash.
fn fill(editor: &Client) {
    editor.create("speakers", &json!({"name": "Anna", "status": "published"}));
    let event = json!({
        "title": {"en": "Rivers", "nl": "Rivieren"}, "slugs": {"en": "rivers", "nl": "rivieren"},
        "starts_at": "2027-03-04T09:00", "ends_at": "2027-03-05T17:00", "time_zone": "Europe/Brussels",
        "registration": {"opens_at": "2027-01-10T09:00", "closes_at": "2027-02-28", "url": "https://example.org/r"},
        "event_status": "cancelled", "recordings": [{"url": "https://example.org/r.mp4"}],
        "speakers": [{"speaker": "anna"}], "status": "published",
    });
    editor.post("/api/v1/events?locale=*", &event).expect(201);
    editor.act("/api/v1/events/rivers/translations/nl/unpublish", "\"v1\"").expect(200);
    for (title, starts, ends) in [
        ("Opening", "2027-03-04T09:00", "2027-03-04T10:00"),
        ("Closing", "2027-03-05T16:00", "2027-03-05T17:00"),
        ("Dropped", "2027-03-05T16:00", "2027-03-05T17:00"),
    ] {
        let session = json!({"title": title, "event": "rivers", "starts_at": starts, "ends_at": ends,
            "time_zone": "Europe/Brussels", "speakers": [{"speaker": "anna"}], "status": "published"});
        editor.create("sessions", &session);
    }
    editor.delete("/api/v1/sessions/dropped", "\"v1\"").expect(204);
}

fn sessions(editor: &Client, event: &str) -> Vec<Value> {
    let list = editor.get(&format!("/api/v1/sessions?status=any&event={event}")).expect(200).json();
    list["data"].as_array().unwrap().clone()
}

#[apply(api_test)]
fn an_event_is_copied_with_its_programme(app: &TestApp) {
    let editor = app.editor();
    fill(&editor);
    // What is not public yet is the newest text.
    editor.patch("/api/v1/events/rivers?view=draft", "\"v2\"", &json!({"kicker": "Newest"})).expect(200);
    let path = "/api/v1/events/rivers/duplicate";
    let copy = editor.post(path, &json!({"starts_at": "2027-07-01", "title": "Rivers again"})).expect(201);
    let location = copy.header("location").to_owned();
    let copy = copy.json();
    assert_eq!(location, format!("/api/v1/events/{}", copy["id"].as_str().unwrap()));
    assert_eq!((&copy["slug"], &copy["title"]), (&json!("rivers-again"), &json!("Rivers again")));
    assert_eq!((&copy["status"], &copy["version"], &copy["kicker"]), (&json!("draft"), &json!(1), &json!("Newest")));
    // Nine o'clock stays nine o'clock, in summer as in winter.
    for (value, expected) in [
        (&copy["starts_at"], json!("2027-07-01T09:00:00+02:00")),
        (&copy["ends_at"], json!("2027-07-02T17:00:00+02:00")),
        (&copy["registration"]["opens_at"], json!("2027-05-09T09:00:00+02:00")),
        (&copy["event_status"], json!("scheduled")),
        (&copy["recordings"], json!([])),
        (&copy["speakers"][0]["speaker"]["slug"], json!("anna")),
    ] {
        assert_eq!(*value, expected);
    }
    let times: Vec<(Value, Value, Value)> = sessions(&editor, "rivers-again")
        .into_iter()
        .map(|s| (s["title"].clone(), s["starts_at"].clone(), s["status"].clone()))
        .collect();
    let session = |title: &str, starts: &str| (json!(title), json!(starts), json!("draft"));
    assert_eq!(
        times,
        [session("Opening", "2027-07-01T09:00:00+02:00"), session("Closing", "2027-07-02T16:00:00+02:00")]
    );
    // The original stays as it was; the hidden language stays hidden, and its slug with the original.
    assert_eq!(sessions(&editor, "rivers").len(), 2);
    assert_eq!(editor.get("/api/v1/events/rivieren?locale=en").expect(200).json()["slug"], "rivers");
    app.visitor().get("/api/v1/events/rivieren").problem(404, &[]);
    let states = editor.get("/api/v1/events/rivers-again/translations").expect(200).json();
    assert_eq!(
        (&states["data"][1]["slug"], &states["data"][1]["missing"]),
        (&json!("rivers-again"), &json!(["kicker"]))
    );
    editor.act("/api/v1/events/rivers-again/publish", "\"v1\"").expect(200);
    let public = app.visitor().get("/api/v1/events/rivers-again?locale=nl").expect(200).json();
    assert_eq!((&public["title"], &public["fallbacks"][0]), (&json!("Rivers again"), &json!("title")));
    let history = editor.get("/api/v1/events/rivers-again/revisions").expect(200).json();
    assert_eq!(history["data"][1]["reason"], "copy of rivers");
}

#[apply(api_test)]
fn a_copy_is_told_what_it_is_to_be(app: &TestApp) {
    let editor = app.editor();
    fill(&editor);
    let path = "/api/v1/events/rivers/duplicate";
    let post = |query: &str, body: Value| editor.post(&format!("{path}{query}"), &body);
    // Without a word, nothing moves, and the slug is numbered.
    let plain = post("", json!({})).expect(201).json();
    assert_eq!((&plain["slug"], &plain["starts_at"]), (&json!("rivers-2"), &json!("2027-03-04T09:00:00+01:00")));
    let alone =
        post("?locale=nl", json!({"sessions": false, "title": "Stromen", "slug": "streams"})).expect(201).json();
    assert_eq!(
        (&alone["slug"], &alone["title"], sessions(&editor, "streams").len()),
        (&json!("streams"), &json!("Stromen"), 0)
    );
    let later = post("", json!({"starts_at": "2027-03-11T10:30", "slug": "later"})).expect(201).json();
    assert_eq!(
        (&later["starts_at"], &later["ends_at"]),
        (&json!("2027-03-11T10:30:00+01:00"), &json!("2027-03-12T18:30:00+01:00"))
    );
    assert_eq!(sessions(&editor, "later")[0]["starts_at"], "2027-03-11T10:30:00+01:00");
    // A key creates one copy, however often the request arrives.
    let keyed = || {
        let headers = [("content-type", "application/json"), ("idempotency-key", "copy-1")];
        editor.send("POST", path, &headers, b"{\"slug\": \"keyed\"}").expect(201)
    };
    let (first, second) = (keyed(), keyed());
    assert_eq!(
        (first.json()["id"].clone(), second.header("idempotency-replayed")),
        (second.json()["id"].clone(), "true")
    );
    assert_eq!(sessions(&editor, "keyed").len(), 2);
    for (body, code) in [
        (json!({"starts_at": "tomorrow"}), ("/starts_at", "not_a_time")),
        (json!({"slug": "Not a slug"}), ("/slug", "not_a_slug")),
        (json!({"when": "2027-01-01"}), ("/when", "unknown_field")),
    ] {
        post("", body).problem(422, &[code]);
    }
    post("", json!({"slug": "later"})).problem(409, &[("/slug", "taken")]);
    // All of it or nothing: the closing session would end after the last day of the calendar.
    let before = editor.get("/api/v1/events?status=any&count=exact").expect(200).json()["page"]["total"].clone();
    post("", json!({"starts_at": "9999-12-31", "slug": "last"})).expect(422);
    assert_eq!(editor.get("/api/v1/events?status=any&count=exact").expect(200).json()["page"]["total"], before);
    editor.post("/api/v1/events/nothing/duplicate", &json!({})).problem(404, &[]);
    editor.create("events", &json!({"title": "Undated"}));
    let dated = editor.post("/api/v1/events/undated/duplicate", &json!({"starts_at": "2027-05-01"})).expect(201).json();
    assert_eq!(dated["starts_on"], "2027-05-01");
    // Contributors create drafts, and this is one; viewers do not, and a key reaches no further than it is meant to.
    let contributor = app.client(Role::Contributor);
    contributor.post(path, &json!({"slug": "by-contributor"})).expect(201);
    app.client(Role::Viewer).post(path, &json!({})).problem(403, &[]);
    let key =
        editor.post("/api/v1/auth/keys", &json!({"name": "events", "collections": ["events"]})).expect(201).json();
    let limited = app.visitor().with_token(key["token"].as_str().expect("the token"));
    limited.post(path, &json!({"slug": "by-key"})).problem(403, &[]);
    limited.post(path, &json!({"slug": "by-key", "sessions": false})).expect(201);
}
