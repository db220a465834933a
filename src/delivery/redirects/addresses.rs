//! The addresses of items on the website: that of an item, and the item of an address.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content::Site;
use crate::content::path_pattern::{Captures, PathPattern, SitePath};
use crate::content_types::{ContentType, LINKED};
use crate::database::schema::items;
use crate::database::{Db, in_list};
use crate::delivery::page_by_path::{self, PathTarget};
use crate::delivery::public_slugs::{self, PublicSlugs};
use crate::delivery::viewer::Viewer;
use crate::items::paths::current_in;
use crate::items::redirects::local_path;
use crate::items::taken_slugs::former_holders;
use crate::items::{Item, Lookup, find};

/// An item whose page the public sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageItem {
    pub kind: &'static str,
    pub id: String,
}

/// The place to which an address of the website leads without redirects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressTarget {
    /// The item has this address.
    Present(PageItem),
    /// The item had this address, or has it in another language or spelling; now it has that one.
    Moved(PageItem, String),
    /// No item that the public sees has or had this address.
    Absent,
}

/// Returns the addresses of items in a language, by id. Items that the public does not see, and those whose kind has no
/// pages on the website, are left out.
///
/// # Errors
///
/// Fails if a query fails.
pub fn addresses(
    connection: &mut Db,
    site: &Site,
    locale: &str,
    ids: &[String],
) -> QueryResult<HashMap<String, String>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    type Row = (String, String, String, String, Option<String>);
    let columns = (items::id, items::kind, items::slug, items::translations, items::parent_id);
    let these = in_list(connection.dialect(), items::id, ids);
    let rows: Vec<Row> = items::table.filter(these.and(items::live.eq(true))).select(columns).load(connection)?;
    let kind_of = |row: &Row| ContentType::of_kind(&row.1);
    let pages: Vec<&str> =
        rows.iter().filter(|row| kind_of(row).is_some_and(ContentType::has_paths)).map(|row| row.0.as_str()).collect();
    let paths = current_in(connection, locale, &pages)?;
    let owners = public_slugs::of_owners(connection, rows.iter().map(|row| (&*row.1, row.4.as_deref())))?;
    let address = |(id, kind, slug, translations, parent): Row| {
        let known = ContentType::of_kind(&kind)?;
        let event = parent.and_then(|parent| owners.get(&parent)).map(|slugs| slugs.in_locale(locale));
        let address = match known.has_paths() {
            true => site.page_address(known.kind, paths.get(&id)?, None, locale)?,
            false => {
                let slugs = PublicSlugs::of_columns(slug, &translations);
                site.page_address(known.kind, slugs.in_locale(locale), event, locale)?
            }
        };
        Some((id, address))
    };
    Ok(rows.into_iter().filter_map(address).collect())
}

/// Returns the language of a path: that which its first segment names, if it names one.
pub fn language_in<'a>(site: &'a Site, path: &SitePath) -> Option<&'a str> {
    path.segments().first().and_then(|first| site.locale(first))
}

/// Returns the place to which a path of the website leads by the settings `site.page_url` and its like. `locale` is the
/// language where the path names none.
///
/// # Errors
///
/// Fails if a query fails.
pub fn item_at(connection: &mut Db, site: &Site, path: &SitePath, locale: &str) -> QueryResult<AddressTarget> {
    let mut moved = AddressTarget::Absent;
    for (_, kind) in LINKED {
        let Some(captures) = site.page_url(kind).and_then(address_pattern).and_then(|form| form.matches(path)) else {
            continue;
        };
        let locale = match captured_value(&captures, "locale") {
            Some(tag) => match site.locale(tag) {
                Some(locale) => locale,
                None => continue,
            },
            None => locale,
        };
        let Some(id) = item_of(connection, (site, locale), kind, &captures)? else { continue };
        let Some(address) = addresses(connection, site, locale, std::slice::from_ref(&id))?.remove(&id) else {
            continue;
        };
        let item = PageItem { kind, id };
        if local_path(site, &address).as_ref() == Some(path) {
            return Ok(AddressTarget::Present(item));
        }
        if moved == AddressTarget::Absent {
            moved = AddressTarget::Moved(item, address);
        }
    }
    Ok(moved)
}

/// Returns the pattern of the addresses of a kind; `None` where an address does not name its item in its path.
pub fn address_pattern(url: &str) -> Option<PathPattern> {
    let (_, rest) = url.split_once("://")?;
    let path = &rest[rest.find('/')?..];
    let path = path.split(['?', '#']).next()?;
    let names_item = path.contains("{slug}") || path.contains("{path}");
    PathPattern::parse(&path.replace("{path}", "{*path}")).ok().filter(|_| names_item)
}

/// Returns the id of the item that an address names, by a present or former slug or path. Whether the public sees the page
/// of a path is not examined.
fn item_of(
    connection: &mut Db,
    (site, locale): (&Site, &str),
    kind: &'static str,
    captures: &Captures,
) -> QueryResult<Option<String>> {
    if let Some((_, segments)) = captures.iter().find(|(name, _)| name == "path") {
        return page_of(connection, (site, locale), &segments.join("/"));
    }
    let Some(slug) = captured_value(captures, "slug") else { return Ok(None) };
    let slug = slug.to_ascii_lowercase();
    let found = match find(connection, kind, &slug)? {
        Lookup::Found(item) => Some(item).filter(|item| is_told(item, &slug)),
        Lookup::Moved(now) => match find(connection, kind, &now)? {
            Lookup::Found(item) => Some(item),
            Lookup::Moved(_) | Lookup::Absent => None,
        },
        Lookup::Absent => None,
    };
    if let Some(item) = found.filter(|item| item.live) {
        return Ok(Some(item.id));
    }
    let former = former_holders(connection, kind, &slug)?;
    Ok(former.into_iter().find(|holder| holder.live).map(|holder| holder.id))
}

/// Returns whether the public may learn that an item has this slug: that of a hidden language is a part of it.
fn is_told(item: &Item, slug: &str) -> bool {
    item.slug == slug || item.id == slug || item.translations().shows_slug(slug)
}

/// Returns the id of the page to which a path leads, also a former one.
fn page_of(connection: &mut Db, (site, locale): (&Site, &str), path: &str) -> QueryResult<Option<String>> {
    let at = |connection: &mut Db, path: &str| {
        page_by_path::resolve(connection, (&site.locales, locale), &Viewer::Public, path)
    };
    let now = match at(connection, path)? {
        PathTarget::Page(id) => return Ok(Some(id)),
        PathTarget::Moved(now) => now,
        PathTarget::Absent => return Ok(None),
    };
    Ok(match at(connection, &now)? {
        PathTarget::Page(id) => Some(id),
        PathTarget::Moved(_) | PathTarget::Absent => None,
    })
}

pub(super) fn captured_value<'a>(captures: &'a Captures, name: &str) -> Option<&'a str> {
    captures.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.first()).map(String::as_str)
}
