//! Statements that stay prepared where diesel would prepare them anew each time.

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
pub struct Fixed(pub &'static str);

impl QueryFragment<Backend> for Fixed {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        out.push_sql(self.0);
        Ok(())
    }
}

impl QueryId for Fixed {
    type QueryId = ();
    // It is found among the prepared statements by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl diesel::RunQueryDsl<Db> for Fixed {}

/// A value in SQL that both databases understand, without parameters.
#[derive(Debug, Clone, Copy)]
pub struct Term<ST> {
    sql: &'static str,
    kind: PhantomData<ST>,
}

impl<ST> Term<ST> {
    /// The value of this expression, which must have the type.
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
    // It is found among the prepared statements by its text.
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

/// Which database a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Embedded SQLite.
    Sqlite,
    /// Postgres.
    Postgres,
}

/// `column IN (…)` for any number of ids, slugs or words: one statement with one parameter, while
/// `eq_any` has a parameter for each on SQLite and is never kept.
#[derive(Debug, Clone)]
pub struct AnyOf<C> {
    around: (&'static str, &'static str),
    column: C,
    parameter: String,
    before: &'static str,
    after: &'static str,
}

/// The rows in which `column` is one of these. The values must be free of commas, quotes and
/// backslashes: ids, slugs, codes and words are.
pub fn any_of<C, S: AsRef<str>>(dialect: Dialect, column: C, values: impl IntoIterator<Item = S>) -> AnyOf<C> {
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
    // A single value needs no list; none at all is equal to nothing that there is.
    if count < 2 {
        AnyOf { around: ("", ""), column, parameter, before: " = ", after: "" }
    } else {
        AnyOf { around: ("", ""), column, parameter, before, after }
    }
}

/// The rows in which `column`, a text, is one of these, of those that other conditions name. The column is
/// made useless for an index: SQLite keeps no statistics here (<https://sqlite.org/optoverview.html>,
/// "disqualifying terms"), and Postgres has none of fresh tables.
pub fn by_the_way<C, S: AsRef<str>>(dialect: Dialect, column: C, values: impl IntoIterator<Item = S>) -> AnyOf<C> {
    let around = match dialect {
        Dialect::Sqlite => ("+", ""),
        Dialect::Postgres => ("('' || ", ")"),
    };
    AnyOf { around, ..any_of(dialect, column, values) }
}

/// The rows in which both columns are one of these pairs. The values must be free of quotes and backslashes:
/// kinds, ids and slugs are.
pub fn any_pair_of<A, B>(
    dialect: Dialect,
    columns: (A, B),
    pairs: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
) -> AnyOf<(A, B)> {
    let pairs = pairs.into_iter().map(|(a, b)| [a.as_ref(), b.as_ref()].map(|text| text.replace(['"', '\\'], "")));
    let parameter = format!("[{}]", pairs.map(|[a, b]| format!("[\"{a}\",\"{b}\"]")).collect::<Vec<_>>().join(","));
    let (before, after) = match dialect {
        Dialect::Sqlite => (" IN (SELECT value ->> 0, value ->> 1 FROM json_each(", "))"),
        Dialect::Postgres => (" IN (SELECT given ->> 0, given ->> 1 FROM json_array_elements(", "::json) AS given)"),
    };
    AnyOf { around: ("(", ")"), column: columns, parameter, before, after }
}

impl<C> AnyOf<C> {
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
        out.push_bind_param::<Text, _>(&self.parameter)?;
        out.push_sql(self.after);
        Ok(())
    }
}

// The enum of connections wants a fragment for itself and, within subqueries, for each of its databases.
impl<C: QueryFragment<Backend>> QueryFragment<Backend> for AnyOf<C> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        self.write(out)
    }
}

impl<C: QueryFragment<Pg>> QueryFragment<Pg> for AnyOf<C> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.write(out)
    }
}

impl<C: QueryFragment<Sqlite>> QueryFragment<Sqlite> for AnyOf<C> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.write(out)
    }
}

impl<C> QueryId for AnyOf<C> {
    type QueryId = ();
    // One value and several make different statements; they are found by their text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C: Expression> Expression for AnyOf<C> {
    type SqlType = Bool;
}

impl<C, QS> AppearsOnTable<QS> for AnyOf<C> where C: AppearsOnTable<QS> {}

impl<C, QS> SelectableExpression<QS> for AnyOf<C> where C: SelectableExpression<QS> {}

impl<C: ValidGrouping<GB>, GB> ValidGrouping<GB> for AnyOf<C> {
    type IsAggregate = C::IsAggregate;
}

/// A test by a query that was put together at run time.
#[derive(Debug, Clone)]
pub struct ByQuery<C, Q> {
    column: C,
    around: (&'static str, &'static str),
    query: Q,
}

/// The rows in which `column` is one of what `query` gives.
pub fn within<C, Q>(column: C, query: Q) -> ByQuery<C, Q> {
    ByQuery { column, around: (" IN (", ")"), query }
}

/// The rows for which `query`, which speaks of them, gives anything: each is tested as it comes. Postgres would
/// rather collect first what the query gives for all rows: what has an offset it leaves as it is.
pub fn there_is<Q>(dialect: Dialect, query: Q) -> ByQuery<Term<Bool>, Q> {
    let end = match dialect {
        Dialect::Sqlite => ")",
        Dialect::Postgres => " OFFSET 0)",
    };
    ByQuery { column: Term::new(""), around: ("EXISTS (", end), query }
}

impl<C: QueryFragment<Backend>, Q: QueryFragment<Backend>> QueryFragment<Backend> for ByQuery<C, Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Backend>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(self.around.0);
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(self.around.1);
        Ok(())
    }
}

impl<C, Q> QueryId for ByQuery<C, Q> {
    type QueryId = ();
    // It is found among the prepared statements by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C: Expression, Q> Expression for ByQuery<C, Q> {
    type SqlType = Bool;
}

impl<C, Q, QS> AppearsOnTable<QS> for ByQuery<C, Q> where C: AppearsOnTable<QS> {}

impl<C, Q, QS> SelectableExpression<QS> for ByQuery<C, Q> where C: SelectableExpression<QS> {}

impl<C: ValidGrouping<GB>, Q, GB> ValidGrouping<GB> for ByQuery<C, Q> {
    type IsAggregate = C::IsAggregate;
}
