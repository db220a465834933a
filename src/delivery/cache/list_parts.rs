//! Bodies of lists as the cached items of which they consist.
//!
//! Thousands of lists, such as the hits of different words, show the same items. A list that refers to them takes a twentieth
//! of the memory of its body, and its body is there again after a copy.

use std::sync::{Arc, Weak};

use crate::delivery::cache::item_cache::CachedItem;

/// Beginning of the body of a list.
const BEGINNING: &str = "{\"data\":[";

/// Number of times that the items of a list were taken from the cache, on average, from which they count as items of
/// other lists as well. Items that have no place in the cache for long do not reach it.
const LEAST_HITS: usize = 3;

/// Memory that a reference to an item takes, in bytes: the pointer, and a share of what remains of an item that is not
/// cached any more, which is everything but its text.
const REFERENCE_BYTES: usize = size_of::<Weak<CachedItem>>() + size_of::<CachedItem>() / LEAST_HITS;

/// The items of a list, and the end of its body. The items stay in memory only for as long as they are cached.
#[derive(Debug)]
pub struct ListParts {
    items: Box<[Weak<CachedItem>]>,
    end: Box<str>,
}

impl ListParts {
    /// Creates the parts of a list with these items. `end` is the body from the bracket behind the last one.
    pub fn new(items: &[Arc<CachedItem>], end: &str) -> Self {
        Self { items: items.iter().map(Arc::downgrade).collect(), end: end.into() }
    }

    /// Returns the body; `None` if an item is not cached any more.
    pub fn body(&self) -> Option<Vec<u8>> {
        let items = self.items.iter().map(Weak::upgrade).collect::<Option<Vec<_>>>()?;
        Some(list_body(&items, &self.end).into_bytes())
    }

    /// Returns whether other lists have the items as well. Of one item that all lists have, not all hits count, for the others
    /// of this list may be in no other.
    pub fn are_shared(&self) -> bool {
        let hits = self.items.iter().map(|item| item.upgrade().map_or(0, |item| item.hits().min(2 * LEAST_HITS)));
        !self.items.is_empty() && hits.sum::<usize>() >= self.items.len() * LEAST_HITS
    }

    /// Returns the size in memory, without the items, in bytes.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.items.len() * REFERENCE_BYTES + self.end.len()
    }
}

/// Returns the body of a list with these items and this end.
pub fn list_body(items: &[Arc<CachedItem>], end: &str) -> String {
    let size: usize = items.iter().map(|item| item.object.len() + 1).sum();
    let mut body = String::with_capacity(BEGINNING.len() + size + end.len());
    body.push_str(BEGINNING);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        body.push_str(&item.object);
    }
    body.push_str(end);
    body
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::database::invalidation::InvalidationClock;
    use crate::delivery::cache::cached_response::{BodyMemory, CachedResponse, FreshResponse};
    use crate::delivery::cache::dependencies::Dependencies;
    use crate::delivery::cache::item_cache::ItemCache;
    use crate::delivery::cache::response_cache::ResponseCache;
    use crate::delivery::render::compose::ComposedItem;

    /// Returns an item, from the cache if it is there.
    fn item(cache: &ItemCache, number: u128) -> Arc<CachedItem> {
        let (scope, id) = (cache.scope_since(0), Uuid::from_u128(number).to_string());
        let object = format!("{{\"id\":\"{id}\",\"summary\":\"{}\"}}", "river ".repeat(300));
        let composed = || ComposedItem { object, dependencies: Dependencies::default() };
        scope.find(&id, 7).unwrap_or_else(|| scope.insert(&id, 7, composed()))
    }

    fn items(cache: &ItemCache, numbers: std::ops::Range<u128>) -> Vec<Arc<CachedItem>> {
        numbers.map(|number| item(cache, number)).collect()
    }

    fn list(items: &[Arc<CachedItem>], memory: &BodyMemory) -> CachedResponse {
        let (body, parts) = (list_body(items, "]}"), Some(ListParts::new(items, "]}")));
        let fresh = FreshResponse::new("text/plain", body, |_| "\"v0\"".to_owned(), Dependencies::default());
        FreshResponse { parts, ..fresh }.into_cached([], 0, memory)
    }

    #[test]
    fn items_of_other_lists_are_shared() {
        let cache = ItemCache::new(1 << 20, &Arc::default());
        for round in 0..=LEAST_HITS {
            let items = items(&cache, 0..10);
            assert_eq!(ListParts::new(&items, "]}").are_shared(), round == LEAST_HITS, "round {round}");
        }
        let with_new_ones = [items(&cache, 8..10), items(&cache, 100..105)].concat();
        assert!(!ListParts::new(&with_new_ones, "]}").are_shared());
        assert!(!ListParts::new(&[], "]}").are_shared());
    }

    #[test]
    fn an_item_that_is_not_cached_any_more_ends_the_list() {
        let (clock, memory) = (Arc::<InvalidationClock>::default(), BodyMemory::default());
        let cache = ItemCache::new(1 << 20, &clock);
        (0..LEAST_HITS).for_each(|_| drop(items(&cache, 0..10)));
        let whole = list(&items(&cache, 0..10), &memory);
        let compact = whole.compact().expect("its items are shared");
        assert!(compact.bytes().is_empty() && compact.size() * 10 < whole.size(), "{} bytes", compact.size());
        assert_eq!(compact.expand().expect("its items are cached").bytes(), whole.bytes());
        clock.record_all();
        item(&cache, 9);
        assert!(compact.expand().is_none());
    }

    /// Hundred lists have the same forty items; four lists have a place as they are.
    #[actix_web::test]
    async fn lists_of_the_same_items_take_little_memory() {
        let clock = Arc::<InvalidationClock>::default();
        let (responses, cache) = (ResponseCache::new(240_000, &clock), ItemCache::new(1 << 20, &clock));
        for round in 0..4 {
            let mut hits = 0;
            for number in 0..100 {
                let first = (number % 30) as u128;
                let numbers = first..first + 10;
                let list = || list(&items(&cache, numbers.clone()), responses.body_memory());
                let (hit, found) = responses.ask(number, list).await;
                hits += usize::from(hit);
                assert_eq!(found.bytes(), list_body(&items(&cache, numbers), "]}").as_bytes());
            }
            assert!(if round < 2 { hits < 10 } else { hits > 90 }, "{hits} hits in round {round}");
        }
        assert!(responses.body_memory().bytes() < 90_000);
    }
}
