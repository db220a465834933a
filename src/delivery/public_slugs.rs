//! The slugs of items by language, as the public sees them: those of events are a part of the addresses of their sessions.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content::translations::Translations;
use crate::content_types::ContentType;
use crate::database::schema::items;
use crate::database::{Db, in_list};

/// The slugs of an item.
#[derive(Debug)]
pub struct PublicSlugs {
    default: String,
    translations: Translations,
}

impl PublicSlugs {
    /// Takes the slugs from the columns of an item: its slug, and the states of its translations.
    pub fn of_columns(slug: String, translations: &str) -> Self {
        Self { default: slug, translations: Translations::parse(translations) }
    }

    /// Returns the slug in a language.
    pub fn in_locale(&self, locale: &str) -> &str {
        self.translations.public_slug_or(locale, &self.default)
    }
}

/// Returns the slugs of the items that are a part of the addresses of others, by id: those of the events of sessions. The
/// others are given by kind and parent.
///
/// # Errors
///
/// Fails if the query fails.
pub fn of_owners<'a>(
    connection: &mut Db,
    others: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> QueryResult<HashMap<String, PublicSlugs>> {
    // The parent of a page is a part of its path.
    let has_owner = |kind: &str| ContentType::of_kind(kind).is_some_and(|of| of.is_child() && !of.has_paths());
    let ids: Vec<&str> = others.filter(|(kind, _)| has_owner(kind)).filter_map(|(_, parent)| parent).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, String, String)> = items::table
        .filter(in_list(connection.dialect(), items::id, ids))
        .select((items::id, items::slug, items::translations))
        .load(connection)?;
    Ok(rows.into_iter().map(|(id, slug, states)| (id, PublicSlugs::of_columns(slug, &states))).collect())
}
