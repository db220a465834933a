//! Slugs: unique within a kind, across all languages, since a URL without a language must not be ambiguous.
//!
//! The table `slugs` holds every slug that leads to an item: current ones, those of other languages, and
//! former ones that the public saw, which redirect until another item that is public has them ([`PresentSlugs`]). Under a second
//! locale, `draft`, it holds the slugs that working drafts have reserved.

use std::collections::{BTreeMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use crate::content::slug::{MAX_SLUG, from_title};
use crate::content::translations::Translations;
use crate::content::violation::{Violation, Violations};
use crate::content_types::ContentType;
use crate::database::insert::stored_row;
use crate::database::schema::{items, slugs};
use crate::database::{Db, in_array, in_few, in_list};
use crate::items::{ANY_LOCALE, Item, taken_slugs};
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
/// redirect is taken over by accident. A word that stands in other addresses at the place of a slug is not free.
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
    let content_type = ContentType::of_kind(kind);
    let mut is_free = |slug: &str| match content_type {
        Some(of) if !of.allows_slug(slug) => Ok(false),
        _ => is_free(slug),
    };
    let base = match from_title(title) {
        empty if empty.is_empty() => format!("{}-{}", kind.replace('_', "-"), &item_id[24..]),
        made => made,
    };
    if is_free(&base)? {
        return Ok(base);
    }
    for number in 2..=50 {
        let next = append_number(&base, &number.to_string());
        if is_free(&next)? {
            return Ok(next);
        }
    }
    Ok(append_number(&base, &item_id[24..]))
}

/// Returns those of these slugs that an item of the kind has or had, or has reserved.
///
/// # Errors
///
/// Fails if the query fails.
pub fn find_held(connection: &mut Db, kind: &str, wanted: &[String]) -> QueryResult<HashSet<String>> {
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
    was_shown: bool,
}

stored_row!(SlugRow, slugs, {
    kind: Text,
    locale: Text,
    slug: Text,
    item_id: Text,
    was_shown: Bool,
});

impl SlugRow {
    /// Returns the row by which a slug that no item has or had leads to an item.
    pub fn new(kind: &'static str, item: &Item) -> Self {
        Self { kind, locale: ANY_LOCALE, slug: item.slug.clone(), item_id: item.id.clone(), was_shown: false }
    }
}

/// Makes a slug lead to an item. A former slug of another item changes hands: what the public saw under it was the other one,
/// to which it leads until the item is public ([`taken_slugs`]).
///
/// # Errors
///
/// Fails if a statement fails.
pub fn keep(connection: &mut Db, kind: &str, item_id: &str, slug: &str) -> QueryResult<()> {
    let place = slugs::table.find((kind, ANY_LOCALE, slug));
    let holder: Option<(String, bool)> =
        place.select((slugs::item_id, slugs::was_shown)).first(connection).optional()?;
    match holder {
        Some((holder, _)) if holder == item_id => Ok(()),
        Some((holder, was_shown)) => {
            if was_shown {
                taken_slugs::note(connection, (kind, slug), &holder)?;
            }
            let had_it = taken_slugs::forget(connection, (kind, slug), item_id)?;
            let change = (slugs::item_id.eq(item_id), slugs::was_shown.eq(had_it));
            diesel::update(place).set(change).execute(connection).map(drop)
        }
        None => insert(connection, (kind, ANY_LOCALE, slug), item_id),
    }
}

fn insert(connection: &mut Db, (kind, locale, slug): (&str, &str, &str), item_id: &str) -> QueryResult<()> {
    // Previews insert into a view, for which the database knows no defaults.
    let row = (
        slugs::kind.eq(kind),
        slugs::locale.eq(locale),
        slugs::slug.eq(slug),
        slugs::item_id.eq(item_id),
        slugs::was_shown.eq(false),
    );
    diesel::insert_into(slugs::table).values(row).execute(connection).map(drop)
}

/// Gives an item a slug, in a locale or in the default one. The caller must save the item's row, and settle what becomes
/// of the slug that the item had ([`PresentSlugs`]).
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
            item.translations = translations.to_json();
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
    item.translations = translations.to_json();
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Problem::new(ProblemKind::Conflict, "slugs are taken").with_violations(faults.into_vec())),
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
        .filter(in_array(connection.dialect(), slugs::locale, [ANY_LOCALE, RESERVED]))
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

/// Returns whether a slug is reserved for the working draft of another item of the kind.
///
/// # Errors
///
/// Fails if the query fails.
pub fn is_reserved(connection: &mut Db, kind: &str, item_id: &str, slug: &str) -> QueryResult<bool> {
    let holder: Option<String> =
        slugs::table.find((kind, RESERVED, slug)).select(slugs::item_id).first(connection).optional()?;
    Ok(holder.is_some_and(|holder| holder != item_id))
}

/// Returns whether no item of the kind has or had the slug, and none has reserved it.
///
/// # Errors
///
/// Fails if the query fails.
pub fn is_free(connection: &mut Db, kind: &str, slug: &str) -> QueryResult<bool> {
    let held: Option<String> = slugs::table
        .filter(slugs::kind.eq(kind).and(slugs::slug.eq(slug)))
        .filter(in_array(connection.dialect(), slugs::locale, [ANY_LOCALE, RESERVED]))
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
    insert(connection, (&item.kind, RESERVED, slug), &item.id)
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

/// The slugs that an item has, in all languages, each with whether the public sees it.
#[derive(Debug)]
pub struct PresentSlugs(Vec<(String, bool)>);

impl PresentSlugs {
    /// Returns the slugs of an item.
    pub fn of(item: &Item) -> Self {
        Self::of_row(item.live, &item.slug, &item.translations())
    }

    fn of_row(is_live: bool, slug: &str, translations: &Translations) -> Self {
        let in_locale = |(locale, slug): (&str, &str)| (slug.to_owned(), is_live && !translations.get(locale).hidden);
        let own = std::iter::once((slug.to_owned(), is_live));
        Self(own.chain(translations.slugs().map(in_locale)).collect())
    }

    /// Settles what becomes of the slugs that the item has no more: those that the public saw lead to it, the others lead to
    /// the items that had them before, or are free.
    ///
    /// # Errors
    ///
    /// Fails if a statement fails.
    pub fn settle(&self, connection: &mut Db, now: &Item) -> QueryResult<()> {
        let kept = Self::of(now);
        let is_kept = |slug: &str| kept.0.iter().any(|(known, _)| known == slug);
        let gone: Vec<&(String, bool)> = self.0.iter().filter(|(slug, _)| !is_kept(slug)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        self.note_shown(connection, &now.kind)?;
        let gone: Vec<String> = gone.into_iter().map(|(slug, _)| slug.clone()).collect();
        let these = in_few(connection.dialect(), slugs::slug, &gone);
        let own = slugs::kind.eq(&now.kind).and(slugs::locale.eq(ANY_LOCALE)).and(slugs::item_id.eq(&now.id));
        let unseen = slugs::table.filter(own.and(these)).filter(slugs::was_shown.eq(false));
        diesel::delete(unseen).execute(connection)?;
        taken_slugs::hand_back(connection, &now.kind, &gone)
    }

    /// Notes which of the slugs the public sees, before it sees them no more.
    ///
    /// # Errors
    ///
    /// Fails if the statement fails.
    pub fn note_shown(&self, connection: &mut Db, kind: &str) -> QueryResult<()> {
        let shown: Vec<&String> = self.0.iter().filter(|(_, is_shown)| *is_shown).map(|(slug, _)| slug).collect();
        if shown.is_empty() {
            return Ok(());
        }
        let own = slugs::kind.eq(kind).and(slugs::locale.eq(ANY_LOCALE));
        let these = slugs::table.filter(own.and(in_list(connection.dialect(), slugs::slug, shown)));
        diesel::update(these.filter(slugs::was_shown.eq(false)))
            .set(slugs::was_shown.eq(true))
            .execute(connection)
            .map(drop)
    }
}

/// Notes which slugs of items, which are of one kind, the public sees, before it sees the items no more.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn note_shown(connection: &mut Db, kind: &str, ids: &[String]) -> QueryResult<()> {
    let these = in_list(connection.dialect(), items::id, ids);
    let rows: Vec<(bool, String, String)> =
        items::table.filter(these).select((items::live, items::slug, items::translations)).load(connection)?;
    let of_row = |(is_live, slug, translations): (bool, String, String)| {
        PresentSlugs::of_row(is_live, &slug, &Translations::parse(&translations)).0
    };
    PresentSlugs(rows.into_iter().flat_map(of_row).collect()).note_shown(connection, kind)
}

/// Makes a slug lead to an item that was public under it: in another installation, or before it was merged.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn keep_shown(connection: &mut Db, kind: &str, item_id: &str, slug: &str) -> QueryResult<()> {
    keep(connection, kind, item_id, slug)?;
    diesel::update(slugs::table.find((kind, ANY_LOCALE, slug)))
        .set(slugs::was_shown.eq(true))
        .execute(connection)
        .map(drop)
}

/// Makes a slug that leads to another item lead to an item again which was public under it: the other one had it from a merge.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn give_back(connection: &mut Db, kind: &str, item_id: &str, slug: &str) -> QueryResult<()> {
    let change = (slugs::item_id.eq(item_id), slugs::was_shown.eq(true));
    diesel::update(slugs::table.find((kind, ANY_LOCALE, slug))).set(change).execute(connection).map(drop)
}

/// Appends a number to a slug, which is shortened so that the result is no longer than a slug may be.
fn append_number(base: &str, number: &str) -> String {
    let room = MAX_SLUG - number.len() - 1;
    let cut = base.get(..room).unwrap_or(base).trim_end_matches('-');
    format!("{cut}-{number}")
}

/// Returns the problem of a requested slug that another item has.
pub fn slug_taken(slug: &str) -> Problem {
    taken_by(slug, "another item")
}

fn taken_by(slug: &str, holder: &str) -> Problem {
    let mut faults = Violations::new();
    faults.add("/slug", "taken", format!("{holder} has the slug \"{slug}\""));
    let errors: Vec<Violation> = faults.into_vec();
    Problem::new(ProblemKind::Conflict, format!("the slug \"{slug}\" is taken")).with_violations(errors)
}
