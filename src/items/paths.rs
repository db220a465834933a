//! The paths of pages by language: `about/team`, in Dutch `over-ons/team`. A path consists of the last segments of all
//! pages from the top down to the page itself.
//!
//! The table `paths` has the present path of each page in each language of the site, whether the page is public or not, so
//! that no two pages claim the same one. It keeps the former paths under which a page was public: they redirect.

use std::collections::{BTreeMap, HashMap, HashSet};

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::{Map, Value};

use crate::content::Site;
use crate::content::translations::Translations;
use crate::content_types::SEGMENT;
use crate::content_types::pages::{HOME, PAGE};
use crate::database::schema::{items, paths};
use crate::database::{Db, in_list, in_list_unindexed, now};
use crate::items::rows::parse_content;

/// Maximum number of segments of a path, and so of levels of the tree.
pub const MAX_SEGMENTS: usize = 12;
/// Maximum length of a path, in characters.
pub const MAX_PATH: usize = 500;

/// Why a page, or one below it, cannot have its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathFault {
    /// Another page has the path of this page, by its id, in this language: its slug, and whether it is in the trash;
    /// `None` if it is written at the same time.
    Taken { item_id: String, path: String, locale: String, holder: Option<(String, bool)> },
    /// The path of this page, by its id, is too long.
    TooLong { item_id: String, path: String },
}

/// A row of `paths`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = paths)]
struct PathRow {
    locale: String,
    path: String,
    item_id: String,
    is_current: bool,
    /// Time at which the page was first public under the path (µs), or 0.
    shown_at: i64,
}

/// Paths by language.
type Paths = BTreeMap<String, String>;

/// A page, as far as its path depends on it: id, parent, slug, states of its translations, content, visibility.
type PageRow = (String, Option<String>, String, String, Vec<u8>, bool);

/// A page whose paths change.
struct Move {
    id: String,
    is_live: bool,
    before: Vec<PathRow>,
    after: Paths,
}

/// Brings the paths of a page, and of all pages below it, in line with the stored rows. Returns the ids of the pages below
/// whose paths changed.
///
/// A page whose parent has no path yet gets none: it gets one with its parent. So pages can be stored in any order.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn update(connection: &mut Db, site: &Site, id: &str) -> QueryResult<Result<Vec<String>, PathFault>> {
    let columns = (items::id, items::parent_id, items::slug, items::translations, items::content, items::live);
    let page: PageRow = items::table.find(id).select(columns).first(connection)?;
    let above = match &page.1 {
        Some(parent) => Some(load_current(connection, &[parent])?.remove(parent).unwrap_or_default()),
        None => None,
    };
    let mut moves = Vec::new();
    let mut level = vec![(page, above)];
    while !level.is_empty() {
        let ids: Vec<&str> = level.iter().map(|(page, _)| page.0.as_str()).collect();
        let mut present = rows_of(connection, &ids)?;
        let mut moved: HashMap<String, Paths> = HashMap::new();
        for (page, above) in &level {
            let after = compute_paths(site, page, above.as_ref());
            if let Some(path) = after.values().find(|path| is_too_long(path)) {
                return Ok(Err(PathFault::TooLong { item_id: page.0.clone(), path: path.clone() }));
            }
            let before = present.remove(&page.0).unwrap_or_default();
            let is_same =
                before.len() == after.len() && before.iter().all(|row| after.get(&row.locale) == Some(&row.path));
            if !is_same {
                moved.insert(page.0.clone(), after.clone());
                moves.push(Move { id: page.0.clone(), is_live: page.5, before, after });
            } else if page.5 {
                show(connection, &[&page.0])?;
            }
        }
        level = load_children(connection, &moved)?;
    }
    apply(connection, moves, id)
}

/// Notes that these pages are public under their present paths.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn show(connection: &mut Db, ids: &[&str]) -> QueryResult<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let of_pages = in_list(connection.dialect(), paths::item_id, ids);
    let unseen = paths::table.filter(of_pages).filter(paths::is_current.eq(true).and(paths::shown_at.eq(0)));
    diesel::update(unseen).set(paths::shown_at.eq(now())).execute(connection).map(drop)
}

/// Returns the present paths of pages by language, by the ids of the pages.
///
/// # Errors
///
/// Fails if the query fails.
pub fn load_current(connection: &mut Db, ids: &[&str]) -> QueryResult<HashMap<String, Paths>> {
    let rows = rows_of(connection, ids)?;
    let by_locale = |rows: Vec<PathRow>| rows.into_iter().map(|row| (row.locale, row.path)).collect();
    Ok(rows.into_iter().map(|(id, rows)| (id, by_locale(rows))).collect())
}

/// Returns the present paths of pages in one language, by the ids of the pages.
///
/// # Errors
///
/// Fails if the query fails.
pub fn current_in(connection: &mut Db, locale: &str, ids: &[&str]) -> QueryResult<HashMap<String, String>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, String)> = paths::table
        .filter(in_list(connection.dialect(), paths::item_id, ids))
        .filter(paths::locale.eq(locale).and(paths::is_current.eq(true)))
        .select((paths::item_id, paths::path))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Makes all paths of a page that was merged into another one lead to that one.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn lead_to(connection: &mut Db, from: &str, to: &str) -> QueryResult<()> {
    let shown: Vec<PathRow> = paths::table
        .filter(paths::item_id.eq(from).and(paths::shown_at.gt(0)))
        .select(PathRow::as_select())
        .load(connection)?;
    for row in shown {
        let is_known: Option<i64> =
            paths::table.find((&row.locale, &row.path, to)).select(paths::shown_at).first(connection).optional()?;
        if is_known.is_none() {
            let row = PathRow { item_id: to.to_owned(), is_current: false, ..row };
            diesel::insert_into(paths::table).values(row).execute(connection)?;
        }
    }
    Ok(())
}

/// Returns the former paths under which pages were public, with their languages, by the ids of the pages.
///
/// # Errors
///
/// Fails if the query fails.
pub fn load_former(connection: &mut Db, ids: &[String]) -> QueryResult<HashMap<String, Vec<(String, String)>>> {
    let rows: Vec<(String, String, String)> = paths::table
        .filter(in_list(connection.dialect(), paths::item_id, ids))
        .filter(paths::is_current.eq(false).and(paths::shown_at.gt(0)))
        .order((paths::item_id, paths::locale, paths::path))
        .select((paths::item_id, paths::locale, paths::path))
        .load(connection)?;
    let mut found: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for (id, locale, path) in rows {
        found.entry(id).or_default().push((locale, path));
    }
    Ok(found)
}

/// Makes a path lead to a page that was public under it in another installation.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn keep_former(connection: &mut Db, id: &str, (locale, path): (&str, &str)) -> QueryResult<()> {
    let place = paths::table.find((locale, path, id));
    let known: Option<i64> = place.select(paths::shown_at).first(connection).optional()?;
    if known.is_none() {
        let (locale, path, item_id) = (locale.to_owned(), path.to_owned(), id.to_owned());
        let row = PathRow { locale, path, item_id, is_current: false, shown_at: now() };
        diesel::insert_into(paths::table).values(row).execute(connection)?;
    }
    Ok(())
}

fn rows_of(connection: &mut Db, ids: &[&str]) -> QueryResult<HashMap<String, Vec<PathRow>>> {
    let mut found: HashMap<String, Vec<PathRow>> = HashMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let rows: Vec<PathRow> = paths::table
        .filter(in_list(connection.dialect(), paths::item_id, ids))
        .filter(paths::is_current.eq(true))
        .select(PathRow::as_select())
        .load(connection)?;
    for row in rows {
        found.entry(row.item_id.clone()).or_default().push(row);
    }
    Ok(found)
}

/// Returns the pages directly below those that moved, each with the new paths of its parent.
fn load_children(connection: &mut Db, moved: &HashMap<String, Paths>) -> QueryResult<Vec<(PageRow, Option<Paths>)>> {
    if moved.is_empty() {
        return Ok(Vec::new());
    }
    let dialect = connection.dialect();
    let columns = (items::id, items::parent_id, items::slug, items::translations, items::content, items::live);
    let pages: Vec<PageRow> = items::table
        .filter(in_list(dialect, items::parent_id, moved.keys()).and(in_list_unindexed(
            dialect,
            items::kind,
            [PAGE.kind],
        )))
        .select(columns)
        .load(connection)?;
    let with_above = |page: PageRow| {
        let above = page.1.as_ref().and_then(|parent| moved.get(parent)).cloned();
        (page, above)
    };
    Ok(pages.into_iter().map(with_above).collect())
}

/// Returns the paths that a page shall have. `above` has those of its parent, if it has one.
fn compute_paths(site: &Site, page: &PageRow, above: Option<&Paths>) -> Paths {
    let (_, _, slug, translations, content, _) = page;
    let content = parse_content(content);
    let is_home = content.get("role").and_then(Value::as_str) == Some(HOME);
    let translations = Translations::parse(translations);
    let path = |locale: &String| {
        let above = match above {
            Some(above) => above.get(locale)?.as_str(),
            None => "",
        };
        let own = segment(site, (slug, &translations, &content), locale);
        Some(match (is_home, above) {
            (true, _) => String::new(),
            (false, "") => own.to_owned(),
            (false, above) => format!("{above}/{own}"),
        })
    };
    site.locales.iter().filter_map(|locale| Some((locale.clone(), path(locale)?))).collect()
}

/// Returns the last segment of a page's path in a language: its segment or slug in the first language of the fallback chain
/// that has one and is public.
fn segment<'a>(
    site: &Site,
    (slug, translations, content): (&'a str, &'a Translations, &'a Map<String, Value>),
    locale: &str,
) -> &'a str {
    let segments = content.get(SEGMENT);
    let in_locale = |locale: &&str| {
        if translations.get(locale).hidden {
            return None;
        }
        let own = segments.and_then(|segments| segments.get(*locale)?.as_str());
        own.or_else(|| if *locale == site.default_locale() { Some(slug) } else { translations.slug(locale) })
    };
    site.fallback_chain(locale).iter().find_map(in_locale).unwrap_or(slug)
}

fn is_too_long(path: &str) -> bool {
    path.len() > MAX_PATH || path.split('/').count() > MAX_SEGMENTS
}

impl PathFault {
    /// Returns the id of the page that cannot have its path.
    pub fn item_id(&self) -> &str {
        match self {
            PathFault::Taken { item_id, .. } | PathFault::TooLong { item_id, .. } => item_id,
        }
    }
}

/// Writes the new paths: first all that go, then those that come, since a page may take the path of another that moves too.
/// Nothing is written if one of them is taken.
fn apply(connection: &mut Db, moves: Vec<Move>, id: &str) -> QueryResult<Result<Vec<String>, PathFault>> {
    let going = || moves.iter().flat_map(|moved| &moved.before);
    let left: HashSet<(&str, &str)> = going().map(|row| (&*row.locale, &*row.path)).collect();
    let mut seen = HashSet::new();
    let wanted = moves.iter().flat_map(|moved| moved.after.iter().map(|path| (&moved.id, path)));
    for (item_id, (locale, path)) in wanted {
        let held = paths::table
            .filter(paths::locale.eq(locale).and(paths::path.eq(path)).and(paths::is_current.eq(true)))
            .select(paths::item_id);
        let holder: Option<String> = match left.contains(&(&**locale, &**path)) {
            true => None,
            false => held.first(connection).optional()?,
        };
        if holder.is_some() || !seen.insert((locale, path)) {
            let holder: Option<(String, i64)> = items::table
                .filter(items::id.eq(holder.unwrap_or_default()))
                .select((items::slug, items::trashed_at))
                .first(connection)
                .optional()?;
            let holder = holder.map(|(slug, trashed_at)| (slug, trashed_at > 0));
            let (item_id, path, locale) = (item_id.clone(), path.clone(), locale.clone());
            return Ok(Err(PathFault::Taken { item_id, path, locale, holder }));
        }
    }
    for row in going() {
        let place = paths::table.find((&row.locale, &row.path, &row.item_id));
        match row.shown_at > 0 {
            true => diesel::update(place).set(paths::is_current.eq(false)).execute(connection)?,
            false => diesel::delete(place).execute(connection)?,
        };
    }
    let at = now();
    for moved in &moves {
        for (locale, path) in &moved.after {
            put(connection, moved, (locale, path), at)?;
        }
    }
    Ok(Ok(moves.into_iter().map(|moved| moved.id).filter(|moved| moved != id).collect()))
}

/// Gives a page a path, which it may have had before.
fn put(connection: &mut Db, moved: &Move, (locale, path): (&str, &str), at: i64) -> QueryResult<()> {
    let place = paths::table.find((locale, path, &moved.id));
    let known: Option<i64> = place.select(paths::shown_at).first(connection).optional()?;
    let shown_at = if moved.is_live { at } else { known.unwrap_or(0) };
    match known {
        Some(_) => {
            let change = (paths::is_current.eq(true), paths::shown_at.eq(shown_at));
            diesel::update(place).set(change).execute(connection).map(drop)
        }
        None => {
            let (locale, path, item_id) = (locale.to_owned(), path.to_owned(), moved.id.clone());
            let row = PathRow { locale, path, item_id, is_current: true, shown_at };
            diesel::insert_into(paths::table).values(row).execute(connection).map(drop)
        }
    }
}
