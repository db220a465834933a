//! Moves what several operations have in common to the components of a document: parameters, headers, responses and
//! request bodies. What is the same is found, not declared; its name follows from what it is.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use crate::api::openapi::names::pascal;
use crate::content_types::ALL;

/// A kind of component that operations share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Parameters,
    Headers,
    Responses,
    RequestBodies,
}

impl Section {
    /// All sections; headers come before the responses that contain them.
    const ALL: [Section; 4] = [Section::Parameters, Section::Headers, Section::Responses, Section::RequestBodies];

    /// Returns the name of the section in the components.
    fn name(self) -> &'static str {
        match self {
            Section::Parameters => "parameters",
            Section::Headers => "headers",
            Section::Responses => "responses",
            Section::RequestBodies => "requestBodies",
        }
    }

    /// Returns the parts of an operation that belong to the section, each with the name that it has in its map.
    fn parts(self, operation: &mut Value) -> Vec<(String, &mut Value)> {
        fn members(map: Option<&mut Value>) -> Vec<(String, &mut Value)> {
            let members = map.and_then(Value::as_object_mut).into_iter().flatten();
            members.map(|(name, value)| (name.clone(), value)).collect()
        }
        match self {
            Section::Parameters => {
                let list = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
                list.map(|value| (text(value, "name").to_owned(), value)).collect()
            }
            Section::Headers => {
                let responses = members(operation.get_mut("responses")).into_iter();
                responses.flat_map(|(_, response)| members(response.get_mut("headers"))).collect()
            }
            Section::Responses => members(operation.get_mut("responses")),
            Section::RequestBodies => {
                operation.get_mut("requestBody").map(|body| (String::new(), body)).into_iter().collect()
            }
        }
    }

    /// Returns the names that a part may have, the preferred one first.
    fn names(self, part: &SharedPart) -> Vec<String> {
        match self {
            Section::Parameters => {
                let (plain, own) = (pascal(&part.name), part.first_tag_name());
                // What only one content type has belongs to it by name, even if no other one has its like.
                let scoped = format!("{own}{plain}");
                if part.tags.len() == 1 {
                    return vec![scoped];
                }
                let schema = text(&part.value["schema"], "$ref").rsplit_once('/').map(|(_, name)| name.to_owned());
                let other = if part.value["in"] == "path" { Some(format!("{plain}InPath")) } else { schema };
                [plain].into_iter().chain(other).chain([scoped]).collect()
            }
            Section::Headers => vec![pascal(&part.name)],
            Section::Responses => {
                let reason = reason(&part.name);
                match body_schema(&part.value) {
                    Some(schema) => {
                        let headers = part.value["headers"].as_object().into_iter().flatten();
                        let headers: String = headers.map(|(name, _)| pascal(name)).collect();
                        vec![format!("{schema}Response"), format!("{schema}{reason}"), format!("{schema}With{headers}")]
                    }
                    None => vec![reason.clone(), format!("{}{reason}", part.first_tag_name())],
                }
            }
            // hey-api numbers the type of a schema whose name a request body has too.
            Section::RequestBodies => {
                let schema = body_schema(&part.value).into_iter();
                schema.map(|name| format!("{}Body", name.strip_suffix("Input").unwrap_or(&name))).collect()
            }
        }
    }
}

/// A part that operations have, and where it occurs.
struct SharedPart {
    /// The name in its map: that of a parameter or header, or the status of a response.
    name: String,
    value: Value,
    count: usize,
    tags: BTreeSet<String>,
    first_tag: String,
}

impl SharedPart {
    /// Returns the tag of the first operation with the part as a part of a name: that of the content type's schema.
    fn first_tag_name(&self) -> String {
        let content_type = ALL.iter().find(|content_type| content_type.title_plural == self.first_tag);
        content_type.map_or_else(|| pascal(&self.first_tag), |content_type| content_type.schema.to_owned())
    }
}

/// Moves everything that occurs twice or more to the components, and refers to it.
pub fn share(document: &mut Value) {
    for_each(document, Section::Parameters, |_, _, parameter| shorten(parameter));
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    let schemas: BTreeSet<String> = schemas.into_iter().map(|(name, _)| name).collect();
    for section in Section::ALL {
        let mut parts = collect(document, section);
        parts.retain(|part| part.count > 1);
        // The sort is stable: among equals, the first in the document gets the shorter name.
        parts.sort_by_key(|part| (part.value["in"] == "path", Reverse(part.tags.len())));
        let known = document["components"].get(section.name()).and_then(Value::as_object);
        let mut shared = known.cloned().unwrap_or_default();
        let mut references = HashMap::new();
        for part in parts {
            // Some generators make a type of each parameter, beside those of the schemas.
            let apart = |name: String| match section == Section::Parameters && schemas.contains(&name) {
                true => format!("{name}Parameter"),
                false => name,
            };
            let free = section.names(&part).into_iter().map(apart).find(|name| !shared.contains_key(name));
            if let Some(name) = free {
                references.insert(part.value.to_string(), format!("#/components/{}/{name}", section.name()));
                shared.insert(name, part.value);
            }
        }
        shared.sort_keys();
        if !shared.is_empty() {
            document["components"][section.name()] = shared.into();
        }
        for_each(document, section, |_, _, value| {
            if let Some(reference) = references.get(&value.to_string()) {
                *value = Map::from_iter([("$ref".to_owned(), reference.as_str().into())]).into();
            }
        });
    }
}

/// Removes from a parameter what is the default anyway, and from an optional one its example, because documentation
/// pages would send it with every request.
fn shorten(parameter: &mut Value) {
    let is_required = parameter["required"] == true;
    if let Some(members) = parameter.as_object_mut().filter(|_| !is_required) {
        members.retain(|name, _| name != "required" && name != "example");
    }
}

fn collect(document: &mut Value, section: Section) -> Vec<SharedPart> {
    let mut parts: Vec<SharedPart> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for_each(document, section, |tag, name, value| {
        if value.get("$ref").is_some() {
            return;
        }
        let place = *places.entry(value.to_string()).or_insert_with(|| {
            let first_tag = tag.to_owned();
            parts.push(SharedPart { name, value: value.clone(), count: 0, tags: BTreeSet::new(), first_tag });
            parts.len() - 1
        });
        parts[place].count += 1;
        parts[place].tags.insert(tag.to_owned());
    });
    parts
}

/// Calls `visit` with every part of a section: the tag of its operation, its name and its value.
fn for_each(document: &mut Value, section: Section, mut visit: impl FnMut(&str, String, &mut Value)) {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for operation in paths.flat_map(|(_, item)| item.as_object_mut().into_iter().flatten()) {
        let tag = operation.1["tags"][0].as_str().unwrap_or_default().to_owned();
        for (name, value) in section.parts(operation.1) {
            visit(&tag, name, value);
        }
    }
}

/// Returns the name of the schema of a body's first media type, if it is a component.
fn body_schema(part: &Value) -> Option<String> {
    let (_, content) = part.get("content")?.as_object()?.iter().next()?;
    let (_, name) = text(content.get("schema")?, "$ref").rsplit_once('/')?;
    Some(name.to_owned())
}

/// Returns the reason phrase of a status as a name: `NotModified` for 304.
fn reason(status: &str) -> String {
    let status = actix_web::http::StatusCode::from_bytes(status.as_bytes()).ok();
    pascal(status.and_then(|status| status.canonical_reason()).unwrap_or("Response"))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Removes the components to which nothing in the document refers, directly or through other components.
pub fn remove_unused(document: &mut Value) {
    let mut used = BTreeSet::new();
    let mut pending = vec![&document["paths"]];
    while let Some(value) = pending.pop() {
        match value {
            Value::Array(list) => pending.extend(list),
            Value::Object(members) => pending.extend(members.values()),
            Value::String(target) if target.starts_with("#/components/") && used.insert(target.clone()) => {
                pending.extend(document.pointer(&target[1..]));
            }
            _ => {}
        }
    }
    let Some(components) = document["components"].as_object_mut() else { return };
    for (section, members) in components.iter_mut().filter(|(section, _)| *section != "securitySchemes") {
        if let Some(members) = members.as_object_mut() {
            members.retain(|name, _| used.contains(&format!("#/components/{section}/{name}")));
        }
    }
}
