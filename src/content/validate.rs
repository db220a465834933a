//! Validation of an input against field declarations, and its conversion to the stored form. All violations are
//! collected, so that an editor can correct them in one go.
//!
//! The stored form is an object with the declared fields in the declared order: localised values as objects from locale
//! to value, rich text with its source and its HTML, times as canonical texts, references by id. This module is free of
//! database access, so it records references as they were given, and the caller resolves them.

use serde_json::{Map, Value};

use super::field::{Field, FieldType};
use super::values::wrong_type;
use super::{LocaleMode, Site};
use crate::content::violation::{Violations, child_pointer, unknown_name_message};
use crate::time_zone::Zone;

/// Members that are part of responses and must not be part of inputs.
pub const READ_ONLY: [&str; 19] = [
    "id",
    "version",
    "created_at",
    "updated_at",
    "published_at",
    "trashed_at",
    "locale",
    "fallbacks",
    "alternates",
    "starts_on",
    "ends_on",
    "sessions",
    "children",
    "path",
    "excerpt",
    "reading_minutes",
    "table_of_contents",
    "current_year",
    "configuration",
];

/// A reference as it was given in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenReference {
    /// JSON Pointer of the reference, the same in the input and in the stored form.
    pub pointer: String,
    /// Content type of the referenced item.
    pub target: &'static str,
    /// Id or slug of the referenced item.
    pub given: String,
}

/// The result of validation.
#[derive(Debug)]
pub struct ValidatedContent {
    /// Stored form; incomplete if there were violations, and not to be used then.
    pub content: Map<String, Value>,
    /// Unresolved references of the content.
    pub references: Vec<GivenReference>,
}

/// Declaration and locales against which an input is validated.
#[derive(Clone, Copy)]
pub struct ContentSchema<'a> {
    /// Content type, whose JSON Schema holds for `custom`.
    pub kind: &'a str,
    pub fields: &'static [Field],
    /// Members of the input beside the fields. The caller validates them.
    pub envelope: &'a [&'a str],
    /// Form of localised fields in the input.
    pub mode: &'a LocaleMode,
    pub site: &'a Site,
}

/// Validates `input` and adds the violations to `violations`. `before` is the stored form that the input replaces; an
/// input in one locale keeps the values of all other locales from there.
pub fn validate(
    schema: ContentSchema<'_>,
    input: &Map<String, Value>,
    before: Option<&Map<String, Value>>,
    violations: &mut Violations,
) -> ValidatedContent {
    let ContentSchema { kind, fields, envelope, mode, site } = schema;
    let zone = root_zone(input, site);
    let same_zone = before.is_some_and(|before| root_zone(before, site) == zone);
    let mut check = Check { kind, envelope, site, mode, zone, same_zone, violations, references: Vec::new() };
    let content = check.object(fields, input, before, "");
    ValidatedContent { content, references: check.references }
}

/// Adds the violation by a member that is not a field.
fn refuse(fields: &'static [Field], name: &str, pointer: &str, violations: &mut Violations) {
    let member = child_pointer(pointer, name);
    if pointer.is_empty() && READ_ONLY.contains(&name) {
        violations.add(member, "read_only", format!("\"{name}\" is set by the server and cannot be written"));
    } else if pointer.is_empty() && name == "external_ids" {
        let rule = "external ids are no part of the content: write them at /api/v1/{collection}/{id}/external-ids";
        violations.add(member, "unknown_field", rule);
    } else {
        violations.add(
            member,
            "unknown_field",
            unknown_name_message("field", name, fields.iter().map(|field| field.name)),
        );
    }
}

/// Adds a violation for each unknown field that a merge patch removes. Such a member has no effect on the patched
/// document, so validation of the result alone would accept a misspelt name without notice.
pub fn refuse_unknown_removals(
    fields: &'static [Field],
    patch: &Map<String, Value>,
    pointer: &str,
    violations: &mut Violations,
) {
    for (name, change) in patch {
        match (fields.iter().find(|field| field.name == name), change) {
            (None, Value::Null) => refuse(fields, name, pointer, violations),
            (Some(Field { kind: FieldType::Object(inner), .. }), Value::Object(change)) => {
                refuse_unknown_removals(inner.fields, change, &child_pointer(pointer, name), violations);
            }
            _ => {}
        }
    }
}

/// Returns whether the absence of a field has an effect ([`Check::absent_value`]): a violation, a default, or the zone of the site.
fn has_meaning_if_absent(field: &Field) -> bool {
    field.required || field.default.is_some() || matches!(field.kind, FieldType::Zone)
}

/// Returns the zone of the times in an input: its own, else the site's.
fn root_zone(input: &Map<String, Value>, site: &Site) -> Zone {
    let own = input.get("time_zone").and_then(Value::as_str);
    own.and_then(|name| name.parse().ok()).unwrap_or(site.time_zone)
}

/// The state of a validation.
pub(super) struct Check<'a> {
    pub(super) kind: &'a str,
    envelope: &'a [&'a str],
    pub(super) site: &'a Site,
    pub(super) mode: &'a LocaleMode,
    pub(super) zone: Zone,
    /// Whether the replaced content has the same zone.
    pub(super) same_zone: bool,
    pub(super) violations: &'a mut Violations,
    pub(super) references: Vec<GivenReference>,
}

impl Check<'_> {
    pub(super) fn object(
        &mut self,
        fields: &'static [Field],
        input: &Map<String, Value>,
        before: Option<&Map<String, Value>>,
        pointer: &str,
    ) -> Map<String, Value> {
        self.refuse_unknown(fields, input, pointer);
        let mut stored = Map::new();
        for field in fields {
            let earlier = before.and_then(|b| b.get(field.name));
            let given = input.get(field.name).filter(|v| !v.is_null());
            if given.is_none() && earlier.is_none() && !has_meaning_if_absent(field) {
                continue;
            }
            let pointer = child_pointer(pointer, field.name);
            let value = if field.localised {
                self.localised_value(field, given, earlier, &pointer)
            } else {
                match (given, &field.kind) {
                    (Some(value), FieldType::ReferenceIn(known)) => self.reference_in(known, input, value, &pointer),
                    (Some(value), kind) => self.value(kind, value, earlier, &pointer),
                    (None, _) => self.absent_value(field, &pointer),
                }
            };
            if let Some(value) = value {
                stored.insert(field.name.to_owned(), value);
            }
        }
        stored
    }

    fn refuse_unknown(&mut self, fields: &'static [Field], input: &Map<String, Value>, pointer: &str) {
        let is_of_envelope = |name: &str| pointer.is_empty() && self.envelope.contains(&name);
        let is_known = |name: &str| fields.iter().any(|field| field.name == name) || is_of_envelope(name);
        for name in input.keys().filter(|name| !is_known(name)) {
            refuse(fields, name, pointer, self.violations);
        }
    }

    fn absent_value(&mut self, field: &'static Field, pointer: &str) -> Option<Value> {
        if field.required {
            self.violations.add(pointer, "required", format!("\"{}\" is required", field.name));
        }
        if matches!(field.kind, FieldType::Zone) && pointer == "/time_zone" {
            return Some(self.site.time_zone.name().into());
        }
        field.default.and_then(|json| serde_json::from_str(json).ok())
    }

    /// Validates a localised field: one value (`locale=xx`), or an object of all values (`locale=*`).
    fn localised_value(
        &mut self,
        field: &'static Field,
        given: Option<&Value>,
        before: Option<&Value>,
        pointer: &str,
    ) -> Option<Value> {
        // A request in one locale replaces the value of that locale only. With `locale=*` the object is complete, and
        // locales that it omits lose their values.
        let mut values = match self.mode {
            LocaleMode::All => Map::new(),
            LocaleMode::One(_) => before.and_then(Value::as_object).cloned().unwrap_or_default(),
        };
        match self.mode {
            LocaleMode::One(locale) => {
                values.shift_remove(locale);
                if let Some(value) = given.and_then(|v| self.value(&field.kind, v, None, pointer)) {
                    values.insert(locale.clone(), value);
                }
            }
            LocaleMode::All => self.every_locale(field, given, pointer, &mut values),
        }
        if values.is_empty() {
            // A given value that was invalid has been reported already.
            if field.required && given.is_none() {
                self.violations.add(pointer, "required", format!("\"{}\" is required", field.name));
            }
            return None;
        }
        Some(Value::Object(self.in_site_order(values)))
    }

    fn every_locale(
        &mut self,
        field: &'static Field,
        given: Option<&Value>,
        pointer: &str,
        values: &mut Map<String, Value>,
    ) {
        let Some(given) = given else { return };
        let Some(map) = given.as_object() else {
            let (code, message) = wrong_type("an object of locales (the request has locale=*)", given);
            return self.violations.add(pointer, code, message);
        };
        for (tag, value) in map {
            let inner = child_pointer(pointer, tag);
            let Some(locale) = self.site.locale(tag).map(str::to_owned) else {
                let known = self.site.locales.iter().map(String::as_str);
                self.violations.add(inner, "unknown_locale", unknown_name_message("locale", tag, known));
                continue;
            };
            if value.is_null() {
                continue;
            }
            if let Some(value) = self.value(&field.kind, value, None, &inner) {
                values.insert(locale, value);
            }
        }
        if values.is_empty() && field.required {
            self.violations.add(
                pointer,
                "required",
                format!("\"{}\" requires a value in at least one locale", field.name),
            );
        }
    }

    /// Orders values by the locales of the site. Values of locales that are no longer configured are kept at the end.
    fn in_site_order(&self, mut values: Map<String, Value>) -> Map<String, Value> {
        let mut ordered = Map::new();
        for locale in &self.site.locales {
            if let Some(value) = values.shift_remove(locale) {
                ordered.insert(locale.clone(), value);
            }
        }
        ordered.extend(values);
        ordered
    }
}
