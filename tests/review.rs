//! Working together: comments, assignment, presence, the desk, the inbox.

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::client::Client;
use crate::support::moments::{in_ms, wait_for};

const EVENT: &str = "/api/v1/events/e";

fn named(app: &TestApp, email: &str, role: Role) -> Client {
    app.account(email, role);
    let body = json!({"email": email, "password": PASSWORD});
    let reply = app.visitor().post("/api/v1/auth/login", &body).expect(200).json();
    app.visitor().with_token(reply["access_token"].as_str().unwrap())
}

fn inbox(client: &Client) -> Vec<(String, String)> {
    let inbox = client.get("/api/v1/me/inbox").expect(200).json();
    let word = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    inbox["data"].as_array().unwrap().iter().map(|e| (word(e, "why"), word(e, "slug"))).collect()
}

fn waits(why: &str) -> Vec<(String, String)> {
    vec![(why.to_owned(), "e".to_owned())]
}

#[apply(api_test)]
fn comments_are_made_and_settled(app: &TestApp) {
    let (author, editor) = (app.client(Role::Contributor), app.editor());
    author.create("events", &json!({"title": "E"}));
    let path = format!("{EVENT}/comments");
    let body = json!({"body": "Who moderates?\nAnna?", "pointer": "/speakers"});
    let made = editor.post(&path, &body).expect(201).json();
    assert_eq!((&made["body"], &made["author"]["name"]), (&body["body"], &json!("A Tester")));
    assert_eq!((&made["version"], &made["resolved_at"]), (&json!(1), &Value::Null));
    assert_eq!(inbox(&author), waits("comments"));
    assert!(inbox(&editor).is_empty());
    let own = format!("{path}/{}/resolve", made["id"].as_str().unwrap());
    let settled = author.post(&own, &json!({})).expect(200).json();
    assert!(settled["resolved_at"].is_string());
    assert!(inbox(&author).is_empty());
    assert_eq!(editor.get(&path).expect(200).json()["data"], json!([settled]));
    editor.post(&path, &json!({"body": "x", "pointer": "speakers"})).problem(422, &[("/pointer", "not_a_pointer")]);
    editor.post(&path, &json!({"text": "x"})).problem(422, &[("/text", "unknown_field"), ("/body", "required")]);
    editor.post(&format!("{path}/{}/resolve", plenary::database::new_id()), &json!({})).problem(404, &[]);
    for visitor in [app.visitor(), app.client(Role::Viewer)] {
        assert!([401, 403].contains(&visitor.post(&path, &json!({"body": "x"})).status));
    }
    app.visitor().get(&path).problem(401, &[]);
}

#[apply(api_test)]
fn what_waits_is_in_the_inbox(app: &TestApp) {
    let (author, editor) = (app.client(Role::Contributor), app.editor());
    let made = author.post("/api/v1/events", &json!({"title": "E"})).expect(201);
    let submitted = author.act(&format!("{EVENT}/submit"), made.etag()).expect(200);
    assert_eq!(inbox(&editor), waits("review"));
    // A contributor reviews nothing.
    assert!(inbox(&author).is_empty());
    let rejected = editor.act(&format!("{EVENT}/reject?reason=No+date"), submitted.etag()).expect(200);
    assert!(inbox(&editor).is_empty());
    assert_eq!(inbox(&author), waits("comments"));
    let comments = author.get(&format!("{EVENT}/comments")).expect(200).json();
    assert_eq!(comments["data"][0]["body"], "No date");
    drop(rejected);
    app.client(Role::Viewer).get("/api/v1/me/inbox").expect(200);
    app.visitor().get("/api/v1/me/inbox").problem(401, &[]);
}

/// An item with many open comments hides no other one.
#[apply(api_test)]
fn an_item_is_in_the_inbox_once(app: &TestApp) {
    let (author, editor) = (app.client(Role::Contributor), app.editor());
    for slug in ["first", "second", "third"] {
        author.create("events", &json!({"title": slug, "slug": slug}));
    }
    let comment = |slug: &str| {
        editor.post(&format!("/api/v1/events/{slug}/comments"), &json!({"body": "Who moderates?"})).expect(201).json()
    };
    let settled = comment("first");
    // As many as the inbox has places.
    (0..100).for_each(|_| drop(comment("second")));
    for slug in ["first", "third", "second"] {
        comment(slug);
    }
    let path = format!("/api/v1/events/first/comments/{}/resolve", settled["id"].as_str().unwrap());
    author.post(&path, &json!({})).expect(200);
    let found = inbox(&author);
    assert!(found.iter().all(|(why, _)| why == "comments"));
    // In the order of the first comment of each that is open.
    assert_eq!(found.iter().map(|(_, slug)| slug.as_str()).collect::<Vec<_>>(), ["second", "first", "third"]);
}

#[apply(api_test)]
fn the_assigned_may_change_it(app: &TestApp) {
    let editor = app.editor();
    let (bert, other) = (named(app, "bert@example.org", Role::Contributor), app.client(Role::Contributor));
    let made = editor.post("/api/v1/events", &json!({"title": "E"})).expect(201);
    bert.patch(EVENT, made.etag(), &json!({"title": "F"})).problem(403, &[]);
    let path = format!("{EVENT}/assignment");
    editor
        .put(&path, made.etag(), &json!({"email": "nobody@example.org"}))
        .problem(422, &[("/email", "dangling_reference")]);
    let assigned = editor.put(&path, made.etag(), &json!({"email": "Bert@example.org"})).expect(200);
    assert_eq!((&assigned.json()["name"], assigned.etag()), (&json!("A Tester"), "\"v2\""));
    assert_eq!(inbox(&bert), waits("assigned"));
    // Nobody decides past somebody else.
    editor.put(&path, made.etag(), &json!({"email": "bert@example.org"})).problem(412, &[]);
    editor.delete(&path, made.etag()).problem(412, &[]);
    let json_type = [("content-type", "application/json")];
    editor.send("PUT", &path, &json_type, br#"{"email": "bert@example.org"}"#).problem(428, &[]);
    let changed = bert.patch(EVENT, assigned.etag(), &json!({"title": "F"})).expect(200);
    other.patch(EVENT, changed.etag(), &json!({"title": "G"})).problem(403, &[]);
    bert.send("PUT", &path, &json_type, b"{}").problem(403, &[]);
    let taken = editor.delete(&path, changed.etag()).expect(204);
    bert.patch(EVENT, taken.etag(), &json!({"title": "G"})).problem(403, &[]);
    assert!(inbox(&bert).is_empty());
    let history = editor.get(&format!("{EVENT}/revisions")).expect(200).json();
    let actions: Vec<&str> =
        history["data"].as_array().unwrap().iter().map(|r| r["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["unassign", "update", "assign", "create"]);
}

#[apply(api_test)]
fn those_at_work_see_each_other(app: &TestApp) {
    let (anna, bert) =
        (named(app, "anna@example.org", Role::Editor), named(app, "bert@example.org", Role::Contributor));
    anna.create("events", &json!({"title": "E"}));
    let path = format!("{EVENT}/presence");
    let first = anna.send("PUT", &path, &[], b"").expect(200).json();
    assert_eq!(first["data"].as_array().unwrap().len(), 1);
    let both = bert.send("PUT", &path, &[], b"").expect(200).json();
    assert_eq!(both["data"].as_array().unwrap().len(), 2);
    let again = anna.send("PUT", &path, &[], b"").expect(200).json();
    assert_eq!(again["data"][0]["since"], first["data"][0]["since"]);
    assert!(again["data"][0]["expires_at"].as_str() >= first["data"][0]["expires_at"].as_str());
    let desk = bert.get(&format!("{EVENT}/desk")).expect(200).json();
    assert_eq!(desk["editing"].as_array().unwrap().len(), 2);
    bert.send("DELETE", &path, &[], b"").expect(204);
    // It keeps nobody from writing.
    anna.patch(EVENT, "\"v1\"", &json!({"title": "F"})).expect(200);
    // It ends by itself.
    use diesel::prelude::*;
    use plenary::database::schema::presences;
    let end = |c: &mut plenary::database::Db| {
        diesel::update(presences::table).set(presences::expires_at.eq(1)).execute(c)?;
        Ok::<_, plenary::database::DatabaseError>(())
    };
    app.block_on(app.app.database.write(end)).unwrap();
    assert_eq!(anna.get(&format!("{EVENT}/desk")).expect(200).json()["editing"], json!([]));
}

#[apply(api_test)]
fn the_desk_says_what_can_be_done(app: &TestApp) {
    let (author, editor) = (app.client(Role::Contributor), app.editor());
    editor.create("speakers", &json!({"name": "Anna"}));
    let made = author.post("/api/v1/events", &json!({"title": "E", "speakers": [{"speaker": "anna"}]})).expect(201);
    let path = format!("{EVENT}/desk");
    let desk = author.get(&path).expect(200);
    assert_eq!(desk.etag(), "\"v1\"");
    let desk = desk.json();
    assert_eq!(
        (&desk["status"], &desk["live"], &desk["operations"]),
        (&json!("draft"), &json!(false), &json!(["submit"]))
    );
    assert_eq!(desk["missing"][0]["pointer"], "/speakers/0/speaker");
    let desk = editor.get(&path).expect(200).json();
    assert_eq!(desk["operations"], json!(["submit", "publish", "archive", "trash", "schedule"]));
    editor.act("/api/v1/speakers/anna/publish", "\"v1\"").expect(200);
    editor.act(&format!("{EVENT}/publish"), made.etag()).expect(200);
    let draft = author.patch(&format!("{EVENT}?view=draft"), "\"v2\"", &json!({"slug": "f"})).expect(200);
    let body = json!({"publish_at": "2090-01-01T00:00:00+00:00"});
    editor.act_with(&format!("{EVENT}/schedule"), draft.etag(), &body).expect(200);
    let desk = editor.get(&path).expect(200).json();
    assert_eq!(
        (&desk["status"], &desk["stage"], &desk["live"]),
        (&json!("published"), &json!("scheduled"), &json!(true))
    );
    assert_eq!(
        (&desk["working_draft"]["slug"], &desk["publish_at"]),
        (&json!("f"), &json!("2090-01-01T00:00:00.000Z"))
    );
    assert_eq!(desk["missing"], json!([]));
    assert_eq!(desk["etag"], "\"v4\"");
    let operations = json!(["publish", "unschedule", "unpublish", "archive", "discard", "trash", "schedule"]);
    assert_eq!(desk["operations"], operations);
    app.visitor().get(&path).problem(401, &[]);
}

#[apply(api_test)]
fn a_failed_schedule_tells_its_author(app: &TestApp) {
    let (author, editor) = (app.client(Role::Contributor), app.editor());
    editor.create("speakers", &json!({"name": "Anna", "status": "published"}));
    let made = author.post("/api/v1/events", &json!({"title": "E", "speakers": [{"speaker": "anna"}]})).expect(201);
    let body = json!({"publish_at": in_ms(3_000)});
    editor.act_with(&format!("{EVENT}/schedule"), made.etag(), &body).expect(200);
    editor.act("/api/v1/speakers/anna/unpublish", "\"v1\"").expect(200);
    wait_for("the news of it", || !inbox(&author).is_empty());
    let event = editor.get(EVENT).expect(200).json();
    assert_eq!((&event["status"], &event["published_at"]), (&json!("draft"), &Value::Null));
    let comments = author.get(&format!("{EVENT}/comments")).expect(200).json();
    let told = comments["data"][0]["body"].as_str().unwrap();
    assert!(told.contains("/speakers/0/speaker"), "{told}");
    assert_eq!(comments["data"][0]["author"], Value::Null);
}
