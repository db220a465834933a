//! From an input to the stored form. All faults are collected, none hides another.
//!
//! The stored form is an object with the declared fields in the declared order: localised values
//! as maps from locale to value, rich text with its source and its HTML, times in canonical text,
//! references by id (they are noted here as given, and resolved by the caller).

use serde_json::{Map, Value};

use super::fault::{Faults, step, unknown};
use super::field::{Field, Kind};
use super::moment::{self, Moment};
use super::rich_text::{self, Format};
use super::values::{self, wrong_type};
use super::{LocaleMode, Site};
use crate::time_zone::Zone;

/// Names that answers carry and inputs must not.
pub const READ_ONLY: [&str; 12] = [
    "id",
    "version",
    "created_at",
    "updated_at",
    "published_at",
    "trashed_at",
    "locale",
    "fallbacks",
    "sessions",
    "excerpt",
    "reading_minutes",
    "table_of_contents",
];

/// A reference as the input gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenReference {
    /// Where it stands, in the input and in the stored form alike.
    pub pointer: String,
    /// The kind of item that is meant.
    pub target: &'static str,
    /// Its id or slug.
    pub given: String,
}

/// What an input came to.
#[derive(Debug)]
pub struct Validated {
    /// The stored form; only to be used when there was no fault.
    pub content: Map<String, Value>,
    /// Every reference in it, not yet resolved.
    pub references: Vec<GivenReference>,
}

/// Checks `input` against `fields`. `before` is the stored form that it replaces: the values of
/// other locales are kept from there.
pub fn validate(
    kind: &str,
    fields: &'static [Field],
    input: &Map<String, Value>,
    before: Option<&Map<String, Value>>,
    mode: &LocaleMode,
    site: &Site,
    faults: &mut Faults,
) -> Validated {
    let zone = root_zone(input, site);
    let same_zone = before.is_some_and(|before| root_zone(before, site) == zone);
    let mut check = Check { kind, site, mode, zone, same_zone, faults, references: Vec::new() };
    let content = check.object(fields, input, before, "");
    Validated { content, references: check.references }
}

/// Refuses a member that is no field.
fn refuse(fields: &'static [Field], name: &str, pointer: &str, faults: &mut Faults) {
    let place = step(pointer, name);
    if pointer.is_empty() && READ_ONLY.contains(&name) {
        faults.add(place, "read_only", format!("\"{name}\" is set by Plenary and cannot be written"));
    } else {
        faults.add(place, "unknown_field", unknown("field", name, fields.iter().map(|field| field.name)));
    }
}

/// Refuses what a merge patch takes away though it is no field: once the patch is applied, nothing is left of it.
pub fn refuse_unknown_removals(
    fields: &'static [Field],
    patch: &Map<String, Value>,
    pointer: &str,
    faults: &mut Faults,
) {
    for (name, change) in patch {
        match (fields.iter().find(|field| field.name == name), change) {
            (None, Value::Null) => refuse(fields, name, pointer, faults),
            (Some(Field { kind: Kind::Object(inner), .. }), Value::Object(change)) => {
                refuse_unknown_removals(inner, change, &step(pointer, name), faults);
            }
            _ => {}
        }
    }
}

/// The zone of the times in an input: its own, else the site's.
fn root_zone(input: &Map<String, Value>, site: &Site) -> Zone {
    let own = input.get("time_zone").and_then(Value::as_str);
    own.and_then(|name| name.parse().ok()).unwrap_or(site.time_zone)
}

struct Check<'a> {
    kind: &'a str,
    site: &'a Site,
    mode: &'a LocaleMode,
    zone: Zone,
    /// Whether what is replaced stands in that zone too.
    same_zone: bool,
    faults: &'a mut Faults,
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
            let place = step(pointer, field.name);
            let earlier = before.and_then(|b| b.get(field.name));
            let given = input.get(field.name).filter(|v| !v.is_null());
            let value = if field.localised {
                self.localised(field, given, earlier, &place)
            } else {
                match given {
                    Some(value) => self.value(&field.kind, value, earlier, &place),
                    None => self.absent(field, &place),
                }
            };
            if let Some(value) = value {
                stored.insert(field.name.to_owned(), value);
            }
        }
        stored
    }

    fn refuse_unknown(&mut self, fields: &'static [Field], input: &Map<String, Value>, pointer: &str) {
        for name in input.keys().filter(|name| !fields.iter().any(|field| field.name == *name)) {
            refuse(fields, name, pointer, self.faults);
        }
    }

    fn absent(&mut self, field: &'static Field, place: &str) -> Option<Value> {
        if field.required {
            self.faults.add(place, "required", format!("\"{}\" is required", field.name));
        }
        if matches!(field.kind, Kind::Zone) && place == "/time_zone" {
            return Some(self.site.time_zone.name().into());
        }
        field.default.and_then(|json| serde_json::from_str(json).ok())
    }

    fn localised(
        &mut self,
        field: &'static Field,
        given: Option<&Value>,
        before: Option<&Value>,
        place: &str,
    ) -> Option<Value> {
        let mut values = match self.mode {
            LocaleMode::All => Map::new(),
            LocaleMode::One(_) => before.and_then(Value::as_object).cloned().unwrap_or_default(),
        };
        match self.mode {
            LocaleMode::One(locale) => {
                values.shift_remove(locale);
                if let Some(value) = given.and_then(|v| self.value(&field.kind, v, None, place)) {
                    values.insert(locale.clone(), value);
                }
            }
            LocaleMode::All => self.every_locale(field, given, place, &mut values),
        }
        if values.is_empty() {
            if field.required && given.is_none() {
                self.faults.add(place, "required", format!("\"{}\" is required", field.name));
            }
            return None;
        }
        Some(Value::Object(self.in_site_order(values)))
    }

    fn every_locale(
        &mut self,
        field: &'static Field,
        given: Option<&Value>,
        place: &str,
        values: &mut Map<String, Value>,
    ) {
        let Some(given) = given else { return };
        let Some(map) = given.as_object() else {
            let (code, message) = wrong_type("an object of locales, since locale=* was asked for", given);
            return self.faults.add(place, code, message);
        };
        for (tag, value) in map {
            let inner = step(place, tag);
            let Some(locale) = self.site.locale(tag).map(str::to_owned) else {
                let known = self.site.locales.iter().map(String::as_str);
                self.faults.add(inner, "unknown_locale", unknown("locale", tag, known));
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
            self.faults.add(place, "required", format!("\"{}\" wants a value in one locale at least", field.name));
        }
    }

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

    fn value(&mut self, kind: &'static Kind, value: &Value, before: Option<&Value>, place: &str) -> Option<Value> {
        let outcome = match kind {
            Kind::Object(fields) => match value.as_object() {
                Some(object) => {
                    return Some(self.object(fields, object, before.and_then(Value::as_object), place).into());
                }
                None => Err(wrong_type("an object", value)),
            },
            Kind::List { of, max } => match value.as_array() {
                Some(list) => return self.list(of, *max, list, before, place),
                None => Err(wrong_type("an array", value)),
            },
            Kind::Rich { max } => return self.rich(value, *max, place),
            Kind::Moment { .. } => {
                values::string(value).and_then(|text| self.moment(text, before)).map(|moment| moment.canonical().into())
            }
            Kind::Instant => values::string(value)
                .and_then(|text| moment::instant(text, self.site.time_zone))
                .map(|at| moment::utc_instant(at).into()),
            Kind::Reference(target) => self.reference(target, value, place),
            Kind::Custom => {
                self.site.custom.check(self.kind, value, place, self.faults);
                values::scalar(kind, value)
            }
            _ => values::scalar(kind, value),
        };
        outcome.map_err(|(code, message)| self.faults.add(place, code, message)).ok()
    }

    /// A time as it stands already is right, whatever offset the zone had when that was written.
    fn moment(&self, text: &str, before: Option<&Value>) -> Result<Moment, values::Wrong> {
        let unchanged = self.same_zone && before.and_then(Value::as_str) == Some(text);
        match unchanged.then(|| Moment::stored(text, self.zone)).flatten() {
            Some(moment) => Ok(moment),
            None => Moment::parse(text, self.zone),
        }
    }

    fn reference(&mut self, target: &'static str, value: &Value, place: &str) -> Result<Value, values::Wrong> {
        let given = values::text(value, 300, false)?;
        self.references.push(GivenReference { pointer: place.to_owned(), target, given: given.clone() });
        Ok(given.into())
    }

    fn list(
        &mut self,
        of: &'static Kind,
        max: usize,
        list: &[Value],
        before: Option<&Value>,
        place: &str,
    ) -> Option<Value> {
        if list.len() > max {
            self.faults.add(place, "too_many", format!("at most {max} entries; these are {}", list.len()));
            return None;
        }
        let mut stored: Vec<Value> = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            let inner = step(place, &index.to_string());
            let earlier = before.and_then(|b| b.get(index));
            if let Some(entry) = self.value(of, value, earlier, &inner) {
                if stored.contains(&entry) {
                    self.faults.add(inner, "duplicate", "the same entry stands above already");
                }
                stored.push(entry);
            }
        }
        Some(Value::Array(stored))
    }

    fn rich(&mut self, value: &Value, max: usize, place: &str) -> Option<Value> {
        let (format, source, source_place) = match value {
            Value::String(text) => (Format::guess(text), value, place.to_owned()),
            Value::Object(parts) if ["format", "source"].iter().any(|name| parts.contains_key(*name)) => {
                for name in parts.keys().filter(|name| !["format", "source"].contains(&name.as_str())) {
                    self.faults.add(step(place, name), "unknown_field", unknown("field", name, ["format", "source"]));
                }
                let format = parts.get("format").and_then(Value::as_str).and_then(Format::from_word);
                if format.is_none() {
                    self.faults.add(step(place, "format"), "not_allowed", "markdown or html");
                }
                (format.unwrap_or(Format::Markdown), parts.get("source").unwrap_or(&Value::Null), step(place, "source"))
            }
            _ => {
                let wanted = "a string, or an object with format and source (a map of languages only with locale=*)";
                let (code, message) = wrong_type(wanted, value);
                self.faults.add(place, code, message);
                return None;
            }
        };
        match values::text(source, max, true) {
            Ok(text) => Some(rich_text::stored(format, &text)),
            Err((code, message)) => {
                self.faults.add(source_place, code, message);
                None
            }
        }
    }
}
