//! SQL fragments that stay prepared where diesel would prepare a statement anew each time.
//!
//! Diesel caches a prepared statement by its type, or by its SQL where the type does not determine the text. Lists of
//! values have one parameter per value on SQLite, and so a different text for each length. The fragments here have one
//! parameter whatever the number of values, or a fixed number of them.

use std::marker::PhantomData;

use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, TypedExpressionType, ValidGrouping};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{Bool, HasSqlType, SingleValue, Text};
use diesel::sqlite::Sqlite;

use super::connection::{Backend, Db};

/// A statement without parameters, such as `BEGIN`.
pub struct StaticStatement(pub &'static str);

impl QueryFragment<Backend> for StaticStatement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(self.0);
        Ok(())
    }
}

impl QueryId for StaticStatement {
    type QueryId = ();
    // The SQL varies, so prepared statements are cached by their text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl diesel::RunQueryDsl<Db> for StaticStatement {}

/// An SQL expression without parameters that is valid on both databases.
#[derive(Debug, Clone, Copy)]
pub struct Term<ST> {
    sql: &'static str,
    kind: PhantomData<ST>,
}

impl<ST> Term<ST> {
    /// Creates the expression. Its SQL must have the type `ST`; nothing checks that.
    pub const fn new(sql: &'static str) -> Self {
        Self { sql, kind: PhantomData }
    }
}

impl<ST, DB: diesel::backend::Backend> QueryFragment<DB> for Term<ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.sql);
        Ok(())
    }
}

impl<ST> QueryId for Term<ST> {
    type QueryId = ();
    // The SQL varies, so prepared statements are cached by their text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST: SingleValue + TypedExpressionType> Expression for Term<ST> {
    type SqlType = ST;
}

impl<ST: SingleValue + TypedExpressionType, QS> AppearsOnTable<QS> for Term<ST> {}

impl<ST: SingleValue + TypedExpressionType, QS> SelectableExpression<QS> for Term<ST> {}

impl<ST, GB> ValidGrouping<GB> for Term<ST> {
    type IsAggregate = diesel::expression::is_aggregate::Never;
}

/// The SQL dialect of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

/// Greatest number of values that have a parameter each.
const MAX_PARAMETERS: usize = 16;

/// The condition `column IN (…)` for any number of values, with one parameter or a few. Diesel's `eq_any` has a parameter for
/// each value on SQLite and is never cached.
#[derive(Debug, Clone)]
pub struct InList<C> {
    around: (&'static str, &'static str),
    column: C,
    /// The parameters, with commas between.
    parameters: Vec<String>,
    before: &'static str,
    after: &'static str,
}

/// Selects the rows whose `column` is one of the values. Commas, quotes and backslashes are removed from the values,
/// since they would end a value within the parameter: ids, slugs, codes and enumeration values contain none.
pub fn in_list<C, S: AsRef<str>>(dialect: Dialect, column: C, values: impl IntoIterator<Item = S>) -> InList<C> {
    let (before, after) = match dialect {
        Dialect::Sqlite => (" IN (SELECT value FROM json_each('[\"' || ", " || '\"]'))"),
        Dialect::Postgres => (" = ANY(string_to_array(", ", '\",\"'))"),
    };
    let (mut parameter, mut count) = (String::new(), 0);
    for value in values {
        if count > 0 {
            parameter.push_str("\",\"");
        }
        parameter.extend(value.as_ref().chars().filter(|c| !matches!(c, ',' | '"' | '\\')));
        count += 1;
    }
    // A single value is compared directly, which is planned better than a list. Without values, the column is compared
    // with the empty text, which no id, slug or code equals.
    if count < 2 {
        InList { around: ("", ""), column, parameters: vec![parameter], before: " = ", after: "" }
    } else {
        InList { around: ("", ""), column, parameters: vec![parameter], before, after }
    }
}

/// Selects rows as [`in_list`] does. On SQLite, up to [`MAX_PARAMETERS`] values have a parameter each, which takes less
/// time than a list. To be used for columns with an index of their own: a planner may expect more rows of a list.
pub fn in_few<C, S: AsRef<str>>(dialect: Dialect, column: C, values: &[S]) -> InList<C> {
    if dialect == Dialect::Postgres || !(2..=MAX_PARAMETERS).contains(&values.len()) {
        return in_list(dialect, column, values);
    }
    // The last value is repeated, so that only statements with 2, 4, 8 and 16 parameters stay prepared.
    let all = values.iter().chain(values.last().into_iter().cycle());
    in_parameters(column, all.take(values.len().next_power_of_two()))
}

/// Selects the rows whose `column` is one of the values, with a parameter for each of them.
fn in_parameters<C, S: AsRef<str>>(column: C, values: impl Iterator<Item = S>) -> InList<C> {
    let parameters = values.map(|value| value.as_ref().to_owned()).collect();
    InList { around: ("", ""), column, parameters, before: " IN (", after: ")" }
}

/// The condition `column IN (…)` for `N` values. Its text depends only on its type and the database: a statement of which
/// that is true in every part is found by its type, without a look at its text.
#[derive(Debug, Clone)]
pub struct InArray<C, const N: usize>(InList<C>);

/// Selects rows as [`in_few`] does, for a number of values that is fixed.
pub fn in_array<const N: usize, C, S: AsRef<str>>(dialect: Dialect, column: C, values: [S; N]) -> InArray<C, N> {
    InArray(match dialect {
        Dialect::Sqlite => in_parameters(column, values.iter()),
        // A single value must be a list too. One that is there twice changes nothing.
        Dialect::Postgres => in_list(dialect, column, values.iter().chain(values.last())),
    })
}

/// Selects rows as [`in_list`] does, but keeps the planner from using an index of `column`, which must be a text. To be
/// used for a condition that excludes few rows, beside another one that has a selective index.
///
/// The planner cannot know which condition is selective: SQLite has no statistics here, and Postgres has none of fresh
/// tables. So the column is wrapped in an expression: unary `+` on SQLite (<https://sqlite.org/optoverview.html>,
/// "disqualifying terms"), a concatenation on Postgres.
pub fn in_list_unindexed<C, S: AsRef<str>>(
    dialect: Dialect,
    column: C,
    values: impl IntoIterator<Item = S>,
) -> InList<C> {
    let around = match dialect {
        Dialect::Sqlite => ("+", ""),
        Dialect::Postgres => ("('' || ", ")"),
    };
    InList { around, ..in_list(dialect, column, values) }
}

/// Selects the rows whose two columns are one of the pairs. Quotes and backslashes are removed from the values, since
/// they would end a value within the JSON: content types, ids and slugs contain none.
pub fn in_pair_list<A, B>(
    dialect: Dialect,
    columns: (A, B),
    pairs: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
) -> InList<(A, B)> {
    let pairs = pairs.into_iter().map(|(a, b)| [a.as_ref(), b.as_ref()].map(|text| text.replace(['"', '\\'], "")));
    let pairs: Vec<[String; 2]> = pairs.collect();
    let around = ("(", ")");
    if let [pair] = &*pairs {
        return InList { around, column: columns, parameters: pair.to_vec(), before: " = (", after: ")" };
    }
    let pairs = pairs.into_iter();
    let parameter = format!("[{}]", pairs.map(|[a, b]| format!("[\"{a}\",\"{b}\"]")).collect::<Vec<_>>().join(","));
    let (before, after) = match dialect {
        Dialect::Sqlite => (" IN (SELECT value ->> 0, value ->> 1 FROM json_each(", "))"),
        Dialect::Postgres => (" IN (SELECT given ->> 0, given ->> 1 FROM json_array_elements(", "::json) AS given)"),
    };
    InList { around, column: columns, parameters: vec![parameter], before, after }
}

impl<C> InList<C> {
    fn write<'b, DB>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: diesel::backend::Backend + HasSqlType<Text>,
        C: QueryFragment<DB>,
        String: ToSql<Text, DB>,
    {
        out.push_sql(self.around.0);
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(self.around.1);
        out.push_sql(self.before);
        for (index, parameter) in self.parameters.iter().enumerate() {
            out.push_sql(if index == 0 { "" } else { "," });
            out.push_bind_param::<Text, _>(parameter)?;
        }
        out.push_sql(self.after);
        Ok(())
    }
}

// `diesel::MultiConnection` requires the fragment for its own backend and, within subqueries, for each database.
impl<C: QueryFragment<Backend>> QueryFragment<Backend> for InList<C> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        self.write(out)
    }
}

impl<C: QueryFragment<Pg>> QueryFragment<Pg> for InList<C> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.write(out)
    }
}

impl<C: QueryFragment<Sqlite>> QueryFragment<Sqlite> for InList<C> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.write(out)
    }
}

impl<C> QueryId for InList<C> {
    type QueryId = ();
    // One value and several result in different SQL, so prepared statements are cached by their text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C: Expression> Expression for InList<C> {
    type SqlType = Bool;
}

impl<C, QS> AppearsOnTable<QS> for InList<C> where C: AppearsOnTable<QS> {}

impl<C, QS> SelectableExpression<QS> for InList<C> where C: SelectableExpression<QS> {}

impl<C: ValidGrouping<GB>, GB> ValidGrouping<GB> for InList<C> {
    type IsAggregate = C::IsAggregate;
}

impl<C: QueryFragment<Backend>, const N: usize> QueryFragment<Backend> for InArray<C, N> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        self.0.write(out)
    }
}

impl<C: QueryFragment<Pg>, const N: usize> QueryFragment<Pg> for InArray<C, N> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.write(out)
    }
}

impl<C: QueryFragment<Sqlite>, const N: usize> QueryFragment<Sqlite> for InArray<C, N> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.0.write(out)
    }
}

impl<C: QueryId, const N: usize> QueryId for InArray<C, N> {
    type QueryId = InArray<C::QueryId, N>;
    const HAS_STATIC_QUERY_ID: bool = C::HAS_STATIC_QUERY_ID;
}

impl<C: Expression, const N: usize> Expression for InArray<C, N> {
    type SqlType = Bool;
}

impl<C, QS, const N: usize> AppearsOnTable<QS> for InArray<C, N> where C: AppearsOnTable<QS> {}

impl<C, QS, const N: usize> SelectableExpression<QS> for InArray<C, N> where C: SelectableExpression<QS> {}

impl<C: ValidGrouping<GB>, GB, const N: usize> ValidGrouping<GB> for InArray<C, N> {
    type IsAggregate = C::IsAggregate;
}

/// A condition with a subquery that is composed at run time.
#[derive(Debug, Clone)]
pub struct SubqueryCondition<C, Q> {
    column: C,
    around: (&'static str, &'static str),
    query: Q,
}

/// Selects the rows whose `column` is among the results of `query`.
pub fn in_query<C, Q>(column: C, query: Q) -> SubqueryCondition<C, Q> {
    SubqueryCondition { column, around: (" IN (", ")"), query }
}

/// Selects the rows for which `query`, a correlated subquery, has results. Each row is tested as it is reached, so that
/// a page in the order of an index ends early. Postgres would turn `EXISTS` into a join and evaluate it for all rows
/// first; it does not transform a subquery with OFFSET (docs/decisions/0012).
pub fn exists<Q>(dialect: Dialect, query: Q) -> SubqueryCondition<Term<Bool>, Q> {
    let end = match dialect {
        Dialect::Sqlite => ")",
        Dialect::Postgres => " OFFSET 0)",
    };
    SubqueryCondition { column: Term::new(""), around: ("EXISTS (", end), query }
}

impl<C: QueryFragment<Backend>, Q: QueryFragment<Backend>> QueryFragment<Backend> for SubqueryCondition<C, Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(self.around.0);
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(self.around.1);
        Ok(())
    }
}

impl<C, Q> QueryId for SubqueryCondition<C, Q> {
    type QueryId = ();
    // The SQL varies, so prepared statements are cached by their text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C: Expression, Q> Expression for SubqueryCondition<C, Q> {
    type SqlType = Bool;
}

impl<C, Q, QS> AppearsOnTable<QS> for SubqueryCondition<C, Q> where C: AppearsOnTable<QS> {}

impl<C, Q, QS> SelectableExpression<QS> for SubqueryCondition<C, Q> where C: SelectableExpression<QS> {}

impl<C: ValidGrouping<GB>, Q, GB> ValidGrouping<GB> for SubqueryCondition<C, Q> {
    type IsAggregate = C::IsAggregate;
}
