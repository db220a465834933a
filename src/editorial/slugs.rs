//! Slugs: unique among a kind, in all languages together; old ones keep leading to their item.

use diesel::prelude::*;

use crate::content::fault::{Fault, Faults};
use crate::content::slug::{MAX_SLUG, from_title};
use crate::content::translations::Translations;
use crate::database::Db;
use crate::database::schema::{items, slugs};
use crate::items::{ANY_LOCALE, Item};
use crate::problem::{Kind, Problem};

/// The slug of an item: the one asked for, if it is free, else one made from its title.
pub fn choose(
    connection: &mut Db,
    kind: &str,
    item_id: &str,
    asked: Option<&str>,
    title: &str,
) -> Result<String, Problem> {
    if let Some(slug) = asked {
        return match holder(connection, kind, slug)? {
            Some(other) if other != item_id => Err(taken(slug)),
            _ => Ok(slug.to_owned()),
        };
    }
    let base = match from_title(title) {
        empty if empty.is_empty() => format!("{}-{}", kind.replace('_', "-"), &item_id[24..]),
        made => made,
    };
    if is_free(connection, kind, &base)? {
        return Ok(base);
    }
    for number in 2..=50 {
        let next = numbered(&base, &number.to_string());
        if is_free(connection, kind, &next)? {
            return Ok(next);
        }
    }
    Ok(numbered(&base, &item_id[24..]))
}

/// Notes that the slug leads to the item from now on, and for ever unless another item asks for it.
pub fn keep(connection: &mut Db, kind: &str, item_id: &str, slug: &str) -> QueryResult<()> {
    let place = slugs::table.find((kind, ANY_LOCALE, slug));
    let holder: Option<String> = place.select(slugs::item_id).first(connection).optional()?;
    match holder {
        Some(holder) if holder == item_id => Ok(()),
        Some(_) => diesel::update(place).set(slugs::item_id.eq(item_id)).execute(connection).map(drop),
        None => note(connection, kind, item_id, slug),
    }
}

/// Notes a slug that nobody has.
pub fn note(connection: &mut Db, kind: &str, item_id: &str, slug: &str) -> QueryResult<()> {
    let columns =
        (slugs::kind.eq(kind), slugs::locale.eq(ANY_LOCALE), slugs::slug.eq(slug), slugs::item_id.eq(item_id));
    diesel::insert_into(slugs::table).values(columns).execute(connection).map(drop)
}

/// Gives an item a slug, in a language or in the default one; the caller writes its row.
pub fn give(connection: &mut Db, item: &mut Item, locale: Option<&str>, asked: &str) -> Result<(), Problem> {
    let mut translations = item.translations();
    let present = match locale {
        Some(locale) => translations.slug(locale),
        None => Some(item.slug.as_str()),
    };
    if present == Some(asked) {
        return Ok(());
    }
    let slug = choose(connection, &item.kind, &item.id, Some(asked), "")?;
    keep(connection, &item.kind, &item.id, &slug)?;
    match locale {
        Some(locale) => {
            translations.set(locale, |state| state.slug = Some(slug));
            item.translations = translations.stored();
        }
        None => item.slug = slug,
    }
    Ok(())
}

/// The item of which this is a current slug, in whatever language.
fn holder(connection: &mut Db, kind: &str, slug: &str) -> QueryResult<Option<String>> {
    let found: Option<(String, String, String)> = slugs::table
        .inner_join(items::table.on(items::id.eq(slugs::item_id)))
        .filter(slugs::kind.eq(kind).and(slugs::locale.eq(ANY_LOCALE)).and(slugs::slug.eq(slug)))
        .select((items::id, items::slug, items::translations))
        .first(connection)
        .optional()?;
    let current = |(_, own, translations): &(String, String, String)| {
        own == slug || Translations::parse(translations).has_slug(slug)
    };
    Ok(found.filter(current).map(|(id, ..)| id))
}

/// Free: no item has it, and none had it.
pub fn is_free(connection: &mut Db, kind: &str, slug: &str) -> QueryResult<bool> {
    let held: Option<String> =
        slugs::table.find((kind, ANY_LOCALE, slug)).select(slugs::item_id).first(connection).optional()?;
    Ok(held.is_none())
}

fn numbered(base: &str, number: &str) -> String {
    let room = MAX_SLUG - number.len() - 1;
    let cut = base.get(..room).unwrap_or(base).trim_end_matches('-');
    format!("{cut}-{number}")
}

fn taken(slug: &str) -> Problem {
    let mut faults = Faults::new();
    faults.add("/slug", "taken", format!("another item has the slug \"{slug}\""));
    let errors: Vec<Fault> = faults.into_vec();
    Problem::new(Kind::Conflict, format!("the slug \"{slug}\" is taken")).with(errors)
}
