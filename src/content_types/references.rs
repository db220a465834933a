//! The places of request bodies that hold references.

use serde_json::Value;

use crate::content::field::RelationShape;
use crate::content::violation::child_pointer;
use crate::content_types::ContentType;

/// Returns the references of a body as they are given, with the kinds of the items to which they refer.
pub fn references<'a>(content_type: &'static ContentType, body: &'a Value) -> Vec<(&'static str, &'a Value)> {
    let mut found = Vec::new();
    for relation in content_type.relations() {
        let Some(value) = body.get(relation.name) else { continue };
        for entry in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            let reference = match relation.shape {
                RelationShape::One | RelationShape::Many => Some(entry),
                RelationShape::ManyWith { key, .. } => entry.get(key),
            };
            found.extend(reference.map(|reference| (relation.target, reference)));
        }
    }
    found
}

/// Visits the references of a body: the kind of the item, the JSON Pointer and the value, which may be changed.
pub fn visit_references(
    content_type: &'static ContentType,
    body: &mut Value,
    mut visit: impl FnMut(&'static str, String, &mut Value),
) {
    for relation in content_type.relations() {
        let Some(value) = body.get_mut(relation.name) else { continue };
        let place = child_pointer("", relation.name);
        let entries: Vec<(String, &mut Value)> = match value {
            Value::Array(list) => {
                list.iter_mut().enumerate().map(|(index, entry)| (format!("{place}/{index}"), entry)).collect()
            }
            one => vec![(place, one)],
        };
        for (place, entry) in entries {
            match relation.shape {
                RelationShape::One | RelationShape::Many => visit(relation.target, place, entry),
                RelationShape::ManyWith { key, .. } => {
                    if let Some(reference) = entry.get_mut(key) {
                        visit(relation.target, child_pointer(&place, key), reference);
                    }
                }
            }
        }
    }
}
