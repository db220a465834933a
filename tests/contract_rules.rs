//! Rules for the OpenAPI document that make generated clients usable: names, sizes, types. Each holds for both views.

use std::collections::{BTreeMap, BTreeSet};

use plenary::api::openapi::{self, DocumentView};
use plenary::http::route::{Access, Route};
use serde_json::{Map, Value, json};

use crate::support::app::TestApp;

/// Largest size of a view as compact JSON, in bytes.
const LIMITS: [(DocumentView, usize); 2] = [(DocumentView::Delivery, 245_000), (DocumentView::All, 1_020_000)];

/// Words that are names of something else in a large language, in lower case.
const RESERVED: &str = "any array async await bool boolean break byte case catch char class const continue crate date \
    default delete do double else enum error false file finally float for from function if impl import in int \
    interface is list long map match model module new none null number object optional or package record ref request \
    response result return self set short static str string struct super switch this throw trait true try type union \
    use var void when while with yield";

/// Methods of Python's `str`, which a member of an enumeration of texts must not hide.
const STR_METHODS: [&str; 9] = ["title", "format", "count", "index", "center", "find", "join", "replace", "split"];

fn views() -> Vec<(DocumentView, Value)> {
    let config = plenary::config::Config::default();
    DocumentView::ALL.map(|view| (view, openapi::document(&config.site(), &config.public_url, view))).into()
}

/// A schema within a document, and where it is.
struct Place<'a> {
    pointer: String,
    schema: &'a Map<String, Value>,
    /// Whether the schema is a component, which has a name.
    is_named: bool,
}

/// Returns every schema of a document, also those within others.
fn schemas(document: &Value) -> Vec<Place<'_>> {
    let mut found = Vec::new();
    let components = &document["components"];
    for (name, schema) in components["schemas"].as_object().unwrap() {
        collect(&format!("/components/schemas/{name}"), schema, true, &mut found);
    }
    // Elsewhere, a schema is the value of a member of this name.
    let mut pending = vec![("/paths".to_owned(), &document["paths"])];
    let others = components.as_object().unwrap().iter().filter(|(name, _)| *name != "schemas");
    pending.extend(others.map(|(name, part)| (format!("/components/{name}"), part)));
    while let Some((pointer, value)) = pending.pop() {
        match value {
            Value::Array(list) => {
                pending.extend(list.iter().enumerate().map(|(i, entry)| (format!("{pointer}/{i}"), entry)));
            }
            Value::Object(members) => {
                for (name, member) in members.iter().filter(|(name, _)| *name != "example") {
                    match name.as_str() {
                        "schema" => collect(&format!("{pointer}/schema"), member, false, &mut found),
                        name => pending.push((format!("{pointer}/{name}"), member)),
                    }
                }
            }
            _ => {}
        }
    }
    assert!(found.len() > 500, "{} schemas", found.len());
    found
}

fn collect<'a>(pointer: &str, schema: &'a Value, is_named: bool, found: &mut Vec<Place<'a>>) {
    let Some(members) = schema.as_object() else { return };
    found.push(Place { pointer: pointer.to_owned(), schema: members, is_named });
    for name in ["items", "additionalProperties"] {
        if let Some(inner) = members.get(name) {
            collect(&format!("{pointer}/{name}"), inner, false, found);
        }
    }
    for (name, property) in members.get("properties").and_then(Value::as_object).into_iter().flatten() {
        collect(&format!("{pointer}/properties/{name}"), property, false, found);
    }
    for name in ["anyOf", "oneOf", "allOf"] {
        for (index, inner) in members.get(name).and_then(Value::as_array).into_iter().flatten().enumerate() {
            collect(&format!("{pointer}/{name}/{index}"), inner, false, found);
        }
    }
}

/// Returns what would have to be named, if the schema is such.
fn kind(schema: &Map<String, Value>) -> Option<&'static str> {
    let is_nullable =
        |union: &Value| union.as_array().is_some_and(|of| of.len() == 2 && of[1] == json!({"type": "null"}));
    let is_object = schema.get("type").is_some_and(|kind| kind.to_string().contains("\"object\""));
    match schema {
        _ if schema.contains_key("title") => Some("a name that is taken by another schema"),
        _ if schema.contains_key("enum") => Some("enumeration"),
        _ if is_object => Some("object"),
        _ if schema.contains_key("oneOf") || schema.contains_key("allOf") => Some("union"),
        _ if schema.get("anyOf").is_some_and(|union| !is_nullable(union)) => Some("union"),
        _ => None,
    }
}

/// Generators give what has no name one of their own, with numbers where such names collide.
#[apply(api_test)]
fn enumerations_objects_and_unions_are_components(_: &TestApp) {
    for (view, document) in views() {
        for place in schemas(&document).iter().filter(|place| !place.is_named) {
            assert_eq!(kind(place.schema), None, "{view:?} {}: {:?}", place.pointer, place.schema);
        }
    }
}

#[apply(api_test)]
fn names_of_components_clash_with_nothing(_: &TestApp) {
    let reserved: BTreeSet<&str> = RESERVED.split_whitespace().collect();
    for (view, document) in views() {
        for (section, members) in document["components"].as_object().unwrap() {
            let mut seen: BTreeSet<String> = BTreeSet::new();
            for name in members.as_object().unwrap().keys().filter(|_| section != "securitySchemes") {
                let lower = name.to_ascii_lowercase();
                let is_pascal = name.starts_with(|c: char| c.is_ascii_uppercase())
                    && !name.contains(|c: char| !c.is_ascii_alphabetic());
                assert!(is_pascal, "{view:?} {section}/{name}: letters only");
                assert!(seen.insert(lower.clone()), "{view:?} {section}/{name}: two names differ in case only");
                // Some generators make a type of each parameter and request body, beside those of the schemas.
                let is_type = ["parameters", "requestBodies"].contains(&section.as_str());
                let is_type_twice = is_type && document["components"]["schemas"].get(name).is_some();
                assert!(!is_type_twice, "{view:?} {section}/{name}: also a schema");
                if section != "schemas" {
                    continue;
                }
                assert!(!reserved.contains(lower.as_str()), "{view:?} {name}: reserved");
                // In Go, `NewEvent` is the constructor of `Event`, and `NullableEvent` its nullable form.
                for prefix in ["New", "Nullable"] {
                    let other = name.strip_prefix(prefix).unwrap_or_default();
                    assert!(members.get(other).is_none(), "{view:?} {name}: beside {other}");
                }
            }
        }
    }
}

/// Parameters become arguments of functions.
#[apply(api_test)]
fn names_of_parameters_are_no_keywords(_: &TestApp) {
    const KEYWORDS: &str = "and as assert async await break class const continue def default del delete do elif else \
        except export false file finally for from function global if import in is lambda new none nonlocal not null or \
        pass raise return super switch this throw true try var void while with yield";
    let keywords: BTreeSet<&str> = KEYWORDS.split_whitespace().collect();
    for route in plenary::api::routes() {
        for parameter in &route.parameters {
            assert!(!keywords.contains(parameter.name.as_str()), "{}: {}", route.operation_id, parameter.name);
        }
    }
    for (view, document) in views() {
        for (name, parameter) in document["components"]["parameters"].as_object().unwrap() {
            let wire = parameter["name"].as_str().unwrap();
            assert!(!keywords.contains(wire), "{view:?} {name}: {wire}");
        }
    }
}

#[apply(api_test)]
fn members_of_enumerations_have_names_of_their_own(_: &TestApp) {
    let mut count = 0;
    for (view, document) in views() {
        for place in schemas(&document) {
            let Some(words) = place.schema.get("enum").and_then(Value::as_array) else { continue };
            let names = place.schema.get("x-enum-varnames").and_then(Value::as_array);
            assert!(names.is_none_or(|names| names.len() == words.len()), "{view:?} {}", place.pointer);
            let mut seen = BTreeSet::new();
            for name in names.unwrap_or(words) {
                let name = name.as_str().unwrap_or_else(|| panic!("{view:?} {}: {name} is no text", place.pointer));
                let bare: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
                assert!(bare.starts_with(|c: char| c.is_ascii_alphabetic()), "{view:?} {}: {name}", place.pointer);
                assert!(seen.insert(bare.to_ascii_lowercase()), "{view:?} {}: {name} twice", place.pointer);
                assert!(!STR_METHODS.contains(&name), "{view:?} {}: {name}", place.pointer);
            }
            count += 1;
        }
    }
    assert!(count > 40, "{count} enumerations");
}

/// Returns the names of the schemas to which a part of a document refers, directly or through others.
fn referred(document: &Value, part: &Value) -> BTreeSet<String> {
    let (mut found, mut pending) = (BTreeSet::new(), vec![part]);
    while let Some(value) = pending.pop() {
        match value {
            Value::Array(list) => pending.extend(list),
            Value::Object(members) => pending.extend(members.values()),
            Value::String(target) if target.starts_with("#/components/") => {
                let is_new =
                    target.strip_prefix("#/components/schemas/").is_none_or(|name| found.insert(name.to_owned()));
                pending.extend(document.pointer(&target[1..]).filter(|_| is_new));
            }
            _ => {}
        }
    }
    found
}

fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |(method, of)| (path, method, of)))
}

/// The objects of request bodies end in `Input` or `Patch`, and those of responses do not.
#[apply(api_test)]
fn inputs_end_alike(_: &TestApp) {
    for (view, document) in views() {
        let is_input = |name: &str| name.ends_with("Input") || name.ends_with("Patch");
        let is_object = |name: &str| document["components"]["schemas"][name].get("properties").is_some();
        for (path, method, operation) in operations(&document) {
            let body = referred(&document, operation.get("requestBody").unwrap_or(&Value::Null));
            // Rich text with its format is the same in revisions and in requests.
            for name in body.iter().filter(|name| is_object(name) && *name != "RichTextSource") {
                assert!(is_input(name), "{view:?} {method} {path}: {name}");
            }
            // A revision has the content in the form in which it can be written again.
            let is_revision = path.ends_with("/revisions/{version}");
            for name in referred(&document, &operation["responses"]).iter().filter(|_| !is_revision) {
                assert!(!is_input(name), "{view:?} {method} {path}: {name}");
            }
        }
    }
}

/// JavaScript and 3.0-minded generators take an integer without a format for one of 32 bits.
#[apply(api_test)]
fn integers_state_their_width(_: &TestApp) {
    let is_integer =
        |schema: &Map<String, Value>| schema.get("type").is_some_and(|kind| kind.to_string().contains("integer"));
    for (view, document) in views() {
        for Place { pointer, schema, .. } in schemas(&document).iter().filter(|place| is_integer(place.schema)) {
            let format = schema.get("format").and_then(Value::as_str);
            let is_narrow = schema.get("maximum").and_then(Value::as_i64).is_some_and(|max| max <= i64::from(i32::MAX));
            assert!(is_narrow || format.is_some(), "{view:?} {pointer}: {schema:?}");
            assert!(!is_narrow || format != Some("int64"), "{view:?} {pointer}: {schema:?}");
        }
    }
}

/// Null is a type of its own beside another schema, or beside the type of a scalar value or a list. An enumeration
/// with null as a member, and `nullable`, are not understood everywhere.
#[apply(api_test)]
fn null_is_written_in_one_way(_: &TestApp) {
    for (view, document) in views() {
        for Place { pointer, schema, .. } in schemas(&document) {
            let has_null = schema.get("enum").and_then(Value::as_array).is_some_and(|of| of.contains(&Value::Null));
            assert!(!has_null && !schema.contains_key("nullable"), "{view:?} {pointer}");
            let union = ["oneOf", "allOf"].map(|name| schema.get(name).map(Value::to_string).unwrap_or_default());
            assert!(!union.concat().contains("\"null\""), "{view:?} {pointer}: {schema:?}");
        }
    }
}

/// Localised texts are strings for readers, and objects only where the schema says so by its name.
#[apply(api_test)]
fn texts_are_strings_except_in_all_locales(_: &TestApp) {
    for (view, document) in views() {
        let components = &document["components"]["schemas"];
        let with_objects: BTreeSet<&String> = components.as_object().unwrap().keys().collect();
        for name in with_objects.iter().filter(|name| !name.contains("AllLocales") && !name.ends_with("Revision")) {
            let texts = components[name.as_str()].to_string();
            assert!(!texts.contains("schemas/Localised"), "{view:?} {name}");
        }
        for kind in plenary::content_types::ALL {
            let label = &components[kind.schema]["properties"][kind.label];
            assert_eq!(label["type"], "string", "{view:?} {}", kind.schema);
            let input = &components[format!("{}Input", kind.schema)]["properties"][kind.label];
            let expected =
                if view == DocumentView::All { json!("#/components/schemas/SingleLineText") } else { Value::Null };
            assert_eq!(input["$ref"], expected, "{view:?} {}", kind.schema);
            let all = components.get(format!("{}AllLocales", kind.schema));
            assert_eq!(all.is_some(), view == DocumentView::All);
        }
    }
}

/// Returns the access of every operation, by path and method.
fn accesses() -> BTreeMap<(String, String), Access> {
    let routes = plenary::api::routes();
    let path = |route: &Route| route.shared.as_ref().map_or(route.path.clone(), |shared| shared.path.clone());
    routes.iter().map(|route| ((path(route), route.method.as_str().to_lowercase()), route.access)).collect()
}

#[apply(api_test)]
fn security_says_what_is_public(_: &TestApp) {
    let of = accesses();
    for (view, document) in views() {
        for (path, method, operation) in operations(&document) {
            // The cookie of a session counts in reads of the newest text, and not where the account itself is changed.
            let shows_drafts = operation["parameters"].to_string().contains("/components/parameters/View\"");
            let expected = match of[&(path.clone(), method.clone())] {
                Access::Open => json!([]),
                Access::Public if view == DocumentView::Delivery => json!([]),
                Access::Public if shows_drafts => json!([{}, {"bearer": []}, {"cookie": []}]),
                Access::Public => json!([{}, {"bearer": []}]),
                Access::Session => json!([{"bearer": []}]),
                Access::LoggedIn | Access::May(..) => json!([{"bearer": []}, {"cookie": []}]),
            };
            assert_eq!(operation["security"], expected, "{view:?} {method} {path}");
        }
        let schemes = document["components"].get("securitySchemes").map_or(0, |of| of.as_object().unwrap().len());
        assert_eq!(schemes, if view == DocumentView::All { 2 } else { 0 });
    }
}

/// `default` stands for any status, so each operation lists those that it really has, and they follow from what it takes.
#[apply(api_test)]
fn common_problems_are_listed(_: &TestApp) {
    let of = accesses();
    for (view, document) in views() {
        for (path, method, operation) in operations(&document) {
            let here = format!("{view:?} {method} {path}");
            let mut expected = vec![500, 503];
            expected.extend(match of[&(path.clone(), method.clone())] {
                Access::Open => vec![],
                Access::Public => vec![401],
                Access::LoggedIn | Access::Session | Access::May(..) => vec![401, 403],
            });
            if operation.get("requestBody").is_some() {
                expected.extend([408, 413, 415]);
            }
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let resolved = |part: &Value| match part.get("$ref").and_then(Value::as_str) {
                Some(target) => document.pointer(&target[1..]).unwrap()["name"].clone(),
                None => part["name"].clone(),
            };
            expected.extend(parameters.map(resolved).filter(|name| name == "If-Match").map(|_| 428));
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("400"), "{here}");
            expected.retain(|status: &u16| !responses.contains_key(&status.to_string()));
            expected.sort_unstable();
            assert_eq!(operation["x-problem-statuses"], json!(expected), "{here}");
            assert_eq!(responses["default"], json!({"$ref": "#/components/responses/CommonProblem"}), "{here}");
        }
    }
}

/// The forms of visitors, which frontends need as well.
const VISITORS: [&str; 2] = ["/api/v1/newsletter/", "/api/v1/contact/"];

/// The delivery view is a part of the whole: the same operations, fewer of them, and nothing of the editors.
#[apply(api_test)]
fn the_delivery_view_is_a_part_of_the_whole(_: &TestApp) {
    let [(_, all), (_, delivery)] = <[_; 2]>::try_from(views()).unwrap();
    let (mut count, all_schemas) = (0, &all["components"]["schemas"]);
    let mut of_visitors = BTreeSet::new();
    for (path, method, operation) in operations(&delivery) {
        assert_eq!(all["paths"][path][method]["operationId"], operation["operationId"], "{method} {path}");
        let is_of_visitor = VISITORS.iter().any(|prefix| path.starts_with(prefix));
        assert!(method == "get" || is_of_visitor, "{method} {path}");
        if let Some(body) = operation.get("requestBody").filter(|_| is_of_visitor) {
            of_visitors.extend(referred(&delivery, body));
        }
        count += 1;
    }
    assert!((20..60).contains(&count), "{count} operations");
    for (name, schema) in delivery["components"]["schemas"].as_object().unwrap() {
        assert_eq!(all_schemas[name], *schema, "{name}");
        let is_input = name.ends_with("Input") || name.ends_with("Patch");
        assert!(!name.contains("AllLocales") && (!is_input || of_visitors.contains(name)), "{name}");
    }
    for name in ["View", "Status", "Untranslated", "Outdated", "At", "IfMatch", "Reason"] {
        assert!(delivery["components"]["parameters"].get(name).is_none(), "{name}");
    }
}

#[apply(api_test)]
fn the_views_are_small(_: &TestApp) {
    for (view, document) in views() {
        let (_, limit) = LIMITS.into_iter().find(|(of, _)| *of == view).unwrap();
        let size = document.to_string().len();
        assert!(size <= limit, "{view:?}: {size} bytes of at most {limit}");
    }
}

/// What operations share is described once, and nothing that is not used is described at all.
#[apply(api_test)]
fn nothing_is_described_twice(_: &TestApp) {
    for (view, document) in views() {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for (path, method, operation) in operations(&document) {
            let responses = operation["responses"].as_object().unwrap().values();
            let headers = responses.clone().filter_map(|response| response["headers"].as_object()).flatten();
            let parts = operation["parameters"].as_array().into_iter().flatten().chain(responses);
            let parts = parts.chain(operation.get("requestBody")).chain(headers.map(|(_, header)| header));
            for part in parts.filter(|part| part.get("$ref").is_none()) {
                let (text, here) = (part.to_string(), format!("{method} {path}"));
                // A short response without a body is not worth a component of its own name.
                let earlier = seen.insert(text.clone(), here.clone()).filter(|_| text.len() > 100);
                assert_eq!(earlier, None, "{view:?} {here}: {text}");
            }
        }
        let used = referred(&document, &document["paths"]);
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(used.contains(name), "{view:?} {name}: not used");
        }
    }
}
