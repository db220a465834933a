//! Invalidation: a logical clock and a table of the last changes, by which cached values are found stale.
//!
//! The clock is a counter that advances with each change. A cached value carries the time at which its computation
//! began and the content types and items that it depends on ([`DependencySlots`]); it is fresh while none of them has
//! changed since. Nothing is evicted on a change and no dependents are looked up: a lookup compares a few numbers.
//!
//! Items share a fixed number of slots by their hash, and slots share groups. A collision can make a value stale
//! without need, but never keeps a stale value fresh. The groups fit into the processor's cache and answer most
//! checks of values that were fresh a moment ago (docs/decisions/0010).
//!
//! # Order of steps
//!
//! No client may receive a response older than a write that the same node acknowledged before its request; writes of
//! other nodes follow with the next look at the journal. This requires:
//!
//! * A reader takes the time with [`InvalidationClock::now`] *before* it reads the database. Taken later, a change between
//!   reading and taking the time would count as included.
//! * The writer records changes *after* COMMIT. Recorded earlier, a reader could take the new time, read the old
//!   state and cache it as fresh.
//! * The writer records changes *before* it acknowledges the write. Recorded later, a client would read an old
//!   response after its own write.
//! * `InvalidationClock::record_at` stores the new time *last*, under a lock. [`InvalidationClock::is_fresh`] takes an unchanged clock as
//!   proof that nothing has changed, which would be false while a change is only partly recorded.
//!
//! The unit tests in `src/delivery/cache/interleavings.rs` run these steps in thousands of interleavings, and show that
//! violations of the first three rules lead to stale responses.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use smallvec::SmallVec;
use twox_hash::XxHash3_64;
use uuid::Uuid;

use crate::database::sync::{AtomicU64, Mutex};

/// Number of slots for content types; [`DependencySlots`] has one bit for each.
const KINDS: usize = 64;
/// Number of slots for items (2 MB). Unit tests have fewer, since simulations create thousands of instances.
const ITEMS: usize = if cfg!(test) { 1 << 10 } else { 1 << 18 };
/// Number of groups of slots (32 KB).
const GROUPS: usize = if cfg!(test) { 1 << 6 } else { 1 << 12 };
/// Age of the last look at the journal beyond which it counts as overdue; a look is made twice a second.
const MAX_JOURNAL_AGE: Duration = Duration::from_secs(2);
/// Number of items that a value rarely exceeds; as many are stored without an allocation.
const INLINE_ITEMS: usize = 8;

/// The dependencies of a cached value: whole content types and single items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DependencySlots {
    /// A bit for each slot of content types.
    kinds: u64,
    /// Slots of items, sorted and distinct.
    items: SmallVec<[u32; INLINE_ITEMS]>,
}

impl DependencySlots {
    /// Creates dependencies on all items of these content types, including future ones.
    pub fn on_kinds<'a>(kinds: impl IntoIterator<Item = &'a str>) -> Self {
        Self { kinds: kinds.into_iter().fold(0, |bits, kind| bits | 1 << type_slot(kind)), items: SmallVec::new() }
    }

    /// Adds dependencies on these items, by their ids.
    pub fn and_items(mut self, ids: impl IntoIterator<Item = Uuid>) -> Self {
        self.items.extend(ids.into_iter().map(|id| uuid_slot(id) as u32));
        self.items.sort_unstable();
        self.items.dedup();
        self
    }

    /// Returns the size of the allocation, in bytes.
    pub fn size(&self) -> usize {
        if self.items.spilled() { self.items.len() * size_of::<u32>() } else { 0 }
    }
}

/// The freshness of a cached value: its dependencies and the time of its computation.
#[derive(Debug)]
pub struct Freshness {
    slots: DependencySlots,
    /// Time at which the computation began.
    since: u64,
    /// Latest time at which the value was found fresh.
    fresh_at: AtomicU64,
}

impl Freshness {
    /// Creates the freshness of a value whose computation began at the time `since`.
    pub fn new(slots: DependencySlots, since: u64) -> Self {
        Self { slots, since, fresh_at: AtomicU64::new(since) }
    }

    /// Returns a copy for another representation of the same value, without the time at which it was found fresh.
    pub fn copy_for_variant(&self) -> Self {
        Self::new(self.slots.clone(), self.since)
    }

    /// Returns the time at which the computation began.
    pub fn start_time(&self) -> u64 {
        self.since
    }

    /// Returns the size of the allocation, in bytes.
    pub fn size(&self) -> usize {
        self.slots.size()
    }
}

fn type_slot(kind: &str) -> usize {
    XxHash3_64::oneshot(kind.as_bytes()) as usize % KINDS
}

/// Returns the slot of a journal entry's id. Entries that are not about content may have ids other than UUIDs.
fn item_slot(id: &str) -> usize {
    Uuid::try_parse(id).map_or_else(|_| XxHash3_64::oneshot(id.as_bytes()) as usize % ITEMS, uuid_slot)
}

fn uuid_slot(id: Uuid) -> usize {
    XxHash3_64::oneshot(id.as_bytes()) as usize % ITEMS
}

fn group_of(slot: usize) -> usize {
    slot % GROUPS
}

/// The invalidation clock of a node, with the times of the last changes.
pub struct InvalidationClock {
    /// Time of the last change that is recorded completely.
    time: AtomicU64,
    /// Held while a change is recorded, so that times are assigned and published in order.
    recording: Mutex<()>,
    /// Time of the last change of unknown extent.
    everything: AtomicU64,
    /// Time of the last change in each slot of content types.
    kinds: [AtomicU64; KINDS],
    /// Time of the last change in each group of item slots.
    groups: Box<[AtomicU64]>,
    /// Time of the last change in each item slot.
    items: Box<[AtomicU64]>,
    /// Start of the process' clock.
    started: Instant,
    /// Time of the last successful look at the journal, in milliseconds since `started`.
    journal_read_at: AtomicU64,
    /// Whether the last look at the journal failed.
    offline: AtomicBool,
}

impl Default for InvalidationClock {
    fn default() -> Self {
        let slots = |count| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self {
            time: AtomicU64::new(1),
            recording: Mutex::new(()),
            everything: AtomicU64::new(0),
            kinds: [const { AtomicU64::new(0) }; KINDS],
            groups: slots(GROUPS),
            items: slots(ITEMS),
            started: Instant::now(),
            journal_read_at: AtomicU64::new(0),
            offline: AtomicBool::new(false),
        }
    }
}

impl InvalidationClock {
    /// Returns the current time. It must be taken before the read of the database from which a value is computed.
    pub fn now(&self) -> u64 {
        self.time.load(Ordering::SeqCst)
    }

    /// Records changes of items, given by content type and id. To be called after the commit and before its
    /// acknowledgement.
    pub fn record<'a>(&self, changed: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.record_at(|time| {
            for (kind, id) in changed {
                let slot = item_slot(id);
                for changed in [&self.items[slot], &self.groups[group_of(slot)], &self.kinds[type_slot(kind)]] {
                    changed.store(time, Ordering::SeqCst);
                }
            }
        });
    }

    /// Returns the time of the last change of an item of this content type.
    pub fn last_change(&self, kind: &str) -> u64 {
        self.kinds[type_slot(kind)].load(Ordering::SeqCst)
    }

    /// Records that the writes of other nodes are known up to now.
    pub fn journal_read(&self) {
        self.journal_read_at.store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
        self.offline.store(false, Ordering::Relaxed);
    }

    /// Records that the journal could not be read.
    pub fn journal_unreadable(&self) {
        self.offline.store(true, Ordering::Relaxed);
    }

    /// Returns whether the last look at the journal failed: the database does not respond, and no value can be
    /// recomputed.
    pub fn is_offline(&self) -> bool {
        self.offline.load(Ordering::Relaxed)
    }

    /// Returns the time since the last successful look at the journal if it is overdue. Cached values may be
    /// outdated by that much.
    pub fn staleness(&self, now: Instant) -> Option<Duration> {
        let age = now
            .saturating_duration_since(self.started)
            .saturating_sub(Duration::from_millis(self.journal_read_at.load(Ordering::Relaxed)));
        (age > MAX_JOURNAL_AGE).then_some(age)
    }

    /// Records a change of unknown extent, which makes all cached values stale.
    pub fn record_all(&self) {
        self.record_at(|time| self.everything.store(time, Ordering::SeqCst));
    }

    /// Records a change with the next time and then advances the clock. The order matters: a reader that sees the
    /// new time also sees everything that was recorded with it. The lock keeps two changes from sharing a time, and
    /// the clock from passing a change that is only partly recorded.
    fn record_at(&self, store: impl FnOnce(u64)) {
        let _one_by_one = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        let time = self.now() + 1;
        store(time);
        self.time.store(time, Ordering::SeqCst);
    }

    /// Returns whether a value is fresh: none of its dependencies has changed since its computation began. While
    /// nothing changes at all, the check compares one number.
    ///
    /// The time at which the value was found fresh moves forward with each check, so that the groups, whose times
    /// are those of the latest change of any member, stay useful for values that were computed long ago.
    pub fn is_fresh(&self, freshness: &Freshness) -> bool {
        // `now` is read before the slots. A change that is recorded meanwhile has a later time: the check may miss
        // it, but the next one does not, since `fresh_at` becomes `now` and not the time of the later change.
        let (now, fresh_at) = (self.now(), freshness.fresh_at.load(Ordering::Relaxed));
        if fresh_at == now {
            return true;
        }
        let is_fresh = self.is_unchanged(&freshness.slots, fresh_at);
        if is_fresh {
            freshness.fresh_at.store(now, Ordering::Relaxed);
        }
        is_fresh
    }

    /// Returns whether none of the dependencies has changed after `since`.
    fn is_unchanged(&self, slots: &DependencySlots, since: u64) -> bool {
        let before = |slot: &AtomicU64| slot.load(Ordering::SeqCst) <= since;
        let mut kinds = slots.kinds;
        while kinds != 0 {
            if !before(&self.kinds[kinds.trailing_zeros() as usize]) {
                return false;
            }
            kinds &= kinds - 1;
        }
        let is_unchanged = |slot: usize| before(&self.groups[group_of(slot)]) || before(&self.items[slot]);
        before(&self.everything) && slots.items.iter().all(|slot| is_unchanged(*slot as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM_A: Uuid = Uuid::from_u128(1);
    const ITEM_B: Uuid = Uuid::from_u128(2);

    #[test]
    fn tells_what_is_out_of_date() {
        let (clock, c) = (InvalidationClock::default(), Uuid::from_u128(3).to_string());
        let (list, one) =
            (DependencySlots::on_kinds(["event", "speaker"]), DependencySlots::default().and_items([ITEM_A, ITEM_B]));
        let based = |since| [Freshness::new(list.clone(), since), Freshness::new(one.clone(), since)];
        let hold = |freshnesses: &[Freshness; 2]| freshnesses.each_ref().map(|freshness| clock.is_fresh(freshness));
        let early = based(clock.now());
        // Each check is made twice: a value that was found fresh once must still become stale.
        assert_eq!([hold(&early), hold(&early)], [[true, true]; 2]);
        clock.record([("venue", c.as_str())]);
        assert_eq!([hold(&early), hold(&early)], [[true, true]; 2]);
        clock.record([("speaker", c.as_str())]);
        assert_eq!([hold(&early), hold(&early)], [[false, true]; 2]);
        clock.record([("partner", ITEM_B.to_string().as_str())]);
        assert_eq!([hold(&early), hold(&early)], [[false, false]; 2]);
        let later = based(clock.now());
        assert_eq!([hold(&later), hold(&early)], [[true, true], [false, false]]);
        clock.record_all();
        assert_eq!([hold(&later), hold(&early)], [[false, false]; 2]);
    }

    /// A change of an item makes its value stale whatever happened before, and of the other values only those of
    /// items that share its slot.
    #[test]
    fn tells_of_each_change() {
        let clock = InvalidationClock::default();
        let ids: Vec<Uuid> = (0..2_000).map(Uuid::from_u128).collect();
        let freshness = |id: &Uuid| Freshness::new(DependencySlots::default().and_items([*id]), clock.now());
        let mut values: Vec<Freshness> = ids.iter().map(freshness).collect();
        for changed in (0..ids.len()).step_by(7) {
            clock.record([("event", ids[changed].to_string().as_str())]);
            assert!(!clock.is_fresh(&values[changed]));
            let slot = uuid_slot(ids[changed]);
            for (id, value) in ids.iter().zip(&mut values) {
                assert_eq!(clock.is_fresh(value), uuid_slot(*id) != slot, "{id}");
                *value = if clock.is_fresh(value) { value.copy_for_variant() } else { freshness(id) };
            }
        }
    }
}
