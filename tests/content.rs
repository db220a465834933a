//! Every kind of content: create, read, replace, patch, publish, trash, restore.

use plenary::auth::permissions::Role;
use plenary::content_types::{ContentType, in_order_of_reference, with_lists};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::kinds::{complete, label};

/// The least that a kind wants.
fn least(client: &Client, resource: &'static ContentType, name: &str) -> Value {
    let mut body = json!({});
    body[resource.label] = label(resource, name).into();
    complete(resource, &mut body);
    if resource.kind == "session" {
        let event = client.create("events", &json!({"title": format!("Event of {name}"), "status": "published"}));
        body["event"] = event["slug"].clone();
    }
    body
}

#[apply(api_test)]
fn every_kind_lives_its_life(app: &TestApp) {
    let editor = app.editor();
    for resource in with_lists() {
        let collection = format!("/api/v1/{}", resource.collection);
        let reply = editor.post(&collection, &least(&editor, resource, "Ünïque näme")).expect(201);
        let made = reply.json();
        assert_eq!(made["slug"], "unique-name", "{}", resource.kind);
        assert_eq!((&made["version"], &made["status"]), (&json!(1), &json!("draft")));
        let path = reply.header("location").to_owned();
        assert_eq!(path, format!("{collection}/{}", made["id"].as_str().unwrap()));
        app.visitor().get(&path).problem(404, &[]);

        let published = editor.act(&format!("{path}/publish"), reply.etag()).expect(200);
        assert_eq!(published.json()["status"], "published");
        assert!(published.json()["published_at"].is_string());
        let seen = app.visitor().get(&format!("{collection}/unique-name")).expect(200);
        assert_eq!(seen.json()["version"], 2);
        let list = app.visitor().get(&collection).expect(200).json();
        assert_eq!(list["data"].as_array().unwrap().len(), 1);

        let renamed =
            editor.patch(&path, seen.etag(), &json!({resource.label: label(resource, "Another name")})).expect(200);
        assert_eq!(renamed.json()[resource.label], label(resource, "Another name"));
        assert_eq!(renamed.json()["slug"], "unique-name");
        let mut whole = least(&editor, resource, "Third name");
        whole["slug"] = "third-name".into();
        let replaced = editor.put(&path, renamed.etag(), &whole).expect(200);
        assert_eq!(replaced.json()["slug"], "third-name");
        assert_eq!(replaced.json()["status"], "published");

        let trashed = editor.delete(&path, replaced.etag()).expect(204);
        app.visitor().get(&path).problem(404, &[]);
        assert!(app.visitor().get(&collection).expect(200).json()["data"].as_array().unwrap().is_empty());
        assert!(editor.get(&path).expect(200).json()["trashed_at"].is_string());
        let bin = editor.get(&format!("{collection}?status=trashed")).expect(200).json();
        assert_eq!(bin["data"].as_array().unwrap().len(), 1);
        editor.patch(&path, trashed.etag(), &json!({})).problem(409, &[]);
        let restored = editor.act(&format!("{path}/restore"), trashed.etag()).expect(200);
        assert_eq!(restored.json()["status"], "published");
        app.visitor().get(&path).expect(200);
        editor.act(&format!("{path}/restore"), restored.etag()).problem(409, &[]);

        let archived = editor.act(&format!("{path}/archive"), restored.etag()).expect(200);
        app.visitor().get(&path).problem(404, &[]);
        let draft = editor.act(&format!("{path}/unpublish"), archived.etag()).expect(200);
        assert_eq!(draft.json()["status"], "draft");
    }
}

/// The examples of the declarations fill every field; each must come back as it was given, or in
/// its documented form.
#[apply(api_test)]
fn every_field_of_every_kind_comes_back(app: &TestApp) {
    let editor = app.editor();
    let mut slugs = serde_json::Map::new();
    for resource in in_order_of_reference().into_iter().filter(|of| !ContentType::is_singleton(of)) {
        let mut body = json!({"status": "published", "slug": format!("full-{}", resource.collection)});
        for field in resource.fields.iter().filter(|f| f.name != "custom") {
            let mut value: Value = serde_json::from_str(field.example).unwrap();
            if let Some(relation) = field.relation() {
                let target = slugs.get(relation.target).cloned();
                value = match (target, field.name) {
                    (Some(slug), "speakers") => json!([{"role": "moderator", "affiliation": "Then", "speaker": slug}]),
                    (Some(slug), "partners") => json!([{"role": "organiser", "partner": slug}]),
                    (Some(slug), "topics" | "related") => json!([slug]),
                    (Some(slug), _) => slug,
                    (None, "topics" | "related" | "speakers" | "partners") => json!([]),
                    (None, _) => Value::Null,
                };
            }
            body[field.name] = value;
        }
        let made = editor.create(resource.collection, &body);
        for field in resource.fields.iter().filter(|f| f.name != "custom" && !body[f.name].is_null()) {
            let (given, got) = (&body[field.name], &made[field.name]);
            assert!(
                !got.is_null() && got != &json!([]) || given == &json!([]),
                "{}.{} is lost",
                resource.kind,
                field.name
            );
            let plain = given.is_string() && field.relation().is_none() && got.is_string();
            if plain
                && !matches!(
                    field.kind,
                    plenary::content::field::FieldType::Rich { .. } | plenary::content::field::FieldType::Moment { .. }
                )
            {
                assert_eq!(given, got, "{}.{}", resource.kind, field.name);
            }
        }
        slugs.insert(resource.kind.to_owned(), made["slug"].clone());
    }
}

#[apply(api_test)]
fn slugs_are_made_from_titles(app: &TestApp) {
    let editor = app.editor();
    let slug = |title: &str| editor.create("events", &json!({"title": title}))["slug"].clone();
    assert_eq!(slug("Zürich – Überblick"), "zurich-uberblick");
    assert_eq!(slug("Zürich – Überblick"), "zurich-uberblick-2");
    assert_eq!(slug("zurich uberblick"), "zurich-uberblick-3");
    assert!(slug("—").as_str().unwrap().starts_with("event-"));
    assert!(slug(&"long words ".repeat(27)).as_str().unwrap().len() <= 120);
    // Another kind has slugs of its own.
    assert_eq!(editor.create("topics", &json!({"name": "Zürich – Überblick"}))["slug"], "zurich-uberblick");
    editor
        .post("/api/v1/events", &json!({"title": "x", "slug": "zurich-uberblick"}))
        .problem(409, &[("/slug", "taken")]);
    editor
        .post("/api/v1/events", &json!({"title": "x", "slug": "Not A Slug"}))
        .problem(422, &[("/slug", "not_a_slug")]);
    // An address in the form of an id means the item with that id.
    let id = plenary::database::new_id();
    editor.post("/api/v1/events", &json!({"title": "x", "slug": id})).problem(422, &[("/slug", "not_a_slug")]);
    let made = editor.post("/api/v1/events", &json!({"title": id})).expect(201);
    assert_eq!(made.json()["slug"], format!("id-{id}"));
    let path = format!("/api/v1/events/id-{id}");
    editor.patch(&path, made.etag(), &json!({"slug": id})).problem(422, &[("/slug", "not_a_slug")]);
    editor
        .patch(&format!("{path}?locale=nl"), made.etag(), &json!({"slug": id}))
        .problem(422, &[("/slug", "not_a_slug")]);
}

#[apply(api_test)]
fn old_slugs_lead_on(app: &TestApp) {
    let editor = app.editor();
    editor.create("events", &json!({"title": "First", "status": "published"}));
    editor.patch("/api/v1/events/first", "\"v1\"", &json!({"slug": "second"})).expect(200);
    editor.patch("/api/v1/events/second", "\"v2\"", &json!({"slug": "third"})).expect(200);
    for old in ["first", "second"] {
        let reply = app.visitor().get(&format!("/api/v1/events/{old}?include=speakers")).expect(308);
        assert_eq!(reply.header("location"), "/api/v1/events/third?include=speakers");
    }
    // A new item with that title does not take the old address away; one that asks for it does.
    assert_eq!(editor.create("events", &json!({"title": "First"}))["slug"], "first-2");
    editor.create("events", &json!({"title": "x", "slug": "first", "status": "published"}));
    app.visitor().get("/api/v1/events/first").expect(200);
    // A redirect does not tell that a draft exists.
    editor.act("/api/v1/events/third/unpublish", "\"v3\"").expect(200);
    app.visitor().get("/api/v1/events/second").problem(404, &[]);
    editor.get("/api/v1/events/second").expect(308);
}

#[apply(api_test)]
fn idempotency_keys_make_once(app: &TestApp) {
    let editor = app.editor();
    let headers = [("content-type", "application/json"), ("idempotency-key", "import-42")];
    let send = |body: &[u8]| editor.send("POST", "/api/v1/events", &headers, body);
    let first = send(br#"{"title":"Once"}"#).expect(201);
    let again = send(br#"{"title":"Once"}"#).expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(first.json(), again.json());
    send(br#"{"title":"Twice"}"#).problem(422, &[("Idempotency-Key", "reused")]);
    let long = "x".repeat(256);
    let headers = [("content-type", "application/json"), ("idempotency-key", long.as_str())];
    editor.send("POST", "/api/v1/events", &headers, b"{}").problem(400, &[("Idempotency-Key", "not_a_key")]);
    let other = app.editor().send(
        "POST",
        "/api/v1/events",
        &[("content-type", "application/json"), ("idempotency-key", "import-42")],
        br#"{"title":"Once"}"#,
    );
    assert_eq!(other.expect(201).json()["slug"], "once-2");
}

#[apply(api_test)]
fn writes_want_the_current_version(app: &TestApp) {
    let editor = app.editor();
    let made = editor.post("/api/v1/events", &json!({"title": "A"})).expect(201);
    let etag = made.etag().to_owned();
    let json_type = [("content-type", "application/json")];
    for method in ["PATCH", "PUT"] {
        editor.send(method, "/api/v1/events/a", &json_type, br#"{"title":"B"}"#).problem(428, &[]);
    }
    editor.send("DELETE", "/api/v1/events/a", &[], b"").problem(428, &[]);
    editor.send("DELETE", "/api/v1/events/a", &[("if-match", "*")], b"").problem(428, &[]);
    editor.patch("/api/v1/events/a", "\"nonsense\"", &json!({})).problem(400, &[("If-Match", "not_a_tag")]);
    editor.patch("/api/v1/events/a", &etag, &json!({"title": "B"})).expect(200);
    let stale = editor.patch("/api/v1/events/a", &etag, &json!({"title": "C"})).problem(412, &[]);
    assert_eq!((&stale["current"]["version"], &stale["current"]["etag"]), (&json!(2), &json!("\"v2\"")));
    editor.delete("/api/v1/events/a", &etag).problem(412, &[]);
    assert_eq!(editor.get("/api/v1/events/a").expect(200).json()["title"], "B");
}

#[apply(api_test)]
fn merge_patch_changes_only_what_it_names(app: &TestApp) {
    let editor = app.editor();
    let body = json!({"title": "A", "summary": "S", "registration": {"capacity": 5, "url": "https://example.org/r"}, "languages": ["en", "fr"]});
    editor.create("events", &body);
    let patch = json!({"summary": null, "registration": {"capacity": 9}, "languages": ["nl"]});
    let changed = editor.patch("/api/v1/events/a", "\"v1\"", &patch).expect(200).json();
    assert_eq!(changed["summary"], Value::Null);
    assert_eq!(changed["registration"]["capacity"], 9);
    assert_eq!(changed["registration"]["url"], "https://example.org/r");
    assert_eq!(changed["languages"], json!(["nl"]));
    editor.patch("/api/v1/events/a", "\"v2\"", &json!({"title": null})).problem(422, &[("/title", "required")]);
}

#[apply(api_test)]
fn drafts_are_for_editors(app: &TestApp) {
    let editor = app.editor();
    editor.create("speakers", &json!({"name": "Hidden Person", "status": "published"}));
    editor.create("speakers", &json!({"name": "Seen Person", "status": "published"}));
    let event = json!({"title": "E", "status": "published", "speakers": [{"speaker": "hidden-person"}, {"speaker": "seen-person"}]});
    editor.create("events", &event);
    editor.act("/api/v1/speakers/hidden-person/unpublish", "\"v1\"").expect(200);
    let names = |client: &Client, query: &str| {
        let event = client.get(&format!("/api/v1/events/e{query}")).expect(200).json();
        event["speakers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["speaker"]["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    for query in ["", "?include=speakers", "?locale=nl", "?locale=*&include=speakers", "?body_format=text"] {
        assert_eq!(names(&app.visitor(), query), ["Seen Person"]);
        assert_eq!(names(&editor, query), ["Hidden Person", "Seen Person"]);
    }
    let public = app.visitor();
    assert!(
        public.get("/api/v1/events?speaker=hidden-person").expect(200).json()["data"].as_array().unwrap().is_empty()
    );
    assert!(public.get("/api/v1/speakers?event=e&count=exact").expect(200).json()["page"]["total"] == 1);
    for status in ["draft", "any", "trashed", "archived"] {
        public.get(&format!("/api/v1/speakers?status={status}")).problem(400, &[("?status", "not_public")]);
    }
    assert_eq!(editor.get("/api/v1/speakers?status=any&count=exact").expect(200).json()["page"]["total"], 2);
    assert_eq!(editor.get("/api/v1/speakers?status=draft&count=exact").expect(200).json()["page"]["total"], 1);
    assert_eq!(editor.get("/api/v1/speakers?count=exact").expect(200).json()["page"]["total"], 1);
    assert_eq!(editor.get("/api/v1/events/e").expect(200).header("cache-control"), "private, no-store");
}

#[apply(api_test)]
fn contributors_write_drafts_only(app: &TestApp) {
    let contributor = app.client(Role::Contributor);
    contributor.post("/api/v1/events", &json!({"title": "A", "status": "published"})).problem(403, &[]);
    let made = contributor.post("/api/v1/events", &json!({"title": "A"})).expect(201);
    let changed = contributor.patch("/api/v1/events/a", made.etag(), &json!({"title": "B"})).expect(200);
    contributor.patch("/api/v1/events/a", changed.etag(), &json!({"status": "published"})).problem(403, &[]);
    contributor.act("/api/v1/events/a/publish", changed.etag()).problem(403, &[]);
    let published = app.editor().act("/api/v1/events/a/publish", changed.etag()).expect(200);
    contributor.patch("/api/v1/events/a", published.etag(), &json!({"title": "C"})).problem(403, &[]);
}

#[apply(api_test)]
fn sessions_are_seen_with_their_event(app: &TestApp) {
    let editor = app.editor();
    let event = editor.create("events", &json!({"title": "E"}));
    editor.create(
        "sessions",
        &json!({"title": "S", "event": "e", "status": "published", "starts_at": "2027-01-01T10:00"}),
    );
    app.visitor().get("/api/v1/sessions/s").problem(404, &[]);
    editor.act("/api/v1/events/e/publish", "\"v1\"").expect(200);
    app.visitor().get("/api/v1/sessions/s").expect(200);
    let with = app.visitor().get("/api/v1/events/e?include=sessions").expect(200).json();
    assert_eq!(with["sessions"][0]["title"], "S");
    assert_eq!(with["sessions"][0]["event"]["id"], event["id"]);
    editor.delete("/api/v1/events/e", "\"v2\"").expect(204);
    app.visitor().get("/api/v1/sessions/s").problem(404, &[]);
    editor.act("/api/v1/events/e/restore", "\"v3\"").expect(200);
    app.visitor().get("/api/v1/sessions/s").expect(200);
}

#[apply(api_test)]
fn topics_form_no_circle(app: &TestApp) {
    let editor = app.editor();
    editor.create("topics", &json!({"name": "a"}));
    editor.create("topics", &json!({"name": "b", "parent": "a"}));
    editor.create("topics", &json!({"name": "c", "parent": "b"}));
    editor.patch("/api/v1/topics/a", "\"v1\"", &json!({"parent": "c"})).problem(422, &[("/parent", "circle")]);
    editor.patch("/api/v1/topics/a", "\"v1\"", &json!({"parent": "a"})).problem(422, &[("/parent", "circle")]);
    assert_eq!(editor.get("/api/v1/topics?parent=a&status=any").expect(200).json()["data"][0]["name"], "b");
}

#[apply(api_test)]
fn rich_text_is_sanitised(app: &TestApp) {
    let editor = app.editor();
    let source = "Hello **world** <script>alert(1)</script>\n\n<img src=x onerror=alert(1)> [x](javascript:alert(1))";
    let made = editor.create("events", &json!({"title": "T", "status": "published", "body": source}));
    let html = made["body"].as_str().unwrap();
    assert!(html.contains("<strong>world</strong>"), "{html}");
    for bad in ["script", "onerror", "javascript"] {
        assert!(!html.contains(bad), "{html}");
    }
    let text = |format: &str| {
        app.visitor().get(&format!("/api/v1/events/t?body_format={format}")).expect(200).json()["body"].clone()
    };
    assert_eq!(text("source"), source);
    assert!(text("text").as_str().unwrap().starts_with("Hello world"));
    let as_html = json!({"title": "H", "body": {"format": "html", "source": "<p>a *b*</p>"}});
    assert_eq!(editor.create("events", &as_html)["body"], "<p>a *b*</p>");
    editor.post("/api/v1/events", &json!({"title": "H", "body": {"format": "rtf", "sauce": ""}})).problem(
        422,
        &[("/body/format", "not_allowed"), ("/body/sauce", "unknown_field"), ("/body/source", "wrong_type")],
    );
}

#[apply(api_test)]
fn custom_fields_follow_their_schema(app: &TestApp) {
    app.editor()
        .post("/api/v1/events", &json!({"title": "T", "custom": {"room": 1}}))
        .problem(422, &[("/custom", "not_declared")]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("event.json");
    let schema = json!({
        "type": "object",
        "properties": {
            "stars": {"$ref": "#/$defs/stars"},
            "contact": {"type": "string", "format": "email"},
            "code": {"type": "string", "pattern": "^(a+)+$"},
        },
        "required": ["stars"],
        "additionalProperties": false,
        "$defs": {"stars": {"type": "integer", "maximum": 5}},
    });
    std::fs::write(&file, schema.to_string()).unwrap();
    let other = TestApp::start_with(app.backend, |config| drop(config.site.custom.insert("event".into(), file)));
    let editor = other.editor();
    assert_eq!(editor.create("events", &json!({"title": "T", "custom": {"stars": 4}}))["custom"], json!({"stars": 4}));
    editor
        .post("/api/v1/events", &json!({"title": "T", "custom": {"stars": 9}}))
        .problem(422, &[("/custom/stars", "custom_schema")]);
    let wrong = json!({"contact": "not a mail", "code": format!("{}!", "a".repeat(5_000)), "seats": 1});
    let places = ["/custom/stars", "/custom/contact", "/custom/code", "/custom/seats"];
    editor
        .post("/api/v1/events", &json!({"title": "T", "custom": wrong}))
        .problem(422, &places.map(|place| (place, "custom_schema")));
    // The document of this site says so; that of Plenary knows nothing of it.
    let document = other.visitor().get("/api/openapi.json").expect(200).json();
    let schemas = &document["components"]["schemas"];
    let moved = "#/components/schemas/EventCustom/$defs/stars";
    assert_eq!(schemas["EventCustom"]["properties"]["stars"]["$ref"], moved);
    assert_eq!(document.pointer(&moved[1..]), Some(&schema["$defs"]["stars"]));
    for owner in ["Event", "EventInput"] {
        let custom = schemas[owner]["properties"]["custom"].to_string();
        assert!(custom.contains("#/components/schemas/EventCustom"), "{owner}: {custom}");
    }
    let plain = app.visitor().get("/api/openapi.json").expect(200).json();
    assert!(plain["components"]["schemas"]["EventCustom"].is_null());
}

#[apply(api_test)]
fn a_schema_that_cannot_be_kept_is_a_fault_at_start(app: &TestApp) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("event.json");
    for (property, named) in [
        (json!({"format": "postcode"}), "postcode"),
        (json!({"pattern": "^(?=a)b"}), "pattern"),
        (json!({"type": "word"}), "type"),
    ] {
        std::fs::write(&file, json!({"properties": {"x": property}}).to_string()).unwrap();
        let mut config = app.config.clone();
        config.site.custom.insert("event".into(), file.clone());
        let faults = config.violations();
        assert!(
            faults.len() == 1 && faults[0].starts_with("site.custom.event") && faults[0].contains(named),
            "{faults:?}"
        );
    }
}
