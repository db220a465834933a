//! What uses an item, and what happens to what is used.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;

fn slugs(list: &Value) -> Vec<(String, Vec<String>, bool)> {
    let entry = |entry: &Value| {
        let relations = entry["relations"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
        (entry["item"]["slug"].as_str().unwrap().to_owned(), relations.collect(), entry["working_draft"] == true)
    };
    list["data"].as_array().unwrap().iter().map(entry).collect()
}

/// A speaker in an event, a session, and a working draft; each of them in another state.
fn fill(editor: &Client) {
    editor.create("speakers", &json!({"name": "Anna", "status": "published"}));
    let twice = json!([{"speaker": "anna"}, {"speaker": "anna", "role": "moderator"}]);
    editor.create("events", &json!({"title": "Rivers", "status": "published", "speakers": twice}));
    editor.create("sessions", &json!({"title": "Opening", "event": "rivers", "speakers": [{"speaker": "anna"}]}));
    editor.create("events", &json!({"title": "Later", "status": "published"}));
    let draft = json!({"speakers": [{"speaker": "anna"}]});
    editor.patch("/api/v1/events/later?view=draft", "\"v1\"", &draft).expect(200);
}

#[apply(api_test)]
fn what_uses_an_item_is_listed(app: &TestApp) {
    let editor = app.editor();
    fill(&editor);
    let used = editor.get("/api/v1/speakers/anna/references").expect(200).json();
    let speakers = || vec!["speakers".to_owned()];
    let found = slugs(&used);
    for expected in [
        ("rivers".to_owned(), speakers(), false),
        ("opening".to_owned(), speakers(), false),
        ("later".to_owned(), Vec::new(), true),
    ] {
        assert!(found.contains(&expected), "{expected:?} is not among {found:?}");
    }
    assert_eq!((found.len(), &used["unreachable"], &used["releases"]), (3, &json!(0), &json!([])));
    let rivers = used["data"].as_array().unwrap().iter().find(|entry| entry["item"]["slug"] == "rivers").unwrap();
    assert_eq!((&rivers["item"]["collection"], &rivers["item"]["title"]), (&json!("events"), &json!("Rivers")));
    // Its sessions do not use an event: they go with it. A release does.
    assert_eq!(slugs(&editor.get("/api/v1/events/rivers/references").expect(200).json()), []);
    let release =
        json!({"name": "Spring", "items": [{"collection": "events", "id": "rivers", "operation": "archive"}]});
    editor.post("/api/v1/releases", &release).expect(201);
    let used = editor.get("/api/v1/events/rivers/references").expect(200).json();
    assert_eq!(used["releases"][0]["name"], "Spring");
    app.visitor().get("/api/v1/speakers/anna/references").problem(401, &[]);
    editor.get("/api/v1/speakers/nobody/references").problem(404, &[]);
    // A key sees of other collections what the public sees.
    let body = json!({"name": "K", "collections": ["speakers"]});
    let key = editor.post("/api/v1/auth/keys", &body).expect(201).json();
    let limited = app.visitor().with_token(key["token"].as_str().unwrap());
    let used = limited.get("/api/v1/speakers/anna/references").expect(200).json();
    assert_eq!((slugs(&used).len(), &used["unreachable"]), (1, &json!(2)), "{used}");
    let refused = limited.delete("/api/v1/speakers/anna", "\"v1\"").problem(409, &[("", "in_use")]);
    assert!(!refused.to_string().contains("opening") && !refused.to_string().contains("later"), "{refused}");
}

#[apply(api_test)]
fn what_is_used_is_not_trashed_unawares(app: &TestApp) {
    let editor = app.editor();
    fill(&editor);
    let refused = editor.delete("/api/v1/speakers/anna", "\"v1\"").problem(409, &[("", "in_use")]);
    let told: Vec<&str> =
        refused["errors"].as_array().unwrap().iter().map(|e| e["message"].as_str().unwrap()).collect();
    for part in [
        "event \"rivers\" refers to it (speakers)",
        "session \"opening\"",
        "event \"later\" refers to it (its working draft)",
    ] {
        assert!(told.iter().any(|message| message.contains(part)), "{part} is not among {told:?}");
    }
    // Nothing of it happened.
    let state = editor.get("/api/v1/speakers/anna/desk").expect(200).json();
    assert_eq!((&state["version"], &state["live"]), (&json!(1), &json!(true)));
    editor.delete("/api/v1/speakers/anna?references=no", "\"v1\"").problem(400, &[("?references", "not_allowed")]);
    // The version comes first: whoever has not seen the item is not told what uses it.
    editor.delete("/api/v1/speakers/anna", "\"v9\"").problem(412, &[]);
    editor.delete("/api/v1/speakers/anna?references=keep", "\"v1\"").expect(204);
    assert_eq!(app.visitor().get("/api/v1/events/rivers").expect(200).json()["speakers"], json!([]));
    // What refers to it can be changed nevertheless, but nothing new can refer to it.
    editor.patch("/api/v1/events/rivers", "\"v1\"", &json!({"kicker": "K"})).expect(200);
    let new = json!({"title": "New", "speakers": [{"speaker": "anna"}]});
    editor.post("/api/v1/events", &new).problem(422, &[("/speakers/0/speaker", "dangling_reference")]);
    editor.act("/api/v1/speakers/anna/restore", "\"v2\"").expect(200);
    assert_eq!(
        app.visitor().get("/api/v1/events/rivers").expect(200).json()["speakers"].as_array().map(Vec::len),
        Some(2)
    );
    // An event goes with its sessions, and what nothing uses goes at once.
    editor.delete("/api/v1/events/rivers", "\"v2\"").expect(204);
    editor.create("topics", &json!({"name": "Water"}));
    editor.delete("/api/v1/topics/water", "\"v1\"").expect(204);
    // Items in the trash use nothing.
    editor.delete("/api/v1/events/later", "\"v2\"").expect(204);
    editor.delete("/api/v1/sessions/opening", "\"v1\"").expect(204);
    editor.delete("/api/v1/speakers/anna", "\"v3\"").expect(204);
}

#[apply(api_test)]
fn in_bulk_what_goes_together_uses_nothing(app: &TestApp) {
    let editor = app.editor();
    editor.create("topics", &json!({"name": "Water"}));
    editor.create("events", &json!({"title": "Rivers", "topics": ["water"]}));
    let step =
        |collection: &str, id: &str| json!({"collection": collection, "id": id, "version": 1, "operation": "trash"});
    let bulk = |mode: &str, steps: Vec<Value>| editor.post("/api/v1/bulk", &json!({"mode": mode, "operations": steps}));
    let refused = bulk("all", vec![step("topics", "water")]).problem(422, &[("/operations/0", "in_use")]);
    assert!(refused["errors"][0]["message"].as_str().unwrap().contains("rivers"), "{refused}");
    let each = bulk("each", vec![step("topics", "water")]).expect(200).json();
    assert_eq!(
        (&each["results"][0]["status"], &each["results"][0]["errors"][0]["code"]),
        (&json!(409), &json!("in_use"))
    );
    editor.get("/api/v1/topics/water").expect(200);
    bulk("all", vec![step("topics", "water"), step("events", "rivers")]).expect(200);
    editor.create("topics", &json!({"name": "Law"}));
    editor.create("events", &json!({"title": "Courts", "topics": ["law"]}));
    let mut kept = step("topics", "law");
    kept["references"] = "keep".into();
    assert_eq!(bulk("each", vec![kept]).expect(200).json()["results"][0]["status"], 200);
}

/// As in single requests, and not as in bulk: what refers to an item has to go first.
#[apply(api_test)]
fn in_a_batch_what_refers_to_an_item_goes_first(app: &TestApp) {
    let editor = app.editor();
    editor.create("topics", &json!({"name": "Water"}));
    editor.create("events", &json!({"title": "Rivers", "topics": ["water"]}));
    let trash =
        |collection: &str, id: &str| json!({"operation": "trash", "collection": collection, "id": id, "version": 1});
    let batch = |client: &Client, entries: &[Value]| client.post("/api/v1/batch", &json!({"entries": entries}));
    let mut unknown = trash("topics", "fire");
    unknown["operation"] = "publish".into();
    let faults = [("/entries/0", "conflict"), ("/entries/1/id", "not_found")];
    let problem = batch(&editor, &[trash("topics", "water"), unknown]).problem(422, &faults);
    let message = problem["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("event \"rivers\" refers to it (topics)"), "{message}");
    batch(&editor, &[trash("topics", "water"), trash("events", "rivers")]).problem(422, &[("/entries/0", "conflict")]);
    editor.get("/api/v1/events/rivers").expect(200);
    batch(&editor, &[trash("events", "rivers"), trash("topics", "water")]).expect(200);
    editor.create("topics", &json!({"name": "Law"}));
    editor.create("events", &json!({"title": "Courts", "topics": ["law"]}));
    let with = |references: &str| {
        let mut entry = trash("topics", "law");
        entry["references"] = references.into();
        batch(&editor, &[entry])
    };
    with("no").problem(422, &[("/entries/0/references", "not_allowed")]);
    with("refuse").problem(422, &[("/entries/0", "conflict")]);
    with("keep").expect(200);
    // A key learns of other collections no more than the public.
    editor.create("speakers", &json!({"name": "Anna"}));
    editor.create("events", &json!({"title": "Secret", "speakers": [{"speaker": "anna"}]}));
    let body = json!({"name": "K", "collections": ["speakers"]});
    let key = editor.post("/api/v1/auth/keys", &body).expect(201).json();
    let limited = app.visitor().with_token(key["token"].as_str().unwrap());
    let problem = batch(&limited, &[trash("speakers", "anna")]).problem(422, &[("/entries/0", "conflict")]);
    assert!(!problem.to_string().contains("secret"), "{problem}");
}

#[apply(api_test)]
fn broken_references_are_listed(app: &TestApp) {
    let editor = app.editor();
    fill(&editor);
    let broken = |query: &str| editor.get(&format!("/api/v1/references/broken{query}")).expect(200).json();
    assert_eq!(broken(""), json!({"data": [], "more": false}));
    editor.create("topics", &json!({"name": "Water", "status": "published"}));
    editor.create("events", &json!({"title": "Dry", "status": "published", "topics": ["water"]}));
    editor.create("events", &json!({"title": "Draft", "topics": ["water"]}));
    editor.act("/api/v1/topics/water/unpublish", "\"v1\"").expect(200);
    editor.trash("/api/v1/speakers/anna", "\"v1\"").expect(204);
    let all = broken("?limit=100");
    let mut found: Vec<(String, String, String, String)> = Vec::new();
    for entry in all["data"].as_array().unwrap() {
        let text = |place: &str| entry.pointer(place).and_then(Value::as_str).unwrap_or("null").to_owned();
        found.push((text("/item/slug"), text("/relation"), text("/target/slug"), text("/reason")));
    }
    found.sort();
    let of = |source: &str, relation: &str, target: &str, reason: &str| {
        (source.to_owned(), relation.to_owned(), target.to_owned(), reason.to_owned())
    };
    // A draft may wait for what is a draft itself, but nothing waits for what is in the trash.
    let expected = [
        of("dry", "topics", "water", "not_public"),
        of("later", "null", "anna", "trashed"),
        of("opening", "speakers", "anna", "trashed"),
        of("rivers", "speakers", "anna", "trashed"),
        of("rivers", "speakers", "anna", "trashed"),
    ];
    assert_eq!(found, expected);
    // Pages follow each other without gaps, over both sorts.
    let mut paged = Vec::new();
    for offset in 0..5 {
        let page = broken(&format!("?limit=1&offset={offset}"));
        assert_eq!(page["more"], offset < 4);
        paged.extend(page["data"].as_array().unwrap().clone());
    }
    assert_eq!(json!(paged), all["data"]);
    app.visitor().get("/api/v1/references/broken").problem(401, &[]);
    editor.get("/api/v1/references/broken?limit=0").problem(400, &[("?limit", "out_of_range")]);
}
