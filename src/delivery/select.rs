//! From conditions and order to one query on `items`.

use diesel::BoxableExpression;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::Bool;

use super::Audience;
use super::cards::Shelf;
use super::cursor::KeyValue;
use super::near;
use super::query::{Compare, Condition, ListQuery, Quantity, Status, When};
use super::search::{FEW, too_dear};
use crate::database::schema::{item_words, items, links};
use crate::database::{Backend, Db, Dialect, any_of, by_the_way, now};
use crate::items::{self as stored, Among};
use crate::problem::Problem;
use crate::resources::{Column, On, Resource, Through};

/// A query on `items` under construction.
pub type Query<'a> = items::BoxedQuery<'a, Backend>;

/// Up to so many items are collected, and then put in order; of more, each is tested as they come in
/// order, so that a page stops early.
const RARE: i64 = 2_000;

type Test = Box<dyn BoxableExpression<items::table, Backend, SqlType = Bool>>;

/// A condition whose references are ids.
enum Resolved {
    Plain(Condition),
    Parent { ids: Vec<String>, none: bool },
    Refers { relation: &'static str, ids: Vec<String>, common: bool, none: bool },
    ReferredBy { relation: &'static str, ids: Vec<String>, none: bool },
    Word { field: &'static str, values: Vec<String>, usual: bool, common: bool, none: bool },
    Among { ids: Vec<String>, none: bool },
}

impl Resolved {
    /// Whether it says of itself which items these are, and they are few.
    fn names_items(&self) -> bool {
        match self {
            Resolved::Plain(Condition::Values(On::Ids, quantity, _)) => *quantity != Quantity::None,
            Resolved::Refers { common, none, .. } => !common && !none,
            Resolved::Word { usual, common, none, .. } => !usual && !common && !none,
            Resolved::ReferredBy { none, .. } | Resolved::Among { none, .. } => !none,
            Resolved::Plain(_) | Resolved::Parent { .. } => false,
        }
    }

    /// Whether it says under what the items are filed.
    fn is_filed(&self) -> bool {
        matches!(self, Resolved::Parent { none: false, .. })
    }
}

/// Puts conditions into words of the database: slugs become ids, what is like something becomes which
/// items these are.
fn resolve(
    connection: &mut Db,
    condition: &Condition,
    among: Among,
    shelf: Shelf<'_>,
    out: &mut Vec<Resolved>,
) -> Result<(), Problem> {
    let (on, quantity, given) = match condition {
        Condition::Values(on, quantity, given) => (on, *quantity, given),
        Condition::Near { relation, around } => {
            let ids = near::items_near(connection, around)?;
            out.push(match relation {
                Some(relation) => refers(connection, relation, ids, false)?,
                None => Resolved::Among { ids, none: false },
            });
            return Ok(());
        }
        other => {
            out.push(Resolved::Plain(other.clone()));
            return Ok(());
        }
    };
    let none = quantity == Quantity::None;
    // To have all of some is to have each.
    let groups: Vec<&[String]> = match quantity {
        Quantity::All => given.chunks(1).collect(),
        Quantity::Any | Quantity::None => vec![given.as_slice()],
    };
    for given in groups {
        let mut ids = |kind: &str| -> QueryResult<Vec<String>> {
            let given: Vec<&str> = given.iter().map(String::as_str).collect();
            let found = stored::resolve(connection, &[kind], &given, among)?;
            found.iter().for_each(|((kind, name), id)| shelf.learn(kind, name, id));
            Ok(found.into_values().collect())
        };
        out.push(match on {
            On::Parent(kind) => Resolved::Parent { ids: ids(kind)?, none },
            On::Refers { relation, target, .. } => {
                let ids = ids(target)?;
                refers(connection, relation, ids, none)?
            }
            On::ReferredBy { relation, source } => Resolved::ReferredBy { relation, ids: ids(source)?, none },
            On::Word(word) => {
                let usual = given.iter().any(|value| Some(value.as_str()) == word.usual);
                let written = item_words::table.filter(item_words::field.eq(word.field));
                let written = written.filter(any_of(connection.dialect(), item_words::value, given));
                let beyond = written.select(item_words::item_id).offset(RARE).limit(1).load::<String>(connection)?;
                Resolved::Word { field: word.field, values: given.to_vec(), usual, common: !beyond.is_empty(), none }
            }
            On::Through(through) => {
                let ids = like(connection, through, given, among, shelf)?;
                refers(connection, through.relation, ids, none)?
            }
            _ => Resolved::Plain(condition.clone()),
        });
    }
    Ok(())
}

/// What refers to these; whether that is much is counted first.
fn refers(connection: &mut Db, relation: &'static str, ids: Vec<String>, none: bool) -> QueryResult<Resolved> {
    let ties = links::table.filter(links::relation.eq(relation));
    let ties = ties.filter(any_of(connection.dialect(), links::target_id, &ids)).select(links::source_id);
    let beyond = ties.offset(RARE).limit(1).load::<String>(connection)?;
    Ok(Resolved::Refers { relation, ids, common: !beyond.is_empty(), none })
}

/// The items that a relation's filter selects, if they are not too many.
fn like(
    connection: &mut Db,
    through: &Through,
    given: &[String],
    among: Among,
    shelf: Shelf<'_>,
) -> Result<Vec<String>, Problem> {
    let (dialect, condition) =
        (connection.dialect(), Condition::Values(through.filter.on, Quantity::Any, given.to_vec()));
    let mut resolved = Vec::new();
    resolve(connection, &condition, among, shelf, &mut resolved)?;
    let mut query = items::table.filter(items::kind.eq(through.target)).into_boxed();
    query = match among {
        Among::Live => query.filter(items::live.eq(true)),
        Among::Present | Among::All => query.filter(items::trashed_at.eq(0)),
    };
    for condition in &resolved {
        query = narrow(query, condition, dialect, 0);
    }
    let ids: Vec<String> = query.select(items::id).limit(FEW as i64 + 1).load(connection)?;
    if ids.len() > FEW {
        let name = format!("?{}.{}", through.relation.trim_end_matches('s'), through.filter.name);
        return Err(too_dear(&name, &format!("more than {FEW} {}s are like that", through.target)));
    }
    Ok(ids)
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
    pub fn new(
        connection: &mut Db,
        resource: &'static Resource,
        query: &ListQuery,
        shelf: Shelf<'_>,
    ) -> Result<Self, Problem> {
        let among = match query.shape.audience {
            Audience::Public => Among::Live,
            Audience::Editors => Among::Present,
        };
        let mut conditions = Vec::with_capacity(query.conditions.len());
        for condition in &query.conditions {
            resolve(connection, condition, among, shelf, &mut conditions)?;
        }
        Ok(Self::of(connection.dialect(), resource, query, conditions))
    }

    /// The same without a question to the database, where what the conditions name is known.
    pub fn known(dialect: Dialect, resource: &'static Resource, query: &ListQuery, shelf: Shelf<'_>) -> Option<Self> {
        let known = |condition: &Condition| match condition {
            Condition::Values(On::Parent(kind), Quantity::Any, given) => {
                let ids = given.iter().map(|name| shelf.id_of(kind, name)).collect::<Option<Vec<_>>>()?;
                Some(Resolved::Parent { ids, none: false })
            }
            Condition::Values(On::Ids | On::Slug | On::Country | On::Variant(_), ..)
            | Condition::Time(..)
            | Condition::When(_) => Some(Resolved::Plain(condition.clone())),
            Condition::Values(..) | Condition::Near { .. } => None,
        };
        let conditions = query.conditions.iter().map(known).collect::<Option<Vec<_>>>()?;
        Some(Self::of(dialect, resource, query, conditions))
    }

    fn of(dialect: Dialect, resource: &'static Resource, query: &ListQuery, conditions: Vec<Resolved>) -> Self {
        Self {
            kind: resource.kind,
            status: query.status.clone(),
            audience: query.shape.audience,
            dialect,
            conditions,
            at: query.at.unwrap_or_else(now),
            untranslated: query.untranslated.as_ref().map(|locale| format!("%,{locale},%")),
            outdated: query.outdated.as_ref().map(|locale| format!("%,{locale},%")),
        }
    }

    /// The items that fulfil all conditions.
    pub fn query(&self) -> Query<'_> {
        let all = items::table.into_boxed();
        let named = self.conditions.iter().any(Resolved::names_items);
        self.narrowed(match self.conditions.iter().any(Resolved::is_filed) {
            // Under one kind only items of one kind are filed, and the index of these knows no kinds.
            true => all,
            false if named => all.filter(by_the_way(self.dialect, items::kind, [self.kind])),
            false => all.filter(items::kind.eq(self.kind)),
        })
    }

    /// Those of these items that fulfil all conditions.
    pub fn among<S: AsRef<str>>(&self, ids: &[S]) -> Query<'_> {
        let kind = by_the_way(self.dialect, items::kind, [self.kind]);
        self.narrowed(items::table.filter(kind).into_boxed().filter(any_of(self.dialect, items::id, ids)))
    }

    fn narrowed<'a>(&'a self, mut query: Query<'a>) -> Query<'a> {
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
        Resolved::Parent { ids, none: true } => {
            query.filter(items::parent_id.is_null().or(not(any_of(dialect, items::parent_id, ids))))
        }
        Resolved::Parent { ids, none: false } => match ids.as_slice() {
            [one] => query.filter(items::parent_id.eq(one)),
            several => query.filter(any_of(dialect, items::parent_id, several)),
        },
        Resolved::Refers { relation, ids, common: false, none: false } => query.filter(
            items::id.eq_any(
                links::table
                    .filter(any_of(dialect, links::target_id, ids).and(links::relation.eq(*relation)))
                    .select(links::source_id),
            ),
        ),
        Resolved::Refers { relation, ids, none, .. } => {
            let ties = links::table.filter(links::source_id.eq(items::id).and(links::relation.eq(*relation)));
            let ties = ties.filter(any_of(dialect, links::target_id, ids));
            if *none { query.filter(not(exists(ties))) } else { query.filter(exists(ties)) }
        }
        Resolved::ReferredBy { relation, ids, none } => {
            let ties = links::table
                .filter(any_of(dialect, links::source_id, ids).and(links::relation.eq(*relation)))
                .select(links::target_id);
            if *none { query.filter(items::id.ne_all(ties)) } else { query.filter(items::id.eq_any(ties)) }
        }
        Resolved::Word { field, values, usual, common, none } => {
            narrow_word(query, dialect, field, values, (*usual, *common, *none))
        }
        Resolved::Among { ids, none } => match none {
            true => query.filter(not(any_of(dialect, items::id, ids))),
            false => query.filter(any_of(dialect, items::id, ids)),
        },
        Resolved::Plain(plain) => narrow_plain(query, plain, dialect, at),
    }
}

/// By words that are written down, and, for the usual one, by there being none.
fn narrow_word<'a>(
    query: Query<'a>,
    dialect: Dialect,
    field: &'static str,
    values: &'a [String],
    (usual, common, none): (bool, bool, bool),
) -> Query<'a> {
    let own = || item_words::table.filter(item_words::item_id.eq(items::id).and(item_words::field.eq(field)));
    let written = || own().filter(any_of(dialect, item_words::value, values));
    match (usual, none) {
        (false, false) if common => query.filter(exists(written())),
        (false, false) => query.filter(
            items::id.eq_any(
                item_words::table
                    .filter(item_words::field.eq(field).and(any_of(dialect, item_words::value, values)))
                    .select(item_words::item_id),
            ),
        ),
        (false, true) => query.filter(not(exists(written()))),
        (true, false) => query.filter(not(exists(own())).or(exists(written()))),
        (true, true) => query.filter(exists(own())).filter(not(exists(written()))),
    }
}

fn narrow_plain<'a>(query: Query<'a>, condition: &'a Condition, dialect: Dialect, at: i64) -> Query<'a> {
    match condition {
        Condition::Time(column, compare, time) => query.filter(compared(*column, *compare, KeyValue::Number(*time))),
        Condition::When(When::Upcoming) => query.filter(items::starts_at.gt(at)),
        Condition::When(When::Ongoing) => query.filter(items::starts_at.le(at).and(items::ends_at.gt(at))),
        Condition::When(When::Past) => query.filter(items::ends_at.le(at).and(items::starts_at.le(at))),
        Condition::Values(on, quantity, values) => {
            let none = *quantity == Quantity::None;
            match (on, none) {
                (On::Slug, false) => query.filter(any_of(dialect, items::slug, values)),
                (On::Slug, true) => query.filter(not(any_of(dialect, items::slug, values))),
                (On::Ids, false) => query.filter(any_of(dialect, items::id, values)),
                (On::Ids, true) => query.filter(not(any_of(dialect, items::id, values))),
                (On::Country, false) => query.filter(any_of(dialect, items::country, values)),
                (On::Country, true) => {
                    query.filter(items::country.is_null().or(not(any_of(dialect, items::country, values))))
                }
                (On::Variant(_), false) => query.filter(any_of(dialect, items::variant, values)),
                (On::Variant(_), true) => {
                    query.filter(items::variant.is_null().or(not(any_of(dialect, items::variant, values))))
                }
                _ => query,
            }
        }
        Condition::Near { .. } => query,
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
