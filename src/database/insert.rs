//! Inserts of several rows by one statement. The rows are its only parameter, as JSON, so the statement stays
//! prepared whatever their number, and takes one round trip to Postgres.

use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::Text;
use serde::Serialize;

use super::connection::{Backend, Db};
use super::statement::Dialect;

/// A table with the columns to insert.
#[derive(Debug, Clone, Copy)]
pub struct Rows {
    /// Name of the table.
    pub table: &'static str,
    /// Names of the columns and their types on Postgres.
    pub columns: &'static [(&'static str, &'static str)],
}

impl Rows {
    /// Inserts the rows, which serialise to JSON objects with the names of the columns.
    ///
    /// # Errors
    ///
    /// Fails if a row cannot be serialised or the statement fails.
    pub fn insert<R: Serialize>(self, connection: &mut Db, rows: &[R]) -> QueryResult<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let rows = serde_json::to_string(rows).map_err(|e| diesel::result::Error::SerializationError(Box::new(e)))?;
        let (before, after) = self.around(connection.dialect());
        diesel::RunQueryDsl::execute(Insert { before, rows, after }, connection).map(drop)
    }

    /// Returns the SQL before and after the parameter.
    fn around(self, dialect: Dialect) -> (String, String) {
        let joined =
            |part: &dyn Fn(&(&str, &str)) -> String| self.columns.iter().map(part).collect::<Vec<_>>().join(", ");
        let names = joined(&|(name, _)| (*name).to_owned());
        let head = format!("INSERT INTO {} ({names}) SELECT", self.table);
        match dialect {
            Dialect::Sqlite => {
                let values = joined(&|(name, _)| format!("value ->> '{name}'"));
                (format!("{head} {values} FROM json_each("), ")".to_owned())
            }
            Dialect::Postgres => {
                let types = joined(&|(name, kind)| format!("{name} {kind}"));
                (format!("{head} {names} FROM json_to_recordset("), format!("::json) AS given ({types})"))
            }
        }
    }
}

struct Insert {
    before: String,
    rows: String,
    after: String,
}

impl QueryFragment<Backend> for Insert {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(&self.before);
        out.push_bind_param::<Text, _>(&self.rows)?;
        out.push_sql(&self.after);
        Ok(())
    }
}

impl QueryId for Insert {
    type QueryId = ();
    // The SQL varies, so prepared statements are cached by their text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl diesel::RunQueryDsl<Db> for Insert {}
