//! What relates the events of a file to each other: those with the same UID, and those that replace an occurrence of a series.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::content::slug::from_title;
use crate::transfer::record::Record;
use crate::transfer::survey::hash_of;

/// Greatest number of events that wait for their series. It bounds the memory for a hostile file.
const MOST_WAITING: usize = 10_000;

/// The events of a file that were read so far.
#[derive(Debug, Default)]
pub struct SeriesOccurrences {
    /// What tells the first event with a source from others, by the hash of the source: its start, its title and its place,
    /// the latter two as one hash.
    first: HashMap<u64, (u64, u64)>,
    /// Hashes of the sources of series that were sent.
    series: HashSet<u64>,
    /// Events that replace an occurrence of a series that comes later in the file, by the source of the series.
    waiting: BTreeMap<String, Vec<Record>>,
    waiting_count: usize,
}

impl SeriesOccurrences {
    /// Returns the source of an event if it must have one of its own: another event with the source came before it, which
    /// has another start, or another title or place.
    pub fn own_source(&mut self, source: &str, start: &str, words: &str) -> Option<String> {
        let this = (hash_of("", start), hash_of("", words));
        let first = *self.first.entry(hash_of("", source)).or_insert(this);
        let at = format!("{source}/{start}");
        let named = || Some(format!("{at}/{}", from_title(words)));
        match first {
            _ if first == this => None,
            (known, _) if known == this.0 => named(),
            _ if *self.first.entry(hash_of("", &at)).or_insert(this) == this => Some(at),
            _ => named(),
        }
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
