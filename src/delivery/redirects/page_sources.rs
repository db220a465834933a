//! The redirects that would hide pages at the edge: those whose sources are or match addresses of items that the public sees.
//!
//! Sources of one path are compared by statements for all of them. Of a prefix or a pattern, the items are read whose
//! addresses can match, in the order of their slugs; after [`MAX_READ`] without a match, one is expected among the others.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::addresses::{address_pattern, addresses, captured_value};
use crate::content::Site;
use crate::content::path_pattern::{PathPattern, SitePath};
use crate::content_types::redirects::{EXACT, PREFIX};
use crate::content_types::{ContentType, LINKED};
use crate::database::schema::{items, paths, slugs};
use crate::database::{Db, in_list};
use crate::items::ANY_LOCALE;
use crate::items::redirects::{RedirectRule, local_path};

/// Number of items that are read together.
const CHUNK: i64 = 200;
/// Maximum number of items that are read for a redirect.
const MAX_READ: i64 = 1_000;
/// A text that follows all texts with the same beginning.
const LAST: char = char::MAX;

/// The form of the addresses of a kind in a language.
struct AddressForm {
    content_type: &'static ContentType,
    locale: String,
    pattern: PathPattern,
}

impl AddressForm {
    /// Returns the forms of all kinds in all languages, as far as they name their items.
    fn all(site: &Site) -> Vec<Self> {
        let mut forms = Vec::new();
        for (_, kind) in LINKED {
            let (Some(content_type), Some(url)) = (ContentType::of_kind(kind), site.page_url(kind)) else { continue };
            for locale in &site.locales {
                let pattern = address_pattern(&url.replace("{locale}", locale));
                forms.extend(pattern.map(|pattern| Self { content_type, locale: locale.clone(), pattern }));
            }
        }
        forms
    }

    /// Returns the slug or path that a path of this form names, in lower case.
    fn name_in(&self, path: &SitePath) -> Option<String> {
        let captures = self.pattern.matches(path)?;
        let name = match self.content_type.has_paths() {
            true => captures.iter().find(|(name, _)| name == "path")?.1.join("/"),
            false => captured_value(&captures, "slug")?.to_owned(),
        };
        Some(name.to_ascii_lowercase())
    }

    /// Returns the text with which the slugs or paths begin that a source can match.
    fn name_start(&self, source: &PathPattern) -> String {
        source.start_of(&self.pattern, if self.content_type.has_paths() { "path" } else { "slug" })
    }

    /// Returns the addresses of items in the language of the form, as paths.
    fn paths(&self, connection: &mut Db, site: &Site, ids: &[String]) -> QueryResult<Vec<SitePath>> {
        let known = addresses(connection, site, &self.locale, ids)?;
        Ok(known.values().filter_map(|address| local_path(site, address)).collect())
    }

    /// Returns slugs or paths, which lead to public items, with the ids of these.
    fn names(&self, connection: &mut Db, wanted: &Names<'_>) -> QueryResult<Vec<(String, String)>> {
        let dialect = connection.dialect();
        if self.content_type.has_paths() {
            let all = paths::table
                .inner_join(items::table)
                .filter(paths::locale.eq(&self.locale).and(paths::is_current.eq(true)).and(items::live.eq(true)))
                .select((paths::path, paths::item_id))
                .into_boxed();
            let found = match wanted {
                Names::These(names) => all.filter(in_list(dialect, paths::path, *names)),
                Names::Chunk { from, end } => {
                    all.filter(paths::path.ge(from).and(paths::path.lt(end))).order(paths::path).limit(CHUNK)
                }
            };
            return found.load(connection);
        }
        let of_kind = slugs::kind.eq(self.content_type.kind).and(slugs::locale.eq(ANY_LOCALE));
        let all = slugs::table
            .inner_join(items::table.on(items::id.eq(slugs::item_id)))
            .filter(of_kind.and(items::live.eq(true)))
            .select((slugs::slug, slugs::item_id))
            .into_boxed();
        let found = match wanted {
            Names::These(names) => all.filter(in_list(dialect, slugs::slug, *names)),
            Names::Chunk { from, end } => {
                all.filter(slugs::slug.ge(from).and(slugs::slug.lt(end))).order(slugs::slug).limit(CHUNK)
            }
        };
        found.load(connection)
    }
}

/// The slugs or paths that are read.
enum Names<'a> {
    /// These, present or former.
    These(&'a [String]),
    /// The next ones from one on, before another one, in their order.
    Chunk { from: String, end: String },
}

/// Returns those of these rules that match the address of an item which the public sees, in any language, by the ids of
/// their redirects.
///
/// # Errors
///
/// Fails if a query fails.
pub fn over_pages<'a>(
    connection: &mut Db,
    site: &Site,
    rules: impl Iterator<Item = &'a RedirectRule>,
) -> QueryResult<HashSet<String>> {
    let forms = AddressForm::all(site);
    let (exact, wide): (Vec<&RedirectRule>, Vec<&RedirectRule>) = rules.partition(|rule| rule.match_type == EXACT);
    let addresses = addresses_among(connection, site, &forms, &exact)?;
    let is_address = |rule: &&RedirectRule| addresses.contains(&rule.key);
    let mut found: HashSet<String> = exact.into_iter().filter(is_address).map(|rule| rule.item_id.clone()).collect();
    for rule in wide {
        if has_pages(connection, site, &forms, rule)? {
            found.insert(rule.item_id.clone());
        }
    }
    Ok(found)
}

/// Returns the keys of the addresses of public items that may be among the sources of these rules.
fn addresses_among(
    connection: &mut Db,
    site: &Site,
    forms: &[AddressForm],
    rules: &[&RedirectRule],
) -> QueryResult<HashSet<String>> {
    let sources: Vec<SitePath> = rules.iter().filter_map(|rule| SitePath::parse(&rule.source)).collect();
    let mut keys = HashSet::new();
    for form in forms {
        let names: Vec<String> = sources.iter().filter_map(|path| form.name_in(path)).collect();
        if names.is_empty() {
            continue;
        }
        let rows = form.names(connection, &Names::These(&names))?;
        let ids: Vec<String> = rows.into_iter().map(|(_, id)| id).collect();
        keys.extend(form.paths(connection, site, &ids)?.iter().map(SitePath::key));
    }
    Ok(keys)
}

/// Returns whether a prefix or a pattern matches the address of a public item.
fn has_pages(connection: &mut Db, site: &Site, forms: &[AddressForm], rule: &RedirectRule) -> QueryResult<bool> {
    let source = match rule.match_type.as_str() {
        PREFIX => SitePath::parse(&rule.source).map(|path| PathPattern::subtree(&path)),
        _ => rule.pattern(),
    };
    let Some(source) = source else { return Ok(false) };
    for form in forms.iter().filter(|form| source.may_meet(&form.pattern)) {
        let start = form.name_start(&source);
        let (mut from, mut read) = (start.clone(), 0);
        loop {
            let end = format!("{start}{LAST}");
            let rows = form.names(connection, &Names::Chunk { from, end })?;
            let (count, last) = (i64::try_from(rows.len()).unwrap_or(CHUNK), rows.last().map(|(name, _)| name.clone()));
            let ids: Vec<String> = rows.into_iter().map(|(_, id)| id).collect();
            if form.paths(connection, site, &ids)?.iter().any(|path| source.matches(path).is_some()) {
                return Ok(true);
            }
            read += count;
            match last.filter(|_| count == CHUNK) {
                Some(_) if read >= MAX_READ => return Ok(true),
                // The shortest text that follows it.
                Some(last) => from = format!("{last}\u{1}"),
                None => break,
            }
        }
    }
    Ok(false)
}
