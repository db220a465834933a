//! Cache of recent public responses, stored as bytes, so that most reads need no database access.
//!
//! A response is cached under a key of its address, together with its dependencies. A write is first
//! committed, then recorded in the invalidation table ([`InvalidationClock`]), and only then acknowledged. So no read on
//! this node that begins after the acknowledgement finds an outdated response. Neither step may move:
//! recorded before the commit, a reader could cache the old content once more as fresh; acknowledged before
//! the record, the author could read the old content (`interleavings` tests both). Writes of other nodes are
//! noticed within half a second (see `http::background`).
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
const USUAL: usize = 4_096;
/// Number of times that a request looks for the result of another one before it computes the response by
/// itself.
const TRIES: usize = 3;
/// Memory that a cache entry takes besides the response, in bytes.
const PLACE: usize = 96;

/// Key of a cached response: a hash of all parts of a request that decide over the response. SipHash with 128
/// bits and a random secret key, so that no client can construct two addresses with the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey(u128);

#[derive(Clone)]
struct Bytewise;

impl Weighter<CacheKey, Arc<CachedResponse>> for Bytewise {
    fn weight(&self, _: &CacheKey, kept: &Arc<CachedResponse>) -> u64 {
        (kept.size() + PLACE) as u64
    }
}

/// Result of looking up an address.
#[derive(Debug)]
pub enum CacheLookup {
    /// The cached response.
    Here(Arc<CachedResponse>),
    /// The reason why there is no content here.
    Absent(Arc<CachedAbsence>),
}

/// The response cache of this node.
pub struct ResponseCache {
    cache: Option<Cache<CacheKey, Arc<CachedResponse>, Bytewise>>,
    absences: AbsenceCache,
    held: BodyMemory,
    ledger: Arc<InvalidationClock>,
    hasher: SipHasher13,
}

impl ResponseCache {
    /// Creates a cache of this many bytes; 0 disables it.
    pub fn new(bytes: usize, ledger: &Arc<InvalidationClock>) -> Self {
        let room = |bytes: usize| Cache::with_weighter((bytes / USUAL).max(16), bytes as u64, Bytewise);
        let hasher = SipHasher13::new_with_keys(rand::random(), rand::random());
        let cache = (bytes > 0).then(|| room(bytes));
        Self {
            cache,
            absences: AbsenceCache::default(),
            held: BodyMemory::default(),
            ledger: Arc::clone(ledger),
            hasher,
        }
    }

    /// Returns the counter of the bytes of all bodies in memory.
    pub fn held(&self) -> &BodyMemory {
        &self.held
    }

    /// Returns the cache key of these parts, in this order.
    pub fn place(&self, words: &[&str]) -> CacheKey {
        let mut hasher = self.hasher;
        for word in words {
            // The hash of a `str` marks its end, so that the borders between the parts count.
            word.hash(&mut hasher);
        }
        CacheKey(hasher.finish128().as_u128())
    }

    fn is_good(&self, kept: &CachedResponse) -> bool {
        // While the database does not answer, an expired response is better than none; its `Age` header
        // tells.
        self.ledger.holds(&kept.basis) && (kept.is_timely() || self.ledger.is_blind())
    }

    /// Returns the cached response, if it is still fresh.
    pub fn find(&self, place: CacheKey) -> Option<Arc<CachedResponse>> {
        let cache = self.cache.as_ref()?;
        let found = cache.get(&place)?;
        if self.is_good(&found) {
            HITS.inc();
            return Some(found);
        }
        // Another thread may have cached a newer response since, which must stay.
        cache.remove_if(&place, |kept| Arc::ptr_eq(kept, &found));
        None
    }

    /// Returns the cached reason why there is no content, if it still holds.
    pub fn find_absent(&self, place: CacheKey) -> Option<Arc<CachedAbsence>> {
        let found = self.absences.find(place, &self.ledger)?;
        HITS.inc();
        Some(found)
    }

    /// Returns the cached response, or computes it unless another request is computing it already. A response
    /// that another request began to compute before an acknowledged change is not used.
    ///
    /// # Errors
    ///
    /// Returns the error of `compute`.
    pub async fn find_or<E, F>(&self, place: CacheKey, compute: F) -> Result<CacheLookup, E>
    where
        F: Future<Output = Result<CacheLookup, E>>,
    {
        MISSES.inc();
        let Some(cache) = &self.cache else { return compute.await };
        for _ in 0..TRIES {
            match cache.get_value_or_guard_async(&place).await {
                Ok(kept) if self.is_good(&kept) => return Ok(CacheLookup::Here(kept)),
                Ok(stale) => drop(cache.remove_if(&place, |kept| Arc::ptr_eq(kept, &stale))),
                Err(guard) => {
                    // The request that held the guard before may have found that there is no content.
                    if let Some(absent) = self.absences.find(place, &self.ledger) {
                        return Ok(CacheLookup::Absent(absent));
                    }
                    let known = compute.await?;
                    match &known {
                        // A response that was overtaken by a change is right for this request, which began
                        // before the change was acknowledged, but not for later ones: it is returned and not
                        // cached.
                        CacheLookup::Here(kept) if self.is_good(kept) => drop(guard.insert(Arc::clone(kept))),
                        CacheLookup::Here(_) => {}
                        CacheLookup::Absent(absent) => self.absences.keep(place, absent, &self.ledger),
                    }
                    return Ok(known);
                }
            }
        }
        compute.await
    }

    /// Returns the cached response in a content coding, encoded once, or `None` if it is too small to be
    /// worth it. Each variant is a cache entry with its own size.
    pub fn coded(&self, place: CacheKey, kept: &CachedResponse, coding: Coding) -> Option<Arc<CachedResponse>> {
        let Some(cache) = &self.cache else { return kept.coded(coding).map(Arc::new) };
        let place = CacheKey(place.0 ^ (coding as u128 + 1));
        if let Some(found) = cache.get(&place).filter(|found| found.is_form_of(kept)) {
            return Some(found);
        }
        let coded = Arc::new(kept.coded(coding)?);
        cache.insert(place, Arc::clone(&coded));
        Some(coded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::cache::cached_response::FreshResponse;
    use crate::delivery::cache::dependencies::Dependencies;

    fn kept(text: &str, since: u64) -> CachedResponse {
        let tag = |body: &[u8]| format!("\"v0-{}\"", String::from_utf8_lossy(&body[..3]));
        FreshResponse::new("text/plain", text.repeat(2_000), tag, Dependencies::default()).keep(
            [],
            since,
            &BodyMemory::default(),
        )
    }

    /// A response that depends on the time of day changes without any change of content.
    #[test]
    fn a_coded_form_is_of_this_very_answer() {
        let answers = ResponseCache::new(1 << 20, &Arc::default());
        let place = answers.place(&["/a", "b", ""]);
        let coded = |kept: &CachedResponse| answers.coded(place, kept, Coding::Gzip).expect("it is large enough");
        let (before, after) = (coded(&kept("one", 1)), coded(&kept("two", 1)));
        assert_eq!((before.tag.as_str(), after.tag.as_str()), ("\"v0-one+gzip\"", "\"v0-two+gzip\""));
        assert!(before.body() != Arc::clone(&after).body());
        assert!(Arc::ptr_eq(&after, &coded(&kept("two", 1))));
        assert!(!Arc::ptr_eq(&after, &coded(&kept("two", 2))));
    }

    #[test]
    fn an_address_has_its_own_place() {
        let answers = ResponseCache::new(1 << 20, &Arc::default());
        let places =
            [["/a", "b", ""], ["/a", "", "b"], ["/ab", "", ""], ["", "/a", "b"]].map(|words| answers.place(&words));
        assert_eq!(places.iter().collect::<std::collections::HashSet<_>>().len(), places.len());
        assert_ne!(places[0], ResponseCache::new(1 << 20, &Arc::default()).place(&["/a", "b", ""]));
    }
}
