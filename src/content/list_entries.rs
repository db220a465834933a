//! Entries of lists that are the same before and after a change. A request in one locale keeps the texts of an entry in all
//! others, also when the list has another order.

use serde_json::Value;

use super::LocaleMode;
use super::field::{Field, FieldType};

/// Returns for each entry of the input the stored entry whose values in other locales it keeps. No stored entry counts twice.
///
/// Entries that refer to an item are the same if they refer to the same one, by its id; an entry for another item is new.
/// Others are the same if they lead to the same place, if possible with the same text, or else if they share a text. Those
/// that lead nowhere, such as questions and their answers, are also the same by their index, if the list has as many entries
/// as before: then their texts were rewritten.
pub fn earlier_entries<'a>(
    of: &'static FieldType,
    before: Option<&'a Value>,
    list: &[Value],
    mode: &LocaleMode,
) -> Vec<Option<&'a Value>> {
    let stored = before.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let FieldType::Object(declared) = of else { return (0..list.len()).map(|index| stored.get(index)).collect() };
    let fields = declared.fields;
    let mut pairs = Pairs { stored, list, found: vec![None; list.len()], taken: vec![false; stored.len()] };
    if let Some(reference) = fields.iter().find(|field| matches!(field.kind, FieldType::Reference(_))) {
        pairs.add(&|stored, entry| has_same_reference(reference.name, stored, entry));
    } else {
        pairs
            .add(&|stored, entry| has_same_place(fields, stored, entry) && has_same_texts(fields, stored, entry, mode));
        pairs.add(&|stored, entry| leads_somewhere(fields, entry) && has_same_place(fields, stored, entry));
        pairs.add(&|stored, entry| texts(fields, stored, entry, mode).any(|is_same| is_same == Some(true)));
        if list.len() == stored.len() {
            pairs.add_by_index(&|_, entry| !leads_somewhere(fields, entry));
        }
    }
    pairs.found.into_iter().map(|index| stored.get(index?)).collect()
}

/// Stored entries and those of the input that are the same.
struct Pairs<'a> {
    stored: &'a [Value],
    list: &'a [Value],
    /// For each entry of the input, the index of the stored one.
    found: Vec<Option<usize>>,
    /// For each stored entry, whether it is in a pair: `found` would be searched at each comparison.
    taken: Vec<bool>,
}

impl Pairs<'_> {
    /// Pairs the entries of which this says that they are the same, first those whose index is the same too.
    fn add(&mut self, is_same: &dyn Fn(&Value, &Value) -> bool) {
        self.add_by_index(is_same);
        for (index, entry) in self.list.iter().enumerate() {
            if self.found[index].is_none() {
                let is_it = |at: &usize| !self.taken[*at] && is_same(&self.stored[*at], entry);
                if let Some(stored) = (0..self.stored.len()).find(is_it) {
                    self.pair(index, stored);
                }
            }
        }
    }

    /// Pairs the entries with the same index of which this says that they are the same.
    fn add_by_index(&mut self, is_same: &dyn Fn(&Value, &Value) -> bool) {
        for (index, (stored, entry)) in self.stored.iter().zip(self.list).enumerate() {
            if self.found[index].is_none() && !self.taken[index] && is_same(stored, entry) {
                self.pair(index, index);
            }
        }
    }

    fn pair(&mut self, entry: usize, stored: usize) {
        self.found[entry] = Some(stored);
        self.taken[stored] = true;
    }
}

fn has_same_reference(name: &str, stored: &Value, entry: &Value) -> bool {
    let id = |of: &Value| of.get(name).and_then(Value::as_str).map(str::to_ascii_lowercase);
    id(stored).is_some_and(|stored| id(entry) == Some(stored))
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

fn has_same_texts(fields: &'static [Field], stored: &Value, entry: &Value, mode: &LocaleMode) -> bool {
    matches!(mode, LocaleMode::One(_)) && texts(fields, stored, entry, mode).all(|is_same| is_same != Some(false))
}

/// Compares the texts of two entries in the locale of the request; `None` for those that neither has.
fn texts<'a>(
    fields: &'static [Field],
    stored: &'a Value,
    entry: &'a Value,
    mode: &'a LocaleMode,
) -> impl Iterator<Item = Option<bool>> + 'a {
    let locale = match mode {
        LocaleMode::One(locale) => Some(locale),
        LocaleMode::All => None,
    };
    fields.iter().filter(move |field| field.localised && locale.is_some()).map(move |field| {
        let before = value(stored, field.name).and_then(|all| all.get(locale?));
        match (before, value(entry, field.name)) {
            (None, None) => None,
            (Some(before), Some(given)) => Some(source(before) == source(given)),
            _ => Some(false),
        }
    })
}

/// Returns a text, or the source of a rich text.
fn source(text: &Value) -> &Value {
    text.get("source").unwrap_or(text)
}
