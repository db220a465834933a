//! Names that lead to items besides their ids and their slugs in the default language: slugs in other languages, former
//! slugs, and the ids and slugs of items that were merged into them.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content::translations::Translations;
use crate::database::schema::{items, slugs};
use crate::database::{Db, in_list};
use crate::items::rows::is_open;
use crate::items::{ANY_LOCALE, ItemScope, ReferenceTarget};

/// A name that leads to an item.
#[derive(Debug)]
pub struct OtherName {
    /// Kind of the item.
    pub kind: String,
    /// The slug, or the id of a merged item in lower case.
    pub name: String,
    /// Present slug of the item.
    pub slug: String,
    pub target: ReferenceTarget,
}

/// The columns of [`OtherName`]: kind, name, id, slug, visibility, reference fragment, translation states.
type NameRow = (String, String, String, String, bool, String, String);

/// Looks up names of items of these kinds in one query. Names by which the caller finds an item itself are left out, and
/// so are the slugs of languages that are hidden from visitors, if it looks among what is public.
///
/// # Errors
///
/// Fails if the query fails.
pub fn lookup(connection: &mut Db, kinds: &[&str], names: &[&str], among: ItemScope) -> QueryResult<Vec<OtherName>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let dialect = connection.dialect();
    let names = names.iter().map(|name| name.to_ascii_lowercase());
    let named = slugs::table
        .inner_join(items::table.on(items::id.eq(slugs::item_id)))
        .filter(in_list(dialect, slugs::kind, kinds))
        .filter(slugs::locale.eq(ANY_LOCALE).and(items::slug.ne(slugs::slug)))
        .filter(in_list(dialect, slugs::slug, names))
        .filter(items::trashed_at.eq(0))
        .select((slugs::kind, slugs::slug, items::id, items::slug, items::live, items::reference, items::translations));
    let rows: Vec<NameRow> = named.load(connection)?;
    let names = rows.into_iter().filter_map(|(kind, name, id, slug, live, reference, translations)| {
        let open = is_open(live, &translations);
        let translations = Translations::parse(&translations);
        let is_hidden = translations.has_slug(&name) && !translations.shows_slug(&name);
        let is_seen = among != ItemScope::Live || (live && !is_hidden);
        let target = ReferenceTarget { id, live, open, reference };
        is_seen.then_some(OtherName { kind, name, slug, target })
    });
    Ok(names.collect())
}
