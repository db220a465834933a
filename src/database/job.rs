//! The life cycle of a write in the writer: it waits, is attempted once or several times, and is settled.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use diesel::result::Error as DieselError;
use tokio::sync::oneshot;

use super::{DatabaseError, Db};

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const ABANDONED: u8 = 2;

/// The state of a job, shared by its caller and the writer thread.
///
/// A job leaves the state "waiting" by one compare-and-exchange, so exactly one side wins: either the writer
/// starts the job, or the caller abandons it. Two separate flags would allow both, and a caller could be told that
/// the write was not started while the writer commits it.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<AtomicU8>);

impl Progress {
    /// Abandons the job. Returns true if the job was not started and never will be; false if it is too late.
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

/// A write that the writer thread executes.
pub trait WriteJob: Send {
    /// Returns whether the job changes content, so that the invalidation clock must be advanced before the
    /// acknowledgement.
    fn changes_content(&self) -> bool;

    /// Returns whether the job can be attempted more than once.
    fn is_repeatable(&self) -> bool;

    /// Marks the job as started. Returns false if its caller no longer waits: the job must not be attempted then.
    fn begin(&mut self) -> bool;

    /// Does the work within the current transaction and returns whether its changes are to be committed. A refusal
    /// is also settled only after the commit: it may depend on changes of earlier jobs in the same transaction, and
    /// a client that reads after the refusal must see them.
    fn attempt(&mut self, connection: &mut Db) -> bool;

    /// Discards the result of an attempt that was rolled back, and prepares the job for another one.
    fn put_back(&mut self);

    /// Sends the caller the result of the last attempt, or the error if `settled` is one.
    fn settle(self: Box<Self>, settled: Result<(), DatabaseError>);
}

/// A job without a caller and without statements, by which the writer tests whether a transaction can be started.
pub struct Probe;

impl WriteJob for Probe {
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
    /// The closure; none after the only attempt of work that cannot be repeated.
    work: Option<F>,
    /// Obtains the closure for an attempt: a clone if the work is repeatable, else the closure itself.
    take: fn(&mut Option<F>) -> Option<F>,
    outcome: Option<Result<T, E>>,
    progress: Progress,
    answer: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Task<T, E, F> {
    /// Creates a job that is attempted again if the database fails.
    pub fn with_retries(
        work: F,
        changes_content: bool,
        progress: Progress,
        answer: oneshot::Sender<Result<T, E>>,
    ) -> Self
    where
        F: Clone,
    {
        let take = |work: &mut Option<F>| work.clone();
        Self { changes_content, is_repeatable: true, work: Some(work), take, outcome: None, progress, answer }
    }

    /// Creates a job that is attempted once.
    pub fn without_retries(
        work: F,
        changes_content: bool,
        progress: Progress,
        answer: oneshot::Sender<Result<T, E>>,
    ) -> Self {
        let (work, take) = (Some(work), Option::take);
        Self { changes_content, is_repeatable: false, work, take, outcome: None, progress, answer }
    }
}

impl<T, E, F> WriteJob for Task<T, E, F>
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
        // The receiver is dropped with the request, for example when the client closes its connection.
        !self.answer.is_closed() && self.progress.begin()
    }

    fn attempt(&mut self, connection: &mut Db) -> bool {
        let outcome = match (self.take)(&mut self.work) {
            // A panic fails only this job; the writer thread continues.
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
        // A caller that has stopped waiting misses the result; the outcome in the database is the same.
        drop(self.answer.send(settled.map_err(E::from).and(outcome)));
    }
}
