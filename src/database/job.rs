//! A write on its way through the writer: it waits, is attempted (perhaps more than once), and is settled.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use diesel::result::Error as DieselError;
use tokio::sync::oneshot;

use super::{DatabaseError, Db};

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const ABANDONED: u8 = 2;

/// How far a job has come, shared by its asker and the writer. Exactly one of them takes it out of the queue:
/// the writer by beginning it, or the asker by giving it up.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<AtomicU8>);

impl Progress {
    /// Gives the job up. True means that it was not begun and never will be.
    pub fn abandon(&self) -> bool {
        self.0.compare_exchange(WAITING, ABANDONED, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn begin(&self) -> bool {
        self.0.compare_exchange(WAITING, BEGUN, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn wait_again(&self) {
        self.0.store(WAITING, Ordering::SeqCst);
    }
}

/// A write in the writer's hands.
pub trait Job: Send {
    /// Whether it changes content, so that the ledger must be told before it is acknowledged.
    fn changes_content(&self) -> bool;

    /// Whether it can be attempted more than once.
    fn is_repeatable(&self) -> bool;

    /// Takes the job out of the queue. False means that nobody waits for it any more: it must not be attempted.
    fn begin(&mut self) -> bool;

    /// Does the work within the current transaction; true asks for it to be kept. A refusal waits for the
    /// commit as well: it may be based on what others wrote in the same transaction, and whoever reads after it
    /// must find that.
    fn attempt(&mut self, connection: &mut Db) -> bool;

    /// Forgets the last attempt, of which nothing was kept, and waits for another.
    fn put_back(&mut self);

    /// Answers the asker: with the result of the last attempt once that is settled, or with the error.
    fn settle(self: Box<Self>, settled: Result<(), DatabaseError>);
}

/// A job for nobody: it finds out whether the database takes writes again.
pub struct Probe;

impl Job for Probe {
    fn changes_content(&self) -> bool {
        false
    }

    fn is_repeatable(&self) -> bool {
        false
    }

    fn begin(&mut self) -> bool {
        true
    }

    fn attempt(&mut self, _: &mut Db) -> bool {
        false
    }

    fn put_back(&mut self) {}

    fn settle(self: Box<Self>, _: Result<(), DatabaseError>) {}
}

/// A job that runs a closure.
pub struct Task<T, E, F> {
    changes_content: bool,
    is_repeatable: bool,
    /// Absent after the only attempt of work that cannot be repeated.
    work: Option<F>,
    /// How the work is taken for an attempt: a copy, so that another attempt is possible, or itself.
    take: fn(&mut Option<F>) -> Option<F>,
    outcome: Option<Result<T, E>>,
    progress: Progress,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Task<T, E, F> {
    /// Work that is attempted again when the database fails it.
    pub fn repeatable(work: F, changes_content: bool, progress: Progress, answer: oneshot::Sender<Result<T, E>>) -> Self
    where
        F: Clone,
    {
        let take = |work: &mut Option<F>| work.clone();
        Self { changes_content, is_repeatable: true, work: Some(work), take, outcome: None, progress, answer }
    }

    /// Work that is attempted once.
    pub fn once(work: F, changes_content: bool, progress: Progress, answer: oneshot::Sender<Result<T, E>>) -> Self {
        let (work, take) = (Some(work), Option::take);
        Self { changes_content, is_repeatable: false, work, take, outcome: None, progress, answer }
    }
}

impl<T, E, F> Job for Task<T, E, F>
where
    T: Send,
    E: From<DatabaseError> + From<DieselError> + Send,
    F: FnOnce(&mut Db) -> Result<T, E> + Send,
{
    fn changes_content(&self) -> bool {
        self.changes_content
    }

    fn is_repeatable(&self) -> bool {
        self.is_repeatable
    }

    fn begin(&mut self) -> bool {
        // An asker that went away, such as a client that closed its connection, dropped its receiver.
        !self.answer.is_closed() && self.progress.begin()
    }

    fn attempt(&mut self, connection: &mut Db) -> bool {
        let outcome = match (self.take)(&mut self.work) {
            // A panic is the job's own failure; the writer goes on.
            Some(work) => {
                catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|_| Err(DatabaseError::Gone.into()))
            }
            None => Err(DatabaseError::Interrupted.into()),
        };
        self.outcome.insert(outcome).is_ok()
    }

    fn put_back(&mut self) {
        self.outcome = None;
        self.progress.wait_again();
    }

    fn settle(self: Box<Self>, settled: Result<(), DatabaseError>) {
        let outcome = self.outcome.unwrap_or_else(|| Err(DatabaseError::Interrupted.into()));
        // Whoever does not listen any more has lost nothing but the answer.
        drop(self.answer.send(settled.map_err(E::from).and(outcome)));
    }
}
