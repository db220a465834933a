//! Validation of the values of fields by their types, and their conversion to the stored form.

use serde_json::{Map, Value};

use crate::content::blocks;
use crate::content::field::{BLOCK_ID, FieldType, TYPE, UnionType, kind_of_reference};
use crate::content::list_entries::earlier_entries;
use crate::content::local_time::{self, Moment};
use crate::content::rich_text::{self, RichTextFormat};
use crate::content::validate::{Check, GivenReference};
use crate::content::values::{self, wrong_type};
use crate::content::violation::{child_pointer, unknown_name_message};

impl Check<'_> {
    pub(super) fn value(
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
            FieldType::Rich { max } => return self.rich_text(value, *max, pointer),
            FieldType::Moment { .. } => {
                values::string(value).and_then(|text| self.moment(text, before)).map(|moment| moment.to_text().into())
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
        match unchanged.then(|| Moment::parse_stored(text, self.zone)).flatten() {
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
    pub(super) fn reference_in(
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
        let identified = blocks::with_ids(list, before);
        let mut stored = Vec::with_capacity(list.len());
        for (index, block) in identified.iter().enumerate() {
            let inner = child_pointer(pointer, &index.to_string());
            if let Some(id) = block.get(BLOCK_ID) {
                if seen.contains(&id) {
                    self.violations.add(child_pointer(&inner, BLOCK_ID), "duplicate", "an earlier block has this id");
                }
                seen.push(id);
            }
            stored.push(self.value(of, block, blocks::stored_block(before, block), &inner).unwrap_or_default());
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

    fn rich_text(&mut self, value: &Value, max: usize, pointer: &str) -> Option<Value> {
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
            Ok(text) => Some(rich_text::stored_value(format, &text)),
            Err((code, message)) => {
                self.violations.add(source_pointer, code, message);
                None
            }
        }
    }
}
