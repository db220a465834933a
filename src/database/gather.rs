//! Which writes share a commit: those that are waiting, and those that are likely to come within a moment.

use std::time::{Duration, Instant};

/// The most writes that share a commit; it bounds how long the first of them waits.
const MOST: usize = 64;
/// How long the next write may take to come, and how long all of them together.
const MOMENT: Duration = Duration::from_micros(300);
const LONGEST_MOMENT: Duration = Duration::from_millis(2);
/// How long a write waits for others while writes keep coming by themselves, and for how many in all. Pages
/// that several of them change are written once, and what the core has at hand serves all.
const PATIENCE: Duration = Duration::from_millis(20);
const ENOUGH: usize = 8;
/// Who comes later than this does not write because a write was just acknowledged, whatever else it does before.
const LATE: Duration = Duration::from_millis(10);
/// After so many waits in vain there are none for a while.
const TRIES: u32 = 3;
/// How many commits that while is: twice as many each time, up to the last.
const FIRST_REST: u32 = 32;
const LONGEST_REST: u32 = 4_096;

/// Takes writes from the queue, for one commit at a time.
pub struct Gatherer<J> {
    queue: flume::Receiver<J>,
    usual: usize,
    patience: Patience,
}

impl<J> Gatherer<J> {
    /// For the writes of this queue.
    pub fn new(queue: flume::Receiver<J>) -> Self {
        Self { queue, usual: 1, patience: Patience::new() }
    }

    /// The writes of the next commit, at least one; none when no more can come.
    pub fn gather(&mut self) -> Option<Vec<J>> {
        let mut batch = vec![self.queue.recv().ok()?];
        self.at_once(&mut batch);
        self.usual = batch.len();
        if batch.len() < ENOUGH && self.patience.lasts(batch.len()) {
            let paid = self.patiently(&mut batch);
            self.patience.learn(paid);
        }
        Some(batch)
    }

    /// What is waiting, and when several came together the last time, what comes within a moment: those
    /// whose writes were just acknowledged are likely to write again, and a commit more costs more than
    /// the moment. A lone writer never waits.
    fn at_once(&self, batch: &mut Vec<J>) {
        let begun = Instant::now();
        loop {
            batch.extend(self.queue.try_iter().take(MOST - batch.len()));
            if batch.len() >= self.usual || begun.elapsed() > LONGEST_MOMENT {
                return;
            }
            match self.queue.recv_timeout(MOMENT) {
                Ok(job) => batch.push(job),
                Err(_) => return,
            }
        }
    }

    /// What comes one by one; whether anything came that would have come anyhow.
    fn patiently(&self, batch: &mut Vec<J>) -> bool {
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

/// Whether to wait for writes that come by themselves. A lone writer sends nothing while it waits, nor do
/// several that all wait for their answers: for them it would be in vain. So it is tried where several were
/// seen together, and goes on as long as it pays.
#[derive(Debug)]
struct Patience {
    /// How many waits in vain are left.
    tries: u32,
    /// How many commits are left until it may be tried again.
    rest: u32,
    /// How many there will be the next time.
    next_rest: u32,
}

impl Patience {
    fn new() -> Self {
        Self { tries: 0, rest: 0, next_rest: FIRST_REST }
    }

    /// Whether to wait, with so many that came together.
    fn lasts(&mut self, together: usize) -> bool {
        if self.tries == 0 && self.rest == 0 && together > 1 {
            self.tries = TRIES;
        }
        self.rest = self.rest.saturating_sub(1);
        self.tries > 0
    }

    /// Notes whether the wait paid.
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
        let mut patience = Patience::new();
        assert!((0..5_000).all(|_| !patience.lasts(1)));
    }

    #[test]
    fn writers_that_wait_for_each_other_are_hardly_ever_waited_for() {
        let mut patience = Patience::new();
        let mut waits = 0;
        for _ in 0..10_000 {
            if patience.lasts(2) {
                waits += 1;
                patience.learn(false);
            }
        }
        assert!((TRIES..40).contains(&waits), "{waits} of 10,000");
    }

    #[test]
    fn writers_that_come_by_themselves_are_waited_for_while_they_come() {
        let mut patience = Patience::new();
        assert!(!patience.lasts(1) && patience.lasts(2));
        for round in 0..1_000 {
            patience.learn(round % 3 == 0);
            assert!(patience.lasts(1));
        }
    }

    #[test]
    fn what_waits_shares_a_commit() {
        let (sender, queue) = flume::unbounded();
        (0..100).for_each(|job| sender.send(job).unwrap());
        drop(sender);
        let mut gatherer = Gatherer::new(queue);
        assert_eq!(gatherer.gather().map(|batch| batch.len()), Some(MOST));
        assert_eq!(gatherer.gather(), Some((64..100).collect()));
        assert_eq!(gatherer.gather(), None);
    }
}
