//! Stores the row of an item that is there already.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::schema::items;
use crate::database::update::update_row;
use crate::database::{Db, Dialect};
use crate::items::Item;

/// Declares the columns of `items` that are in an index or decide whether a row is in one.
macro_rules! indexed_columns {
    ($($column:ident: $kind:ty),+ $(,)?) => {
        #[derive(Queryable, Selectable)]
        #[diesel(table_name = items)]
        struct IndexedColumns { $($column: $kind),+ }

        impl IndexedColumns {
            #[cfg(test)]
            const NAMES: &'static [&'static str] = &[$(stringify!($column)),+];

            /// Returns the names of the columns whose value the item still has.
            fn unchanged(&self, item: &Item) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$column == item.$column { names.push(stringify!($column)); })+
                names
            }
        }
    };
}

indexed_columns! {
    kind: String,
    slug: String,
    live: bool,
    created_at: i64,
    updated_at: i64,
    published_at: i64,
    parent_id: Option<String>,
    starts_at: i64,
    ends_at: i64,
    position: i64,
    label: String,
    stage: String,
}

/// Stores an item whose row is there already.
///
/// SQLite removes the entry of each index that has one of the columns that an UPDATE sets, and inserts it again, also where
/// the value is the same: ten entries on ten pages, of which a new title changes two. So only changed columns are set there.
/// Postgres compares the values itself, and reading them would be another round trip.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn store(connection: &mut Db, item: &Item) -> QueryResult<()> {
    let unchanged = match connection.dialect() {
        Dialect::Postgres => Vec::new(),
        Dialect::Sqlite => {
            let query = items::table.find(&item.id).select(IndexedColumns::as_select());
            let stored: IndexedColumns = query.first(connection)?;
            stored.unchanged(item)
        }
    };
    update_row(connection, &item.id, item, &unchanged)
}

#[cfg(test)]
mod tests {
    use diesel::sql_types::Text;

    use super::*;
    use crate::database::connection::connect;
    use crate::database::{Address, migrate};

    #[derive(QueryableByName)]
    struct Index {
        #[diesel(sql_type = Text)]
        sql: String,
    }

    /// A column that a new index has must be declared here, or its entries would be written with each change.
    #[test]
    fn all_columns_of_indexes_are_declared() {
        let mut db = connect(&Address::parse(":memory:"), &Default::default()).unwrap();
        migrate::migrate(&mut db).unwrap();
        let query = "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'items' AND sql IS NOT NULL";
        let indexes: Vec<Index> = diesel::sql_query(query).load(&mut db).unwrap();
        let mut names: Vec<&str> = IndexedColumns::NAMES.to_vec();
        names.push("id");
        for Index { sql } in &indexes {
            let columns = sql.split_once(" ON items ").unwrap().1;
            let words = columns.split(|c: char| !(c.is_ascii_lowercase() || c == '_')).filter(|word| !word.is_empty());
            for word in words.filter(|word| *word != "draft") {
                assert!(names.contains(&word), "{word} of {sql}");
            }
        }
        assert!(indexes.len() > 8, "{}", indexes.len());
    }
}
