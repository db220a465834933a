//! What an item has for each language beside its values: a slug, whether it is published, and which
//! values are older than what they translate.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Site;
use super::field::{Field, Kind};

/// The state of one language of an item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Translation {
    /// Its slug in this language, where it has one of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// The public does not see its values.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
    /// The fields whose source changed after the translation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outdated: Vec<String>,
}

/// The states of an item's languages, the default aside. Languages without any state are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Translations(BTreeMap<String, Translation>);

impl Translations {
    /// From its stored form; what cannot be read is nothing.
    pub fn parse(text: &str) -> Self {
        if text.len() <= 2 { Self::default() } else { serde_json::from_str(text).unwrap_or_default() }
    }

    /// The stored form.
    pub fn stored(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned())
    }

    /// The state of a language.
    pub fn get(&self, locale: &str) -> Translation {
        self.0.get(locale).cloned().unwrap_or_default()
    }

    /// Changes the state of a language.
    pub fn set(&mut self, locale: &str, change: impl FnOnce(&mut Translation)) {
        let mut state = self.get(locale);
        change(&mut state);
        match state == Translation::default() {
            true => drop(self.0.remove(locale)),
            false => drop(self.0.insert(locale.to_owned(), state)),
        }
    }

    /// The slug in a language, if it has one of its own.
    pub fn slug(&self, locale: &str) -> Option<&str> {
        self.0.get(locale)?.slug.as_deref()
    }

    /// Whether a slug is that of any language.
    pub fn has_slug(&self, slug: &str) -> bool {
        self.0.values().any(|state| state.slug.as_deref() == Some(slug))
    }

    /// Whether nothing is to be said of any language.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The languages that the public does not see.
    pub fn hidden(&self) -> Vec<&str> {
        self.0.iter().filter(|(_, state)| state.hidden).map(|(locale, _)| locale.as_str()).collect()
    }

    /// The languages with values that are older than their source, each between commas.
    pub fn outdated(&self) -> String {
        between_commas(self.0.iter().filter(|(_, state)| !state.outdated.is_empty()).map(|(locale, _)| locale.as_str()))
    }

    /// Notes what changed (JSON Pointers): where the source did, translations are outdated; where a
    /// translation did, it is not any more.
    pub fn follow(&mut self, site: &Site, content: &Map<String, Value>, changed: &[String]) {
        let field_of = |pointer: &String| pointer.split('/').nth(1).unwrap_or_default().to_owned();
        let languages = |pointer: &String| pointer.split('/').skip(2).map(str::to_owned).collect::<Vec<_>>();
        for locale in &site.locales[1..] {
            let mut outdated = self.get(locale).outdated;
            for pointer in changed {
                let (field, within) = (field_of(pointer), languages(pointer));
                let translated = content.get(&field).is_some_and(|value| mentions(value, locale));
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

/// Whether a stored value has anything in this language.
fn mentions(value: &Value, locale: &str) -> bool {
    match value {
        Value::Object(map) => map.contains_key(locale) || map.values().any(|inner| mentions(inner, locale)),
        Value::Array(list) => list.iter().any(|inner| mentions(inner, locale)),
        _ => false,
    }
}

/// `,nl,fr,`: so that a look for `,nl,` finds it.
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

/// The fields of which there is a value in some language, but none in this one.
pub fn missing(fields: &'static [Field], content: &Map<String, Value>, locale: &str) -> Vec<&'static str> {
    let lacks = |field: &&Field| {
        field.localised
            && content.get(field.name).and_then(Value::as_object).is_some_and(|values| !values.contains_key(locale))
    };
    fields.iter().filter(lacks).map(|field| field.name).collect()
}

/// The languages of the site in which something is missing, each between commas.
pub fn untranslated(fields: &'static [Field], content: &Map<String, Value>, site: &Site) -> String {
    let lacking = site.locales.iter().filter(|locale| !missing(fields, content, locale).is_empty());
    between_commas(lacking.map(String::as_str))
}

/// What the public sees of a content: it without the languages that are hidden.
pub fn visible<'a>(
    fields: &'static [Field],
    content: &'a Map<String, Value>,
    translations: &Translations,
) -> Cow<'a, Map<String, Value>> {
    match translations.hidden() {
        hidden if hidden.is_empty() => Cow::Borrowed(content),
        hidden => Cow::Owned(without(fields, content, &hidden)),
    }
}

/// The content without the values of these languages.
fn without(fields: &'static [Field], content: &Map<String, Value>, hidden: &[&str]) -> Map<String, Value> {
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
            _ => within(&field.kind, value, hidden),
        };
        out.insert(name.clone(), kept);
    }
    out
}

fn within(kind: &'static Kind, value: &Value, hidden: &[&str]) -> Value {
    match (kind, value) {
        (Kind::Object(fields), Value::Object(object)) => without(fields, object, hidden).into(),
        (Kind::List { of, .. }, Value::Array(list)) => list.iter().map(|v| within(of, v, hidden)).collect(),
        _ => value.clone(),
    }
}

/// Whether a language is written from right to left, by its script or its likely one (BCP 47, and the
/// scripts of Unicode's right-to-left alphabets).
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
