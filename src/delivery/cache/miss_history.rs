//! The keys that the response cache lacked lately.

use std::sync::atomic::{AtomicU32, Ordering};

/// Number of keys that share a place.
const BUCKET: usize = 4;

/// A table of the keys of recent misses. It tells responses that are requested again and again, but have no place in
/// the cache in between, from those that are requested once. By its hash, each key belongs to a bucket, which has the marks
/// of the last four keys there.
#[derive(Debug)]
pub struct MissHistory {
    buckets: Box<[[AtomicU32; BUCKET]]>,
}

impl MissHistory {
    /// Creates a table for at least this many keys. It takes four bytes for each.
    pub fn new(keys: usize) -> Self {
        let buckets = keys.div_ceil(BUCKET).next_power_of_two();
        Self { buckets: (0..buckets).map(|_| Default::default()).collect() }
    }

    /// Records a miss, and returns whether the key had one before. Of two threads that record at the same time, one may be
    /// forgotten, which costs one more miss.
    pub fn record(&self, key: u128) -> bool {
        let (bucket, mark) = self.bucket(key);
        if bucket.iter().any(|known| known.load(Ordering::Relaxed) == mark) {
            return true;
        }
        for place in (1..BUCKET).rev() {
            bucket[place].store(bucket[place - 1].load(Ordering::Relaxed), Ordering::Relaxed);
        }
        bucket[0].store(mark, Ordering::Relaxed);
        false
    }

    /// Forgets the misses of a key.
    pub fn forget(&self, key: u128) {
        let (bucket, mark) = self.bucket(key);
        for known in bucket.iter().filter(|known| known.load(Ordering::Relaxed) == mark) {
            known.store(0, Ordering::Relaxed);
        }
    }

    /// Returns the bucket of a key, and its mark, which is not 0.
    fn bucket(&self, key: u128) -> (&[AtomicU32; BUCKET], u32) {
        // The keys are hashes: their lower half decides over the bucket, their upper half is the mark.
        let index = key as usize & (self.buckets.len() - 1);
        (&self.buckets[index], (key >> 96) as u32 | 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_from_its_second_miss_on() {
        let history = MissHistory::new(60);
        let key = |mark: u128| 7 | mark << 97;
        assert_eq!([history.record(key(1)), history.record(key(1))], [false, true]);
        assert!(!history.record(8), "another bucket");
        history.forget(key(2));
        assert!(history.record(key(1)));
        history.forget(key(1));
        assert!(!history.record(key(1)));
    }

    #[test]
    fn the_oldest_key_of_a_bucket_is_forgotten() {
        let history = MissHistory::new(1);
        let known = |marks: std::ops::Range<u128>| marks.map(|mark| history.record(mark << 97)).collect::<Vec<_>>();
        assert_eq!(known(1..6), [false; 5]);
        assert_eq!(known(2..6), [true; 4]);
        assert_eq!(known(1..2), [false]);
        assert_eq!(known(2..3), [false]);
    }
}
