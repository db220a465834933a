//! The writer thread: waiting writes share one transaction and so one sync to disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use diesel::result::Error as DieselError;
use tokio::sync::oneshot;

use super::connection::Part;
use super::gather::Gatherer;
use super::ledger::Ledger;
use super::metrics::{COMMITS, WRITE_SECONDS};
use super::touched::{Followed, Touched};
use super::{Address, DatabaseError, Db, Link, Threads};
use crate::jobs::Jobs;

/// A transaction that takes longer than this is told of as hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does its write, then says whether to keep it, and how to answer once that is settled.
struct Job {
    changes_content: bool,
    work: Box<dyn FnOnce(Attempt) -> Verdict + Send>,
}

/// What came of a write. A refusal waits for the commit too: it may be based on
/// what others wrote in the same transaction, and whoever reads after it must find that.
struct Verdict {
    keep: bool,
    settle: Settle,
}

/// What a job is given: the connection within a transaction, or the reason why there is none.
enum Attempt<'a> {
    Try(&'a mut Db),
    Refuse(DatabaseError),
}

/// Answers the caller after the commit.
type Settle = Box<dyn FnOnce(Result<(), DatabaseError>) + Send>;

/// A handle on the writer thread.
#[derive(Clone)]
pub struct Writer {
    queue: flume::Sender<Job>,
}

impl Writer {
    /// Opens the connection and starts the thread.
    pub fn start(
        address: &Address,
        threads: Threads,
        count: &Arc<AtomicU64>,
        ledger: &Arc<Ledger>,
        known: &Jobs,
    ) -> Result<Self, DatabaseError> {
        let (ledger, health) = (Arc::clone(ledger), known.add("writer", PATIENCE));
        let (queue, jobs) = flume::bounded::<Job>(threads.queue);
        let mut link = Link::open(address, count, false)?;
        std::thread::Builder::new()
            .name("write".to_owned())
            .spawn(move || {
                let (mut gatherer, mut followed) = (Gatherer::new(jobs), Followed::default());
                let mut known = true;
                health.supervise_thread(|| {
                    // After a panic, nobody knows what the connection was about to do.
                    if !std::mem::replace(&mut known, false) {
                        link.drop_connection();
                    }
                    while let Some(batch) = gatherer.gather() {
                        health.begin();
                        commit_batch(&mut link, batch, &ledger, &mut followed);
                        health.succeed();
                    }
                });
            })
            .map_err(|e| DatabaseError::Connection(e.to_string()))?;
        Ok(Self { queue })
    }

    /// See [`super::Database::write`].
    pub async fn run<T, E, F>(&self, changes_content: bool, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        let begun = Instant::now();
        let (answer, wait) = oneshot::channel::<Result<T, E>>();
        let work = Box::new(move |attempt: Attempt| {
            let outcome = match attempt {
                Attempt::Refuse(error) => Err(error.into()),
                Attempt::Try(connection) => catch_unwind(AssertUnwindSafe(|| task(connection)))
                    .unwrap_or_else(|_| Err(DatabaseError::Gone.into())),
            };
            let keep = outcome.is_ok();
            let settle: Settle = Box::new(move |committed| {
                let _ = answer.send(committed.map_err(E::from).and(outcome));
            });
            Verdict { keep, settle }
        });
        self.queue.try_send(Job { changes_content, work }).map_err(|error| match error {
            flume::TrySendError::Full(_) => DatabaseError::Overloaded,
            flume::TrySendError::Disconnected(_) => DatabaseError::Gone,
        })?;
        let outcome = wait.await.unwrap_or_else(|_| Err(DatabaseError::Gone.into()));
        WRITE_SECONDS.observe(begun.elapsed().as_secs_f64());
        outcome
    }
}

fn commit_batch(link: &mut Link, batch: Vec<Job>, ledger: &Ledger, followed: &mut Followed) {
    if let Err(error) = begin(link) {
        tracing::error!(%error, "no transaction could be begun");
        let reason = error.to_string();
        for job in batch {
            ((job.work)(Attempt::Refuse(DatabaseError::Connection(reason.clone()))).settle)(Ok(()));
        }
        return;
    }
    let changes_content = batch.iter().any(|job| job.changes_content);
    let Tried { verdicts, kept, broken } = try_all(link, batch);
    let looked = if changes_content && kept && !broken { Some(look(link, *followed)) } else { None };
    let committed = match broken {
        false if kept => link.get().and_then(|c| Ok(c.commit()?)),
        false => link.get().and_then(|c| Ok(c.rollback()?)),
        true => Err(DatabaseError::Gone),
    };
    match &committed {
        Ok(()) => {
            COMMITS.inc();
            if let Some((further, touched)) = looked {
                touched.note(ledger);
                *followed = further;
            }
        }
        Err(error) => {
            tracing::error!(%error, "a transaction was lost");
            link.drop_connection();
        }
    }
    for verdict in verdicts {
        (verdict.settle)(committed.as_ref().map(|_| ()).map_err(|e| DatabaseError::Connection(e.to_string())));
    }
}

/// What the journal says that this transaction touched, and others before it.
fn look(link: &mut Link, followed: Followed) -> (Followed, Touched) {
    let looked = link.get().and_then(|connection| Ok(followed.look(connection)?));
    // The commit will show what is wrong; what is kept is not trusted any more.
    looked.unwrap_or((followed, Touched::Anything))
}

/// Begins a transaction that has the write lock.
fn begin(link: &mut Link) -> Result<(), DatabaseError> {
    if try_begin(link).is_err() {
        link.drop_connection();
        try_begin(link)?;
    }
    Ok(())
}

fn try_begin(link: &mut Link) -> Result<(), DatabaseError> {
    Ok(link.get()?.begin_write()?)
}

/// What came of all writes of a transaction.
struct Tried {
    verdicts: Vec<Verdict>,
    /// Something is to be committed.
    kept: bool,
    /// The transaction itself failed.
    broken: bool,
}

/// Tries one after the other. While nothing is to be kept, a write has the transaction for itself: if it
/// fails, another one is begun, which happens less often than a savepoint would cost. Then each has a
/// savepoint, of which the last one that was kept ends with the transaction.
fn try_all(link: &mut Link, batch: Vec<Job>) -> Tried {
    let mut tried = Tried { verdicts: Vec::with_capacity(batch.len()), kept: false, broken: false };
    let (count, mut within) = (batch.len(), false);
    for (index, job) in batch.into_iter().enumerate() {
        if tried.broken {
            tried.verdicts.push((job.work)(Attempt::Refuse(DatabaseError::Gone)));
            continue;
        }
        let (verdict, sound) = match tried.kept {
            true => in_savepoint(link, job, &mut within),
            false => by_itself(link, job, index + 1 == count),
        };
        tried.kept |= verdict.keep;
        tried.broken = sound.is_err();
        tried.verdicts.push(verdict);
        // Readers on the same core do not wait for all of them.
        std::thread::yield_now();
    }
    tried
}

/// What came of a job that has the transaction for itself. If it is not kept and others follow, they get
/// a new one.
fn by_itself(link: &mut Link, job: Job, is_last: bool) -> (Verdict, Result<(), DatabaseError>) {
    let verdict = match link.get() {
        Ok(connection) => (job.work)(Attempt::Try(connection)),
        Err(error) => return ((job.work)(Attempt::Refuse(DatabaseError::Gone)), Err(error)),
    };
    let sound = match verdict.keep || is_last {
        true => Ok(()),
        false => link.get().and_then(|c| Ok(c.rollback().and_then(|()| c.begin_write())?)),
    };
    (verdict, sound)
}

/// What came of the job; an error beside it means that the transaction itself is broken. `within` tells
/// whether the savepoint of an earlier one is there still.
fn in_savepoint(link: &mut Link, job: Job, within: &mut bool) -> (Verdict, Result<(), DatabaseError>) {
    let begun = link.get().and_then(|c| match *within {
        true => Ok(c.begin_next_part(Part::WRITE).map(|()| c)?),
        false => Ok(c.begin_part(Part::WRITE).map(|()| c)?),
    });
    let connection = match begun {
        Ok(connection) => connection,
        Err(error) => return ((job.work)(Attempt::Refuse(DatabaseError::Gone)), Err(error)),
    };
    let verdict = (job.work)(Attempt::Try(connection));
    *within = verdict.keep;
    let ended = if verdict.keep { Ok(()) } else { connection.drop_part(Part::WRITE) };
    (verdict, ended.map_err(DatabaseError::from))
}
