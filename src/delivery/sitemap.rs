//! Events in the sitemaps of the website.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::Site;
use crate::content::local_time::utc_text;
use crate::content::translations::{Translations, written_locales};
use crate::content_types::EVENT;
use crate::database::Db;
use crate::database::schema::items;
use crate::feeds::sitemap::SitemapEntry;

/// Maximum number of events in a sitemap. The standard allows 50,000 addresses, and an event has one for each
/// language.
pub const MAX_EVENTS: i64 = 5_000;

/// Returns the number of sitemaps.
///
/// # Errors
///
/// Fails if the query fails.
pub fn count(connection: &mut Db) -> QueryResult<i64> {
    let all: i64 =
        items::table.filter(items::kind.eq(EVENT.kind).and(items::live.eq(true))).count().get_result(connection)?;
    Ok((all + MAX_EVENTS - 1) / MAX_EVENTS)
}

/// Returns the events of a sitemap, by its number from 1 on. The oldest events come first, so that new ones
/// do not move others to another sitemap.
///
/// # Errors
///
/// Fails if the query fails.
pub fn entries(connection: &mut Db, site: &Site, number: i64) -> QueryResult<Vec<SitemapEntry>> {
    let rows: Vec<(String, String, i64, String)> = items::table
        .filter(items::kind.eq(EVENT.kind).and(items::live.eq(true)))
        .order((items::created_at, items::id))
        .limit(MAX_EVENTS)
        .offset((number - 1) * MAX_EVENTS)
        .select((items::slug, items::translations, items::updated_at, items::content))
        .load(connection)?;
    Ok(rows
        .into_iter()
        .map(|(slug, translations, updated_at, content)| {
            let translations = Translations::parse(&translations);
            let content: Map<String, Value> = serde_json::from_str(&content).unwrap_or_default();
            let locales = written_locales(EVENT.fields, EVENT.label, &content, &translations, site).into_iter();
            let slugs = locales.map(|locale| (locale.to_owned(), translations.slug_or(locale, &slug).to_owned()));
            SitemapEntry { slugs: slugs.collect(), updated_at: utc_text(updated_at) }
        })
        .collect())
}
