//! The sources of items: the record of another system, and its state when it was last written here. See
//! `docs/decisions/0004-imports-know-their-source.md`.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::schema::sources;
use crate::database::{Db, in_list};
use crate::items::record_fields::RecordFields;
use crate::items::record_ids::RecordIds;

/// The version of a source whose record has not written the text of its item: an editor did, or another record.
pub const NOT_WRITTEN: i64 = 0;

/// A row of `sources`.
#[derive(Debug, Clone, Default, Queryable, Selectable, Insertable)]
#[diesel(table_name = sources)]
pub struct Source {
    /// Kind of the item.
    pub kind: String,
    /// Identifier of the record, `system:id`.
    pub source: String,
    /// Id of the item.
    pub item_id: String,
    /// Hash of the record at the last import; empty for a record that was not imported, and for a source that is
    /// only shared by other records.
    pub fingerprint: String,
    /// Version of the item after the record was last written. If the item has another version now, somebody else
    /// changed it.
    pub version: i64,
    /// Name of the source of the file in which the record was, as the file itself says it; empty for a record that
    /// was not imported from a file.
    pub origin: String,
    /// Revision of the record in its own system; of two records, the one with the greater text is newer. Empty if
    /// the system has none.
    pub revision: String,
    /// The ids by which the record is known outside, as [`RecordIds`] writes them; empty if it has none.
    pub ids: String,
    /// The names of the fields that the record gave the item, as [`RecordFields`] writes them; empty if they are not known.
    pub fields: String,
}

impl Source {
    /// Returns the ids by which the record is known outside.
    pub fn record_ids(&self) -> RecordIds {
        RecordIds::from_stored(&self.ids, &self.source)
    }

    /// Returns the names of the fields that the record gave the item.
    pub fn record_fields(&self) -> RecordFields {
        RecordFields::from_stored(&self.fields)
    }
}

/// Returns a source, if a record was imported from it.
///
/// # Errors
///
/// Fails if the query fails.
pub fn find(connection: &mut Db, kind: &str, source: &str) -> QueryResult<Option<Source>> {
    sources::table.find((kind, source)).select(Source::as_select()).first(connection).optional()
}

/// Inserts a source, or updates its state. Origin, revision and ids that are not known stay as they are.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn keep(connection: &mut Db, row: &Source) -> QueryResult<()> {
    let known = |text: &String| (!text.is_empty()).then(|| text.clone());
    let state = (
        sources::item_id.eq(&row.item_id),
        sources::fingerprint.eq(&row.fingerprint),
        sources::version.eq(row.version),
        sources::fields.eq(&row.fields),
        known(&row.origin).map(|origin| sources::origin.eq(origin)),
        known(&row.revision).map(|revision| sources::revision.eq(revision)),
        known(&row.ids).map(|ids| sources::ids.eq(ids)),
    );
    // The number of rows that an update changed is not known in a sandbox.
    match find(connection, &row.kind, &row.source)? {
        Some(_) => diesel::update(sources::table.find((&row.kind, &row.source))).set(state).execute(connection)?,
        None => diesel::insert_into(sources::table).values(row).execute(connection)?,
    };
    Ok(())
}

/// An item that got another version without a change of what the records of its sources wrote.
#[derive(Debug, Clone)]
pub struct VersionChange {
    /// Id of the item.
    pub item_id: String,
    /// Version that it had.
    pub from: i64,
    /// Version that it has.
    pub to: i64,
}

/// Tells the sources of items of their new versions: nobody else has changed these items.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn follow(connection: &mut Db, renewed: &[VersionChange]) -> QueryResult<()> {
    let ids: Vec<String> = renewed.iter().map(|one| one.item_id.clone()).collect();
    for row in of_items(connection, &ids)? {
        let known = renewed.iter().find(|one| one.item_id == row.item_id && one.from == row.version);
        if let Some(VersionChange { to, .. }) = known {
            keep(connection, &Source { version: *to, ..row })?;
        }
    }
    Ok(())
}

/// Deletes a source.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn forget(connection: &mut Db, kind: &str, source: &str) -> QueryResult<()> {
    diesel::delete(sources::table.find((kind, source))).execute(connection).map(drop)
}

/// Returns the sources of one kind and origin that follow a source, in their order.
///
/// # Errors
///
/// Fails if the query fails.
pub fn of_origin(
    connection: &mut Db,
    (kind, origin): (&str, &str),
    after: &str,
    limit: i64,
) -> QueryResult<Vec<Source>> {
    sources::table
        .filter(sources::origin.eq(origin))
        .filter(sources::kind.eq(kind))
        .filter(sources::source.gt(after))
        .order(sources::source)
        .limit(limit)
        .select(Source::as_select())
        .load(connection)
}

/// Returns the number of sources of one kind and origin.
///
/// # Errors
///
/// Fails if the query fails.
pub fn count_of_origin(connection: &mut Db, kind: &str, origin: &str) -> QueryResult<i64> {
    sources::table.filter(sources::origin.eq(origin)).filter(sources::kind.eq(kind)).count().get_result(connection)
}

/// Returns the sources of items, ordered by item and source.
///
/// # Errors
///
/// Fails if the query fails.
pub fn of_items(connection: &mut Db, ids: &[String]) -> QueryResult<Vec<Source>> {
    let dialect = connection.dialect();
    sources::table
        .filter(in_list(dialect, sources::item_id, ids))
        .order((sources::item_id, sources::source))
        .select(Source::as_select())
        .load(connection)
}
