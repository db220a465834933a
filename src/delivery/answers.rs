//! Answers that the public was given lately, kept as bytes, so that most reads ask nobody.
//!
//! An answer is kept under its address, with what it was made from. After a commit of content and
//! before that is acknowledged, the ledger is told what changed, so no later read on this node can
//! find an answer that is out of date; writes of other nodes are noticed within half a second (see
//! `http::server`). Equal misses at the same time are computed once.

use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, LazyLock};

use prometheus::IntCounter;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use siphasher::sip128::{Hasher128, SipHasher13};

use super::absent::{Absences, Absent};
use super::coding::Coding;
use super::kept::{Held, Kept};
use crate::database::ledger::Ledger;
use crate::database::metrics::counter;

static HITS: LazyLock<IntCounter> =
    LazyLock::new(|| counter("plenary_answers_kept_total", "Public reads that were answered from memory."));
static MISSES: LazyLock<IntCounter> =
    LazyLock::new(|| counter("plenary_answers_computed_total", "Public reads that were computed."));

/// The usual size of an answer, in bytes; from it follows how many places are prepared.
const USUAL: usize = 4_096;
/// How often an answer that was overtaken while it was made is made anew.
const TRIES: usize = 3;
/// What a place costs beside what is kept there, in bytes.
const PLACE: usize = 96;

/// Where an answer is kept: what of a request decides over its answer, as a number. The number is SipHash's
/// with 128 bits and a key that nobody knows, so no two addresses that anybody can think of have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place(u128);

#[derive(Clone)]
struct Bytewise;

impl Weighter<Place, Arc<Kept>> for Bytewise {
    fn weight(&self, _: &Place, kept: &Arc<Kept>) -> u64 {
        (kept.size() + PLACE) as u64
    }
}

/// What is known of an address.
#[derive(Debug)]
pub enum Known {
    /// This is the answer.
    Here(Arc<Kept>),
    /// There is nothing, or not here.
    Absent(Arc<Absent>),
}

/// Answers of this node.
pub struct Answers {
    cache: Option<Cache<Place, Arc<Kept>, Bytewise>>,
    absences: Absences,
    held: Held,
    ledger: Arc<Ledger>,
    hasher: SipHasher13,
}

impl Answers {
    /// Room for so many bytes; none for 0.
    pub fn new(bytes: usize, ledger: &Arc<Ledger>) -> Self {
        let room = |bytes: usize| Cache::with_weighter((bytes / USUAL).max(16), bytes as u64, Bytewise);
        let hasher = SipHasher13::new_with_keys(rand::random(), rand::random());
        let cache = (bytes > 0).then(|| room(bytes));
        Self { cache, absences: Absences::default(), held: Held::default(), ledger: Arc::clone(ledger), hasher }
    }

    /// Counts the bytes of all answers that are in memory.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// The place of what has these words, in this order.
    pub fn place(&self, words: &[&str]) -> Place {
        let mut hasher = self.hasher;
        for word in words {
            word.hash(&mut hasher);
        }
        Place(hasher.finish128().as_u128())
    }

    fn is_good(&self, kept: &Kept) -> bool {
        // While the database does not answer, what is over is better than nothing: its age is told.
        self.ledger.holds(&kept.basis) && (kept.is_timely() || self.ledger.is_blind())
    }

    /// The answer at this place, if it is kept and still good.
    pub fn find(&self, place: Place) -> Option<Arc<Kept>> {
        let cache = self.cache.as_ref()?;
        let found = cache.get(&place)?;
        if self.is_good(&found) {
            HITS.inc();
            return Some(found);
        }
        cache.remove_if(&place, |kept| Arc::ptr_eq(kept, &found));
        None
    }

    /// Why there is no answer at this place, if that is kept and still so.
    pub fn find_absent(&self, place: Place) -> Option<Arc<Absent>> {
        let found = self.absences.find(place, &self.ledger)?;
        HITS.inc();
        Some(found)
    }

    /// The answer at this place, computed unless it is kept or somebody is computing it now. What
    /// somebody else began to compute before a change that is acknowledged is not good enough.
    pub async fn find_or<E, F>(&self, place: Place, compute: F) -> Result<Known, E>
    where
        F: Future<Output = Result<Known, E>>,
    {
        MISSES.inc();
        let Some(cache) = &self.cache else { return compute.await };
        for _ in 0..TRIES {
            match cache.get_value_or_guard_async(&place).await {
                Ok(kept) if self.is_good(&kept) => return Ok(Known::Here(kept)),
                Ok(stale) => drop(cache.remove_if(&place, |kept| Arc::ptr_eq(kept, &stale))),
                Err(guard) => {
                    // Whoever had the guard before may have found that there is nothing.
                    if let Some(absent) = self.absences.find(place, &self.ledger) {
                        return Ok(Known::Absent(absent));
                    }
                    let known = compute.await?;
                    match &known {
                        // Overtaken by a change, it is good for those who asked before that, not for others.
                        Known::Here(kept) if self.is_good(kept) => drop(guard.insert(Arc::clone(kept))),
                        Known::Here(_) => {}
                        Known::Absent(absent) => self.absences.keep(place, absent, &self.ledger),
                    }
                    return Ok(known);
                }
            }
        }
        compute.await
    }

    /// The answer of a place in a content coding, computed once; none when it is too small to be worth it.
    /// It has its own place and weight.
    pub fn coded(&self, place: Place, kept: &Kept, coding: Coding) -> Option<Arc<Kept>> {
        let Some(cache) = &self.cache else { return kept.coded(coding).map(Arc::new) };
        let place = Place(place.0 ^ (coding as u128 + 1));
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
    use crate::delivery::dependencies::Dependencies;
    use crate::delivery::kept::Made;

    fn kept(text: &str, since: u64) -> Kept {
        let tag = |body: &[u8]| format!("\"v0-{}\"", String::from_utf8_lossy(&body[..3]));
        Made::new("text/plain", text.repeat(2_000), tag, Dependencies::default()).keep([], since, &Held::default())
    }

    /// What depends on the clock changes without any change of content.
    #[test]
    fn a_coded_form_is_of_this_very_answer() {
        let answers = Answers::new(1 << 20, &Arc::default());
        let place = answers.place(&["/a", "b", ""]);
        let coded = |kept: &Kept| answers.coded(place, kept, Coding::Gzip).expect("it is large enough");
        let (before, after) = (coded(&kept("one", 1)), coded(&kept("two", 1)));
        assert_eq!((before.tag.as_str(), after.tag.as_str()), ("\"v0-one+gzip\"", "\"v0-two+gzip\""));
        assert!(before.body() != after.clone().body());
        assert!(Arc::ptr_eq(&after, &coded(&kept("two", 1))));
        assert!(!Arc::ptr_eq(&after, &coded(&kept("two", 2))));
    }

    #[test]
    fn an_address_has_its_own_place() {
        let answers = Answers::new(1 << 20, &Arc::default());
        let places =
            [["/a", "b", ""], ["/a", "", "b"], ["/ab", "", ""], ["", "/a", "b"]].map(|words| answers.place(&words));
        assert_eq!(places.iter().collect::<std::collections::HashSet<_>>().len(), places.len());
        assert_ne!(places[0], Answers::new(1 << 20, &Arc::default()).place(&["/a", "b", ""]));
    }
}
