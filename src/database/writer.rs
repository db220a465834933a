//! The writer thread: waiting writes share one transaction and so one sync to disk.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use diesel::result::Error as DieselError;
use tokio::sync::oneshot;

use super::batch::Batches;
use super::connection::SessionPurpose;
use super::gather::Gatherer;
use super::job::{Job, Probe, Progress, Task};
use super::ledger::Ledger;
use super::limit::Limit;
use super::metrics::{UNKNOWN, WRITE_SECONDS};
use super::session::DatabaseSession;
use super::{Address, DatabaseError, Db, Threads};
use crate::jobs::Jobs;

/// A transaction that takes longer than this is told of as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long after a failure it is looked whether the database takes writes again.
const PROBE_PAUSE: Duration = Duration::from_millis(250);

/// How long a job that has begun is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// As long once more as for its beginning.
    Bounded,
    /// Until its end is known.
    ToItsEnd,
}

/// A handle on the writer thread.
#[derive(Clone)]
pub struct Writer {
    queue: flume::Sender<Box<dyn Job>>,
    limit: Limit,
}

impl Writer {
    /// Opens the connection and starts the thread.
    ///
    /// # Errors
    ///
    /// The database cannot be reached, or no thread can be had.
    pub fn start(
        address: &Address,
        threads: Threads,
        count: &Arc<AtomicU64>,
        ledger: &Arc<Ledger>,
        known: &Jobs,
    ) -> Result<Self, DatabaseError> {
        let health = known.add("writer", PATIENCE);
        let (queue, jobs) = flume::bounded::<Box<dyn Job>>(threads.queue);
        let limit = Limit::new(threads.patience, 1);
        let session = DatabaseSession::open(address, count, SessionPurpose::Write(threads.patience))?;
        let mut batches = Batches::new(session, Arc::clone(ledger), threads.patience);
        // The thread ends with the last handle, so it has none itself.
        let (busy, own_queue) = (limit.clone(), queue.downgrade());
        std::thread::Builder::new()
            .name("write".to_owned())
            .spawn(move || {
                let mut gatherer = Gatherer::new(jobs);
                let mut known = true;
                health.supervise_thread(|| {
                    // After a panic, nobody knows what the connection was about to do.
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
                            health.fail("no transaction can be begun");
                            std::thread::sleep(PROBE_PAUSE);
                            // Where the queue is full, there is enough to try.
                            drop(own_queue.upgrade().map(|queue| queue.try_send(Box::new(Probe))));
                        }
                    }
                });
            })
            .map_err(|e| DatabaseError::Connection(e.to_string()))?;
        Ok(Self { queue, limit })
    }

    /// See [`super::Database::write`].
    pub async fn run<T, E, F>(&self, changes_content: bool, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Clone + Send + 'static,
    {
        self.send(Wait::Bounded, |progress, answer| Box::new(Task::repeatable(work, changes_content, progress, answer)))
            .await
    }

    /// See [`super::Database::write_once`].
    pub async fn run_once<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        self.send(Wait::Bounded, |progress, answer| Box::new(Task::once(work, true, progress, answer))).await
    }

    /// See [`super::Database::write_content_long`].
    pub async fn run_long<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        self.send(Wait::ToItsEnd, |progress, answer| Box::new(Task::once(work, true, progress, answer))).await
    }

    /// How many writes wait to be begun.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// For how long the writer has been busy with the same writes; none while it waits for some.
    pub fn busy(&self) -> Option<Duration> {
        self.limit.busy()
    }

    async fn send<T, E>(
        &self,
        patience: Wait,
        job: impl FnOnce(Progress, oneshot::Sender<Result<T, E>>) -> Box<dyn Job>,
    ) -> Result<T, E>
    where
        E: From<DatabaseError>,
    {
        let begun = Instant::now();
        let (progress, (answer, wait)) = (Progress::default(), oneshot::channel());
        self.queue.try_send(job(progress.clone(), answer)).map_err(DatabaseError::from)?;
        let outcome = self.settled(patience, &progress, wait).await;
        WRITE_SECONDS.observe(begun.elapsed().as_secs_f64());
        outcome
    }

    /// Waits until the job is settled, but not for ever. One that was not begun in time is given up and never
    /// will be. For one that was begun, the wait is as long once more; then nobody knows how it will end.
    async fn settled<T, E>(
        &self,
        patience: Wait,
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
            if patience == Wait::ToItsEnd {
                return known(wait.await);
            }
        }
        UNKNOWN.inc();
        Err(DatabaseError::Unknown.into())
    }
}
