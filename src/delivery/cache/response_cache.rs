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
//!
//! Two thirds of the memory contain compact responses: compressed ones, of which three to four times as many fit in, and lists
//! of items that other lists have as well, which need no more memory than the references to these items
//! ([`ListParts`](super::list_parts::ListParts)). A response gets there if it is computed again because there was no place for
//! it; those that are requested once stay whole. From there a response returns to those that are whole when it is
//! requested, and stays there if it is requested often. This takes a tenth of the time of a new computation or less
//! (docs/decisions/0048, 0053).

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
use crate::delivery::cache::miss_history::MissHistory;
use crate::metrics::counter;

static HITS: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_response_cache_hits_total", "Public reads that were answered from the response cache.")
});
static MISSES: LazyLock<IntCounter> =
    LazyLock::new(|| counter("plenary_response_cache_misses_total", "Public reads that missed the response cache."));

/// Usual size of a response in bytes, from which the initial number of cache entries is estimated.
const USUAL_RESPONSE_BYTES: usize = 4_096;
/// Usual size of a compact response in bytes.
const USUAL_COMPACT_BYTES: usize = 2_048;
/// Bytes of the cache for which one miss is remembered: more misses than responses that can be in the cache.
const MISS_BYTES: usize = 512;
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

type Store = Cache<CacheKey, Arc<CachedResponse>, ByteWeight>;

/// The responses in memory.
struct Stores {
    /// Responses as they are sent without a content coding.
    whole: Store,
    /// Responses in their compact form, and those in a content coding.
    compact: Store,
    misses: MissHistory,
}

impl Stores {
    fn new(bytes: usize) -> Self {
        let with_bytes =
            |bytes: usize, usual: usize| Cache::with_weighter((bytes / usual).max(16), bytes as u64, ByteWeight);
        let whole = bytes / 3;
        Self {
            whole: with_bytes(whole, USUAL_RESPONSE_BYTES),
            compact: with_bytes(bytes - whole, USUAL_COMPACT_BYTES),
            misses: MissHistory::new(bytes / MISS_BYTES),
        }
    }

    /// Removes an outdated response from one of the stores, unless another thread has cached a newer one since.
    fn remove(&self, store: &Store, key: CacheKey, outdated: &Arc<CachedResponse>) {
        store.remove_if(&key, |current| Arc::ptr_eq(current, outdated));
        // The next miss is not for want of memory.
        self.misses.forget(key.0);
    }

    /// Stores the compact form of a response that was computed before, and had no place in the cache since.
    fn compact_if_recurrent(&self, key: CacheKey, cached: &CachedResponse) {
        if self.misses.record(key.0)
            && let Some(compact) = cached.compact()
        {
            self.compact.insert(key, Arc::new(compact));
        }
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
    stores: Option<Stores>,
    absences: AbsenceCache,
    body_memory: BodyMemory,
    clock: Arc<InvalidationClock>,
    hasher: SipHasher13,
}

impl ResponseCache {
    /// Creates a cache of this many bytes; 0 disables it.
    pub fn new(bytes: usize, clock: &Arc<InvalidationClock>) -> Self {
        let hasher = SipHasher13::new_with_keys(rand::random(), rand::random());
        Self {
            stores: (bytes > 0).then(|| Stores::new(bytes)),
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
        let stores = self.stores.as_ref()?;
        let Some(cached) = stores.whole.get(&key) else { return self.find_compact(stores, key) };
        if self.is_usable(&cached) {
            HITS.inc();
            return Some(cached);
        }
        stores.remove(&stores.whole, key, &cached);
        None
    }

    fn find_compact(&self, stores: &Stores, key: CacheKey) -> Option<Arc<CachedResponse>> {
        let compact = stores.compact.get(&key)?;
        if !self.clock.is_fresh(&compact.freshness) {
            stores.remove(&stores.compact, key, &compact);
            return None;
        }
        let Some(cached) = compact.expand().map(Arc::new) else {
            stores.compact.remove_if(&key, |current| Arc::ptr_eq(current, &compact));
            return None;
        };
        // If a change was recorded since, the next look-up finds the response outdated.
        stores.whole.insert(key, Arc::clone(&cached));
        HITS.inc();
        Some(cached)
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
        let Some(stores) = &self.stores else { return compute.await };
        for _ in 0..MAX_WAITS {
            match stores.whole.get_value_or_guard_async(&key).await {
                Ok(cached) if self.is_usable(&cached) => return Ok(CacheLookup::Found(cached)),
                Ok(outdated) => stores.remove(&stores.whole, key, &outdated),
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
                        CacheLookup::Found(cached) if self.is_usable(cached) => {
                            drop(guard.insert(Arc::clone(cached)));
                            stores.compact_if_recurrent(key, cached);
                        }
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
        let Some(Stores { compact: cache, .. }) = &self.stores else { return cached.encode(coding).map(Arc::new) };
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
impl ResponseCache {
    /// Looks a numbered response up, as a request does. Returns whether it was in the cache, and the response.
    pub(super) async fn ask(
        &self,
        number: usize,
        compute: impl FnOnce() -> CachedResponse,
    ) -> (bool, Arc<CachedResponse>) {
        let key = self.key(&[&number.to_string()]);
        if let Some(found) = self.find(key) {
            return (true, found);
        }
        let compute = async { Ok::<_, ()>(CacheLookup::Found(Arc::new(compute()))) };
        match self.find_or_compute(key, compute).await {
            Ok(CacheLookup::Found(found)) => (false, found),
            other => panic!("{other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::cache::cached_response::FreshResponse;
    use crate::delivery::cache::dependencies::Dependencies;

    fn cached_response(text: &str, since: u64) -> CachedResponse {
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
        let (before, after) = (coded(&cached_response("one", 1)), coded(&cached_response("two", 1)));
        assert_eq!((before.tag.as_str(), after.tag.as_str()), ("\"v0-one+gzip\"", "\"v0-two+gzip\""));
        assert!(before.body() != Arc::clone(&after).body());
        assert!(Arc::ptr_eq(&after, &coded(&cached_response("two", 1))));
        assert!(!Arc::ptr_eq(&after, &coded(&cached_response("two", 2))));
    }

    /// A hundred responses of 6,000 bytes are requested in turn, from a cache in which ten of them fit as they are.
    #[actix_web::test]
    async fn responses_that_are_requested_again_are_compressed() {
        let cache = ResponseCache::new(180_000, &Arc::default());
        for round in 0..4 {
            let mut hits = 0;
            for number in 0..100 {
                let (hit, found) = cache.ask(number, || cached_response(&format!("{number:03}"), 0)).await;
                hits += usize::from(hit);
                assert_eq!(found.bytes(), cached_response(&format!("{number:03}"), 0).bytes());
            }
            match round {
                0 | 1 => assert!(hits < 20, "{hits} hits in round {round}"),
                _ => assert!(hits > 90, "{hits} hits in round {round}"),
            }
        }
        assert!(cache.body_memory().bytes() < 180_000);
    }

    /// An outdated response is not found in its compact form either, and a response that is computed again since it
    /// was outdated is not stored in that form.
    #[actix_web::test]
    async fn compact_responses_become_outdated() {
        let clock = Arc::<InvalidationClock>::default();
        let cache = ResponseCache::new(180_000, &clock);
        let stores = cache.stores.as_ref().expect("it has memory");
        let depends = |since| {
            let dependencies = Dependencies::on_kinds(["event"]);
            let fresh = FreshResponse::new("text/plain", "text".repeat(2_000), |_| "\"v1\"".to_owned(), dependencies);
            Arc::new(fresh.into_cached([], since, cache.body_memory()))
        };
        let key = cache.key(&["an address"]);
        for _ in 0..2 {
            let compute = async { Ok::<_, ()>(CacheLookup::Found(depends(clock.now()))) };
            assert!(cache.find_or_compute(key, compute).await.is_ok());
            stores.whole.remove(&key);
        }
        assert!(cache.find(key).is_some());
        stores.whole.remove(&key);
        clock.record([("event", "00000000-0000-0000-0000-00000000000a")]);
        assert!(cache.find(key).is_none());
        let compute = async { Ok::<_, ()>(CacheLookup::Found(depends(clock.now()))) };
        assert!(cache.find_or_compute(key, compute).await.is_ok());
        assert!(stores.compact.get(&key).is_none());
        assert!(cache.find(key).is_some());
    }

    #[test]
    fn an_address_has_its_own_key() {
        let cache = ResponseCache::new(1 << 20, &Arc::default());
        let keys = [["/a", "b", ""], ["/a", "", "b"], ["/ab", "", ""], ["", "/a", "b"]].map(|parts| cache.key(&parts));
        assert_eq!(keys.iter().collect::<std::collections::HashSet<_>>().len(), keys.len());
        assert_ne!(keys[0], ResponseCache::new(1 << 20, &Arc::default()).key(&["/a", "b", ""]));
    }
}
