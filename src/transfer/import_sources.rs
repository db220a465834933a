//! The sources of imported items: the record of another system, and its state at the last import. See
//! `docs/decisions/0004-imports-know-their-source.md`.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::schema::sources;
use crate::database::{Db, in_list};
use crate::transfer::record::ExportedSource;

/// A row of `sources`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = sources)]
pub struct Source {
    /// Kind of the item.
    pub kind: String,
    /// Identifier of the record, `system:id`.
    pub source: String,
    /// Id of the item.
    pub item_id: String,
    /// Hash of the record at the last import; empty for a source that is only shared by other records.
    pub fingerprint: String,
    /// Version of the item after the last import. If the item has another version now, an editor changed it.
    pub version: i64,
}

/// Returns a source, if a record was imported from it.
///
/// # Errors
/// Returns an error if the query fails.
pub fn find(connection: &mut Db, kind: &str, source: &str) -> QueryResult<Option<Source>> {
    sources::table.find((kind, source)).select(Source::as_select()).first(connection).optional()
}

/// Inserts a source, or updates its state.
///
/// # Errors
/// Returns an error if a statement fails.
pub fn keep(connection: &mut Db, row: &Source) -> QueryResult<()> {
    let changed = diesel::update(sources::table.find((&row.kind, &row.source))).set(row).execute(connection)?;
    if changed == 0 {
        diesel::insert_into(sources::table).values(row).execute(connection)?;
    }
    Ok(())
}

/// Returns the sources of items, each with the id of its item, ordered by item and source.
///
/// # Errors
/// Returns an error if the query fails.
pub fn of_items(connection: &mut Db, ids: &[String]) -> QueryResult<Vec<(String, ExportedSource)>> {
    let dialect = connection.dialect();
    let rows: Vec<Source> = sources::table
        .filter(in_list(dialect, sources::item_id, ids))
        .order((sources::item_id, sources::source))
        .select(Source::as_select())
        .load(connection)?;
    let exported = |row: Source| {
        (row.item_id, ExportedSource { source: row.source, fingerprint: row.fingerprint, version: row.version })
    };
    Ok(rows.into_iter().map(exported).collect())
}
