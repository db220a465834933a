//! The texts of the settings of the site that the server itself uses: in its mails, on its pages, and as what subscribers
//! consent to. Until the settings are first stored, they have the name of the configuration.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::Site;
use crate::content::translations::{Translations, visible_content};
use crate::content_types::SITE_SETTINGS;
use crate::database::Db;
use crate::database::schema::items;
use crate::items::rows::parse_content;
use crate::items::unsaved_site::{self, SITE_ID};

/// The public texts of the settings at a version.
#[derive(Debug, Clone)]
pub struct SiteTexts {
    /// Version of the settings.
    pub version: i64,
    content: Map<String, Value>,
}

impl SiteTexts {
    /// Returns the texts that are public now.
    ///
    /// # Errors
    /// Fails if the query fails.
    pub fn load(connection: &mut Db, site: &Site) -> QueryResult<Self> {
        let columns = (items::version, items::content, items::translations);
        let found: Option<(i64, Vec<u8>, String)> =
            items::table.find(SITE_ID).select(columns).first(connection).optional()?;
        Ok(match found {
            Some((version, content, translations)) => {
                Self::new(version, &parse_content(&content), &Translations::parse(&translations))
            }
            None => Self::of_configuration(site),
        })
    }

    /// Returns the public texts of a content of the settings.
    pub fn new(version: i64, content: &Map<String, Value>, translations: &Translations) -> Self {
        Self { version, content: visible_content(SITE_SETTINGS.fields, content, translations).into_owned() }
    }

    /// Returns the texts of settings that nobody has changed.
    pub fn of_configuration(site: &Site) -> Self {
        Self { version: unsaved_site::VERSION, content: unsaved_site::content(site) }
    }

    /// Returns the name of the site in a language, or in the nearest one.
    pub fn name<'a>(&'a self, site: &'a Site, locale: &str) -> &'a str {
        self.text(&["name"], site, locale).map_or(site.name.as_str(), |(_, name)| name)
    }

    /// Returns the text of a localised field, which `path` names, in a language or in the nearest one that it has, with that
    /// language; none if it has no text.
    pub fn text(&self, path: &[&str], site: &Site, locale: &str) -> Option<(&str, &str)> {
        let (first, rest) = path.split_first()?;
        let texts = rest.iter().try_fold(self.content.get(*first)?, |value, name| value.get(*name))?.as_object()?;
        let chain = site.fallback_chain(locale);
        let nearest = chain.iter().find_map(|tag| texts.get_key_value(*tag)).or_else(|| texts.iter().next())?;
        Some((nearest.0, nearest.1.as_str()?))
    }
}
