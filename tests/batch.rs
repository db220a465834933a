//! Whole jobs in one request: all of it or nothing, by the rules of single writes.

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};

const PATH: &str = "/api/v1/batch";

pub fn batch(client: &Client, entries: &[Value]) -> Reply {
    client.post(PATH, &json!({"entries": entries}))
}

pub fn create(collection: &str, local_id: &str, content: Value) -> Value {
    json!({"operation": "create", "collection": collection, "local_id": local_id, "content": content})
}

pub fn update(collection: &str, id: &str, version: i64, patch: Value) -> Value {
    json!({"operation": "update", "collection": collection, "id": id, "version": version, "patch": patch})
}

fn step(operation: &str, collection: &str, id: &str) -> Value {
    json!({"operation": operation, "collection": collection, "id": id})
}

pub fn count(client: &Client, collection: &str) -> u64 {
    let page = client.get(&format!("/api/v1/{collection}?status=any&count=exact&limit=1")).expect(200).json();
    page["page"]["total"].as_u64().unwrap()
}

/// The codes of all faults by their pointers, in the order of the problem.
fn faults(problem: &Value) -> Vec<(&str, &str)> {
    problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap()))
        .collect()
}

/// An event with three new speakers and two new partners, all of them public.
fn whole_job() -> Vec<Value> {
    let person = |name: &str| create("speakers", name, json!({"name": name, "slug": name}));
    let partner = |name: &str| create("partners", name, json!({"name": name, "kind": "foundation"}));
    let mut entries = vec![
        create(
            "events",
            "event",
            json!({
                "title": "Who owns the rain?",
                "starts_at": "2027-09-16T14:00",
                "speakers": [
                    {"speaker": "#anna", "role": "moderator"},
                    {"speaker": "#boris"},
                    {"speaker": "#chiara"},
                ],
                "partners": [{"partner": "#delta", "role": "organiser"}, {"partner": "#elbe"}],
            }),
        ),
        person("anna"),
        person("boris"),
        person("chiara"),
        partner("delta"),
        partner("elbe"),
        create("sessions", "opening", json!({"title": "Opening", "event": "#event", "status": "published"})),
    ];
    entries.push(step("publish", "events", "#event"));
    entries.extend(["anna", "boris", "chiara"].map(|name| step("publish", "speakers", &format!("#{name}"))));
    entries.extend(["delta", "elbe"].map(|name| step("publish", "partners", &format!("#{name}"))));
    entries
}

#[apply(api_test)]
fn a_whole_job_is_one_request(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    // In the caches of the server, which the batch must not leave behind.
    assert_eq!(public.get("/api/v1/events").expect(200).json()["data"], json!([]));
    public.get("/api/v1/events/who-owns-the-rain").expect(404);
    let done = batch(&editor, &whole_job()).expect(200).json();
    let results = done["results"].as_array().unwrap();
    assert_eq!(results.len(), 13);
    assert_eq!(
        (&results[0]["collection"], &results[0]["slug"], &results[0]["version"], &results[0]["local_id"]),
        (&json!("events"), &json!("who-owns-the-rain"), &json!(1), &json!("event"))
    );
    assert_eq!((&results[7]["status"], &results[7]["version"]), (&json!("published"), &json!(2)));
    assert_eq!(results[7]["id"], results[0]["id"]);
    let event = public.get("/api/v1/events/who-owns-the-rain?include=speakers,partners,sessions").expect(200).json();
    let names: Vec<&str> =
        event["speakers"].as_array().unwrap().iter().map(|one| one["speaker"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["anna", "boris", "chiara"]);
    assert_eq!(event["partners"][0]["partner"]["name"], "delta");
    assert_eq!(event["sessions"][0]["title"], "Opening");
    assert_eq!(public.get("/api/v1/events").expect(200).json()["data"][0]["id"], event["id"]);
    // The history of each item names the batch, and the audit log lists all of it.
    let history = editor.get("/api/v1/events/who-owns-the-rain/revisions").expect(200).json();
    let actions: Vec<&str> =
        history["data"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["publish", "create"]);
    assert!(history["data"].as_array().unwrap().iter().all(|entry| entry["batch"] == done["id"]));
    let admin = app.client(Role::Administrator);
    let audit = format!("/api/v1/audit?limit=100&batch={}", done["id"].as_str().unwrap());
    let audit = admin.get(&audit).expect(200).json();
    let kinds: Vec<&str> =
        audit["data"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds.len(), kinds[0]), (14, "batch"), "{audit:#}");
    editor.create("topics", &json!({"name": "Alone"}));
    let alone = editor.get("/api/v1/topics/alone/revisions").expect(200).json();
    assert_eq!(alone["data"][0]["batch"], Value::Null);
}

#[apply(api_test)]
fn entries_refer_to_each_other_in_any_order(app: &TestApp) {
    let editor = app.editor();
    editor.create("events", &json!({"title": "Old"}));
    let entries = [
        // A circle, and an update that names what comes later.
        create("events", "a", json!({"title": "A", "related": ["#b"], "topics": ["#under"]})),
        json!({"operation": "update", "collection": "events", "id": "old", "version": 1, "local_id": "old",
               "patch": {"related": ["#a", "#c"]}}),
        create("events", "b", json!({"title": "B", "related": ["#a", "#old"]})),
        create("topics", "under", json!({"name": "Under", "parent": "#over"})),
        create("topics", "over", json!({"name": "Over"})),
        create("events", "c", json!({"title": "C"})),
        json!({"operation": "replace", "collection": "events", "id": "#old", "content": {"title": "New"}}),
    ];
    let done = batch(&editor, &entries).expect(200).json();
    assert_eq!(done["results"][6]["version"], 3, "{done:#}");
    let related = |slug: &str| -> Vec<String> {
        let event = editor.get(&format!("/api/v1/events/{slug}")).expect(200).json();
        event["related"].as_array().unwrap().iter().map(|one| one["slug"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((related("a"), related("b")), (vec!["b".to_owned()], vec!["a".to_owned(), "old".to_owned()]));
    assert_eq!((related("old"), related("c")), (Vec::new(), Vec::new()));
    let topic = editor.get("/api/v1/topics/under").expect(200).json();
    assert_eq!(topic["parent"]["slug"], "over");
    let circle = [
        create("topics", "x", json!({"name": "X", "parent": "#y"})),
        create("topics", "y", json!({"name": "Y", "parent": "#x"})),
        create("topics", "z", json!({"name": "Z", "parent": "#z"})),
    ];
    let problem = batch(&editor, &circle).problem(422, &[("/entries/2/content/parent", "circle")]);
    assert_eq!(faults(&problem).iter().filter(|(_, code)| *code == "circle").count(), 2, "{problem:#}");
    // A local id belongs to one kind.
    let wrong =
        [create("topics", "t", json!({"name": "T"})), create("events", "e", json!({"title": "E", "venue": "#t"}))];
    batch(&editor, &wrong).problem(422, &[("/entries/1/content/venue", "dangling_reference")]);
    let wrong = [create("topics", "t", json!({"name": "T"})), step("publish", "events", "#t")];
    batch(&editor, &wrong).problem(422, &[("/entries/1/id", "not_found")]);
    assert_eq!((count(&editor, "topics"), count(&editor, "events")), (2, 4));
}

#[apply(api_test)]
fn equal_titles_get_different_slugs(app: &TestApp) {
    let editor = app.editor();
    editor.create("events", &json!({"title": "Same"}));
    let entries: Vec<Value> = (0..60)
        .map(|_| json!({"operation": "create", "collection": "events", "content": {"title": "Same"}}))
        .chain([json!({"operation": "create", "collection": "topics", "content": {"name": "Same"}})])
        .collect();
    let done = batch(&editor, &entries).expect(200).json();
    let mut slugs: Vec<&str> =
        done["results"].as_array().unwrap().iter().map(|result| result["slug"].as_str().unwrap()).collect();
    assert_eq!((slugs[0], slugs[60]), ("same-2", "same"));
    slugs.sort_unstable();
    slugs.dedup();
    assert_eq!(slugs.len(), 61);
    let twice = [
        create("events", "a", json!({"title": "A", "slug": "mine"})),
        create("events", "b", json!({"title": "B", "slug": "mine"})),
        create("events", "c", json!({"title": "C", "slug": "same"})),
    ];
    let problem = batch(&editor, &twice).problem(422, &[]);
    assert_eq!(faults(&problem), [("/entries/1/content/slug", "taken"), ("/entries/2/content/slug", "taken")]);
}

#[apply(api_test)]
fn all_faults_are_named_and_nothing_is_written(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.create("topics", &json!({"name": "Water", "status": "published"}));
    editor.create("topics", &json!({"name": "Law"}));
    editor.create("topics", &json!({"name": "Air"}));
    let admin = app.client(Role::Administrator);
    let newest = || admin.get("/api/v1/audit?limit=1").expect(200).json()["data"][0]["sequence"].clone();
    let before = newest();
    let entries = [
        create("topics", "fine", json!({"name": "Fine"})),
        create("events", "a", json!({"titel": "A", "starts_at": "tomorrow", "topics": ["nothing"]})),
        create("events", "b", json!({"title": "B", "topics": ["nothing", "#fine"], "venue": "#nowhere"})),
        // These name what is refused, and are not judged.
        create("events", "c", json!({"title": "C", "related": ["#a"]})),
        step("publish", "events", "#a"),
        update("topics", "water", 7, json!({"name": "W"})),
        update("topics", "water", 1, json!({"heading": null, "position": "x"})),
        update("topics", "fire", 1, json!({"name": "F"})),
        json!({"operation": "discard", "collection": "topics", "id": "law", "version": 1}),
        // A draft is no reference for what is public.
        create("events", "d", json!({"title": "D", "status": "published", "topics": ["#fine", "law", "water"]})),
        // These succeed, and go with the others.
        json!({"operation": "trash", "collection": "topics", "id": "air", "version": 1}),
        json!({"operation": "unpublish", "collection": "topics", "id": "water", "version": 1}),
    ];
    let problem = batch(&editor, &entries).problem(422, &[]);
    assert_eq!(
        faults(&problem),
        [
            ("/entries/1/content/titel", "unknown_field"),
            ("/entries/1/content/title", "required"),
            ("/entries/1/content/starts_at", "not_a_time"),
            ("/entries/1/content/topics/0", "dangling_reference"),
            ("/entries/2/content/venue", "dangling_reference"),
            ("/entries/2/content/topics/0", "dangling_reference"),
            ("/entries/5/version", "changed_meanwhile"),
            ("/entries/6/patch/heading", "unknown_field"),
            ("/entries/7/id", "not_found"),
            ("/entries/8", "conflict"),
            ("/entries/9/content/topics/0", "not_published"),
            ("/entries/9/content/topics/1", "not_published"),
        ]
    );
    assert_eq!((count(&editor, "events"), count(&editor, "topics")), (0, 3));
    public.get("/api/v1/topics/water").expect(200);
    assert_eq!(newest(), before, "the journal has grown");
    // What is wrong with entries themselves is named before anything is tried.
    let entries = [
        json!({"operation": "invent", "collection": "topics"}),
        json!({"operation": "create", "collection": "papers", "content": {}}),
        json!({"operation": "create", "collection": "topics", "content": [], "local_id": "a b", "version": 1}),
        json!({"operation": "update", "collection": "topics", "id": "water", "content": {}}),
        json!({"operation": "publish", "collection": "topics", "id": "water"}),
        json!({"operation": "schedule", "collection": "topics", "id": "water", "version": 1, "publish_at": "2001-01-01"}),
        json!("publish"),
        create("topics", "x", json!({})),
        create("events", "x", json!({})),
        json!({"operation": "create", "collection": "topics", "local_id": "a b", "content": {}}),
    ];
    let problem = batch(&editor, &entries).problem(422, &[]);
    assert_eq!(
        faults(&problem),
        [
            ("/entries/0/operation", "not_allowed"),
            ("/entries/1/collection", "not_allowed"),
            ("/entries/2/content", "wrong_type"),
            ("/entries/2/version", "read_only"),
            ("/entries/3/patch", "required"),
            ("/entries/3/content", "unknown_field"),
            ("/entries/4/version", "required"),
            ("/entries/5/publish_at", "in_the_past"),
            ("/entries/6", "wrong_type"),
            ("/entries/8/local_id", "duplicate"),
            ("/entries/9/local_id", "not_a_local_id"),
        ],
        "{problem:#}"
    );
}

#[apply(api_test)]
fn a_batch_is_bounded(app: &TestApp) {
    let editor = app.editor();
    let topics = |number: usize| -> Vec<Value> {
        let topic =
            |index| json!({"operation": "create", "collection": "topics", "content": {"name": format!("t{index}")}});
        (0..number).map(topic).collect()
    };
    batch(&editor, &[]).problem(422, &[("/entries", "empty")]);
    batch(&editor, &topics(1_001)).problem(422, &[("/entries", "too_many")]);
    editor
        .post(PATH, &json!({"entries": {}, "mode": "all"}))
        .problem(422, &[("/entries", "wrong_type"), ("/mode", "unknown_field")]);
    editor.post(PATH, &json!([])).problem(422, &[("", "wrong_type")]);
    editor.post(PATH, &json!({})).problem(422, &[("/entries", "required")]);
    let large = "x".repeat(1_100_000);
    editor.post(PATH, &json!({"entries": [large]})).problem(413, &[]);
    assert_eq!(batch(&editor, &topics(1_000)).expect(200).json()["results"].as_array().unwrap().len(), 1_000);
    assert_eq!(count(&editor, "topics"), 1_000);
}

/// What a batch shares: its references are looked up once, and rows of one table are inserted together.
#[apply(api_test)]
fn a_batch_takes_few_statements(app: &TestApp) {
    let editor = app.editor();
    for name in ["anna", "boris"] {
        editor.create("speakers", &json!({"name": name}));
    }
    let speakers = json!([{"speaker": "anna"}, {"speaker": "boris"}]);
    let event = |index: usize| {
        create("events", &format!("e{index}"), json!({"title": format!("E{index}"), "speakers": speakers}))
    };
    let entries: Vec<Value> = (0..200).map(event).collect();
    let before = app.app.database.statements();
    batch(&editor, &entries).expect(200);
    let statements = app.app.database.statements() - before;
    // Up to 64 rows are inserted by one statement.
    assert!(statements < 60, "{statements} statements for 200 creates");
}

#[apply(api_test)]
fn a_repeated_batch_is_written_once(app: &TestApp) {
    let editor = app.editor();
    let body = json!({"entries": whole_job()}).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "job-1")];
    let send = |body: &str| editor.send("POST", PATH, &headers, body.as_bytes());
    let first = send(&body).expect(200);
    assert_eq!(first.header("idempotency-replayed"), "");
    editor.patch("/api/v1/events/who-owns-the-rain", "\"v2\"", &json!({"title": "Later"})).expect(200);
    let again = send(&body).expect(200);
    assert_eq!((again.header("idempotency-replayed"), again.json()), ("true", first.json()));
    assert_eq!((count(&editor, "events"), count(&editor, "speakers")), (1, 3));
    send(&body.replace("moderator", "keynote")).problem(422, &[("Idempotency-Key", "reused")]);
    editor.send("POST", "/api/v1/topics", &headers, br#"{"name":"T"}"#).problem(422, &[("Idempotency-Key", "reused")]);
    // A batch that is refused does not use the key up.
    let headers = [("content-type", "application/json"), ("idempotency-key", "job-2")];
    let send = |body: &str| editor.send("POST", PATH, &headers, body.as_bytes());
    send(r#"{"entries":[{"operation":"create","collection":"topics","content":{}}]}"#).problem(422, &[]);
    send(r#"{"entries":[{"operation":"create","collection":"topics","content":{"name":"T"}}]}"#).expect(200);
}

#[apply(api_test)]
fn each_entry_needs_its_permission(app: &TestApp) {
    let (editor, contributor, viewer) = (app.editor(), app.client(Role::Contributor), app.client(Role::Viewer));
    let topic = create("topics", "mine", json!({"name": "Mine"}));
    batch(&app.visitor(), std::slice::from_ref(&topic)).problem(401, &[]);
    batch(&viewer, std::slice::from_ref(&topic)).problem(403, &[]);
    editor.create("topics", &json!({"name": "Others"}));
    let entries = [
        topic.clone(),
        create("topics", "public", json!({"name": "Public", "status": "published"})),
        update("topics", "others", 1, json!({"position": 1})),
        step("publish", "topics", "#mine"),
        json!({"operation": "trash", "collection": "topics", "id": "others", "version": 1}),
    ];
    let problem = batch(&contributor, &entries).problem(422, &[]);
    let forbidden: Vec<(&str, &str)> = vec![
        ("/entries/1", "forbidden"),
        ("/entries/2", "forbidden"),
        ("/entries/3", "forbidden"),
        ("/entries/4", "forbidden"),
    ];
    assert_eq!(faults(&problem), forbidden);
    batch(&contributor, &[topic, step("submit", "topics", "#mine")]).expect(200);
    // A key that is restricted to collections writes to these alone.
    let key = editor.post("/api/v1/auth/keys", &json!({"name": "K", "collections": ["events"]})).expect(201).json();
    let key = app.visitor().with_token(key["token"].as_str().unwrap());
    let entries = [create("events", "e", json!({"title": "E"})), create("topics", "t", json!({"name": "T"}))];
    let problem = batch(&key, &entries).problem(422, &[]);
    assert_eq!(faults(&problem), [("/entries/1", "forbidden")]);
    batch(&key, &[create("events", "e", json!({"title": "E", "topics": ["others"]}))]).expect(200);
    key.post("/api/v1/bulk", &json!({"operations": []})).problem(403, &[]);
}

#[apply(api_test)]
fn each_entry_names_the_version_that_it_changes(app: &TestApp) {
    let editor = app.editor();
    editor.create("events", &json!({"title": "E", "summary": "one", "kicker": "one"}));
    editor.patch("/api/v1/events/e", "\"v1\"", &json!({"summary": "two"})).expect(200);
    let stale = [update("events", "e", 1, json!({"summary": "three"}))];
    let problem = batch(&editor, &stale).problem(422, &[("/entries/0/version", "changed_meanwhile")]);
    let message = problem["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("version 2") && message.contains("/summary"), "{message}");
    // What others changed elsewhere is kept, if the client asks for that.
    let other = json!({"entries": [update("events", "e", 1, json!({"kicker": "two"}))]});
    editor.post(&format!("{PATH}?merge=auto"), &other).expect(200);
    let event = editor.get("/api/v1/events/e").expect(200).json();
    assert_eq!((&event["summary"], &event["kicker"], &event["version"]), (&json!("two"), &json!("two"), &json!(3)));
    // The version that an earlier entry makes, by number and by local id.
    let entries = [
        json!({"operation": "update", "collection": "events", "id": "e", "version": 3, "local_id": "e", "patch": {"summary": "a"}}),
        update("events", "e", 4, json!({"summary": "b"})),
        json!({"operation": "update", "collection": "events", "id": "#e", "patch": {"summary": "c"}}),
        json!({"operation": "update", "collection": "events", "id": "#e", "version": 6, "patch": {"summary": "d"}}),
        step("publish", "events", "#e"),
    ];
    let done = batch(&editor, &entries).expect(200).json();
    let versions: Vec<i64> =
        done["results"].as_array().unwrap().iter().map(|result| result["version"].as_i64().unwrap()).collect();
    assert_eq!(versions, [4, 5, 6, 7, 8]);
    assert_eq!(app.visitor().get("/api/v1/events/e").expect(200).json()["summary"], "d");
    let wrong = [
        json!({"operation": "update", "collection": "events", "id": "e", "version": 8, "local_id": "e", "patch": {"summary": "x"}}),
        json!({"operation": "archive", "collection": "events", "id": "#e", "version": 8}),
    ];
    batch(&editor, &wrong).problem(422, &[("/entries/1/version", "changed_meanwhile")]);
    // With view=draft, the changes go to working drafts, and the public sees nothing of them.
    let draft = json!({"entries": [update("events", "e", 8, json!({"summary": "draft"}))]});
    editor.post(&format!("{PATH}?view=draft&reason=Later"), &draft).expect(200);
    assert_eq!(app.visitor().get("/api/v1/events/e").expect(200).json()["summary"], "d");
    assert_eq!(editor.get("/api/v1/events/e?view=draft").expect(200).json()["summary"], "draft");
    let history = editor.get("/api/v1/events/e/revisions").expect(200).json();
    assert_eq!(
        (&history["data"][0]["reason"], &history["data"][0]["action"]),
        (&json!("Later"), &json!("update_draft"))
    );
}

/// What counts as public because a request publishes it must be public in the end.
#[apply(api_test)]
fn what_is_published_together_is_published(app: &TestApp) {
    let editor = app.editor();
    let dora = editor.create("speakers", &json!({"name": "Dora"}));
    let event = |speaker: Value| json!({"title": "E", "status": "published", "speakers": [{"speaker": speaker}]});
    // The speaker is there already, and stays a draft.
    let nested = json!({"match": {"slug": "dora"}, "create": {"name": "Dora", "status": "published"}});
    editor.post("/api/v1/events", &event(nested)).problem(422, &[("/speakers/0/speaker", "not_published")]);
    // A later entry takes the speaker down again.
    let publish = |local_id: &str| {
        let mut publish = step("publish", "speakers", dora["id"].as_str().unwrap());
        publish["local_id"] = local_id.into();
        publish["version"] = 1.into();
        publish
    };
    let entries = [publish("d"), create("events", "e", event(json!("#d"))), step("unpublish", "speakers", "#d")];
    let problem = batch(&editor, &entries).problem(422, &[]);
    assert_eq!(faults(&problem), [("/entries/1/content/speakers/0/speaker", "not_published")]);
    batch(&editor, &entries[..2]).expect(200);
    // The same by steps alone.
    editor.act("/api/v1/events/e/unpublish", "\"v1\"").expect(200);
    editor.act("/api/v1/speakers/dora/unpublish", "\"v2\"").expect(200);
    let operation = |operation: &str, collection: &str, id: &str, version: i64| json!({"operation": operation, "collection": collection, "id": id, "version": version});
    let mut steps = vec![
        operation("publish", "speakers", "dora", 3),
        operation("publish", "events", "e", 2),
        operation("unpublish", "speakers", "dora", 4),
    ];
    editor.post("/api/v1/bulk", &json!({"operations": steps})).problem(422, &[("/operations/1", "not_published")]);
    steps.pop();
    editor.post("/api/v1/bulk", &json!({"operations": steps})).expect(200);
}
