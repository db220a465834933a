//! Many items at once: bulk operations, releases, and a thousand plans for one moment.

use std::time::Duration;

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::moments::{in_ms, wait_for};
use crate::support::program::{Program, fresh_database};

fn step(collection: &str, id: &str, version: i64, operation: &str) -> Value {
    json!({"collection": collection, "id": id, "version": version, "operation": operation})
}

fn status(client: &Client, path: &str) -> u16 {
    client.get(&format!("/api/v1/{path}")).status
}

/// An event that names a speaker; neither is published.
fn pair(editor: &Client) {
    editor.create("speakers", &json!({"name": "Anna"}));
    editor.create("events", &json!({"title": "E", "speakers": [{"speaker": "anna"}]}));
}

#[apply(api_test)]
fn bulk_takes_all_steps_or_none(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    pair(&editor);
    editor.create("topics", &json!({"name": "T"}));
    let wrong = [
        step("events", "e", 1, "publish"),
        step("speakers", "nobody", 1, "publish"),
        step("topics", "t", 9, "publish"),
        step("topics", "t", 1, "discard"),
    ];
    editor.post("/api/v1/bulk", &json!({"operations": wrong})).problem(
        422,
        &[
            ("/operations/0", "not_published"),
            ("/operations/1", "not_found"),
            ("/operations/2", "changed_meanwhile"),
            ("/operations/3", "conflict"),
        ],
    );
    assert_eq!((status(&public, "events/e"), status(&public, "topics/t")), (404, 404));
    // Together they are complete, in whatever order.
    let right =
        [step("events", "e", 1, "publish"), step("speakers", "anna", 1, "publish"), step("topics", "t", 1, "submit")];
    let done = editor.post("/api/v1/bulk", &json!({"operations": right})).expect(200).json();
    let topic = editor.get("/api/v1/topics/t").expect(200).json()["id"].clone();
    assert_eq!(done["results"][2], json!({"status": 200, "id": topic, "version": 2, "detail": null, "errors": []}));
    assert_eq!((status(&public, "events/e"), status(&public, "speakers/anna")), (200, 200));
    let contributor = app.client(Role::Contributor);
    let step = [step("events", "e", 2, "unpublish")];
    contributor.post("/api/v1/bulk", &json!({"operations": step})).problem(422, &[("/operations/0", "forbidden")]);
    editor.post("/api/v1/bulk", &json!({"operations": [{"collection": "persons", "id": "x"}]})).problem(
        422,
        &[
            ("/operations/0/collection", "not_allowed"),
            ("/operations/0/version", "required"),
            ("/operations/0/operation", "required"),
        ],
    );
}

#[apply(api_test)]
fn bulk_takes_each_step_that_it_can(app: &TestApp) {
    let editor = app.editor();
    pair(&editor);
    let steps = [
        step("events", "e", 1, "publish"),
        step("speakers", "anna", 1, "publish"),
        step("events", "e", 1, "archive"),
        step("events", "e", 2, "trash"),
        step("events", "nothing", 1, "trash"),
    ];
    let done = editor.post("/api/v1/bulk", &json!({"mode": "each", "operations": steps})).expect(200).json();
    let statuses: Vec<u64> =
        done["results"].as_array().unwrap().iter().map(|r| r["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [422, 200, 200, 200, 404]);
    // A refused step names its item too, unless there is none.
    let ids = ["/results/0/id", "/results/2/id", "/results/4/id"].map(|place| done.pointer(place).unwrap().clone());
    assert!(ids[0].is_string() && ids[0] == ids[1] && ids[2].is_null(), "{done}");
    assert_eq!(done["results"][0]["errors"][0]["pointer"], "/speakers/0/speaker");
    assert_eq!(status(&app.visitor(), "speakers/anna"), 200);
}

#[apply(api_test)]
fn a_release_goes_live_as_one(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    pair(&editor);
    editor.create("topics", &json!({"name": "Old", "status": "published"}));
    let items = json!([
        {"collection": "events", "id": "e"},
        {"collection": "speakers", "id": "anna"},
        {"collection": "topics", "id": "old", "operation": "archive"},
    ]);
    let made = editor.post("/api/v1/releases", &json!({"name": "Autumn", "items": items})).expect(201);
    let path = made.header("location").to_owned();
    assert_eq!((&made.json()["status"], &made.json()["items"][2]["operation"]), (&json!("open"), &json!("archive")));
    app.client(Role::Contributor).act(&format!("{path}/publish"), made.etag()).problem(403, &[]);
    editor.act(&format!("{path}/publish"), "\"v9\"").problem(412, &[]);
    let live = editor.act(&format!("{path}/publish"), made.etag()).expect(200);
    assert_eq!(live.json()["status"], "published");
    assert_eq!(
        (status(&public, "events/e"), status(&public, "speakers/anna"), status(&public, "topics/old")),
        (200, 200, 404)
    );
    editor.delete(&path, live.etag()).problem(409, &[]);
    let twice = json!([{"collection": "events", "id": "e"}, {"collection": "events", "id": "e", "operation": "archive"}, {"collection": "events", "id": "f"}]);
    editor
        .post("/api/v1/releases", &json!({"name": "Again", "items": twice}))
        .problem(422, &[("/items/1/id", "duplicate"), ("/items/2/id", "dangling_reference")]);
    assert_eq!(editor.get("/api/v1/releases").expect(200).json()["data"].as_array().unwrap().len(), 1);
    // Dropping one leaves its items alone.
    let made = editor.post("/api/v1/releases", &json!({"name": "None"})).expect(201);
    editor.delete(made.header("location"), made.etag()).expect(204);
    editor.get(made.header("location")).problem(404, &[]);
}

#[apply(api_test)]
fn a_release_goes_live_at_its_moment(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    pair(&editor);
    let incomplete = json!({"name": "R", "publish_at": in_ms(60_000), "items": [{"collection": "events", "id": "e"}]});
    editor.post("/api/v1/releases", &incomplete).problem(422, &[("/items/0", "not_published")]);
    let items = json!([{"collection": "events", "id": "e"}, {"collection": "speakers", "id": "anna"}]);
    let made = editor.post("/api/v1/releases", &json!({"name": "R", "items": items})).expect(201);
    let path = made.header("location").to_owned();
    editor
        .patch(&path, made.etag(), &json!({"publish_at": "2020-01-01"}))
        .problem(422, &[("/publish_at", "in_the_past")]);
    let planned = editor.patch(&path, made.etag(), &json!({"publish_at": in_ms(60_000)})).expect(200);
    assert_eq!(planned.json()["status"], "scheduled");
    // What will be public is not for contributors to change.
    let contributor = app.client(Role::Contributor);
    let own = contributor.post("/api/v1/topics", &json!({"name": "Own"})).expect(201);
    let more = json!({"items": [{"collection": "events", "id": "e"}, {"collection": "speakers", "id": "anna"}, {"collection": "topics", "id": "own"}]});
    let planned = editor.patch(&path, planned.etag(), &more).expect(200);
    contributor.patch("/api/v1/topics/own", own.etag(), &json!({"name": "Mine"})).problem(403, &[]);
    let open = editor.patch(&path, planned.etag(), &json!({"publish_at": null})).expect(200);
    assert_eq!((&open.json()["status"], &open.json()["publish_at"]), (&json!("open"), &Value::Null));
    editor.patch(&path, open.etag(), &json!({"publish_at": in_ms(2_000)})).expect(200);
    wait_for("the release", || status(&public, "events/e") == 200);
    assert_eq!((status(&public, "speakers/anna"), status(&public, "topics/own")), (200, 200));
    assert_eq!(editor.get(&path).expect(200).json()["status"], "published");
}

#[apply(api_test)]
fn a_release_that_lacks_something_fails_whole(app: &TestApp) {
    let (editor, public) = (app.editor(), app.visitor());
    pair(&editor);
    let items = json!([{"collection": "speakers", "id": "anna"}, {"collection": "events", "id": "e"}]);
    let body = json!({"name": "R", "publish_at": in_ms(4_000), "items": items});
    let made = editor.post("/api/v1/releases", &body).expect(201);
    editor.trash("/api/v1/speakers/anna", "\"v1\"").expect(204);
    let path = made.header("location");
    wait_for("the failure", || editor.get(path).expect(200).json()["status"] == "failed");
    let failure = editor.get(path).expect(200).json()["failure"].as_str().unwrap().to_owned();
    assert!(failure.contains("/items/0") && failure.contains("trash"), "{failure}");
    assert_eq!(status(&public, "events/e"), 404);
    // It waits for a new time, also when what it lacked is there and something else of it changes.
    editor.act("/api/v1/speakers/anna/restore", "\"v2\"").expect(200);
    let renamed = editor.patch(path, editor.get(path).expect(200).etag(), &json!({"name": "S"})).expect(200);
    assert_eq!((&renamed.json()["status"], &renamed.json()["failure"]), (&json!("failed"), &json!(failure)));
    let open = editor.patch(path, renamed.etag(), &json!({"publish_at": null})).expect(200).json();
    assert_eq!((&open["status"], &open["failure"]), (&json!("open"), &Value::Null));
    assert_eq!(editor.get("/api/v1/events/e").expect(200).json()["status"], "draft");
}

const MANY: usize = 1_000;

/// A thousand drafts that are all due at the same moment; gives that moment.
fn plan_many(editor: &Client, ahead_ms: i64) -> String {
    std::thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || {
                for number in 0..MANY / 4 {
                    editor.create(
                        "events",
                        &json!({"title": format!("E {part} {number}"), "slug": format!("e-{part}-{number}")}),
                    );
                }
            });
        }
    });
    let moment = in_ms(ahead_ms);
    for half in [0, 2] {
        let steps: Vec<Value> = (half..half + 2)
            .flat_map(|part| (0..MANY / 4).map(move |number| (part, number)))
            .map(|(part, number)| {
                let mut step = step("events", &format!("e-{part}-{number}"), 1, "schedule");
                step["publish_at"] = moment.as_str().into();
                step
            })
            .collect();
        editor.post("/api/v1/bulk", &json!({"operations": steps})).expect(200);
    }
    moment
}

fn published(client: &Client) -> usize {
    let page = client.get("/api/v1/events?count=exact&limit=1").expect(200).json();
    page["page"]["total"].as_u64().unwrap() as usize
}

/// Every item was published once: created, scheduled, published. Says how late the last one was (s).
fn once_each(client: &Client, moment: &str) -> f64 {
    let (mut cursor, mut count, mut last) = (String::new(), 0, String::new());
    loop {
        let page = client.get(&format!("/api/v1/events?limit=100&sort=title{cursor}")).expect(200).json();
        for event in page["data"].as_array().unwrap() {
            assert_eq!(event["version"], 3, "{event}");
            last = last.max(event["published_at"].as_str().unwrap().to_owned());
            count += 1;
        }
        let Some(next) = page["page"]["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(count, MANY);
    let time = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap();
    (time(&last) - time(moment)).num_milliseconds() as f64 / 1_000.0
}

#[apply(api_test)]
fn a_thousand_plans_are_carried_out_once_by_two_nodes(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let nodes = [Program::start(&database), Program::start(&database)];
    let moment = plan_many(&nodes[0].administrator(), 8_000);
    for node in &nodes {
        wait_for("the publication of all", || published(&node.client()) == MANY);
    }
    let late = once_each(&nodes[0].client(), &moment);
    eprintln!("{MANY} plans on two nodes, {:?}: the last was {late} s after its moment", app.backend);
    nodes.into_iter().for_each(drop);
}

#[apply(api_test)]
fn plans_outlive_a_kill(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = fresh_database(app.backend, folder.path());
    let nodes = [Program::start(&database), Program::start(&database)];
    let moment = plan_many(&nodes[0].administrator(), 8_000);
    let due = chrono::DateTime::parse_from_rfc3339(&moment).unwrap();
    // In the midst of it, when some may be done and others not.
    while chrono::Utc::now() < due + chrono::TimeDelta::milliseconds(100) {
        std::thread::sleep(Duration::from_millis(5));
    }
    nodes.into_iter().for_each(Program::kill);
    let nodes = [Program::start(&database), Program::start(&database)];
    wait_for("the publication of all", || published(&nodes[1].client()) == MANY);
    once_each(&nodes[0].client(), &moment);
    nodes.into_iter().for_each(drop);
}
