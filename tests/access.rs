//! Keys, sessions, and the audit.

use plenary::auth::permissions::Role;
use serde_json::{Value, json};

use crate::support::app::{PASSWORD, TestApp};
use crate::support::client::{Client, Reply};
use crate::support::moments::in_ms;

fn login(app: &TestApp, email: &str) -> Reply {
    let body = json!({"email": email, "password": PASSWORD}).to_string();
    let headers = [("content-type", "application/json"), ("user-agent", "Desk/1.0")];
    app.visitor().send("POST", "/api/v1/auth/login", &headers, body.as_bytes())
}

fn key(client: &Client, path: &str, body: &Value) -> (String, String) {
    let made = client.post(&format!("/api/v1/{path}"), body).expect(201).json();
    (made["token"].as_str().unwrap().to_owned(), made["key"]["id"].as_str().unwrap().to_owned())
}

#[apply(api_test)]
fn keys_act_for_their_account(app: &TestApp) {
    let editor = app.editor();
    let (token, id) = key(&editor, "auth/keys", &json!({"name": "My script"}));
    assert!(token.starts_with("plk_") && token.len() > 40);
    let program = app.visitor().with_token(&token);
    let me = program.get("/api/v1/auth/me").expect(200).json();
    program.create("events", &json!({"title": "E", "status": "published"}));
    let history = editor.get("/api/v1/events/e/revisions").expect(200).json();
    assert_eq!(history["data"][0]["actor"]["id"], me["id"]);
    // The list shows what the key is, and not the key.
    let list = editor.get("/api/v1/auth/keys").expect(200);
    assert!(!String::from_utf8_lossy(&list.body).contains(&token));
    assert_eq!(list.json()["data"][0]["hint"], token[token.len() - 4..]);
    // What is about the account itself wants a session.
    for path in ["auth/keys", "auth/sessions"] {
        program.get(&format!("/api/v1/{path}")).problem(403, &[]);
    }
    editor.send("DELETE", &format!("/api/v1/auth/keys/{id}"), &[], b"").expect(204);
    program.get("/api/v1/auth/me").problem(401, &[]);
    app.visitor().with_token("plk_nonsense").get("/api/v1/events").problem(401, &[]);
    // Somebody else's key is not mine to revoke.
    let (_, other) = key(&app.editor(), "auth/keys", &json!({"name": "Other"}));
    editor.send("DELETE", &format!("/api/v1/auth/keys/{other}"), &[], b"").problem(404, &[]);
}

#[apply(api_test)]
fn keys_do_no_more_than_they_say(app: &TestApp) {
    let editor = app.editor();
    editor
        .post("/api/v1/auth/keys", &json!({"name": "K", "role": "administrator"}))
        .problem(422, &[("/role", "beyond_own_role")]);
    let (token, _) = key(&editor, "auth/keys", &json!({"name": "K", "role": "viewer"}));
    let reader = app.visitor().with_token(&token);
    reader.get("/api/v1/events?status=any").expect(200);
    reader.post("/api/v1/events", &json!({"title": "E"})).problem(403, &[]);
    let scoped = json!({"name": "K", "collections": ["speakers"]});
    let (token, _) = key(&editor, "auth/keys", &scoped);
    let scoped = app.visitor().with_token(&token);
    scoped.create("speakers", &json!({"name": "Anna"}));
    for path in ["events", "releases", "auth/me"] {
        scoped.get(&format!("/api/v1/{path}")).problem(403, &[]);
    }
    scoped.post("/api/v1/bulk", &json!({"operations": []})).problem(403, &[]);
    editor
        .post("/api/v1/auth/keys", &json!({"name": "K", "collections": ["people"]}))
        .problem(422, &[("/collections/0", "not_allowed")]);
    // A person who may less has keys that may less.
    let admin = app.client(Role::Administrator);
    let me = editor.get("/api/v1/auth/me").expect(200).json();
    let (token, _) = key(&editor, "auth/keys", &json!({"name": "All"}));
    let path = format!("/api/v1/accounts/{}", me["id"].as_str().unwrap());
    admin.patch(&path, "\"v1\"", &json!({"role": "viewer"})).expect(200);
    app.visitor().with_token(&token).post("/api/v1/events", &json!({"title": "E"})).problem(403, &[]);
}

#[apply(api_test)]
fn machines_are_not_people(app: &TestApp) {
    let (admin, other) = (app.client(Role::Administrator), app.client(Role::Administrator));
    app.editor().post("/api/v1/api-keys", &json!({"name": "M", "role": "viewer"})).problem(403, &[]);
    let (token, id) = key(&admin, "api-keys", &json!({"name": "Build", "role": "viewer"}));
    key(&admin, "auth/keys", &json!({"name": "Mine", "role": "viewer"}));
    let machine = app.visitor().with_token(&token);
    machine.get("/api/v1/events?status=any").expect(200);
    let names: Vec<Value> = other.get("/api/v1/api-keys").expect(200).json()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|k| k["name"].clone())
        .collect();
    assert_eq!(names, ["Mine", "Build"]);
    other.send("DELETE", &format!("/api/v1/api-keys/{id}"), &[], b"").expect(204);
    machine.get("/api/v1/events").problem(401, &[]);
    // Keys are not made with keys.
    let (token, _) = key(&other, "auth/keys", &json!({"name": "A"}));
    app.visitor()
        .with_token(&token)
        .post("/api/v1/api-keys", &json!({"name": "B", "role": "viewer"}))
        .problem(403, &[]);
}

#[apply(api_test)]
fn keys_end(app: &TestApp) {
    let editor = app.editor();
    editor
        .post("/api/v1/auth/keys", &json!({"name": "K", "expires_at": "2020-01-01"}))
        .problem(422, &[("/expires_at", "in_the_past")]);
    let soon = in_ms(3_000);
    let (token, _) = key(&editor, "auth/keys", &json!({"name": "K", "expires_at": soon}));
    let program = app.visitor().with_token(&token);
    program.get("/api/v1/auth/me").expect(200);
    // The use is noted beside the request.
    let begun = std::time::Instant::now();
    while editor.get("/api/v1/auth/keys").expect(200).json()["data"][0]["last_used_at"].is_null() {
        assert!(begun.elapsed().as_secs() < 20, "the use was not noted");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    std::thread::sleep(std::time::Duration::from_millis(3_200));
    program.get("/api/v1/auth/me").problem(401, &[]);
}

#[apply(api_test)]
fn sessions_are_listed_and_ended(app: &TestApp) {
    app.account("anna@example.org", Role::Editor);
    let (first, second) =
        (login(app, "anna@example.org").expect(200).json(), login(app, "anna@example.org").expect(200).json());
    let anna = app.visitor().with_token(first["access_token"].as_str().unwrap());
    let refresh =
        |tokens: &Value| app.visitor().post("/api/v1/auth/refresh", &json!({"refresh_token": tokens["refresh_token"]}));
    let second = refresh(&second).expect(200).json();
    let list = anna.get("/api/v1/auth/sessions").expect(200).json();
    assert_eq!((list["data"].as_array().unwrap().len(), &list["data"][0]["agent"]), (2, &json!("Desk/1.0")));
    let newest = format!("/api/v1/auth/sessions/{}", list["data"][0]["id"].as_str().unwrap());
    app.editor().send("DELETE", &newest, &[], b"").problem(404, &[]);
    anna.send("DELETE", &newest, &[], b"").expect(204);
    refresh(&second).problem(401, &[]);
    refresh(&first).expect(200);
    assert_eq!(anna.get("/api/v1/auth/sessions").expect(200).json()["data"].as_array().unwrap().len(), 1);
}

#[apply(api_test)]
fn the_audit_tells_who_did_what(app: &TestApp) {
    let admin = app.client(Role::Administrator);
    app.account("anna@example.org", Role::Editor);
    app.visitor()
        .post("/api/v1/auth/login", &json!({"email": "anna@example.org", "password": "wrong wrong wrong"}))
        .expect(401);
    let tokens = login(app, "anna@example.org").expect(200).json();
    let anna = app.visitor().with_token(tokens["access_token"].as_str().unwrap());
    let id = tokens["account"]["id"].as_str().unwrap();
    let (token, key_id) = key(&anna, "auth/keys", &json!({"name": "K"}));
    app.visitor().with_token(&token).create("events", &json!({"title": "E"}));
    anna.act("/api/v1/events/e/publish?reason=It+is+time", "\"v1\"").expect(200);
    admin.patch(&format!("/api/v1/accounts/{id}"), "\"v1\"", &json!({"role": "viewer"})).expect(200);
    let actions = |query: &str| -> Vec<String> {
        let page = admin.get(&format!("/api/v1/audit?limit=100&{query}")).expect(200).json();
        page["data"].as_array().unwrap().iter().map(|e| e["action"].as_str().unwrap().to_owned()).collect()
    };
    let begun = std::time::Instant::now();
    while !actions("action=key_use").contains(&"key_use".to_owned()) {
        assert!(begun.elapsed().as_secs() < 20, "the use of the key was not told");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut all = actions(&format!("item={id}"));
    all.retain(|action| action != "key_use");
    assert_eq!(all, ["update", "key_create", "login", "login_failed"]);
    assert_eq!(actions(&format!("actor={id}&kind=event")), ["publish", "create"]);
    let page = admin.get("/api/v1/audit?kind=event&limit=1").expect(200).json();
    assert_eq!((&page["data"][0]["reason"], &page["data"][0]["via"]), (&json!("It is time"), &Value::Null));
    let rest = admin.get(&format!("/api/v1/audit?kind=event&before={}", page["next"])).expect(200).json();
    assert_eq!(rest["data"][0]["via"], key_id);
    assert!(actions("since=2090-01-01").is_empty() && actions("until=2020-01-01").is_empty());
    assert!(!actions("since=2020-01-01&until=2090-01-01T00:00:00%2B02:00").is_empty());
    admin.get("/api/v1/audit?since=yesterday").problem(400, &[("?since", "not_a_time")]);
    app.editor().get("/api/v1/audit").problem(403, &[]);
    app.visitor().get("/api/v1/audit").problem(401, &[]);
}

#[apply(api_test)]
fn the_audit_is_exported(app: &TestApp) {
    let admin = app.client(Role::Administrator);
    for number in 0..30 {
        admin.create("topics", &json!({"name": format!("T {number}")}));
    }
    let reply = admin.get("/api/v1/audit/export?kind=topic").expect(200);
    assert_eq!(reply.header("content-type"), "application/jsonl");
    let text = String::from_utf8(reply.body).unwrap();
    let numbers: Vec<i64> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["sequence"].as_i64().unwrap()).collect();
    assert_eq!(numbers.len(), 30);
    assert!(numbers.windows(2).all(|pair| pair[0] > pair[1]));
}
