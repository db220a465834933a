//! Group commit: the writes of a batch are executed one after the other in one transaction, committed together,
//! and settled by the response of the server.
//!
//! The rules that make an acknowledgement reliable (docs/decisions/0013):
//! * A write is acknowledged only after the server has confirmed COMMIT.
//! * A write is refused only if it is certain that nothing of it has been committed. If the response to COMMIT is
//!   lost, the mark in the database decides (see [`CommitMark`]); if the mark cannot be read in time, the write fails
//!   with [`DatabaseError::Unknown`].
//! * A failed statement counts as a failure even if the job handles or drops its error: the connection records
//!   every one (see [`super::session::Failures`]).
//! * Writes that failed in the database are attempted again: first together with the others of the batch, then
//!   each in a transaction of its own, so that a write that breaks every transaction affects no other one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch_transaction::{BatchTransaction, WriteJobs};
use super::checkpoint::Commits;
use super::connection::CommitMark;
use super::job::WriteJob;
use super::metrics::{ABANDONED, COMMITS, LOST_TRANSACTIONS, REPEATED, UNKNOWN};
use super::session::DatabaseSession;
use super::{DatabaseError, Db, new_id};
use crate::database::invalidation::InvalidationClock;
use crate::database::journal_tail::{JournalChanges, JournalTail};

/// Number of attempts of a whole batch.
const TOGETHER: usize = 2;
/// Number of attempts of a single write after those of its batch.
const ALONE: usize = 3;
/// Pause before a further attempt of a single write, multiplied by the number of the attempt.
const PAUSE: Duration = Duration::from_millis(20);
/// Pause between attempts to determine the outcome of a commit.
const ASK_PAUSE: Duration = Duration::from_millis(200);
/// Number of transactions with savepoints after one that had to be begun again for lack of them.
const CAUTIOUS: u32 = 64;
/// Longest time for which the outcome of a commit is investigated if waits are unbounded.
const LONGEST_DOUBT: Duration = Duration::from_secs(60);

/// A constructor of an error, called once for each job, since [`DatabaseError`] cannot be cloned.
type Reason = fn() -> DatabaseError;

/// The outcome of a transaction.
enum TransactionOutcome {
    Committed,
    /// Nothing of the transaction has been committed.
    Lost,
    /// Whether the transaction has been committed cannot be determined.
    Unknown,
}

/// Executes batches of jobs on the writer's connection.
pub struct BatchExecutor {
    session: DatabaseSession,
    clock: Arc<InvalidationClock>,
    followed: JournalTail,
    mark: CommitMark,
    patience: Option<Duration>,
    checkpoints: Option<Commits>,
    could_begin: bool,
    /// Whether this is the last attempt.
    is_last: bool,
    /// Number of further transactions in which jobs have savepoints.
    cautious: u32,
}

impl BatchExecutor {
    /// Creates the executor for `session`, which must not be used for anything else. `checkpoints` is told of commits.
    pub fn new(
        session: DatabaseSession,
        clock: Arc<InvalidationClock>,
        patience: Option<Duration>,
        checkpoints: Option<Commits>,
    ) -> Self {
        let mark = CommitMark { node: new_id(), number: 0 };
        let (followed, could_begin, is_last, cautious) = (JournalTail::default(), true, false, 0);
        Self { session, clock, followed, mark, patience, checkpoints, could_begin, is_last, cautious }
    }

    /// Closes the connection after its state has become uncertain.
    pub fn drop_connection(&mut self) {
        self.session.drop_connection();
    }

    /// Executes and settles all jobs. Returns false if no transaction could be started.
    pub fn carry_out(&mut self, jobs: WriteJobs) -> bool {
        self.could_begin = true;
        let mut left = self.attempt_all(jobs);
        for _ in 1..TOGETHER {
            if left.len() > 1 {
                left = self.attempt_all(left);
            }
        }
        left.into_iter().for_each(|job| self.attempt_alone(job));
        self.could_begin
    }

    /// Attempts a job in transactions of its own and settles it.
    fn attempt_alone(&mut self, job: Box<dyn WriteJob>) {
        let mut left = vec![job];
        for attempt in 0..ALONE {
            if left.is_empty() {
                return;
            }
            std::thread::sleep(PAUSE * attempt as u32);
            self.is_last = attempt + 1 == ALONE;
            left = self.attempt_all(left);
            self.is_last = false;
        }
        settle(left, || DatabaseError::Interrupted);
    }

    /// Runs one transaction with these jobs. Returns the jobs that are to be attempted again; all others are
    /// settled.
    fn attempt_all(&mut self, mut jobs: WriteJobs) -> WriteJobs {
        let count = jobs.len();
        // Jobs whose caller has given up are dropped here, immediately before the transaction: from now on
        // the caller has to wait for the outcome.
        jobs.retain_mut(|job| job.begin());
        ABANDONED.inc_by((count - jobs.len()) as u64);
        if jobs.is_empty() {
            return jobs;
        }
        if let Err(error) = self.begin() {
            tracing::error!(%error, "cannot start a transaction");
            self.could_begin = false;
            let reason: Reason = match error {
                DatabaseError::ReadOnly => || DatabaseError::ReadOnly,
                DatabaseError::Connection(_) => || DatabaseError::Connection("cannot connect".to_owned()),
                _ => || DatabaseError::Waited,
            };
            settle(jobs, reason);
            return Vec::new();
        }
        let changes_content = jobs.iter().any(|job| job.changes_content());
        let has_savepoints = self.cautious > 0 || !jobs.iter().all(|job| job.is_repeatable());
        self.cautious = self.cautious.saturating_sub(1);
        let mut tried = BatchTransaction::new(self.is_last, has_savepoints);
        tried.all(&mut self.session, jobs);
        let BatchTransaction { sound, mut failed, kept, lost, spoiled, .. } = tried;
        if spoiled {
            return self.attempt_with_savepoints(failed.into_iter().chain(sound).collect());
        }
        match self.end(changes_content, kept, lost) {
            TransactionOutcome::Committed => sound.into_iter().for_each(|job| job.settle(Ok(()))),
            TransactionOutcome::Lost => failed.extend(sound),
            TransactionOutcome::Unknown => {
                UNKNOWN.inc_by(sound.len() as u64);
                settle(sound, || DatabaseError::Unknown);
            }
        }
        put_back(failed)
    }

    /// Rolls the transaction back and attempts its jobs in another one, in which each has a savepoint.
    fn attempt_with_savepoints(&mut self, mut jobs: WriteJobs) -> WriteJobs {
        if self.session.connection().and_then(|c| Ok(c.rollback()?)).is_err() {
            self.session.drop_connection();
        }
        jobs.iter_mut().for_each(|job| job.put_back());
        self.cautious = CAUTIOUS;
        self.attempt_all(jobs)
    }

    /// Ends the transaction and records its changes in the invalidation clock, before any job is settled.
    fn end(&mut self, changes_content: bool, kept: bool, lost: bool) -> TransactionOutcome {
        if lost {
            return self.lose("a statement failed");
        }
        if !kept {
            // Refusals depend only on data that earlier transactions committed, so they can be settled
            // without a commit.
            if self.session.connection().and_then(|c| Ok(c.rollback()?)).is_err() {
                self.session.drop_connection();
            }
            return TransactionOutcome::Committed;
        }
        // The journal is read before COMMIT: a read that failed after it would leave changes committed but
        // not invalidated. The invalidation clock is advanced after COMMIT: a reader between an earlier
        // advance and COMMIT would cache the old state as if it were newer than the change. Both precede the
        // acknowledgement, so that a client reads its own write. Unless the outcome is `Committed`,
        // `followed` stays, and the next look covers these journal entries if they exist after all.
        let looked = match changes_content.then(|| self.look()).transpose() {
            Ok(looked) => looked,
            Err(error) => return self.lose(&error.to_string()),
        };
        let ended = self.commit();
        if let (TransactionOutcome::Committed, Some((further, touched))) = (&ended, looked) {
            touched.record_in(&self.clock);
            self.followed = further;
        }
        ended
    }

    /// Reads from the journal which items this transaction, and others since the last look, have changed.
    fn look(&mut self) -> Result<(JournalTail, JournalChanges), DatabaseError> {
        Ok(self.followed.look(self.session.connection()?)?)
    }

    /// Commits the transaction together with the next mark.
    fn commit(&mut self) -> TransactionOutcome {
        self.mark.number += 1;
        let error = match self.session.connection().and_then(|c| Ok(c.commit_marked(&self.mark)?)) {
            Ok(()) => {
                COMMITS.inc();
                // A full queue means that the thread will look at the log in any case.
                if let Some(commits) = &self.checkpoints {
                    commits.try_send(()).unwrap_or_default();
                }
                return TransactionOutcome::Committed;
            }
            Err(error) => error,
        };
        // A server that still responds on this connection has reported the outcome: an error means that
        // nothing was committed. Otherwise the connection may have broken before or after the commit.
        if self.session.connection().is_ok_and(Db::is_alive) {
            return self.lose(&error.to_string());
        }
        tracing::error!(%error, "the response to a commit was lost");
        self.session.drop_connection();
        self.resolve_unknown_commit()
    }

    /// Determines the outcome of a commit whose response was lost, by looking for its mark on a new connection.
    fn resolve_unknown_commit(&mut self) -> TransactionOutcome {
        let begun = Instant::now();
        loop {
            match self.ask() {
                Ok(true) => return TransactionOutcome::Committed,
                Ok(false) => return self.lose("the connection was lost before the commit"),
                Err(error) => tracing::warn!(%error, "the outcome of a commit is still unknown"),
            }
            self.session.drop_connection();
            if begun.elapsed() >= self.patience.unwrap_or(LONGEST_DOUBT) {
                return TransactionOutcome::Unknown;
            }
            std::thread::sleep(ASK_PAUSE);
        }
    }

    /// Returns whether the last mark has been committed.
    fn ask(&mut self) -> Result<bool, DatabaseError> {
        let connection = self.session.get()?;
        // The write lock is taken first: while the lost session holds it, its COMMIT may still succeed, and
        // a missing mark would prove nothing. Once the lock is granted, that session has ended.
        connection.begin_write()?;
        let found = connection.has_mark(&self.mark)?;
        match found {
            // With synchronous replication, the lost session may have ended before the standby confirmed its
            // commit. Committing the mark again waits until the standby has everything up to this point.
            true => connection.commit_marked(&self.mark)?,
            false => connection.rollback()?,
        }
        Ok(found)
    }

    /// Starts a transaction with the write lock. A connection that the server closed while it was idle fails
    /// only here, hence one attempt with a new connection.
    fn begin(&mut self) -> Result<(), DatabaseError> {
        if self.try_begin().is_err() {
            self.session.drop_connection();
            self.try_begin()?;
        }
        self.session.failures().take();
        Ok(())
    }

    fn try_begin(&mut self) -> Result<(), DatabaseError> {
        Ok(self.session.get()?.begin_write()?)
    }

    /// Counts a transaction of which nothing was committed, and closes its connection, so that no decision
    /// depends on the uncertain state of the session.
    fn lose(&mut self, reason: &str) -> TransactionOutcome {
        LOST_TRANSACTIONS.inc();
        tracing::warn!(reason, "a transaction was rolled back; its writes are retried where possible");
        self.session.drop_connection();
        TransactionOutcome::Lost
    }
}

/// Fails all these jobs.
fn settle(jobs: WriteJobs, reason: Reason) {
    jobs.into_iter().for_each(|job| job.settle(Err(reason())));
}

/// Returns the jobs that can be attempted again and fails the others.
fn put_back(failed: WriteJobs) -> WriteJobs {
    let mut left = Vec::with_capacity(failed.len());
    for mut job in failed {
        if job.is_repeatable() {
            job.put_back();
            REPEATED.inc();
            left.push(job);
        } else {
            job.settle(Err(DatabaseError::Interrupted));
        }
    }
    left
}
