//! Moves schemas that were given a name to the components of a document, and writes nullable and constant values in the
//! forms that most generators understand.
//!
//! Schemas are named where they are declared ([`with_name`](super::schemas::with_name)), since parameters and fields have no
//! access to the components. A schema carries its name as its `title` until this pass.

use serde_json::{Map, Value, json};

use crate::api::openapi::schemas::SHARED_TEXTS;

/// Members whose values are data and not schemas.
const DATA: [&str; 6] = ["const", "default", "enum", "example", "examples", "required"];

/// Moves every named schema of a document to its components, and refers to it there.
pub fn move_to_components(document: &mut Value) {
    let mut found = Map::new();
    for (name, schema) in SHARED_TEXTS.iter() {
        found.insert((*name).to_owned(), schema.clone());
    }
    for part in ["/paths", "/components/responses", "/components/schemas"] {
        if let Some(part) = document.pointer_mut(part) {
            walk_members(part, &mut found);
        }
    }
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else { return };
    for (name, schema) in found {
        schemas.entry(name).or_insert(schema);
    }
    schemas.sort_keys();
}

/// Walks the members of a map from name to value, which is not a schema itself.
fn walk_members(map: &mut Value, found: &mut Map<String, Value>) {
    if let Some(members) = map.as_object_mut() {
        members.values_mut().for_each(|member| walk(member, found));
    }
}

fn walk(value: &mut Value, found: &mut Map<String, Value>) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|entry| walk(entry, found)),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match name.as_str() {
                    "properties" => walk_members(member, found),
                    // Members that begin so are extensions of the document, whose values are data too.
                    name if DATA.contains(&name) || name.starts_with("x-") => {}
                    _ => walk(member, found),
                }
            }
            unwrap_single(members);
            hoist_description(members);
            write_constant(members);
            refer_to_shared_text(members);
            move_named(members, found);
        }
        _ => {}
    }
}

/// Replaces `allOf` with one entry, which describes a named schema at the place of its use, by that entry.
fn unwrap_single(schema: &mut Map<String, Value>) {
    let Some([_]) = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice) else { return };
    if let Some(Value::Array(mut list)) = schema.shift_remove("allOf")
        && let Some(Value::Object(one)) = list.pop()
    {
        for (name, member) in one {
            schema.entry(name).or_insert(member);
        }
    }
}

/// Writes "this or null" as `anyOf` with the description beside it, as the rest of the document does. Derived schemas
/// have `oneOf`, and the description within.
fn hoist_description(schema: &mut Map<String, Value>) {
    let null = json!({"type": "null"});
    let union = ["oneOf", "anyOf"].into_iter().find(|name| schema.contains_key(*name)).unwrap_or_default();
    let Some([one, other]) = schema.get_mut(union).and_then(Value::as_array_mut).map(Vec::as_mut_slice) else { return };
    if *other != null {
        return;
    }
    let about = one.as_object_mut().and_then(|one| one.shift_remove("description"));
    if let Some(union) = schema.shift_remove(union) {
        schema.insert("anyOf".to_owned(), union);
    }
    if let Some(about) = about {
        schema.entry("description").or_insert(about);
    }
}

/// Writes an enumeration of one value without a name as a constant.
fn write_constant(schema: &mut Map<String, Value>) {
    if schema.contains_key("title") {
        return;
    }
    if let Some([value]) = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice) {
        let value = value.clone();
        schema.shift_remove("enum");
        schema.insert("const".to_owned(), value);
    }
}

/// Replaces the keywords of a shared text by a reference to it; what is specific to the place, such as `maxLength`,
/// stays beside the reference.
fn refer_to_shared_text(schema: &mut Map<String, Value>) {
    let (text, text_or_null) = (json!("string"), json!(["string", "null"]));
    let is_nullable = schema.get("type") == Some(&text_or_null);
    let shared = SHARED_TEXTS.iter().find(|(_, shared)| {
        let mut keywords = shared.as_object().into_iter().flatten().filter(|(name, _)| *name != "description");
        keywords.all(|(name, value)| {
            let is_type = name == "type" && is_nullable && *value == text;
            is_type || schema.get(name) == Some(value)
        })
    });
    let Some((name, shared)) = shared else { return };
    let about = schema.shift_remove("description");
    schema.retain(|name, _| shared.get(name).is_none());
    schema.shift_insert(0, "$ref".to_owned(), format!("#/components/schemas/{name}").into());
    if is_nullable {
        let one = std::mem::take(schema);
        schema.insert("anyOf".to_owned(), json!([one, {"type": "null"}]));
    }
    schema.extend(about.map(|about| ("description".to_owned(), about)));
}

/// Moves a schema with a name to `found`. Another schema of the same name stays where it is, so that the tests of the
/// document find it.
fn move_named(schema: &mut Map<String, Value>, found: &mut Map<String, Value>) {
    let Some(name) = schema.get("title").and_then(Value::as_str).map(str::to_owned) else { return };
    let mut own = schema.clone();
    own.shift_remove("title");
    let is_same = found.get(&name).is_none_or(|known| *known == Value::Object(own.clone()));
    if is_same {
        found.insert(name.clone(), Value::Object(own));
        *schema = Map::from_iter([("$ref".to_owned(), format!("#/components/schemas/{name}").into())]);
    }
}
