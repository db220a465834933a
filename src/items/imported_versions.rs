//! The public versions with which a page came from another database. Those of this database are in its journal.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde::{Deserialize, Serialize};

use crate::database::Db;
use crate::database::schema::page_versions;

/// A time in which a version was public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicPeriod {
    /// Time at which it became public (µs since 1970).
    pub from: i64,
    /// Time at which it was replaced or taken down (µs since 1970); `None` if it was public to the end.
    pub until: Option<i64>,
}

/// A row of `page_versions`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = page_versions)]
pub struct ImportedVersion {
    /// Id of the page.
    pub item_id: String,
    /// Number of the version.
    pub version: i64,
    /// When it was public, the newest period first, as JSON.
    pub periods: String,
    /// Slug of the page then.
    pub slug: String,
    /// States of the translations then, in their stored form.
    pub translations: String,
    /// The text, in its stored form, as JSON.
    pub content: String,
}

impl ImportedVersion {
    /// Returns when the version was public, the newest period first.
    pub fn periods(&self) -> Vec<PublicPeriod> {
        serde_json::from_str(&self.periods).unwrap_or_default()
    }
}

/// Returns the versions with which a page came, the newest first.
///
/// # Errors
///
/// Fails if the query fails.
pub fn of_page(connection: &mut Db, item_id: &str) -> QueryResult<Vec<ImportedVersion>> {
    let own = page_versions::table.filter(page_versions::item_id.eq(item_id));
    own.order(page_versions::version.desc()).select(ImportedVersion::as_select()).load(connection)
}

/// Stores the versions with which a page came, unless it has some.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn keep(connection: &mut Db, item_id: &str, versions: Vec<ImportedVersion>) -> QueryResult<()> {
    if !of_page(connection, item_id)?.is_empty() {
        return Ok(());
    }
    for version in versions {
        diesel::insert_into(page_versions::table).values(version).execute(connection)?;
    }
    Ok(())
}
