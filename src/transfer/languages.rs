//! Normalisation of a record's texts: single-line fields become one line, control characters are removed, and
//! the values of localised fields are mapped to the locales of the site.

use serde_json::{Map, Value};

use super::record::Record;
use crate::content::Site;
use crate::content::field::{Field, FieldType};
use crate::content::violation::{Violation, child_pointer};
use crate::content_types::ContentType;

/// Turns every localised field of a record into a map from the site's locales to values. Returns a note for
/// each value that is in another language.
pub fn arrange(record: &mut Record, site: &Site) -> Vec<Violation> {
    let Some(content_type) = ContentType::of_kind(record.kind) else { return Vec::new() };
    let locale =
        record.locale.as_deref().and_then(|tag| of_site(site, tag)).unwrap_or(site.default_locale()).to_owned();
    let mut arranger = Arranger { site, locale, notes: Vec::new() };
    if let Some(tag) = record.locale.as_deref().filter(|tag| of_site(site, tag).is_none()) {
        let message =
            format!("\"{tag}\" is not a locale of this site; the texts are imported as \"{}\"", arranger.locale);
        arranger.note("", message);
    }
    arranger.object(content_type.fields, &mut record.body, "");
    arranger.notes
}

/// Returns the site's locale for a language tag: the same tag, or that of its primary language.
fn of_site<'a>(site: &'a Site, tag: &str) -> Option<&'a str> {
    site.locale(tag).or_else(|| site.locale(tag.split(['-', '_']).next().unwrap_or(tag)))
}

struct Arranger<'a> {
    site: &'a Site,
    locale: String,
    notes: Vec<Violation>,
}

impl Arranger<'_> {
    fn object(&mut self, fields: &'static [Field], object: &mut Map<String, Value>, pointer: &str) {
        for field in fields {
            let Some(value) = object.get_mut(field.name) else { continue };
            let place = child_pointer(pointer, field.name);
            self.arrange_value(&field.kind, value, &place);
            if field.localised {
                *value = self.localise_value(&field.kind, value.take(), &place);
            }
        }
    }

    fn arrange_value(&mut self, kind: &'static FieldType, value: &mut Value, place: &str) {
        match (kind, value) {
            (FieldType::Object(_) | FieldType::Union(_), Value::Object(object)) => {
                if let Some(declared) = kind.object_type(object) {
                    self.object(declared.fields, object, place);
                }
            }
            (FieldType::Line { .. }, Value::String(text)) => *text = one_line(text),
            (FieldType::Line { .. }, Value::Object(translations)) => {
                for value in translations.values_mut() {
                    if let Value::String(text) = value {
                        *text = one_line(text);
                    }
                }
            }
            (FieldType::Text { .. } | FieldType::Rich { .. }, Value::String(text)) => *text = printable_text(text),
            (FieldType::Text { .. } | FieldType::Rich { .. }, Value::Object(translations)) => {
                for value in translations.values_mut() {
                    if let Value::String(text) = value {
                        *text = printable_text(text);
                    }
                }
            }
            (FieldType::List { of, .. }, Value::Array(list)) => {
                for (index, entry) in list.iter_mut().enumerate() {
                    self.arrange_value(of, entry, &child_pointer(place, &index.to_string()));
                }
            }
            _ => {}
        }
    }

    /// Returns the value of a localised field as a map from the site's locales. If none of the given
    /// languages is one of the site, the first value is kept under the record's locale, so that the field is
    /// not lost.
    fn localise_value(&mut self, kind: &FieldType, value: Value, place: &str) -> Value {
        let Value::Object(given) = value else { return self.wrap_in_locale(value) };
        if matches!(kind, FieldType::Rich { .. }) && given.contains_key("source") {
            return self.wrap_in_locale(Value::Object(given));
        }
        let mut values = Map::new();
        let mut strange = Vec::new();
        for (tag, value) in given.into_iter().filter(|(_, value)| !is_empty(value)) {
            match of_site(self.site, &tag) {
                Some(locale) if !values.contains_key(locale) => drop(values.insert(locale.to_owned(), value)),
                _ => strange.push((tag, value)),
            }
        }
        for (tag, value) in strange {
            if values.is_empty() {
                self.note(place, format!("\"{tag}\" is not a locale of this site; imported as \"{}\"", self.locale));
                values.insert(self.locale.clone(), value);
            } else {
                self.note(place, format!("\"{tag}\" is not a locale of this site; the value is left out"));
            }
        }
        Value::Object(values)
    }

    /// Returns a map that holds a value under the record's locale.
    fn wrap_in_locale(&self, value: Value) -> Value {
        Value::Object([(self.locale.clone(), value)].into_iter().collect())
    }

    fn note(&mut self, place: &str, message: String) {
        self.notes.push(Violation { pointer: place.to_owned(), code: "unknown_locale".to_owned(), message });
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// Returns a text on one line, with single spaces between its words.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c == ' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Returns a text without control characters other than line breaks and tabs.
fn printable_text(text: &str) -> String {
    text.replace("\r\n", "\n").chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t' | '\r')).collect()
}
