//! One transaction with the jobs of a batch: which of them it contains, and which it cannot.

use super::connection::Savepoint;
use super::job::WriteJob;
use super::session::{DatabaseSession, Failure};
use super::{DatabaseError, Db};

/// The jobs of a transaction.
pub type WriteJobs = Vec<Box<dyn WriteJob>>;

/// The outcome of one attempt of a job.
enum JobOutcome {
    /// The job succeeded; its changes are to be committed.
    Done,
    /// The job failed for reasons of its own, such as a conflict or invalid content.
    Refused,
    /// A statement of the job failed in the database; the transaction can continue without the job.
    Failed,
    /// The transaction cannot continue.
    Lost,
}

/// The state of a transaction and the outcomes of its jobs.
#[derive(Default)]
pub struct BatchTransaction {
    /// Jobs that the outcome of the transaction settles: successes and refusals.
    pub sound: WriteJobs,
    /// Jobs that failed in the database and have no changes in the transaction.
    pub failed: WriteJobs,
    /// Whether the transaction contains changes to commit.
    pub kept: bool,
    /// Whether the transaction cannot continue.
    pub lost: bool,
    /// Whether each job after the first change has a savepoint.
    has_savepoints: bool,
    /// Whether a job without a savepoint was refused or failed after others had made changes, so that none of them can
    /// be committed.
    pub spoiled: bool,
    /// Whether the savepoint of an earlier job is still open.
    within: bool,
    /// Whether this is the last attempt.
    is_last: bool,
}

impl BatchTransaction {
    /// Creates the state of a transaction that has begun.
    pub fn new(is_last: bool, has_savepoints: bool) -> Self {
        Self { is_last, has_savepoints, ..Self::default() }
    }

    /// Attempts the jobs one after the other. As long as the transaction contains no changes, a job needs no
    /// savepoint: if it fails, nothing else is lost, and a new transaction is started. Later jobs have none either if
    /// all can be attempted again: refusals are rare, while a savepoint costs every write (on SQLite a copy of each
    /// changed page, on Postgres a round trip). After a refusal, all jobs are attempted again, each in a savepoint. A
    /// successful job leaves its savepoint open, so that releasing it shares a round trip with the next one, and the
    /// last one ends with the transaction.
    pub fn all(&mut self, session: &mut DatabaseSession, jobs: WriteJobs) {
        let count = jobs.len();
        for (index, mut job) in jobs.into_iter().enumerate() {
            if self.lost || self.spoiled {
                self.sound_or_failed(job);
                continue;
            }
            let attempted = match (self.kept, self.has_savepoints) {
                (true, true) => self.in_savepoint(session, &mut *job),
                (true, false) => attempt(session, &mut *job, self.is_last),
                (false, _) => self.by_itself(session, &mut *job, index + 1 == count),
            };
            let is_undone = matches!(attempted, JobOutcome::Refused | JobOutcome::Failed);
            if self.kept && !self.has_savepoints && is_undone {
                self.spoiled = true;
                self.sound.push(job);
                continue;
            }
            match attempted {
                JobOutcome::Done => self.kept = true,
                JobOutcome::Refused | JobOutcome::Failed => {}
                JobOutcome::Lost => self.lost = true,
            }
            match attempted {
                JobOutcome::Done | JobOutcome::Refused => self.sound.push(job),
                JobOutcome::Failed | JobOutcome::Lost => self.failed.push(job),
            }
            // Reader threads on the same core must not wait for the whole batch.
            std::thread::yield_now();
        }
    }

    /// Keeps a job that was not attempted. In a lost transaction it counts as failed; in a spoiled one, all jobs are
    /// attempted again in their order.
    fn sound_or_failed(&mut self, job: Box<dyn WriteJob>) {
        if self.lost { self.failed.push(job) } else { self.sound.push(job) }
    }

    /// Attempts a job in a savepoint and rolls back to it unless the job succeeds.
    fn in_savepoint(&mut self, session: &mut DatabaseSession, job: &mut dyn WriteJob) -> JobOutcome {
        let begun = session.connection().and_then(|c| match self.within {
            true => Ok(c.replace_savepoint(Savepoint::WRITE)?),
            false => Ok(c.set_savepoint(Savepoint::WRITE)?),
        });
        if begun.is_err() {
            return JobOutcome::Lost;
        }
        let attempted = attempt(session, job, self.is_last);
        self.within = matches!(attempted, JobOutcome::Done);
        match attempted {
            JobOutcome::Done | JobOutcome::Lost => attempted,
            JobOutcome::Refused | JobOutcome::Failed => {
                or_lost(attempted, session.connection().and_then(|c| Ok(c.rollback_to_savepoint(Savepoint::WRITE)?)))
            }
        }
    }

    /// Attempts a job in a transaction without other changes. Unless the job succeeds, the jobs after it get a
    /// new transaction.
    fn by_itself(&self, session: &mut DatabaseSession, job: &mut dyn WriteJob, is_only: bool) -> JobOutcome {
        match attempt(session, job, self.is_last) {
            attempted @ (JobOutcome::Done | JobOutcome::Lost) => attempted,
            attempted if is_only => attempted,
            attempted => {
                or_lost(attempted, session.connection().and_then(|c| Ok(c.rollback().and_then(|()| c.begin_write())?)))
            }
        }
    }
}

/// Returns the outcome, or [`JobOutcome::Lost`] if the transaction could not be restored after it.
fn or_lost(attempted: JobOutcome, sound: Result<(), DatabaseError>) -> JobOutcome {
    if sound.is_ok() { attempted } else { JobOutcome::Lost }
}

/// Attempts the job and classifies the outcome by the failed statements that the connection recorded, not by the
/// result of the job alone: a job that handles errors in savepoints of its own, such as the scheduler, may mistake
/// a cancelled statement for invalid content. Such a job is attempted again while that is possible, and its result
/// counts only in the last attempt.
fn attempt(session: &mut DatabaseSession, job: &mut dyn WriteJob, is_last: bool) -> JobOutcome {
    session.failures().take();
    let Ok(connection) = session.connection() else { return JobOutcome::Lost };
    let done = job.attempt(connection);
    let Some(failure) = session.failures().take() else {
        return if done { JobOutcome::Done } else { JobOutcome::Refused };
    };
    let in_transaction = session.connection().is_ok_and(Db::is_in_transaction);
    // The check itself may have failed a statement (see `is_in_transaction`).
    session.failures().take();
    match failure {
        // The database has rolled the transaction back although the job succeeded: a COMMIT would not commit
        // the job's changes, or on SQLite only those that were made after the rollback.
        _ if done && !in_transaction => JobOutcome::Lost,
        Failure::Passing if job.is_repeatable() && !(done && is_last) => JobOutcome::Failed,
        _ if done => JobOutcome::Done,
        Failure::Constraint => JobOutcome::Refused,
        Failure::Passing => JobOutcome::Failed,
    }
}
