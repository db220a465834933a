//! Items as lists show them, kept ready by item and shape: a query that was never asked before needs
//! of the database only which items it finds.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::Shape;
use super::compose::Composed;
use super::dependencies::Dependencies;
use crate::database::ledger::{Basis, Depends, Ledger};
use crate::resources::Resource;

/// The usual size of a card, in bytes; from it follows how many places are prepared.
const USUAL: usize = 2_048;

/// An item in one shape.
#[derive(Debug)]
pub struct Card {
    /// Its JSON.
    pub object: Box<str>,
    /// What it depends on.
    pub dependencies: Dependencies,
    basis: Basis,
}

/// What had a slug at a time of the ledger.
struct Name {
    id: String,
    basis: Basis,
}

/// Item and shape.
type Key = (u128, u64);

#[derive(Clone)]
struct Bytewise;

impl Weighter<Key, Arc<Card>> for Bytewise {
    fn weight(&self, _: &Key, card: &Arc<Card>) -> u64 {
        (card.object.len() + card.basis.size() + card.dependencies.size() + 240) as u64
    }
}

/// Names that are remembered: those by which lists are filtered.
const NAMES: usize = 4_096;

/// Cards of this node, as the public sees them, and the ids of what is named in queries.
pub struct Cards {
    cache: Option<Cache<Key, Arc<Card>, Bytewise>>,
    names: Cache<String, Arc<Name>>,
    ledger: Arc<Ledger>,
}

impl Cards {
    /// Room for so many bytes; none for 0.
    pub fn new(bytes: usize, ledger: &Arc<Ledger>) -> Self {
        let room = |bytes: usize| Cache::with_weighter((bytes / USUAL).max(16), bytes as u64, Bytewise);
        Self { cache: (bytes > 0).then(|| room(bytes)), names: Cache::new(NAMES), ledger: Arc::clone(ledger) }
    }

    /// For a read that began at this time of the ledger.
    pub fn since(&self, since: u64) -> Shelf<'_> {
        Shelf { cards: Some(self), since }
    }
}

/// The cards that one read may take and keep.
#[derive(Clone, Copy)]
pub struct Shelf<'a> {
    cards: Option<&'a Cards>,
    since: u64,
}

impl Shelf<'_> {
    /// The same if that is so, else one that takes and keeps nothing.
    pub fn only_if(self, so: bool) -> Self {
        if so { self } else { Self { cards: None, ..self } }
    }

    /// Whether anything can be taken from it.
    pub fn is_open(&self) -> bool {
        self.cards.is_some_and(|cards| cards.cache.is_some())
    }

    /// The same, for answers in this shape.
    pub fn in_shape(self, shape: &Shape) -> Self {
        self.only_if(shape.viewer.is_public() && !shape.draft)
    }

    /// A card that is good.
    pub fn find(&self, id: &str, shape: u64) -> Option<Arc<Card>> {
        let cards = self.cards?;
        let key = key(id, shape)?;
        let card = cards.cache.as_ref()?.get(&key)?;
        if cards.ledger.holds(&card.basis) {
            return Some(card);
        }
        cards.cache.as_ref()?.remove_if(&key, |card| !cards.ledger.holds(&card.basis));
        None
    }

    /// The id of the item of a kind that has this slug, where that was asked before and is so still.
    pub fn id_of(&self, kind: &str, slug: &str) -> Option<String> {
        let cards = self.cards?;
        let name = cards.names.get(&format!("{kind}/{slug}"))?;
        cards.ledger.holds(&name.basis).then(|| name.id.clone())
    }

    /// Remembers what has a slug.
    pub fn learn(&self, kind: &str, slug: &str, id: &str) {
        if let Some(cards) = self.cards {
            let kinds = Resource::of_kind(kind).into_iter().flat_map(Resource::visible_by);
            let name = Name { id: id.to_owned(), basis: Basis::new(Depends::on_kinds(kinds), self.since) };
            cards.names.insert(format!("{kind}/{slug}"), Arc::new(name));
        }
    }

    /// A fresh card, kept where it may be.
    pub fn keep(&self, id: &str, shape: u64, composed: Composed) -> Arc<Card> {
        let Composed { object, dependencies } = composed;
        let basis = Basis::new(dependencies.depends(), self.since);
        let card = Arc::new(Card { object: object.as_str().into(), dependencies, basis });
        if let Some(cache) = self.cards.and_then(|cards| cards.cache.as_ref())
            && let Some(key) = key(id, shape)
        {
            cache.insert(key, Arc::clone(&card));
        }
        card
    }
}

fn key(id: &str, shape: u64) -> Option<Key> {
    Some((uuid::Uuid::try_parse(id).ok()?.as_u128(), shape))
}

/// Tells shapes apart. It has a secret, so that nobody can make two that have the same.
pub fn shape_key(kind: &str, shape: &Shape) -> u64 {
    static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    SECRET.hash_one(format!("{kind}{shape:?}"))
}
