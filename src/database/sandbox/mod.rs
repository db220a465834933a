//! A sandbox: a connection on which what is written stays beside the database. Its tables are temporary views
//! of the same names as the real ones, which name look-up finds first on both databases: each shows the rows
//! of the real table without those that were changed, and the changed ones from a temporary table beside it.
//! Triggers turn writes of a view into rows of that table. So every statement of the program, reading or
//! writing, works here as it does elsewhere, and none can reach the real tables: SQLite has the file open for
//! reading only, and on Postgres each transaction is begun so.
//!
//! Two things are not as elsewhere. Foreign keys do not hold, since they do not reach from temporary to real
//! tables: who writes must have looked. And SQLite counts no rows of what its triggers change.

mod postgres;
mod sqlite;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::connection::{SessionPurpose, connect_for};
use super::session::Failures;
use super::{Address, DatabaseError, Db};

/// A table with its primary key.
struct Shadowed {
    table: &'static str,
    key: &'static [&'static str],
}

/// The tables that steps in the lives of items write, of which the database has those of its version. Beside them
/// is the journal, which swallows what is told.
const SHADOWED: [Shadowed; 10] = [
    Shadowed { table: "items", key: &["id"] },
    Shadowed { table: "links", key: &["source_id", "relation", "position"] },
    Shadowed { table: "item_words", key: &["item_id", "field", "value"] },
    Shadowed { table: "places", key: &["item_id"] },
    Shadowed { table: "slugs", key: &["kind", "locale", "slug"] },
    Shadowed { table: "drafts", key: &["item_id"] },
    Shadowed { table: "draft_links", key: &["source_id", "target_id"] },
    Shadowed { table: "schedules", key: &["item_id", "operation"] },
    Shadowed { table: "releases", key: &["id"] },
    Shadowed { table: "comments", key: &["id"] },
];

diesel::table! {
    /// The rows of `items` that were changed, by their keys.
    gone_items (id) {
        id -> Text,
    }
}

impl Shadowed {
    /// `a.id = b.id AND …`
    fn same_key(&self, a: &str, b: &str) -> String {
        self.key.iter().map(|column| format!("{a}.{column} = {b}.{column}")).collect::<Vec<_>>().join(" AND ")
    }

    /// The columns of the key, each with this before it.
    fn keys(&self, before: &str) -> String {
        self.key.iter().map(|column| format!("{before}{column}")).collect::<Vec<_>>().join(", ")
    }
}

/// Opens a connection whose writes stay beside the database; every statement is counted in `count`.
///
/// # Errors
/// Fails where no connection can be had, or where it may not make temporary tables.
pub fn open(address: &Address, count: &Arc<AtomicU64>, patience: Option<Duration>) -> Result<Db, DatabaseError> {
    let failed = |error: String| DatabaseError::Connection(error);
    let mut connection = connect_for(SessionPurpose::Read(patience), &read_only(address), count, &Failures::default())
        .map_err(|error| failed(error.to_string()))?;
    match &mut connection {
        Db::Sqlite(c) => sqlite::shadow(c, &SHADOWED)?,
        Db::Postgres(c) => postgres::shadow(c, &SHADOWED)?,
    }
    Ok(connection)
}

/// The same database, not to be written: Postgres says so with each transaction.
fn read_only(address: &Address) -> Address {
    let Address::Sqlite(path) = address else { return address.clone() };
    let escaped = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Address::Sqlite(format!("file:{escaped}?mode=ro"))
}

/// Forgets all that was written; outside of transactions.
pub fn clear(connection: &mut Db) -> QueryResult<()> {
    match connection {
        Db::Sqlite(c) => sqlite::clear(c),
        Db::Postgres(c) => postgres::clear(c),
    }
}

/// The ids of the items that were changed.
pub fn changed_items(connection: &mut Db) -> QueryResult<Vec<String>> {
    gone_items::table.select(gone_items::id).load(connection)
}

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;

    use super::*;
    use crate::database::connection::connect;
    use crate::database::migrate;
    use crate::database::schema::{journal, slugs};

    fn slug(slug: &str, id: &str) -> (String, String, String, String) {
        ("event".to_owned(), String::new(), slug.to_owned(), id.to_owned())
    }

    fn stored(connection: &mut Db) -> Vec<(String, String)> {
        slugs::table.order(slugs::slug).select((slugs::slug, slugs::item_id)).load(connection).unwrap()
    }

    fn insert(connection: &mut Db, (kind, locale, slug, id): (String, String, String, String)) -> QueryResult<usize> {
        let columns = (slugs::kind.eq(kind), slugs::locale.eq(locale), slugs::slug.eq(slug), slugs::item_id.eq(id));
        diesel::insert_into(slugs::table).values(columns).execute(connection)
    }

    /// (The same on Postgres is shown by every preview.)
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
        let before = stored(&mut real);
        let mut sandbox = open(&address, &Arc::default(), None).unwrap();
        assert_eq!(stored(&mut sandbox), before);
        insert(&mut sandbox, slug("d", "2")).unwrap();
        assert!(insert(&mut sandbox, slug("a", "2")).is_err(), "the key holds across both");
        diesel::delete(slugs::table.filter(slugs::slug.eq("a"))).execute(&mut sandbox).unwrap();
        insert(&mut sandbox, slug("a", "3")).unwrap();
        let b_and_d = slugs::table.filter(slugs::slug.eq("b").or(slugs::slug.eq("d")));
        diesel::update(b_and_d).set(slugs::item_id.eq("4")).execute(&mut sandbox).unwrap();
        let expected = [("a", "3"), ("b", "4"), ("c", "1"), ("d", "4")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(stored(&mut sandbox), expected);
        assert_eq!(stored(&mut real), before);
        // What comes to the real table meanwhile is seen; what is told to the journal is not even kept here.
        insert(&mut real, slug("e", "5")).unwrap();
        assert_eq!(stored(&mut sandbox).len(), 5);
        assert_eq!(journal::table.count().get_result::<i64>(&mut sandbox), Ok(0));
        assert!(sandbox.batch_execute("DELETE FROM main.slugs").is_err(), "the file is open for reading only");
        clear(&mut sandbox).unwrap();
        assert_eq!(stored(&mut sandbox), stored(&mut real));
    }
}
