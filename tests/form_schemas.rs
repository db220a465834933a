//! The JSON Schemas of items: valid, complete in themselves, and of the same opinion as the API.

use jsonschema::{Draft, Validator};
use plenary::content_types::{COLLECTIONS, ContentType, in_order_of_reference, with_lists};
use serde_json::{Map, Value, json};

use crate::support::app::{Backend, TestApp};
use crate::support::client::Client;
use crate::support::kinds;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Violations of what only the server knows, or what JSON Schema has no words for; of all others the schema knows too.
const BEYOND_SCHEMAS: [&str; 21] = [
    "ambiguous_time",
    "before_start",
    "control_character",
    "dangling_reference",
    "duplicate",
    "nonexistent_time",
    "not_a_date",
    "not_a_language",
    "not_a_path",
    "not_a_slug",
    "not_a_time",
    "not_a_url",
    "not_an_email",
    "not_complete",
    "not_published",
    "taken",
    "unknown_country",
    "unknown_zone",
    "without_start",
    "wrong_offset",
    "custom_schema",
];

fn schema(client: &Client, collection: &str, query: &str) -> Value {
    client.get(&format!("/api/v1/schemas/{collection}{query}")).expect(200).json()
}

fn validator(schema: &Value) -> Validator {
    jsonschema::options().with_draft(Draft::Draft202012).build(schema).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns every value of the member `name` in a schema and the schemas within it.
fn members<'a>(schema: &'a Value, name: &str) -> Vec<&'a Value> {
    let (mut found, mut pending) = (Vec::new(), vec![schema]);
    while let Some(value) = pending.pop() {
        found.extend(value.get(name));
        match value {
            Value::Array(list) => pending.extend(list),
            Value::Object(members) => pending.extend(members.values()),
            _ => {}
        }
    }
    found
}

#[apply(api_test)]
fn schemas_are_valid_and_complete(app: &TestApp) {
    let public = app.visitor();
    for collection in COLLECTIONS {
        for query in ["", "?locale=*"] {
            let address = format!("/api/v1/schemas/{collection}{query}");
            let reply = public.get(&address).expect(200);
            assert_eq!(reply.header("content-type"), "application/schema+json");
            assert!(reply.header("cache-control").starts_with("public, max-age="));
            let again = [("if-none-match", reply.etag())];
            public.send("GET", &address, &again, b"").expect(304);
            let schema = reply.json();
            assert_eq!(schema["$schema"], DIALECT);
            assert!(schema["$id"].as_str().is_some_and(|id| id.ends_with(&address)), "{}", schema["$id"]);
            assert!(jsonschema::meta::is_valid(&schema), "{address}");
            for target in members(&schema, "$ref") {
                let definition = target.as_str().and_then(|target| target.strip_prefix('#'));
                assert!(definition.is_some_and(|pointer| schema.pointer(pointer).is_some()), "{address}: {target}");
            }
            for (name, property) in schema["properties"].as_object().unwrap() {
                assert!(property["title"].is_string(), "{address}: {name} has no title");
                assert!(
                    property["description"].is_string() || name == "custom",
                    "{address}: {name} has no description"
                );
            }
            let check = validator(&schema);
            let absent = schema["required"].as_array().unwrap()[0].as_str().unwrap();
            assert!(!check.is_valid(&json!({})) && !check.is_valid(&json!({absent: null})), "{address}: {absent}");
        }
    }
    public.get("/api/v1/schemas/papers").problem(404, &[]);
    public.get("/api/v1/schemas/events?locale=nl").problem(400, &[("?locale", "not_allowed")]);
    public.get("/api/v1/schemas/events?form=x").problem(400, &[("?form", "unknown_parameter")]);
    assert!(public.send("HEAD", "/api/v1/schemas/events", &[], b"").expect(200).body.is_empty());
}

#[apply(api_test)]
fn fields_say_what_forms_show(app: &TestApp) {
    let events = schema(&app.visitor(), "events", "");
    let property = |name: &str| &events["properties"][name];
    assert_eq!((&events["title"], &property("starts_at")["title"]), (&json!("Event"), &json!("Starts at")));
    assert_eq!((&property("title")["type"], &property("title")["maxLength"]), (&json!("string"), &json!(300)));
    assert_eq!(property("summary")["type"], json!(["string", "null"]));
    let choices = property("attendance_mode")["oneOf"].as_array().unwrap();
    assert!(choices.contains(&json!({"const": "online", "title": "Online"})), "{choices:?}");
    assert!(choices.contains(&json!({"const": null, "title": "None"})), "{choices:?}");
    assert_eq!(events["$defs"]["SpeakerAppearanceInput"]["properties"]["role"]["default"], "speaker");
    assert_eq!(members(&events, "enum").len() + members(&events, "x-enum-varnames").len(), 0);
    let both = schema(&app.visitor(), "events", "?locale=*");
    assert_eq!(both["properties"]["title"]["$ref"], "#/$defs/LocalisedLineInput");
    assert_eq!(both["$defs"]["LocalisedLineInput"]["properties"]["nl"]["title"], "nl");
}

/// The custom fields of the site are part of the schemas; where there are none, they are refused.
#[apply(api_test)]
fn custom_fields_are_those_of_the_site(app: &TestApp) {
    let plain = validator(&schema(&app.visitor(), "events", ""));
    assert!(plain.is_valid(&json!({"title": "E", "custom": {}})));
    let sponsored = json!({"title": "E", "custom": {"tiers": [{"name": "gold"}]}});
    assert!(!plain.is_valid(&sponsored));
    app.editor().post("/api/v1/events", &sponsored).problem(422, &[("/custom", "not_declared")]);
    let dialect = ("$schema", "http://json-schema.org/draft-07/schema#");
    for member in [None, Some(dialect), Some(("$id", "https://example.org/event.json"))] {
        let mut declared = json!({
            "type": "object",
            "properties": {"tiers": {"type": "array", "items": {"$ref": "#/$defs/tier"}}},
            "additionalProperties": false,
            "$defs": {"tier": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
        });
        if let Some((name, value)) = member {
            declared[name] = value.into();
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("event.json");
        std::fs::write(&file, declared.to_string()).unwrap();
        let own = TestApp::start_with(app.backend, |config| drop(config.site.custom.insert("event".into(), file)));
        let events = schema(&own.visitor(), "events", "");
        assert!(jsonschema::meta::is_valid(&events));
        let check = validator(&events);
        assert!(check.is_valid(&sponsored));
        for wrong in [json!({"tiers": [{}]}), json!({"x": 1})] {
            let body = json!({"title": "E", "custom": wrong});
            assert!(!check.is_valid(&body), "{body}");
            own.editor().post("/api/v1/events", &body).expect(422);
        }
        own.editor().create("events", &sponsored);
    }
}

/// The values that each field is given in turn.
fn values() -> Vec<Value> {
    let long = "x".repeat(200_001);
    let many: Vec<String> = (0..1_000).map(|number| format!("item-{number}")).collect();
    let mut values =
        vec![json!(null), json!(true), json!(7), json!(-1.5), json!(""), json!("word"), json!("two words")];
    values.extend([json!([]), json!({}), json!(["word", "word"]), json!({"unknown": 1}), json!(long), json!(many)]);
    values
}

/// What the API creates is valid, and what the schema accepts is refused only for what is beyond a schema.
#[track_caller]
fn agree(editor: &Client, (collection, query): (&str, &str), check: &Validator, body: &Value) {
    let reply = editor.post(&format!("/api/v1/{collection}{query}"), body);
    let shown: String = body.to_string().chars().take(300).collect();
    match (reply.status, check.is_valid(body)) {
        (201, true) | (422, false) => {}
        (status @ (409 | 422), true) => {
            let problem = reply.problem(status, &[]);
            let codes: Vec<&str> =
                problem["errors"].as_array().unwrap().iter().map(|error| error["code"].as_str().unwrap()).collect();
            let is_beyond = codes.iter().all(|code| BEYOND_SCHEMAS.contains(code));
            assert!(is_beyond, "{collection}: the API alone refuses {shown}: {codes:?}");
        }
        (status, is_valid) => panic!("{collection}: {status}, valid: {is_valid}: {shown}"),
    }
}

/// Every field of every schema with values of every type.
#[apply(api_test)]
fn schemas_and_the_api_agree(app: &TestApp) {
    // Neither the schemas nor the validation know which database there is.
    if let Backend::Postgres(_) = app.backend {
        return;
    }
    let editor = app.editor();
    for content_type in in_order_of_reference().into_iter().filter(|of| !ContentType::is_singleton(of)) {
        let collection = content_type.collection;
        let localised = match content_type.field(content_type.label).unwrap().localised {
            true => json!({"en": "Rivers", "nl": "Rivieren"}),
            false => json!(kinds::label(content_type, "Rivers")),
        };
        for (query, label) in [("", json!(kinds::label(content_type, "Rivers"))), ("?locale=*", localised)] {
            let schema = schema(&app.visitor(), collection, query);
            let check = validator(&schema);
            let required = schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
            let given =
                |name: &str| if name == content_type.label { label.clone() } else { required_value(&editor, name) };
            let mut least: Value = required.map(|name| (name.to_owned(), given(name))).collect::<Map<_, _>>().into();
            kinds::complete(content_type, &mut least);
            agree(&editor, (collection, query), &check, &least);
            for name in schema["properties"].as_object().unwrap().keys().map(String::as_str).chain(["nonsense"]) {
                for value in values() {
                    let mut body = least.clone();
                    body[name] = value;
                    agree(&editor, (collection, query), &check, &body);
                }
            }
        }
    }
}

#[apply(api_test)]
fn examples_of_the_document_are_valid(app: &TestApp) {
    let document = app.visitor().get("/api/openapi.json").expect(200).json();
    for collection in with_lists().map(|content_type| content_type.collection) {
        let (check, example) = (validator(&schema(&app.visitor(), collection, "")), example(&document, collection));
        let faults: Vec<String> = check.iter_errors(&example).map(|error| error.to_string()).collect();
        assert!(faults.is_empty() && example.is_object(), "{collection}: {faults:?}");
    }
}

/// Returns a value of a required field that is no label.
fn required_value(editor: &Client, name: &str) -> Value {
    match name {
        "event" => editor.create("events", &json!({"title": "Of sessions"}))["id"].clone(),
        "kind" => json!("foundation"),
        name => panic!("no value for {name}"),
    }
}

/// Returns the example of a create request in the OpenAPI document.
fn example(document: &Value, collection: &str) -> Value {
    let body = &document["paths"][format!("/api/v1/{collection}")]["post"]["requestBody"];
    let target = body["$ref"].as_str().and_then(|target| document.pointer(&target[1..]));
    target.unwrap_or(body)["content"]["application/json"]["example"].clone()
}
