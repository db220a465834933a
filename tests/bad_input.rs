//! Bad input, one kind at a time over every operation that writes: always refused with a problem
//! that names the place, and nothing in the database changes.

use plenary::auth::permissions::Role;
use plenary::content::field::FieldType;
use plenary::content_types::{ContentType, with_lists};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};
use crate::support::kinds::{complete, label};

const JSON: (&str, &str) = ("content-type", "application/json");

/// Everything that the database holds, as text.
fn snapshot(app: &TestApp) -> String {
    use diesel::prelude::*;
    use plenary::database::schema::{items, journal, links, slugs};
    app.block_on(app.app.database.read(|c| {
        let rows: Vec<plenary::items::Item> =
            items::table.order(items::id).select(plenary::items::Item::as_select()).load(c)?;
        let ties: Vec<plenary::items::Link> = links::table
            .order((links::source_id, links::relation, links::position))
            .select(plenary::items::Link::as_select())
            .load(c)?;
        let names: Vec<(String, String)> =
            slugs::table.order((slugs::kind, slugs::slug)).select((slugs::slug, slugs::item_id)).load(c)?;
        let entries: i64 = journal::table.count().get_result(c)?;
        Ok::<_, plenary::database::DatabaseError>(format!("{rows:?}{ties:?}{names:?}{entries}"))
    }))
    .unwrap()
}

/// Every operation that takes a body, with the item that it writes.
fn writes(editor: &Client, resource: &'static ContentType, headers: &[(&str, &str)], body: &[u8]) -> Vec<Reply> {
    let path = format!("/api/v1/{}", resource.collection);
    let item = format!("{path}/target-{}", resource.collection);
    let mut with_match = headers.to_vec();
    with_match.push(("if-match", "\"v1\""));
    let mut replies = vec![editor.send("POST", &path, headers, body), editor.send("PUT", &item, &with_match, body)];
    if body.first() == Some(&b'{') || !headers.contains(&JSON) {
        replies.push(editor.send("PATCH", &item, &with_match, body));
    }
    replies
}

fn targets(editor: &Client) {
    editor.create("events", &json!({"title": "Event", "slug": "target-events"}));
    for resource in with_lists().filter(|r| r.kind != "event") {
        let mut body = json!({"slug": format!("target-{}", resource.collection)});
        body[resource.label] = label(resource, "Target").into();
        complete(resource, &mut body);
        if resource.kind == "session" {
            body["event"] = "target-events".into();
        }
        editor.create(resource.collection, &body);
    }
}

#[apply(api_test)]
fn every_write_refuses_every_kind_of_nonsense(app: &TestApp) {
    let editor = app.editor();
    targets(&editor);
    let before = snapshot(app);
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(100), "]".repeat(100));
    for resource in with_lists() {
        let label = resource.label;
        let pointer = format!("/{label}");
        let check = |headers: &[(&str, &str)], body: &[u8], status: u16, fault: Option<(&str, &str)>| {
            for reply in writes(&editor, resource, headers, body) {
                reply.problem(status, fault.as_slice());
            }
        };
        check(&[JSON], format!("{{\"{label}\": 5}}").as_bytes(), 422, Some((&pointer, "wrong_type")));
        check(
            &[JSON],
            format!("{{\"{label}\": \"a\", \"titel\": 1}}").as_bytes(),
            422,
            Some(("/titel", "unknown_field")),
        );
        check(&[JSON], format!("{{\"{label}\": \"a\", \"id\": \"x\"}}").as_bytes(), 422, Some(("/id", "read_only")));
        check(
            &[JSON],
            format!("{{\"{label}\": \"{}\"}}", "x".repeat(501)).as_bytes(),
            422,
            Some((&pointer, "too_long")),
        );
        check(
            &[JSON],
            format!("{{\"{label}\": \"a\\u0000b\"}}").as_bytes(),
            422,
            Some((&pointer, "control_character")),
        );
        check(&[JSON], format!("{{\"{label}\": \" \"}}").as_bytes(), 422, Some((&pointer, "empty")));
        check(
            &[JSON],
            format!("{{\"{label}\": \"a\", \"{label}\": \"b\"}}").as_bytes(),
            400,
            Some((&pointer, "duplicate_key")),
        );
        check(&[JSON], b"{\"title\": \"\xff\xfe\"}", 400, Some(("", "invalid_utf8")));
        check(&[JSON], br#"{"title": "\ud800"}"#, 400, Some(("", "malformed_json")));
        check(&[JSON], b"{\"title\": ", 400, Some(("", "malformed_json")));
        check(&[JSON], b"", 400, Some(("", "malformed_json")));
        check(&[JSON], deep.as_bytes(), 400, Some(("", "malformed_json")));
        check(&[JSON], b"[]", 422, Some(("", "wrong_type")));
        check(&[("content-type", "text/plain")], b"{}", 415, None);
        check(&[("content-type", "application/json; charset=latin1")], b"{}", 415, None);
        check(&[], b"{}", 415, None);
        let item = format!("/api/v1/{}/target-{}", resource.collection, resource.collection);
        for way in ["publish", "unpublish", "archive", "restore"] {
            editor.act(&format!("{item}/{way}"), "\"v7\"").problem(412, &[]);
            editor.send("POST", &format!("{item}/{way}"), &[], b"").problem(428, &[]);
        }
        editor.delete(&item, "\"v7\"").problem(412, &[]);
        editor.patch(&item, "\"v7\"", &json!({})).problem(412, &[]);
        editor.patch(&format!("{item}-not"), "\"v1\"", &json!({})).problem(404, &[]);
        for relation in resource.relations() {
            let field = relation.name;
            let body = match relation.shape {
                plenary::content::field::RelationShape::One => json!({field: "no-such-thing"}),
                plenary::content::field::RelationShape::Many => json!({field: ["no-such-thing"]}),
                plenary::content::field::RelationShape::ManyWith { key, .. } => {
                    json!({field: [{key: "no-such-thing"}]})
                }
                // `blocks::faults_are_named_with_their_place` has these.
                plenary::content::field::RelationShape::Within(_) => continue,
            };
            let reply = editor.patch(&item, "\"v1\"", &body).problem(422, &[]);
            assert!(reply["errors"][0]["pointer"].as_str().unwrap().starts_with(&format!("/{field}")), "{reply}");
            assert_eq!(reply["errors"][0]["code"], "dangling_reference");
        }
    }
    assert!(snapshot(app) == before, "a refused write left a trace");
}

/// Sends a value of each wrong JSON type into every field of every kind.
#[apply(api_test)]
fn every_field_refuses_wrong_types(app: &TestApp) {
    let editor = app.editor();
    targets(&editor);
    let before = snapshot(app);
    for resource in with_lists() {
        let item = format!("/api/v1/{}/target-{}", resource.collection, resource.collection);
        for field in resource.fields {
            let wrong: Vec<Value> = [json!(true), json!(1.5), json!("x\u{1}"), json!([5]), json!({"nope": 1})]
                .into_iter()
                .filter(|value| !fits(&field.kind, value))
                .collect();
            for value in wrong {
                let problem = editor.patch(&item, "\"v1\"", &json!({field.name: value})).problem(422, &[]);
                let pointer = problem["errors"][0]["pointer"].as_str().unwrap();
                assert!(
                    pointer.starts_with(&format!("/{}", field.name)),
                    "{}.{}: {problem}",
                    resource.kind,
                    field.name
                );
            }
        }
    }
    assert!(snapshot(app) == before, "a refused write left a trace");
}

fn fits(kind: &FieldType, value: &Value) -> bool {
    matches!((kind, value), (FieldType::Boolean, Value::Bool(_)) | (FieldType::Number { .. }, Value::Number(_)))
}

#[apply(api_test)]
fn all_faults_at_once(app: &TestApp) {
    let body = json!({
        "title": "", "slug": "No Slug", "status": "great", "kicker": 7, "time_zone": "Mars/Olympus",
        "registration": {"url": "ftp://x", "capacity": -1, "price": 3}, "languages": ["en", "no tag!"],
        "speakers": [{"role": "king"}], "partners": [{"partner": "no-such"}], "type": "no-such", "venu": "x"
    });
    app.editor().post("/api/v1/events", &body).problem(
        422,
        &[
            ("/title", "empty"),
            ("/slug", "not_a_slug"),
            ("/status", "not_allowed"),
            ("/kicker", "wrong_type"),
            ("/time_zone", "unknown_zone"),
            ("/registration/url", "not_a_url"),
            ("/registration/capacity", "out_of_range"),
            ("/registration/price", "unknown_field"),
            ("/languages/1", "not_a_language"),
            ("/speakers/0/role", "not_allowed"),
            ("/speakers/0/speaker", "required"),
            ("/partners/0/partner", "dangling_reference"),
            ("/type", "dangling_reference"),
            ("/venu", "unknown_field"),
        ],
    );
}

#[apply(api_test)]
fn bounds_hold(app: &TestApp) {
    let editor = app.editor();
    let large = format!("{{\"title\": \"{}\"}}", "x".repeat(2_000_000));
    editor.send("POST", "/api/v1/events", &[JSON], large.as_bytes()).problem(413, &[]);
    editor
        .post("/api/v1/events", &json!({"title": "T", "topics": vec!["x"; 51]}))
        .problem(422, &[("/topics", "too_many")]);
    editor
        .post("/api/v1/events", &json!({"title": "T", "languages": ["en", "en"]}))
        .problem(422, &[("/languages/1", "duplicate")]);
    // One item in two words, by slug and by id, is the same item twice.
    let topic = editor.create("topics", &json!({"name": "Water", "slug": "water"}));
    let twice = json!({"title": "T", "topics": ["water", topic["id"]]});
    editor.post("/api/v1/events", &twice).problem(422, &[("/topics/1", "duplicate")]);
    let twice = json!({"title": "T", "topics": ["water", "water"]});
    editor.post("/api/v1/events", &twice).problem(422, &[("/topics/1", "duplicate")]);
    let speaker = editor.create("speakers", &json!({"name": "Anna", "slug": "anna"}));
    let two =
        |role: &str| json!({"title": "T", "speakers": [{"speaker": "anna"}, {"speaker": speaker["id"], "role": role}]});
    editor.post("/api/v1/events", &two("speaker")).problem(422, &[("/speakers/1", "duplicate")]);
    editor.post("/api/v1/events", &two("moderator")).expect(201);
    app.visitor().get("/api/v1/events?limit=101").problem(400, &[("?limit", "out_of_range")]);
    app.visitor().get(&format!("/api/v1/events?slug={}", "a,".repeat(101))).problem(400, &[("?slug", "too_many")]);
    app.visitor().get(&format!("/api/v1/events/{}", "x".repeat(5_000))).problem(404, &[]);
    app.visitor().get("/api/v1/events/%00").problem(404, &[]);
    app.visitor().get("/api/v1/events?slug=%00").problem(400, &[("?slug", "not_a_value")]);
    app.visitor().get("/api/v1/events/%ff%fe").problem(404, &[]);
    let viewer = app.client(Role::Viewer);
    viewer.post("/api/v1/events", &json!({"title": "T"})).problem(403, &[]);
}

/// Bodies made of the field names and random values: never a 5xx, never a broken problem.
#[apply(api_test)]
fn random_bodies_never_break_it(app: &TestApp) {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};
    let editor = app.editor();
    targets(&editor);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("target-events")),
        Just(json!("2027-02-30")),
        Just(json!("Europe/Brussels")),
    ];
    let kinds: Vec<&ContentType> = with_lists().collect();
    let names: Vec<&str> = with_lists()
        .flat_map(|r| r.fields)
        .map(|f| f.name)
        .chain(["slug", "status", "role", "speaker", "url", "format", "source"])
        .collect();
    let value = leaf.prop_recursive(3, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(names.clone()), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    });
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 150, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    runner
        .run(&(value, 0..kinds.len()), |(body, kind)| {
            let reply = editor.post(&format!("/api/v1/{}", kinds[kind].collection), &body);
            prop_assert!(matches!(reply.status, 201 | 400 | 409 | 422), "{} for {body}", reply.status);
            if reply.status == 422 {
                prop_assert!(!reply.json()["errors"].as_array().unwrap().is_empty());
            }
            Ok(())
        })
        .unwrap();
}

/// What a merge patch takes away must be there to be taken away.
#[apply(api_test)]
fn unknown_members_are_refused_though_null(app: &TestApp) {
    let editor = app.editor();
    editor.create("events", &json!({"title": "E", "slug": "e", "kicker": "K", "contact": {"email": "a@example.org"}}));
    let patch = |query: &str, body: Value| editor.patch(&format!("/api/v1/events/e{query}"), "\"v1\"", &body);
    for query in ["", "?view=draft", "?merge=auto"] {
        patch(query, json!({"titel": null, "kicker": "L"})).problem(422, &[("/titel", "unknown_field")]);
        patch(query, json!({"contact": {"mail": null}})).problem(422, &[("/contact/mail", "unknown_field")]);
        patch(query, json!({"published_at": null})).problem(422, &[("/published_at", "read_only")]);
    }
    let new = json!({"title": "F", "titel": null});
    editor.post("/api/v1/events", &new).problem(422, &[("/titel", "unknown_field")]);
    let changed = patch("", json!({"kicker": null, "contact": {"email": null}})).expect(200).json();
    assert_eq!((&changed["kicker"], &changed["version"]), (&Value::Null, &json!(2)));
}

#[apply(api_test)]
fn coded_bodies_are_refused(app: &TestApp) {
    let editor = app.editor();
    let post = |coding: &str| {
        editor.send("POST", "/api/v1/topics", &[JSON, ("content-encoding", coding)], br#"{"name": "T"}"#)
    };
    for coding in ["gzip", "br", "x-none", "identity, gzip"] {
        let reply = post(coding);
        assert_eq!(reply.header("accept-encoding"), "identity", "{coding}");
        reply.problem(415, &[]);
    }
    post("identity").expect(201);
    // Where there is no body, there is nothing that could be coded.
    editor.send("GET", "/api/v1/topics", &[("content-encoding", "gzip")], b"").expect(200);
}

#[apply(api_test)]
fn parameters_that_name_nothing_are_refused(app: &TestApp) {
    let public = app.visitor();
    for (path, name, code) in [
        ("events?q=%00", "?q", "not_a_value"),
        ("events?q=a%00b", "?q", "not_a_value"),
        ("search?q=%00", "?q", "not_a_value"),
        ("events?slug=a%00", "?slug", "not_a_value"),
        ("events?sort=", "?sort", "empty"),
        ("events?sort=,", "?sort", "empty"),
        ("events?fields=", "?fields", "empty"),
        ("events.rss?sort=", "?sort", "empty"),
    ] {
        public.get(&format!("/api/v1/{path}")).problem(400, &[(name, code)]);
    }
}
