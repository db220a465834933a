//! What awaits translation, over all kinds of items.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content::Site;
use crate::content::translations::missing_fields;
use crate::content_types::ContentType;
use crate::database::schema::items;
use crate::database::{Backend, Db, in_list};
use crate::items::Item;
use crate::items::summary::ItemSummary;

/// A selection of items that await translation.
#[derive(Debug, Clone)]
pub struct TranslationFilter {
    /// Locale into which is translated.
    pub locale: String,
    /// Kinds of the items.
    pub kinds: Vec<&'static str>,
    /// Whether items are wanted that lack values.
    pub missing: bool,
    /// Whether items are wanted with values that are older than their source.
    pub outdated: bool,
}

/// An item that awaits translation.
#[derive(Debug)]
pub struct TranslationTask {
    pub item: ItemSummary,
    /// Fields without a value in the locale.
    pub missing: Vec<&'static str>,
    /// Fields whose value in the locale is older than its source.
    pub outdated: Vec<String>,
}

/// Returns the items that await translation, those that changed last first, and how many there are.
///
/// # Errors
///
/// Fails if a query fails.
pub fn list(
    connection: &mut Db,
    site: &Site,
    filter: &TranslationFilter,
    (skip, limit): (i64, i64),
) -> QueryResult<(Vec<TranslationTask>, i64)> {
    let total = query(connection, filter).count().get_result(connection)?;
    let page = query(connection, filter).order((items::updated_at.desc(), items::id.desc())).offset(skip).limit(limit);
    let rows: Vec<Item> = page.select(Item::as_select()).load(connection)?;
    let is_default = filter.locale == site.default_locale();
    let task = |item: &Item| TranslationTask {
        item: ItemSummary::from(item),
        missing: ContentType::of_kind(&item.kind)
            .map_or_else(Vec::new, |content_type| missing_fields(content_type.fields, &item.content(), &filter.locale)),
        outdated: if is_default { Vec::new() } else { item.translations().get(&filter.locale).outdated },
    };
    Ok((rows.iter().map(task).collect(), total))
}

fn query<'a>(connection: &Db, filter: &TranslationFilter) -> items::BoxedQuery<'a, Backend> {
    let pattern = format!("%,{},%", filter.locale);
    let all = items::table.filter(in_list(connection.dialect(), items::kind, &filter.kinds)).into_boxed();
    let all = all.filter(items::trashed_at.eq(0).and(items::status.ne("archived")));
    match (filter.missing, filter.outdated) {
        (true, false) => all.filter(items::untranslated.like(pattern)),
        (false, true) => all.filter(items::outdated.like(pattern)),
        _ => all.filter(items::untranslated.like(pattern.clone()).or(items::outdated.like(pattern))),
    }
}
