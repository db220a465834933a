//! What changed when, as this process knows it: by it, what is kept in memory is found out of date.
//!
//! Time is a number that grows with each change. What is kept carries the time at which its making
//! began and the kinds and items that it depends on; it is good while none of these was changed
//! since. Items share a fixed number of places by their hash: a change can make more out of date
//! than it must, never less. Places are in groups, so few that the processor has all of them at hand:
//! of what was found good a moment ago, they say mostly that it still is.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use smallvec::SmallVec;
use twox_hash::XxHash3_64;
use uuid::Uuid;

use super::sync::{AtomicU64, Mutex};

/// Places for kinds; one is a bit of a word.
const KINDS: usize = 64;
/// Places for items: 2 MB. In unit tests there are fewer, since simulations make thousands of ledgers.
const ITEMS: usize = if cfg!(test) { 1 << 10 } else { 1 << 18 };
/// Groups of places: 32 KB.
const GROUPS: usize = if cfg!(test) { 1 << 6 } else { 1 << 12 };
/// The writes of other nodes are looked for twice a second; for so long a look may be overdue.
const OVERDUE: Duration = Duration::from_secs(2);
/// An item and what it refers to are seldom more than so many.
const USUAL: usize = 8;

/// What something was made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Depends {
    kinds: u64,
    items: SmallVec<[u32; USUAL]>,
}

impl Depends {
    /// Everything of these kinds.
    pub fn on_kinds<'a>(kinds: impl IntoIterator<Item = &'a str>) -> Self {
        Self { kinds: kinds.into_iter().fold(0, |bits, kind| bits | 1 << place_of_kind(kind)), items: SmallVec::new() }
    }

    /// These items, by their ids.
    pub fn and_items(mut self, ids: impl IntoIterator<Item = Uuid>) -> Self {
        self.items.extend(ids.into_iter().map(|id| place_of_uuid(id) as u32));
        self.items.sort_unstable();
        self.items.dedup();
        self
    }

    /// Its size beyond the struct, in bytes.
    pub fn size(&self) -> usize {
        if self.items.spilled() { self.items.len() * size_of::<u32>() } else { 0 }
    }
}

/// What something that is kept stands on: what it was made from and when, and until when it was found good.
#[derive(Debug)]
pub struct Basis {
    depends: Depends,
    since: u64,
    good_at: AtomicU64,
}

impl Basis {
    /// Of something whose making began at this time of the ledger.
    pub fn new(depends: Depends, since: u64) -> Self {
        Self { depends, since, good_at: AtomicU64::new(since) }
    }

    /// The same once more, for another form of it.
    pub fn again(&self) -> Self {
        Self::new(self.depends.clone(), self.since)
    }

    /// When its making began.
    pub fn since(&self) -> u64 {
        self.since
    }

    /// The size of what it was made from beyond the struct, in bytes.
    pub fn size(&self) -> usize {
        self.depends.size()
    }
}

fn place_of_kind(kind: &str) -> usize {
    XxHash3_64::oneshot(kind.as_bytes()) as usize % KINDS
}

/// The place of an entry of the journal by its id. What is no content may have one that is no UUID.
fn place_of_item(id: &str) -> usize {
    Uuid::try_parse(id).map_or_else(|_| XxHash3_64::oneshot(id.as_bytes()) as usize % ITEMS, place_of_uuid)
}

fn place_of_uuid(id: Uuid) -> usize {
    XxHash3_64::oneshot(id.as_bytes()) as usize % ITEMS
}

fn group_of(place: usize) -> usize {
    place % GROUPS
}

/// When what was last changed.
pub struct Ledger {
    /// Of the last change that is noted completely.
    time: AtomicU64,
    /// Changes are noted one after the other.
    noting: Mutex<()>,
    everything: AtomicU64,
    kinds: [AtomicU64; KINDS],
    groups: Box<[AtomicU64]>,
    items: Box<[AtomicU64]>,
    begun: Instant,
    /// When it was last known that no other node had written anything else, in milliseconds since `begun`.
    seen_at: AtomicU64,
    /// The last look failed.
    blind: AtomicBool,
}

impl Default for Ledger {
    fn default() -> Self {
        let places = |count| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self {
            time: AtomicU64::new(1),
            noting: Mutex::new(()),
            everything: AtomicU64::new(0),
            kinds: [const { AtomicU64::new(0) }; KINDS],
            groups: places(GROUPS),
            items: places(ITEMS),
            begun: Instant::now(),
            seen_at: AtomicU64::new(0),
            blind: AtomicBool::new(false),
        }
    }
}

impl Ledger {
    /// The time; to be taken before the reading begins of which something is made.
    pub fn now(&self) -> u64 {
        self.time.load(Ordering::SeqCst)
    }

    /// Notes that these items changed, by kind and id: after the commit, before it is acknowledged.
    pub fn note<'a>(&self, changed: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.note_at(|time| {
            for (kind, id) in changed {
                let place = place_of_item(id);
                for changed in [&self.items[place], &self.groups[group_of(place)], &self.kinds[place_of_kind(kind)]] {
                    changed.store(time, Ordering::SeqCst);
                }
            }
        });
    }

    /// When something of this kind was last changed.
    pub fn last_change(&self, kind: &str) -> u64 {
        self.kinds[place_of_kind(kind)].load(Ordering::SeqCst)
    }

    /// Notes that what other nodes wrote is known up to now.
    pub fn see(&self) {
        self.seen_at.store(self.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
        self.blind.store(false, Ordering::Relaxed);
    }

    /// Notes that the database does not say what other nodes write.
    pub fn go_blind(&self) {
        self.blind.store(true, Ordering::Relaxed);
    }

    /// Whether the database does not answer, so that nothing can be made anew.
    pub fn is_blind(&self) -> bool {
        self.blind.load(Ordering::Relaxed)
    }

    /// How long ago it was last known what other nodes wrote, where that is longer than usual: the database does not
    /// answer. What is kept is as old as that at least.
    pub fn age(&self) -> Option<Duration> {
        let age = self.begun.elapsed().saturating_sub(Duration::from_millis(self.seen_at.load(Ordering::Relaxed)));
        (age > OVERDUE).then_some(age)
    }

    /// Notes that anything may have changed.
    pub fn note_everything(&self) {
        self.note_at(|time| self.everything.store(time, Ordering::SeqCst));
    }

    /// The time goes on when all is noted: who finds it so late finds all of that too.
    fn note_at(&self, note: impl FnOnce(u64)) {
        let _one_by_one = self.noting.lock().unwrap_or_else(PoisonError::into_inner);
        let time = self.now() + 1;
        note(time);
        self.time.store(time, Ordering::SeqCst);
    }

    /// Whether nothing of what this stands on was changed since. While nothing at all is changed, this looks
    /// at one place.
    pub fn holds(&self, basis: &Basis) -> bool {
        let (now, good_at) = (self.now(), basis.good_at.load(Ordering::Relaxed));
        if good_at == now {
            return true;
        }
        let good = self.unchanged(&basis.depends, good_at);
        if good {
            basis.good_at.store(now, Ordering::Relaxed);
        }
        good
    }

    /// Whether nothing of this was changed after `since`.
    fn unchanged(&self, depends: &Depends, since: u64) -> bool {
        let before = |place: &AtomicU64| place.load(Ordering::SeqCst) <= since;
        let mut kinds = depends.kinds;
        while kinds != 0 {
            if !before(&self.kinds[kinds.trailing_zeros() as usize]) {
                return false;
            }
            kinds &= kinds - 1;
        }
        let is_old = |place: usize| before(&self.groups[group_of(place)]) || before(&self.items[place]);
        before(&self.everything) && depends.items.iter().all(|place| is_old(*place as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM_A: Uuid = Uuid::from_u128(1);
    const ITEM_B: Uuid = Uuid::from_u128(2);

    #[test]
    fn tells_what_is_out_of_date() {
        let (ledger, c) = (Ledger::default(), Uuid::from_u128(3).to_string());
        let (list, one) = (Depends::on_kinds(["event", "speaker"]), Depends::default().and_items([ITEM_A, ITEM_B]));
        let based = |since| [Basis::new(list.clone(), since), Basis::new(one.clone(), since)];
        let hold = |bases: &[Basis; 2]| bases.each_ref().map(|basis| ledger.holds(basis));
        let early = based(ledger.now());
        // Twice each: what was found good once must be found out of date all the same.
        assert_eq!([hold(&early), hold(&early)], [[true, true]; 2]);
        ledger.note([("venue", c.as_str())]);
        assert_eq!([hold(&early), hold(&early)], [[true, true]; 2]);
        ledger.note([("speaker", c.as_str())]);
        assert_eq!([hold(&early), hold(&early)], [[false, true]; 2]);
        ledger.note([("partner", ITEM_B.to_string().as_str())]);
        assert_eq!([hold(&early), hold(&early)], [[false, false]; 2]);
        let later = based(ledger.now());
        assert_eq!([hold(&later), hold(&early)], [[true, true], [false, false]]);
        ledger.note_everything();
        assert_eq!([hold(&later), hold(&early)], [[false, false]; 2]);
    }

    /// Whatever comes before, what was made before a change of its item is out of date after it, and of all
    /// others only those whose places that item has.
    #[test]
    fn tells_of_each_change() {
        let ledger = Ledger::default();
        let ids: Vec<Uuid> = (0..2_000).map(Uuid::from_u128).collect();
        let basis = |id: &Uuid| Basis::new(Depends::default().and_items([*id]), ledger.now());
        let mut kept: Vec<Basis> = ids.iter().map(basis).collect();
        for changed in (0..ids.len()).step_by(7) {
            ledger.note([("event", ids[changed].to_string().as_str())]);
            assert!(!ledger.holds(&kept[changed]));
            let place = place_of_uuid(ids[changed]);
            for (id, kept) in ids.iter().zip(&mut kept) {
                assert_eq!(ledger.holds(kept), place_of_uuid(*id) != place, "{id}");
                *kept = if ledger.holds(kept) { kept.again() } else { basis(id) };
            }
        }
    }
}
