//! The schemas by which a site declares its own fields, as schemas of the document that this site serves.

use serde_json::{Map, Value, json};

use crate::content::Site;
use crate::resources::{ALL, Resource};

/// Puts the site's schemas into a document, and in the place of `custom` where items are written whole or answered.
/// Changes to an item (PATCH) are merged before they are checked, so that their schema stays open.
pub fn insert(document: &mut Value, site: &Site) {
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else { return };
    for resource in ALL {
        if let Some(declared) = site.custom.schema(resource.kind) {
            declare(schemas, resource, declared);
        }
    }
}

fn declare(schemas: &mut Map<String, Value>, resource: &'static Resource, declared: &Value) {
    let name = format!("{}Custom", resource.schema);
    let place = format!("#/components/schemas/{name}");
    for owner in [resource.schema.to_owned(), format!("{}Input", resource.schema)] {
        let Some(custom) = schemas.get_mut(&owner).and_then(|schema| schema.pointer_mut("/properties/custom")) else {
            continue;
        };
        let about = custom.get("description").cloned().unwrap_or_default();
        let may_be_null = custom["type"].as_array().is_some_and(|types| types.contains(&json!("null")));
        *custom = match may_be_null {
            true => json!({"description": about, "anyOf": [{"$ref": place}, {"type": "null"}]}),
            false => json!({"description": about, "$ref": place}),
        };
    }
    let mut schema = declared.clone();
    // Within the document a reference begins at the document, unless the schema has a name of its own.
    if schema.get("$id").is_none() {
        move_references(&mut schema, &place);
    }
    schemas.insert(name, schema);
}

/// Lets references into the schema itself (`#/$defs/…`) lead to the place where it stands now.
fn move_references(schema: &mut Value, place: &str) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                match (name.as_str(), member.as_str()) {
                    ("$ref", Some(target)) if target == "#" || target.starts_with("#/") => {
                        *member = format!("{place}{}", &target[1..]).into();
                    }
                    // What is compared with is no schema.
                    ("const" | "enum" | "default" | "examples", _) => {}
                    _ => move_references(member, place),
                }
            }
        }
        Value::Array(members) => members.iter_mut().for_each(|member| move_references(member, place)),
        _ => {}
    }
}
