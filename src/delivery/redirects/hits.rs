//! How often redirects are used. A node counts in memory; a background job adds its counts to the database.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content_types::REDIRECT;
use crate::database::schema::{items, redirect_hits};
use crate::database::{Db, in_list};

/// Number of redirects that are written together.
const CHUNK: usize = 500;

/// Uses of a redirect that are not in the database yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HitCount {
    pub hits: i64,
    /// Time of the last use (µs).
    pub last_hit_at: i64,
}

/// The uses that a node has counted, by the ids of the redirects. Their number is bounded by that of public redirects.
#[derive(Debug, Default)]
pub struct HitCounter(Mutex<HashMap<String, HitCount>>);

impl HitCounter {
    /// Counts a use of these redirects.
    pub fn count(&self, ids: Vec<String>, at: i64) {
        self.add(ids.into_iter().map(|id| (id, HitCount { hits: 1, last_hit_at: at })));
    }

    /// Adds counts.
    pub fn add(&self, counts: impl IntoIterator<Item = (String, HitCount)>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, count) in counts {
            let sum = known.entry(id).or_insert(HitCount { hits: 0, last_hit_at: 0 });
            sum.hits += count.hits;
            sum.last_hit_at = sum.last_hit_at.max(count.last_hit_at);
        }
    }

    /// Returns all counts and begins anew.
    pub fn take(&self) -> HashMap<String, HitCount> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Adds counts to those in the database. Redirects that are deleted by now are left out.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn store(connection: &mut Db, counts: &HashMap<String, HitCount>) -> QueryResult<()> {
    let mut ids: Vec<&String> = counts.keys().collect();
    ids.sort_unstable();
    for ids in ids.chunks(CHUNK) {
        let dialect = connection.dialect();
        let these = items::table.filter(in_list(dialect, items::id, ids));
        let present: Vec<String> = these.select(items::id).load(connection)?;
        let known: Vec<(String, i64, i64)> =
            redirect_hits::table.filter(in_list(dialect, redirect_hits::item_id, ids)).load(connection)?;
        let known: HashMap<String, (i64, i64)> =
            known.into_iter().map(|(id, hits, last_hit_at)| (id, (hits, last_hit_at))).collect();
        for id in present {
            let Some(count) = counts.get(&id) else { continue };
            match known.get(&id) {
                Some((hits, last_hit_at)) => {
                    let sum = (
                        redirect_hits::hits.eq(hits + count.hits),
                        redirect_hits::last_hit_at.eq((*last_hit_at).max(count.last_hit_at)),
                    );
                    diesel::update(redirect_hits::table.find(&id)).set(sum).execute(connection)?;
                }
                None => {
                    let row = (
                        redirect_hits::item_id.eq(&id),
                        redirect_hits::hits.eq(count.hits),
                        redirect_hits::last_hit_at.eq(count.last_hit_at),
                    );
                    diesel::insert_into(redirect_hits::table).values(row).execute(connection)?;
                }
            }
        }
    }
    Ok(())
}

/// A redirect with its uses.
#[derive(Debug, Clone, Queryable)]
pub struct RedirectUse {
    pub id: String,
    pub slug: String,
    pub status: String,
    pub label: String,
    /// Number of uses; none if the redirect was never used.
    pub hits: Option<i64>,
    /// Time of the last use (µs).
    pub last_hit_at: Option<i64>,
    pub content: Vec<u8>,
}

/// The orders of a list of redirects with their uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseOrder {
    /// Those that were used most come first.
    Most,
    /// Those that were used least come first, and of these the oldest.
    Least,
    /// Those that were used last come first.
    Latest,
}

/// Returns redirects with their uses, without those in the trash.
///
/// # Errors
///
/// Fails if the query fails.
pub fn list(connection: &mut Db, order: UseOrder, (limit, offset): (i64, i64)) -> QueryResult<Vec<RedirectUse>> {
    let columns = (
        items::id,
        items::slug,
        items::status,
        items::label,
        redirect_hits::hits.nullable(),
        redirect_hits::last_hit_at.nullable(),
        items::content,
    );
    let query = items::table
        .left_join(redirect_hits::table)
        .filter(items::kind.eq(REDIRECT.kind).and(items::trashed_at.eq(0)))
        .select(columns)
        .limit(limit)
        .offset(offset)
        .into_boxed();
    // Both databases are told where redirects without uses stand: by default, they differ in that.
    let is_unused = redirect_hits::hits.is_null();
    let query = match order {
        UseOrder::Most => query.order((is_unused, redirect_hits::hits.desc(), items::id)),
        UseOrder::Least => query.order((redirect_hits::hits.is_not_null(), redirect_hits::hits.asc(), items::id)),
        UseOrder::Latest => query.order((is_unused, redirect_hits::last_hit_at.desc(), items::id)),
    };
    query.load(connection)
}
