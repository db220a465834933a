//! Keyset walk through the items of a selection, in an order, from a given row on.

use std::cmp::Ordering;
use std::collections::HashMap;

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Bool, Text};

use crate::content_types::Column;
use crate::database::schema::{items, links};
use crate::database::statement::Term;
use crate::database::{Backend, Db, Dialect, exists};
use crate::delivery::query::Compare;
use crate::delivery::query::cursor::KeyValue;
use crate::delivery::sql::predicates::Query;
use crate::delivery::sql::selection::{Selection, SharedLink};
use crate::delivery::sql::sort_order::{SortKey, SortPart, bound_of_part, keyset_after, only_part, sort_query};
use crate::delivery::sql::text_match::{GROWTH_FACTOR, MAX_NAMED_MATCHES, TextMatches};
use crate::problem::Problem;

/// Stands for all items of the selection where no ids are named.
const ALL_ITEMS: Option<&[&str]> = None;
/// Items that are checked against the text index at a time, where many match the text.
const MATCH_BATCH: i64 = 500;

/// Items that are read before the share of matches among them is judged.
const SAMPLE: usize = 2_000;
/// If fewer than one item in this many matches, all matches are sorted instead.
const MIN_MATCH_RATIO: usize = 100;
/// Maximum number of items through which a query walks.
const MAX_WALKED: usize = 50_000;

/// Returns whether the walk takes too long to find matches, as when all of them are old and the newest come
/// first.
fn matches_are_sparse(matched: usize, seen: usize) -> bool {
    (seen >= SAMPLE && matched * MIN_MATCH_RATIO < seen) || seen >= MAX_WALKED
}

/// The id of an item, with its sort keys in the order of the query.
pub type Row = (String, Vec<KeyValue>);

/// A query on links that is being built: the id of the referring item, and its start.
pub type LinkQuery<'a> = links::BoxedQuery<'a, Backend, (Text, BigInt)>;

/// A walk through the items of a selection in an order.
pub struct KeysetWalk<'a> {
    pub selection: &'a Selection,
    /// Sort keys.
    pub order: Vec<SortKey>,
    /// Matches of the text that the items must contain.
    pub matches: Option<&'a TextMatches<'a>>,
}

/// The sort keys and the id of a row, in the order of the query.
pub type RowKey = (Vec<KeyValue>, String);

/// The rows that a query asks for.
#[derive(Clone, Copy)]
pub struct RowRange<'a> {
    /// Row behind which the range begins; it begins with the first row if `None`.
    pub start: Option<&'a RowKey>,
    /// Number of rows to skip.
    pub offset: i64,
    /// Maximum number of rows.
    pub limit: i64,
}

impl KeysetWalk<'_> {
    /// Returns the rows of a range.
    ///
    /// # Errors
    ///
    /// Returns a problem with the code `query_too_expensive` if the matches of a text are rare in this order and too
    /// many to be sorted. Fails if the search index or the database cannot be read.
    pub fn rows(&self, connection: &mut Db, range: RowRange<'_>) -> Result<Vec<Row>, Problem> {
        let Some(matches) = self.matches else { return Ok(self.read(connection, range, ALL_ITEMS)?) };
        if let Some(rows) = self.first_matches(connection, matches, range)? {
            return Ok(rows);
        }
        if let Some(ids) = matches.ids_if_few()? {
            return Ok(self.read(connection, range, Some(ids))?);
        }
        // Many items match: the walk takes the next ones in the order of the database, and the index tells
        // which of them match.
        let (mut rows, mut last, mut seen, wanted) = (Vec::new(), None, 0, (range.offset + range.limit) as usize);
        loop {
            let start = last.as_ref().or(range.start);
            let next = self.read(connection, RowRange { start, offset: 0, limit: MATCH_BATCH }, ALL_ITEMS)?;
            let ids: Vec<String> = next.iter().map(|(id, _)| id.clone()).collect();
            let matching = matches.filter_ids(&ids)?;
            let ended = (next.len() as i64) < MATCH_BATCH;
            last = next.last().map(|(id, keys)| (keys.clone(), id.clone()));
            rows.extend(next.into_iter().filter(|(id, _)| matching.contains(id)));
            seen += ids.len();
            let ended = ended || rows.len() >= wanted;
            if !ended && matches_are_sparse(rows.len(), seen) {
                rows.extend(self.all_matches(connection, matches, last.as_ref(), wanted - rows.len())?);
            } else if !ended {
                continue;
            }
            rows.truncate(wanted);
            return Ok(rows.split_off(rows.len().min(range.offset as usize)));
        }
    }

    /// Returns the rows of a range of the matches, which the index finds in their order. `None` if too few of the first
    /// matches are selected, or if an item has changed since it was indexed, so that the database has another order.
    fn first_matches(
        &self,
        connection: &mut Db,
        matches: &TextMatches<'_>,
        range: RowRange<'_>,
    ) -> Result<Option<Vec<Row>>, Problem> {
        let [key] = self.order.as_slice() else { return Ok(None) };
        let wanted = (range.offset + range.limit) as usize;
        let (mut rows, mut last, mut size): (Vec<Row>, Option<RowKey>, _) = (Vec::new(), None, wanted);
        while size <= MAX_NAMED_MATCHES {
            let Some(next) = matches.first_in_order(*key, last.as_ref().or(range.start), size)? else {
                return Ok(None);
            };
            let ids: Vec<&str> = next.iter().map(|(id, _)| id.as_str()).collect();
            let part = RowRange { offset: 0, limit: (wanted - rows.len()) as i64, ..range };
            let found = if ids.is_empty() { Vec::new() } else { self.read(connection, part, Some(&ids))? };
            let values: HashMap<&str, i64> = next.iter().map(|(id, value)| (id.as_str(), *value)).collect();
            let is_same = |(id, keys): &Row| match (values.get(id.as_str()), keys.as_slice()) {
                (Some(value), [KeyValue::Number(key)]) => value == key,
                _ => false,
            };
            if !found.iter().all(is_same) {
                return Ok(None);
            }
            rows.extend(found);
            if rows.len() >= wanted || next.len() < size {
                return Ok(Some(rows.split_off(rows.len().min(range.offset as usize))));
            }
            last = next.last().map(|(id, value)| (vec![KeyValue::Number(*value)], id.clone()));
            size *= GROWTH_FACTOR;
        }
        Ok(None)
    }

    /// Returns the first rows behind `start` of all matches, however far apart they are. Each statement names
    /// a part of the matches, and the first rows of all parts are merged.
    fn all_matches(
        &self,
        connection: &mut Db,
        matches: &TextMatches<'_>,
        start: Option<&RowKey>,
        wanted: usize,
    ) -> Result<Vec<Row>, Problem> {
        let range = RowRange { start, offset: 0, limit: wanted as i64 };
        let mut rows: Vec<Row> = Vec::new();
        for ids in matches.all("?sort")?.chunks(MAX_NAMED_MATCHES) {
            rows.extend(self.read(connection, range, Some(ids))?);
            rows.sort_by(|one, other| self.compare_rows(one, other));
            rows.truncate(wanted);
        }
        Ok(rows)
    }

    /// Compares two rows in the order of the walk; of equal keys the id decides, in the direction of the last
    /// key.
    fn compare_rows(&self, (id, keys): &Row, (other_id, other_keys): &Row) -> Ordering {
        let keys = self.order.iter().zip(keys.iter().zip(other_keys));
        let by_keys = keys.map(|(key, (one, other))| key.compare(one, other));
        let ids = if self.order.last().is_some_and(|key| key.down) { other_id.cmp(id) } else { id.cmp(other_id) };
        by_keys.fold(Ordering::Equal, Ordering::then).then(ids)
    }

    /// Reads a range of the selection, or of those of its items that are named. Where the numbers of the first
    /// column would put the rows without a value at the wrong end, these are put at the right one.
    fn read<S: AsRef<str>>(
        &self,
        connection: &mut Db,
        range: RowRange<'_>,
        among: Option<&[S]>,
    ) -> QueryResult<Vec<Row>> {
        let first =
            self.order.first().filter(|key| key.misplaced_value().is_some() && self.selection.may_lack(key.column));
        let Some(key) = first else { return self.read_part(connection, range, among, None) };
        if range.start.is_none() && range.offset == 0 {
            // Where all rows have a value, or all rows are in the range, one statement is enough.
            let mut rows = self.read_part(connection, range, among, None)?;
            let is_absent = |(_, keys): &&Row| keys.first().is_some_and(|value| key.part_of(value) == SortPart::Absent);
            let absent = rows.iter().take_while(is_absent).count();
            if absent == 0 || (rows.len() as i64) < range.limit {
                rows.rotate_left(absent);
                return Ok(rows);
            }
        }
        self.read_by_parts(connection, range, among, *key)
    }

    /// Reads a range as [`KeysetWalk::read`] does, the rows with a value in the first column and those without
    /// separately.
    fn read_by_parts<S: AsRef<str>>(
        &self,
        connection: &mut Db,
        range: RowRange<'_>,
        among: Option<&[S]>,
        key: SortKey,
    ) -> QueryResult<Vec<Row>> {
        let begun = range.start.and_then(|(keys, _)| keys.first()).map(|value| key.part_of(value));
        let (mut rows, mut offset, mut start) = (Vec::new(), range.offset, range.start);
        let parts = key.parts().into_iter().skip_while(|part| begun.is_some_and(|begun| *part != begun));
        for part in parts {
            let limit = range.limit - rows.len() as i64;
            if limit <= 0 {
                break;
            }
            let found = self.read_part(connection, RowRange { start, offset, limit }, among, Some(part))?;
            if found.is_empty() && offset > 0 {
                // The range begins in the next part, behind all rows of this one.
                let skipped = RowRange { start, offset: 0, limit: offset };
                offset -= self.read_part(connection, skipped, among, Some(part))?.len() as i64;
            } else {
                offset = 0;
            }
            rows.extend(found);
            start = None;
        }
        Ok(rows)
    }

    /// Reads a range of all rows, or of those of one part.
    fn read_part<S: AsRef<str>>(
        &self,
        connection: &mut Db,
        range: RowRange<'_>,
        among: Option<&[S]>,
        part: Option<SortPart>,
    ) -> QueryResult<Vec<Row>> {
        let links = self.selection.shared_links();
        // The index of links has the order of the start for each target. Collecting all items of a target
        // instead would take longer the more it has, for the same page.
        if among.is_none() && !links.is_empty() {
            return self.read_by_links(connection, range, &links, part);
        }
        let first = range.start.and_then(|(keys, _)| Some((self.order.first()?, keys.first()?)));
        let first = first.map(|(key, value)| (key.column, key.down, value));
        let mut select = among.map_or_else(|| self.selection.query_behind(first), |ids| self.selection.query_of(ids));
        let bounded = self.order.first().zip(part).filter(|(key, part)| !key.implies(*part, range.start.is_some()));
        if let Some((key, part)) = bounded {
            select = only_part(select, key.column, part);
        }
        select = sort_query(select, &self.order).limit(range.limit);
        if range.offset > 0 {
            select = select.offset(range.offset);
        }
        if let Some((keys, id)) = range.start {
            select = keyset_after(select, &self.order, keys, id);
        }
        rows(connection, select, &self.order)
    }

    /// Returns the query for the items that refer to all targets of `shared`, in the order of their start,
    /// which the index of links has for the first target. An item can be linked to another more than once, as
    /// by a speaker who also moderates, so the rows are distinct.
    pub fn linked_in_order<'q>(
        &'q self,
        shared: &'q [SharedLink<'_>],
        start: Option<(i64, &'q str)>,
        part: Option<SortPart>,
    ) -> LinkQuery<'q> {
        let down = self.order.iter().any(|key| key.down);
        let mut query = self.link_query(shared);
        let bounds = self.selection.bounds_of_start(down, start.map(|(at, _)| at));
        let part = self.order.first().zip(part).filter(|(key, part)| !key.implies(*part, start.is_some()));
        let of_part = part.and_then(|(key, part)| bound_of_part(key.column, part));
        for (compare, bound) in bounds.into_iter().chain(of_part) {
            query = match compare {
                Compare::Gte => query.filter(links::starts_at.ge(bound)),
                Compare::Gt => query.filter(links::starts_at.gt(bound)),
                Compare::Lte => query.filter(links::starts_at.le(bound)),
                Compare::Lt => query.filter(links::starts_at.lt(bound)),
            };
        }
        let (at, id) = (links::starts_at, links::source_id);
        match (down, start) {
            (true, None) => query.order((at.desc(), id.desc())),
            (false, None) => query.order((at.asc(), id.asc())),
            (true, Some((last, of))) => {
                query.filter(at.le(last).and(at.lt(last).or(id.lt(of)))).order((at.desc(), id.desc()))
            }
            (false, Some((last, of))) => {
                query.filter(at.ge(last).and(at.gt(last).or(id.gt(of)))).order((at.asc(), id.asc()))
            }
        }
    }

    /// Returns the query for links to the first target. Each is tested as it comes: for the links to the
    /// others, in the same index, and then for the other conditions.
    fn link_query<'q>(&'q self, shared: &'q [SharedLink<'_>]) -> LinkQuery<'q> {
        let dialect = self.selection.dialect();
        let others = diesel::alias!(links as others);
        // The index of links by source must not be used: it has each source in another place (see
        // `in_list_unindexed`).
        let same = Term::<Bool>::new(match dialect {
            Dialect::Sqlite => "others.starts_at = links.starts_at AND +others.source_id = links.source_id",
            Dialect::Postgres => "others.starts_at = links.starts_at AND others.source_id || '' = links.source_id",
        });
        let other = |link: &'q SharedLink<'_>| {
            let of_item = others.field(links::target_id).eq(link.target);
            let of_item = of_item.and(others.field(links::relation).eq(link.relation));
            others.filter(of_item).filter(same).select(others.field(links::source_id))
        };
        let (first, further) = shared.split_at(shared.len().min(1));
        let query = links::table.select((links::source_id, links::starts_at)).distinct().into_boxed();
        let query = first.iter().fold(query, |query, link| {
            query.filter(links::target_id.eq(link.target).and(links::relation.eq(link.relation)))
        });
        let is_selected = |refers| exists(dialect, self.selection.linked_item(Term::new(refers)));
        let Some((last, before)) = further.split_last() else {
            return query.filter(is_selected("items.id = links.source_id"));
        };
        // Each item is in another place on the disk, so its row must be read last, and only if all links are
        // found. Nesting its test in that of the last link enforces this order on both databases.
        let query = before.iter().fold(query, |query, link| query.filter(exists(dialect, other(link))));
        query.filter(exists(dialect, other(last).filter(is_selected("items.id = others.source_id"))))
    }

    fn read_by_links(
        &self,
        connection: &mut Db,
        range: RowRange<'_>,
        links: &[SharedLink<'_>],
        part: Option<SortPart>,
    ) -> QueryResult<Vec<Row>> {
        let start = range.start.and_then(|(keys, id)| match keys.first() {
            Some(KeyValue::Number(at)) => Some((*at, id.as_str())),
            _ => None,
        });
        let query = self.linked_in_order(links, start, part).limit(range.limit).offset(range.offset);
        let rows: Vec<(String, i64)> = query.load(connection)?;
        Ok(rows.into_iter().map(|(id, at)| (id, vec![KeyValue::Number(at)])).collect())
    }
}

/// Loads the rows of a query with their sort keys. A single key is part of the index that has its order, so
/// that no rows of the table are read if nothing else is selected.
fn rows(connection: &mut Db, select: Query<'_>, order: &[SortKey]) -> QueryResult<Vec<Row>> {
    macro_rules! only {
        ($column:ident, $key:path) => {{
            let rows: Vec<(String, _)> = select.select((items::id, items::$column)).load(connection)?;
            rows.into_iter().map(|(id, key)| (id, vec![$key(key)])).collect()
        }};
    }
    Ok(match order {
        [SortKey { column: Column::StartsAt, .. }] => only!(starts_at, KeyValue::Number),
        [SortKey { column: Column::EndsAt, .. }] => only!(ends_at, KeyValue::Number),
        [SortKey { column: Column::CreatedAt, .. }] => only!(created_at, KeyValue::Number),
        [SortKey { column: Column::UpdatedAt, .. }] => only!(updated_at, KeyValue::Number),
        [SortKey { column: Column::PublishedAt, .. }] => only!(published_at, KeyValue::Number),
        [SortKey { column: Column::Position, .. }] => only!(position, KeyValue::Number),
        [SortKey { column: Column::Label, .. }] => only!(label, KeyValue::Text),
        several => with_keys(connection, select, several)?,
    })
}

fn with_keys(connection: &mut Db, select: Query<'_>, order: &[SortKey]) -> QueryResult<Vec<Row>> {
    type Times = (i64, i64, i64, i64, i64);
    let times = (items::starts_at, items::ends_at, items::created_at, items::updated_at, items::published_at);
    let rows: Vec<(String, Times, i64, String)> =
        select.select((items::id, times, items::position, items::label)).load(connection)?;
    let row = |(id, times, position, label): (String, Times, i64, String)| {
        let key = |key: &SortKey| match key.column {
            Column::StartsAt => KeyValue::Number(times.0),
            Column::EndsAt => KeyValue::Number(times.1),
            Column::CreatedAt => KeyValue::Number(times.2),
            Column::UpdatedAt => KeyValue::Number(times.3),
            Column::PublishedAt => KeyValue::Number(times.4),
            Column::Position => KeyValue::Number(position),
            Column::Label => KeyValue::Text(label.clone()),
        };
        (id, order.iter().map(key).collect())
    };
    Ok(rows.into_iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rare matches end the walk, however many items there are.
    #[test]
    fn a_walk_ends_where_matches_are_rare() {
        assert!(matches_are_sparse(0, SAMPLE) && matches_are_sparse(SAMPLE / MIN_MATCH_RATIO - 1, SAMPLE));
        assert!(!matches_are_sparse(0, SAMPLE - 1) && !matches_are_sparse(SAMPLE / MIN_MATCH_RATIO, SAMPLE));
        assert!(matches_are_sparse(MAX_WALKED, MAX_WALKED));
    }
}
