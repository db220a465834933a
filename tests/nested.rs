//! Creations within the content of other items.

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

fn count(client: &Client, collection: &str) -> u64 {
    let page = client.get(&format!("/api/v1/{collection}?status=any&count=exact&limit=1")).expect(200).json();
    page["page"]["total"].as_u64().unwrap()
}

fn external(id: &str) -> Value {
    json!({"external_id": {"source": "crm", "id": id}})
}

/// An event whose speakers, partners, venue and topic may be new.
fn event() -> Value {
    json!({
        "title": "Who owns the rain?",
        "venue": {"match": {"slug": "pump-house"}, "create": {"name": "Pump house"}},
        "topics": [{"match": external("water"), "create": {"name": "Water"}}, "law"],
        "speakers": [
            {"speaker": {"create": {"name": "Anna", "organisation": {"match": external("delta"), "create": {"name": "Delta", "kind": "company"}}}}, "role": "moderator"},
            {"speaker": {"create": {"name": "Boris", "organisation": {"match": external("delta"), "create": {"name": "Another", "kind": "company"}}}}},
            {"speaker": {"match": {"slug": "chiara"}}},
        ],
        "partners": [{"partner": {"match": external("delta")}, "role": "organiser"}],
    })
}

#[apply(api_test)]
fn a_body_creates_what_it_refers_to(app: &TestApp) {
    let editor = app.editor();
    editor.create("topics", &json!({"name": "Law"}));
    editor.create("speakers", &json!({"name": "Chiara"}));
    let made = editor.post("/api/v1/events", &event()).expect(201);
    let body = made.json();
    assert_eq!(made.header("location"), format!("/api/v1/events/{}", body["id"].as_str().unwrap()));
    let names: Vec<&str> =
        body["speakers"].as_array().unwrap().iter().map(|one| one["speaker"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Anna", "Boris", "Chiara"]);
    assert_eq!((&body["venue"]["slug"], &body["topics"][0]["name"]), (&json!("pump-house"), &json!("Water")));
    assert_eq!(body["partners"][0]["partner"]["name"], "Delta");
    let partner = editor.get("/api/v1/partners/by-external-id/crm/delta").expect(200).json();
    let anna = editor.get("/api/v1/speakers/anna").expect(200).json();
    assert_eq!((&anna["organisation"]["id"], &anna["status"]), (&partner["id"], &json!("draft")));
    // What was looked for once is there, and was made once.
    assert_eq!(["speakers", "partners", "venues", "topics"].map(|kind| count(&editor, kind)), [3, 1, 1, 2]);
    editor.post("/api/v1/events", &event()).expect(201);
    assert_eq!(["speakers", "partners", "venues", "topics"].map(|kind| count(&editor, kind)), [5, 1, 1, 2]);
    // A place that only refers may come before the one that creates.
    let body = json!({"title": "S", "event": "who-owns-the-rain", "speakers": [
        {"speaker": {"match": {"slug": "emil"}}, "role": "host"},
        {"speaker": {"match": {"slug": "emil"}, "create": {"name": "Emil"}}, "role": "moderator"},
    ]});
    let session = editor.post("/api/v1/sessions", &body).expect(201).json();
    assert_eq!(session["speakers"][0]["speaker"]["name"], "Emil");
    assert_eq!(count(&editor, "speakers"), 6);
    // The history tells that they were written together.
    let batch =
        |path: &str| editor.get(&format!("/api/v1/{path}/revisions")).expect(200).json()["data"][0]["batch"].clone();
    assert!(batch("events/who-owns-the-rain").is_string());
    assert_eq!(batch("events/who-owns-the-rain"), batch("partners/delta"));
    let entries = json!({"entries": [
        {"operation": "create", "collection": "events", "local_id": "e", "content": event()},
        {"operation": "create", "collection": "sessions", "content": {"title": "S", "event": "#e", "speakers": [{"speaker": {"match": {"slug": "dora"}, "create": {"name": "Dora"}}}]}},
    ]});
    let done = editor.post("/api/v1/batch", &entries).expect(200).json();
    assert_eq!(done["results"].as_array().unwrap().len(), 2, "nested entries have no results");
    let both = json!({"entries": [
        {"operation": "put", "collection": "topics", "external_id": {"source": "crm", "id": "ice"}, "content": {"name": "Ice"}},
        {"operation": "create", "collection": "events", "content": {"title": "E", "topics": [{"match": external("ice"), "create": {"name": "Ice"}}]}},
    ]});
    editor.post("/api/v1/batch", &both).problem(422, &[("/entries/1/content/topics/0", "conflict")]);
    assert_eq!(editor.get("/api/v1/speakers/dora").expect(200).json()["name"], "Dora");
}

#[apply(api_test)]
fn changes_create_what_they_refer_to(app: &TestApp) {
    let editor = app.editor();
    editor.create("events", &json!({"title": "E", "summary": "S"}));
    let speakers = json!({"speakers": [{"speaker": {"create": {"name": "Anna"}}}]});
    editor.patch("/api/v1/events/e", "\"v7\"", &speakers).problem(412, &[]);
    assert_eq!(count(&editor, "speakers"), 0, "a refused change has made a speaker");
    let patched = editor.patch("/api/v1/events/e", "\"v1\"", &speakers).expect(200).json();
    assert_eq!((&patched["speakers"][0]["speaker"]["name"], &patched["version"]), (&json!("Anna"), &json!(2)));
    assert_eq!(patched["summary"], "S");
    let venue = json!({"title": "E", "venue": {"create": {"name": "Hall"}}});
    let replaced = editor.put("/api/v1/events/e", "\"v2\", \"v9\"", &venue).expect(200).json();
    assert_eq!((&replaced["venue"]["name"], &replaced["speakers"]), (&json!("Hall"), &json!([])));
    editor.patch("/api/v1/events/nothing", "\"v1\"", &speakers).problem(404, &[]);
    editor.act("/api/v1/venues/hall/publish", "\"v1\"").expect(200);
    editor.act("/api/v1/events/e/publish", "\"v3\"").expect(200);
    editor.patch("/api/v1/events/e?view=draft", "\"v4\"", &speakers).expect(200);
    assert_eq!(app.visitor().get("/api/v1/events/e").expect(200).json()["speakers"], json!([]));
    assert_eq!(
        editor.get("/api/v1/events/e?view=draft").expect(200).json()["speakers"][0]["speaker"]["slug"],
        "anna-2"
    );
}

#[apply(api_test)]
fn faults_are_named_at_every_depth(app: &TestApp) {
    let editor = app.editor();
    let body = json!({
        "titel": "E",
        "venue": {"create": {"name": 5}},
        "topics": [{"create": {"name": "Fine"}}, {"match": {"slug": "nothing"}}, {}, {"match": {"id": "x"}}, {"match": "x", "create": {"name": "M"}}],
        "speakers": [
            {"speaker": {"create": {"organisation": {"create": {"kind": "choir"}}}}},
            {"speaker": {"make": {}, "create": {"name": "A"}}},
        ],
        "related": [{"create": {"title": "Own kind"}}],
    });
    let problem = editor.post("/api/v1/events", &body).problem(
        422,
        &[
            ("/titel", "unknown_field"),
            ("/title", "required"),
            ("/venue/create/name", "wrong_type"),
            ("/topics/1", "dangling_reference"),
            ("/topics/2/match", "required"),
            ("/topics/3/match/id", "unknown_field"),
            ("/topics/4/match", "wrong_type"),
            ("/speakers/0/speaker/create/name", "required"),
            ("/speakers/0/speaker/create/organisation/create/name", "required"),
            ("/speakers/0/speaker/create/organisation/create/kind", "not_allowed"),
            ("/speakers/1/speaker/make", "unknown_field"),
            ("/related/0", "wrong_type"),
        ],
    );
    assert_eq!(problem["errors"].as_array().unwrap().len(), 12, "{problem:#}");
    assert_eq!(["events", "topics", "speakers"].map(|kind| count(&editor, kind)), [0, 0, 0]);
    // A draft is no reference for what is public, nested or not.
    let body = json!({"title": "E", "status": "published", "venue": {"create": {"name": "V"}}});
    editor.post("/api/v1/events", &body).problem(422, &[("/venue", "not_published")]);
    let body = json!({"title": "E", "status": "published", "venue": {"create": {"name": "V", "status": "published"}}});
    editor.post("/api/v1/events", &body).expect(201);
    let many: Vec<Value> = (0..40).map(|n| json!({"create": {"name": format!("T{n}")}})).collect();
    let entry = json!({"operation": "create", "collection": "events", "content": {"title": "E", "topics": many}});
    let entries = json!({"entries": vec![entry; 25]});
    editor.post("/api/v1/batch", &entries).problem(422, &[("", "too_many")]);
}

#[apply(api_test)]
fn nested_items_need_their_permission(app: &TestApp) {
    let (editor, contributor) = (app.editor(), app.client(Role::Contributor));
    editor.create("topics", &json!({"name": "Water"}));
    let published = json!({"title": "E", "topics": [{"create": {"name": "T", "status": "published"}}]});
    contributor.post("/api/v1/events", &published).problem(422, &[("/topics/0", "forbidden")]);
    contributor.post("/api/v1/events", &json!({"title": "E", "topics": [{"create": {"name": "T"}}]})).expect(201);
    let key = editor.post("/api/v1/auth/keys", &json!({"name": "K", "collections": ["events"]})).expect(201).json();
    let key = app.visitor().with_token(key["token"].as_str().unwrap());
    let body = json!({"title": "F", "topics": [{"create": {"name": "U"}}]});
    key.post("/api/v1/events", &body).problem(422, &[("/topics/0", "forbidden")]);
    key.post("/api/v1/events", &json!({"title": "F", "topics": [{"match": {"slug": "water"}}]})).expect(201);
    assert_eq!((count(&editor, "events"), count(&editor, "topics")), (2, 2));
}

#[apply(api_test)]
fn repeated_requests_make_nothing_twice(app: &TestApp) {
    let editor = app.editor();
    let headers = [("content-type", "application/json"), ("idempotency-key", "k1")];
    let body = json!({"title": "E", "topics": [{"create": {"name": "T"}}]}).to_string();
    let first = editor.send("POST", "/api/v1/events", &headers, body.as_bytes()).expect(201);
    let again = editor.send("POST", "/api/v1/events", &headers, body.as_bytes()).expect(201);
    assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", first.json()));
    assert_eq!((count(&editor, "events"), count(&editor, "topics")), (1, 1));
    // What is written again and again has to say how the item is found.
    let put = |body: &Value| {
        let headers = [("content-type", "application/json")];
        editor.send("PUT", "/api/v1/events/by-external-id/crm/7", &headers, body.to_string().as_bytes())
    };
    let blind = json!({"title": "P", "topics": [{"create": {"name": "T"}}]});
    put(&blind).problem(422, &[("/topics/0/match", "required")]);
    let sighted = json!({"title": "P", "topics": [{"match": external("t"), "create": {"name": "T"}}]});
    put(&sighted).expect(201);
    put(&sighted).expect(200);
    assert_eq!(put(&json!({"title": "Q", "topics": [{"match": external("t")}]})).expect(200).json()["version"], 2);
    assert_eq!(count(&editor, "topics"), 2);
    // One in the trash is not made anew, and nothing refers to it.
    editor.trash("/api/v1/topics/t-2", "\"v1\"").expect(204);
    put(&json!({"title": "R", "topics": [{"match": external("t"), "create": {"name": "T"}}]}))
        .problem(422, &[("/topics/0", "conflict")]);
}
