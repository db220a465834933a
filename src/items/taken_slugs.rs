//! Slugs under which the public saw an item, and which another item has taken since. While the public does not see the
//! other item, they lead to the one that it saw under them last.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::schema::{items, slugs, taken_slugs};
use crate::database::{Db, in_list, now};
use crate::items::ANY_LOCALE;

/// An item that the public saw under a slug which another item has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerHolder {
    pub id: String,
    /// Its present slug.
    pub slug: String,
    /// Whether the public sees it.
    pub live: bool,
}

/// Returns the items that the public saw under a slug before another item took it, the last one first. An item that was
/// merged into another one stands for that one.
///
/// # Errors
///
/// Fails if a query fails.
pub fn former_holders(connection: &mut Db, kind: &str, slug: &str) -> QueryResult<Vec<FormerHolder>> {
    let rows: Vec<(String, String, bool)> = taken_slugs::table
        .inner_join(items::table)
        .filter(taken_slugs::kind.eq(kind).and(taken_slugs::slug.eq(slug)))
        .order((taken_slugs::taken_at.desc(), taken_slugs::item_id))
        .select((items::id, items::slug, items::live))
        .load(connection)?;
    let mut found = Vec::with_capacity(rows.len());
    for (id, slug, live) in rows {
        let holder = FormerHolder { id, slug, live };
        let merged = if live { None } else { of_merged(connection, kind, &holder.id)? };
        found.push(merged.unwrap_or(holder));
    }
    Ok(found)
}

/// Returns the item into which another one was merged, if it was.
fn of_merged(connection: &mut Db, kind: &str, id: &str) -> QueryResult<Option<FormerHolder>> {
    let row: Option<(String, String, bool)> = slugs::table
        .inner_join(items::table.on(items::id.eq(slugs::item_id)))
        .filter(slugs::kind.eq(kind).and(slugs::locale.eq(ANY_LOCALE)).and(slugs::slug.eq(id)))
        .select((items::id, items::slug, items::live))
        .first(connection)
        .optional()?;
    Ok(row.map(|(id, slug, live)| FormerHolder { id, slug, live }))
}

/// Notes that the public saw an item under a slug which another item takes now.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn note(connection: &mut Db, (kind, slug): (&str, &str), item_id: &str) -> QueryResult<()> {
    forget(connection, (kind, slug), item_id)?;
    let row = (
        taken_slugs::kind.eq(kind),
        taken_slugs::slug.eq(slug),
        taken_slugs::item_id.eq(item_id),
        taken_slugs::taken_at.eq(now()),
    );
    diesel::insert_into(taken_slugs::table).values(row).execute(connection).map(drop)
}

/// Deletes the note that the public saw an item under a slug which another item has taken. Returns whether there was one.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn forget(connection: &mut Db, (kind, slug): (&str, &str), item_id: &str) -> QueryResult<bool> {
    let place = taken_slugs::table.find((kind, slug, item_id));
    let known: Option<i64> = place.select(taken_slugs::taken_at).first(connection).optional()?;
    if known.is_some() {
        diesel::delete(place).execute(connection)?;
    }
    Ok(known.is_some())
}

/// Makes the slugs that others have taken from an item, which is about to be deleted, lead to the item into which it was merged.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn inherit(connection: &mut Db, kind: &str, id: &str) -> QueryResult<()> {
    let taken = of_items(connection, &[id.to_owned()])?;
    if taken.is_empty() {
        return Ok(());
    }
    let Some(heir) = of_merged(connection, kind, id)? else { return Ok(()) };
    taken.iter().try_for_each(|(_, slug)| note(connection, (kind, slug), &heir.id))
}

/// Makes those of these slugs that no item has any more lead to the items that the public saw under them last.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn hand_back(connection: &mut Db, kind: &str, free: &[String]) -> QueryResult<()> {
    if free.is_empty() {
        return Ok(());
    }
    let dialect = connection.dialect();
    let rows: Vec<(String, String)> = taken_slugs::table
        .filter(taken_slugs::kind.eq(kind).and(in_list(dialect, taken_slugs::slug, free)))
        .order((taken_slugs::taken_at.desc(), taken_slugs::item_id))
        .select((taken_slugs::slug, taken_slugs::item_id))
        .load(connection)?;
    if rows.is_empty() {
        return Ok(());
    }
    let of_kind = slugs::kind.eq(kind).and(slugs::locale.eq(ANY_LOCALE));
    let held = slugs::table.filter(of_kind.and(in_list(dialect, slugs::slug, free))).select(slugs::slug);
    let mut held: HashSet<String> = held.load(connection)?.into_iter().collect();
    for (slug, item_id) in rows {
        if !held.insert(slug.clone()) {
            continue;
        }
        forget(connection, (kind, &slug), &item_id)?;
        let row = (
            slugs::kind.eq(kind),
            slugs::locale.eq(ANY_LOCALE),
            slugs::slug.eq(slug),
            slugs::item_id.eq(item_id),
            slugs::was_shown.eq(true),
        );
        diesel::insert_into(slugs::table).values(row).execute(connection)?;
    }
    Ok(())
}

/// Returns the slugs of items that others have taken, by the ids of the items.
///
/// # Errors
///
/// Fails if the query fails.
pub fn of_items(connection: &mut Db, ids: &[String]) -> QueryResult<Vec<(String, String)>> {
    taken_slugs::table
        .filter(in_list(connection.dialect(), taken_slugs::item_id, ids))
        .order((taken_slugs::item_id, taken_slugs::slug))
        .select((taken_slugs::item_id, taken_slugs::slug))
        .load(connection)
}
