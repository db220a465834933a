//! Items by the ids that another system knows: creation, replacement, and what editors changed in between.

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};

const PATH: &str = "/api/v1/events/by-external-id/pretalx/XKQ8JD";

fn put(client: &Client, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
    let headers = [&[("content-type", "application/json")], headers].concat();
    client.send("PUT", path, &headers, body.to_string().as_bytes())
}

fn versions(client: &Client, path: &str) -> usize {
    client.get(&format!("{path}/revisions")).expect(200).json()["data"].as_array().unwrap().len()
}

#[apply(api_test)]
fn a_record_is_created_and_then_replaced(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    editor.get(PATH).problem(404, &[]);
    public.get(PATH).problem(401, &[]);
    let body = json!({"title": "A talk", "kicker": "Talk", "status": "published"});
    let made = put(&editor, PATH, &[], &body).expect(201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("/api/v1/events/{id}"));
    let read = editor.get(PATH).expect(200);
    assert_eq!((&read.json()["id"], read.json()["title"].as_str()), (&json!(id), Some("A talk")));
    editor.send("GET", PATH, &[("if-none-match", read.etag())], b"").expect(304);
    assert_eq!(editor.get(&format!("{PATH}?fields=title")).expect(200).json()["title"], "A talk");
    // The same again writes nothing; other content is a new version, in which what is left out is gone.
    assert_eq!(put(&editor, PATH, &[], &body).expect(200).json()["version"], 1);
    let other = put(&editor, PATH, &[], &json!({"title": "Another talk"})).expect(200);
    assert_eq!((&other.json()["version"], &other.json()["kicker"]), (&json!(2), &Value::Null));
    assert_eq!((&other.json()["slug"], &other.json()["status"]), (&json!("a-talk"), &json!("published")));
    assert_eq!(public.get("/api/v1/events/a-talk").expect(200).json()["title"], "Another talk");
    // Content that differs as a text and not in its meaning.
    let same = json!({"title": "Another talk", "slug": "a-talk", "kicker": null, "status": "published"});
    assert_eq!(put(&editor, PATH, &[], &same).expect(200).json()["version"], 2);
    assert_eq!(versions(&editor, "/api/v1/events/a-talk"), 2);
    // Another kind and another system have names of their own.
    put(&editor, "/api/v1/speakers/by-external-id/pretalx/XKQ8JD", &[], &json!({"name": "A"})).expect(201);
    put(&editor, "/api/v1/events/by-external-id/frab/XKQ8JD", &[], &json!({"title": "B"})).expect(201);
    let odd = "/api/v1/events/by-external-id/frab/a%2Fb%3Ac%20%C3%A9";
    put(&editor, odd, &[], &json!({"title": "Odd"})).expect(201);
    assert_eq!(editor.get(odd).expect(200).json()["title"], "Odd");
    for impossible in ["a:b/c", "frab/a%C2%85"] {
        let path = format!("/api/v1/events/by-external-id/{impossible}");
        put(&editor, &path, &[], &json!({"title": "C"})).problem(404, &[]);
    }
    put(&editor, PATH, &[], &json!({"titel": "C"}))
        .problem(422, &[("/titel", "unknown_field"), ("/title", "required")]);
    put(&editor, PATH, &[], &json!([])).problem(422, &[("", "wrong_type")]);
}

#[apply(api_test)]
fn conditions_say_whether_it_may_exist(app: &TestApp) {
    let editor = app.editor();
    let (a, b) = (json!({"title": "A"}), json!({"title": "B"}));
    put(&editor, PATH, &[("if-match", "\"v1\"")], &a).problem(412, &[]);
    put(&editor, PATH, &[("if-match", "*")], &a).problem(428, &[]);
    put(&editor, PATH, &[("if-none-match", "\"v1\"")], &a).problem(400, &[("If-None-Match", "not_a_tag")]);
    put(&editor, PATH, &[("if-none-match", "")], &a).problem(400, &[("If-None-Match", "not_a_tag")]);
    let both = [("if-none-match", "*"), ("if-match", "\"v1\"")];
    put(&editor, PATH, &both, &a).problem(400, &[("If-None-Match", "with_if_match")]);
    editor.get(PATH).problem(404, &[]);
    let made = put(&editor, PATH, &[("if-none-match", "*")], &a).expect(201);
    let problem = put(&editor, PATH, &[("if-none-match", "*")], &a).problem(412, &[]);
    assert_eq!(problem["current"]["version"], 1);
    assert_eq!(put(&editor, PATH, &[("if-match", made.etag())], &b).expect(200).json()["version"], 2);
    let problem = put(&editor, PATH, &[("if-match", made.etag())], &a).problem(412, &[]);
    assert_eq!((&problem["current"]["version"], &problem["current"]["changed"]), (&json!(2), &json!(["/title"])));
    editor.delete("/api/v1/events/a", "\"v2\"").expect(204);
    put(&editor, PATH, &[], &b).problem(409, &[]);
}

#[apply(api_test)]
fn slugs_of_all_languages_belong_to_a_record(app: &TestApp) {
    let editor = app.editor();
    let record = |nl: &str| json!({"title": "A talk", "slugs": {"nl": nl}});
    put(&editor, PATH, &[], &record("een-praatje")).expect(201);
    assert_eq!(editor.get(&format!("{PATH}?locale=nl")).expect(200).json()["slug"], "een-praatje");
    // The same slugs in other words are no change; others are.
    let same = json!({"title": "A talk", "slugs": {"en": "a-talk", "nl": "een-praatje"}});
    assert_eq!(put(&editor, PATH, &[], &same).expect(200).json()["version"], 1);
    assert_eq!(put(&editor, PATH, &[], &record("praatje")).expect(200).json()["version"], 2);
    assert_eq!(editor.get(&format!("{PATH}?locale=nl")).expect(200).json()["slug"], "praatje");
}

#[apply(api_test)]
fn what_editors_changed_is_not_undone(app: &TestApp) {
    let editor = app.editor();
    let record = json!({"title": "A talk", "kicker": "Talk"});
    put(&editor, PATH, &[], &record).expect(201);
    editor.patch("/api/v1/events/a-talk", "\"v1\"", &json!({"summary": "By an editor"})).expect(200);
    // A record that is still the same changes nothing.
    let same = put(&editor, PATH, &[], &record).expect(200).json();
    assert_eq!((&same["version"], &same["summary"]), (&json!(2), &json!("By an editor")));
    // One that changed is not written over what the other system has not seen, unless both fit together.
    let changed = json!({"title": "A better talk", "kicker": "Talk"});
    let problem = put(&editor, PATH, &[], &changed).problem(412, &[]);
    assert_eq!(problem["current"]["changed"], json!(["/summary"]));
    let merged = put(&editor, &format!("{PATH}?merge=auto"), &[], &changed).expect(200).json();
    assert_eq!(
        (&merged["title"], &merged["summary"], &merged["version"]),
        (&json!("A better talk"), &json!("By an editor"), &json!(3))
    );
    editor.patch("/api/v1/events/a-talk", "\"v3\"", &json!({"title": "An editor's talk"})).expect(200);
    let clash = json!({"title": "The best talk", "kicker": "Talk"});
    let problem = put(&editor, &format!("{PATH}?merge=auto"), &[], &clash).problem(412, &[]);
    assert_eq!(problem["current"]["conflicts"], json!(["/title"]));
    // Who has read it may decide.
    let read = editor.get(PATH).expect(200);
    put(&editor, PATH, &[("if-match", read.etag())], &clash).expect(200);
    // A public item with a working draft is written beside it only.
    editor.act("/api/v1/events/a-talk/publish", "\"v5\"").expect(200);
    editor.patch("/api/v1/events/a-talk?view=draft", "\"v6\"", &json!({"summary": "Draft"})).expect(200);
    let next = json!({"title": "Next"});
    put(&editor, PATH, &[("if-match", "\"v7\"")], &next).problem(409, &[]);
    put(&editor, &format!("{PATH}?view=draft"), &[("if-match", "\"v7\"")], &next).expect(200);
    assert_eq!(app.visitor().get("/api/v1/events/a-talk").expect(200).json()["title"], "The best talk");
}

#[apply(api_test)]
fn a_record_of_an_import_is_found(app: &TestApp) {
    let editor = app.editor();
    let made = editor.create("events", &json!({"title": "Imported"}));
    let id = made["id"].as_str().unwrap();
    app.sql(&format!(
        "INSERT INTO sources (kind, source, item_id, fingerprint, version) VALUES ('event', 'list.csv:7', '{id}', 'f', 1)"
    ));
    let path = "/api/v1/events/by-external-id/list.csv/7";
    assert_eq!(editor.get(path).expect(200).json()["id"], *id);
    assert_eq!(put(&editor, path, &[], &json!({"title": "Synchronised"})).expect(200).json()["version"], 2);
}

#[apply(api_test)]
fn permissions_are_those_of_single_writes(app: &TestApp) {
    let (editor, contributor) = (app.editor(), app.client(Role::Contributor));
    let body = json!({"title": "A"});
    put(&app.visitor(), PATH, &[], &body).problem(401, &[]);
    put(&app.client(Role::Viewer), PATH, &[], &body).problem(403, &[]);
    put(&contributor, PATH, &[], &json!({"title": "A", "status": "published"})).problem(403, &[]);
    put(&contributor, PATH, &[], &body).expect(201);
    put(&contributor, PATH, &[], &json!({"title": "B"})).expect(200);
    put(&app.client(Role::Contributor), PATH, &[], &json!({"title": "C"})).problem(403, &[]);
    put(&editor, PATH, &[], &json!({"title": "C", "status": "published"})).expect(200);
    put(&contributor, PATH, &[], &json!({"title": "D"})).problem(403, &[]);
    let key = editor.post("/api/v1/auth/keys", &json!({"name": "K", "collections": ["topics"]})).expect(201).json();
    let key = app.visitor().with_token(key["token"].as_str().unwrap());
    key.get(PATH).problem(403, &[]);
    put(&key, PATH, &[], &body).problem(403, &[]);
    put(&key, "/api/v1/topics/by-external-id/pretalx/1", &[], &json!({"name": "T"})).expect(201);
}

#[apply(api_test)]
fn of_many_at_once_one_creates(app: &TestApp) {
    let editor = app.editor();
    let statuses = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let reply = put(&editor, PATH, &[], &json!({"title": "One"}));
                statuses.lock().unwrap().push(reply.status);
            });
        }
    });
    let mut statuses = statuses.into_inner().unwrap();
    statuses.sort_unstable();
    assert_eq!(statuses, [[200; 15].as_slice(), &[201]].concat());
    assert_eq!(versions(&editor, "/api/v1/events/one"), 1);
}

/// The programme of another system, whose records name each other.
fn programme(title: &str) -> Value {
    let put = |collection: &str, id: &str, content: Value| {
        json!({"operation": "put", "collection": collection, "local_id": id, "content": content,
               "external_id": {"source": "pretalx", "id": id}})
    };
    json!({"entries": [
        put("events", "conference", json!({"title": "Conference", "related": ["#workshop"], "speakers": [{"speaker": "#anna"}]})),
        put("events", "workshop", json!({"title": "Workshop", "related": ["#conference"]})),
        put("sessions", "talk", json!({"title": title, "event": "#conference", "speakers": [{"speaker": "#anna"}]})),
        put("speakers", "anna", json!({"name": "Anna"})),
    ]})
}

#[apply(api_test)]
fn a_programme_is_synchronised_by_one_batch(app: &TestApp) {
    let editor = app.editor();
    let send = |body: &Value| -> Vec<Value> {
        let done = editor.post("/api/v1/batch", body).expect(200).json();
        done["results"].as_array().unwrap().iter().map(|result| result["version"].clone()).collect()
    };
    assert_eq!(send(&programme("Talk")), [1, 1, 1, 1]);
    // A night later nothing has changed, then one title.
    assert_eq!(send(&programme("Talk")), [1, 1, 1, 1]);
    assert_eq!(send(&programme("A longer talk")), [1, 1, 2, 1]);
    let talk = editor.get("/api/v1/sessions/by-external-id/pretalx/talk").expect(200).json();
    assert_eq!(
        (&talk["event"]["slug"], &talk["speakers"][0]["speaker"]["slug"]),
        (&json!("conference"), &json!("anna"))
    );
    assert_eq!(versions(&editor, "/api/v1/sessions/talk"), 2);
    editor.patch("/api/v1/sessions/talk", "\"v2\"", &json!({"title": "An editor's talk"})).expect(200);
    let problem = editor.post("/api/v1/batch", &programme("A short talk")).problem(422, &[]);
    assert_eq!(problem["errors"][0]["pointer"], "/entries/2/version");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{problem:#}");
    // Where a name exists, or is given twice.
    let anna = json!({"source": "pretalx", "id": "anna"});
    let entries = json!({"entries": [
        {"operation": "create", "collection": "speakers", "external_id": anna, "content": {"name": "Anna"}},
        {"operation": "put", "collection": "speakers", "external_id": {"source": "pretalx", "id": "boris"}, "version": 3, "content": {"name": "B"}},
    ]});
    let faults = [("/entries/0/external_id", "conflict"), ("/entries/1/version", "changed_meanwhile")];
    editor.post("/api/v1/batch", &entries).problem(422, &faults);
    let entries = json!({"entries": [
        {"operation": "put", "collection": "speakers", "external_id": anna, "content": {"name": "Anna"}},
        {"operation": "put", "collection": "speakers", "external_id": anna, "content": {"name": "Anna"}},
        {"operation": "put", "collection": "speakers", "content": {"name": "Anna"}},
        {"operation": "put", "collection": "speakers", "external_id": {"source": "a:b", "id": "1"}, "content": {"name": "A"}},
    ]});
    let faults = [
        ("/entries/1/external_id", "duplicate"),
        ("/entries/2/external_id", "required"),
        ("/entries/3/external_id/source", "not_a_source"),
    ];
    editor.post("/api/v1/batch", &entries).problem(422, &faults);
    let entries = json!({"entries": [
        {"operation": "create", "collection": "speakers", "external_id": {"source": "pretalx", "id": "chiara"}, "content": {"name": "Chiara"}},
    ]});
    editor.post("/api/v1/batch", &entries).expect(200);
    assert_eq!(editor.get("/api/v1/speakers/by-external-id/pretalx/chiara").expect(200).json()["slug"], "chiara");
}
