//! Sandboxes: connections whose writes go to temporary tables and never to the database.
//!
//! Each real table is shadowed by a temporary view of the same name, which name resolution finds first on both
//! databases. The view shows the rows of the real table except the changed ones, and the changed ones from a
//! temporary table (`overlay_*`); the keys of changed and deleted rows are in another one (`gone_*`). Triggers turn
//! writes to the view into rows of these tables. So every statement of the program, reading or writing, works here
//! unchanged, and previews need no second implementation of the lifecycle (docs/decisions/0016). No statement can
//! reach the real tables: the SQLite file is open for reading only, and transactions on Postgres are read-only, in
//! which temporary tables can still be written.
//!
//! There are two differences. Foreign keys are not enforced, since they cannot reach from temporary to real tables:
//! code that writes must check references itself. And SQLite does not count the rows that triggers change.

mod postgres;
mod sqlite;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::QueryResult;

use super::connection::{SessionPurpose, connect_for};
use super::session::Failures;
use super::{Address, DatabaseError, Db};

/// A shadowed table with its primary key.
struct ShadowedTable {
    table: &'static str,
    key: &'static [&'static str],
}

/// The tables that lifecycle operations and imports write. A table that the database does not have is left out. The
/// journal is shadowed too, by a view that discards all entries.
const SHADOWED: [ShadowedTable; 17] = [
    ShadowedTable { table: "items", key: &["id"] },
    ShadowedTable { table: "links", key: &["source_id", "relation", "position"] },
    ShadowedTable { table: "item_words", key: &["item_id", "field", "value"] },
    ShadowedTable { table: "places", key: &["item_id"] },
    ShadowedTable { table: "slugs", key: &["kind", "locale", "slug"] },
    ShadowedTable { table: "taken_slugs", key: &["kind", "slug", "item_id"] },
    ShadowedTable { table: "paths", key: &["locale", "path", "item_id"] },
    ShadowedTable { table: "page_versions", key: &["item_id", "version"] },
    ShadowedTable { table: "contact_forms", key: &["name"] },
    ShadowedTable { table: "newsletter_issues", key: &["id"] },
    ShadowedTable { table: "redirect_rules", key: &["item_id"] },
    ShadowedTable { table: "drafts", key: &["item_id"] },
    ShadowedTable { table: "draft_links", key: &["source_id", "target_id"] },
    ShadowedTable { table: "schedules", key: &["item_id", "operation"] },
    ShadowedTable { table: "releases", key: &["id"] },
    ShadowedTable { table: "comments", key: &["id"] },
    ShadowedTable { table: "sources", key: &["kind", "source"] },
];

diesel::table! {
    /// The keys of the changed rows of `items`.
    gone_items (id) {
        id -> Text,
    }
}

impl ShadowedTable {
    /// Returns the condition `a.id = b.id AND …` over all columns of the key.
    fn same_key(&self, a: &str, b: &str) -> String {
        self.key.iter().map(|column| format!("{a}.{column} = {b}.{column}")).collect::<Vec<_>>().join(" AND ")
    }

    /// Returns the columns of the key, each with the prefix `before`.
    fn keys(&self, before: &str) -> String {
        self.key.iter().map(|column| format!("{before}{column}")).collect::<Vec<_>>().join(", ")
    }
}

/// Where a sandbox on SQLite keeps its temporary tables. Postgres decides that itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemporaryTables {
    /// In memory, for few rows that are read often.
    InMemory,
    /// In files that are deleted with the sandbox, for any number of rows.
    OnDisk,
}

/// Opens a sandbox in memory. Every statement is counted in `count`.
///
/// # Errors
///
/// Fails as [`open_with`] does.
pub fn open(address: &Address, count: &Arc<AtomicU64>, patience: Option<Duration>) -> Result<Db, DatabaseError> {
    open_with(TemporaryTables::InMemory, address, count, patience)
}

/// Opens a sandbox. Every statement is counted in `count`.
///
/// # Errors
///
/// Fails if no connection can be opened or if it is not allowed to create temporary tables.
pub fn open_with(
    tables: TemporaryTables,
    address: &Address,
    count: &Arc<AtomicU64>,
    patience: Option<Duration>,
) -> Result<Db, DatabaseError> {
    let failed = |error: String| DatabaseError::Connection(error);
    let mut connection = connect_for(SessionPurpose::Read(patience), &read_only(address), count, &Failures::default())
        .map_err(|error| failed(error.to_string()))?;
    match &mut connection {
        Db::Sqlite(c) => {
            if tables == TemporaryTables::OnDisk {
                c.batch_execute("PRAGMA temp_store = FILE")?;
            }
            sqlite::shadow(c, &SHADOWED)?;
        }
        Db::Postgres(c) => postgres::shadow(c, &SHADOWED)?,
    }
    Ok(connection)
}

/// Returns the address of the same database for read-only access. On Postgres, each transaction is declared
/// read-only instead.
fn read_only(address: &Address) -> Address {
    let Address::Sqlite(path) = address else { return address.clone() };
    let escaped = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Address::Sqlite(format!("file:{escaped}?mode=ro"))
}

/// Discards all changes of a sandbox. To be called outside of transactions: those on Postgres are read-only, which
/// forbids TRUNCATE even of temporary tables.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn clear(connection: &mut Db) -> QueryResult<()> {
    match connection {
        Db::Sqlite(c) => sqlite::clear(c),
        Db::Postgres(c) => postgres::clear(c),
    }
}

/// Returns the ids of the items that have been changed in a sandbox.
///
/// # Errors
///
/// Fails if the query fails.
pub fn changed_items(connection: &mut Db) -> QueryResult<Vec<String>> {
    gone_items::table.select(gone_items::id).load(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::connection::connect;
    use crate::database::migrate;
    use crate::database::schema::{journal, slugs};

    fn slug(slug: &str, id: &str) -> (String, String, String, String) {
        ("event".to_owned(), String::new(), slug.to_owned(), id.to_owned())
    }

    fn slug_rows(connection: &mut Db) -> Vec<(String, String)> {
        slugs::table.order(slugs::slug).select((slugs::slug, slugs::item_id)).load(connection).unwrap()
    }

    fn insert(connection: &mut Db, (kind, locale, slug, id): (String, String, String, String)) -> QueryResult<usize> {
        let key = (slugs::kind.eq(kind), slugs::locale.eq(locale), slugs::slug.eq(slug));
        let columns = (key.0, key.1, key.2, slugs::item_id.eq(id), slugs::was_shown.eq(false));
        diesel::insert_into(slugs::table).values(columns).execute(connection)
    }

    /// The tests of previews cover the same on Postgres.
    #[test]
    fn what_is_written_stays_beside_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::Sqlite(folder.path().join("100% odd?#.db").display().to_string());
        let mut real = connect(&address, &Arc::default()).unwrap();
        migrate::migrate(&mut real).unwrap();
        real.batch_execute("PRAGMA foreign_keys = OFF").unwrap();
        for name in ["a", "b", "c"] {
            insert(&mut real, slug(name, "1")).unwrap();
        }
        let before = slug_rows(&mut real);
        let mut sandbox = open(&address, &Arc::default(), None).unwrap();
        assert_eq!(slug_rows(&mut sandbox), before);
        insert(&mut sandbox, slug("d", "2")).unwrap();
        assert!(insert(&mut sandbox, slug("a", "2")).is_err(), "the key holds across both");
        diesel::delete(slugs::table.filter(slugs::slug.eq("a"))).execute(&mut sandbox).unwrap();
        insert(&mut sandbox, slug("a", "3")).unwrap();
        let b_and_d = slugs::table.filter(slugs::slug.eq("b").or(slugs::slug.eq("d")));
        diesel::update(b_and_d).set(slugs::item_id.eq("4")).execute(&mut sandbox).unwrap();
        let expected = [("a", "3"), ("b", "4"), ("c", "1"), ("d", "4")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(slug_rows(&mut sandbox), expected);
        assert_eq!(slug_rows(&mut real), before);
        // Later changes of the real table are visible; entries of the journal are discarded.
        insert(&mut real, slug("e", "5")).unwrap();
        assert_eq!(slug_rows(&mut sandbox).len(), 5);
        assert_eq!(journal::table.count().get_result::<i64>(&mut sandbox), Ok(0));
        assert!(sandbox.batch_execute("DELETE FROM main.slugs").is_err(), "the file is open for reading only");
        clear(&mut sandbox).unwrap();
        assert_eq!(slug_rows(&mut sandbox), slug_rows(&mut real));
    }
}
