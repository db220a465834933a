//! Items in the sitemaps of the website: those of every content type that has pages there.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::Site;
use crate::content::local_time::utc_text;
use crate::content::translations::{Translations, is_written, written_locales};
use crate::content_types::{ALL, ContentType, EVENT};
use crate::database::Db;
use crate::database::schema::items;
use crate::delivery::public_slugs;
use crate::delivery::revisions::linked_changes;
use crate::feeds::sitemap::{PageSlugs, SitemapEntry};
use crate::items::paths::load_current;
use crate::items::rows::parse_content;

/// Maximum number of items in a sitemap.
const MAX_ITEMS: i64 = 5_000;
/// Maximum number of addresses and of bytes in a sitemap (sitemaps.org).
const MAX_ADDRESSES: i64 = 50_000;
const MAX_BYTES: i64 = 50_000_000;
/// Bytes of a link to a page in another language, with a long address.
const LINK_BYTES: i64 = 250;

/// Returns the number of items in a sitemap. Where the address of a page contains the language, an item has one for each
/// language, and each of these names all of them.
fn max_items(site: &Site, content_type: &ContentType) -> i64 {
    let languages = if site.has_pages_by_language(content_type.kind) { site.locales.len().max(1) as i64 } else { 1 };
    let by_bytes = MAX_BYTES / (languages * (languages + 2) * LINK_BYTES);
    MAX_ITEMS.min(MAX_ADDRESSES / languages).min(by_bytes).max(1)
}

/// A part of the items with pages: all of them, or some of one content type.
#[derive(Debug, Clone, Copy)]
pub struct SitemapPart {
    content_type: &'static ContentType,
    offset: i64,
}

/// Returns the content types that have pages. Events always have some: those of the API, if there are no others.
fn content_types(site: &Site) -> impl Iterator<Item = &'static ContentType> {
    ALL.into_iter().filter(|content_type| content_type.kind == EVENT.kind || site.page_url(content_type.kind).is_some())
}

/// Returns the parts of all sitemaps, in their order: one sitemap with all content types if there are few items, and
/// otherwise some for each content type.
///
/// # Errors
///
/// Fails if a query fails.
pub fn sitemaps(connection: &mut Db, site: &Site) -> QueryResult<Vec<Vec<SitemapPart>>> {
    let mut all = Vec::new();
    let mut total = 0;
    for content_type in content_types(site) {
        let live = items::table.filter(items::kind.eq(content_type.kind).and(items::live.eq(true)));
        let count: i64 = live.count().get_result(connection)?;
        let most = max_items(site, content_type);
        // Items of which fewer fit into a sitemap count as more of the usual ones, rounded up.
        total += (count * MAX_ITEMS + most - 1) / most;
        all.extend((0..count).step_by(most as usize).map(|offset| SitemapPart { content_type, offset }));
    }
    Ok(match total <= MAX_ITEMS {
        true => vec![all],
        false => all.into_iter().map(|part| vec![part]).collect(),
    })
}

/// Returns the items of a part. The oldest ones come first, so that new ones do not move others to another sitemap.
///
/// # Errors
///
/// Fails if a query fails.
pub fn entries(connection: &mut Db, site: &Site, part: SitemapPart) -> QueryResult<Vec<SitemapEntry>> {
    let SitemapPart { content_type, offset } = part;
    type Row = (String, Option<String>, String, String, i64, Vec<u8>);
    let columns = (items::id, items::parent_id, items::slug, items::translations, items::updated_at, items::content);
    let rows: Vec<Row> = items::table
        .filter(items::kind.eq(content_type.kind).and(items::live.eq(true)))
        .order((items::created_at, items::id))
        .limit(max_items(site, content_type))
        .offset(offset)
        .select(columns)
        .load(connection)?;
    let ids: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    let linked = linked_changes(connection, &ids, None)?;
    let owners = public_slugs::of_owners(connection, rows.iter().map(|row| (content_type.kind, row.1.as_deref())))?;
    let mut paths = if content_type.has_paths() { load_current(connection, &ids)? } else { HashMap::new() };
    let entry = |(id, parent_id, slug, translations, updated_at, content): Row| {
        let changed_at = linked.get(&id).map_or(updated_at, |linked| linked.changed_at.max(updated_at));
        let content = parse_content(&content);
        if content.get("seo").and_then(|seo| seo.get("noindex")) == Some(&Value::Bool(true)) {
            return None;
        }
        let mut pages = slugs(site, content_type, (slug, Translations::parse(&translations)), &content);
        if let Some(paths) = paths.remove(&id) {
            pages.retain(|page| paths.contains_key(&page.locale));
            pages.iter_mut().for_each(|page| page.slug.clone_from(&paths[&page.locale]));
        }
        if let Some(owner) = parent_id.and_then(|id| owners.get(&id)) {
            pages.iter_mut().for_each(|page| page.event = Some(owner.in_locale(&page.locale).to_owned()));
        }
        Some(SitemapEntry { kind: content_type.kind, pages, changed_at: utc_text(changed_at) })
    };
    Ok(rows.into_iter().filter_map(entry).collect())
}

/// Returns the slugs of an item by the locales in which it has a page, that of the default locale first. An item that is
/// written in other languages only has none in it, unless all languages share one page.
fn slugs(
    site: &Site,
    content_type: &'static ContentType,
    (slug, translations): (String, Translations),
    content: &Map<String, Value>,
) -> Vec<PageSlugs> {
    let (fields, label) = (content_type.fields, content_type.label);
    let mut locales = written_locales(fields, label, content, &translations, site);
    let default = site.default_locale();
    let has_others = locales.len() > 1 && site.has_pages_by_language(content_type.kind);
    if has_others && !is_written(fields, label, content, default) {
        locales.retain(|locale| *locale != default);
    }
    let of_locale = |locale: &str| {
        let slug = translations.slug_or(locale, &slug).to_owned();
        PageSlugs { locale: locale.to_owned(), slug, event: None }
    };
    locales.into_iter().map(of_locale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// Each language of an item has an address with links to all others.
    #[test]
    fn a_sitemap_keeps_to_the_limits_of_the_standard() {
        for languages in [1, 2, 10, 24, 100, 1_000] {
            let mut site = Config::default().site();
            site.locales = (0..languages).map(|number| format!("x{number}")).collect();
            site.page_urls.insert(EVENT.kind, "https://example.org/{locale}/events/{slug}".to_owned());
            let items = max_items(&site, &EVENT);
            assert!((1..=MAX_ITEMS).contains(&items), "{items}");
            assert!(items == 1 || items * languages <= MAX_ADDRESSES, "{items} items in {languages} languages");
            assert!(
                items == 1 || items * languages * (languages + 2) * LINK_BYTES <= MAX_BYTES,
                "{items} of {languages}"
            );
            site.page_urls.insert(EVENT.kind, "https://example.org/events/{slug}".to_owned());
            assert_eq!(max_items(&site, &EVENT), MAX_ITEMS);
        }
    }
}
