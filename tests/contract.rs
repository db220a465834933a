//! The OpenAPI document: what it says is what the server does.

use std::collections::BTreeSet;

use plenary::api::openapi;
use plenary::content_types::{ALL, in_order_of_reference};
use serde_json::{Value, json};

use crate::support::app::TestApp;

const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/plenary.json");

#[apply(api_test)]
fn the_checked_in_document_is_current(_: &TestApp) {
    let config = plenary::config::Config::default();
    let site = config.site();
    let routes = plenary::api::content::items::with_site_parameters(plenary::api::routes(), &site);
    let made = openapi::to_json(&openapi::document(&routes, &site, &config.public_url), &site);
    let checked_in = std::fs::read_to_string(CHECKED_IN).unwrap_or_default();
    assert!(made == checked_in, "openapi/plenary.json is out of date: cargo run -- openapi > openapi/plenary.json");
}

/// Every reference leads to a component of the document.
#[apply(api_test)]
fn references_lead_to_components(app: &TestApp) {
    let document = app.public().get("/api/openapi.json").expect(200).json();
    let (mut values, mut count) = (vec![&document], 0);
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
    assert!(count > 1_000, "{count} references");
}

/// Asks the running server for every operation, and the document for every route.
#[apply(api_test)]
fn the_served_document_has_every_route(app: &TestApp) {
    let document = app.public().get("/api/openapi.json").expect(200).json();
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
    let routes: BTreeSet<String> = plenary::api::routes().iter().map(|r| format!("{} {}", r.method, r.path)).collect();
    assert_eq!(described, routes);
    for route in &routes {
        let (method, path) = route.split_once(' ').unwrap();
        let path = path.replace("{id_or_slug}", "x").replace("{id}", "x").replace("{file}", "x").replace("{code}", "x");
        // What never ends by itself is ended by a fault.
        let path = path.replace("/changes/live", "/changes/live?since=x");
        let status = app.public().send(method, &path, &[], b"").status;
        assert_ne!(status, 405, "{route}");
    }
    for path in ["/api/v1", "/api/v1/pages", "/api/v1/events/x/y", "/admin"] {
        app.public().get(path).problem(404, &[]);
    }
}

fn validator(document: &Value, name: &str) -> jsonschema::Validator {
    let schema = json!({"$ref": format!("#/components/schemas/{name}"), "components": document["components"]});
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap_or_else(|e| panic!("{name}: {e}"))
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
    let document = app.public().get("/api/openapi.json").expect(200).json();
    app.block_on(plenary::demo::fill(&app.app)).unwrap();
    let editor = app.editor();
    let public = app.public();
    for resource in ALL {
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
            "count=exact",
        ] {
            for extra in ["", &include] {
                let page = public.get(&format!("{collection}?{view}{extra}")).expect(200).json();
                keeps(&document, &format!("{}Page", resource.schema), &page);
                for item in page["data"].as_array().unwrap() {
                    if view == "count=exact" {
                        continue;
                    }
                    let one = public
                        .get(&format!("{collection}/{}?{view}{extra}", item["slug"].as_str().unwrap()))
                        .expect(200)
                        .json();
                    keeps(&document, resource.schema, &one);
                }
            }
        }
        let drafts = editor.get(&format!("{collection}?status=any{include}")).expect(200).json();
        keeps(&document, &format!("{}Page", resource.schema), &drafts);
    }
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
    let document = app.public().get("/api/openapi.json").expect(200).json();
    let editor = app.editor();
    editor.create("events", &json!({"title": "Rivers without borders", "status": "published"}));
    for resource in in_order_of_reference() {
        let post = &document["paths"][format!("/api/v1/{}", resource.collection)]["post"];
        let example = &post["requestBody"]["content"]["application/json"]["example"];
        keeps(&document, &format!("{}Input", resource.schema), example);
        let made = editor.create(resource.collection, example);
        keeps(&document, resource.schema, &made);
    }
}
