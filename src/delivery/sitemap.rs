//! Which pages of events the website has.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::Value;

use crate::content::Site;
use crate::content::moment::utc_text;
use crate::content::translations::Translations;
use crate::database::Db;
use crate::database::schema::items;
use crate::feeds::sitemap::Entry;

/// Pages in a sitemap; the standard allows 50,000, and many languages make many of one event.
pub const MOST: i64 = 5_000;

/// How many sitemaps there are.
pub fn count(connection: &mut Db) -> QueryResult<i64> {
    let all: i64 =
        items::table.filter(items::kind.eq("event").and(items::live.eq(true))).count().get_result(connection)?;
    Ok((all + MOST - 1) / MOST)
}

/// The events of a sitemap, by its number from 1 on: those that were made first come first, so that later
/// ones do not move them.
pub fn entries(connection: &mut Db, site: &Site, number: i64) -> QueryResult<Vec<Entry>> {
    let rows: Vec<(String, String, i64, String)> = items::table
        .filter(items::kind.eq("event").and(items::live.eq(true)))
        .order((items::created_at, items::id))
        .limit(MOST)
        .offset((number - 1) * MOST)
        .select((items::slug, items::translations, items::updated_at, items::content))
        .load(connection)?;
    Ok(rows
        .into_iter()
        .map(|(slug, translations, updated_at, content)| {
            let translations = Translations::parse(&translations);
            let content: Value = serde_json::from_str(&content).unwrap_or_default();
            let has = |locale: &str| content["title"].get(locale).is_some() && !translations.get(locale).hidden;
            let default = site.default_locale();
            let others = site.locales.iter().map(String::as_str).filter(|locale| *locale != default && has(locale));
            let slugs = std::iter::once(default).chain(others).map(|locale| {
                let own = translations.slug(locale).filter(|_| locale != default);
                (locale.to_owned(), own.unwrap_or(&slug).to_owned())
            });
            Entry { slugs: slugs.collect(), updated_at: utc_text(updated_at) }
        })
        .collect())
}
