//! Slugs: unique among a kind, in all languages together; old ones keep leading to their item.

use diesel::prelude::*;

use crate::content::fault::{Fault, Faults};
use crate::content::slug::{MAX_SLUG, from_title};
use crate::content::translations::Translations;
use crate::database::schema::{items, slugs};
use crate::database::{Db, any_of};
use crate::items::{ANY_LOCALE, Item};
use crate::problem::{Kind, Problem};

/// The place of slugs that working drafts will have. Nobody is led from there to an item: that would tell
/// the public what is being written.
const RESERVED: &str = "draft";

/// The slug of an item: the one asked for, if it is free, else one made from its title.
pub fn choose(
    connection: &mut Db,
    kind: &str,
    item_id: &str,
    asked: Option<&str>,
    title: &str,
) -> Result<String, Problem> {
    if let Some(slug) = asked {
        return require_free(connection, kind, item_id, slug).map(|()| slug.to_owned());
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

/// Refuses a slug that another item has, in whatever language, or that is reserved for another one's
/// working draft. One that another item had earlier may be taken.
pub fn require_free(connection: &mut Db, kind: &str, item_id: &str, slug: &str) -> Result<(), Problem> {
    let rows: Vec<(String, String, String)> = slugs::table
        .inner_join(items::table.on(items::id.eq(slugs::item_id)))
        .filter(slugs::kind.eq(kind).and(slugs::slug.eq(slug)).and(slugs::item_id.ne(item_id)))
        .filter(any_of(connection.dialect(), slugs::locale, [ANY_LOCALE, RESERVED]))
        .select((slugs::locale, items::slug, items::translations))
        .load(connection)?;
    let is_held = |(locale, own, translations): &(String, String, String)| {
        locale == RESERVED || own == slug || Translations::parse(translations).has_slug(slug)
    };
    if rows.iter().any(is_held) { Err(taken(slug)) } else { Ok(()) }
}

/// Free: no item has it or had it, and it is reserved for none.
pub fn is_free(connection: &mut Db, kind: &str, slug: &str) -> QueryResult<bool> {
    let held: Option<String> = slugs::table
        .filter(slugs::kind.eq(kind).and(slugs::slug.eq(slug)))
        .filter(any_of(connection.dialect(), slugs::locale, [ANY_LOCALE, RESERVED]))
        .select(slugs::item_id)
        .first(connection)
        .optional()?;
    Ok(held.is_none())
}

/// Reserves the slug that the working draft of an item will have, in the place of an earlier one.
pub fn reserve(connection: &mut Db, item: &Item, slug: &str) -> QueryResult<()> {
    release(connection, &item.id)?;
    if item.slug == slug {
        return Ok(());
    }
    let columns =
        (slugs::kind.eq(&item.kind), slugs::locale.eq(RESERVED), slugs::slug.eq(slug), slugs::item_id.eq(&item.id));
    diesel::insert_into(slugs::table).values(columns).execute(connection).map(drop)
}

/// Forgets what was reserved for the working draft of an item.
pub fn release(connection: &mut Db, item_id: &str) -> QueryResult<()> {
    let reserved = slugs::table.filter(slugs::item_id.eq(item_id).and(slugs::locale.eq(RESERVED)));
    diesel::delete(reserved).execute(connection).map(drop)
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
