//! Reader threads.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use diesel::result::Error as DieselError;
use tokio::sync::oneshot;

use super::{Address, DatabaseError, Db, Link, Threads};
use crate::jobs::Jobs;

/// Reads are not timed one by one: nothing of theirs counts as hanging.
const PATIENCE: Duration = Duration::MAX;

type Job = Box<dyn FnOnce(&mut Link) + Send>;

/// A handle on the reader threads.
#[derive(Clone)]
pub struct Readers {
    queue: flume::Sender<Job>,
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
        for number in 0..threads.readers.max(1) {
            let mut link = Link::open(address, count, true)?;
            let (jobs, health) = (jobs.clone(), Arc::clone(&health));
            std::thread::Builder::new()
                .name(format!("read-{number}"))
                .spawn(move || {
                    let mut known = true;
                    health.supervise_thread(|| {
                        // After a panic, nobody knows what the connection was about to do.
                        if !std::mem::replace(&mut known, false) {
                            link.drop_connection();
                        }
                        jobs.iter().for_each(|job| {
                            job(&mut link);
                            health.succeed();
                        });
                    });
                })
                .map_err(|e| DatabaseError::Connection(e.to_string()))?;
        }
        Ok(Self { queue })
    }

    /// See [`super::Database::read_after`].
    pub async fn run<T, E, G, F>(&self, glance: G, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        G: FnOnce(&mut Db) -> Result<Option<T>, E> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        let (answer, wait) = oneshot::channel();
        let job: Job = Box::new(move |link| {
            let mut begun = false;
            let outcome = catch_unwind(AssertUnwindSafe(|| match link.get().map_err(E::from).and_then(glance) {
                Ok(Some(found)) => Ok(found),
                // What went wrong at a glance shows in the transaction again, or went over.
                Ok(None) | Err(_) => {
                    begin(link)?;
                    begun = true;
                    task(link.get()?)
                }
            }));
            let sound = outcome.is_ok();
            let _ = answer.send(outcome.unwrap_or_else(|_| Err(DatabaseError::Gone.into())));
            // Who asked need not wait for the end of the transaction.
            match sound {
                true if begun => end(link),
                true => {}
                false => link.drop_connection(),
            }
        });
        self.queue.try_send(job).map_err(|error| match error {
            flume::TrySendError::Full(_) => DatabaseError::Overloaded,
            flume::TrySendError::Disconnected(_) => DatabaseError::Gone,
        })?;
        wait.await.unwrap_or_else(|_| Err(DatabaseError::Gone.into()))
    }
}

thread_local! {
    /// The connection of this thread for reads of single items.
    static HERE: RefCell<Option<(Arc<Address>, Link)>> = const { RefCell::new(None) };
}

/// See [`super::Database::read_item`].
pub fn here<T, E, F>(address: &Arc<Address>, count: &Arc<AtomicU64>, task: F) -> Result<T, E>
where
    E: From<DatabaseError> + From<DieselError>,
    F: FnOnce(&mut Db) -> Result<T, E>,
{
    with_link(address, count, |link| in_transaction(link, task))
}

/// See [`super::Database::read_after`].
pub fn glance_here<T, E, G>(address: &Arc<Address>, count: &Arc<AtomicU64>, glance: G) -> Result<Option<T>, E>
where
    E: From<DatabaseError> + From<DieselError>,
    G: FnOnce(&mut Db) -> Result<Option<T>, E>,
{
    with_link(address, count, |link| glance(link.get()?))
}

fn with_link<T, E>(
    address: &Arc<Address>,
    count: &Arc<AtomicU64>,
    read: impl FnOnce(&mut Link) -> Result<T, E>,
) -> Result<T, E>
where
    E: From<DatabaseError>,
{
    HERE.with_borrow_mut(|here| {
        if here.as_ref().is_none_or(|(known, _)| !Arc::ptr_eq(known, address)) {
            *here = Some((Arc::clone(address), Link::open(address, count, true)?));
        }
        let (_, link) = here.as_mut().ok_or(DatabaseError::Gone)?;
        let outcome = catch_unwind(AssertUnwindSafe(|| read(link)));
        if outcome.is_err() {
            link.drop_connection();
        }
        outcome.unwrap_or_else(|_| Err(DatabaseError::Gone.into()))
    })
}

fn in_transaction<T, E, F>(link: &mut Link, task: F) -> Result<T, E>
where
    E: From<DatabaseError> + From<DieselError>,
    F: FnOnce(&mut Db) -> Result<T, E>,
{
    begin(link)?;
    let outcome = task(link.get()?);
    end(link);
    outcome
}

/// A connection that the database closed meanwhile shows at BEGIN: one new try with a new one.
fn begin(link: &mut Link) -> Result<(), DatabaseError> {
    if link.get()?.begin_read().is_err() {
        link.drop_connection();
        link.get()?.begin_read()?;
    }
    Ok(())
}

fn end(link: &mut Link) {
    if link.get().and_then(|connection| Ok(connection.rollback()?)).is_err() {
        link.drop_connection();
    }
}
