//! Entries of lists that are the same before and after a change. A request in one locale keeps the texts of an entry in all
//! others, also when the list has another order.

use serde_json::Value;

use super::LocaleMode;
use super::field::{Field, FieldType};
use super::slug::is_id;

/// Returns the entry of a stored list whose values in other locales an entry of the input keeps: the one that refers to
/// the same item, wherever it is; without such a reference the one that leads to the same place, if possible with the
/// same text; or else the one at its place.
pub fn earlier_entry<'a>(
    of: &'static FieldType,
    before: &'a Value,
    (index, entry): (usize, &Value),
    mode: &LocaleMode,
) -> Option<&'a Value> {
    let at_index = before.get(index);
    let FieldType::Object(declared) = of else { return at_index };
    let find = |is_same: &dyn Fn(&&'a Value) -> bool| {
        at_index.filter(is_same).or_else(|| before.as_array()?.iter().find(is_same))
    };
    if let Some(reference) = declared.fields.iter().find(|field| matches!(field.kind, FieldType::Reference(_))) {
        let given = entry.get(reference.name).and_then(Value::as_str).filter(|given| is_id(given));
        let Some(id) = given.map(str::to_ascii_lowercase) else { return at_index };
        return find(&|stored| stored.get(reference.name).and_then(Value::as_str) == Some(&id));
    }
    let fields = declared.fields;
    let is_place = |stored: &&'a Value| has_same_place(fields, stored, entry);
    find(&|stored| is_place(stored) && has_same_text(fields, stored, entry, mode))
        .or_else(|| at_index.filter(is_place))
        // Of entries that lead nowhere, only the text tells which is which.
        .or_else(|| if leads_somewhere(fields, entry) { find(&is_place) } else { None })
        .or(at_index)
}

/// Returns whether a field tells where an entry leads, such as its address: it is neither a text nor a list.
fn is_telling(field: &Field) -> bool {
    match field.kind {
        FieldType::List { .. } => false,
        FieldType::Object(inner) => !inner.has_texts(),
        _ => !field.localised,
    }
}

fn value<'a>(entry: &'a Value, name: &str) -> Option<&'a Value> {
    entry.get(name).filter(|value| !value.is_null())
}

fn leads_somewhere(fields: &'static [Field], entry: &Value) -> bool {
    fields.iter().filter(|field| is_telling(field)).any(|field| value(entry, field.name).is_some())
}

fn has_same_place(fields: &'static [Field], stored: &Value, entry: &Value) -> bool {
    fields.iter().filter(|field| is_telling(field)).all(|field| value(stored, field.name) == value(entry, field.name))
}

fn has_same_text(fields: &'static [Field], stored: &Value, entry: &Value, mode: &LocaleMode) -> bool {
    let LocaleMode::One(locale) = mode else { return false };
    let is_same = |field: &Field| value(stored, field.name).and_then(|all| all.get(locale)) == value(entry, field.name);
    fields.iter().filter(|field| field.localised).all(is_same)
}
