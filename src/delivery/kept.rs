//! An answer as it is made, and as it is kept: in as few places of the memory as can be. Of thousands that
//! are kept, the one that is asked for is in no cache of the processor, so each further place costs as much
//! as ten headers; its texts are therefore within it, and what many have in common is shared.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use actix_web::http::header::{CONTENT_ENCODING, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use smallvec::SmallVec;

use super::absent::Absence;
use super::coding::Coding;
use super::dependencies::Dependencies;
use crate::database::ledger::Basis;

/// Headers that all kept answers have, beside the type and the tag.
const USUAL_HEADERS: usize = 3;

/// What a read came to.
#[derive(Debug)]
pub enum Fresh {
    /// There is an answer.
    Here(Made),
    /// There is none, and on what that depends.
    Absent(Absence, Dependencies),
}

/// An answer that was just made.
#[derive(Debug)]
pub struct Made {
    /// Its media type.
    pub content_type: &'static str,
    /// Its bytes.
    pub body: Vec<u8>,
    /// Its entity tag.
    pub tag: Tag,
    /// Its neighbours, for lists (RFC 8288).
    pub link: Option<String>,
    /// What it depends on.
    pub dependencies: Dependencies,
    /// Until when it is good: what depends on the time of day is not for long. It is an instant of the clock that
    /// never steps back, so that no correction of the other one makes it good for longer.
    pub until: Option<Instant>,
}

impl Made {
    /// An answer with the tag that `tag` makes of its bytes, good until something of it changes.
    pub fn new(
        content_type: &'static str,
        body: impl Into<Vec<u8>>,
        tag: impl FnOnce(&[u8]) -> String,
        dependencies: Dependencies,
    ) -> Self {
        let body = body.into();
        let tag = Tag::new(&tag(&body));
        Self { content_type, body, tag, link: None, dependencies, until: None }
    }

    /// The same to be kept: with the headers of everybody who is given it, begun at this time of the ledger.
    pub fn keep(self, headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>, since: u64, held: &Held) -> Kept {
        Kept {
            content_type: self.content_type,
            body: held.count(exact(self.body)),
            tag: self.tag,
            headers: headers.into_iter().collect(),
            basis: Basis::new(self.dependencies.depends(), since),
            until: self.until,
        }
    }
}

/// An answer as it is kept.
#[derive(Debug)]
pub struct Kept {
    /// Its media type.
    pub content_type: &'static str,
    /// Its entity tag.
    pub tag: Tag,
    /// Its further headers, for everybody who is given it.
    pub headers: SmallVec<[(HeaderName, HeaderValue); USUAL_HEADERS]>,
    /// What it stands on.
    pub basis: Basis,
    until: Option<Instant>,
    body: Counted,
}

impl Kept {
    /// Its bytes, without a copy.
    pub fn body(self: Arc<Self>) -> Bytes {
        Bytes::from_owner(Body(self))
    }

    /// Whether its time is not over.
    pub fn is_timely(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }

    /// About its size, in bytes.
    pub fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(_, value)| value.len()).sum();
        size_of::<Self>() + self.body.bytes.len() + headers + self.basis.size()
    }

    /// The entity tag of what this is in a content coding, if it is coded at all.
    pub fn tag_in(&self, coding: Option<Coding>) -> Cow<'_, str> {
        match coding.filter(|coding| coding.is_worth(&self.body.bytes)) {
            Some(coding) => coding.mark(self.tag.as_str()).into(),
            None => self.tag.as_str().into(),
        }
    }

    /// The same in a content coding; none when it is too small to be worth it.
    pub fn coded(&self, coding: Coding) -> Option<Self> {
        let body = self.body.held.count(exact(coding.encode(&self.body.bytes)?));
        let tag = Tag::new(&coding.mark(self.tag.as_str()));
        let mut headers = self.headers.clone();
        headers.push((CONTENT_ENCODING, HeaderValue::from_static(coding.word())));
        Some(Self { body, tag, headers, basis: self.basis.again(), ..*self })
    }

    /// Whether this is that answer in a content coding: one made at the same time of the ledger is another if
    /// it depends on the clock.
    pub fn is_form_of(&self, whole: &Self) -> bool {
        let rest = self.tag.as_str().strip_prefix(whole.tag.as_str().trim_end_matches('"'));
        self.basis.since() == whole.basis.since() && rest.is_some_and(|rest| rest.starts_with('+'))
    }
}

/// The bytes of a kept answer, which stay as long as they are being sent.
struct Body(Arc<Kept>);

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.0.body.bytes
    }
}

/// Counts the bytes of all bodies that are in memory: those that are kept, and those that somebody is being sent.
#[derive(Debug, Clone, Default)]
pub struct Held(Arc<AtomicUsize>);

impl Held {
    /// How many they are.
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn count(&self, bytes: Box<[u8]>) -> Counted {
        self.0.fetch_add(bytes.len(), Ordering::Relaxed);
        Counted { bytes, held: self.clone() }
    }
}

/// Bytes that are counted as long as they are there.
#[derive(Debug)]
struct Counted {
    bytes: Box<[u8]>,
    held: Held,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.held.0.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// The bytes without room to spare, which would be kept with them: an allocator does not take back a part
/// of what it gave.
fn exact(bytes: Vec<u8>) -> Box<[u8]> {
    if bytes.capacity() - bytes.len() > bytes.len() / 16 { bytes.as_slice().into() } else { bytes.into() }
}

/// An entity tag (RFC 9110, section 8.8.3), with its quotes.
#[derive(Debug)]
pub struct Tag(SmallVec<[u8; 40]>);

impl Tag {
    fn new(text: &str) -> Self {
        Self(SmallVec::from_slice(text.as_bytes()))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}
