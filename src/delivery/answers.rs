//! Answers that the public was given lately, kept as bytes, so that most reads ask nobody.
//!
//! An answer is kept under its address and the generation of the content. A node's generation grows
//! after each commit of content and before that is acknowledged, so no later read on this node can
//! find an older answer; writes of other nodes are noticed within half a second (see
//! `http::server`). Equal misses at the same time are computed once.

use std::future::Future;
use std::sync::{Arc, LazyLock};

use actix_web::web::Bytes;
use prometheus::IntCounter;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::coding::Coding;
use crate::database::metrics::counter;

static HITS: LazyLock<IntCounter> =
    LazyLock::new(|| counter("plenary_answers_kept_total", "Public reads that were answered from memory."));
static MISSES: LazyLock<IntCounter> =
    LazyLock::new(|| counter("plenary_answers_computed_total", "Public reads that were computed."));

/// The longest address that is kept, in bytes.
const LONGEST_ADDRESS: usize = 1_024;
/// The usual size of an answer, in bytes; from it follows how many places are prepared.
const USUAL: usize = 16_384;

/// An answer as it is kept.
#[derive(Debug)]
pub struct Kept {
    /// Its media type.
    pub content_type: &'static str,
    /// Its bytes.
    pub body: Bytes,
    /// Its entity tag.
    pub tag: String,
    /// Its neighbours, for lists (RFC 8288).
    pub link: Option<String>,
}

impl Kept {
    /// A fresh answer, with the tag that `tag` makes of its bytes.
    pub fn new(
        content_type: &'static str,
        body: String,
        tag: impl FnOnce(&[u8]) -> String,
        link: Option<String>,
    ) -> Self {
        let tag = tag(body.as_bytes());
        Self { content_type, body: body.into(), tag, link }
    }
}

/// Generation, address, and the content coding of a body that is kept beside the plain one.
type Key = (u64, String, Option<Coding>);

#[derive(Clone)]
struct Bytewise;

impl Weighter<Key, Arc<Kept>> for Bytewise {
    fn weight(&self, key: &Key, kept: &Arc<Kept>) -> u64 {
        (key.1.len() + kept.body.len() + kept.tag.len() + 256) as u64
    }
}

/// Answers of this node.
pub struct Answers {
    cache: Option<Cache<Key, Arc<Kept>, Bytewise>>,
}

impl Answers {
    /// Room for so many bytes; none for 0.
    pub fn new(bytes: usize) -> Self {
        let room = |bytes: usize| Cache::with_weighter((bytes / USUAL).max(16), bytes as u64, Bytewise);
        Self { cache: (bytes > 0).then(|| room(bytes)) }
    }

    /// The answer at this address, if it is kept.
    pub fn find(&self, generation: u64, address: &str) -> Option<Arc<Kept>> {
        let found = self.cache.as_ref()?.get(&(generation, address.to_owned(), None))?;
        HITS.inc();
        Some(found)
    }

    /// The answer at this address, computed unless it is kept or somebody is computing it now.
    pub async fn find_or<E, F>(&self, generation: u64, address: String, compute: F) -> Result<Arc<Kept>, E>
    where
        F: Future<Output = Result<Kept, E>>,
    {
        MISSES.inc();
        match &self.cache {
            Some(cache) if address.len() <= LONGEST_ADDRESS => {
                cache.get_or_insert_async(&(generation, address, None), async { compute.await.map(Arc::new) }).await
            }
            _ => compute.await.map(Arc::new),
        }
    }

    /// The body of a kept answer in a content coding, computed once; none when it is too small to be
    /// worth it. It has its own place and weight.
    pub fn coded(&self, generation: u64, address: &str, kept: &Kept, coding: Coding) -> Option<Bytes> {
        let content_type = kept.content_type;
        let encode =
            || coding.encode(&kept.body).map(|body| Kept { content_type, body, tag: String::new(), link: None });
        let Some(cache) = self.cache.as_ref().filter(|_| address.len() <= LONGEST_ADDRESS) else {
            return encode().map(|coded| coded.body);
        };
        let key = (generation, address.to_owned(), Some(coding));
        let found = cache.get_or_insert_with(&key, || encode().map(Arc::new).ok_or(()));
        found.ok().map(|coded| coded.body.clone())
    }
}
