//! The writes of one commit: each attempted in its turn, committed together, settled by what the server said.
//!
//! The rules, in which all of the writer's honesty lies:
//! * Nothing is acknowledged unless the server said that it committed.
//! * Nothing is refused unless it is certain that nothing of it is kept. Where an answer to COMMIT is lost, the
//!   mark in the database tells (see [`Mark`]); where that cannot be asked in time, the asker learns that nobody
//!   knows.
//! * A failed statement is a failure, be its error handled or dropped: connections notice each (see
//!   [`super::session::Failures`]).
//! * What the database failed is attempted again: once more with the others, then by itself, so that a write that
//!   breaks every transaction harms no other one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::{Mark, Part};
use super::job::Job;
use super::ledger::Ledger;
use super::metrics::{ABANDONED, COMMITS, LOST_TRANSACTIONS, REPEATED, UNKNOWN};
use super::session::{DatabaseSession, Failure};
use super::touched::{Followed, Touched};
use super::{DatabaseError, Db, new_id};

/// How often writes are attempted together, and then each by itself.
const TOGETHER: usize = 2;
const ALONE: usize = 3;
/// Pause before a write is attempted again by itself, growing with each attempt.
const PAUSE: Duration = Duration::from_millis(20);
/// Pause between attempts to find out how a commit ended.
const ASK_PAUSE: Duration = Duration::from_millis(200);
/// For how long that is tried where nothing bounds the waits.
const LONGEST_DOUBT: Duration = Duration::from_secs(60);

/// Several jobs.
type Jobs = Vec<Box<dyn Job>>;

/// Makes an error once more for each of those who are told.
type Reason = fn() -> DatabaseError;

/// How a job's attempt ended.
enum Attempted {
    /// It wants to be kept.
    Done,
    /// It refused, for its own reasons.
    Refused,
    /// The database failed it, and the transaction is sound without it.
    Failed,
    /// The transaction is lost.
    Lost,
}

/// How a transaction ended.
enum Ended {
    Committed,
    /// Nothing of it is kept.
    Lost,
    Unknown,
}

/// Carries out batches of jobs on one connection.
pub struct Batches {
    session: DatabaseSession,
    ledger: Arc<Ledger>,
    followed: Followed,
    mark: Mark,
    patience: Option<Duration>,
    could_begin: bool,
    /// There will be no further attempt.
    is_last: bool,
}

impl Batches {
    /// On this connection, which only the writer uses.
    pub fn new(session: DatabaseSession, ledger: Arc<Ledger>, patience: Option<Duration>) -> Self {
        let mark = Mark { node: new_id(), number: 0 };
        Self { session, ledger, followed: Followed::default(), mark, patience, could_begin: true, is_last: false }
    }

    /// Forgets the connection, whose state is not known any more.
    pub fn drop_connection(&mut self) {
        self.session.drop_connection();
    }

    /// Attempts all, and settles all. False means that no transaction could be begun.
    pub fn carry_out(&mut self, jobs: Jobs) -> bool {
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

    fn attempt_alone(&mut self, job: Box<dyn Job>) {
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

    /// One transaction. Gives those back that are to be attempted again.
    fn attempt_all(&mut self, mut jobs: Jobs) -> Jobs {
        let count = jobs.len();
        jobs.retain_mut(|job| job.begin());
        ABANDONED.inc_by((count - jobs.len()) as u64);
        if jobs.is_empty() {
            return jobs;
        }
        if let Err(error) = self.begin() {
            tracing::error!(%error, "no transaction could be begun");
            self.could_begin = false;
            let reason: Reason = match error {
                DatabaseError::ReadOnly => || DatabaseError::ReadOnly,
                DatabaseError::Connection(_) => || DatabaseError::Connection("no connection can be had".to_owned()),
                _ => || DatabaseError::Waited,
            };
            settle(jobs, reason);
            return Vec::new();
        }
        let changes_content = jobs.iter().any(|job| job.changes_content());
        let mut tried = Tried { is_last: self.is_last, ..Tried::default() };
        tried.all(&mut self.session, jobs);
        let Tried { sound, mut failed, kept, lost, .. } = tried;
        match self.end(changes_content, kept, lost) {
            Ended::Committed => sound.into_iter().for_each(|job| job.settle(Ok(()))),
            Ended::Lost => failed.extend(sound),
            Ended::Unknown => {
                UNKNOWN.inc_by(sound.len() as u64);
                settle(sound, || DatabaseError::Unknown);
            }
        }
        put_back(failed)
    }

    /// Ends the transaction, and tells the ledger before anybody is told.
    fn end(&mut self, changes_content: bool, kept: bool, lost: bool) -> Ended {
        if lost {
            return self.lose("a statement failed");
        }
        if !kept {
            // Refusals stand on what was committed before; the transaction has nothing to lose.
            if self.session.held().and_then(|c| Ok(c.rollback()?)).is_err() {
                self.session.drop_connection();
            }
            return Ended::Committed;
        }
        let looked = match changes_content.then(|| self.look()).transpose() {
            Ok(looked) => looked,
            Err(error) => return self.lose(&error.to_string()),
        };
        let ended = self.commit();
        if let (Ended::Committed, Some((further, touched))) = (&ended, looked) {
            touched.note(&self.ledger);
            self.followed = further;
        }
        ended
    }

    /// What the journal says that this transaction touched, and others before it.
    fn look(&mut self) -> Result<(Followed, Touched), DatabaseError> {
        Ok(self.followed.look(self.session.held()?)?)
    }

    fn commit(&mut self) -> Ended {
        self.mark.number += 1;
        let error = match self.session.held().and_then(|c| Ok(c.commit_marked(&self.mark)?)) {
            Ok(()) => {
                COMMITS.inc();
                return Ended::Committed;
            }
            Err(error) => error,
        };
        if self.session.held().is_ok_and(Db::is_alive) {
            return self.lose(&error.to_string());
        }
        tracing::error!(%error, "the answer to a commit was lost");
        self.session.drop_connection();
        self.find_out()
    }

    /// How a commit ended whose answer was lost. Whoever has the writers' lock knows that the session that had it
    /// before is over. The mark is committed once more: where commits wait for a standby, that one has what came
    /// before then.
    fn find_out(&mut self) -> Ended {
        let begun = Instant::now();
        loop {
            match self.ask() {
                Ok(true) => return Ended::Committed,
                Ok(false) => return self.lose("the connection was lost, and nothing is kept"),
                Err(error) => tracing::warn!(%error, "nobody knows yet how a commit ended"),
            }
            self.session.drop_connection();
            if begun.elapsed() >= self.patience.unwrap_or(LONGEST_DOUBT) {
                return Ended::Unknown;
            }
            std::thread::sleep(ASK_PAUSE);
        }
    }

    fn ask(&mut self) -> Result<bool, DatabaseError> {
        let connection = self.session.get()?;
        connection.begin_write()?;
        let found = connection.has_mark(&self.mark)?;
        match found {
            true => connection.commit_marked(&self.mark)?,
            false => connection.rollback()?,
        }
        Ok(found)
    }

    /// Begins a transaction that has the write lock.
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

    /// The transaction is over without a trace; so is its session, whose state nobody needs to guess.
    fn lose(&mut self, reason: &str) -> Ended {
        LOST_TRANSACTIONS.inc();
        tracing::warn!(reason, "a transaction was lost; what can be is tried again");
        self.session.drop_connection();
        Ended::Lost
    }
}

fn settle(jobs: Jobs, reason: Reason) {
    jobs.into_iter().for_each(|job| job.settle(Err(reason())));
}

/// Those that can be attempted again; the others are refused.
fn put_back(failed: Jobs) -> Jobs {
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

/// What came of the jobs of a transaction.
#[derive(Default)]
struct Tried {
    /// Those that are settled by its end.
    sound: Jobs,
    /// Those of which nothing is in it.
    failed: Jobs,
    /// Something is to be committed.
    kept: bool,
    /// The transaction is lost.
    lost: bool,
    /// The savepoint of an earlier job is there still.
    within: bool,
    /// There will be no further attempt.
    is_last: bool,
}

impl Tried {
    /// Tries one after the other. While nothing is to be kept, a write has the transaction for itself: if it is not
    /// kept, another one is begun, which happens less often than a savepoint would cost. Then each has a savepoint,
    /// of which the last one that was kept ends with the transaction.
    fn all(&mut self, session: &mut DatabaseSession, jobs: Jobs) {
        let count = jobs.len();
        for (index, mut job) in jobs.into_iter().enumerate() {
            if self.lost {
                self.failed.push(job);
                continue;
            }
            let attempted = match self.kept {
                true => self.in_savepoint(session, &mut *job),
                false => self.by_itself(session, &mut *job, index + 1 == count),
            };
            match attempted {
                Attempted::Done => self.kept = true,
                Attempted::Refused | Attempted::Failed => {}
                Attempted::Lost => self.lost = true,
            }
            match attempted {
                Attempted::Done | Attempted::Refused => self.sound.push(job),
                Attempted::Failed | Attempted::Lost => self.failed.push(job),
            }
            // Readers on the same core do not wait for all of them.
            std::thread::yield_now();
        }
    }

    fn in_savepoint(&mut self, session: &mut DatabaseSession, job: &mut dyn Job) -> Attempted {
        let begun = session.held().and_then(|c| match self.within {
            true => Ok(c.begin_next_part(Part::WRITE)?),
            false => Ok(c.begin_part(Part::WRITE)?),
        });
        if begun.is_err() {
            return Attempted::Lost;
        }
        let attempted = attempt(session, job, self.is_last);
        self.within = matches!(attempted, Attempted::Done);
        match attempted {
            Attempted::Done | Attempted::Lost => attempted,
            Attempted::Refused | Attempted::Failed => {
                or_lost(attempted, session.held().and_then(|c| Ok(c.drop_part(Part::WRITE)?)))
            }
        }
    }

    /// A job that has the transaction for itself. If it is not kept and others follow, they get a new one.
    fn by_itself(&self, session: &mut DatabaseSession, job: &mut dyn Job, is_only: bool) -> Attempted {
        match attempt(session, job, self.is_last) {
            attempted @ (Attempted::Done | Attempted::Lost) => attempted,
            attempted if is_only => attempted,
            attempted => {
                or_lost(attempted, session.held().and_then(|c| Ok(c.rollback().and_then(|()| c.begin_write())?)))
            }
        }
    }
}

fn or_lost(attempted: Attempted, sound: Result<(), DatabaseError>) -> Attempted {
    if sound.is_ok() { attempted } else { Attempted::Lost }
}

/// Attempts the job, and looks whether the database failed it, whatever it made of that itself: a job that handles
/// errors, each in a part of its own, may take a cancelled statement for a fault of its content. So it is attempted
/// again as long as it can be.
fn attempt(session: &mut DatabaseSession, job: &mut dyn Job, is_last: bool) -> Attempted {
    session.failures().take();
    let Ok(connection) = session.held() else { return Attempted::Lost };
    let done = job.attempt(connection);
    let Some(failure) = session.failures().take() else {
        return if done { Attempted::Done } else { Attempted::Refused };
    };
    let in_transaction = session.held().is_ok_and(Db::is_in_transaction);
    // The question itself may have failed a statement.
    session.failures().take();
    match failure {
        _ if done && !in_transaction => Attempted::Lost,
        Failure::Passing if job.is_repeatable() && !(done && is_last) => Attempted::Failed,
        _ if done => Attempted::Done,
        Failure::Constraint => Attempted::Refused,
        Failure::Passing => Attempted::Failed,
    }
}
