//! The writer thread: waiting writes share one transaction and so one sync to disk.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use diesel::result::Error as DieselError;
use tokio::sync::oneshot;

use super::connection::Part;
use super::ledger::Ledger;
use super::metrics::{COMMITS, WRITE_SECONDS};
use super::touched::{Followed, Touched};
use super::{Address, DatabaseError, Db, Link, Threads};

/// The most writes that share a commit; it bounds how long the first of them waits.
const BATCH: usize = 64;
/// How long the next write may take to come, and how long all of them together.
const MOMENT: Duration = Duration::from_micros(300);
const LONGEST_MOMENT: Duration = Duration::from_millis(2);

/// Does its write, then says whether to keep it, and how to answer once that is settled.
struct Job {
    changes_content: bool,
    work: Box<dyn FnOnce(Attempt) -> Verdict + Send>,
}

/// What came of a write within its savepoint. A refusal waits for the commit too: it may be based on
/// what others wrote in the same transaction, and whoever reads after it must find that.
struct Verdict {
    keep: bool,
    settle: Settle,
}

/// What a job is given: the connection within a savepoint, or the reason why there is none.
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
    ) -> Result<Self, DatabaseError> {
        let ledger = Arc::clone(ledger);
        let (queue, jobs) = flume::bounded::<Job>(threads.queue);
        let mut link = Link::open(address, count, false)?;
        std::thread::Builder::new()
            .name("write".to_owned())
            .spawn(move || {
                let (mut usual, mut followed) = (1, Followed::default());
                while let Ok(first) = jobs.recv() {
                    let batch = gather(&jobs, first, usual);
                    usual = batch.len();
                    commit_batch(&mut link, batch, &ledger, &mut followed);
                }
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

/// What is waiting, and when several came together the last time, what comes within a moment: those
/// whose writes were just acknowledged are likely to write again, and a commit more costs more than
/// the moment. A lone writer never waits.
fn gather(jobs: &flume::Receiver<Job>, first: Job, usual: usize) -> Vec<Job> {
    let mut batch = vec![first];
    let begun = Instant::now();
    loop {
        batch.extend(jobs.try_iter().take(BATCH - batch.len()));
        if batch.len() >= usual || begun.elapsed() > LONGEST_MOMENT {
            return batch;
        }
        match jobs.recv_timeout(MOMENT) {
            Ok(job) => batch.push(job),
            Err(_) => return batch,
        }
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
    let mut verdicts = Vec::with_capacity(batch.len());
    let mut broken = false;
    let alone = batch.len() == 1;
    for job in batch {
        match broken {
            true => verdicts.push((job.work)(Attempt::Refuse(DatabaseError::Gone))),
            false => {
                let (verdict, sound) = if alone { by_itself(link, job) } else { in_savepoint(link, job) };
                verdicts.push(verdict);
                broken = sound.is_err();
            }
        }
    }
    let kept = verdicts.iter().any(|verdict| verdict.keep);
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

/// What came of a job that has the transaction for itself, and goes with it.
fn by_itself(link: &mut Link, job: Job) -> (Verdict, Result<(), DatabaseError>) {
    match link.get() {
        Ok(connection) => ((job.work)(Attempt::Try(connection)), Ok(())),
        Err(error) => ((job.work)(Attempt::Refuse(DatabaseError::Gone)), Err(error)),
    }
}

/// What came of the job; an error beside it means that the transaction itself is broken.
fn in_savepoint(link: &mut Link, job: Job) -> (Verdict, Result<(), DatabaseError>) {
    let connection = match link.get().and_then(|c| c.begin_part(Part::WRITE).map(|()| c).map_err(Into::into)) {
        Ok(connection) => connection,
        Err(error) => return ((job.work)(Attempt::Refuse(DatabaseError::Gone)), Err(error)),
    };
    let verdict = (job.work)(Attempt::Try(connection));
    let ended = match verdict.keep {
        true => connection.keep_part(Part::WRITE),
        false => connection.drop_part(Part::WRITE),
    };
    (verdict, ended.map_err(DatabaseError::from))
}
