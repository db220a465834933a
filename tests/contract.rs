//! The OpenAPI document: what it says is what the server does.

use std::collections::BTreeSet;
use std::path::Path;

use plenary::api::openapi::{self, DocumentView};
use plenary::auth::permissions::Role;
use plenary::content::violation::VIOLATION_CODES;
use plenary::content_types::{ContentType, in_order_of_reference, with_lists};
use plenary::http::route::Route;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::client::{Client, Reply};

/// The addresses of the document's views.
const ADDRESSES: [&str; 2] = ["/api/openapi.json", "/api/openapi-delivery.json"];

#[apply(api_test)]
fn the_checked_in_documents_are_current(_: &TestApp) {
    let config = plenary::config::Config::default();
    for (file, view) in [("plenary.json", DocumentView::All), ("delivery.json", DocumentView::Delivery)] {
        let made = openapi::to_text(&openapi::document(&config.site(), &config.public_url, view));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi").join(file);
        let checked_in = std::fs::read_to_string(path).unwrap_or_default();
        let command = format!("cargo run -- openapi --view {} > openapi/{file}", view.name());
        assert!(made == checked_in, "openapi/{file} is out of date: {command}");
    }
}

/// Every reference of both views leads to a component of the document.
#[apply(api_test)]
fn references_lead_to_components(app: &TestApp) {
    for address in ADDRESSES {
        references_lead_somewhere(&app.visitor().get(address).expect(200).json());
    }
}

fn references_lead_somewhere(document: &Value) {
    let (mut values, mut count) = (vec![document], 0);
    while let Some(value) = values.pop() {
        match value {
            Value::Array(list) => values.extend(list),
            Value::Object(members) => values.extend(members.values()),
            _ => {}
        }
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target} does not exist");
            count += 1;
        }
    }
    assert!(count > 500, "{count} references");
}

/// Asks the running server for every operation, and the document for every route.
#[apply(api_test)]
fn the_served_document_has_every_route(app: &TestApp) {
    let document = app.visitor().get("/api/openapi.json").expect(200).json();
    let mut described = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(m, _)| *m != "parameters") {
            described.insert(format!("{} {path}", method.to_uppercase()));
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()));
            for part in ["summary", "description", "tags", "responses"] {
                assert!(!operation[part].is_null(), "{path} {method}: {part}");
            }
        }
    }
    let routes = plenary::api::routes();
    let documented = |route: &Route| route.shared.as_ref().map_or(route.path.clone(), |shared| shared.path.clone());
    let own: Vec<&Route> = routes.iter().filter(|route| route.described).collect();
    let expected: BTreeSet<String> = own.iter().map(|r| format!("{} {}", r.method, documented(r))).collect();
    assert_eq!(described, expected);
    // Agents speak another protocol, which describes itself; mail programs and browsers send forms (RFC 8058); OpenID
    // providers send browsers back to the log-in page, with parameters of their own.
    let others: BTreeSet<&str> =
        routes.iter().filter(|route| !route.described).map(|route| route.path.as_str()).collect();
    assert_eq!(others, BTreeSet::from(["/edit/log-in", "/mcp", "/newsletter/confirm", "/newsletter/unsubscribe"]));
    for route in routes.iter().filter(|route| route.shared.is_some()) {
        let operation = &document["paths"][documented(route)][route.method.as_str().to_lowercase()];
        let values = &resolved(&document, &resolved(&document, &operation["parameters"][0])["schema"])["enum"];
        let paths = values.as_array().unwrap().iter().map(|value| filled(&documented(route), value.as_str().unwrap()));
        assert!(paths.into_iter().any(|path| path == filled(&route.path, "")), "{}: {values}", route.path);
    }
    for route in &routes {
        let (method, path) = (route.method.as_str(), filled(&route.path, ""));
        // What never ends by itself is ended by a fault.
        let path = path.replace("/changes/live", "/changes/live?since=x");
        let status = app.visitor().send(method, &path, &[], b"").status;
        assert_ne!(status, 405, "{method} {path}");
    }
    for path in ["/api/v1", "/api/v1/papers", "/api/v1/events/x/y", "/admin"] {
        app.visitor().get(path).problem(404, &[]);
    }
}

/// Returns a path with values for its parameters: `first` for the one of a shared description.
fn filled(path: &str, first: &str) -> String {
    let path = path.replace("{collection}", first).replace("{format}", first);
    path.split('/').map(|segment| if segment.starts_with('{') { "x" } else { segment }).collect::<Vec<_>>().join("/")
}

/// Returns the component to which a value refers, or the value.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str);
    target.map_or(value, |target| document.pointer(&target[1..]).unwrap())
}

fn validator(document: &Value, name: &str) -> jsonschema::Validator {
    let schema = json!({"$ref": format!("#/components/schemas/{name}"), "components": document["components"]});
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Checks a response to a `GET` against the schema that the document has for its media type, and returns its body.
#[track_caller]
fn kept(document: &Value, path: &str, reply: &Reply) -> Value {
    let success = resolved(document, &document["paths"][path]["get"]["responses"]["200"]);
    let schema = &success["content"][reply.header("content-type")]["schema"]["$ref"];
    let name = schema.as_str().and_then(|name| name.rsplit('/').next());
    let (name, body) = (name.unwrap_or_else(|| panic!("{path}: {}", reply.header("content-type"))), reply.json());
    keeps(document, name, &body);
    body
}

#[track_caller]
fn keeps(document: &Value, name: &str, answer: &Value) {
    let faults: Vec<String> =
        validator(document, name).iter_errors(answer).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(faults.is_empty(), "{name}: {faults:#?}\n{answer:#}");
}

/// Fills the server with the demo content and one item of each kind with all fields, and checks
/// every answer in every form against the document.
#[apply(api_test)]
fn answers_keep_to_their_schemas(app: &TestApp) {
    let document = app.visitor().get("/api/openapi.json").expect(200).json();
    app.block_on(plenary::demo::fill(&app.app)).unwrap();
    let editor = app.editor();
    let public = app.visitor();
    for resource in with_lists() {
        let collection = format!("/api/v1/{}", resource.collection);
        let includes = resource.includes().join(",");
        let include = if includes.is_empty() { String::new() } else { format!("&include={includes}") };
        for view in [
            "locale=en",
            "locale=nl",
            "locale=*",
            "detail=full",
            "body_format=text",
            "detail=full&body_format=source",
            "detail=full&locale=*",
            "fields=slug,updated_at",
            "fields=slug&locale=*",
            "count=exact",
        ] {
            for extra in ["", &include] {
                let page = public.get(&format!("{collection}?{view}{extra}")).expect(200);
                let page = kept(&document, &collection, &page);
                for item in page["data"].as_array().unwrap() {
                    if view == "count=exact" {
                        continue;
                    }
                    let path = format!("{collection}/{}?{view}{extra}", item["slug"].as_str().unwrap());
                    kept(&document, &format!("{collection}/{{id_or_slug}}"), &public.get(&path).expect(200));
                }
            }
        }
        kept(&document, &collection, &editor.get(&format!("{collection}?status=any{include}")).expect(200));
    }
    for path in ["about", "about/team", "over-ons?locale=nl", "privacy?body_format=text"] {
        let page = public.get(&format!("/api/v1/pages/by-path/{path}")).expect(200);
        kept(&document, "/api/v1/pages/by-path/{path}", &page);
    }
    kept(&document, "/api/v1/changes", &public.get("/api/v1/changes").expect(200));
    kept(&document, "/api/v1/search", &public.get("/api/v1/search?q=rivers").expect(200));
    keeps(&document, "Problem", &public.get("/api/v1/events?x=1").expect(400).json());
    keeps(
        &document,
        "Problem",
        &editor.patch("/api/v1/events/rivers-without-borders", "\"v9\"", &json!({})).expect(412).json(),
    );
    keeps(&document, "JwkSet", &public.get("/.well-known/jwks.json").expect(200).json());
    keeps(&document, "Account", &editor.get("/api/v1/auth/me").expect(200).json());
    keeps(&document, "Readiness", &public.get("/readyz").expect(200).json());
}

/// The examples of the document are requests that work.
#[apply(api_test)]
fn inputs_of_the_examples_are_accepted(app: &TestApp) {
    let document = app.visitor().get("/api/openapi.json").expect(200).json();
    let editor = app.editor();
    editor.create("events", &json!({"title": "Rivers without borders", "status": "published"}));
    for resource in in_order_of_reference().into_iter().filter(|of| !ContentType::is_singleton(of)) {
        let post = &document["paths"][format!("/api/v1/{}", resource.collection)]["post"];
        let example = &resolved(&document, &post["requestBody"])["content"]["application/json"]["example"];
        keeps(&document, &format!("{}Input", resource.schema), example);
        let made = editor.create(resource.collection, example);
        keeps(&document, resource.schema, &made);
    }
}

/// A body of the media type for all locales is one of `locale=*`, and so is the response to it.
#[apply(api_test)]
fn the_media_type_says_that_texts_are_in_all_locales(app: &TestApp) {
    const ALL_LOCALES: &str = "application/vnd.plenary.all-locales+json";
    let document = app.visitor().get("/api/openapi.json").expect(200).json();
    let editor = app.editor();
    let send = |method: &str, path: &str, etag: &str, body: &Value| {
        let headers = [("content-type", ALL_LOCALES), ("if-match", etag)];
        editor.send(method, path, &headers, body.to_string().as_bytes())
    };
    let text = json!({"title": {"en": "Rivers", "nl": "Rivieren"}, "image": {"url": "https://example.org/a.jpg", "alt": {"nl": "Een rivier"}}});
    keeps(&document, "EventAllLocalesInput", &text);
    let made = send("POST", "/api/v1/events", "", &text).expect(201);
    assert_eq!(made.header("content-type"), ALL_LOCALES);
    keeps(&document, "EventAllLocales", &made.json());
    assert_eq!(made.json()["title"], text["title"]);
    let path = format!("/api/v1/events/{}", made.json()["id"].as_str().unwrap());
    let patch = json!({"title": {"nl": "De rivieren"}, "body": {"en": {"format": "markdown", "source": "*Water*"}}});
    keeps(&document, "EventAllLocalesPatch", &patch);
    let changed = send("PATCH", &path, made.etag(), &patch).expect(200);
    assert_eq!(changed.json()["title"], json!({"en": "Rivers", "nl": "De rivieren"}));
    let replaced = send("PUT", &format!("{path}?locale=*"), changed.etag(), &text).expect(200);
    assert_eq!(replaced.json()["title"], text["title"]);
    // `application/json` with `locale=*` is understood too; a body in one locale is not one of all.
    let json = editor.patch(&format!("{path}?locale=*"), replaced.etag(), &patch).expect(200);
    assert_eq!(json.header("content-type"), ALL_LOCALES);
    send("PATCH", &format!("{path}?locale=nl"), json.etag(), &patch).problem(400, &[("?locale", "with_all_locales")]);
    send("POST", "/api/v1/events", "", &json!({"title": "plain"})).problem(422, &[("/title", "wrong_type")]);
    assert_eq!(editor.get(&path).expect(200).header("content-type"), "application/json");
}

/// The codes of violations that the document lists are those that the sources have. That none is missing is checked with
/// every problem that a test expects.
#[apply(api_test)]
fn codes_of_violations_are_in_use(_: &TestApp) {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut sources = String::new();
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false if path.ends_with("content/violation.rs") => {}
                false => sources.push_str(&std::fs::read_to_string(path).unwrap()),
            }
        }
    }
    for code in VIOLATION_CODES {
        assert!(sources.contains(&format!("\"{code}\"")), "{code} is not in use");
    }
    assert!(VIOLATION_CODES.is_sorted());
}

/// The document has the code, the status and the title of every kind of problem, and problems keep to them.
#[apply(api_test)]
fn types_of_problems_are_part_of_the_document(app: &TestApp) {
    let document = app.visitor().get("/api/openapi.json").expect(200).json();
    let codes = &document["components"]["schemas"]["ProblemCode"];
    let problem = app.visitor().get("/api/v1/events/none").problem(404, &[]);
    let types = codes["x-problem-types"].as_array().unwrap();
    let listed: Vec<&Value> = types.iter().map(|kind| &kind["code"]).collect();
    assert_eq!(codes["enum"].as_array().unwrap().iter().collect::<Vec<_>>(), listed);
    let kind = types.iter().find(|kind| problem["type"].as_str().unwrap().ends_with(kind["code"].as_str().unwrap()));
    assert_eq!(kind, Some(&json!({"code": "not-found", "status": problem["status"], "title": problem["title"]})));
}

/// Whether a status is described by itself or by `default`, the operation lists it.
#[apply(api_test)]
fn statuses_of_problems_are_listed(app: &TestApp) {
    let document = app.visitor().get("/api/openapi.json").expect(200).json();
    let operation = &document["paths"]["/api/v1/events/{id_or_slug}"]["patch"];
    let (public, editor, viewer) = (app.visitor(), app.editor(), app.client(Role::Viewer));
    editor.create("events", &json!({"title": "Rivers"}));
    let (json, current, too_large) = ("application/merge-patch+json", "\"v1\"", vec![b' '; 1_100_000]);
    let send = |client: &Client, headers: &[(&str, &str)], body: &[u8]| {
        client.send("PATCH", "/api/v1/events/rivers", headers, body)
    };
    let both = |kind, tag| [("content-type", kind), ("if-match", tag)];
    let replies = [
        (400, send(&editor, &both(json, current), b"{")),
        (401, send(&public, &both(json, current), b"{}")),
        (403, send(&viewer, &both(json, current), b"{}")),
        (404, editor.patch("/api/v1/events/none", current, &json!({}))),
        (412, send(&editor, &both(json, "\"v9\""), b"{}")),
        (413, send(&editor, &both(json, current), &too_large)),
        (415, send(&editor, &both("text/plain", current), b"{}")),
        (422, send(&editor, &both(json, current), b"{\"title\": 5}")),
        (428, send(&editor, &both(json, current)[..1], b"{}")),
    ];
    for (status, reply) in replies {
        keeps(&document, "Problem", &reply.problem(status, &[]));
        let is_described = operation["responses"].get(status.to_string()).is_some();
        let is_common = operation["x-problem-statuses"].as_array().unwrap().contains(&status.into());
        assert!(is_described != is_common, "{status}: {operation:#}");
    }
}
