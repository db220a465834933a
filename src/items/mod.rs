//! Stored items: one table for all kinds of content and one for the links between them, with the queries
//! that both editing and delivery need.

pub mod if_match;
pub mod imported_versions;
pub mod other_names;
pub mod paths;
pub mod projection;
pub mod record_fields;
pub mod record_ids;
pub mod redirects;
pub mod render;
pub mod rerender;
pub mod rows;
pub mod side_tables;
pub mod site_texts;
pub mod sources;
pub mod store;
pub mod summary;
pub mod taken_slugs;
pub mod unsaved_site;
pub mod working_draft;

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::Bool;

use crate::content::slug::is_slug;
use crate::content::translations::Translations;
use crate::database::schema::{items, slugs};
use crate::database::statement::Term;
use crate::database::{Backend, Db, in_array, in_few, in_list, in_list_unindexed, in_pair_list};

pub use crate::content::slug::is_id;
pub use if_match::ExpectedVersions;
pub use rows::{Coordinates, Item, Link, Word, read_detail};

/// The value of `starts_at` and `ends_at` for items without a date; it sorts after every date.
pub const NO_DATE: i64 = i64::MAX;

/// The result of looking an item up by its id or slug.
#[derive(Debug)]
pub enum Lookup {
    /// The item, found by its id or by a current slug in any language.
    Found(Box<Item>),
    /// The slug is a former one; the item's current slug is this one.
    Moved(String),
    /// No item has or had this id or slug.
    Absent,
}

/// Returns the condition that an item is in review or scheduled.
///
/// The text must be that of the partial index on `items (kind, stage)`: a database uses a partial index only
/// if it recognises the index's own condition in the query, which it does not for a bound parameter.
pub fn is_staged() -> Term<Bool> {
    Term::new("items.stage <> 'draft'")
}

/// Returns whether a text has the form of an id or a slug. Other texts are answered without a query.
pub fn is_address(text: &str) -> bool {
    is_id(text) || is_slug(text)
}

/// The locale under which all current and former slugs are stored: slugs are unique across languages.
pub const ANY_LOCALE: &str = "";

/// Finds the item of a kind by its id, its current slug, its slug in another language, or a former slug.
///
/// A current slug in the default language is looked up in `items` first, which is the common case and one
/// query. Only then is `slugs` asked, which also knows former slugs: in this order a former slug can never
/// hide the item that has the slug now.
///
/// # Errors
///
/// Fails if a query fails.
pub fn find(connection: &mut Db, kind: &str, id_or_slug: &str) -> QueryResult<Lookup> {
    if !is_address(id_or_slug) {
        return Ok(Lookup::Absent);
    }
    let of_kind = items::table.filter(items::kind.eq(kind)).select(Item::as_select());
    let found = if is_id(id_or_slug) {
        of_kind.filter(items::id.eq(id_or_slug.to_ascii_lowercase())).first(connection).optional()?
    } else {
        of_kind.filter(items::slug.eq(id_or_slug)).first(connection).optional()?
    };
    if let Some(item) = found {
        return Ok(Lookup::Found(Box::new(item)));
    }
    match find_elsewhere(connection, kind, id_or_slug)? {
        None => Ok(Lookup::Absent),
        Some(SlugTarget::Moved(slug)) => Ok(Lookup::Moved(slug)),
        Some(SlugTarget::Language(id, _)) => {
            let item = items::table.find(id).select(Item::as_select()).first(connection)?;
            Ok(Lookup::Found(Box::new(item)))
        }
    }
}

/// The target of a slug that is no item's current slug in the default language.
#[derive(Debug)]
pub enum SlugTarget {
    /// The id of the item that has the slug in another language, and whether visitors see that language.
    Language(String, bool),
    /// The current slug of the item that had this slug before.
    Moved(String),
}

/// Looks a slug up among the slugs in other languages and the former ones, or an id among those of merged items.
///
/// # Errors
///
/// Fails if the query fails.
pub fn find_elsewhere(connection: &mut Db, kind: &str, slug: &str) -> QueryResult<Option<SlugTarget>> {
    // Ids of merged items are among the slugs, in lower case.
    let slug = slug.to_ascii_lowercase();
    let found: Option<(String, String, String)> = slugs::table
        .inner_join(items::table.on(items::id.eq(slugs::item_id)))
        .filter(slugs::kind.eq(kind).and(slugs::locale.eq(ANY_LOCALE)).and(slugs::slug.eq(&slug)))
        .filter(items::slug.ne(&slug))
        .select((items::id, items::slug, items::translations))
        .first(connection)
        .optional()?;
    Ok(found.map(|(id, now, translations)| {
        let translations = Translations::parse(&translations);
        match translations.has_slug(&slug) {
            true => SlugTarget::Language(id, translations.shows_slug(&slug)),
            false => SlugTarget::Moved(now),
        }
    }))
}

/// The set of items in which a look-up searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemScope {
    /// Items that are visible to the public.
    Live,
    /// Items that are not in the trash.
    Present,
    /// All items, including those in the trash.
    All,
}

/// The target of a reference, as far as the referring item needs it.
#[derive(Debug, Clone)]
pub struct ReferenceTarget {
    pub id: String,
    /// Whether the item is visible to the public.
    pub live: bool,
    /// Whether the item is visible in all its languages, so that editors and the public see the same of it.
    pub open: bool,
    /// The JSON fragment with which referring items show this one.
    pub reference: String,
}

impl ReferenceTarget {
    /// Returns the target of references to an item that is not stored yet.
    pub fn of_new(id: &str) -> Self {
        Self { id: id.to_owned(), live: false, open: false, reference: String::new() }
    }
}

/// The items that were found for references, by kind and by the id or slug as it was given.
#[derive(Debug, Default)]
pub struct FoundTargets(HashMap<String, HashMap<String, ReferenceTarget>>);

impl FoundTargets {
    /// Returns the item of a reference, if it was found.
    pub fn get(&self, kind: &str, given: &str) -> Option<&ReferenceTarget> {
        self.0.get(kind)?.get(given)
    }

    /// Adds the item of a reference.
    pub fn insert(&mut self, kind: &str, given: &str, target: ReferenceTarget) {
        match self.0.get_mut(kind) {
            Some(of_kind) => drop(of_kind.insert(given.to_owned(), target)),
            None => drop(self.0.insert(kind.to_owned(), HashMap::from([(given.to_owned(), target)]))),
        }
    }

    /// Adds those that were found for other references.
    pub fn extend(&mut self, other: FoundTargets) {
        for (kind, targets) in other.0 {
            self.0.entry(kind).or_default().extend(targets);
        }
    }

    /// Returns all items, each once for each text by which it was given.
    pub fn iter(&self) -> impl Iterator<Item = &ReferenceTarget> {
        self.0.values().flat_map(HashMap::values)
    }
}

/// What a write knows of an item's references, so that the response need not read it again.
#[derive(Debug, Clone, Default)]
pub struct KnownReferences {
    /// The targets by id, as far as they were looked up.
    pub targets: HashMap<String, ReferenceTarget>,
    /// The links; none if they must be computed from the content.
    pub links: Option<Vec<Link>>,
}

/// The columns read for a [`ReferenceTarget`]: kind, slug, id, visibility, reference fragment, translation states.
type NamedRow = (String, String, String, bool, String, String);

/// Splits a row into the kind and slug by which a reference may name it, and the [`ReferenceTarget`].
fn split_named((kind, slug, id, live, reference, translations): NamedRow) -> (String, String, ReferenceTarget) {
    (kind, slug, ReferenceTarget { id, live, open: rows::is_open(live, &translations), reference })
}

/// Looks up items that are given by kind and id or slug, with one query for all ids and one for all slugs.
/// Items that do not exist are left out. A former slug, and the slug or id of an item that was merged into another one,
/// stand for the item to which they lead; they are looked up, with one more query, only if something is not found.
///
/// # Errors
///
/// Fails if a query fails.
pub fn resolve(connection: &mut Db, given: &[(&str, &str)], among: ItemScope) -> QueryResult<FoundTargets> {
    let (ids, by_slug) = split(given.iter().copied(), |(_, text)| text);
    let mut found = FoundTargets::default();
    if !ids.is_empty() {
        // The texts by which each item is given: its id in lower or upper case, perhaps several times.
        let mut wanted: HashMap<(&str, String), HashSet<&str>> = HashMap::with_capacity(ids.len());
        for (kind, given) in &ids {
            wanted.entry((*kind, given.to_ascii_lowercase())).or_default().insert(given);
        }
        let mut these: Vec<&str> = wanted.keys().map(|(_, id)| id.as_str()).collect();
        these.sort_unstable();
        for (kind, _, target) in rows_by_id(connection, among, &these)?.into_iter().map(split_named) {
            for given in wanted.get(&(kind.as_str(), target.id.clone())).into_iter().flatten() {
                found.insert(&kind, given, target.clone());
            }
        }
    }
    if !by_slug.is_empty() {
        for (kind, slug, target) in rows_by_slug(connection, among, &by_slug)?.into_iter().map(split_named) {
            found.insert(&kind, &slug, target);
        }
    }
    let is_missing = |one: &&(&str, &str)| is_address(one.1) && found.get(one.0, one.1).is_none();
    let missing: Vec<(&str, &str)> = given.iter().filter(is_missing).copied().collect();
    if !missing.is_empty() && among != ItemScope::All {
        let (kinds, names): (Vec<&str>, Vec<&str>) = missing.iter().copied().unzip();
        let elsewhere = other_names::lookup(connection, &kinds, &names, among)?;
        for (kind, given) in missing {
            if let Some(other) = elsewhere.iter().find(|one| one.kind == kind && one.name.eq_ignore_ascii_case(given)) {
                found.insert(kind, given, other.target.clone());
            }
        }
    }
    Ok(found)
}

/// The columns of a [`NamedRow`].
const REFERENCE_COLUMNS: (items::kind, items::slug, items::id, items::live, items::reference, items::translations) =
    (items::kind, items::slug, items::id, items::live, items::reference, items::translations);

/// Number of ids up to which the query has a fixed text, since composing the text takes longer than running the query.
const FEW: usize = 8;

/// Returns the rows of items that are given by their ids, at least one.
fn rows_by_id(connection: &mut Db, among: ItemScope, ids: &[&str]) -> QueryResult<Vec<NamedRow>> {
    let dialect = connection.dialect();
    if among == ItemScope::Present && ids.len() <= FEW {
        // The last one is repeated.
        let these: [&str; FEW] = std::array::from_fn(|index| ids[index.min(ids.len() - 1)]);
        let these = items::trashed_at.eq(0).and(in_array(dialect, items::id, these));
        return items::table.filter(these).select(REFERENCE_COLUMNS).load(connection);
    }
    items_in_scope(among).filter(in_few(dialect, items::id, ids)).select(REFERENCE_COLUMNS).load(connection)
}

/// Returns the rows of items that are given by kind and slug.
fn rows_by_slug(connection: &mut Db, among: ItemScope, given: &[(&str, &str)]) -> QueryResult<Vec<NamedRow>> {
    if let (ItemScope::Present, [(kind, slug)]) = (among, given) {
        let this = items::kind.eq(*kind).and(items::slug.eq(*slug));
        return items::table.filter(items::trashed_at.eq(0).and(this)).select(REFERENCE_COLUMNS).load(connection);
    }
    let these = in_pair_list(connection.dialect(), (items::kind, items::slug), given.iter().copied());
    items_in_scope(among).filter(these).select(REFERENCE_COLUMNS).load(connection)
}

/// Looks up the ids of items of one kind that are given by id or slug. Each result pairs the id or slug that
/// was given, ids in lower case, with the id; items that do not exist are left out. As [`resolve`] does, it follows names
/// that are not found to the items to which they lead.
///
/// # Errors
///
/// Fails if a query fails.
pub fn ids_of(connection: &mut Db, kind: &str, given: &[&str], among: ItemScope) -> QueryResult<Vec<(String, String)>> {
    let (ids, by_slug) = split(given.iter().copied(), |text| text);
    let dialect = connection.dialect();
    let mut found = Vec::new();
    if !ids.is_empty() {
        let wanted: Vec<String> = ids.iter().map(|id| id.to_ascii_lowercase()).collect();
        // The kind only filters the few rows that the ids select: without statistics, a planner would rather
        // walk an index of all items of the kind.
        let rows = items_in_scope(among).filter(in_list_unindexed(dialect, items::kind, [kind]));
        let rows = rows.filter(in_list(dialect, items::id, &wanted)).select(items::id).load::<String>(connection)?;
        found.extend(rows.into_iter().map(|id| (id.clone(), id)));
    }
    if !by_slug.is_empty() {
        let rows = items_in_scope(among).filter(items::kind.eq(kind)).filter(in_list(dialect, items::slug, &by_slug));
        found.extend(rows.select((items::slug, items::id)).load::<(String, String)>(connection)?);
    }
    let is_missing =
        |name: &&&str| is_address(name) && !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let missing: Vec<&str> = given.iter().filter(is_missing).copied().collect();
    if !missing.is_empty() && among != ItemScope::All {
        let elsewhere = other_names::lookup(connection, &[kind], &missing, among)?;
        found.extend(elsewhere.into_iter().map(|other| (other.name, other.target.id)));
    }
    Ok(found)
}

/// Separates ids from slugs and drops texts that are neither.
fn split<'a, T: Copy>(given: impl Iterator<Item = T>, text: impl Fn(T) -> &'a str) -> (Vec<T>, Vec<T>) {
    given.filter(|one| is_address(text(*one))).partition(|one| is_id(text(*one)))
}

/// Returns the query for the items of a set.
fn items_in_scope(among: ItemScope) -> items::BoxedQuery<'static, Backend> {
    match among {
        ItemScope::Live => items::table.filter(items::live.eq(true)).into_boxed(),
        ItemScope::Present => items::table.filter(items::trashed_at.eq(0)).into_boxed(),
        ItemScope::All => items::table.into_boxed(),
    }
}
