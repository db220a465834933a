//! Blocks: the entries of a list whose types are those of a union. Each has an identifier that stays when the block moves
//! or changes, and references within blocks are references of the item.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::field::{BLOCK_ID, Field, FieldType, TYPE, UnionType};
use super::violation::child_pointer;

/// A reference within a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockReference {
    /// Content type of the referenced item.
    pub target: &'static str,
    /// JSON Pointer of the reference within the item.
    pub pointer: String,
    /// The id, or what a request gives for it.
    pub given: String,
}

/// Returns the references to items of a content type within the blocks of a field, in the order of the text.
pub fn references(field: &'static Field, blocks: &Value, target: &str) -> Vec<BlockReference> {
    let mut found = Vec::new();
    let mut copy = blocks.clone();
    visit_references(&field.kind, &mut copy, &child_pointer("", field.name), &mut |kind, pointer, value| {
        if let Some(given) = value.as_str().filter(|_| kind == target) {
            found.push(BlockReference { target: kind, pointer, given: given.to_owned() });
        }
    });
    found
}

/// Returns the references within a value as they are given, with the content types of the items.
pub fn given_references<'a>(kind: &'static FieldType, value: &'a Value) -> Vec<(&'static str, &'a Value)> {
    match (kind, value) {
        (FieldType::Object(_) | FieldType::Union(_), Value::Object(object)) => {
            let fields = kind.object_type(object).map_or(&[][..], |declared| declared.fields).iter();
            let members = fields.filter_map(|field| Some((field, object.get(field.name)?)));
            members.flat_map(|(field, value)| given_references(&field.kind, value)).collect()
        }
        (FieldType::List { of, .. }, Value::Array(list)) => {
            list.iter().flat_map(|value| given_references(of, value)).collect()
        }
        (FieldType::Reference(_), Value::Null) => Vec::new(),
        (FieldType::Reference(target), value) => vec![(*target, value)],
        _ => Vec::new(),
    }
}

/// Visits the references within a value: the content type of the item, the JSON Pointer, and the value, which may be
/// changed. A value that becomes null within a list is removed from it.
pub fn visit_references(
    kind: &'static FieldType,
    value: &mut Value,
    pointer: &str,
    visit: &mut dyn FnMut(&'static str, String, &mut Value),
) {
    match (kind, value) {
        (FieldType::Object(_) | FieldType::Union(_), Value::Object(object)) => {
            let fields = kind.object_type(object).map_or(&[][..], |declared| declared.fields);
            for field in fields {
                if let Some(value) = object.get_mut(field.name) {
                    visit_references(&field.kind, value, &child_pointer(pointer, field.name), visit);
                }
            }
        }
        (FieldType::List { of, .. }, Value::Array(list)) => {
            for (index, value) in list.iter_mut().enumerate() {
                visit_references(of, value, &child_pointer(pointer, &index.to_string()), visit);
            }
            if matches!(of, FieldType::Reference(_)) {
                list.retain(|value| !value.is_null());
            }
        }
        (FieldType::Reference(_), Value::Null) => {}
        (FieldType::Reference(target), value) => visit(target, pointer.to_owned(), value),
        _ => {}
    }
}

/// Removes from the lists of references within a value those that an earlier one of the list repeats.
pub fn join_equal_references(kind: &'static FieldType, value: &mut Value) {
    match (kind, value) {
        (FieldType::Object(_) | FieldType::Union(_), Value::Object(object)) => {
            for field in kind.object_type(object).map_or(&[][..], |declared| declared.fields) {
                if let Some(value) = object.get_mut(field.name) {
                    join_equal_references(&field.kind, value);
                }
            }
        }
        (FieldType::List { of: FieldType::Reference(_), .. }, Value::Array(list)) => {
            let mut seen = Vec::with_capacity(list.len());
            list.retain(|value| {
                let is_new = !seen.contains(value);
                seen.push(value.clone());
                is_new
            });
        }
        (FieldType::List { of, .. }, Value::Array(list)) => {
            list.iter_mut().for_each(|value| join_equal_references(of, value));
        }
        _ => {}
    }
}

/// Returns the blocks of an input, each with an identifier. A block without one keeps that of the stored block at its
/// place, if it is of the same type and no other block of the input has it; otherwise it gets a new one.
pub fn with_ids(given: &[Value], before: Option<&Value>) -> Vec<Value> {
    let named: HashSet<&str> = given.iter().filter_map(|block| block.get(BLOCK_ID)?.as_str()).collect();
    let complete = |(index, block): (usize, &Value)| {
        let mut block = block.clone();
        let Some(members) = block.as_object_mut() else { return block };
        if members.get(BLOCK_ID).is_none_or(Value::is_null) {
            let earlier = before.and_then(|before| before.get(index)).filter(|b| b.get(TYPE) == members.get(TYPE));
            let kept = earlier.and_then(|b| b.get(BLOCK_ID)?.as_str()).filter(|id| !named.contains(id));
            members.insert(BLOCK_ID.to_owned(), kept.map_or_else(new_id, str::to_owned).into());
        }
        block
    };
    given.iter().enumerate().map(complete).collect()
}

/// Returns the stored block that a block of the input replaces: the one with its identifier, if it is of the same type.
pub fn stored_block<'a>(before: Option<&'a Value>, block: &Value) -> Option<&'a Value> {
    let is_same = |stored: &&Value| stored.get(BLOCK_ID) == block.get(BLOCK_ID) && stored.get(TYPE) == block.get(TYPE);
    before?.as_array()?.iter().find(is_same)
}

/// Returns a new identifier.
fn new_id() -> String {
    let id = uuid::Uuid::now_v7().simple().to_string();
    // The last digits are random; those before tell the time, which would make identifiers alike.
    format!("b-{}", &id[20..])
}

/// Visits the localised values within the blocks of a field, each with its JSON Pointer.
pub fn visit_texts(union: &'static UnionType, blocks: &Value, pointer: &str, visit: &mut dyn FnMut(String, &Value)) {
    for (index, block) in blocks.as_array().into_iter().flatten().enumerate() {
        if let Some(object) = block.as_object()
            && let Some(declared) = union.variant_of(object)
        {
            texts_of(declared.fields, object, &child_pointer(pointer, &index.to_string()), visit);
        }
    }
}

fn texts_of(
    fields: &'static [Field],
    object: &Map<String, Value>,
    pointer: &str,
    visit: &mut dyn FnMut(String, &Value),
) {
    for field in fields {
        let Some(value) = object.get(field.name) else { continue };
        let place = child_pointer(pointer, field.name);
        match (&field.kind, value) {
            _ if field.localised => visit(place, value),
            (FieldType::Object(declared), Value::Object(object)) => texts_of(declared.fields, object, &place, visit),
            (FieldType::List { of: FieldType::Object(declared), .. }, Value::Array(list)) => {
                for (index, object) in list.iter().enumerate().filter_map(|(i, entry)| Some((i, entry.as_object()?))) {
                    texts_of(declared.fields, object, &child_pointer(&place, &index.to_string()), visit);
                }
            }
            _ => {}
        }
    }
}

/// Returns whether some value within the blocks has a form in another locale, but none in this one.
pub fn lacks_locale(union: &'static UnionType, blocks: &Value, locale: &str) -> bool {
    let mut lacks = false;
    visit_texts(union, blocks, "", &mut |_, values| lacks |= values.get(locale).is_none());
    lacks
}
