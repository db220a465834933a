//! Keyset walk through the items of a selection, in an order, from a given row on.

use std::cmp::Ordering;

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Bool, Text};

use crate::content_types::Column;
use crate::database::schema::{items, links};
use crate::database::statement::Term;
use crate::database::{Backend, Db, Dialect, exists};
use crate::delivery::query::Compare;
use crate::delivery::query::cursor::KeyValue;
use crate::delivery::sql::predicates::{Query, after, sorted};
use crate::delivery::sql::selection::{Selection, SharedLink};
use crate::delivery::sql::text_match::{MAX_NAMED_MATCHES, TextMatches};
use crate::problem::Problem;

/// Items that are checked against the text index at a time, where many match the text.
const STRIDE: i64 = 500;

/// Items that are read before the share of matches among them is judged.
const SAMPLE: usize = 2_000;
/// If fewer than one item in this many matches, all matches are sorted instead.
const RARE: usize = 100;
/// Maximum number of items through which a query walks.
const FARTHEST: usize = 50_000;

/// Returns whether the walk takes too long to find matches, as when all of them are old and the newest come
/// first.
fn are_rare(matched: usize, seen: usize) -> bool {
    (seen >= SAMPLE && matched * RARE < seen) || seen >= FARTHEST
}

/// The id of an item, with its sort keys in the order of the query.
pub type Row = (String, Vec<KeyValue>);

/// A query on links that is being built: the id of the referring item, and its start.
pub type Ties<'a> = links::BoxedQuery<'a, Backend, (Text, BigInt)>;

/// A walk through the items of a selection in an order.
pub struct KeysetWalk<'a> {
    pub selection: &'a Selection,
    /// Sort columns, each with whether it descends.
    pub order: Vec<(Column, bool)>,
    /// Matches of the text that the items must contain.
    pub found: Option<&'a TextMatches<'a>>,
}

impl KeysetWalk<'_> {
    /// Returns at most `limit` rows behind `start`, without the first `offset` of them.
    ///
    /// # Errors
    ///
    /// Returns a problem with the code `query_too_expensive` if the matches of a text are rare in this order and too
    /// many to be sorted. Fails if the search index or the database cannot be read.
    pub fn rows(
        &self,
        connection: &mut Db,
        start: Option<(Vec<KeyValue>, String)>,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<Row>, Problem> {
        let Some(found) = self.found else { return Ok(self.some(connection, start.as_ref(), None, offset, limit)?) };
        if let Some(few) = found.named() {
            return Ok(self.some(connection, start.as_ref(), Some(few), offset, limit)?);
        }
        // Many items match: the walk takes the next ones in the order of the database, and the index tells
        // which of them match.
        let (mut rows, mut start, mut seen, wanted) = (Vec::new(), start, 0, (offset + limit) as usize);
        loop {
            let next = self.some(connection, start.as_ref(), None, 0, STRIDE)?;
            let ids: Vec<String> = next.iter().map(|(id, _)| id.clone()).collect();
            let good = found.among(&ids)?;
            let last = next.last().map(|(id, keys)| (keys.clone(), id.clone()));
            let ended = (next.len() as i64) < STRIDE;
            rows.extend(next.into_iter().filter(|(id, _)| good.contains(id)));
            (start, seen) = (last, seen + ids.len());
            let ended = ended || rows.len() >= wanted;
            if !ended && are_rare(rows.len(), seen) {
                rows.extend(self.named(connection, found, start.as_ref(), wanted - rows.len())?);
            } else if !ended {
                continue;
            }
            rows.truncate(wanted);
            return Ok(rows.split_off(rows.len().min(offset as usize)));
        }
    }

    /// Returns the first rows behind `start` of all matches, however far apart they are. Each statement names
    /// a part of the matches, and the first rows of all parts are merged.
    fn named(
        &self,
        connection: &mut Db,
        found: &TextMatches<'_>,
        start: Option<&(Vec<KeyValue>, String)>,
        wanted: usize,
    ) -> Result<Vec<Row>, Problem> {
        let mut rows: Vec<Row> = Vec::new();
        for some in found.all("?sort")?.chunks(MAX_NAMED_MATCHES) {
            rows.extend(self.some(connection, start, Some(some), 0, wanted as i64)?);
            rows.sort_by(|one, other| self.compared(one, other));
            rows.truncate(wanted);
        }
        Ok(rows)
    }

    /// Compares two rows in the order of the walk; of equal keys the id decides, in the direction of the last
    /// key.
    fn compared(&self, (id, keys): &Row, (other_id, other_keys): &Row) -> Ordering {
        let in_direction = |down: bool, ordering: Ordering| if down { ordering.reverse() } else { ordering };
        let keys = self.order.iter().zip(keys.iter().zip(other_keys));
        let by_keys = keys.map(|((_, down), (one, other))| in_direction(*down, one.cmp(other)));
        let last_down = self.order.last().is_some_and(|(_, down)| *down);
        by_keys.fold(Ordering::Equal, Ordering::then).then(in_direction(last_down, id.cmp(other_id)))
    }

    fn some(
        &self,
        connection: &mut Db,
        start: Option<&(Vec<KeyValue>, String)>,
        among: Option<&[String]>,
        offset: i64,
        limit: i64,
    ) -> QueryResult<Vec<Row>> {
        let ties = self.selection.ties();
        // The index of links has the order of the start for each target. Collecting all items of a target
        // instead would take longer the more it has, for the same page.
        if among.is_none() && !ties.is_empty() {
            return self.by_ties(connection, &ties, start, offset, limit);
        }
        let first = start.and_then(|(keys, _)| Some((self.order.first()?, keys.first()?)));
        let first = first.map(|((column, down), value)| (*column, *down, value));
        let select = among.map_or_else(|| self.selection.query_behind(first), |ids| self.selection.among(ids));
        let mut select = sorted(select, &self.order).limit(limit);
        if offset > 0 {
            select = select.offset(offset);
        }
        if let Some((keys, id)) = start {
            select = after(select, &self.order, keys, id);
        }
        rows(connection, select, &self.order)
    }

    /// Returns the query for the items that refer to all targets of `ties`, in the order of their start,
    /// which the index of links has for the first target. An item can be linked to another more than once, as
    /// by a speaker who also moderates, so the rows are distinct.
    pub fn tied<'q>(&'q self, ties: &'q [SharedLink<'_>], start: Option<(i64, &'q str)>) -> Ties<'q> {
        let down = self.order.iter().any(|(_, down)| *down);
        let mut tied = self.tied_to(ties);
        for (compare, bound) in self.selection.bounds_of_start(down, start.map(|(at, _)| at)) {
            tied = match compare {
                Compare::Gte => tied.filter(links::starts_at.ge(bound)),
                Compare::Gt => tied.filter(links::starts_at.gt(bound)),
                Compare::Lte => tied.filter(links::starts_at.le(bound)),
                Compare::Lt => tied.filter(links::starts_at.lt(bound)),
            };
        }
        let (at, id) = (links::starts_at, links::source_id);
        match (down, start) {
            (true, None) => tied.order((at.desc(), id.desc())),
            (false, None) => tied.order((at.asc(), id.asc())),
            (true, Some((last, of))) => {
                tied.filter(at.le(last).and(at.lt(last).or(id.lt(of)))).order((at.desc(), id.desc()))
            }
            (false, Some((last, of))) => {
                tied.filter(at.ge(last).and(at.gt(last).or(id.gt(of)))).order((at.asc(), id.asc()))
            }
        }
    }

    /// Returns the query for links to the first target. Each is tested as it comes: for the links to the
    /// others, in the same index, and then for the other conditions.
    fn tied_to<'q>(&'q self, ties: &'q [SharedLink<'_>]) -> Ties<'q> {
        let dialect = self.selection.dialect();
        let others = diesel::alias!(links as others);
        // The index of links by source must not be used: it has each source in another place (see
        // `by_the_way`).
        let same = Term::<Bool>::new(match dialect {
            Dialect::Sqlite => "others.starts_at = links.starts_at AND +others.source_id = links.source_id",
            Dialect::Postgres => "others.starts_at = links.starts_at AND others.source_id || '' = links.source_id",
        });
        let other = |tie: &'q SharedLink<'_>| {
            let of_item = others.field(links::target_id).eq(tie.target);
            let of_item = of_item.and(others.field(links::relation).eq(tie.relation));
            others.filter(of_item).filter(same).select(others.field(links::source_id))
        };
        let (first, further) = ties.split_at(ties.len().min(1));
        let tied = links::table.select((links::source_id, links::starts_at)).distinct().into_boxed();
        let tied = first
            .iter()
            .fold(tied, |tied, tie| tied.filter(links::target_id.eq(tie.target).and(links::relation.eq(tie.relation))));
        let at_tie = |refers| exists(dialect, self.selection.at_tie(Term::new(refers)));
        let Some((last, before)) = further.split_last() else {
            return tied.filter(at_tie("items.id = links.source_id"));
        };
        // Each item is in another place on the disk, so its row must be read last, and only if all links are
        // found. Nesting its test in that of the last link enforces this order on both databases.
        let tied = before.iter().fold(tied, |tied, tie| tied.filter(exists(dialect, other(tie))));
        tied.filter(exists(dialect, other(last).filter(at_tie("items.id = others.source_id"))))
    }

    fn by_ties(
        &self,
        connection: &mut Db,
        ties: &[SharedLink<'_>],
        start: Option<&(Vec<KeyValue>, String)>,
        offset: i64,
        limit: i64,
    ) -> QueryResult<Vec<Row>> {
        let start = start.and_then(|(keys, id)| match keys.first() {
            Some(KeyValue::Number(at)) => Some((*at, id.as_str())),
            _ => None,
        });
        let rows: Vec<(String, i64)> = self.tied(ties, start).limit(limit).offset(offset).load(connection)?;
        Ok(rows.into_iter().map(|(id, at)| (id, vec![KeyValue::Number(at)])).collect())
    }
}

/// Loads the rows of a query with their sort keys. A single key is part of the index that has its order, so
/// that no rows of the table are read if nothing else is selected.
fn rows(connection: &mut Db, select: Query<'_>, order: &[(Column, bool)]) -> QueryResult<Vec<Row>> {
    macro_rules! only {
        ($column:ident, $key:path) => {{
            let rows: Vec<(String, _)> = select.select((items::id, items::$column)).load(connection)?;
            rows.into_iter().map(|(id, key)| (id, vec![$key(key)])).collect()
        }};
    }
    Ok(match order {
        [(Column::StartsAt, _)] => only!(starts_at, KeyValue::Number),
        [(Column::EndsAt, _)] => only!(ends_at, KeyValue::Number),
        [(Column::CreatedAt, _)] => only!(created_at, KeyValue::Number),
        [(Column::UpdatedAt, _)] => only!(updated_at, KeyValue::Number),
        [(Column::PublishedAt, _)] => only!(published_at, KeyValue::Number),
        [(Column::Position, _)] => only!(position, KeyValue::Number),
        [(Column::Label, _)] => only!(label, KeyValue::Text),
        several => with_keys(connection, select, several)?,
    })
}

fn with_keys(connection: &mut Db, select: Query<'_>, order: &[(Column, bool)]) -> QueryResult<Vec<Row>> {
    type Times = (i64, i64, i64, i64, i64);
    let times = (items::starts_at, items::ends_at, items::created_at, items::updated_at, items::published_at);
    let rows: Vec<(String, Times, i64, String)> =
        select.select((items::id, times, items::position, items::label)).load(connection)?;
    let row = |(id, times, position, label): (String, Times, i64, String)| {
        let key = |(column, _): &(Column, bool)| match column {
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
        assert!(are_rare(0, SAMPLE) && are_rare(SAMPLE / RARE - 1, SAMPLE));
        assert!(!are_rare(0, SAMPLE - 1) && !are_rare(SAMPLE / RARE, SAMPLE));
        assert!(are_rare(FARTHEST, FARTHEST));
    }
}
