//! Updates of the UTC offsets in an item's times after a change of its zone's rules.
//!
//! The local time is authoritative (see [`crate::content::local_time`]), so new rules change the offset and never the local time,
//! except for a local time that no longer exists.

use serde_json::{Map, Value};

use super::field::{Field, FieldType};
use crate::content::local_time::{Moment, zone_of};
use crate::content::violation::child_pointer;

/// A time whose text has changed with the rules of its zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenewedTime {
    /// JSON Pointer of the time.
    pub pointer: String,
    /// Former text.
    pub before: String,
    /// New text.
    pub after: String,
}

/// Updates every time of an item to the offset that its zone has under the current rules, and returns those
/// that were written with another offset. The item may be in its stored form or in its input form.
pub fn renew(fields: &'static [Field], content: &mut Map<String, Value>) -> Vec<RenewedTime> {
    let mut renewed = Vec::new();
    let Some(zone) = zone_of(content) else { return renewed };
    for_each_time(fields, content, &mut |pointer, text| {
        // Texts that are not times are left to validation; dates have no offset.
        let Some(moment @ Moment::At(_)) = Moment::parse_stored(text, zone) else { return };
        let after = moment.to_text();
        if after != *text {
            let before = std::mem::replace(text, after.clone());
            // Nothing that is stored has a `Z`, which says nothing of the rules of the zone (RFC 9557, section 2).
            if !before.ends_with('Z') {
                renewed.push(RenewedTime { pointer: pointer.to_owned(), before, after });
            }
        }
    });
    renewed
}

/// Applies a change to the text of every time of an item, each with its JSON Pointer.
pub fn for_each_time(
    fields: &'static [Field],
    content: &mut Map<String, Value>,
    change: &mut dyn FnMut(&str, &mut String),
) {
    object(fields, content, "", change);
}

fn object(
    fields: &'static [Field],
    content: &mut Map<String, Value>,
    pointer: &str,
    change: &mut dyn FnMut(&str, &mut String),
) {
    for field in fields {
        if let Some(value) = content.get_mut(field.name) {
            change_value(&field.kind, value, &child_pointer(pointer, field.name), change);
        }
    }
}

fn change_value(kind: &'static FieldType, value: &mut Value, pointer: &str, change: &mut dyn FnMut(&str, &mut String)) {
    match (kind, value) {
        (FieldType::Object(_) | FieldType::Union(_), Value::Object(content)) => {
            if let Some(declared) = kind.object_type(content) {
                object(declared.fields, content, pointer, change);
            }
        }
        (FieldType::List { of, .. }, Value::Array(list)) => {
            for (index, value) in list.iter_mut().enumerate() {
                change_value(of, value, &child_pointer(pointer, &index.to_string()), change);
            }
        }
        (FieldType::Moment { .. }, Value::String(text)) => change(pointer, text),
        _ => {}
    }
}
