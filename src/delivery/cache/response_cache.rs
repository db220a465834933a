//! Cache of recent public responses, stored as bytes, so that most reads need no database access.
//!
//! A response is cached under a key of its address, together with its dependencies. A write is first
//! committed, then recorded in the invalidation table ([`InvalidationClock`]), and only then acknowledged. So no read on
//! this node that begins after the acknowledgement finds an outdated response. Neither step may move:
//! recorded before the commit, a reader could cache the old content once more as fresh; acknowledged before
//! the record, the author could read the old content (`interleavings` tests both). Writes of other nodes are
//! noticed within half a second (see `background`).
//!
//! Concurrent misses of one key are computed once.

use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, LazyLock};

use prometheus::IntCounter;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::database::invalidation::InvalidationClock;
use crate::delivery::cache::absence_cache::{AbsenceCache, CachedAbsence};
use crate::delivery::cache::cached_response::{BodyMemory, CachedResponse};
use crate::delivery::cache::content_coding::Coding;
use crate::metrics::counter;

static HITS: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_response_cache_hits_total", "Public reads that were answered from the response cache.")
});
static MISSES: LazyLock<IntCounter> =
    LazyLock::new(|| counter("plenary_response_cache_misses_total", "Public reads that missed the response cache."));

/// Usual size of a response in bytes, from which the initial number of cache entries is estimated.
const USUAL_RESPONSE_BYTES: usize = 4_096;
/// Number of times that a request looks for the result of another one before it computes the response by
/// itself.
const MAX_WAITS: usize = 3;
/// Memory that a cache entry takes besides the response, in bytes.
const ENTRY_BYTES: usize = 96;

/// Key of a cached response: a hash of all parts of a request that decide over the response. SipHash with 128
/// bits and a random secret key, so that no client can construct two addresses with the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey(u128);

#[derive(Clone)]
struct ByteWeight;

impl Weighter<CacheKey, Arc<CachedResponse>> for ByteWeight {
    fn weight(&self, _: &CacheKey, cached: &Arc<CachedResponse>) -> u64 {
        (cached.size() + ENTRY_BYTES) as u64
    }
}

/// Result of looking up an address.
#[derive(Debug)]
pub enum CacheLookup {
    /// The cached response.
    Found(Arc<CachedResponse>),
    /// The reason why there is no content here.
    Absent(Arc<CachedAbsence>),
}

/// The response cache of this node.
pub struct ResponseCache {
    cache: Option<Cache<CacheKey, Arc<CachedResponse>, ByteWeight>>,
    absences: AbsenceCache,
    body_memory: BodyMemory,
    clock: Arc<InvalidationClock>,
    hasher: SipHasher13,
}

impl ResponseCache {
    /// Creates a cache of this many bytes; 0 disables it.
    pub fn new(bytes: usize, clock: &Arc<InvalidationClock>) -> Self {
        let with_bytes =
            |bytes: usize| Cache::with_weighter((bytes / USUAL_RESPONSE_BYTES).max(16), bytes as u64, ByteWeight);
        let hasher = SipHasher13::new_with_keys(rand::random(), rand::random());
        let cache = (bytes > 0).then(|| with_bytes(bytes));
        Self {
            cache,
            absences: AbsenceCache::default(),
            body_memory: BodyMemory::default(),
            clock: Arc::clone(clock),
            hasher,
        }
    }

    /// Returns the counter of the bytes of all bodies in memory.
    pub fn body_memory(&self) -> &BodyMemory {
        &self.body_memory
    }

    /// Returns the cache key of these parts, in this order.
    pub fn key(&self, parts: &[&str]) -> CacheKey {
        let mut hasher = self.hasher;
        for part in parts {
            // The hash of a `str` marks its end, so that the borders between the parts count.
            part.hash(&mut hasher);
        }
        CacheKey(hasher.finish128().as_u128())
    }

    fn is_usable(&self, cached: &CachedResponse) -> bool {
        // While the database does not answer, an expired response is better than none; its `Age` header
        // tells.
        self.clock.is_fresh(&cached.freshness) && (cached.is_unexpired() || self.clock.is_offline())
    }

    /// Returns the cached response, if it is still fresh.
    pub fn find(&self, key: CacheKey) -> Option<Arc<CachedResponse>> {
        let cache = self.cache.as_ref()?;
        let cached = cache.get(&key)?;
        if self.is_usable(&cached) {
            HITS.inc();
            return Some(cached);
        }
        // Another thread may have cached a newer response since, which must stay.
        cache.remove_if(&key, |current| Arc::ptr_eq(current, &cached));
        None
    }

    /// Returns the cached reason why there is no content, if it still holds.
    pub fn find_absent(&self, key: CacheKey) -> Option<Arc<CachedAbsence>> {
        let found = self.absences.find(key, &self.clock)?;
        HITS.inc();
        Some(found)
    }

    /// Returns the cached response, or computes it unless another request is computing it already. A response
    /// that another request began to compute before an acknowledged change is not used.
    ///
    /// # Errors
    ///
    /// Returns the error of `compute`.
    pub async fn find_or_compute<E, F>(&self, key: CacheKey, compute: F) -> Result<CacheLookup, E>
    where
        F: Future<Output = Result<CacheLookup, E>>,
    {
        MISSES.inc();
        let Some(cache) = &self.cache else { return compute.await };
        for _ in 0..MAX_WAITS {
            match cache.get_value_or_guard_async(&key).await {
                Ok(cached) if self.is_usable(&cached) => return Ok(CacheLookup::Found(cached)),
                Ok(stale) => drop(cache.remove_if(&key, |cached| Arc::ptr_eq(cached, &stale))),
                Err(guard) => {
                    // The request that held the guard before may have found that there is no content.
                    if let Some(absent) = self.absences.find(key, &self.clock) {
                        return Ok(CacheLookup::Absent(absent));
                    }
                    let lookup = compute.await?;
                    match &lookup {
                        // A response that was overtaken by a change is right for this request, which began
                        // before the change was acknowledged, but not for later ones: it is returned and not
                        // cached.
                        CacheLookup::Found(cached) if self.is_usable(cached) => drop(guard.insert(Arc::clone(cached))),
                        CacheLookup::Found(_) => {}
                        CacheLookup::Absent(absent) => self.absences.insert(key, absent, &self.clock),
                    }
                    return Ok(lookup);
                }
            }
        }
        compute.await
    }

    /// Returns the cached response in a content coding, encoded once, or `None` if it is too small to be
    /// worth it. Each variant is a cache entry with its own size.
    pub fn variant(&self, key: CacheKey, cached: &CachedResponse, coding: Coding) -> Option<Arc<CachedResponse>> {
        let Some(cache) = &self.cache else { return cached.encode(coding).map(Arc::new) };
        let key = CacheKey(key.0 ^ (coding as u128 + 1));
        if let Some(found) = cache.get(&key).filter(|found| found.is_variant_of(cached)) {
            return Some(found);
        }
        let variant = Arc::new(cached.encode(coding)?);
        cache.insert(key, Arc::clone(&variant));
        Some(variant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::cache::cached_response::FreshResponse;
    use crate::delivery::cache::dependencies::Dependencies;

    fn cached(text: &str, since: u64) -> CachedResponse {
        let tag = |body: &[u8]| format!("\"v0-{}\"", String::from_utf8_lossy(&body[..3]));
        FreshResponse::new("text/plain", text.repeat(2_000), tag, Dependencies::default()).into_cached(
            [],
            since,
            &BodyMemory::default(),
        )
    }

    /// A response that depends on the time of day changes without any change of content.
    #[test]
    fn a_variant_belongs_to_its_response() {
        let cache = ResponseCache::new(1 << 20, &Arc::default());
        let key = cache.key(&["/a", "b", ""]);
        let coded = |cached: &CachedResponse| cache.variant(key, cached, Coding::Gzip).expect("it is large enough");
        let (before, after) = (coded(&cached("one", 1)), coded(&cached("two", 1)));
        assert_eq!((before.tag.as_str(), after.tag.as_str()), ("\"v0-one+gzip\"", "\"v0-two+gzip\""));
        assert!(before.body() != Arc::clone(&after).body());
        assert!(Arc::ptr_eq(&after, &coded(&cached("two", 1))));
        assert!(!Arc::ptr_eq(&after, &coded(&cached("two", 2))));
    }

    #[test]
    fn an_address_has_its_own_key() {
        let cache = ResponseCache::new(1 << 20, &Arc::default());
        let keys = [["/a", "b", ""], ["/a", "", "b"], ["/ab", "", ""], ["", "/a", "b"]].map(|parts| cache.key(&parts));
        assert_eq!(keys.iter().collect::<std::collections::HashSet<_>>().len(), keys.len());
        assert_ne!(keys[0], ResponseCache::new(1 << 20, &Arc::default()).key(&["/a", "b", ""]));
    }
}
