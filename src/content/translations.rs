//! The states of an item's translations: per locale a slug, whether the translation is published, and which of its
//! values are older than their source.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Site;
use super::blocks;
use super::field::{Field, FieldType};

/// The state of an item's translation into one locale.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Translation {
    /// Slug in this locale, if it differs from the default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// Whether the translation is unpublished.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// Names of the fields whose source has changed since they were translated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outdated: Vec<String>,
}

/// The states of an item's translations, without the default locale. Locales in the default state are omitted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Translations(BTreeMap<String, Translation>);

impl Translations {
    /// Parses the stored form. An invalid text counts as empty.
    pub fn parse(text: &str) -> Self {
        if text.len() <= 2 { Self::default() } else { serde_json::from_str(text).unwrap_or_default() }
    }

    /// Returns the stored form.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }

    /// Returns the state of a locale.
    pub fn get(&self, locale: &str) -> Translation {
        self.0.get(locale).cloned().unwrap_or_default()
    }

    /// Changes the state of a locale.
    pub fn set(&mut self, locale: &str, change: impl FnOnce(&mut Translation)) {
        let mut state = self.get(locale);
        change(&mut state);
        match state == Translation::default() {
            true => drop(self.0.remove(locale)),
            false => drop(self.0.insert(locale.to_owned(), state)),
        }
    }

    /// Returns the slug in a locale, if it has one of its own.
    pub fn slug(&self, locale: &str) -> Option<&str> {
        self.0.get(locale)?.slug.as_deref()
    }

    /// Returns the slugs of the locales that have one of their own.
    pub fn slugs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(locale, state)| Some((locale.as_str(), state.slug.as_deref()?)))
    }

    /// Returns the slug in a locale: its own one, or `default`, that of the default locale.
    pub fn slug_or<'a>(&'a self, locale: &str, default: &'a str) -> &'a str {
        self.slug(locale).unwrap_or(default)
    }

    /// Returns whether a slug is that of any locale.
    pub fn has_slug(&self, slug: &str) -> bool {
        self.0.values().any(|state| state.slug.as_deref() == Some(slug))
    }

    /// Returns whether a slug is that of any published translation.
    pub fn shows_slug(&self, slug: &str) -> bool {
        self.0.values().any(|state| !state.hidden && state.slug.as_deref() == Some(slug))
    }

    /// Returns the slug that visitors see in a locale: its own one, or `default`, that of the default locale.
    pub fn public_slug_or<'a>(&'a self, locale: &str, default: &'a str) -> &'a str {
        let state = self.0.get(locale).filter(|state| !state.hidden);
        state.and_then(|state| state.slug.as_deref()).unwrap_or(default)
    }

    /// Returns whether all translations are in the default state.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the locales whose translations are unpublished.
    pub fn hidden_locales(&self) -> Vec<&str> {
        self.0.iter().filter(|(_, state)| state.hidden).map(|(locale, _)| locale.as_str()).collect()
    }

    /// Returns the locales with outdated values, each between commas.
    pub fn outdated_locales(&self) -> String {
        between_commas(self.0.iter().filter(|(_, state)| !state.outdated.is_empty()).map(|(locale, _)| locale.as_str()))
    }

    /// Updates the outdated fields after a change of the content, given by JSON Pointers. A changed source makes the
    /// translations of its field outdated, a changed translation makes that one current.
    pub fn follow(&mut self, site: &Site, content: &Map<String, Value>, changed: &[String]) {
        let field_of = |pointer: &String| pointer.split('/').nth(1).unwrap_or_default().to_owned();
        let languages = |pointer: &String| pointer.split('/').skip(2).map(str::to_owned).collect::<Vec<_>>();
        for locale in &site.locales[1..] {
            let mut outdated = self.get(locale).outdated;
            for pointer in changed {
                let (field, within) = (field_of(pointer), languages(pointer));
                let translated = content.get(&field).is_some_and(|value| mentions(value, locale));
                // A pointer to the field itself is a change of all its locales, or of a field that is not localised.
                let whole = within.is_empty();
                if whole || within.contains(locale) || !translated {
                    outdated.retain(|known| *known != field);
                } else if within.iter().any(|step| step == site.default_locale()) && !outdated.contains(&field) {
                    outdated.push(field);
                }
            }
            self.set(locale, |state| state.outdated = outdated);
        }
    }
}

/// Returns whether a stored value, or one nested in it, has a value in a locale.
fn mentions(value: &Value, locale: &str) -> bool {
    match value {
        Value::Object(map) => map.contains_key(locale) || map.values().any(|inner| mentions(inner, locale)),
        Value::Array(list) => list.iter().any(|inner| mentions(inner, locale)),
        _ => false,
    }
}

/// Joins locales to a text such as `,nl,fr,`, in which a search for `,nl,` finds whole locales only.
fn between_commas<'a>(locales: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for locale in locales {
        if out.is_empty() {
            out.push(',');
        }
        out.push_str(locale);
        out.push(',');
    }
    out
}

/// Returns the fields that have a value in some locale, but none in this one; blocks lack what one of them lacks.
pub fn missing_fields(fields: &'static [Field], content: &Map<String, Value>, locale: &str) -> Vec<&'static str> {
    let lacks = |field: &&'static Field| {
        let value = content.get(field.name);
        match field.blocks() {
            Some(union) => value.is_some_and(|blocks| blocks::lacks_locale(union, blocks, locale)),
            None => field.localised && value.and_then(Value::as_object).is_some_and(|v| !v.contains_key(locale)),
        }
    };
    fields.iter().filter(lacks).map(|field| field.name).collect()
}

/// Returns the locales in which an item has words of its own that are published, the default locale first, which
/// always counts. An item whose name is translated has them in the locales of its name, any other in those of
/// its texts.
pub fn written_locales<'a>(
    fields: &'static [Field],
    label: &str,
    content: &Map<String, Value>,
    translations: &Translations,
    site: &'a Site,
) -> Vec<&'a str> {
    let telling = telling_fields(fields, label);
    let has = |locale: &str| has_words(&telling, content, locale) && !translations.get(locale).hidden;
    let default = site.default_locale();
    site.locales.iter().map(String::as_str).filter(|locale| *locale == default || has(locale)).collect()
}

/// Returns whether an item has words of its own in a locale, as [`written_locales`] has it for all locales but the default
/// one.
pub fn is_written(fields: &'static [Field], label: &str, content: &Map<String, Value>, locale: &str) -> bool {
    has_words(&telling_fields(fields, label), content, locale)
}

/// Returns the fields that tell in which locales an item is written: its name if that is translated, else all its texts.
fn telling_fields(fields: &'static [Field], label: &str) -> Vec<&'static Field> {
    let named: Vec<&Field> = fields.iter().filter(|field| field.localised && field.name == label).collect();
    if named.is_empty() { fields.iter().filter(|field| field.localised).collect() } else { named }
}

fn has_words(fields: &[&Field], content: &Map<String, Value>, locale: &str) -> bool {
    fields.iter().any(|field| content.get(field.name).and_then(|values| values.get(locale)).is_some())
}

/// Returns the locales of the site in which values are missing, each between commas.
pub fn untranslated_locales(fields: &'static [Field], content: &Map<String, Value>, site: &Site) -> String {
    let lacking = site.locales.iter().filter(|locale| !missing_fields(fields, content, locale).is_empty());
    between_commas(lacking.map(String::as_str))
}

/// Returns the public part of a content: all values except those of unpublished translations.
pub fn visible_content<'a>(
    fields: &'static [Field],
    content: &'a Map<String, Value>,
    translations: &Translations,
) -> Cow<'a, Map<String, Value>> {
    match translations.hidden_locales() {
        hidden if hidden.is_empty() => Cow::Borrowed(content),
        hidden => Cow::Owned(without_locales(fields, content, &hidden)),
    }
}

/// Returns a content without the values of some locales. Localised fields that have no value left are removed.
fn without_locales(fields: &'static [Field], content: &Map<String, Value>, hidden: &[&str]) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, value) in content {
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            out.insert(name.clone(), value.clone());
            continue;
        };
        let kept = match (field.localised, value) {
            (true, Value::Object(values)) => {
                let seen = values.iter().filter(|(locale, _)| !hidden.contains(&locale.as_str()));
                let seen: Map<String, Value> = seen.map(|(locale, v)| (locale.clone(), v.clone())).collect();
                if seen.is_empty() {
                    continue;
                }
                seen.into()
            }
            _ => value_without_locales(&field.kind, value, hidden),
        };
        out.insert(name.clone(), kept);
    }
    out
}

fn value_without_locales(kind: &'static FieldType, value: &Value, hidden: &[&str]) -> Value {
    match (kind, value) {
        (FieldType::Object(_) | FieldType::Union(_), Value::Object(object)) => match kind.object_type(object) {
            Some(declared) => without_locales(declared.fields, object, hidden).into(),
            None => value.clone(),
        },
        (FieldType::List { of, .. }, Value::Array(list)) => {
            list.iter().map(|v| value_without_locales(of, v, hidden)).collect()
        }
        _ => value.clone(),
    }
}

/// Returns whether a locale is written from right to left, by its script subtag or the usual script of its language
/// (BCP 47, and Unicode's right-to-left scripts).
pub fn is_right_to_left(locale: &str) -> bool {
    const SCRIPTS: [&str; 9] = ["arab", "hebr", "thaa", "syrc", "nkoo", "adlm", "rohg", "samr", "mand"];
    const LANGUAGES: [&str; 14] =
        ["ar", "he", "iw", "fa", "ur", "ps", "sd", "ug", "yi", "dv", "ckb", "syr", "arc", "nqo"];
    let tag = locale.to_ascii_lowercase();
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    match parts.find(|part| part.len() == 4 && part.bytes().all(|b| b.is_ascii_alphabetic())) {
        Some(script) => SCRIPTS.contains(&script),
        None => LANGUAGES.contains(&language),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_say_the_direction() {
        for (tag, rtl) in [("ar", true), ("he-IL", true), ("az-Arab", true), ("ar-Latn", false), ("en", false)] {
            assert_eq!(is_right_to_left(tag), rtl, "{tag}");
        }
    }
}
