//! Orders of lists: sort keys, and the rows behind a given one. Rows without a value come last in both directions.

use std::cmp::Ordering;

use diesel::prelude::*;

use crate::content_types::Column;
use crate::database::schema::items;
use crate::delivery::query::Compare;
use crate::delivery::query::cursor::KeyValue;
use crate::delivery::sql::predicates::{Query, Test, comparison};
use crate::items::NO_DATE;

/// A column by which rows are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortKey {
    pub column: Column,
    /// Whether the walk through the rows descends.
    pub down: bool,
    /// Whether the walk goes from the end of the list to its beginning.
    pub backwards: bool,
}

/// The rows with a value in the first sort column, or those without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortPart {
    Valued,
    Absent,
}

/// Returns the number that stands for an absent value in a column.
pub fn absent_value(column: Column) -> Option<i64> {
    match column {
        Column::StartsAt | Column::EndsAt => Some(NO_DATE),
        Column::PublishedAt => Some(0),
        Column::CreatedAt | Column::UpdatedAt | Column::Position | Column::Label => None,
    }
}

impl SortKey {
    /// Returns the number of an absent value, if the order of numbers would not put it at the end of the list.
    pub fn misplaced_value(self) -> Option<i64> {
        let descends = self.down != self.backwards;
        absent_value(self.column).filter(|absent| (*absent == NO_DATE) == descends)
    }

    /// Returns the parts of the rows in the order of the walk.
    pub fn parts(self) -> [SortPart; 2] {
        if self.backwards { [SortPart::Absent, SortPart::Valued] } else { [SortPart::Valued, SortPart::Absent] }
    }

    /// Returns the part of the row with this value.
    pub fn part_of(self, value: &KeyValue) -> SortPart {
        let absent = absent_value(self.column);
        if absent.is_some_and(|absent| *value == KeyValue::Number(absent)) {
            SortPart::Absent
        } else {
            SortPart::Valued
        }
    }

    /// Returns whether the row at which a walk starts keeps it within a part: the walk leads away from the absent
    /// values. A second bound on the column would be worse than none: of two, SQLite may seek by the weaker one.
    pub fn implies(self, part: SortPart, has_start: bool) -> bool {
        let away = absent_value(self.column).is_some_and(|absent| (absent == NO_DATE) == self.down);
        part == SortPart::Valued && has_start && away
    }

    /// Compares two values in the order of the walk.
    pub fn compare(self, one: &KeyValue, other: &KeyValue) -> Ordering {
        let rank = |value: &KeyValue| self.parts().iter().position(|part| *part == self.part_of(value));
        let ordering = if self.down { other.cmp(one) } else { one.cmp(other) };
        if self.misplaced_value().is_some() { rank(one).cmp(&rank(other)).then(ordering) } else { ordering }
    }

    /// Returns the predicates of the rows beyond a value, and of those beyond or at it.
    fn predicates_behind(self, value: &KeyValue) -> (Test, Test) {
        let (beyond, reaching) = if self.down { (Compare::Lt, Compare::Lte) } else { (Compare::Gt, Compare::Gte) };
        let test = |compare| comparison(self.column, compare, value.clone());
        let Some(absent) = self.misplaced_value() else { return (test(beyond), test(reaching)) };
        let is_absent = |compare| comparison(self.column, compare, KeyValue::Number(absent));
        // Of the two operators, the one that the absent value's end of the numbers does not meet.
        let valued = if absent == NO_DATE { Compare::Lt } else { Compare::Gt };
        let at_end = if absent == NO_DATE { Compare::Gte } else { Compare::Lte };
        match (self.part_of(value), self.backwards) {
            (SortPart::Valued, false) => {
                (Box::new(test(beyond).or(is_absent(at_end))), Box::new(test(reaching).or(is_absent(at_end))))
            }
            (SortPart::Valued, true) => {
                (Box::new(test(beyond).and(is_absent(valued))), Box::new(test(reaching).and(is_absent(valued))))
            }
            (SortPart::Absent, false) => (Box::new(is_absent(valued).and(is_absent(at_end))), is_absent(at_end)),
            (SortPart::Absent, true) => (is_absent(valued), Box::new(is_absent(valued).or(is_absent(at_end)))),
        }
    }
}

/// Returns the comparison with the absent value that holds for the rows of a part.
pub fn bound_of_part(column: Column, part: SortPart) -> Option<(Compare, i64)> {
    let absent = absent_value(column)?;
    let compare = match (part, absent == NO_DATE) {
        (SortPart::Valued, true) => Compare::Lt,
        (SortPart::Valued, false) => Compare::Gt,
        (SortPart::Absent, true) => Compare::Gte,
        (SortPart::Absent, false) => Compare::Lte,
    };
    Some((compare, absent))
}

/// Restricts a query to the rows of a part.
pub fn only_part(query: Query<'_>, column: Column, part: SortPart) -> Query<'_> {
    match bound_of_part(column, part) {
        Some((compare, absent)) => query.filter(comparison(column, compare, KeyValue::Number(absent))),
        None => query,
    }
}

/// Adds the keyset predicate for the rows after a given one: `k1 ≥ v1 and (k1 > v1 or (k2 ≥ v2 and …))`. The
/// bound on the first key adds nothing, but an index can seek by it, as it cannot by the disjunction. In the first
/// column, the rows with and without a value are read separately, so the plain comparison suffices.
pub fn keyset_after<'a>(query: Query<'a>, order: &[SortKey], keys: &[KeyValue], id: &str) -> Query<'a> {
    let last_down = order.last().is_some_and(|key| key.down);
    let mut test: Test =
        if last_down { Box::new(items::id.lt(id.to_owned())) } else { Box::new(items::id.gt(id.to_owned())) };
    for (index, (key, value)) in order.iter().zip(keys).enumerate().rev() {
        let (beyond, reaching) = match index {
            0 => {
                let (beyond, reaching) =
                    if key.down { (Compare::Lt, Compare::Lte) } else { (Compare::Gt, Compare::Gte) };
                (comparison(key.column, beyond, value.clone()), comparison(key.column, reaching, value.clone()))
            }
            _ => key.predicates_behind(value),
        };
        test = Box::new(reaching.and(beyond.or(test)));
    }
    query.filter(test)
}

/// Sorts by these keys, then by id in the direction of the last one. The id makes the order total: without it keyset
/// pages would skip or repeat items with equal keys.
pub fn sort_query<'a>(mut query: Query<'a>, order: &[SortKey]) -> Query<'a> {
    macro_rules! then_by {
        ($query:expr, $column:expr, $down:expr) => {
            if $down { $query.then_order_by($column.desc()) } else { $query.then_order_by($column.asc()) }
        };
    }
    for (index, key) in order.iter().enumerate() {
        // The first column is not asked whether it has a value: an index could not follow that order.
        if let Some(absent) = key.misplaced_value().filter(|_| index > 0) {
            let compare = if absent == NO_DATE { Compare::Gte } else { Compare::Lte };
            query = then_by!(query, comparison(key.column, compare, KeyValue::Number(absent)), key.backwards);
        }
        query = match key.column {
            Column::StartsAt => then_by!(query, items::starts_at, key.down),
            Column::EndsAt => then_by!(query, items::ends_at, key.down),
            Column::CreatedAt => then_by!(query, items::created_at, key.down),
            Column::UpdatedAt => then_by!(query, items::updated_at, key.down),
            Column::PublishedAt => then_by!(query, items::published_at, key.down),
            Column::Position => then_by!(query, items::position, key.down),
            Column::Label => then_by!(query, items::label, key.down),
        };
    }
    then_by!(query, items::id, order.last().is_some_and(|key| key.down))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What has no value is last in the list in both directions, and so first where a walk begins at the end.
    #[test]
    fn absent_values_are_at_the_end_of_the_list() {
        for (column, absent) in [(Column::StartsAt, NO_DATE), (Column::EndsAt, NO_DATE), (Column::PublishedAt, 0)] {
            for (down, backwards) in [(false, false), (true, false), (false, true), (true, true)] {
                let key = SortKey { column, down, backwards };
                let mut values = [5, absent, 7].map(KeyValue::Number);
                values.sort_by(|one, other| key.compare(one, other));
                let place = if backwards { 0 } else { 2 };
                assert_eq!(values[place], KeyValue::Number(absent), "{key:?}");
                assert_eq!(key.misplaced_value().is_some(), (absent == NO_DATE) == (down != backwards), "{key:?}");
            }
        }
    }
}
