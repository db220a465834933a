//! What a read returns can be written as it is.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

/// An event with everything that a response shows in another form than requests have, in two languages.
fn fill(editor: &Client) {
    for (collection, body) in [
        ("event-types", json!({"name": "Talk", "status": "published"})),
        ("topics", json!({"name": "Water", "status": "published"})),
        ("venues", json!({"name": "Hall", "address": {"country": "BE"}, "status": "published"})),
        ("partners", json!({"name": "Delta", "status": "published"})),
        (
            "speakers",
            json!({"name": "Anna", "organisation": "delta", "biography": "**Analyst**", "status": "published"}),
        ),
        ("speakers", json!({"name": "Bram"})),
        ("speakers", json!({"name": "Gone"})),
    ] {
        editor.create(collection, &body);
    }
    let event = json!({
        "title": {"en": "Rivers", "nl": "Rivieren"}, "summary": {"en": "Water"},
        "body": {"en": {"format": "html", "source": "<p>Shared <b>waters</b>"}, "nl": "*Gedeeld*"},
        "type": "talk", "venue": "hall", "topics": ["water"], "time_zone": "Europe/Brussels",
        "starts_at": "2027-03-04", "ends_at": "2027-03-05", "all_day": true,
        "registration": {"capacity": 20, "opens_at": "2027-01-01T09:00:00Z"},
        "contact": {"email": "a@example.org", "label": {"en": "Call us"}},
        "speakers": [
            {"role": "keynote", "speaker": "anna", "affiliation": {"en": "There", "nl": "Daar"}},
            {"role": "speaker", "speaker": "gone"},
            {"role": "moderator", "speaker": "bram", "affiliation": {"en": "Here"}},
        ],
        "partners": [{"role": "organiser", "partner": "delta"}],
        "links": [{"url": "https://example.org/a", "title": "A"}],
    });
    editor.post("/api/v1/events?locale=*", &event).expect(201);
}

#[apply(api_test)]
fn what_is_read_is_written_as_it_is(app: &TestApp) {
    let editor = app.editor();
    fill(&editor);
    editor.trash("/api/v1/speakers/gone", "\"v1\"").expect(204);
    let queries =
        ["", "?body_format=source", "?locale=nl&body_format=source", "?locale=nl", "?locale=*&body_format=source"];
    for query in queries {
        let read = editor.get(&format!("/api/v1/events/rivers{query}")).expect(200);
        let written = editor.put(&format!("/api/v1/events/rivers{query}"), read.etag(), &read.json()).expect(200);
        assert_eq!(read.json(), written.json(), "{query}");
        let revisions = editor.get("/api/v1/events/rivers/revisions").expect(200).json();
        assert_eq!(revisions["data"].as_array().unwrap().len(), 1, "{query}");
    }
    // Every other kind too.
    for path in ["event-types/talk", "topics/water", "venues/hall", "partners/delta", "speakers/anna", "speakers/bram"]
    {
        let path = format!("/api/v1/{path}?body_format=source");
        let read = editor.get(&path).expect(200);
        let written = editor.put(&path, read.etag(), &read.json()).expect(200).json();
        assert_eq!(written["biography"], read.json()["biography"], "{path}");
    }
    let session = json!({"title": "S", "event": "rivers", "speakers": [{"speaker": "anna"}], "abstract": "*A*"});
    editor.create("sessions", &session);
    let read = editor.get("/api/v1/sessions/s").expect(200);
    editor.put("/api/v1/sessions/s", read.etag(), &read.json()).expect(200);
}

#[apply(api_test)]
fn of_what_is_read_one_value_is_changed(app: &TestApp) {
    let editor = app.editor();
    fill(&editor);
    let path = "/api/v1/events/rivers?locale=nl&body_format=source";
    let read = editor.get(path).expect(200);
    let mut body = read.json();
    body["title"] = "Stromen".into();
    body["speakers"][2]["role"] = "panellist".into();
    body["registration"]["capacity"] = 30.into();
    let speakers = body["speakers"].as_array_mut().unwrap();
    speakers.swap(0, 2);
    editor.put(path, read.etag(), &body).expect(200);
    let changed = editor.get("/api/v1/events/rivers/revisions").expect(200).json()["data"][0]["changed"].clone();
    assert_eq!(changed, json!(["/title/nl", "/registration/capacity", "/speakers"]));
    let all = editor.get("/api/v1/events/rivers?locale=*").expect(200).json();
    assert_eq!(all["title"], json!({"en": "Rivers", "nl": "Stromen"}));
    assert_eq!((&all["summary"], &all["contact"]["label"]), (&json!({"en": "Water"}), &json!({"en": "Call us"})));
    let people: Vec<&Value> = all["speakers"].as_array().unwrap().iter().map(|s| &s["speaker"]["slug"]).collect();
    assert_eq!(people, ["bram", "gone", "anna"]);
    // A text of a fallback language stays one, also in an entry that is changed.
    assert_eq!(
        (&all["speakers"][0]["role"], &all["speakers"][0]["affiliation"]),
        (&json!("panellist"), &json!({"en": "Here"}))
    );
    assert_eq!(all["speakers"][2]["affiliation"], json!({"en": "There", "nl": "Daar"}));
    // A related item is an object with its id; another is named by id or slug.
    let read = editor.get("/api/v1/events/rivers").expect(200);
    let mut body = read.json();
    body["topics"] = json!([]);
    body["venue"] = Value::Null;
    body["speakers"][0] = json!({"role": "host", "speaker": "anna"});
    let put = editor.put("/api/v1/events/rivers", read.etag(), &body).expect(200).json();
    assert_eq!(
        (&put["topics"], &put["venue"], &put["speakers"][0]["speaker"]["slug"]),
        (&json!([]), &Value::Null, &json!("anna"))
    );
}

/// A response is accepted wherever an item is replaced, also with new items in it.
#[apply(api_test)]
fn what_is_read_is_written_by_every_door(app: &TestApp) {
    let editor = app.editor();
    fill(&editor);
    let path = "/api/v1/events/rivers?body_format=source";
    let read = editor.get(path).expect(200);
    let mut body = read.json();
    body["speakers"].as_array_mut().unwrap().push(json!({"role": "host", "speaker": {"create": {"name": "Dora"}}}));
    body["venue"] = json!({"match": {"slug": "hall"}});
    let put = editor.put(path, read.etag(), &body).expect(200).json();
    assert_eq!(put["speakers"][3]["speaker"]["name"], "Dora");
    let changed = editor.get("/api/v1/events/rivers/revisions").expect(200).json()["data"][0]["changed"].clone();
    assert_eq!(changed, json!(["/speakers"]));
    let all = editor.get("/api/v1/events/rivers?locale=*").expect(200).json();
    assert_eq!(all["speakers"][0]["affiliation"], json!({"en": "There", "nl": "Daar"}));
    // An item that is shown cannot also be created, and what only the server sets is still not written.
    let mut wrong = editor.get(path).expect(200).json();
    wrong["venue"]["create"] = json!({"name": "Another"});
    wrong["version"] = 7.into();
    editor.put(path, "\"v2\"", &wrong).problem(422, &[("/venue/id", "unknown_field")]);
    // As an entry of a batch.
    let content = editor.get("/api/v1/events/rivers?locale=nl").expect(200).json();
    let entry =
        json!({"operation": "replace", "collection": "events", "id": "rivers", "version": 2, "content": content});
    editor.post("/api/v1/batch?locale=nl", &json!({"entries": [entry]})).expect(200);
    assert_eq!(editor.get(path).expect(200).json()["version"], 2);
    let create = json!({"operation": "create", "collection": "events", "content": content});
    editor.post("/api/v1/batch", &json!({"entries": [create]})).problem(422, &[("/entries/0/content/id", "read_only")]);
    // By the id in another system, where what is the same writes nothing.
    let record = "/api/v1/topics/by-external-id/crm/ice";
    let headers = [("content-type", "application/json")];
    let write = |body: &Value| editor.send("PUT", record, &headers, body.to_string().as_bytes());
    write(&json!({"name": "Ice", "parent": "water"})).expect(201);
    let mut read = editor.get(record).expect(200).json();
    assert_eq!(write(&read).expect(200).json()["version"], 1);
    read["name"] = "Snow".into();
    let written = write(&read).expect(200).json();
    assert_eq!((&written["version"], &written["parent"]["slug"]), (&json!(2), &json!("water")));
}

#[apply(api_test)]
fn what_the_server_sets_is_not_written(app: &TestApp) {
    let editor = app.editor();
    fill(&editor);
    let path = "/api/v1/events/rivers";
    let read = editor.get(path).expect(200).json();
    let mut body = read.clone();
    for (name, value) in
        [("id", json!("x")), ("version", json!(7)), ("excerpt", json!("Mine")), ("sessions", json!([]))]
    {
        body[name] = value;
    }
    body["titel"] = "x".into();
    let faults = [
        ("/id", "read_only"),
        ("/version", "read_only"),
        ("/excerpt", "read_only"),
        ("/sessions", "read_only"),
        ("/titel", "unknown_field"),
    ];
    editor.put(path, "\"v1\"", &body).problem(422, &faults);
    editor.post("/api/v1/events", &read).problem(422, &[("/id", "read_only")]);
    editor.patch(path, "\"v1\"", &json!({"id": read["id"]})).problem(422, &[("/id", "read_only")]);
    editor.put(path, "\"v1\"", &json!({"title": "R", "speakers": [{"speaker": {"id": "x"}}]})).expect(422);
    // What is in review, or a working draft, shows a state that is no status of requests.
    let submitted = editor.act(&format!("{path}/submit"), "\"v1\"").expect(200);
    let written = editor.put(path, submitted.etag(), &submitted.json()).expect(200);
    assert_eq!(written.json()["status"], "in_review");
    for person in ["bram", "gone"] {
        editor.act(&format!("/api/v1/speakers/{person}/publish"), "\"v1\"").expect(200);
    }
    let published = editor.act(&format!("{path}/publish"), written.etag()).expect(200);
    let draft = format!("{path}?view=draft");
    editor.patch(&draft, published.etag(), &json!({"title": "Streams"})).expect(200);
    let read = editor.get(&draft).expect(200);
    let mut body = read.json();
    assert_eq!(body["status"], "draft");
    body["kicker"] = "New".into();
    let put = editor.put(&draft, read.etag(), &body).expect(200).json();
    assert_eq!((&put["title"], &put["kicker"]), (&json!("Streams"), &json!("New")));
    assert_eq!(app.visitor().get(path).expect(200).json()["title"], "Rivers");
    // A response that others have overtaken is merged like any other body.
    let read = editor.get(&draft).expect(200);
    editor.patch(&draft, read.etag(), &json!({"title": "Brooks"})).expect(200);
    let mut body = read.json();
    body["kicker"] = "Newer".into();
    editor.put(&draft, read.etag(), &body).problem(412, &[]);
    let merged = editor.put(&format!("{draft}&merge=auto"), read.etag(), &body).expect(200).json();
    assert_eq!((&merged["title"], &merged["kicker"]), (&json!("Brooks"), &json!("Newer")));
}

/// In one language, an entry keeps what it says in the others, wherever it moves.
#[apply(api_test)]
fn entries_keep_their_translations_when_they_move(app: &TestApp) {
    let editor = app.editor();
    fill(&editor);
    let id = |slug: &str| editor.get(&format!("/api/v1/speakers/{slug}")).expect(200).json()["id"].clone();
    let entry =
        |role: &str, id: Value, affiliation: Value| json!({"role": role, "speaker": id, "affiliation": affiliation});
    let new = editor.create("speakers", &json!({"name": "New"}))["id"].clone();
    let speakers = json!([
        entry("moderator", id("bram"), Value::Null),
        entry("host", new, json!("Elders")),
        entry("keynote", id("anna"), json!("Ginds")),
    ]);
    editor.patch("/api/v1/events/rivers?locale=nl", "\"v1\"", &json!({"speakers": speakers})).expect(200);
    let all = editor.get("/api/v1/events/rivers?locale=*").expect(200).json()["speakers"].clone();
    let told: Vec<&Value> = all.as_array().unwrap().iter().map(|entry| &entry["affiliation"]).collect();
    assert_eq!(told, [&json!({"en": "Here"}), &json!({"nl": "Elders"}), &json!({"en": "There", "nl": "Ginds"})]);
}
