//! The writer thread, which executes waiting writes in shared transactions.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use diesel::result::Error as DieselError;
use tokio::sync::oneshot;

use super::batch::BatchExecutor;
use super::connection::SessionPurpose;
use super::job::{Probe, Progress, Task, WriteJob};
use super::limit::Limit;
use super::metrics::{UNKNOWN, WRITE_SECONDS};
use super::session::DatabaseSession;
use super::{Address, DatabaseError, Db, Threads, checkpoint};
use crate::database::group_commit::GroupReceiver;
use crate::database::invalidation::InvalidationClock;
use crate::jobs::Jobs;

/// Duration after which a transaction is reported as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// Pause after a failure before the writer tests whether a transaction can be started.
const PROBE_PAUSE: Duration = Duration::from_millis(250);

/// The bound on the wait for a job that has started.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OutcomeWait {
    /// Once more the duration that its start may take.
    Bounded,
    /// Unbounded, until the outcome is known.
    ToItsEnd,
}

/// A handle to the writer thread.
#[derive(Clone)]
pub struct Writer {
    queue: flume::Sender<Box<dyn WriteJob>>,
    limit: Limit,
}

impl Writer {
    /// Opens the connection and starts the thread.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be reached or the thread cannot be started.
    pub fn start(
        address: &Address,
        threads: Threads,
        count: &Arc<AtomicU64>,
        clock: &Arc<InvalidationClock>,
        known: &Jobs,
    ) -> Result<Self, DatabaseError> {
        let health = known.add("writer", PATIENCE);
        let (queue, jobs) = flume::bounded::<Box<dyn WriteJob>>(threads.queue);
        let limit = Limit::new(threads.patience, 1);
        let session = DatabaseSession::open(address, count, SessionPurpose::Write(threads.patience))?;
        let checkpoints = checkpoint::start(address, threads.patience)?;
        let mut batches = BatchExecutor::new(session, Arc::clone(clock), threads.patience, checkpoints);
        // The thread ends when the last handle drops its sender, so its own sender, used for probes, is weak.
        let (busy, own_queue) = (limit.clone(), queue.downgrade());
        std::thread::Builder::new()
            .name("write".to_owned())
            .spawn(move || {
                let mut gatherer = GroupReceiver::new(jobs);
                let mut known = true;
                health.supervise_thread(|| {
                    // After a panic, the state of the connection is unknown: a transaction may be open.
                    if !std::mem::replace(&mut known, false) {
                        batches.drop_connection();
                    }
                    while let Some(batch) = gatherer.gather() {
                        let _running = busy.begin();
                        health.begin();
                        let could_begin = batches.carry_out(batch);
                        busy.note(could_begin);
                        if could_begin {
                            health.succeed();
                        } else {
                            health.fail("no transaction can be started");
                            // Without further writes nothing would notice that the database is back, and
                            // a node that is not ready gets none. A full queue needs no probe.
                            std::thread::sleep(PROBE_PAUSE);
                            drop(own_queue.upgrade().map(|queue| queue.try_send(Box::new(Probe))));
                        }
                    }
                });
            })
            .map_err(|e| DatabaseError::Connection(e.to_string()))?;
        Ok(Self { queue, limit })
    }

    /// Runs a repeatable write; see [`super::Database::write`].
    ///
    /// # Errors
    ///
    /// Fails with the error of `work`, or with a [`DatabaseError`] if the write was not committed in time.
    pub async fn run<T, E, F>(&self, changes_content: bool, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Clone + Send + 'static,
    {
        self.send(OutcomeWait::Bounded, |progress, answer| {
            Box::new(Task::with_retries(work, changes_content, progress, answer))
        })
        .await
    }

    /// Runs a write that cannot be repeated; see [`super::Database::write_content_once`].
    ///
    /// # Errors
    ///
    /// Fails as [`Writer::run`] does, and when the only attempt fails in the database.
    pub async fn run_once<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        self.send(OutcomeWait::Bounded, |progress, answer| {
            Box::new(Task::without_retries(work, true, progress, answer))
        })
        .await
    }

    /// Runs a long write that cannot be repeated; see [`super::Database::write_content_long`].
    ///
    /// # Errors
    ///
    /// Fails as [`Writer::run_once`] does.
    pub async fn run_long<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        self.send(OutcomeWait::ToItsEnd, |progress, answer| {
            Box::new(Task::without_retries(work, true, progress, answer))
        })
        .await
    }

    /// Returns the number of writes in the queue.
    pub fn queue_length(&self) -> usize {
        self.queue.len()
    }

    /// Returns how long the writer has been busy with the current writes; none while it is idle.
    pub fn busy_time(&self) -> Option<Duration> {
        self.limit.busy_time()
    }

    /// Queues a job and waits for its outcome.
    async fn send<T, E>(
        &self,
        patience: OutcomeWait,
        job: impl FnOnce(Progress, oneshot::Sender<Result<T, E>>) -> Box<dyn WriteJob>,
    ) -> Result<T, E>
    where
        E: From<DatabaseError>,
    {
        let begun = Instant::now();
        let (progress, (answer, wait)) = (Progress::default(), oneshot::channel());
        self.queue.try_send(job(progress.clone(), answer)).map_err(DatabaseError::from)?;
        let outcome = self.wait_for_outcome(patience, &progress, wait).await;
        WRITE_SECONDS.observe(begun.elapsed().as_secs_f64());
        outcome
    }

    /// Waits for the outcome of a job. A job that was not started in time is abandoned, so that the caller may
    /// safely repeat it. A job that has started cannot be abandoned: it is awaited for the same duration again,
    /// or to its end, and after that its outcome is unknown, which must not be reported as a failure.
    async fn wait_for_outcome<T, E>(
        &self,
        patience: OutcomeWait,
        progress: &Progress,
        mut wait: oneshot::Receiver<Result<T, E>>,
    ) -> Result<T, E>
    where
        E: From<DatabaseError>,
    {
        let known = |settled: Result<_, _>| settled.unwrap_or_else(|_| Err(DatabaseError::Gone.into()));
        for _ in 0..2 {
            if let Some(settled) = self.limit.wait(&mut wait).await {
                return known(settled);
            }
            if progress.abandon() {
                return Err(DatabaseError::Waited.into());
            }
            if patience == OutcomeWait::ToItsEnd {
                return known(wait.await);
            }
        }
        UNKNOWN.inc();
        Err(DatabaseError::Unknown.into())
    }
}
