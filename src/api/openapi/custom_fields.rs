//! The JSON Schemas of a site's custom fields, inserted into the OpenAPI document that this site serves.

use serde_json::{Map, Value};

use crate::api::openapi::schemas::Locales;
use crate::content::Site;
use crate::content_types::{ALL, ContentType};

/// Adds the site's schemas to a document, and refers to them as the property `custom` of items in responses
/// and of items that are written as a whole. The schema of PATCH stays open, because a merge patch is
/// validated after it was merged and need not be valid by itself.
pub fn insert(document: &mut Value, site: &Site) {
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else { return };
    for resource in ALL {
        if let Some(declared) = site.custom.schema(resource.kind) {
            declare(schemas, resource, declared);
        }
    }
}

fn declare(schemas: &mut Map<String, Value>, resource: &'static ContentType, declared: &Value) {
    let name = format!("{}Custom", resource.schema);
    let pointer = format!("#/components/schemas/{name}");
    let names = [Locales::One, Locales::All].map(|locales| locales.name(resource.schema));
    let owners = names.iter().flat_map(|name| [name.clone(), format!("{name}Input"), format!("{name}Related")]);
    for owner in owners {
        let Some(custom) = schemas.get_mut(&owner).and_then(|schema| schema.pointer_mut("/properties/custom")) else {
            continue;
        };
        let place = if custom.get("anyOf").is_some() { "/anyOf/0/$ref" } else { "/$ref" };
        if let Some(reference) = custom.pointer_mut(place) {
            *reference = pointer.as_str().into();
        }
    }
    let mut schema = declared.clone();
    // References within the schema are relative to its root. Once it is part of the document, that root is the
    // document, unless the schema has an `$id` of its own.
    if schema.get("$id").is_none() {
        move_references(&mut schema, &pointer);
    }
    schemas.insert(name, schema);
}

/// Rewrites references within the schema (`#/$defs/…`) to its place in the document.
pub(super) fn move_references(schema: &mut Value, pointer: &str) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member.as_str()) {
                    ("$ref", Some(target)) if target == "#" || target.starts_with("#/") => {
                        *member = format!("{pointer}{}", &target[1..]).into();
                    }
                    // The values of these keywords are data and not schemas; a "$ref" in them is no reference.
                    ("const" | "enum" | "default" | "examples", _) => {}
                    _ => move_references(member, pointer),
                }
            }
        }
        Value::Array(members) => members.iter_mut().for_each(|member| move_references(member, pointer)),
        _ => {}
    }
}
