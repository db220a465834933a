//! The reader threads, and reads on the calling thread.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use diesel::result::Error as DieselError;
use tokio::sync::oneshot;

use super::connection::SessionPurpose;
use super::limit::Limit;
use super::session::DatabaseSession;
use super::{Address, DatabaseError, Db, Threads};
use crate::jobs::Jobs;

/// Reads have timeouts of their own, so a reader thread is never reported as hanging.
const PATIENCE: Duration = Duration::MAX;

type Job = Box<dyn FnOnce(&mut DatabaseSession) + Send>;

/// A handle to the reader threads.
#[derive(Clone)]
pub struct Readers {
    queue: flume::Sender<Job>,
    limit: Limit,
}

impl Readers {
    /// Opens the connections and starts the threads.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be reached or a thread cannot be started.
    pub fn start(
        address: &Address,
        threads: Threads,
        count: &Arc<AtomicU64>,
        known: &Jobs,
    ) -> Result<Self, DatabaseError> {
        let health = known.add("readers", PATIENCE);
        let (queue, jobs) = flume::bounded::<Job>(threads.queue);
        let readers = threads.readers.max(1);
        let limit = Limit::new(threads.patience, readers);
        for number in 0..readers {
            let mut session = DatabaseSession::open(address, count, SessionPurpose::Read(threads.patience))?;
            let (jobs, limit, health) = (jobs.clone(), limit.clone(), Arc::clone(&health));
            std::thread::Builder::new()
                .name(format!("read-{number}"))
                .spawn(move || {
                    let mut known = true;
                    health.supervise_thread(|| {
                        // After a panic, the state of the connection is unknown: a transaction may be open.
                        if !std::mem::replace(&mut known, false) {
                            session.drop_connection();
                        }
                        jobs.iter().for_each(|job| {
                            let _running = limit.begin();
                            job(&mut session);
                            health.succeed();
                        });
                    });
                })
                .map_err(|e| DatabaseError::Connection(e.to_string()))?;
        }
        Ok(Self { queue, limit })
    }

    /// Runs a read on one of the threads; see [`super::Database::read_with_fast_path`].
    ///
    /// # Errors
    ///
    /// Fails with the error of `task`, or with a [`DatabaseError`] if the read cannot be run in time.
    pub async fn run<T, E, G, F>(&self, fast_path: G, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        G: FnOnce(&mut Db) -> Result<Option<T>, E> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        let (answer, mut wait) = oneshot::channel();
        let job: Job = Box::new(move |session| {
            // The caller no longer waits.
            if answer.is_closed() {
                return;
            }
            let mut begun = false;
            let outcome = catch_unwind(AssertUnwindSafe(|| match session.get().map_err(E::from).and_then(fast_path) {
                Ok(Some(found)) => Ok(found),
                // A lasting error occurs in the transaction again, where it is reported.
                Ok(None) | Err(_) => {
                    begin(session)?;
                    begun = true;
                    task(session.connection()?)
                }
            }));
            let sound = outcome.is_ok();
            let _ = answer.send(outcome.unwrap_or_else(|_| Err(DatabaseError::Gone.into())));
            // The transaction ends after the response, so that the caller does not wait for it.
            match sound {
                true if begun => end(session),
                true => {}
                false => session.drop_connection(),
            }
        });
        self.queue.try_send(job).map_err(DatabaseError::from)?;
        match self.limit.wait(&mut wait).await {
            Some(outcome) => outcome.unwrap_or_else(|_| Err(DatabaseError::Gone.into())),
            None => Err(DatabaseError::Waited.into()),
        }
    }
}

thread_local! {
    /// The connection of this thread for reads that run on the calling thread.
    static HERE: RefCell<Option<(Arc<Address>, DatabaseSession)>> = const { RefCell::new(None) };
}

/// Runs a read in a transaction on the calling thread; see [`super::Database::read_item`].
///
/// # Errors
///
/// Fails with the error of `task`, or with a [`DatabaseError`] if the transaction cannot be started.
pub fn read_here<T, E, F>(
    address: &Arc<Address>,
    count: &Arc<AtomicU64>,
    patience: Option<Duration>,
    task: F,
) -> Result<T, E>
where
    E: From<DatabaseError> + From<DieselError>,
    F: FnOnce(&mut Db) -> Result<T, E>,
{
    with_link(address, count, patience, |session| in_transaction(session, task))
}

/// Runs a read without a transaction on the calling thread; see [`super::Database::read_with_fast_path`].
///
/// # Errors
///
/// Fails with the error of `fast_path`, or with a [`DatabaseError`] if no connection can be opened.
pub fn fast_path_here<T, E, G>(
    address: &Arc<Address>,
    count: &Arc<AtomicU64>,
    patience: Option<Duration>,
    fast_path: G,
) -> Result<Option<T>, E>
where
    E: From<DatabaseError> + From<DieselError>,
    G: FnOnce(&mut Db) -> Result<Option<T>, E>,
{
    with_link(address, count, patience, |session| fast_path(session.get()?))
}

/// Runs a read with the connection of this thread, which is opened on first use and whenever another database is
/// used: tests use several in one process.
fn with_link<T, E>(
    address: &Arc<Address>,
    count: &Arc<AtomicU64>,
    patience: Option<Duration>,
    read: impl FnOnce(&mut DatabaseSession) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<DatabaseError>,
{
    HERE.with_borrow_mut(|here| {
        if here.as_ref().is_none_or(|(known, _)| !Arc::ptr_eq(known, address)) {
            *here = Some((Arc::clone(address), DatabaseSession::open(address, count, SessionPurpose::Read(patience))?));
        }
        let (_, session) = here.as_mut().ok_or(DatabaseError::Gone)?;
        let outcome = catch_unwind(AssertUnwindSafe(|| read(session)));
        if outcome.is_err() {
            session.drop_connection();
        }
        outcome.unwrap_or_else(|_| Err(DatabaseError::Gone.into()))
    })
}

fn in_transaction<T, E, F>(session: &mut DatabaseSession, task: F) -> Result<T, E>
where
    E: From<DatabaseError> + From<DieselError>,
    F: FnOnce(&mut Db) -> Result<T, E>,
{
    begin(session)?;
    let outcome = task(session.connection()?);
    end(session);
    outcome
}

/// Starts a transaction. A connection that the server closed while it was idle fails only here, hence one attempt with
/// a new connection.
fn begin(session: &mut DatabaseSession) -> Result<(), DatabaseError> {
    if session.get()?.begin_read().is_err() {
        session.drop_connection();
        session.get()?.begin_read()?;
    }
    Ok(())
}

/// Ends a transaction by ROLLBACK: there is nothing to commit.
fn end(session: &mut DatabaseSession) {
    if session.connection().and_then(|connection| Ok(connection.rollback()?)).is_err() {
        session.drop_connection();
    }
}
