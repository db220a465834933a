//! Model test of cache invalidation between threads and nodes: two nodes on one database, each with its
//! writer, its watch on the journal, and readers that cache what they computed. A seeded scheduler decides at
//! each step which thread goes on, within the invalidation table as well. The invalidation table and both
//! caches are the real ones; the database is a model.
//!
//! No reader may get content that is older than what its node acknowledged before the request. To show that a
//! violation would be noticed, the same model runs with its steps in wrong orders, each of which must give
//! stale responses.
//!
//! `PLENARY_TEST_SEED` sets the seed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::database::invalidation::InvalidationClock;
use crate::database::schedule::{Interleaving, block_on, point};
use crate::database::sync::Mutex as SteppedMutex;
use crate::delivery::cache::absence_cache::{Absence, CachedAbsence};
use crate::delivery::cache::cached_response::FreshResponse;
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::cache::item_cache::ItemCache;
use crate::delivery::cache::response_cache::{CacheKey, CacheLookup, ResponseCache};
use crate::delivery::render::compose::ComposedItem;

const INTERLEAVINGS: usize = 10_000;
/// Interleavings that are enough to find the effect of a wrong order.
const FEW: usize = 1_000;
const NODES: usize = 2;
const WRITES: usize = 2;
const READS: usize = 2;
const READERS: usize = 2;

/// Ids of the items of the model.
const ITEMS: [&str; 2] = ["00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"];
const KIND: &str = "event";
const OTHER_KIND: &str = "speaker";

/// Order in which the steps of reads and writes are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The order of the server.
    Right,
    /// A write is acknowledged before it is recorded.
    AcknowledgedFirst,
    /// A write is recorded before it is committed.
    RecordedFirst,
    /// A read takes the time of the invalidation clock after its last statement.
    TimeTakenLast,
    /// A response lacks one of its dependencies.
    OneItemForgotten,
}

/// A request to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// The first item, with the second embedded.
    Both,
    /// A list of all items, from cached items.
    List,
    /// The second item, of which odd versions are not public.
    Maybe,
}

const QUESTIONS: [Question; 3] = [Question::Both, Question::List, Question::Maybe];

/// Version of each item.
type Versions = [u64; ITEMS.len()];

/// The database: the version of each item, and the items that were written, in order.
#[derive(Default)]
struct Model {
    versions: Versions,
    journal: Vec<usize>,
}

/// A node with its caches.
struct Node {
    clock: Arc<InvalidationClock>,
    responses: ResponseCache,
    items: ItemCache,
    /// Versions that readers of this node must get at least.
    acknowledged: Mutex<Versions>,
    /// Number of journal entries that the watch has read.
    watched: Mutex<usize>,
}

struct World {
    order: Order,
    model: Mutex<Model>,
    /// Lock that the writers of all nodes share.
    turn: SteppedMutex<()>,
    nodes: Vec<Node>,
    stale: Arc<Mutex<Vec<String>>>,
}

fn with_lock<T, R>(mutex: &Mutex<T>, look: impl FnOnce(&mut T) -> R) -> R {
    look(&mut mutex.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Node {
    fn new() -> Self {
        let clock = Arc::new(InvalidationClock::default());
        let (responses, items) = (ResponseCache::new(1 << 20, &clock), ItemCache::new(1 << 20, &clock));
        Self { clock, responses, items, acknowledged: Mutex::default(), watched: Mutex::default() }
    }

    fn record(&self, items: &[usize]) {
        let entry = |item: &usize| (if *item == 0 { KIND } else { OTHER_KIND }, ITEMS[*item]);
        self.clock.record(items.iter().map(entry));
    }

    fn acknowledge(&self, versions: Versions) {
        with_lock(&self.acknowledged, |known| {
            known.iter_mut().zip(versions).for_each(|(known, version)| *known = (*known).max(version));
        });
    }

    fn key(&self, question: Question) -> CacheKey {
        self.responses.key(&[&format!("{question:?}")])
    }
}

impl World {
    fn read(&self) -> Versions {
        point();
        with_lock(&self.model, |model| model.versions)
    }

    /// Writes an item as the writer thread does: it reads the journal within the transaction, records what it
    /// found after the commit, and acknowledges last. The lock is released with the commit, as on Postgres.
    fn write(&self, node: &Node, item: usize, read_entries: &mut usize) {
        let turn = self.turn.lock().expect("no writer fails");
        point();
        let (before, written) = with_lock(&self.model, |model| (model.journal.len(), model.versions[item] + 1));
        let changed: Vec<usize> =
            with_lock(&self.model, |model| model.journal[*read_entries..].iter().copied().chain([item]).collect());
        if self.order == Order::RecordedFirst {
            node.record(&changed);
        }
        point();
        let after = with_lock(&self.model, |model| {
            model.versions[item] = written;
            model.journal.push(item);
            model.versions
        });
        drop(turn);
        point();
        match self.order {
            Order::RecordedFirst => node.acknowledge(after),
            Order::AcknowledgedFirst => {
                node.acknowledge(after);
                point();
                node.record(&changed);
            }
            _ => {
                node.record(&changed);
                node.acknowledge(after);
            }
        }
        *read_entries = before + 1;
    }

    /// Reads the journal as each node does twice a second.
    fn watch(&self, node: &Node) {
        point();
        let seen = with_lock(&node.watched, |watched| *watched);
        let (changed, versions, head) =
            with_lock(&self.model, |model| (model.journal[seen..].to_vec(), model.versions, model.journal.len()));
        point();
        node.record(&changed);
        with_lock(&node.watched, |watched| *watched = head);
        node.acknowledge(versions);
    }

    /// Computes a response as the handlers do.
    fn compute(&self, node: &Node, question: Question) -> CacheLookup {
        let mut since = node.clock.now();
        let mut all = Dependencies::default();
        let body = match question {
            Question::Both => {
                let versions = self.read();
                all.add_item(KIND, ITEMS[0]);
                if self.order != Order::OneItemForgotten {
                    all.add_item(OTHER_KIND, ITEMS[1]);
                }
                versions.to_vec()
            }
            Question::List => {
                all.add_kind(KIND);
                (0..ITEMS.len()).map(|item| self.item(node, item, since, &mut all)).collect()
            }
            Question::Maybe => {
                let version = self.read()[1];
                all.add_kind(OTHER_KIND);
                if self.order == Order::TimeTakenLast {
                    since = node.clock.now();
                }
                if version % 2 == 1 {
                    let absence = Absence::Moved(version.to_string());
                    return CacheLookup::Absent(Arc::new(CachedAbsence::new(absence, all, since)));
                }
                vec![version]
            }
        };
        point();
        if self.order == Order::TimeTakenLast {
            since = node.clock.now();
        }
        let text = body.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
        let fresh = FreshResponse::new("text/plain", text, |_| "\"v0-0\"".to_owned(), all);
        CacheLookup::Found(Arc::new(fresh.into_cached([], since, node.responses.body_memory())))
    }

    /// Returns the version of an item from its cached form, which is rendered if it is missing.
    fn item(&self, node: &Node, item: usize, since: u64, all: &mut Dependencies) -> u64 {
        let cache = node.items.scope_since(since);
        let cached = cache.find(ITEMS[item], 0).unwrap_or_else(|| {
            let mut dependencies = Dependencies::default();
            dependencies.add_item(if item == 0 { KIND } else { OTHER_KIND }, ITEMS[item]);
            cache.insert(ITEMS[item], 0, ComposedItem { object: self.read()[item].to_string(), dependencies })
        });
        all.add(&cached.dependencies);
        cached.object.parse().expect("a version")
    }

    /// Handles a read: from the cache, or computed by one of those who ask at the same time.
    fn ask(&self, node: &Node, question: Question) -> Vec<u64> {
        let key = node.key(question);
        let lookup = match (node.responses.find(key), node.responses.find_absent(key)) {
            (Some(cached), _) => CacheLookup::Found(cached),
            (None, Some(absent)) => CacheLookup::Absent(absent),
            (None, None) => {
                let compute = async { Ok::<_, ()>(self.compute(node, question)) };
                block_on(node.responses.find_or_compute(key, compute)).expect("it never fails")
            }
        };
        versions(lookup)
    }

    fn check(&self, node: &Node, question: Question) {
        let least = with_lock(&node.acknowledged, |versions| *versions);
        let given = self.ask(node, question);
        let least: &[u64] = if question == Question::Maybe { &least[1..] } else { &least };
        if given.iter().zip(least).any(|(given, least)| given < least) {
            with_lock(&self.stale, |stale| stale.push(format!("{question:?}: {given:?} after {least:?}")));
        }
    }

    /// Checks that what is still cached after all threads have ended is what would be computed now.
    fn check_rest(&self) {
        for node in &self.nodes {
            self.watch(node);
            QUESTIONS.into_iter().for_each(|question| self.check(node, question));
        }
    }
}

fn versions(lookup: CacheLookup) -> Vec<u64> {
    let text = match lookup {
        CacheLookup::Found(cached) => String::from_utf8(cached.body().to_vec()).expect("text"),
        CacheLookup::Absent(absent) => match &absent.absence {
            Absence::Moved(version) => version.clone(),
            Absence::Missing(noun) => (*noun).to_owned(),
        },
    };
    text.split(' ').map(|version| version.parse().expect("a version")).collect()
}

/// Runs all threads of one interleaving.
fn interleave(schedule: &Interleaving, order: Order, stale: &Arc<Mutex<Vec<String>>>) {
    let world = Arc::new(World {
        order,
        model: Mutex::default(),
        turn: SteppedMutex::new(()),
        nodes: (0..NODES).map(|_| Node::new()).collect(),
        stale: Arc::clone(stale),
    });
    let mut jobs: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
    let mut start = |run: Box<dyn FnOnce(&World) + Send>| {
        let world = Arc::clone(&world);
        jobs.push(Box::new(move || run(&world)));
    };
    for number in 0..NODES {
        start(Box::new(move |world| {
            let mut read_entries = 0;
            (0..WRITES).for_each(|item| world.write(&world.nodes[number], (item + number) % 2, &mut read_entries));
        }));
        for reader in 0..READERS {
            start(Box::new(move |world| {
                for read in 0..READS {
                    world.check(&world.nodes[number], QUESTIONS[(reader + read + number) % QUESTIONS.len()]);
                }
            }));
        }
    }
    start(Box::new(|world| world.nodes.iter().for_each(|node| world.watch(node))));
    schedule.run(jobs);
    world.check_rest();
}

/// Returns the stale responses of this many interleavings, each with its number of occurrences.
fn stale_responses(order: Order, interleavings: usize) -> BTreeMap<String, usize> {
    let seed = std::env::var("PLENARY_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_128);
    println!("{interleavings} interleavings in the order {order:?}, seed {seed}");
    let found = Arc::new(Mutex::default());
    let schedule = Interleaving::new(seed, NODES * (1 + READERS) + 1);
    (0..interleavings).for_each(|_| interleave(&schedule, order, &found));
    let mut counts = BTreeMap::new();
    with_lock(&found, |all| all.drain(..).for_each(|one| *counts.entry(one).or_default() += 1));
    counts
}

#[test]
fn no_interleaving_gives_a_stale_answer() {
    assert_eq!(stale_responses(Order::Right, INTERLEAVINGS), BTreeMap::new());
}

#[test]
fn each_wrong_order_gives_stale_answers() {
    for order in [Order::AcknowledgedFirst, Order::RecordedFirst, Order::TimeTakenLast, Order::OneItemForgotten] {
        assert!(!stale_responses(order, FEW).is_empty(), "{order:?} was not noticed");
    }
}
