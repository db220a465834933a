//! The texts to which subscribers consent. A changed text is a new version; what somebody consented to is kept with the
//! subscriber.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content::Site;
use crate::database::mail_schema::consent_texts;
use crate::database::{Db, now};

/// A version of the text in all languages.
#[derive(Debug, Clone)]
pub struct ConsentText {
    /// Number of the version; 0 is the built-in one.
    pub version: i64,
    /// Texts by language.
    pub texts: BTreeMap<String, String>,
}

impl ConsentText {
    /// Returns the built-in text.
    fn built_in(site: &Site) -> Self {
        let name = &site.name;
        let texts = [
            ("en", format!("I want to receive the newsletter of {name} by e-mail. I can unsubscribe at any time.")),
            (
                "nl",
                format!("Ik wil de nieuwsbrief van {name} per e-mail ontvangen. Ik kan me op elk moment uitschrijven."),
            ),
        ];
        Self { version: 0, texts: texts.into_iter().map(|(locale, text)| (locale.to_owned(), text)).collect() }
    }

    /// Returns the text in a language, or in the nearest one that it has, with that language.
    pub fn in_locale(&self, site: &Site, locale: &str) -> (String, String) {
        let base = locale.split('-').next().unwrap_or_default();
        let wanted = [locale, base, site.default_locale()];
        let found = wanted.iter().find_map(|tag| self.texts.get_key_value(*tag)).or_else(|| self.texts.iter().next());
        found.map_or_else(Default::default, |(tag, text)| (tag.clone(), text.clone()))
    }
}

/// Returns the present version.
///
/// # Errors
/// Fails if the query fails.
pub fn present(connection: &mut Db, site: &Site) -> QueryResult<ConsentText> {
    let newest = consent_texts::table.order(consent_texts::version.desc());
    let found = newest.select((consent_texts::version, consent_texts::texts)).first(connection).optional()?;
    Ok(found.map_or_else(|| ConsentText::built_in(site), of_row))
}

/// Returns a version, if it exists.
///
/// # Errors
/// Fails if the query fails.
pub fn by_version(connection: &mut Db, site: &Site, version: i64) -> QueryResult<Option<ConsentText>> {
    if version == 0 {
        return Ok(Some(ConsentText::built_in(site)));
    }
    let columns = (consent_texts::version, consent_texts::texts);
    Ok(consent_texts::table.find(version).select(columns).first(connection).optional()?.map(of_row))
}

fn of_row((version, texts): (i64, String)) -> ConsentText {
    ConsentText { version, texts: serde_json::from_str(&texts).unwrap_or_default() }
}

/// Adds a version.
///
/// # Errors
/// Fails if a statement fails.
pub fn add(connection: &mut Db, site: &Site, texts: BTreeMap<String, String>) -> QueryResult<ConsentText> {
    let version = present(connection, site)?.version + 1;
    let row = (
        consent_texts::version.eq(version),
        consent_texts::texts.eq(serde_json::to_string(&texts).unwrap_or_default()),
        consent_texts::created_at.eq(now()),
    );
    diesel::insert_into(consent_texts::table).values(row).execute(connection)?;
    Ok(ConsentText { version, texts })
}
