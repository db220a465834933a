//! What ties the events of a file together: those with the same UID, and those that replace an occurrence of a series.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::transfer::record::Record;
use crate::transfer::survey::hash_of;

/// Greatest number of events that wait for their series. It bounds the memory for a hostile file.
const MOST_WAITING: usize = 10_000;

/// The events of a file that were read so far.
#[derive(Debug, Default)]
pub struct Ties {
    /// Start of the first event with a source, both as hashes.
    starts: HashMap<u64, u64>,
    /// Hashes of the sources of series that were sent.
    series: HashSet<u64>,
    /// Events that replace an occurrence of a series that comes later in the file, by the source of the series.
    waiting: BTreeMap<String, Vec<Record>>,
    waiting_count: usize,
}

impl Ties {
    /// Returns whether an event with the same source and another start came before.
    pub fn has_twin(&mut self, source: &str, start: &str) -> bool {
        let start = hash_of("", start);
        *self.starts.entry(hash_of("", source)).or_insert(start) != start
    }

    /// Keeps an event until its series is sent, and returns it if that has happened.
    pub fn wait(&mut self, series: &str, record: Record) -> Option<Record> {
        if self.series.contains(&hash_of("", series)) || self.waiting_count == MOST_WAITING {
            return Some(record);
        }
        self.waiting_count += 1;
        self.waiting.entry(series.to_owned()).or_default().push(record);
        None
    }

    /// Returns the events that waited for a series, which is sent now.
    pub fn release(&mut self, series: &str) -> Vec<Record> {
        self.series.insert(hash_of("", series));
        let ready = self.waiting.remove(series).unwrap_or_default();
        self.waiting_count -= ready.len();
        ready
    }

    /// Returns the events whose series was refused.
    pub fn rest(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.waiting).into_values().flatten().collect()
    }
}
