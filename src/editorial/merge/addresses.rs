//! The addresses and external ids that a merge moves: all slugs of an item, current and former, in all languages, its id,
//! and its names in other systems.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::record::{MergeRecord, MovedSource};
use crate::database::Db;
use crate::database::schema::slugs as slugs_table;
use crate::editorial::slugs;
use crate::items::paths;
use crate::items::sources;
use crate::items::{ANY_LOCALE, Item, taken_slugs, working_draft};
use crate::problem::Problem;

/// Makes all addresses under which an item was public lead to another one. The item gets a slug of its own, under which
/// editors find it in the trash; the caller must save it.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn move_slugs(connection: &mut Db, item: &mut Item, target: &Item, record: &mut MergeRecord) -> QueryResult<()> {
    record.slug.clone_from(&item.slug);
    let mut translations = item.translations();
    record.locale_slugs = translations.slugs().map(|(locale, slug)| (locale.to_owned(), slug.to_owned())).collect();
    slugs::PresentSlugs::of(item).note_shown(connection, &item.kind)?;
    let own = || slugs_table::item_id.eq(&item.id).and(slugs_table::locale.eq(ANY_LOCALE));
    let rows = slugs_table::table.filter(own()).order(slugs_table::slug);
    let rows: Vec<(String, bool)> = rows.select((slugs_table::slug, slugs_table::was_shown)).load(connection)?;
    for (slug, was_shown) in rows {
        if was_shown { record.addresses.push(slug) } else { record.unseen.push(slug) }
    }
    diesel::delete(slugs_table::table.filter(own().and(slugs_table::was_shown.eq(false)))).execute(connection)?;
    taken_slugs::hand_back(connection, &item.kind, &record.unseen)?;
    diesel::update(slugs_table::table.filter(own())).set(slugs_table::item_id.eq(&target.id)).execute(connection)?;
    slugs::keep_shown(connection, &item.kind, &target.id, &item.id)?;
    record.addresses.push(item.id.clone());
    paths::lead_to(connection, &item.id, &target.id)?;
    let own_slug = slugs::choose(&item.kind, &item.id, &format!("{} merged", item.slug), |slug| {
        slugs::is_free(connection, &item.kind, slug)
    })?;
    slugs::keep(connection, &item.kind, &item.id, &own_slug)?;
    for locale in record.locale_slugs.keys() {
        translations.set(locale, |state| state.slug = None);
    }
    (item.slug, item.translations) = (own_slug, translations.to_json());
    Ok(())
}

/// Makes the addresses of a merged item lead to it again, and returns those that do not: the other item has taken them as
/// its own, or a third one has. The caller must save the item.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn return_slugs(
    connection: &mut Db,
    item: &mut Item,
    target: &Item,
    record: &MergeRecord,
) -> QueryResult<Vec<String>> {
    let mut left = Vec::new();
    let of_target = target.translations();
    let addresses = record.addresses.iter().chain(&record.unseen);
    for address in addresses.filter(|address| **address != item.id) {
        let place = slugs_table::table.find((&item.kind, ANY_LOCALE, address));
        let holder: Option<String> = place.select(slugs_table::item_id).first(connection).optional()?;
        let is_current = target.slug == *address || of_target.has_slug(address);
        if holder.is_none() && !slugs::is_reserved(connection, &item.kind, &item.id, address)? {
            slugs::keep(connection, &item.kind, &item.id, address)?;
        } else if holder.as_ref() == Some(&target.id) && !is_current {
            slugs::give_back(connection, &item.kind, &item.id, address)?;
        } else {
            if record.addresses.contains(address) {
                taken_slugs::note(connection, (&item.kind, address), &item.id)?;
            }
            left.push(address.clone());
        }
    }
    let led_by_id = slugs_table::table.find((&item.kind, ANY_LOCALE, &item.id));
    diesel::delete(led_by_id).execute(connection)?;
    if !left.contains(&record.slug) {
        let in_trash = slugs_table::table.find((&item.kind, ANY_LOCALE, &item.slug));
        diesel::delete(in_trash).execute(connection)?;
        item.slug.clone_from(&record.slug);
    }
    let mut translations = item.translations();
    for (locale, slug) in record.locale_slugs.iter().filter(|(_, slug)| !left.contains(slug)) {
        translations.set(locale, |state| state.slug = Some(slug.clone()));
    }
    item.translations = translations.to_json();
    Ok(left)
}

/// Gives the working draft of an item the item's slug, if it has none that it could be published with.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn settle_draft_slug(connection: &mut Db, item: &Item, left: &[String]) -> Result<(), Problem> {
    let Some(draft) = working_draft::find(connection, item)? else { return Ok(()) };
    if !left.contains(&draft.slug) {
        return Ok(());
    }
    let settled = working_draft::WorkingDraft { slug: item.slug.clone(), ..draft.clone() };
    let content_type = crate::editorial::write::content_type_of(item)?;
    working_draft::put(connection, content_type, &settled, Some(&draft))?;
    Ok(slugs::release(connection, &item.id)?)
}

/// Gives the external ids of an item to another one. Their records did not write that one's text, so they do not overwrite
/// it unasked: their version is 0.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn move_sources(connection: &mut Db, item: &Item, target: &Item) -> QueryResult<Vec<MovedSource>> {
    let rows = sources::of_items(connection, std::slice::from_ref(&item.id))?;
    let mut moved = Vec::with_capacity(rows.len());
    for row in rows {
        moved.push(MovedSource { source: row.source.clone(), version: row.version });
        let row = sources::Source { item_id: target.id.clone(), version: sources::NOT_WRITTEN, ..row };
        sources::keep(connection, &row)?;
    }
    Ok(moved)
}

/// Gives the external ids of a merged item back to it, and returns those that stay: somebody removed them since, or gave
/// them to a third item.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn return_sources(
    connection: &mut Db,
    item: &Item,
    target: &Item,
    record: &MergeRecord,
) -> QueryResult<Vec<String>> {
    let mut left = Vec::new();
    for MovedSource { source, version } in &record.sources {
        let Some(row) = sources::find(connection, &item.kind, source)?.filter(|row| row.item_id == target.id) else {
            left.push(source.clone());
            continue;
        };
        // The record wrote the other item meanwhile, or had not written the newest text of this one before.
        let version = match row.version == sources::NOT_WRITTEN {
            true if *version == record.version => item.latest_version(),
            true => *version,
            false => sources::NOT_WRITTEN,
        };
        sources::keep(connection, &sources::Source { item_id: item.id.clone(), version, ..row })?;
    }
    Ok(left)
}
