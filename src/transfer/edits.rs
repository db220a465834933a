//! What editors changed since the last import.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::Db;
use crate::database::schema::{journal, sources};
use crate::items::Item;
use crate::items::sources::NOT_WRITTEN;

/// Returns the version of an item that the last import left; `None` if no import wrote it.
///
/// # Errors
/// Fails if the query fails.
pub fn imported_version(connection: &mut Db, item: &Item) -> QueryResult<Option<i64>> {
    let all = sources::table.filter(sources::item_id.eq(&item.id));
    let latest: Option<i64> = all.select(diesel::dsl::max(sources::version)).first(connection)?;
    Ok(latest.filter(|version| *version != NOT_WRITTEN))
}

/// Returns whether somebody changed the text of an item since the last import left it at a version. Its publication
/// changes no text: what was imported as a draft is still as the source has it.
///
/// # Errors
/// Fails if the query fails.
pub fn is_edited(connection: &mut Db, item: &Item, imported: Option<i64>) -> QueryResult<bool> {
    let Some(imported) = imported else { return Ok(true) };
    if imported == item.latest_version() {
        return Ok(false);
    }
    let later = journal::table.filter(journal::item_id.eq(&item.id).and(journal::kind.eq(&item.kind)));
    let changes = later.filter(journal::version.gt(imported).and(journal::changed.ne("[]")));
    diesel::select(diesel::dsl::exists(changes)).get_result(connection)
}
