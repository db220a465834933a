//! Conversion of the response form to the input form, for responses that a client sends back as request bodies.
//!
//! A response shows more than a request may say (ids, times of writes, what is derived), and shows some values in
//! another form: items instead of references to them, times with their offset, texts of a fallback language. A value
//! that is still as the response showed it is not a change, and stands for what is stored.

use serde_json::{Map, Value};

use crate::content::LocaleMode;
use crate::content::field::{BLOCK_ID, Field, FieldType, QUERY_ITEMS};
use crate::content::validate::READ_ONLY;
use crate::content::violation::{Violations, child_pointer};

/// The members that requests may have too, and that are left as they are if a request does not have them.
const KEPT: [&str; 2] = ["slug", "status"];

/// Returns whether a request body is a response that is sent back: it has a member that only responses have.
pub fn is_response(body: &Value) -> bool {
    body.as_object().is_some_and(|members| members.keys().any(|name| READ_ONLY.contains(&name.as_str())))
}

/// A response, with what it shows.
pub struct ResponseForm<'a> {
    pub fields: &'static [Field],
    /// Form of localised fields.
    pub mode: &'a LocaleMode,
    /// The response as the server gives it.
    pub shown: &'a Map<String, Value>,
    /// The same content in the input form.
    pub current: &'a Map<String, Value>,
}

impl ResponseForm<'_> {
    /// Returns the input form of a response that was sent back, possibly with changes. Members that only the server
    /// sets must be as they are shown: a client that changes one would believe that it was written.
    pub fn input_form(&self, given: &Map<String, Value>, violations: &mut Violations) -> Map<String, Value> {
        let mut input = Map::new();
        for (name, value) in given {
            let shown = self.shown.get(name);
            let is_read_only = READ_ONLY.contains(&name.as_str());
            let kept = match self.fields.iter().find(|field| field.name == name) {
                Some(field) => self.field(field, value, shown, self.current.get(name)),
                None if Some(value) == shown && (is_read_only || KEPT.contains(&name.as_str())) => None,
                None if is_read_only => {
                    let rule = format!("\"{name}\" is set by the server; leave it out, or send it as it is");
                    violations.add(child_pointer("", name), "read_only", rule);
                    None
                }
                // Whatever else it is, validation judges it.
                None => Some(value.clone()),
            };
            if let Some(value) = kept {
                input.insert(name.clone(), value);
            }
        }
        input
    }

    fn field(
        &self,
        field: &'static Field,
        given: &Value,
        shown: Option<&Value>,
        current: Option<&Value>,
    ) -> Option<Value> {
        let (LocaleMode::All, true, Value::Object(by_locale)) = (self.mode, field.localised, given) else {
            return self.value(&field.kind, given, shown, current);
        };
        let of_locale = |(locale, value): (&String, &Value)| {
            let (shown, current) = (shown.and_then(|map| map.get(locale)), current.and_then(|map| map.get(locale)));
            Some((locale.clone(), self.value(&field.kind, value, shown, current)?))
        };
        Some(Value::Object(by_locale.iter().filter_map(of_locale).collect()))
    }

    /// Returns the input form of a value; `None` if it stands for nothing, such as a text of a fallback language.
    fn value(
        &self,
        kind: &'static FieldType,
        given: &Value,
        shown: Option<&Value>,
        current: Option<&Value>,
    ) -> Option<Value> {
        if Some(given) == shown {
            return current.cloned();
        }
        match (kind, given) {
            (FieldType::Reference(_), Value::Object(item)) => Some(item.get("id").unwrap_or(given).clone()),
            (FieldType::Object(_) | FieldType::Union(_), Value::Object(members)) => {
                let Some(declared) = kind.object_type(members) else { return Some(given.clone()) };
                let is_derived = |name: &str| name == QUERY_ITEMS && declared.query_kind().is_some();
                let member = |(name, value): (&String, &Value)| {
                    if is_derived(name) {
                        return None;
                    }
                    let (shown, current) = (shown.and_then(|of| of.get(name)), current.and_then(|of| of.get(name)));
                    let value = match declared.fields.iter().find(|field| field.name == name) {
                        Some(field) => self.field(field, value, shown, current)?,
                        None => value.clone(),
                    };
                    Some((name.clone(), value))
                };
                Some(Value::Object(members.iter().filter_map(member).collect()))
            }
            (FieldType::List { of, .. }, Value::Array(entries)) => {
                let pairs = entry_pairs(of, shown, current);
                let entry = |(index, given): (usize, &Value)| {
                    let equal = pairs.iter().find(|(shown, _)| *shown == given);
                    let counterpart = equal.or_else(|| {
                        let is_changed = |shown: &Value| !entries.contains(shown);
                        let same = |(place, (shown, _)): &(usize, &(&Value, &Value))| {
                            let target = target(of, shown);
                            target == self::target(of, given) && (target.is_some() || *place == index)
                        };
                        pairs.iter().enumerate().filter(|(_, pair)| is_changed(pair.0)).find(same).map(|(_, pair)| pair)
                    });
                    let (shown, current) =
                        counterpart.map_or((None, None), |(shown, current)| (Some(*shown), Some(*current)));
                    self.value(of, given, shown, current)
                };
                Some(Value::Array(entries.iter().enumerate().filter_map(entry).collect()))
            }
            _ => Some(given.clone()),
        }
    }
}

/// Pairs the entries of a list as shown with those of the same list in the input form. Both have the same order, but a
/// response leaves out entries whose items it may not show, such as those in the trash.
fn entry_pairs<'a>(
    of: &'static FieldType,
    shown: Option<&'a Value>,
    current: Option<&'a Value>,
) -> Vec<(&'a Value, &'a Value)> {
    let entries = |list: Option<&'a Value>| list.and_then(Value::as_array).map_or(&[][..], Vec::as_slice).iter();
    let mut rest = entries(current);
    let pair = |shown: &'a Value| Some((shown, rest.find(|current| target(of, current) == target(of, shown))?));
    entries(shown).filter_map(pair).collect()
}

/// Returns the id of the item to which an entry of a list refers, in either form, if it refers to one, or that of a block.
fn target<'a>(of: &'static FieldType, entry: &'a Value) -> Option<&'a str> {
    let reference = match of {
        FieldType::Union(_) => entry.get(BLOCK_ID)?,
        FieldType::Object(declared) => {
            let field = declared.fields.iter().find(|field| matches!(field.kind, FieldType::Reference(_)))?;
            entry.get(field.name)?
        }
        _ => entry,
    };
    reference.as_str().or_else(|| reference.get("id")?.as_str())
}
