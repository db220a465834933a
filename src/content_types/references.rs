//! The places of contents that hold references. Those of relations are in fields of the item itself; others are deeper,
//! such as the targets of the entries of a menu.

use serde_json::{Map, Value};

use crate::content::blocks;
use crate::content::field::{Field, FieldType, RelationShape, kind_of_reference};
use crate::content::violation::child_pointer;
use crate::content_types::ContentType;

/// Returns the references of a body as they are given, with the kinds of the items to which they refer.
pub fn references<'a>(content_type: &'static ContentType, body: &'a Value) -> Vec<(&'static str, &'a Value)> {
    let mut found = Vec::new();
    for field in content_type.fields.iter().filter(|field| field.blocks().is_some()) {
        found.extend(body.get(field.name).into_iter().flat_map(|value| blocks::given_references(&field.kind, value)));
    }
    for relation in content_type.fields.iter().filter_map(Field::relation) {
        let Some(value) = body.get(relation.name) else { continue };
        for entry in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            let reference = match relation.shape {
                RelationShape::One | RelationShape::Many | RelationShape::Within(_) => Some(entry),
                RelationShape::ManyWith { key, .. } => entry.get(key),
            };
            found.extend(reference.map(|reference| (relation.target, reference)));
        }
    }
    if let Some(content) = body.as_object() {
        found.extend(deep_references(content_type, content).into_iter().map(|found| (found.kind, found.value)));
    }
    found
}

/// A reference that is no relation: it is in an object within a field of the item.
#[derive(Debug, Clone, Copy)]
pub struct DeepReference<'a> {
    /// Name of the field of the item.
    pub field: &'static str,
    /// Kind of the item that is referred to.
    pub kind: &'static str,
    /// The reference, by id or slug.
    pub value: &'a Value,
}

/// Returns the references of a content that are in objects within its fields, in their order.
pub fn deep_references<'a>(
    content_type: &'static ContentType,
    content: &'a Map<String, Value>,
) -> Vec<DeepReference<'a>> {
    let mut found = Vec::new();
    for field in content_type.fields.iter().filter(|field| field.relation().is_none()) {
        if let Some(value) = content.get(field.name) {
            collect(&field.kind, value, &mut |kind, value| {
                found.push(DeepReference { field: field.name, kind, value });
            });
        }
    }
    found
}

fn collect<'a>(kind: &'static FieldType, value: &'a Value, found: &mut dyn FnMut(&'static str, &'a Value)) {
    match (kind, value) {
        (FieldType::Object(declared), Value::Object(object)) => {
            for field in declared.fields {
                match (target(field, object), object.get(field.name)) {
                    (Some(kind), Some(value)) => found(kind, value),
                    (None, Some(value)) => collect(&field.kind, value, found),
                    (_, None) => {}
                }
            }
        }
        (FieldType::List { of, .. }, Value::Array(list)) => list.iter().for_each(|value| collect(of, value, found)),
        _ => {}
    }
}

/// Returns the kind of the item to which a field of an object refers, if it does.
fn target(field: &'static Field, object: &Map<String, Value>) -> Option<&'static str> {
    match field.kind {
        FieldType::Reference(kind) => Some(kind),
        FieldType::ReferenceIn(known) => kind_of_reference(known, object),
        _ => None,
    }
}

/// Returns whether contents of this type may have references in objects within their fields.
pub fn has_deep_references(content_type: &'static ContentType) -> bool {
    content_type.fields.iter().any(|field| field.relation().is_none() && refers(&field.kind))
}

fn refers(kind: &'static FieldType) -> bool {
    match kind {
        FieldType::Reference(_) | FieldType::ReferenceIn(_) => true,
        FieldType::Object(declared) => declared.fields.iter().any(|field| refers(&field.kind)),
        FieldType::List { of, .. } => refers(of),
        _ => false,
    }
}

/// Removes from a content, stored or shown, the links that lead to an item that `is_shown` refuses, by its id: the entry
/// of a list with all within it, or the whole value of a field.
pub fn retain_links(
    content_type: &'static ContentType,
    content: &mut Map<String, Value>,
    is_shown: &dyn Fn(&str) -> bool,
) {
    for field in content_type.fields.iter().filter(|field| field.relation().is_none() && refers(&field.kind)) {
        if let Some(value) = content.get_mut(field.name)
            && !retain_within(&field.kind, value, is_shown)
        {
            *value = Value::Null;
        }
    }
}

/// Removes links from the lists within a value, and returns whether the value itself is kept.
fn retain_within(kind: &'static FieldType, value: &mut Value, is_shown: &dyn Fn(&str) -> bool) -> bool {
    match (kind, value) {
        (FieldType::Object(declared), Value::Object(object)) => declared.fields.iter().all(|field| {
            let is_target = target(field, object).is_some();
            match object.get_mut(field.name) {
                Some(value) if is_target => value.as_str().is_none_or(is_shown),
                Some(value) => retain_within(&field.kind, value, is_shown),
                None => true,
            }
        }),
        (FieldType::List { of, .. }, Value::Array(list)) => {
            list.retain_mut(|value| retain_within(of, value, is_shown));
            true
        }
        _ => true,
    }
}

/// Replaces an id in the references within the value of a field, and returns whether there was one to replace.
pub fn replace_deep(kind: &'static FieldType, value: &mut Value, of: &str, (from, to): (&str, &str)) -> bool {
    let mut found = false;
    visit_deep(kind, value, &mut |target, value| {
        if target == of && value.as_str() == Some(from) {
            *value = to.into();
            found = true;
        }
    });
    found
}

/// Visits the references in objects within the value of a field: the kind of the item and the value, which may be changed.
fn visit_deep(kind: &'static FieldType, value: &mut Value, visit: &mut dyn FnMut(&'static str, &mut Value)) {
    match (kind, value) {
        (FieldType::Object(declared), Value::Object(object)) => {
            for field in declared.fields {
                match (target(field, object), object.get_mut(field.name)) {
                    (Some(target), Some(value)) => visit(target, value),
                    (None, Some(value)) => visit_deep(&field.kind, value, visit),
                    (_, None) => {}
                }
            }
        }
        (FieldType::List { of, .. }, Value::Array(list)) => {
            list.iter_mut().for_each(|value| visit_deep(of, value, visit));
        }
        _ => {}
    }
}

/// Visits all references of a body, those in objects within its fields too: the kind of the item and the value, which may
/// be changed.
pub fn visit_all(
    content_type: &'static ContentType,
    body: &mut Value,
    visit: &mut dyn FnMut(&'static str, &mut Value),
) {
    visit_references(content_type, body, |kind, _, value| visit(kind, value));
    for field in content_type.fields.iter().filter(|field| field.relation().is_none() && refers(&field.kind)) {
        if let Some(value) = body.get_mut(field.name) {
            visit_deep(&field.kind, value, visit);
        }
    }
}

/// Visits the references of a body: the kind of the item, the JSON Pointer and the value, which may be changed.
pub fn visit_references(
    content_type: &'static ContentType,
    body: &mut Value,
    mut visit: impl FnMut(&'static str, String, &mut Value),
) {
    for field in content_type.fields.iter().filter(|field| field.blocks().is_some()) {
        if let Some(value) = body.get_mut(field.name) {
            blocks::visit_references(&field.kind, value, &child_pointer("", field.name), &mut visit);
        }
    }
    for relation in content_type.fields.iter().filter_map(Field::relation) {
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
                RelationShape::One | RelationShape::Many | RelationShape::Within(_) => {
                    visit(relation.target, place, entry);
                }
                RelationShape::ManyWith { key, .. } => {
                    if let Some(reference) = entry.get_mut(key) {
                        visit(relation.target, child_pointer(&place, key), reference);
                    }
                }
            }
        }
    }
}
