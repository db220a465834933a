//! Conversion of the stored form to the input form: the document that an editor would send to obtain it. Merge patches,
//! exports and the history are based on it.

use serde_json::{Map, Value, json};

use crate::content::LocaleMode;
use crate::content::field::{Field, FieldType};
use crate::content::offsets;

/// Returns the input form of stored content, in one locale (without fallbacks) or in all. Its times have the offsets of
/// the current time zone rules, so that content that was written under other rules can be written again.
pub fn editable_form(fields: &'static [Field], stored: &Map<String, Value>, mode: &LocaleMode) -> Map<String, Value> {
    let mut input = object(fields, stored, mode);
    offsets::renew(fields, &mut input);
    input
}

fn object(fields: &'static [Field], stored: &Map<String, Value>, mode: &LocaleMode) -> Map<String, Value> {
    let mut input = Map::new();
    for field in fields {
        let Some(value) = stored.get(field.name) else { continue };
        let given = match (field.localised, mode) {
            (false, _) => Some(editable_value(&field.kind, value, mode)),
            (true, LocaleMode::One(locale)) => value.get(locale).map(|v| editable_value(&field.kind, v, mode)),
            (true, LocaleMode::All) => value.as_object().map(|map| {
                map.iter()
                    .map(|(locale, v)| (locale.clone(), editable_value(&field.kind, v, mode)))
                    .collect::<Map<_, _>>()
                    .into()
            }),
        };
        if let Some(given) = given {
            input.insert(field.name.to_owned(), given);
        }
    }
    input
}

fn editable_value(kind: &'static FieldType, value: &Value, mode: &LocaleMode) -> Value {
    match (kind, value) {
        (FieldType::Object(_) | FieldType::Union(_), Value::Object(value)) => kind
            .object_type(value)
            .map_or_else(|| value.clone(), |declared| object(declared.fields, value, mode))
            .into(),
        (FieldType::List { of, .. }, Value::Array(list)) => list.iter().map(|v| editable_value(of, v, mode)).collect(),
        (FieldType::Rich { .. }, Value::Object(parts)) => {
            json!({"format": parts.get("format"), "source": parts.get("source")})
        }
        _ => value.clone(),
    }
}
