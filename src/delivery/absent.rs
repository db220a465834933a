//! What is not at an address: there is nothing that the public sees, or it is elsewhere. This is kept like other
//! answers, until something of its kind changes, but in a place of its own: however many addresses somebody makes
//! up, no answer with content is given up for them.

use std::sync::Arc;

use quick_cache::sync::Cache;

use super::answers::Place;
use super::dependencies::Dependencies;
use crate::database::ledger::{Basis, Ledger};

/// The addresses that are known to have nothing. One takes about 300 bytes, so all of them take 5 MB.
const MOST: usize = 16_384;

/// Why there is no content at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absence {
    /// There is none of what this noun names.
    Missing(&'static str),
    /// It is at this address now.
    Moved(String),
}

/// The absence as it is kept.
#[derive(Debug)]
pub struct Absent {
    /// Why there is no content.
    pub absence: Absence,
    /// The kinds on which it depends.
    pub dependencies: Dependencies,
    basis: Basis,
}

impl Absent {
    /// Found by a read that began at this time of the ledger.
    pub fn new(absence: Absence, dependencies: Dependencies, since: u64) -> Self {
        let basis = Basis::new(dependencies.depends(), since);
        Self { absence, dependencies, basis }
    }
}

/// The addresses of this node that have nothing.
pub struct Absences {
    cache: Cache<Place, Arc<Absent>>,
}

impl Default for Absences {
    fn default() -> Self {
        Self { cache: Cache::new(MOST) }
    }
}

impl Absences {
    /// What is known of a place, if it is still so.
    pub fn find(&self, place: Place, ledger: &Ledger) -> Option<Arc<Absent>> {
        let found = self.cache.get(&place)?;
        if ledger.holds(&found.basis) {
            return Some(found);
        }
        self.cache.remove_if(&place, |kept| Arc::ptr_eq(kept, &found));
        None
    }

    /// Keeps it, if it is still so.
    pub fn keep(&self, place: Place, absent: &Arc<Absent>, ledger: &Ledger) {
        if ledger.holds(&absent.basis) {
            self.cache.insert(place, Arc::clone(absent));
        }
    }
}
