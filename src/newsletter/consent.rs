//! The text to which subscribers consent. It is the text of the newsletter in the settings of the site, and its version is that
//! of the settings; what an earlier version said is in the journal. Where the settings have no text, a built-in one stands in.

use crate::content::Site;
use crate::content_types::SITE_SETTINGS;
use crate::database::Db;
use crate::items::site_texts::SiteTexts;
use crate::items::unsaved_site::SITE_ID;
use crate::journal::history::published_at;
use crate::problem::Problem;

/// Path of the text in the settings.
const PATH: [&str; 2] = ["newsletter", "consent"];
/// Languages of the built-in text, of which the first one stands in for others.
const BUILT_IN: [&str; 2] = ["en", "nl"];

/// The text of consent at a version of the settings.
#[derive(Debug, Clone)]
pub struct ConsentText(SiteTexts);

impl ConsentText {
    /// Returns the version of the settings.
    pub fn version(&self) -> i64 {
        self.0.version
    }

    /// Returns the text in a language, or in the nearest one that it has, with that language.
    pub fn in_locale(&self, site: &Site, locale: &str) -> (String, String) {
        let ConsentText(settings) = self;
        match settings.text(&PATH, site, locale) {
            Some((tag, text)) => (tag.to_owned(), text.to_owned()),
            None => built_in(settings, site, locale),
        }
    }
}

/// Returns the built-in text, which names the site, with its language.
fn built_in(settings: &SiteTexts, site: &Site, locale: &str) -> (String, String) {
    let chain = site.fallback_chain(locale);
    let bases = chain.iter().filter_map(|tag| tag.split('-').next());
    let tag = bases.filter_map(|base| BUILT_IN.into_iter().find(|known| *known == base)).next().unwrap_or(BUILT_IN[0]);
    let name = settings.name(site, locale);
    let text = match tag {
        "nl" => format!("Ik wil de nieuwsbrief van {name} per e-mail ontvangen. Ik kan me op elk moment uitschrijven."),
        _ => format!("I want to receive the newsletter of {name} by e-mail. I can unsubscribe at any time."),
    };
    (tag.to_owned(), text)
}

/// Returns the present text.
///
/// # Errors
/// Fails if the query fails.
pub fn load_present(connection: &mut Db, site: &Site) -> Result<ConsentText, Problem> {
    Ok(ConsentText(SiteTexts::load(connection, site)?))
}

/// Returns the text at a version of the settings, if there was one.
///
/// # Errors
/// Fails if the query fails.
pub fn by_version(connection: &mut Db, site: &Site, version: i64) -> Result<Option<ConsentText>, Problem> {
    let present = load_present(connection, site)?;
    if present.version() == version {
        return Ok(Some(present));
    }
    let earlier = published_at(connection, SITE_SETTINGS.kind, SITE_ID, version)?;
    Ok(earlier.map(|earlier| ConsentText(SiteTexts::new(version, &earlier.content, &earlier.translations))))
}
