//! Full-text queries within lists. The index tells which items match, the database which of these may be
//! shown and meet the other conditions; whichever of the two leaves fewer items is asked first.

use std::cell::OnceCell;
use std::collections::HashSet;

use diesel::prelude::*;
use uuid::Uuid;

use crate::content::violation::Violations;
use crate::content_types::{Column, ContentType};
use crate::database::Db;
use crate::database::schema::items;
use crate::delivery::query::ListQuery;
use crate::delivery::query::cursor::KeyValue;
use crate::delivery::sql::keyset::RowKey;
use crate::delivery::sql::predicates::Query;
use crate::delivery::sql::selection::Selection;
use crate::delivery::sql::sort_order::{SortKey, absent_value};
use crate::problem::{Problem, ProblemKind};
use crate::search::{DocOrder, Matches, Search, SearchError};

/// Maximum number of items that are named to the database, or to the index, in one query.
pub const MAX_NAMED_MATCHES: usize = 5_000;
/// Maximum number of matches that are sorted, or examined by rank, for one page.
const MAX_RANKED_MATCHES: usize = 100_000;
/// Number of matches that the first query by rank asks for in addition to those that are wanted.
const SPARE_MATCHES: usize = 12;
/// Factor by which each further query by rank is larger.
pub(super) const GROWTH_FACTOR: usize = 8;

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Database(error) => error.into(),
            other => {
                tracing::error!(error = %other, "search index query failed");
                let detail = "the search index cannot be read; a damaged index is rebuilt automatically";
                Problem::new(ProblemKind::Unavailable, detail).retry_after(2)
            }
        }
    }
}

/// Returns the problem of a query that would take too long.
pub fn too_expensive(place: &str, why: &str) -> Problem {
    Problem::bad_request(Violations::one(
        place,
        "query_too_expensive",
        format!("{why}; narrow the query, or omit this parameter"),
    ))
}

/// Matches of a text.
pub struct TextMatches<'a> {
    matches: Matches<'a>,
    /// Whether the items are sought as they are now, as the index has them, and not at another moment.
    present: bool,
    count: OnceCell<usize>,
    named: OnceCell<Option<Vec<String>>>,
}

impl<'a> TextMatches<'a> {
    /// Looks up the text of a query; `None` if the query has none.
    ///
    /// # Errors
    ///
    /// Fails if the search index cannot be read.
    pub fn new(
        search: &'a Search,
        content_type: &ContentType,
        query: &ListQuery,
        locale: &str,
    ) -> Result<Option<Self>, Problem> {
        let Some((_, search_query)) = &query.text else { return Ok(None) };
        let matches = search.matches(search_query, &[content_type.kind], locale)?;
        let present = query.at.is_none();
        Ok(Some(Self { matches, present, count: OnceCell::new(), named: OnceCell::new() }))
    }

    fn count(&self) -> Result<usize, Problem> {
        if let Some(count) = self.count.get() {
            return Ok(*count);
        }
        let count = self.matches.count()?;
        Ok(*self.count.get_or_init(|| count))
    }

    /// Returns the ids of all matches.
    ///
    /// # Errors
    ///
    /// Returns a problem with the code `too_expensive` if there are more than [`MAX_NAMED_MATCHES`]. Fails if the
    /// search index cannot be read.
    pub fn ids_within_limit(&self, place: &str) -> Result<&[String], Problem> {
        self.ids_if_few()?
            .ok_or_else(|| too_expensive(place, &format!("more than {MAX_NAMED_MATCHES} items match the text")))
    }

    /// Returns the ids of all matches, if these are few.
    ///
    /// # Errors
    ///
    /// Fails if the search index cannot be read.
    pub fn ids_if_few(&self) -> Result<Option<&[String]>, Problem> {
        if self.named.get().is_none() {
            let few = self.count()? <= MAX_NAMED_MATCHES;
            let ids = if few { Some(self.matches.ids()?) } else { None };
            self.named.get_or_init(|| ids);
        }
        Ok(self.named.get().and_then(Option::as_deref))
    }

    /// Returns the ids and values of the first `limit` matches behind `start` as the index has them; `None` if the order
    /// of the index may not be that of the items, or if there are too many matches to compare all.
    ///
    /// # Errors
    ///
    /// Fails if the search index cannot be read.
    pub fn first_in_order(
        &self,
        key: SortKey,
        start: Option<&RowKey>,
        limit: usize,
    ) -> Result<Option<Vec<(String, i64)>>, Problem> {
        if !self.present || key.column == Column::Label || self.count()? > MAX_RANKED_MATCHES {
            return Ok(None);
        }
        let SortKey { column, down, backwards } = key;
        let order = DocOrder { column, down, absent: absent_value(column), absent_first: backwards };
        let after = match start.map(|(keys, id)| (keys.first(), Uuid::try_parse(id))) {
            None => None,
            Some((Some(KeyValue::Number(value)), Ok(id))) => Some(order.place(*value, id.as_u128())),
            Some(_) => return Ok(None),
        };
        Ok(Some(self.matches.first_in_order(order, after, limit)?))
    }

    /// Returns the ids of all matches, even if these are many.
    ///
    /// # Errors
    ///
    /// Returns a problem with the code `too_expensive` if there are more than 100,000. Fails if the search index
    /// cannot be read.
    pub fn all(&self, place: &str) -> Result<Vec<String>, Problem> {
        if self.count()? > MAX_RANKED_MATCHES {
            return Err(too_expensive(place, &format!("more than {MAX_RANKED_MATCHES} items match the text")));
        }
        Ok(self.matches.ids()?)
    }

    /// Returns those of these ids that match.
    ///
    /// # Errors
    ///
    /// Fails if the search index cannot be read.
    pub fn filter_ids(&self, ids: &[String]) -> Result<HashSet<String>, Problem> {
        Ok(self.matches.matching_ids(ids)?)
    }

    pub fn matches(&self) -> &Matches<'a> {
        &self.matches
    }

    /// Returns the ids of the `limit` best matches that meet the conditions, the best first.
    ///
    /// # Errors
    ///
    /// Returns a problem with the code `too_expensive` if too few of the best matches meet the conditions. Fails
    /// if the search index or the database cannot be read.
    pub fn best_ids(&self, connection: &mut Db, selection: &Selection, limit: usize) -> Result<Vec<String>, Problem> {
        let (mut ids, mut seen, mut size) = (Vec::new(), 0, limit + SPARE_MATCHES);
        loop {
            let hits = self.matches.best_hits(size)?;
            let new: Vec<&str> = hits[seen.min(hits.len())..].iter().map(|hit| hit.id.as_str()).collect();
            // Usually all matches may be shown; the additional ones then need not be looked up.
            let (wanted, spare) = new.split_at(if seen == 0 { limit.min(new.len()) } else { new.len() });
            for some in [wanted, spare] {
                if ids.len() < limit && !some.is_empty() {
                    let selected = selected_ids(connection, selection, some)?;
                    ids.extend(some.iter().filter(|id| selected.contains(**id)).map(|id| (*id).to_owned()));
                }
            }
            if ids.len() >= limit || hits.len() < size {
                ids.truncate(limit);
                return Ok(ids);
            }
            // Few of the best matches meet the conditions. If few items do at all, the index ranks these
            // instead of ever more matches.
            if seen > 0
                && let Some(all) = ids_if_few(connection, selection.query())?
            {
                let hits = self.matches.best_among(&all, limit)?;
                return Ok(hits.into_iter().map(|hit| hit.id).collect());
            }
            if hits.len() >= MAX_RANKED_MATCHES {
                return Err(too_expensive(
                    "?q",
                    &format!("too few of the {MAX_RANKED_MATCHES} best matches meet the other conditions"),
                ));
            }
            (seen, size) = (hits.len(), (size * GROWTH_FACTOR).min(MAX_RANKED_MATCHES));
        }
    }
}

/// Returns those of these items that meet the conditions.
fn selected_ids(connection: &mut Db, selection: &Selection, ids: &[&str]) -> Result<HashSet<String>, Problem> {
    let mut selected = HashSet::with_capacity(ids.len());
    for ids in ids.chunks(MAX_NAMED_MATCHES) {
        selected.extend(selection.query_of(ids).select(items::id).load::<String>(connection)?);
    }
    Ok(selected)
}

/// Returns the items of a query, if these are few.
fn ids_if_few(connection: &mut Db, query: Query<'_>) -> Result<Option<Vec<String>>, Problem> {
    let ids: Vec<String> = query.select(items::id).limit(MAX_NAMED_MATCHES as i64 + 1).load(connection)?;
    Ok((ids.len() <= MAX_NAMED_MATCHES).then_some(ids))
}
