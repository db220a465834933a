//! Answers that the public was given lately, kept as bytes, so that most reads ask nobody.
//!
//! An answer is kept under its address, with what it was made from. After a commit of content and
//! before that is acknowledged, the ledger is told what changed, so no later read on this node can
//! find an answer that is out of date; writes of other nodes are noticed within half a second (see
//! `http::server`). Equal misses at the same time are computed once.

use std::future::Future;
use std::sync::{Arc, LazyLock};

use actix_web::http::header::{CONTENT_ENCODING, ETAG, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use prometheus::IntCounter;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::coding::Coding;
use super::compose::MadeOf;
use crate::database::ledger::{Depends, Ledger};
use crate::database::metrics::counter;
use crate::database::now;

static HITS: LazyLock<IntCounter> =
    LazyLock::new(|| counter("plenary_answers_kept_total", "Public reads that were answered from memory."));
static MISSES: LazyLock<IntCounter> =
    LazyLock::new(|| counter("plenary_answers_computed_total", "Public reads that were computed."));

/// The longest address that is kept, in bytes.
const LONGEST_ADDRESS: usize = 1_024;
/// The usual size of an answer, in bytes; from it follows how many places are prepared.
const USUAL: usize = 4_096;
/// How often an answer that was overtaken while it was made is made anew.
const TRIES: usize = 3;

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
    /// Its headers, for everybody who is given it.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What it was made from.
    pub depends: Depends,
    /// The same in words, until its headers are made of it.
    pub made_of: MadeOf,
    /// When its making began, in the ledger's time.
    pub since: u64,
    /// Until when it is good (µs): what depends on the clock is not for long.
    pub until: i64,
}

impl Kept {
    /// A fresh answer, with the tag that `tag` makes of its bytes.
    pub fn new(
        content_type: &'static str,
        body: impl Into<Vec<u8>>,
        tag: impl FnOnce(&[u8]) -> String,
        made_of: MadeOf,
    ) -> Self {
        let body = exact(body.into());
        let tag = tag(&body);
        let (headers, depends) = (Vec::new(), made_of.depends());
        Self { content_type, body, tag, link: None, headers, depends, made_of, since: 0, until: i64::MAX }
    }

    /// The same in a content coding; none when it is too small to be worth it. Another coding is
    /// another representation, so it has another tag.
    pub fn coded(&self, coding: Coding) -> Option<Self> {
        let body = exact(coding.encode(&self.body)?);
        let tag = format!("{}+{}\"", self.tag.trim_end_matches('"'), coding.word());
        let mut headers = self.headers.clone();
        for (_, value) in headers.iter_mut().filter(|(name, _)| name == ETAG) {
            *value = HeaderValue::from_str(&tag).ok()?;
        }
        headers.push((CONTENT_ENCODING, HeaderValue::from_static(coding.word())));
        let (link, depends) = (self.link.clone(), self.depends.clone());
        Some(Self { body, tag, headers, link, depends, made_of: MadeOf::default(), ..*self })
    }
}

/// The bytes without room to spare, which would be kept with them: an allocator does not take back a part
/// of what it gave.
fn exact(bytes: Vec<u8>) -> Bytes {
    if bytes.capacity() - bytes.len() > bytes.len() / 16 { Bytes::copy_from_slice(&bytes) } else { bytes.into() }
}

#[derive(Clone)]
struct Bytewise;

impl Weighter<String, Arc<Kept>> for Bytewise {
    fn weight(&self, address: &String, kept: &Arc<Kept>) -> u64 {
        let headers: usize = kept.headers.iter().map(|(_, value)| value.len() + 96).sum();
        (address.len() + kept.body.len() + headers + kept.depends.size() + 384) as u64
    }
}

/// Answers of this node.
pub struct Answers {
    cache: Option<Cache<String, Arc<Kept>, Bytewise>>,
    ledger: Arc<Ledger>,
}

impl Answers {
    /// Room for so many bytes; none for 0.
    pub fn new(bytes: usize, ledger: &Arc<Ledger>) -> Self {
        let room = |bytes: usize| Cache::with_weighter((bytes / USUAL).max(16), bytes as u64, Bytewise);
        Self { cache: (bytes > 0).then(|| room(bytes)), ledger: Arc::clone(ledger) }
    }

    fn is_good(&self, kept: &Kept) -> bool {
        self.ledger.unchanged(&kept.depends, kept.since) && (kept.until == i64::MAX || now() < kept.until)
    }

    /// The answer at this address, if it is kept and still good.
    pub fn find(&self, address: &str) -> Option<Arc<Kept>> {
        let found = self.look(address)?;
        HITS.inc();
        Some(found)
    }

    fn look(&self, address: &str) -> Option<Arc<Kept>> {
        let cache = self.cache.as_ref()?;
        let found = cache.get(address)?;
        if self.is_good(&found) {
            return Some(found);
        }
        cache.remove_if(address, |kept| !self.is_good(kept));
        None
    }

    /// The answer at this address, computed unless it is kept or somebody is computing it now. What
    /// somebody else began to compute before a change that is acknowledged is not good enough.
    pub async fn find_or<E, F>(&self, address: &str, compute: F) -> Result<Arc<Kept>, E>
    where
        F: Future<Output = Result<Kept, E>>,
    {
        MISSES.inc();
        let cache = match &self.cache {
            Some(cache) if address.len() <= LONGEST_ADDRESS => cache,
            _ => return compute.await.map(Arc::new),
        };
        for _ in 0..TRIES {
            match cache.get_value_or_guard_async(address).await {
                Ok(kept) if self.is_good(&kept) => return Ok(kept),
                Ok(_) => drop(cache.remove_if(address, |kept| !self.is_good(kept))),
                Err(guard) => {
                    let kept = Arc::new(compute.await?);
                    // Overtaken by a change, it is good for those who asked before that, not for others.
                    if self.is_good(&kept) {
                        let _ = guard.insert(Arc::clone(&kept));
                    }
                    return Ok(kept);
                }
            }
        }
        compute.await.map(Arc::new)
    }

    /// A kept answer in a content coding, computed once; none when it is too small to be worth it. It
    /// has its own place and weight.
    pub fn coded(&self, address: &str, kept: &Kept, coding: Coding) -> Option<Arc<Kept>> {
        let Some(cache) = self.cache.as_ref().filter(|_| address.len() <= LONGEST_ADDRESS) else {
            return kept.coded(coding).map(Arc::new);
        };
        // No address has a blank in it.
        let place = format!("{address} {}", coding.word());
        if let Some(found) = cache.get(place.as_str()).filter(|found| found.since == kept.since) {
            return Some(found);
        }
        let coded = Arc::new(kept.coded(coding)?);
        cache.insert(place, Arc::clone(&coded));
        Some(coded)
    }
}
