//! Fresh and cached responses, laid out in as few allocations as possible.
//!
//! Of thousands of cached responses, the requested one is in none of the processor's caches, so each further
//! place in memory that a request touches costs as much as ten headers. The entity tag is therefore stored
//! inline, and header values that many responses have in common are shared.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix_web::http::header::{CONTENT_ENCODING, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use smallvec::SmallVec;

use crate::database::compressed_text::{compress_bytes, decompress_bytes};
use crate::database::invalidation::Freshness;
use crate::delivery::cache::absence_cache::Absence;
use crate::delivery::cache::content_coding::Coding;
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::cache::list_parts::ListParts;

/// Number of headers that every cached response has besides the media type and the entity tag.
const USUAL_HEADERS: usize = 3;

/// Outcome of computing a read.
#[derive(Debug)]
pub enum ReadOutcome {
    /// The response.
    Found(FreshResponse),
    /// The reason why there is no content, with everything that this depends on.
    Absent(Absence, Dependencies),
}

impl ReadOutcome {
    /// Makes a response expire soon, if its content depends on the time of day.
    pub fn with_expiry(mut self, depends_on_now: bool) -> Self {
        if let Self::Found(fresh) = &mut self
            && depends_on_now
        {
            fresh.expires_at = Some(time_dependent_expiry());
        }
        self
    }
}

/// Lifetime of responses whose content depends on the current time.
const TIME_DEPENDENT_LIFETIME: Duration = Duration::from_secs(1);

/// Returns when a response expires whose content depends on the current time.
pub fn time_dependent_expiry() -> Instant {
    Instant::now() + TIME_DEPENDENT_LIFETIME
}

/// A freshly computed response that is not cached yet.
#[derive(Debug)]
pub struct FreshResponse {
    /// Media type of the body.
    pub media_type: &'static str,
    pub body: Vec<u8>,
    /// Entity tag of the body without a content coding.
    pub tag: EntityTag,
    /// Value of the `Link` header with the neighbouring pages, for lists (RFC 8288).
    pub link: Option<String>,
    /// Content types and items that the response depends on.
    pub dependencies: Dependencies,
    /// The cached items of which the body consists, for lists.
    pub parts: Option<ListParts>,
    /// Time at which the response expires, for responses that depend on the time of day. A monotonic instant,
    /// so that a correction of the wall clock cannot prolong it.
    pub expires_at: Option<Instant>,
}

impl FreshResponse {
    /// Creates a response whose entity tag is `tag` of its bytes, and which does not expire.
    pub fn new(
        media_type: &'static str,
        body: impl Into<Vec<u8>>,
        tag: impl FnOnce(&[u8]) -> String,
        dependencies: Dependencies,
    ) -> Self {
        let body = body.into();
        let tag = EntityTag::new(&tag(&body));
        Self { media_type, body, tag, link: None, dependencies, parts: None, expires_at: None }
    }

    /// Turns the response into a cached one with the headers that every client receives. `since` is the time
    /// of the invalidation clock that was read before the computation began.
    pub fn into_cached(
        self,
        headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>,
        since: u64,
        memory: &BodyMemory,
    ) -> CachedResponse {
        CachedResponse {
            media_type: self.media_type,
            body: memory.count(shrink_bytes(self.body)),
            tag: self.tag,
            headers: headers.into_iter().collect(),
            freshness: Freshness::new(self.dependencies.slots(), since),
            expires_at: self.expires_at,
            parts: self.parts.map(Arc::new),
        }
    }
}

/// A cached HTTP response with its validator and headers.
#[derive(Debug)]
pub struct CachedResponse {
    /// Media type of the body.
    pub media_type: &'static str,
    /// Entity tag of the body.
    pub tag: EntityTag,
    /// Further headers, which every client receives.
    pub headers: SmallVec<[(HeaderName, HeaderValue); USUAL_HEADERS]>,
    /// Freshness of the response: what it depends on, and since when.
    pub freshness: Freshness,
    expires_at: Option<Instant>,
    body: CountedBytes,
    /// The cached items of which the body consists, if it is a list that was computed here.
    parts: Option<Arc<ListParts>>,
}

impl CachedResponse {
    /// Returns the bytes of the body.
    pub fn bytes(&self) -> &[u8] {
        &self.body.bytes
    }

    /// Returns the body without a copy.
    pub fn body(self: Arc<Self>) -> Bytes {
        Bytes::from_owner(Body(self))
    }

    /// Returns whether the response has not expired.
    pub fn is_unexpired(&self) -> bool {
        self.expires_at.is_none_or(|expires_at| Instant::now() < expires_at)
    }

    /// Returns the approximate size in memory, in bytes.
    pub fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(_, value)| value.len()).sum();
        let parts = self.parts.as_ref().map_or(0, |parts| parts.size());
        size_of::<Self>() + self.body.bytes.len() + headers + self.freshness.size() + parts
    }

    /// Returns the entity tag of the response in a content coding: the plain tag where a small body is not
    /// encoded.
    pub fn tag_in(&self, coding: Option<Coding>) -> Cow<'_, str> {
        match coding.filter(|coding| coding.is_worth(self.bytes())) {
            Some(coding) => coding.tag(self.tag.as_str()).into(),
            None => self.tag.as_str().into(),
        }
    }

    /// Returns the response in a content coding, or `None` if it is too small to be worth it.
    pub fn encode(&self, coding: Coding) -> Option<Self> {
        let mut variant = self.with_body(coding.encode(self.bytes())?);
        variant.tag = EntityTag::new(&coding.tag(self.tag.as_str()));
        variant.headers.push((CONTENT_ENCODING, HeaderValue::from_static(coding.name())));
        Some(variant)
    }

    /// Returns the response in a form that takes less memory, for this node only: a list of items that other lists have as
    /// well as these items, anything else with a Zstandard frame as its body. `None` if it expires by itself, and so would
    /// not be used for long, or if this saves less than a quarter.
    pub fn compact(&self) -> Option<Self> {
        if self.expires_at.is_some() {
            return None;
        }
        if let Some(parts) = self.parts.as_ref().filter(|parts| parts.are_shared()) {
            return Some(Self { parts: Some(Arc::clone(parts)), ..self.with_body(Vec::new()) });
        }
        let frame = compress_bytes(self.bytes()).ok().filter(|frame| frame.len() < self.bytes().len() / 4 * 3)?;
        Some(self.with_body(frame))
    }

    /// Returns the response of which [`compact`](Self::compact) made this one. `None` if one of its items is not cached any
    /// more, or if there is no memory for it.
    pub fn expand(&self) -> Option<Self> {
        let body = match &self.parts {
            Some(parts) => parts.body()?,
            None => decompress_bytes(self.bytes()).ok()?,
        };
        Some(self.with_body(body))
    }

    /// Returns a copy with another form of the body, and without its parts. It was made from the same reads, so its freshness
    /// begins at the same time.
    fn with_body(&self, body: Vec<u8>) -> Self {
        let body = self.body.memory.count(shrink_bytes(body));
        let (tag, headers) = (self.tag.clone(), self.headers.clone());
        let freshness = self.freshness.copy_for_variant();
        let (media_type, expires_at) = (self.media_type, self.expires_at);
        Self { media_type, tag, headers, freshness, expires_at, body, parts: None }
    }

    /// Returns whether this is a content-coded variant of `whole`. Equal times of the invalidation clock do
    /// not suffice: a response that depends on the time of day changes without a change of content. So the
    /// tags are compared too.
    pub fn is_variant_of(&self, whole: &Self) -> bool {
        let rest = self.tag.as_str().strip_prefix(whole.tag.as_str().trim_end_matches('"'));
        self.freshness.start_time() == whole.freshness.start_time() && rest.is_some_and(|rest| rest.starts_with('+'))
    }
}

/// The body of a cached response, which stays in memory while it is being sent.
struct Body(Arc<CachedResponse>);

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes()
    }
}

/// Counter of the bytes of all bodies in memory: of cached responses, and of those that are still being sent.
#[derive(Debug, Clone, Default)]
pub struct BodyMemory(Arc<AtomicUsize>);

impl BodyMemory {
    /// Returns the number of bytes.
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn count(&self, bytes: Box<[u8]>) -> CountedBytes {
        self.0.fetch_add(bytes.len(), Ordering::Relaxed);
        CountedBytes { bytes, memory: self.clone() }
    }
}

/// Bytes that are counted for as long as they are in memory.
#[derive(Debug)]
struct CountedBytes {
    bytes: Box<[u8]>,
    memory: BodyMemory,
}

impl Drop for CountedBytes {
    fn drop(&mut self) {
        self.memory.0.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// Returns the bytes without spare capacity, which would stay in memory with them. A large spare part is
/// removed by a copy, since an allocator does not take back a part of an allocation.
fn shrink_bytes(bytes: Vec<u8>) -> Box<[u8]> {
    if bytes.capacity() - bytes.len() > bytes.len() / 16 { bytes.as_slice().into() } else { bytes.into() }
}

/// An entity tag with its quotes (RFC 9110, section 8.8.3).
#[derive(Debug, Clone)]
pub struct EntityTag(SmallVec<[u8; 40]>);

impl EntityTag {
    fn new(text: &str) -> Self {
        Self(SmallVec::from_slice(text.as_bytes()))
    }

    /// Returns the tag as it is written in a header.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}
