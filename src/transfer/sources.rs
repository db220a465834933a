//! Where items were imported from: which record of which system, and in which state it was taken.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::record::ExportedSource;
use crate::database::schema::sources;
use crate::database::{Db, any_of};

/// A row of `sources`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = sources)]
pub struct Source {
    /// The kind of the item.
    pub kind: String,
    /// `system:id`
    pub source: String,
    /// The item.
    pub item_id: String,
    /// Hash of the record when it was taken; empty for a source that records only share.
    pub fingerprint: String,
    /// The item's version after that.
    pub version: i64,
}

/// The source, if something was imported from it.
pub fn find(connection: &mut Db, kind: &str, source: &str) -> QueryResult<Option<Source>> {
    sources::table.find((kind, source)).select(Source::as_select()).first(connection).optional()
}

/// Notes a source, or its new state.
pub fn keep(connection: &mut Db, row: &Source) -> QueryResult<()> {
    let changed = diesel::update(sources::table.find((&row.kind, &row.source))).set(row).execute(connection)?;
    if changed == 0 {
        diesel::insert_into(sources::table).values(row).execute(connection)?;
    }
    Ok(())
}

/// The sources of these items, by item.
pub fn of_items(connection: &mut Db, ids: &[String]) -> QueryResult<Vec<(String, ExportedSource)>> {
    let dialect = connection.dialect();
    let rows: Vec<Source> = sources::table
        .filter(any_of(dialect, sources::item_id, ids))
        .order((sources::item_id, sources::source))
        .select(Source::as_select())
        .load(connection)?;
    let exported = |row: Source| {
        (row.item_id, ExportedSource { source: row.source, fingerprint: row.fingerprint, version: row.version })
    };
    Ok(rows.into_iter().map(exported).collect())
}
