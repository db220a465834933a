//! Through the items of a selection in an order, from a place on.

use std::cmp::Ordering;

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Bool, Text};

use super::cursor::KeyValue;
use super::narrow::{Query, after, sorted};
use super::query::Compare;
use super::search::{FEW, Found};
use super::select::{Selection, Tie};
use crate::database::schema::{items, links};
use crate::database::statement::Term;
use crate::database::{Backend, Db, Dialect, there_is};
use crate::problem::Problem;
use crate::resources::Column;

/// Items that are looked at in one go where many match a text.
const STRIDE: i64 = 500;

/// Items that are looked at before it is judged how many of them match.
const SAMPLE: usize = 2_000;
/// Where fewer than one of so many matches, all that match are put in order instead.
const RARE: usize = 100;
/// The most items that are looked at one after the other.
const FARTHEST: usize = 50_000;

/// Whether it takes too long to come across what matches, as when all of that is old and the newest comes first.
fn are_rare(matched: usize, seen: usize) -> bool {
    (seen >= SAMPLE && matched * RARE < seen) || seen >= FARTHEST
}

/// An item that was found, and its sort keys in the order of the query.
pub type Row = (String, Vec<KeyValue>);

/// Ties under construction: who refers, and when that starts.
pub type Ties<'a> = links::BoxedQuery<'a, Backend, (Text, BigInt)>;

/// Goes through the items of a selection in an order.
pub struct Walk<'a> {
    /// Which items.
    pub selection: &'a Selection,
    /// By which columns they are sorted, and whether that goes down.
    pub order: Vec<(Column, bool)>,
    /// A text that must be in them.
    pub found: Option<&'a Found<'a>>,
}

impl Walk<'_> {
    /// So many rows behind a place, some of them left out.
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
        // Many match: of those that come next in the order, some do.
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

    /// The first rows behind a place of all that match, however far apart they are: some are named in each
    /// statement, and what it finds first is joined with what the others do.
    fn named(
        &self,
        connection: &mut Db,
        found: &Found<'_>,
        start: Option<&(Vec<KeyValue>, String)>,
        wanted: usize,
    ) -> Result<Vec<Row>, Problem> {
        let mut rows: Vec<Row> = Vec::new();
        for some in found.all("?sort")?.chunks(FEW) {
            rows.extend(self.some(connection, start, Some(some), 0, wanted as i64)?);
            rows.sort_by(|one, other| self.compared(one, other));
            rows.truncate(wanted);
        }
        Ok(rows)
    }

    /// Which of two rows comes first; equals by id, which goes where the last key does.
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

    /// What refers to some items, in the order in which it starts: that of the index of ties to the first of
    /// them. Who speaks at an event and moderates it is tied to it twice.
    pub fn tied<'q>(&'q self, ties: &'q [Tie<'_>], start: Option<(i64, &'q str)>) -> Ties<'q> {
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

    /// Ties to the first of some items, each tested as it comes: for those to the others in the same index, then
    /// for the rest.
    fn tied_to<'q>(&'q self, ties: &'q [Tie<'_>]) -> Ties<'q> {
        let dialect = self.selection.dialect();
        let others = diesel::alias!(links as others);
        // Not by the index of what refers, which has it in another place for each: see `by_the_way`.
        let same = Term::<Bool>::new(match dialect {
            Dialect::Sqlite => "others.starts_at = links.starts_at AND +others.source_id = links.source_id",
            Dialect::Postgres => "others.starts_at = links.starts_at AND others.source_id || '' = links.source_id",
        });
        let other = |tie: &'q Tie<'_>| {
            let of_item = others.field(links::target_id).eq(tie.target);
            let of_item = of_item.and(others.field(links::relation).eq(tie.relation));
            others.filter(of_item).filter(same).select(others.field(links::source_id))
        };
        let (first, further) = ties.split_at(ties.len().min(1));
        let tied = links::table.select((links::source_id, links::starts_at)).distinct().into_boxed();
        let tied = first
            .iter()
            .fold(tied, |tied, tie| tied.filter(links::target_id.eq(tie.target).and(links::relation.eq(tie.relation))));
        let at_tie = |refers| there_is(dialect, self.selection.at_tie(Term::new(refers)));
        let Some((last, before)) = further.split_last() else {
            return tied.filter(at_tie("items.id = links.source_id"));
        };
        // The item is in another place for each: it is looked at when all else is found, so that must lead to it.
        let tied = before.iter().fold(tied, |tied, tie| tied.filter(there_is(dialect, other(tie))));
        tied.filter(there_is(dialect, other(last).filter(at_tie("items.id = others.source_id"))))
    }

    fn by_ties(
        &self,
        connection: &mut Db,
        ties: &[Tie<'_>],
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

/// The items that a query finds, with their sort keys. One key is in the index that has its order: where no
/// more is asked for, rows are not read.
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

    /// However many items there are, this ends the walk through them.
    #[test]
    fn a_walk_ends_where_matches_are_rare() {
        assert!(are_rare(0, SAMPLE) && are_rare(SAMPLE / RARE - 1, SAMPLE));
        assert!(!are_rare(0, SAMPLE - 1) && !are_rare(SAMPLE / RARE, SAMPLE));
        assert!(are_rare(FARTHEST, FARTHEST));
    }
}
