//! Cache of addresses without content: nothing public is there, or it has moved.
//!
//! An absence is cached like a response, until something of its content type changes, but in a cache of its
//! own: made-up addresses, however many, must not evict responses that have content. Only the reason is
//! cached, since a problem document contains the id of its request.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::database::invalidation::{Freshness, InvalidationClock};
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::cache::response_cache::CacheKey;

/// Maximum number of cached absences. One takes about 300 bytes, so all of them take 5 MB.
const MAX_ABSENCES: usize = 16_384;

/// Reason why there is no content at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absence {
    /// There is no item of the type that this noun names.
    Missing(&'static str),
    /// The item has moved to this address.
    Moved(String),
}

/// A cached absence.
#[derive(Debug)]
pub struct CachedAbsence {
    pub absence: Absence,
    /// Content types that the absence depends on.
    pub dependencies: Dependencies,
    freshness: Freshness,
}

impl CachedAbsence {
    /// Creates an absence that was found by a read which began at this time of the invalidation clock.
    pub fn new(absence: Absence, dependencies: Dependencies, since: u64) -> Self {
        let freshness = Freshness::new(dependencies.slots(), since);
        Self { absence, dependencies, freshness }
    }
}

/// The cached absences of this node.
pub struct AbsenceCache {
    cache: Cache<CacheKey, Arc<CachedAbsence>>,
}

impl Default for AbsenceCache {
    fn default() -> Self {
        Self { cache: Cache::new(MAX_ABSENCES) }
    }
}

impl AbsenceCache {
    /// Returns the absence that is cached under a key, if it still holds.
    pub fn find(&self, key: CacheKey, clock: &InvalidationClock) -> Option<Arc<CachedAbsence>> {
        let found = self.cache.get(&key)?;
        if clock.is_fresh(&found.freshness) {
            return Some(found);
        }
        self.cache.remove_if(&key, |current| Arc::ptr_eq(current, &found));
        None
    }

    /// Caches an absence, unless a change has overtaken it already.
    pub fn insert(&self, key: CacheKey, absent: &Arc<CachedAbsence>, clock: &InvalidationClock) {
        if clock.is_fresh(&absent.freshness) {
            self.cache.insert(key, Arc::clone(absent));
        }
    }
}
