//! The section `[site]`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The section `[site]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteConfig {
    /// Name of the site, for feeds.
    pub name: String,
    /// URL of an event's page on the website, with `{slug}` for the slug and `{locale}` for the language; empty if
    /// there are no such pages. The same holds for the pages of other kinds.
    pub event_url: String,
    /// URL of a session's page; `{event}` stands for the slug of its event.
    pub session_url: String,
    /// URL of a speaker's page.
    pub speaker_url: String,
    /// URL of a partner's page.
    pub partner_url: String,
    /// URL of a venue's page.
    pub venue_url: String,
    /// URL of a topic's page.
    pub topic_url: String,
    /// URL of the page of a series.
    pub series_url: String,
    /// URL of the page of an event type.
    pub event_type_url: String,
    /// URL of a page, with `{path}` for its path and `{locale}` for the language.
    pub page_url: String,
    /// Hosts of pages that blocks of pages may show; `*.example.org` stands for all hosts below.
    pub embed_hosts: Vec<String>,
    /// Locales of the site as BCP 47 tags, the default locale first.
    pub locales: Vec<String>,
    /// Fallback locales by locale, in the order in which they are tried: `"nl-BE" = ["nl", "fr"]`.
    pub fallback: BTreeMap<String, Vec<String>>,
    /// IANA time zone of times that name none.
    pub time_zone: String,
    /// Folder with time zone rules, which are used if they are newer than the built-in ones. Empty searches
    /// the usual folders of the system; `built-in` uses the built-in rules only.
    pub zoneinfo: String,
    /// Files with the JSON Schema of `custom`, by kind of content: `event = "event.schema.json"`.
    pub custom: BTreeMap<String, PathBuf>,
}

impl SiteConfig {
    /// Returns the URLs of pages on the website by content type; `site.{kind}_url` is the setting.
    pub fn page_urls(&self) -> [(&'static str, &str); 9] {
        [
            ("event", &self.event_url),
            ("session", &self.session_url),
            ("speaker", &self.speaker_url),
            ("partner", &self.partner_url),
            ("venue", &self.venue_url),
            ("topic", &self.topic_url),
            ("series", &self.series_url),
            ("event_type", &self.event_type_url),
            ("page", &self.page_url),
        ]
    }
}

impl Default for SiteConfig {
    fn default() -> Self {
        Self {
            name: "Plenary".into(),
            event_url: String::new(),
            session_url: String::new(),
            speaker_url: String::new(),
            partner_url: String::new(),
            venue_url: String::new(),
            topic_url: String::new(),
            series_url: String::new(),
            event_type_url: String::new(),
            page_url: String::new(),
            embed_hosts: Vec::new(),
            locales: vec!["en".into(), "nl".into()],
            fallback: BTreeMap::new(),
            time_zone: "Europe/Brussels".into(),
            zoneinfo: String::new(),
            custom: BTreeMap::new(),
        }
    }
}
