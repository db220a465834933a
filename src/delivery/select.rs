//! From conditions and order to one query on `items`.

use diesel::BoxableExpression;
use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::Bool;

use super::Audience;
use super::cursor::KeyValue;
use super::query::{Compare, Condition, ListQuery, Status, When};
use crate::database::schema::{items, links};
use crate::database::{Backend, Db, Dialect, any_of, now};
use crate::items::{self as stored, Among};
use crate::resources::{Column, On, Resource};

/// A query on `items` under construction.
pub type Query<'a> = items::BoxedQuery<'a, Backend>;

type Test = Box<dyn BoxableExpression<items::table, Backend, SqlType = Bool>>;

/// A condition whose references are ids.
enum Resolved {
    Plain(Condition),
    Parent(Vec<String>),
    Refers { relation: &'static str, ids: Vec<String>, common: bool },
    ReferredBy { relation: &'static str, ids: Vec<String> },
}

/// Conditions ready to be put into queries, as often as needed.
pub struct Selection {
    kind: &'static str,
    status: Status,
    audience: Audience,
    dialect: Dialect,
    conditions: Vec<Resolved>,
    at: i64,
    untranslated: Option<String>,
    outdated: Option<String>,
}

impl Selection {
    /// Resolves what the conditions refer to; one query for each filter by reference.
    pub fn new(connection: &mut Db, resource: &'static Resource, query: &ListQuery) -> QueryResult<Self> {
        let audience = query.shape.audience;
        let among = match audience {
            Audience::Public => Among::Live,
            Audience::Editors => Among::Present,
        };
        let mut conditions = Vec::with_capacity(query.conditions.len());
        for condition in &query.conditions {
            let mut ids = |kind: &str, given: &Vec<String>| -> QueryResult<Vec<String>> {
                let given: Vec<&str> = given.iter().map(String::as_str).collect();
                let found = stored::resolve(connection, &[kind], &given, among)?;
                Ok(found.into_values().collect())
            };
            conditions.push(match condition {
                Condition::Values(On::Parent(kind), given) => Resolved::Parent(ids(kind, given)?),
                Condition::Values(On::Refers { relation, target, common }, given) => {
                    Resolved::Refers { relation, ids: ids(target, given)?, common: *common }
                }
                Condition::Values(On::ReferredBy { relation, source }, given) => {
                    Resolved::ReferredBy { relation, ids: ids(source, given)? }
                }
                other => Resolved::Plain(other.clone()),
            });
        }
        Ok(Self {
            kind: resource.kind,
            status: query.status.clone(),
            audience,
            dialect: connection.dialect(),
            conditions,
            at: query.at.unwrap_or_else(now),
            untranslated: query.untranslated.as_ref().map(|locale| format!("%,{locale},%")),
            outdated: query.outdated.as_ref().map(|locale| format!("%,{locale},%")),
        })
    }

    /// The items that fulfil all conditions.
    pub fn query(&self) -> Query<'_> {
        let mut query = items::table.filter(items::kind.eq(self.kind)).into_boxed();
        query = match (&self.status, self.audience) {
            (Status::Live, _) | (_, Audience::Public) => query.filter(items::live.eq(true)),
            (Status::Any, _) => query.filter(items::trashed_at.eq(0)),
            (Status::Trashed, _) => query.filter(items::trashed_at.gt(0)),
            (status, _) => by_state(query.filter(items::trashed_at.eq(0)), status),
        };
        if let Some(locale) = &self.untranslated {
            query = query.filter(items::untranslated.like(locale));
        }
        if let Some(locale) = &self.outdated {
            query = query.filter(items::outdated.like(locale));
        }
        for condition in &self.conditions {
            query = narrow(query, condition, self.dialect, self.at);
        }
        query
    }
}

fn by_state<'a>(query: Query<'a>, status: &'a Status) -> Query<'a> {
    match status {
        Status::Draft => query.filter(items::status.eq("draft").and(items::stage.eq("draft"))),
        Status::Stage(stage) => query.filter(items::stage.eq(*stage)).filter(stored::staged()),
        Status::Changed => query.filter(items::draft_version.gt(0)),
        Status::Archived => query.filter(items::status.eq("archived")),
        Status::Live | Status::Any | Status::Trashed => query,
    }
}

fn narrow<'a>(query: Query<'a>, condition: &'a Resolved, dialect: Dialect, at: i64) -> Query<'a> {
    match condition {
        Resolved::Parent(ids) => match ids.as_slice() {
            [one] => query.filter(items::parent_id.eq(one)),
            several => query.filter(any_of(dialect, items::parent_id, several)),
        },
        // Few items refer to a rare target: collect them. A common one is tested item by item, as
        // they come in order, so that a page stops early.
        Resolved::Refers { relation, ids, common: false } => query.filter(
            items::id.eq_any(
                links::table
                    .filter(any_of(dialect, links::target_id, ids).and(links::relation.eq(*relation)))
                    .select(links::source_id),
            ),
        ),
        Resolved::Refers { relation, ids, common: true } => query.filter(diesel::dsl::exists(
            links::table.filter(links::source_id.eq(items::id).and(links::relation.eq(*relation))).filter(any_of(
                dialect,
                links::target_id,
                ids,
            )),
        )),
        Resolved::ReferredBy { relation, ids } => query.filter(
            items::id.eq_any(
                links::table
                    .filter(any_of(dialect, links::source_id, ids).and(links::relation.eq(*relation)))
                    .select(links::target_id),
            ),
        ),
        Resolved::Plain(plain) => narrow_plain(query, plain, dialect, at),
    }
}

fn narrow_plain<'a>(query: Query<'a>, condition: &'a Condition, dialect: Dialect, at: i64) -> Query<'a> {
    match condition {
        Condition::Time(column, compare, time) => query.filter(compared(*column, *compare, KeyValue::Number(*time))),
        Condition::When(When::Upcoming) => query.filter(items::starts_at.gt(at)),
        Condition::When(When::Ongoing) => query.filter(items::starts_at.le(at).and(items::ends_at.gt(at))),
        Condition::When(When::Past) => query.filter(items::ends_at.le(at).and(items::starts_at.le(at))),
        Condition::Values(On::Slug, values) => query.filter(any_of(dialect, items::slug, values)),
        Condition::Values(On::Ids, values) => query.filter(any_of(dialect, items::id, values)),
        Condition::Values(On::Country, values) => {
            let codes: Vec<String> = values.iter().map(|v| v.to_ascii_uppercase()).collect();
            query.filter(any_of(dialect, items::country, codes))
        }
        Condition::Values(On::Variant(_), values) => query.filter(any_of(dialect, items::variant, values)),
        Condition::Values(..) => query,
    }
}

macro_rules! compare_with {
    ($column:expr, $compare:expr, $value:expr) => {
        match $compare {
            Compare::Gte => Box::new($column.ge($value)) as Test,
            Compare::Gt => Box::new($column.gt($value)),
            Compare::Lte => Box::new($column.le($value)),
            Compare::Lt => Box::new($column.lt($value)),
        }
    };
}

fn compared(column: Column, compare: Compare, value: KeyValue) -> Test {
    let (number, text) = match value {
        KeyValue::Number(number) => (number, String::new()),
        KeyValue::Text(text) => (0, text),
    };
    match column {
        Column::StartsAt => compare_with!(items::starts_at, compare, number),
        Column::EndsAt => compare_with!(items::ends_at, compare, number),
        Column::CreatedAt => compare_with!(items::created_at, compare, number),
        Column::UpdatedAt => compare_with!(items::updated_at, compare, number),
        Column::PublishedAt => compare_with!(items::published_at, compare, number),
        Column::Position => compare_with!(items::position, compare, number),
        Column::Label => compare_with!(items::label, compare, text),
    }
}

/// Only what lies behind a row in this order: `k1 ≥ v1 and (k1 > v1 or (k2 ≥ v2 and …))`. The
/// outer bound on the first key is what an index can use.
pub fn after<'a>(query: Query<'a>, order: &[(Column, bool)], keys: &[KeyValue], id: &str) -> Query<'a> {
    let last_down = order.last().is_some_and(|(_, down)| *down);
    let mut test: Test =
        if last_down { Box::new(items::id.lt(id.to_owned())) } else { Box::new(items::id.gt(id.to_owned())) };
    for ((column, down), value) in order.iter().zip(keys).rev() {
        let (beyond, reaching) = if *down { (Compare::Lt, Compare::Lte) } else { (Compare::Gt, Compare::Gte) };
        let beyond = compared(*column, beyond, value.clone());
        let reaching = compared(*column, reaching, value.clone());
        test = Box::new(reaching.and(beyond.or(test)));
    }
    query.filter(test)
}

/// Sorts by these columns, then by id.
pub fn sorted<'a>(mut query: Query<'a>, order: &[(Column, bool)]) -> Query<'a> {
    macro_rules! then_by {
        ($query:expr, $column:expr, $down:expr) => {
            if $down { $query.then_order_by($column.desc()) } else { $query.then_order_by($column.asc()) }
        };
    }
    for (column, down) in order {
        query = match column {
            Column::StartsAt => then_by!(query, items::starts_at, *down),
            Column::EndsAt => then_by!(query, items::ends_at, *down),
            Column::CreatedAt => then_by!(query, items::created_at, *down),
            Column::UpdatedAt => then_by!(query, items::updated_at, *down),
            Column::PublishedAt => then_by!(query, items::published_at, *down),
            Column::Position => then_by!(query, items::position, *down),
            Column::Label => then_by!(query, items::label, *down),
        };
    }
    then_by!(query, items::id, order.last().is_some_and(|(_, down)| *down))
}
