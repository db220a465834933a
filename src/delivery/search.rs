//! Lists of what was found by a text. The index says what matches, the database which of it may be
//! shown and meets the other conditions: whichever of the two leaves less is asked first.

use std::collections::HashSet;

use diesel::prelude::*;

use super::narrow::Query;
use super::query::ListQuery;
use super::select::Selection;
use crate::content::fault::Faults;
use crate::database::Db;
use crate::database::schema::items;
use crate::problem::{Kind, Problem};
use crate::resources::Resource;
use crate::search::{Matches, Search, SearchError};

/// Up to so many items are named to the database, or to the index, in one question.
pub const FEW: usize = 5_000;
/// Up to so many that match are put in order, and looked at by rank, for one page.
const MANY: usize = 100_000;
/// Items of the first question by rank beyond those that are wanted.
const SPARE: usize = 12;
/// How much larger each further question is.
const GROWTH: usize = 8;

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Database(error) => error.into(),
            other => {
                tracing::error!(error = %other, "the search index does not answer");
                let detail = "the search index cannot be read; where it is damaged it is made anew";
                Problem::new(Kind::Unavailable, detail).retry_after(2)
            }
        }
    }
}

/// The problem of a query that would take too long.
pub fn too_dear(place: &str, why: &str) -> Problem {
    Problem::bad_request(Faults::one(place, "too_dear", format!("{why}; ask for less, or leave this out")))
}

/// What matches a text, and, where they are few, which items these are.
pub struct Found<'a> {
    matches: Matches<'a>,
    few: Option<Vec<String>>,
}

impl<'a> Found<'a> {
    /// Looks for the text of a query.
    pub fn new(
        search: &'a Search,
        resource: &Resource,
        query: &ListQuery,
        locale: &str,
    ) -> Result<Option<Self>, Problem> {
        let Some((_, sought)) = &query.text else { return Ok(None) };
        let matches = search.matches(sought, &[resource.kind], locale)?;
        let few = match query.by_relevance() && !query.count && query.facets.is_empty() {
            true => None,
            false if matches.count()? <= FEW => Some(matches.ids()?),
            false => None,
        };
        Ok(Some(Self { matches, few }))
    }

    /// The items that match, if they are few enough to be named; else that would be too dear.
    pub fn few(&self, place: &str) -> Result<&[String], Problem> {
        self.few.as_deref().ok_or_else(|| too_dear(place, &format!("more than {FEW} items match the text")))
    }

    /// The items that match, if they are few.
    pub fn named(&self) -> Option<&[String]> {
        self.few.as_deref()
    }

    /// All items that match; of very many that would be too dear.
    pub fn all(&self, place: &str) -> Result<Vec<String>, Problem> {
        if self.matches.count()? > MANY {
            return Err(too_dear(place, &format!("more than {MANY} items match the text")));
        }
        Ok(self.matches.ids()?)
    }

    /// Those of these items that match.
    pub fn among(&self, ids: &[String]) -> Result<HashSet<String>, Problem> {
        Ok(self.matches.among(ids)?)
    }

    /// What matches.
    pub fn matches(&self) -> &Matches<'a> {
        &self.matches
    }

    /// The `most` best that meet the conditions, the best first.
    pub fn ranked(&self, connection: &mut Db, selection: &Selection, most: usize) -> Result<Vec<String>, Problem> {
        let (mut ids, mut seen, mut size) = (Vec::new(), 0, most + SPARE);
        loop {
            let hits = self.matches.best(size)?;
            let new: Vec<&str> = hits[seen.min(hits.len())..].iter().map(|hit| hit.id.as_str()).collect();
            // Mostly all may be shown: then those that are spare need not be asked for.
            let (wanted, spare) = new.split_at(if seen == 0 { most.min(new.len()) } else { new.len() });
            for some in [wanted, spare] {
                if ids.len() < most && !some.is_empty() {
                    let good = meeting(connection, selection, some)?;
                    ids.extend(some.iter().filter(|id| good.contains(**id)).map(|id| (*id).to_owned()));
                }
            }
            if ids.len() >= most || hits.len() < size {
                ids.truncate(most);
                return Ok(ids);
            }
            if seen > 0
                && let Some(all) = few(connection, selection.query())?
            {
                let hits = self.matches.best_among(&all, most)?;
                return Ok(hits.into_iter().map(|hit| hit.id).collect());
            }
            if hits.len() >= MANY {
                return Err(too_dear("?q", &format!("the {MANY} best matches do not meet the other conditions")));
            }
            (seen, size) = (hits.len(), (size * GROWTH).min(MANY));
        }
    }
}

/// Which of these items meet the conditions.
fn meeting(connection: &mut Db, selection: &Selection, ids: &[&str]) -> Result<HashSet<String>, Problem> {
    let mut good = HashSet::with_capacity(ids.len());
    for ids in ids.chunks(FEW) {
        good.extend(selection.among(ids).select(items::id).load::<String>(connection)?);
    }
    Ok(good)
}

/// The items of a query, if they are few.
fn few(connection: &mut Db, query: Query<'_>) -> Result<Option<Vec<String>>, Problem> {
    let ids: Vec<String> = query.select(items::id).limit(FEW as i64 + 1).load(connection)?;
    Ok((ids.len() <= FEW).then_some(ids))
}
