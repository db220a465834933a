//! Cache of rendered list entries by item and shape. For a list that was never requested before, the database
//! is then needed only to find the ids of its items.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::content_types::ContentType;
use crate::database::invalidation::{DependencySlots, Freshness, InvalidationClock};
use crate::delivery::Shape;
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::render::compose::ComposedItem;

/// Usual size of a cached item in bytes, from which the initial number of cache entries is estimated.
const USUAL_ITEM_BYTES: usize = 2_048;

/// A rendered item in one shape.
#[derive(Debug)]
pub struct CachedItem {
    /// JSON object of the item.
    pub object: Box<str>,
    /// Content types and items that the JSON object depends on.
    pub dependencies: Dependencies,
    freshness: Freshness,
    /// Number of times that the item was taken from the cache.
    hits: AtomicU32,
}

impl CachedItem {
    /// Returns the number of times that the item was taken from the cache.
    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::Relaxed) as usize
    }
}

/// The id of the item that had a slug at a time of the invalidation clock.
struct CachedSlug {
    id: String,
    freshness: Freshness,
}

/// Item id and hash of the shape.
type Key = (u128, u64);

#[derive(Clone)]
struct ByteWeight;

impl Weighter<Key, Arc<CachedItem>> for ByteWeight {
    fn weight(&self, _: &Key, item: &Arc<CachedItem>) -> u64 {
        (item.object.len() + item.freshness.size() + item.dependencies.size() + 240) as u64
    }
}

/// Maximum number of cached slugs; only those by which lists are filtered are cached.
const MAX_SLUGS: usize = 4_096;

/// Cached items of this node as the public sees them, and the ids of slugs that queries name.
pub struct ItemCache {
    items: Option<Cache<Key, Arc<CachedItem>, ByteWeight>>,
    slugs: Cache<String, Arc<CachedSlug>>,
    clock: Arc<InvalidationClock>,
}

impl ItemCache {
    /// Creates a cache of this many bytes; 0 disables the cache of items.
    pub fn new(bytes: usize, clock: &Arc<InvalidationClock>) -> Self {
        let with_bytes =
            |bytes: usize| Cache::with_weighter((bytes / USUAL_ITEM_BYTES).max(16), bytes as u64, ByteWeight);
        Self { items: (bytes > 0).then(|| with_bytes(bytes)), slugs: Cache::new(MAX_SLUGS), clock: Arc::clone(clock) }
    }

    /// Returns the access to the cache for a read that began at this time of the invalidation clock.
    pub fn scope_since(&self, since: u64) -> CacheScope<'_> {
        CacheScope { cache: Some(self), since }
    }
}

/// Access of one read to the cached items. Whatever the read caches is dated with `since`, a time from before
/// its first statement: a change that is recorded later makes it outdated, even if the read saw the old
/// content.
#[derive(Clone, Copy)]
pub struct CacheScope<'a> {
    cache: Option<&'a ItemCache>,
    since: u64,
}

impl CacheScope<'_> {
    /// Returns the same access if the condition holds, and otherwise one without a cache.
    pub fn only_if(self, condition: bool) -> Self {
        if condition { self } else { Self { cache: None, ..self } }
    }

    /// Returns whether items can be taken from the cache.
    pub fn is_enabled(&self) -> bool {
        self.cache.is_some_and(|cache| cache.items.is_some())
    }

    /// Returns the access for a response in this shape. Only public shapes without drafts use the cache.
    pub fn for_shape(self, shape: &Shape) -> Self {
        self.only_if(shape.viewer.is_public() && !shape.draft)
    }

    /// Returns the cached item, if it is still fresh.
    pub fn find(&self, id: &str, shape: u64) -> Option<Arc<CachedItem>> {
        let cache = self.cache?;
        let key = key(id, shape)?;
        let item = cache.items.as_ref()?.get(&key)?;
        if cache.clock.is_fresh(&item.freshness) {
            item.hits.fetch_add(1, Ordering::Relaxed);
            return Some(item);
        }
        cache.items.as_ref()?.remove_if(&key, |item| !cache.clock.is_fresh(&item.freshness));
        None
    }

    /// Returns the id of the item of a content type that has this slug, if that is cached and still holds.
    pub fn id_of(&self, kind: &str, slug: &str) -> Option<String> {
        let cache = self.cache?;
        let cached = cache.slugs.get(&format!("{kind}/{slug}"))?;
        cache.clock.is_fresh(&cached.freshness).then(|| cached.id.clone())
    }

    /// Caches the id of the item that has a slug. Any item of the content type can take the slug over, so
    /// this depends on whole content types.
    pub fn cache_slug(&self, kind: &str, slug: &str, id: &str) {
        if let Some(cache) = self.cache {
            let kinds = ContentType::of_kind(kind).into_iter().flat_map(ContentType::visible_by);
            let cached = CachedSlug {
                id: id.to_owned(),
                freshness: Freshness::new(DependencySlots::on_kinds(kinds), self.since),
            };
            cache.slugs.insert(format!("{kind}/{slug}"), Arc::new(cached));
        }
    }

    /// Returns a freshly rendered item, and caches it if this read may do so.
    pub fn insert(&self, id: &str, shape: u64, composed: ComposedItem) -> Arc<CachedItem> {
        let ComposedItem { object, dependencies } = composed;
        let freshness = Freshness::new(dependencies.slots(), self.since);
        let (object, hits) = (object.as_str().into(), AtomicU32::new(0));
        let item = Arc::new(CachedItem { object, dependencies, freshness, hits });
        if let Some(cache) = self.cache.and_then(|cache| cache.items.as_ref())
            && let Some(key) = key(id, shape)
        {
            cache.insert(key, Arc::clone(&item));
        }
        item
    }
}

fn key(id: &str, shape: u64) -> Option<Key> {
    Some((uuid::Uuid::try_parse(id).ok()?.as_u128(), shape))
}

/// Returns a hash that distinguishes shapes. It is keyed with a random secret, so that no client can
/// construct two shapes with the same hash.
pub fn shape_key(kind: &str, shape: &Shape) -> u64 {
    static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    SECRET.hash_one((kind, shape))
}
