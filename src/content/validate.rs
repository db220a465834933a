//! Validation of an input against field declarations, and its conversion to the stored form. All violations are
//! collected, so that an editor can correct them in one go.
//!
//! The stored form is an object with the declared fields in the declared order: localised values as objects from locale
//! to value, rich text with its source and its HTML, times as canonical texts, references by id. This module is free of
//! database access, so it records references as they were given, and the caller resolves them.

use serde_json::{Map, Value};

use super::blocks;
use super::field::{BLOCK_ID, Field, FieldType, TYPE, UnionType, kind_of_reference};
use super::list_entries::earlier_entries;
use super::rich_text::{self, RichTextFormat};
use super::values::{self, wrong_type};
use super::{LocaleMode, Site};
use crate::content::local_time::{self, Moment};
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
pub struct Validated {
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
    /// Members of the input that are no fields, which the caller validates.
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
) -> Validated {
    let ContentSchema { kind, fields, envelope, mode, site } = schema;
    let zone = root_zone(input, site);
    let same_zone = before.is_some_and(|before| root_zone(before, site) == zone);
    let mut check = Check { kind, envelope, site, mode, zone, same_zone, violations, references: Vec::new() };
    let content = check.object(fields, input, before, "");
    Validated { content, references: check.references }
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

/// Returns whether something follows from the absence of a field, as from that of most fields nothing does.
fn has_meaning_if_absent(field: &Field) -> bool {
    field.required || field.default.is_some() || matches!(field.kind, FieldType::Zone)
}

/// Returns the zone of the times in an input: its own, else the site's.
fn root_zone(input: &Map<String, Value>, site: &Site) -> Zone {
    let own = input.get("time_zone").and_then(Value::as_str);
    own.and_then(|name| name.parse().ok()).unwrap_or(site.time_zone)
}

/// The state of a validation.
struct Check<'a> {
    kind: &'a str,
    envelope: &'a [&'a str],
    site: &'a Site,
    mode: &'a LocaleMode,
    zone: Zone,
    /// Whether the replaced content has the same zone.
    same_zone: bool,
    violations: &'a mut Violations,
    references: Vec<GivenReference>,
}

impl Check<'_> {
    fn object(
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
                self.localised(field, given, earlier, &pointer)
            } else {
                match (given, &field.kind) {
                    (Some(value), FieldType::ReferenceIn(known)) => self.reference_in(known, input, value, &pointer),
                    (Some(value), kind) => self.value(kind, value, earlier, &pointer),
                    (None, _) => self.absent(field, &pointer),
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

    fn absent(&mut self, field: &'static Field, pointer: &str) -> Option<Value> {
        if field.required {
            self.violations.add(pointer, "required", format!("\"{}\" is required", field.name));
        }
        if matches!(field.kind, FieldType::Zone) && pointer == "/time_zone" {
            return Some(self.site.time_zone.name().into());
        }
        field.default.and_then(|json| serde_json::from_str(json).ok())
    }

    /// Validates a localised field: one value (`locale=xx`), or an object of all values (`locale=*`).
    fn localised(
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

    fn value(
        &mut self,
        kind: &'static FieldType,
        value: &Value,
        before: Option<&Value>,
        pointer: &str,
    ) -> Option<Value> {
        let outcome = match kind {
            FieldType::Object(declared) => match value.as_object() {
                Some(object) => {
                    return Some(
                        self.object(declared.fields, object, before.and_then(Value::as_object), pointer).into(),
                    );
                }
                None => Err(wrong_type("an object", value)),
            },
            FieldType::List { of, max } => match value.as_array() {
                Some(list) if list.len() > *max => {
                    let message = format!("must have at most {max} entries, but has {}", list.len());
                    self.violations.add(pointer, "too_many", message);
                    return None;
                }
                Some(list) => {
                    return Some(match of {
                        FieldType::Union(_) => self.blocks(of, list, before, pointer),
                        _ => self.list(of, list, before, pointer),
                    });
                }
                None => Err(wrong_type("an array", value)),
            },
            FieldType::Union(union) => return self.union(union, value, before, pointer),
            FieldType::EmbedUrl => self.embed_url(value, before),
            FieldType::Rich { max } => return self.rich(value, *max, pointer),
            FieldType::Moment { .. } => {
                values::string(value).and_then(|text| self.moment(text, before)).map(|moment| moment.canonical().into())
            }
            FieldType::Instant => values::string(value)
                .and_then(|text| local_time::instant(text, self.site.time_zone))
                .map(|at| local_time::utc_instant(at).into()),
            FieldType::Reference(target) => self.reference(target, value, pointer),
            FieldType::Custom => {
                self.site.custom.check(self.kind, value, pointer, self.violations);
                values::scalar(kind, value)
            }
            _ => values::scalar(kind, value),
        };
        outcome.map_err(|(code, message)| self.violations.add(pointer, code, message)).ok()
    }

    /// Parses a time. A text that equals the stored one in the same zone is accepted even if its offset has become
    /// invalid by new rules: otherwise no other field of the item could be changed any more.
    fn moment(&self, text: &str, before: Option<&Value>) -> Result<Moment, values::RuleViolation> {
        let unchanged = self.same_zone && before.and_then(Value::as_str) == Some(text);
        match unchanged.then(|| Moment::stored(text, self.zone)).flatten() {
            Some(moment) => Ok(moment),
            None => Moment::parse(text, self.zone),
        }
    }

    fn reference(
        &mut self,
        target: &'static str,
        value: &Value,
        pointer: &str,
    ) -> Result<Value, values::RuleViolation> {
        let given = values::text(value, 300, false)?;
        self.references.push(GivenReference { pointer: pointer.to_owned(), target, given: given.clone() });
        Ok(given.into())
    }

    /// Validates a reference to an item of the collection that the object names. A collection that is missing or not
    /// allowed is reported at its own place.
    fn reference_in(
        &mut self,
        known: &'static [(&'static str, &'static str)],
        object: &Map<String, Value>,
        value: &Value,
        pointer: &str,
    ) -> Option<Value> {
        match kind_of_reference(known, object) {
            Some(target) => match self.reference(target, value, pointer) {
                Ok(value) => Some(value),
                Err((code, message)) => {
                    self.violations.add(pointer, code, message);
                    None
                }
            },
            None => None,
        }
    }

    fn list(&mut self, of: &'static FieldType, list: &[Value], before: Option<&Value>, pointer: &str) -> Value {
        let mut stored: Vec<Value> = Vec::with_capacity(list.len());
        let earlier = earlier_entries(of, before, list, self.mode);
        for (index, (value, earlier)) in list.iter().zip(earlier).enumerate() {
            let inner = child_pointer(pointer, &index.to_string());
            match self.value(of, value, earlier, &inner) {
                Some(entry) => {
                    if stored.contains(&entry) {
                        self.violations.add(inner, "duplicate", "must not repeat an earlier entry");
                    }
                    stored.push(entry);
                }
                // The places of the others stay those of the input.
                None => stored.push(Value::Null),
            }
        }
        Value::Array(stored)
    }

    /// Validates a list of blocks, which may be alike: they differ by their identifiers.
    fn blocks(&mut self, of: &'static FieldType, list: &[Value], before: Option<&Value>, pointer: &str) -> Value {
        let mut seen: Vec<&Value> = Vec::with_capacity(list.len());
        let identified = blocks::identified(list, before);
        let mut stored = Vec::with_capacity(list.len());
        for (index, block) in identified.iter().enumerate() {
            let inner = child_pointer(pointer, &index.to_string());
            if let Some(id) = block.get(BLOCK_ID) {
                if seen.contains(&id) {
                    self.violations.add(child_pointer(&inner, BLOCK_ID), "duplicate", "an earlier block has this id");
                }
                seen.push(id);
            }
            stored.push(self.value(of, block, blocks::earlier(before, block), &inner).unwrap_or_default());
        }
        Value::Array(stored)
    }

    /// Validates an object of a union by the type that it names.
    fn union(
        &mut self,
        union: &'static UnionType,
        value: &Value,
        before: Option<&Value>,
        pointer: &str,
    ) -> Option<Value> {
        let Some(object) = value.as_object() else {
            let (code, message) = wrong_type("an object", value);
            self.violations.add(pointer, code, message);
            return None;
        };
        if let Some(declared) = union.variant_of(object) {
            return Some(self.object(declared.fields, object, before.and_then(Value::as_object), pointer).into());
        }
        let (code, message) = match object.get(TYPE) {
            None | Some(Value::Null) => ("required", format!("\"{TYPE}\" is required")),
            Some(Value::String(given)) => ("not_allowed", unknown_name_message("type", given, union.words())),
            Some(other) => wrong_type("a string", other),
        };
        self.violations.add(child_pointer(pointer, TYPE), code, message);
        None
    }

    /// Validates the address of a page that is shown within another one. One that is stored already is accepted whatever
    /// the setting allows now: otherwise nothing else of the page could be changed.
    fn embed_url(&self, value: &Value, before: Option<&Value>) -> Result<Value, values::RuleViolation> {
        let address = values::scalar(&FieldType::Url, value)?;
        if before == Some(&address) {
            return Ok(address);
        }
        let parsed = address.as_str().and_then(|text| url::Url::parse(text).ok());
        if parsed.as_ref().is_some_and(|url| url.scheme() != "https") {
            return Err((
                "not_allowed",
                "must begin with https: browsers show no other page within a website".to_owned(),
            ));
        }
        let host = parsed.as_ref().and_then(url::Url::host_str).unwrap_or_default();
        match self.site.may_embed(host) {
            true => Ok(address),
            false => Err(("not_allowed", format!("\"{host}\" is not among the hosts of the setting site.embed_hosts"))),
        }
    }

    fn rich(&mut self, value: &Value, max: usize, pointer: &str) -> Option<Value> {
        let (format, source, source_pointer) = match value {
            Value::String(text) => (RichTextFormat::guess(text), value, pointer.to_owned()),
            Value::Object(parts) if ["format", "source"].iter().any(|name| parts.contains_key(*name)) => {
                for name in parts.keys().filter(|name| !["format", "source"].contains(&name.as_str())) {
                    self.violations.add(
                        child_pointer(pointer, name),
                        "unknown_field",
                        unknown_name_message("field", name, ["format", "source"]),
                    );
                }
                let format = parts.get("format").and_then(Value::as_str).and_then(RichTextFormat::from_word);
                if format.is_none() {
                    self.violations.add(
                        child_pointer(pointer, "format"),
                        "not_allowed",
                        "must be \"markdown\" or \"html\"",
                    );
                }
                (
                    format.unwrap_or(RichTextFormat::Markdown),
                    parts.get("source").unwrap_or(&Value::Null),
                    child_pointer(pointer, "source"),
                )
            }
            _ => {
                let wanted = "a string, or an object with format and source (or with locale=*, an object of locales)";
                let (code, message) = wrong_type(wanted, value);
                self.violations.add(pointer, code, message);
                return None;
            }
        };
        match values::text(source, max, true) {
            Ok(text) => Some(rich_text::stored(format, &text)),
            Err((code, message)) => {
                self.violations.add(source_pointer, code, message);
                None
            }
        }
    }
}
