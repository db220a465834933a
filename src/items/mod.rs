//! Items as they are stored: one table for all kinds of content, one for the ties between them.
//! The queries that both editing and delivery need.

mod expected;
pub mod rows;

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::Bool;

use crate::content::slug::is_slug;
use crate::content::translations::Translations;
use crate::database::schema::{items, slugs};
use crate::database::statement::Term;
use crate::database::{Backend, Db, any_of, any_pair_of, by_the_way};

pub use crate::content::slug::is_id;
pub use expected::Expected;
pub use rows::{Item, Link, Place, Word};

/// `starts_at` and `ends_at` of items without a date: after everything else.
pub const NO_DATE: i64 = i64::MAX;

/// What came of looking for an item by its address.
#[derive(Debug)]
pub enum Found {
    /// There it is.
    Here(Box<Item>),
    /// It has another slug now.
    Moved(String),
    /// There is none.
    Nowhere,
}

/// At another stage than draft, in the words of the index that has only such items.
pub fn staged() -> Term<Bool> {
    Term::new("items.stage <> 'draft'")
}

/// Whether a text may be an id or a slug at all; what cannot is not asked of the database.
pub fn is_address(text: &str) -> bool {
    is_id(text) || is_slug(text)
}

/// The locale under which slugs stand: they are unique across languages.
pub const ANY_LOCALE: &str = "";

/// The item of this kind with this id, or else this current or old slug.
pub fn find(connection: &mut Db, kind: &str, id_or_slug: &str) -> QueryResult<Found> {
    if !is_address(id_or_slug) {
        return Ok(Found::Nowhere);
    }
    let of_kind = items::table.filter(items::kind.eq(kind)).select(Item::as_select());
    let found = if is_id(id_or_slug) {
        of_kind.filter(items::id.eq(id_or_slug.to_ascii_lowercase())).first(connection).optional()?
    } else {
        of_kind.filter(items::slug.eq(id_or_slug)).first(connection).optional()?
    };
    if let Some(item) = found {
        return Ok(Found::Here(Box::new(item)));
    }
    match elsewhere(connection, kind, id_or_slug)? {
        None => Ok(Found::Nowhere),
        Some(Elsewhere::Moved(slug)) => Ok(Found::Moved(slug)),
        Some(Elsewhere::Language(id)) => {
            let item = items::table.find(id).select(Item::as_select()).first(connection)?;
            Ok(Found::Here(Box::new(item)))
        }
    }
}

/// Where a slug leads that is no item's slug in the default language.
#[derive(Debug)]
pub enum Elsewhere {
    /// To the item with this id, of which it is the slug in another language.
    Language(String),
    /// To the item that has this slug now.
    Moved(String),
}

/// Looks for a slug among those of other languages and old ones.
pub fn elsewhere(connection: &mut Db, kind: &str, slug: &str) -> QueryResult<Option<Elsewhere>> {
    let found: Option<(String, String, String)> = slugs::table
        .inner_join(items::table.on(items::id.eq(slugs::item_id)))
        .filter(slugs::kind.eq(kind).and(slugs::locale.eq(ANY_LOCALE)).and(slugs::slug.eq(slug)))
        .filter(items::slug.ne(slug))
        .select((items::id, items::slug, items::translations))
        .first(connection)
        .optional()?;
    Ok(found.map(|(id, now, translations)| match Translations::parse(&translations).has_slug(slug) {
        true => Elsewhere::Language(id),
        false => Elsewhere::Moved(now),
    }))
}

/// Which items exist for a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// Those that the public sees.
    Live,
    /// Those that are not in the trash.
    Present,
    /// All, those in the trash as well.
    All,
}

/// An item that was named.
#[derive(Debug, Clone)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Whether the public sees it.
    pub live: bool,
    /// Whether it does so in all its languages, so that editors see no more of it.
    pub open: bool,
    /// How items show it that refer to it.
    pub reference: String,
}

/// What is read of an item that was named: kind, slug, id, whether it is live, reference, state of its languages.
type NamedRow = (String, String, String, bool, String, String);

/// The kind and the slug of what was read, and the rest.
fn named((kind, slug, id, live, reference, translations): NamedRow) -> ((String, String), Named) {
    ((kind, slug), Named { id, live, open: rows::is_open(live, &translations), reference })
}

/// The items that were named by a kind and an id or slug: one query for all ids and one for all slugs.
pub fn resolve(
    connection: &mut Db,
    given: &[(&str, &str)],
    among: Among,
) -> QueryResult<HashMap<(String, String), Named>> {
    let (ids, by_slug) = split(given.iter().copied(), |(_, text)| text);
    let dialect = connection.dialect();
    let columns = (items::kind, items::slug, items::id, items::live, items::reference, items::translations);
    let mut found = HashMap::new();
    if !ids.is_empty() {
        let wanted: Vec<(&str, String)> = ids.iter().map(|(kind, id)| (*kind, id.to_ascii_lowercase())).collect();
        let rows = present(among).filter(any_of(dialect, items::id, wanted.iter().map(|(_, id)| id))).select(columns);
        for ((kind, _), named) in rows.load::<NamedRow>(connection)?.into_iter().map(named) {
            let is_it = |wanted: &(&str, String)| wanted.0 == kind && wanted.1 == named.id;
            for ((_, given), _) in ids.iter().zip(&wanted).filter(|(_, wanted)| is_it(wanted)) {
                found.insert((kind.clone(), (*given).to_owned()), named.clone());
            }
        }
    }
    if !by_slug.is_empty() {
        let these = any_pair_of(dialect, (items::kind, items::slug), by_slug);
        let rows = present(among).filter(these).select(columns).load::<NamedRow>(connection)?;
        found.extend(rows.into_iter().map(named));
    }
    Ok(found)
}

/// The ids of the items of a kind that were named by ids or slugs, each with what was given.
pub fn ids_of(connection: &mut Db, kind: &str, given: &[&str], among: Among) -> QueryResult<Vec<(String, String)>> {
    let (ids, by_slug) = split(given.iter().copied(), |text| text);
    let dialect = connection.dialect();
    let mut found = Vec::new();
    if !ids.is_empty() {
        let wanted: Vec<String> = ids.iter().map(|id| id.to_ascii_lowercase()).collect();
        let rows = present(among).filter(by_the_way(dialect, items::kind, [kind]));
        let rows = rows.filter(any_of(dialect, items::id, &wanted)).select(items::id).load::<String>(connection)?;
        found.extend(rows.into_iter().map(|id| (id.clone(), id)));
    }
    if !by_slug.is_empty() {
        let rows = present(among).filter(items::kind.eq(kind)).filter(any_of(dialect, items::slug, &by_slug));
        found.extend(rows.select((items::slug, items::id)).load::<(String, String)>(connection)?);
    }
    Ok(found)
}

/// Ids, and slugs; without what is neither.
fn split<'a, T: Copy>(given: impl Iterator<Item = T>, text: impl Fn(T) -> &'a str) -> (Vec<T>, Vec<T>) {
    given.filter(|one| is_address(text(*one))).partition(|one| is_id(text(*one)))
}

/// The items among which to look.
fn present(among: Among) -> items::BoxedQuery<'static, Backend> {
    match among {
        Among::Live => items::table.filter(items::live.eq(true)).into_boxed(),
        Among::Present => items::table.filter(items::trashed_at.eq(0)).into_boxed(),
        Among::All => items::table.into_boxed(),
    }
}
