//! The model of content: field declarations, validation, the stored form and rendering. The module is pure: it uses
//! neither the database nor HTTP.

pub mod anchors;
pub mod bare_links;
pub mod blocks;
pub mod custom_fields;
pub mod editable_form;
pub mod field;
pub mod hidden_markup;
pub mod html;
pub mod html_attributes;
mod html_nesting;
pub mod list_entries;
mod local_clock;
pub mod local_time;
pub mod markdown;
pub mod merge_patch;
pub mod offsets;
mod path_overlap;
pub mod path_pattern;
pub mod response_form;
pub mod rich_text;
pub mod rich_text_fields;
pub mod slug;
pub mod strict_json;
pub mod text_outline;
pub mod time_shift;
pub mod translations;
pub mod validate;
mod validate_values;
pub mod values;
pub mod violation;

use crate::time_zone::Zone;

/// The settings of the site that apply to all content.
#[derive(Debug, Clone)]
pub struct Site {
    /// Locales as BCP 47 tags, the default locale first.
    pub locales: Vec<String>,
    /// Time zone of times that name none.
    pub time_zone: Zone,
    /// JSON Schemas for `custom`, by content type.
    pub custom: custom_fields::CustomSchemas,
    /// Name of the site, used in feeds.
    pub name: String,
    /// URLs of pages on the website by content type, with the placeholders `{slug}` and `{locale}`, and `{event}` in
    /// those of sessions; empty if there are no such pages.
    pub page_urls: std::collections::BTreeMap<&'static str, String>,
    /// Fallback locales by locale, in the order in which they are tried.
    pub fallback: std::collections::BTreeMap<String, Vec<String>>,
    /// Locales in which an item must be complete before it can be published.
    pub required_locales: Vec<String>,
    /// Whether an item can be published only if all items that it refers to are published.
    pub require_published_references: bool,
    /// Hosts of pages that may be shown within others; `*.example.org` stands for all below `example.org`.
    pub embed_hosts: Vec<String>,
}

impl Site {
    /// Returns the locale of responses when the request names none; it ends every fallback chain.
    pub fn default_locale(&self) -> &str {
        &self.locales[0]
    }

    /// Returns the URL of the pages of a content type on the website; `None` if there are no such pages.
    pub fn page_url(&self, kind: &str) -> Option<&str> {
        self.page_urls.get(kind).map(String::as_str).filter(|url| !url.is_empty())
    }

    /// Returns whether each language of an item has a page of its own. If addresses do not contain the locale, all languages
    /// share one.
    pub fn has_pages_by_language(&self, kind: &str) -> bool {
        self.page_url(kind).is_some_and(|url| url.contains("{locale}"))
    }

    /// Returns the address of an item's page on the website; `None` if there are no such pages. Pages are given their path as
    /// slug. Without the slug of the event of a session its place is left open.
    pub fn page_address(&self, kind: &str, slug: &str, event: Option<&str>, locale: &str) -> Option<String> {
        let url = self.page_url(kind)?.replace("{slug}", slug).replace("{path}", slug).replace("{locale}", locale);
        Some(match event {
            Some(event) => url.replace("{event}", event),
            None => url,
        })
    }

    /// Returns the locales to try for a requested one: itself, its configured fallbacks, its language without a
    /// region, the default locale.
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

    /// Returns whether a page of this host may be shown within others.
    pub fn may_embed(&self, host: &str) -> bool {
        let matches = |allowed: &String| match allowed.strip_prefix("*.") {
            Some(domain) => host.strip_suffix(domain).is_some_and(|below| below.len() > 1 && below.ends_with('.')),
            None => host == allowed,
        };
        self.embed_hosts.iter().any(matches)
    }

    /// Returns the configured locale that equals the tag, ignoring case.
    pub fn locale(&self, tag: &str) -> Option<&str> {
        self.locales.iter().find(|known| known.eq_ignore_ascii_case(tag)).map(String::as_str)
    }

    /// Returns why a tag is not one of the site's locales.
    pub fn unknown_locale(&self, tag: &str) -> String {
        violation::unknown_name_message("locale", tag, self.locales.iter().map(String::as_str))
    }

    /// Adds a violation for each of the objects of a list whose locale the site does not have, or an earlier one has.
    pub fn check_locales<'a>(
        &self,
        tags: impl Iterator<Item = &'a str>,
        pointer: &str,
        violations: &mut violation::Violations,
    ) {
        let mut seen = Vec::new();
        for (position, tag) in tags.enumerate() {
            let pointer = format!("{pointer}/{position}/locale");
            if self.locale(tag).is_none() {
                violations.add(pointer, "unknown_locale", self.unknown_locale(tag));
            } else if seen.contains(&tag) {
                violations.add(pointer, "duplicate", "an earlier entry has this language");
            }
            seen.push(tag);
        }
    }
}

/// The form of localised fields in requests and responses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LocaleMode {
    /// Plain values in this locale.
    One(String),
    /// Objects from locale to value (`locale=*`).
    All,
}
