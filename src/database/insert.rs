//! Inserts of several rows, with a parameter for each value.
//!
//! A prepared statement has a fixed number of rows. Any number of rows is inserted by statements for a few numbers of
//! rows, which all stay prepared. On Postgres, where each statement is a round trip, rows of several tables are inserted
//! by one ([`RowInserts`]).

use std::marker::PhantomData;

use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::HasSqlType;

use super::connection::{Backend, Db};
use super::statement::Dialect;

/// Numbers of rows that one statement inserts, the largest first. A row has up to 30 values, and a statement of SQLite
/// at most 32,766 parameters.
const SIZES: [usize; 9] = [64, 8, 7, 6, 5, 4, 3, 2, 1];
/// Number of rows of several tables up to which one statement inserts all of them.
const MAX_TOGETHER: usize = 24;

/// A row of a table that is inserted together with others.
pub trait StoredRow {
    /// Identifies the text of the statement, by which it stays prepared; usually the table.
    type Id: 'static;
    /// Name of the table.
    const TABLE: &'static str;
    /// Names of the columns.
    const COLUMNS: &'static [&'static str];

    /// Adds the values to the statement, in the order of the columns.
    ///
    /// # Errors
    ///
    /// Fails if a value cannot be serialised.
    fn add_values<'b>(&'b self, row: &mut RowValues<'_, '_, 'b>) -> QueryResult<()>;
}

impl<R: StoredRow> StoredRow for &R {
    type Id = R::Id;
    const TABLE: &'static str = R::TABLE;
    const COLUMNS: &'static [&'static str] = R::COLUMNS;

    fn add_values<'b>(&'b self, row: &mut RowValues<'_, '_, 'b>) -> QueryResult<()> {
        (*self).add_values(row)
    }
}

/// Implements [`StoredRow`] for a type whose fields have the names of the columns, by their types in SQL.
macro_rules! stored_row {
    ($row:ty, $table:ident, { $($column:ident: $kind:ty),+ $(,)? }) => {
        impl $crate::database::insert::StoredRow for $row {
            type Id = $table::table;
            const TABLE: &'static str = stringify!($table);
            const COLUMNS: &'static [&'static str] = &[$(stringify!($column)),+];

            fn add_values<'b>(
                &'b self,
                row: &mut $crate::database::insert::RowValues<'_, '_, 'b>,
            ) -> diesel::result::QueryResult<()> {
                $(row.add::<$kind, _>(&self.$column)?;)+
                Ok(())
            }
        }
    };
}
pub(crate) use stored_row;

/// The values of a row within a statement.
pub struct RowValues<'o, 'a, 'b> {
    out: &'o mut AstPass<'a, 'b, Backend>,
    is_first: bool,
    /// The columns whose values come next, and those of them that are wanted; `None` if all are.
    choice: Option<(std::slice::Iter<'static, &'static str>, &'o [&'static str])>,
}

impl<'o, 'a, 'b> RowValues<'o, 'a, 'b> {
    fn new(out: &'o mut AstPass<'a, 'b, Backend>) -> Self {
        Self { out, is_first: true, choice: None }
    }

    /// Creates the values of the columns in `wanted`. `all` are the columns of the row; both have the same order.
    pub fn of_columns(
        out: &'o mut AstPass<'a, 'b, Backend>,
        all: &'static [&'static str],
        wanted: &'o [&'static str],
    ) -> Self {
        Self { choice: Some((all.iter(), wanted)), ..Self::new(out) }
    }

    /// Adds the value of the next column.
    ///
    /// # Errors
    ///
    /// Fails if the value cannot be serialised.
    pub fn add<ST, T>(&mut self, value: &'b T) -> QueryResult<()>
    where
        Backend: HasSqlType<ST>,
        T: ToSql<ST, Backend> + ?Sized,
    {
        if !self.is_wanted() {
            return Ok(());
        }
        self.separate();
        self.out.push_bind_param::<ST, T>(value)
    }

    /// Adds an expression as the value of the next column.
    pub fn add_sql(&mut self, sql: &'static str) {
        if self.is_wanted() {
            self.separate();
            self.out.push_sql(sql);
        }
    }

    /// Returns whether the next column is wanted.
    fn is_wanted(&mut self) -> bool {
        let Some((columns, wanted)) = &mut self.choice else { return true };
        let Some((_, others)) = wanted.split_first().filter(|(first, _)| columns.next() == Some(*first)) else {
            return false;
        };
        *wanted = others;
        true
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.is_first) {
            self.out.push_sql(",");
        }
    }
}

/// Inserts rows.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn insert_rows<R: StoredRow>(connection: &mut Db, mut rows: &[R]) -> QueryResult<()> {
    while let Some(size) = SIZES.into_iter().find(|size| *size <= rows.len()) {
        let (these, others) = rows.split_at(size);
        match size {
            1 => execute::<R, 1>(connection, these)?,
            2 => execute::<R, 2>(connection, these)?,
            3 => execute::<R, 3>(connection, these)?,
            4 => execute::<R, 4>(connection, these)?,
            5 => execute::<R, 5>(connection, these)?,
            6 => execute::<R, 6>(connection, these)?,
            7 => execute::<R, 7>(connection, these)?,
            8 => execute::<R, 8>(connection, these)?,
            _ => execute::<R, 64>(connection, these)?,
        }
        rows = others;
    }
    Ok(())
}

fn execute<R: StoredRow, const N: usize>(connection: &mut Db, rows: &[R]) -> QueryResult<()> {
    diesel::RunQueryDsl::execute(Insert::<R, N> { rows }, connection).map(drop)
}

/// The statement for `N` rows.
struct Insert<'r, R, const N: usize> {
    rows: &'r [R],
}

impl<R: StoredRow, const N: usize> QueryFragment<Backend> for Insert<'_, R, N> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        write_insert(self.rows, &mut out)
    }
}

/// The identity of the statement for `N` rows.
struct InsertId<T, const N: usize>(PhantomData<T>);

impl<R: StoredRow, const N: usize> QueryId for Insert<'_, R, N> {
    type QueryId = InsertId<R::Id, N>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<R: StoredRow, const N: usize> diesel::RunQueryDsl<Db> for Insert<'_, R, N> {}

fn write_insert<'b, R: StoredRow>(rows: &'b [R], out: &mut AstPass<'_, 'b, Backend>) -> QueryResult<()> {
    out.push_sql("INSERT INTO ");
    out.push_sql(R::TABLE);
    push_columns(R::COLUMNS, out);
    for (index, row) in rows.iter().enumerate() {
        out.push_sql(if index == 0 { " VALUES (" } else { ",(" });
        row.add_values(&mut RowValues::new(out))?;
        out.push_sql(")");
    }
    Ok(())
}

/// Writes the names of columns in brackets.
pub(super) fn push_columns(names: &[&'static str], out: &mut AstPass<'_, '_, Backend>) {
    for (index, name) in names.iter().enumerate() {
        out.push_sql(if index == 0 { " (" } else { "," });
        out.push_sql(name);
    }
    out.push_sql(")");
}

/// Rows of several tables that are inserted together, those of a table after those to which they refer.
#[derive(Default)]
pub struct RowInserts<'r> {
    parts: Vec<Box<dyn RowsOfTable + 'r>>,
}

impl<'r> RowInserts<'r> {
    /// Adds rows of a further table.
    pub fn add<R: StoredRow>(&mut self, rows: &'r [R]) {
        if !rows.is_empty() {
            self.parts.push(Box::new(rows));
        }
    }

    /// Inserts all rows.
    ///
    /// # Errors
    ///
    /// Fails if a statement fails.
    pub fn run(self, connection: &mut Db) -> QueryResult<()> {
        let count: usize = self.parts.iter().map(|part| part.count()).sum();
        if connection.dialect() == Dialect::Postgres && self.parts.len() > 1 && count <= MAX_TOGETHER {
            return diesel::RunQueryDsl::execute(self, connection).map(drop);
        }
        self.parts.iter().try_for_each(|part| part.insert(connection))
    }
}

trait RowsOfTable {
    fn count(&self) -> usize;
    fn insert(&self, connection: &mut Db) -> QueryResult<()>;
    fn write<'b>(&'b self, out: &mut AstPass<'_, 'b, Backend>) -> QueryResult<()>;
}

impl<R: StoredRow> RowsOfTable for &[R] {
    fn count(&self) -> usize {
        self.len()
    }

    fn insert(&self, connection: &mut Db) -> QueryResult<()> {
        insert_rows(connection, self)
    }

    fn write<'b>(&'b self, out: &mut AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        write_insert(self, out)
    }
}

// Postgres checks foreign keys at the end of the statement, so the order of its parts does not matter.
impl QueryFragment<Backend> for RowInserts<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        let Some((last, others)) = self.parts.split_last() else { return Ok(()) };
        for (index, part) in others.iter().enumerate() {
            out.push_sql(if index == 0 { "WITH " } else { "," });
            out.push_sql(part_name(index));
            out.push_sql(" AS (");
            part.write(&mut out)?;
            out.push_sql(")");
        }
        out.push_sql(" ");
        last.write(&mut out)
    }
}

/// Returns the name of a part of a statement.
fn part_name(index: usize) -> &'static str {
    ["part_0", "part_1", "part_2", "part_3", "part_4", "part_5"].get(index).unwrap_or(&"part")
}

impl QueryId for RowInserts<'_> {
    type QueryId = ();
    // The SQL varies, so prepared statements are cached by their text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl diesel::RunQueryDsl<Db> for RowInserts<'_> {}
