//! Conditions and orders as predicates of queries on `items`.

use diesel::BoxableExpression;
use diesel::dsl::not;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::content_types::{Column, FilterTarget};
use crate::database::schema::{item_words, items, links};
use crate::database::{Backend, Dialect, exists, in_list};
use crate::delivery::query::cursor::KeyValue;
use crate::delivery::query::years::YearSpan;
use crate::delivery::query::{Compare, Condition, Quantity};

/// A query on `items` that is being built.
pub type Query<'a> = items::BoxedQuery<'a, Backend>;

pub(super) type Test = Box<dyn BoxableExpression<items::table, Backend, SqlType = Bool>>;

/// A condition with its references resolved to ids, and its times to instants.
#[derive(Clone)]
pub enum ResolvedCondition {
    Plain(Condition),
    Parent { ids: Vec<String>, none: bool },
    Refers { relation: &'static str, ids: Vec<String>, common: bool, none: bool },
    ReferredBy { relation: &'static str, ids: Vec<String>, none: bool },
    Word(WordCondition),
    Among { ids: Vec<String>, none: bool },
}

/// A condition on the values of a field that are stored as words.
#[derive(Clone)]
pub struct WordCondition {
    /// Name of the field.
    pub field: &'static str,
    /// Requested values.
    pub values: Vec<String>,
    /// Whether the usual value, which is not stored, is among them.
    pub usual: bool,
    /// Whether many items have one of the values.
    pub common: bool,
    /// Whether the items must have none of the values.
    pub none: bool,
}

impl ResolvedCondition {
    /// Returns whether the condition names its items, and these are few.
    pub fn names_items(&self) -> bool {
        match self {
            ResolvedCondition::Plain(Condition::Values(FilterTarget::Ids, quantity, _)) => *quantity != Quantity::None,
            ResolvedCondition::Refers { common, none, .. } => !common && !none,
            ResolvedCondition::Word(word) => !word.usual && !word.common && !word.none,
            ResolvedCondition::ReferredBy { none, .. } | ResolvedCondition::Among { none, .. } => !none,
            ResolvedCondition::Plain(_) | ResolvedCondition::Parent { .. } => false,
        }
    }

    /// Returns whether every item of a page meets the condition anyway, by the first sort column of the page,
    /// whether that descends, and the value at which the page starts.
    pub fn is_implied_by(&self, (column, down, value): (Column, bool, &KeyValue)) -> bool {
        match (self, value) {
            (ResolvedCondition::Plain(Condition::Time(of, compare, bound)), KeyValue::Number(value))
                if *of == column =>
            {
                match compare {
                    Compare::Gte => !down && value >= bound,
                    Compare::Gt => !down && value > bound,
                    Compare::Lte => down && value <= bound,
                    Compare::Lt => down && value < bound,
                }
            }
            _ => false,
        }
    }

    /// Returns whether the condition names the parents of the items.
    pub fn names_parents(&self) -> bool {
        matches!(self, ResolvedCondition::Parent { none: false, .. })
    }
}

/// Adds a condition to a query.
pub fn narrow<'a>(query: Query<'a>, condition: &'a ResolvedCondition, dialect: Dialect) -> Query<'a> {
    match condition {
        ResolvedCondition::Parent { ids, none: true } => {
            query.filter(items::parent_id.is_null().or(not(in_list(dialect, items::parent_id, ids))))
        }
        ResolvedCondition::Parent { ids, none: false } => match ids.as_slice() {
            [one] => query.filter(items::parent_id.eq(one)),
            several => query.filter(in_list(dialect, items::parent_id, several)),
        },
        // Few items refer to these: they are collected by the index of links, and looked up by id.
        ResolvedCondition::Refers { relation, ids, common: false, none: false } => query.filter(
            items::id.eq_any(
                links::table
                    .filter(in_list(dialect, links::target_id, ids).and(links::relation.eq(*relation)))
                    .select(links::source_id),
            ),
        ),
        // Many items refer to these, or those are wanted that do not: each item is tested as it comes.
        ResolvedCondition::Refers { relation, ids, none, .. } => {
            let links = links::table.filter(links::source_id.eq(items::id).and(links::relation.eq(*relation)));
            let links = links.filter(in_list(dialect, links::target_id, ids));
            let linked = exists(dialect, links);
            if *none { query.filter(not(linked)) } else { query.filter(linked) }
        }
        ResolvedCondition::ReferredBy { relation, ids, none } => {
            let links = links::table
                .filter(in_list(dialect, links::source_id, ids).and(links::relation.eq(*relation)))
                .select(links::target_id);
            if *none { query.filter(items::id.ne_all(links)) } else { query.filter(items::id.eq_any(links)) }
        }
        ResolvedCondition::Word(word) => narrow_word(query, word, dialect),
        ResolvedCondition::Among { ids, none } => match none {
            true => query.filter(not(in_list(dialect, items::id, ids))),
            false => query.filter(in_list(dialect, items::id, ids)),
        },
        ResolvedCondition::Plain(plain) => narrow_plain(query, plain, dialect),
    }
}

/// Adds a condition on the values of a field. The usual value is not stored: an item without any value has
/// it.
fn narrow_word<'a>(query: Query<'a>, word: &'a WordCondition, dialect: Dialect) -> Query<'a> {
    let WordCondition { field, values, usual, common, none } = word;
    let own = || item_words::table.filter(item_words::item_id.eq(items::id).and(item_words::field.eq(*field)));
    let written = || exists(dialect, own().filter(in_list(dialect, item_words::value, values)));
    let own = || exists(dialect, own());
    match (*usual, *none) {
        (false, false) if *common => query.filter(written()),
        (false, false) => query.filter(
            items::id.eq_any(
                item_words::table
                    .filter(item_words::field.eq(*field).and(in_list(dialect, item_words::value, values)))
                    .select(item_words::item_id),
            ),
        ),
        (false, true) => query.filter(not(written())),
        (true, false) => query.filter(not(own()).or(written())),
        (true, true) => query.filter(own()).filter(not(written())),
    }
}

fn narrow_plain<'a>(query: Query<'a>, condition: &'a Condition, dialect: Dialect) -> Query<'a> {
    match condition {
        Condition::Time(column, compare, time) => query.filter(comparison(*column, *compare, KeyValue::Number(*time))),
        Condition::Values(on, quantity, values) => {
            let none = *quantity == Quantity::None;
            match (on, none) {
                (FilterTarget::Slug, false) => query.filter(in_list(dialect, items::slug, values)),
                (FilterTarget::Slug, true) => query.filter(not(in_list(dialect, items::slug, values))),
                (FilterTarget::Ids, false) => query.filter(in_list(dialect, items::id, values)),
                (FilterTarget::Ids, true) => query.filter(not(in_list(dialect, items::id, values))),
                (FilterTarget::Country, false) => query.filter(in_list(dialect, items::country, values)),
                (FilterTarget::Country, true) => {
                    query.filter(items::country.is_null().or(not(in_list(dialect, items::country, values))))
                }
                (FilterTarget::Variant(_), false) => query.filter(in_list(dialect, items::variant, values)),
                (FilterTarget::Variant(_), true) => {
                    query.filter(items::variant.is_null().or(not(in_list(dialect, items::variant, values))))
                }
                _ => query,
            }
        }
        Condition::Years(spans) => {
            let within = |span: &YearSpan| -> Test {
                Box::new(items::starts_at.ge(span.from).and(items::starts_at.lt(span.until)))
            };
            match spans.iter().map(within).reduce(|all, one| Box::new(all.or(one))) {
                Some(test) => query.filter(test),
                None => query,
            }
        }
        Condition::When(_) | Condition::Near { .. } => query,
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

/// Returns the predicate that a column is on one side of a value.
pub(super) fn comparison(column: Column, compare: Compare, value: KeyValue) -> Test {
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
