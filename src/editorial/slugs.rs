//! Slugs: unique within a kind, across all languages, since a URL without a language must not be ambiguous.
//!
//! The table `slugs` holds every slug that leads to an item: current ones, those of other languages, and
//! former ones, which redirect until another item asks for them. Under a second locale, `draft`, it holds the
//! slugs that working drafts have reserved.

use std::collections::{BTreeMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::content::slug::{MAX_SLUG, from_title};
use crate::content::translations::Translations;
use crate::content::violation::{Violation, Violations};
use crate::database::insert::stored_row;
use crate::database::schema::{items, slugs};
use crate::database::{Db, in_few, in_list};
use crate::items::{ANY_LOCALE, Item};
use crate::problem::{Problem, ProblemKind};

/// The locale under which the slugs of working drafts are reserved. Look-ups for readers do not ask for it: a
/// redirect from a reserved slug would reveal an unpublished change to the public.
const RESERVED: &str = "draft";

/// The slugs that a request sets, by locale; `None` removes the slug of a locale.
pub type SlugsByLocale = BTreeMap<String, Option<String>>;

/// Returns a slug for an item that requests none: one made from its title, with a number or a part of the id
/// if `is_free` says that it is not free.
///
/// A requested slug may be one that another item had formerly; a slug made from a title may not, so that no
/// redirect is taken over by accident.
///
/// # Errors
///
/// Fails as `is_free` does.
pub fn choose(
    kind: &str,
    item_id: &str,
    title: &str,
    mut is_free: impl FnMut(&str) -> QueryResult<bool>,
) -> QueryResult<String> {
    let base = match from_title(title) {
        empty if empty.is_empty() => format!("{}-{}", kind.replace('_', "-"), &item_id[24..]),
        made => made,
    };
    if is_free(&base)? {
        return Ok(base);
    }
    for number in 2..=50 {
        let next = numbered(&base, &number.to_string());
        if is_free(&next)? {
            return Ok(next);
        }
    }
    Ok(numbered(&base, &item_id[24..]))
}

/// Returns those of these slugs that an item of the kind has or had, or has reserved.
///
/// # Errors
///
/// Fails if the query fails.
pub fn held(connection: &mut Db, kind: &str, wanted: &[String]) -> QueryResult<HashSet<String>> {
    let rows: Vec<String> = slugs::table
        .filter(slugs::kind.eq(kind).and(in_list(connection.dialect(), slugs::slug, wanted)))
        .filter(in_few(connection.dialect(), slugs::locale, &[ANY_LOCALE, RESERVED]))
        .select(slugs::slug)
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// A row of `slugs`.
#[derive(Debug)]
pub struct SlugRow {
    kind: &'static str,
    locale: &'static str,
    slug: String,
    item_id: String,
}

stored_row!(SlugRow, slugs, {
    kind: Text,
    locale: Text,
    slug: Text,
    item_id: Text,
});

impl SlugRow {
    /// Returns the row by which a slug that no item has or had leads to an item.
    pub fn new(kind: &'static str, item: &Item) -> Self {
        Self { kind, locale: ANY_LOCALE, slug: item.slug.clone(), item_id: item.id.clone() }
    }
}

/// Makes a slug lead to an item, also after the item gets another slug, until another item asks for it. A
/// former slug of another item changes hands.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn keep(connection: &mut Db, kind: &str, item_id: &str, slug: &str) -> QueryResult<()> {
    let place = slugs::table.find((kind, ANY_LOCALE, slug));
    let holder: Option<String> = place.select(slugs::item_id).first(connection).optional()?;
    match holder {
        Some(holder) if holder == item_id => Ok(()),
        Some(_) => diesel::update(place).set(slugs::item_id.eq(item_id)).execute(connection).map(drop),
        None => note(connection, kind, item_id, slug),
    }
}

/// Makes a slug that no item has or had lead to an item.
fn note(connection: &mut Db, kind: &str, item_id: &str, slug: &str) -> QueryResult<()> {
    let columns =
        (slugs::kind.eq(kind), slugs::locale.eq(ANY_LOCALE), slugs::slug.eq(slug), slugs::item_id.eq(item_id));
    diesel::insert_into(slugs::table).values(columns).execute(connection).map(drop)
}

/// Gives an item a slug, in a locale or in the default one. The caller must save the item's row. The slug
/// that the item had stays in `slugs` and becomes a redirect.
///
/// # Errors
///
/// Fails with `Conflict` if the slug is taken, and if a statement fails.
pub fn assign(connection: &mut Db, item: &mut Item, locale: Option<&str>, requested: &str) -> Result<(), Problem> {
    let mut translations = item.translations();
    let present = match locale {
        Some(locale) => translations.slug(locale),
        None => Some(item.slug.as_str()),
    };
    if present == Some(requested) {
        return Ok(());
    }
    require_free(connection, &item.kind, &item.id, requested)?;
    keep(connection, &item.kind, &item.id, requested)?;
    match locale {
        Some(locale) => {
            translations.set(locale, |state| state.slug = Some(requested.to_owned()));
            item.translations = translations.stored();
        }
        None => requested.clone_into(&mut item.slug),
    }
    Ok(())
}

/// Gives an item the requested slugs of several locales, in its row only: the caller must save it, and then call
/// [`keep_all`]. `require_free` refuses a slug that the item cannot have, as [`require_free`] does.
///
/// # Errors
///
/// Fails with `Conflict`, which names each slug that is taken, and otherwise as `require_free` does.
pub fn assign_all(
    item: &mut Item,
    default_locale: &str,
    requested: &SlugsByLocale,
    mut require_free: impl FnMut(&Item, &str) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut faults = Violations::new();
    let mut translations = item.translations();
    for (locale, slug) in requested {
        if let Some(slug) = slug {
            match require_free(item, slug) {
                Err(problem) if problem.kind == ProblemKind::Conflict => {
                    let message = problem.errors.into_iter().next().map_or(problem.detail, |fault| fault.message);
                    faults.add(format!("/slugs/{locale}"), "taken", message);
                }
                outcome => outcome?,
            }
        }
        match slug {
            Some(slug) if locale == default_locale => item.slug.clone_from(slug),
            _ => translations.set(locale, |state| state.slug.clone_from(slug)),
        }
    }
    item.translations = translations.stored();
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Problem::new(ProblemKind::Conflict, "slugs are taken").with(faults.into_vec())),
    }
}

/// Makes the slugs of several locales lead to an item that is stored.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn keep_all(connection: &mut Db, item: &Item, requested: &SlugsByLocale) -> QueryResult<()> {
    requested.values().flatten().try_for_each(|slug| keep(connection, &item.kind, &item.id, slug))
}

/// Refuses a slug that another item of the kind has in any language, or that is reserved for the working
/// draft of another item. A former slug of another item is free. Returns whether no other item ever had it.
///
/// # Errors
///
/// Fails with `Conflict` if the slug is taken, and if the query fails.
pub fn require_free(connection: &mut Db, kind: &str, item_id: &str, slug: &str) -> Result<bool, Problem> {
    let rows: Vec<(String, String, String, String, i64)> = slugs::table
        .inner_join(items::table.on(items::id.eq(slugs::item_id)))
        .filter(slugs::kind.eq(kind).and(slugs::slug.eq(slug)).and(slugs::item_id.ne(item_id)))
        .filter(in_few(connection.dialect(), slugs::locale, &[ANY_LOCALE, RESERVED]))
        .select((slugs::locale, items::slug, items::translations, items::label, items::trashed_at))
        .load(connection)?;
    let holder = rows.iter().find(|(locale, own, translations, ..)| {
        locale == RESERVED || own == slug || Translations::parse(translations).has_slug(slug)
    });
    match holder {
        Some((_, _, _, label, trashed_at)) => {
            let place = if *trashed_at > 0 { ", which is in the trash," } else { "" };
            Err(taken_by(slug, &format!("\"{label}\"{place}")))
        }
        None => Ok(rows.is_empty()),
    }
}

/// Returns whether no item of the kind has or had the slug, and none has reserved it.
///
/// # Errors
///
/// Fails if the query fails.
pub fn is_free(connection: &mut Db, kind: &str, slug: &str) -> QueryResult<bool> {
    let held: Option<String> = slugs::table
        .filter(slugs::kind.eq(kind).and(slugs::slug.eq(slug)))
        .filter(in_few(connection.dialect(), slugs::locale, &[ANY_LOCALE, RESERVED]))
        .select(slugs::item_id)
        .first(connection)
        .optional()?;
    Ok(held.is_none())
}

/// Reserves the slug of an item's working draft, in place of the one that it had reserved before. The item's
/// own slug needs no reservation.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn reserve(connection: &mut Db, item: &Item, slug: &str) -> QueryResult<()> {
    release(connection, &item.id)?;
    if item.slug == slug {
        return Ok(());
    }
    let columns =
        (slugs::kind.eq(&item.kind), slugs::locale.eq(RESERVED), slugs::slug.eq(slug), slugs::item_id.eq(&item.id));
    diesel::insert_into(slugs::table).values(columns).execute(connection).map(drop)
}

/// Releases the slug that the working draft of an item has reserved.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn release(connection: &mut Db, item_id: &str) -> QueryResult<()> {
    let reserved = slugs::table.filter(slugs::item_id.eq(item_id).and(slugs::locale.eq(RESERVED)));
    diesel::delete(reserved).execute(connection).map(drop)
}

/// Appends a number to a slug, which is shortened so that the result is no longer than a slug may be.
fn numbered(base: &str, number: &str) -> String {
    let room = MAX_SLUG - number.len() - 1;
    let cut = base.get(..room).unwrap_or(base).trim_end_matches('-');
    format!("{cut}-{number}")
}

/// Returns the problem of a requested slug that another item has.
pub fn taken(slug: &str) -> Problem {
    taken_by(slug, "another item")
}

fn taken_by(slug: &str, holder: &str) -> Problem {
    let mut faults = Violations::new();
    faults.add("/slug", "taken", format!("{holder} has the slug \"{slug}\""));
    let errors: Vec<Violation> = faults.into_vec();
    Problem::new(ProblemKind::Conflict, format!("the slug \"{slug}\" is taken")).with(errors)
}
