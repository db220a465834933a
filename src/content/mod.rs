//! The field language: declarations, validation, storage form, rendering. Pure: no database, no HTTP.

pub mod custom;
pub mod fault;
pub mod field;
pub mod input_form;
pub mod merge_patch;
pub mod moment;
pub mod offsets;
pub mod outline;
pub mod render;
pub mod rich_text;
pub mod slug;
pub mod strict_json;
pub mod translations;
pub mod validate;
pub mod values;

use crate::time_zone::Zone;

/// What the site fixes for all its content.
#[derive(Debug, Clone)]
pub struct Site {
    /// BCP 47 tags, the default first.
    pub locales: Vec<String>,
    /// The zone of times that name none.
    pub time_zone: Zone,
    /// JSON Schemas for `custom`, by kind of resource.
    pub custom: custom::CustomSchemas,
    /// What it is called, in feeds.
    pub name: String,
    /// The pages of events on the website, with `{slug}` in it; empty where there are none.
    pub event_url: String,
    /// The locales to try, in order, where one has no value.
    pub fallback: std::collections::BTreeMap<String, Vec<String>>,
    /// Locales in which everything must be there before it is published.
    pub required_locales: Vec<String>,
    /// Whether an item can only be published when all that it refers to is.
    pub require_published_references: bool,
}

impl Site {
    /// The locale that answers use when none is asked for, and the last of every fallback chain.
    pub fn default_locale(&self) -> &str {
        &self.locales[0]
    }

    /// The locales to try for a wanted one: itself, those configured for it, its language alone, the
    /// default.
    pub fn fallback_chain<'a>(&'a self, wanted: &'a str) -> Vec<&'a str> {
        let language = wanted.split('-').next().unwrap_or(wanted);
        let own = self.fallback.get(wanted).map(Vec::as_slice).unwrap_or_default();
        let mut chain = vec![wanted];
        for locale in own.iter().map(String::as_str).chain([language, self.default_locale()]) {
            if !chain.contains(&locale) {
                chain.push(locale);
            }
        }
        chain
    }

    /// The configured locale of this tag, whatever its letters' case.
    pub fn locale(&self, tag: &str) -> Option<&str> {
        self.locales.iter().find(|known| known.eq_ignore_ascii_case(tag)).map(String::as_str)
    }
}

/// In which form localised fields come and go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocaleMode {
    /// Plain values, all in this locale.
    One(String),
    /// Maps from locale to value (`locale=*`).
    All,
}
