//! Reader threads.

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

/// Reads are not timed one by one: nothing of theirs counts as hanging.
const PATIENCE: Duration = Duration::MAX;

type Job = Box<dyn FnOnce(&mut DatabaseSession) + Send>;

/// A handle on the reader threads.
#[derive(Clone)]
pub struct Readers {
    queue: flume::Sender<Job>,
    limit: Limit,
}

impl Readers {
    /// Opens the connections and starts the threads.
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
                        // After a panic, nobody knows what the connection was about to do.
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

    /// See [`super::Database::read_after`].
    pub async fn run<T, E, G, F>(&self, glance: G, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        G: FnOnce(&mut Db) -> Result<Option<T>, E> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        let (answer, mut wait) = oneshot::channel();
        let job: Job = Box::new(move |session| {
            // Nobody waits for it any more.
            if answer.is_closed() {
                return;
            }
            let mut begun = false;
            let outcome = catch_unwind(AssertUnwindSafe(|| match session.get().map_err(E::from).and_then(glance) {
                Ok(Some(found)) => Ok(found),
                // What went wrong at a glance shows in the transaction again, or went over.
                Ok(None) | Err(_) => {
                    begin(session)?;
                    begun = true;
                    task(session.held()?)
                }
            }));
            let sound = outcome.is_ok();
            let _ = answer.send(outcome.unwrap_or_else(|_| Err(DatabaseError::Gone.into())));
            // Who asked need not wait for the end of the transaction.
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
    /// The connection of this thread for reads of single items.
    static HERE: RefCell<Option<(Arc<Address>, DatabaseSession)>> = const { RefCell::new(None) };
}

/// See [`super::Database::read_item`].
pub fn here<T, E, F>(
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

/// See [`super::Database::read_after`].
pub fn glance_here<T, E, G>(
    address: &Arc<Address>,
    count: &Arc<AtomicU64>,
    patience: Option<Duration>,
    glance: G,
) -> Result<Option<T>, E>
where
    E: From<DatabaseError> + From<DieselError>,
    G: FnOnce(&mut Db) -> Result<Option<T>, E>,
{
    with_link(address, count, patience, |session| glance(session.get()?))
}

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
    let outcome = task(session.held()?);
    end(session);
    outcome
}

/// A connection that the database closed meanwhile shows at BEGIN: one new try with a new one.
fn begin(session: &mut DatabaseSession) -> Result<(), DatabaseError> {
    if session.get()?.begin_read().is_err() {
        session.drop_connection();
        session.get()?.begin_read()?;
    }
    Ok(())
}

fn end(session: &mut DatabaseSession) {
    if session.held().and_then(|connection| Ok(connection.rollback()?)).is_err() {
        session.drop_connection();
    }
}
