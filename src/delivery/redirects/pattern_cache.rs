//! The patterns of redirects of a node, which are parsed once after each change of redirects.

use std::sync::{Arc, Mutex, PoisonError};

use diesel::result::QueryResult;

use crate::content_types::REDIRECT;
use crate::database::Db;
use crate::database::invalidation::{DependencySlots, Freshness, InvalidationClock};
use crate::items::redirects::PatternRules;

/// The patterns that a node has read last.
#[derive(Debug, Default)]
pub struct PatternCache(Mutex<Option<(Freshness, Arc<PatternRules>)>>);

impl PatternCache {
    /// Returns the present patterns. `since` is the time of the clock before the transaction of the connection began.
    ///
    /// # Errors
    ///
    /// Fails if the query fails.
    pub fn get(&self, connection: &mut Db, clock: &InvalidationClock, since: u64) -> QueryResult<Arc<PatternRules>> {
        if let Some((freshness, rules)) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner)
            && clock.is_fresh(freshness)
        {
            return Ok(Arc::clone(rules));
        }
        let rules = Arc::new(PatternRules::load(connection)?);
        let freshness = Freshness::new(DependencySlots::on_kinds([REDIRECT.kind]), since);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((freshness, Arc::clone(&rules)));
        Ok(rules)
    }
}
