//! The selection of the writes that share a commit: those that are waiting, and those that are likely to arrive
//! shortly.
//!
//! Every commit costs a sync to disk and, on SQLite, rewrites each changed page, so a short wait that lets several
//! writes share a commit pays, but only if further writes arrive during the wait. There are two such cases:
//! clients whose writes were just acknowledged send the next ones at once (`GroupReceiver::take_burst`), and clients
//! that do not wait for each other keep arriving (`GroupReceiver::wait_for_independent_writes`). Clients that all
//! wait for their acknowledgement send nothing during a wait; for them it would be pure delay, which
//! `WaitPolicy` avoids. Measurements are in docs/decisions/0003.

use std::time::{Duration, Instant};

/// The largest number of writes in a commit; it bounds how long the first of them waits.
const MAX_BATCH: usize = 64;
/// Longest wait for the next write of a burst.
const MOMENT: Duration = Duration::from_micros(300);
/// Longest wait for all writes of a burst.
const LONGEST_MOMENT: Duration = Duration::from_millis(2);
/// Longest wait for writes that arrive independently. Pages that several of them change are written once, and the
/// processor's caches serve all of them.
const PATIENCE: Duration = Duration::from_millis(20);
/// Number of writes at which that wait ends.
const ENOUGH: usize = 8;
/// A write that arrives later than this after the last acknowledgement is independent of it.
const LATE: Duration = Duration::from_millis(10);
/// Number of futile waits after which waiting is suspended.
const TRIES: u32 = 3;
/// Number of commits for which waiting is suspended at first; it doubles with each suspension.
const FIRST_REST: u32 = 32;
/// Largest number of commits for which waiting is suspended.
const LONGEST_REST: u32 = 4_096;

/// The receiver of the write queue, which yields the writes of one commit at a time.
pub struct GroupReceiver<J> {
    queue: flume::Receiver<J>,
    usual: usize,
    patience: WaitPolicy,
}

impl<J> GroupReceiver<J> {
    /// Creates a gatherer that reads from `queue`.
    pub fn new(queue: flume::Receiver<J>) -> Self {
        Self { queue, usual: 1, patience: WaitPolicy::new() }
    }

    /// Waits for writes and returns those of the next commit, at least one; none once all senders are dropped.
    pub fn gather(&mut self) -> Option<Vec<J>> {
        let mut batch = vec![self.queue.recv().ok()?];
        self.take_burst(&mut batch);
        self.usual = batch.len();
        if batch.len() < ENOUGH && self.patience.should_wait(batch.len()) {
            let paid = self.wait_for_independent_writes(&mut batch);
            self.patience.learn(paid);
        }
        Some(batch)
    }

    /// Takes the waiting writes and, if the last commit had several, waits briefly until as many have arrived:
    /// the clients of the last commit are likely to write again, and a further commit would cost more than the
    /// wait. A single client is never delayed, since its `usual` number is 1.
    fn take_burst(&self, batch: &mut Vec<J>) {
        let begun = Instant::now();
        loop {
            batch.extend(self.queue.try_iter().take(MAX_BATCH - batch.len()));
            if batch.len() >= self.usual || begun.elapsed() > LONGEST_MOMENT {
                return;
            }
            match self.queue.recv_timeout(MOMENT) {
                Ok(job) => batch.push(job),
                Err(_) => return,
            }
        }
    }

    /// Waits for independent writes. Returns whether the wait paid: it was filled, or a write arrived so late that
    /// it cannot have been triggered by the last acknowledgement.
    fn wait_for_independent_writes(&self, batch: &mut Vec<J>) -> bool {
        let begun = Instant::now();
        let mut late = false;
        while batch.len() < ENOUGH {
            match self.queue.recv_deadline(begun + PATIENCE) {
                Ok(job) => batch.push(job),
                Err(_) => return late,
            }
            late = begun.elapsed() > LATE;
        }
        true
    }
}

/// The decision whether to wait for independent writes. Clients that all wait for their acknowledgements, and a
/// single client, send nothing during the wait. Hence waiting starts when several writes were seen together,
/// continues while it pays, and is suspended after `TRIES` futile waits, for longer each time.
#[derive(Debug)]
struct WaitPolicy {
    /// Number of futile waits that are left; 0 while waiting is suspended.
    tries: u32,
    /// Number of commits until waiting may resume.
    rest: u32,
    /// Length of the next suspension, in commits.
    next_rest: u32,
}

impl WaitPolicy {
    fn new() -> Self {
        Self { tries: 0, rest: 0, next_rest: FIRST_REST }
    }

    /// Returns whether to wait, given the number of writes that arrived together. Called once per commit.
    fn should_wait(&mut self, together: usize) -> bool {
        if self.tries == 0 && self.rest == 0 && together > 1 {
            self.tries = TRIES;
        }
        self.rest = self.rest.saturating_sub(1);
        self.tries > 0
    }

    /// Records whether a wait paid.
    fn learn(&mut self, paid: bool) {
        if paid {
            (self.tries, self.next_rest) = (TRIES, FIRST_REST);
            return;
        }
        self.tries -= 1;
        if self.tries == 0 {
            self.rest = self.next_rest;
            self.next_rest = (2 * self.next_rest).min(LONGEST_REST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_writer_never_waits() {
        let mut patience = WaitPolicy::new();
        assert!((0..5_000).all(|_| !patience.should_wait(1)));
    }

    #[test]
    fn writers_that_wait_for_each_other_are_hardly_ever_waited_for() {
        let mut patience = WaitPolicy::new();
        let mut waits = 0;
        for _ in 0..10_000 {
            if patience.should_wait(2) {
                waits += 1;
                patience.learn(false);
            }
        }
        assert!((TRIES..40).contains(&waits), "{waits} of 10,000");
    }

    #[test]
    fn writers_that_come_by_themselves_are_waited_for_while_they_come() {
        let mut patience = WaitPolicy::new();
        assert!(!patience.should_wait(1) && patience.should_wait(2));
        for round in 0..1_000 {
            patience.learn(round % 3 == 0);
            assert!(patience.should_wait(1));
        }
    }

    #[test]
    fn what_waits_shares_a_commit() {
        let (sender, queue) = flume::unbounded();
        (0..100).for_each(|job| sender.send(job).unwrap());
        drop(sender);
        let mut gatherer = GroupReceiver::new(queue);
        assert_eq!(gatherer.gather().map(|batch| batch.len()), Some(MAX_BATCH));
        assert_eq!(gatherer.gather(), Some((64..100).collect()));
        assert_eq!(gatherer.gather(), None);
    }
}
