//! Updates of rows, with statements that stay prepared. Diesel prepares its own updates anew each time.

use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::Text;

use super::connection::{Backend, Db};
use super::insert::{RowValues, StoredRow, push_columns};

/// Sets the columns of the row with this `id`, apart from `id` itself and those in `unchanged`.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn update_row<R: StoredRow>(connection: &mut Db, id: &str, row: &R, unchanged: &[&str]) -> QueryResult<()> {
    let is_set = |name: &&'static str| *name != "id" && !unchanged.contains(name);
    let columns = R::COLUMNS.iter().copied().filter(is_set).collect();
    diesel::RunQueryDsl::execute(Update { id, row, columns }, connection).map(drop)
}

struct Update<'r, R> {
    id: &'r str,
    row: &'r R,
    /// Names of the columns that are set: two at least, since a list of one column is no list on Postgres.
    columns: Vec<&'static str>,
}

impl<R: StoredRow> QueryFragment<Backend> for Update<'_, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql("UPDATE ");
        out.push_sql(R::TABLE);
        out.push_sql(" SET");
        push_columns(&self.columns, &mut out);
        out.push_sql(" = (");
        self.row.add_values(&mut RowValues::of_columns(&mut out, R::COLUMNS, &self.columns))?;
        out.push_sql(") WHERE id = ");
        out.push_bind_param::<Text, _>(self.id)
    }
}

impl<R> QueryId for Update<'_, R> {
    type QueryId = ();
    // The columns vary, so prepared statements are cached by their text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<R> diesel::RunQueryDsl<Db> for Update<'_, R> {}
