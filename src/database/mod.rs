//! The database: one type for SQLite and Postgres, readers and a writer on threads of their own.
//!
//! Reads run on a few reader threads, each with a connection and its prepared statements; every
//! read sees one state of the database. Writes run on one writer thread, which takes what is
//! waiting into one transaction (what fails takes nothing else with it), commits once, and only
//! then acknowledges: many writes share the cost of one sync to disk.

pub mod backup;
mod batch;
pub mod connection;
mod failure;
mod gather;
pub mod insert;
pub mod inspect;
mod job;
pub mod ledger;
mod limit;
pub mod metrics;
pub mod migrate;
mod pg_session;
pub mod position;
mod reader;
pub mod sandbox;
#[cfg(test)]
pub(crate) mod schedule;
pub mod schema;
mod session;
pub mod statement;
pub mod storage;
pub(crate) mod sync;
pub mod touched;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::result::Error as DieselError;
use thiserror::Error;

use crate::jobs::Jobs;

pub use connection::{Address, Backend, Db};
pub use failure::is_transient;
use ledger::Ledger;
pub use statement::{Dialect, any_of, any_pair_of, by_the_way, there_is, within};

/// Why the database did not do what was asked. But for [`DatabaseError::Unknown`], nothing of it is kept.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// The statement failed.
    #[error("database: {0}")]
    Query(DieselError),
    /// No connection could be had, or it broke.
    #[error("database connection: {0}")]
    Connection(String),
    /// The database threads have ended, or a task within them failed.
    #[error("the database is shutting down or its task failed")]
    Gone,
    /// Too much is waiting already.
    #[error("too many requests wait for the database")]
    Overloaded,
    /// It was not begun in time: the database does not answer, or somebody else has the lock of the writers.
    #[error("the database did not get to it in time")]
    Waited,
    /// The database failed it each time that it was tried.
    #[error("the database failed repeatedly")]
    Interrupted,
    /// The database takes no writes: it is a standby, or its file is read-only.
    #[error("the database is read-only")]
    ReadOnly,
    /// It was begun, and nobody knows whether it was kept.
    #[error("it is not known whether the write was kept")]
    Unknown,
}

impl From<DieselError> for DatabaseError {
    fn from(error: DieselError) -> Self {
        use diesel::result::DatabaseErrorKind as Kind;
        match &error {
            _ if session::is_read_only(&error) => DatabaseError::ReadOnly,
            DieselError::DatabaseError(Kind::ClosedConnection | Kind::UnableToSendCommand, why) => {
                DatabaseError::Connection(why.message().to_owned())
            }
            _ => DatabaseError::Query(error),
        }
    }
}

impl<J> From<flume::TrySendError<J>> for DatabaseError {
    fn from(error: flume::TrySendError<J>) -> Self {
        match error {
            flume::TrySendError::Full(_) => DatabaseError::Overloaded,
            flume::TrySendError::Disconnected(_) => DatabaseError::Gone,
        }
    }
}

/// How many connections to use, and how long to wait for them.
#[derive(Debug, Clone, Copy)]
pub struct Threads {
    /// Reader threads, at least 1.
    pub readers: usize,
    /// How many reads or writes may wait before further ones are refused.
    pub queue: usize,
    /// How long a read, or a write until it begins, may take; none for as long as it takes.
    pub patience: Option<Duration>,
}

/// A handle on the database; cheap to clone. The threads end when the last handle is dropped.
#[derive(Clone)]
pub struct Database {
    address: Arc<Address>,
    patience: Option<Duration>,
    readers: reader::Readers,
    writer: writer::Writer,
    count: Arc<AtomicU64>,
    ledger: Arc<Ledger>,
    jobs: Arc<Jobs>,
}

impl Database {
    /// Opens the database and starts its threads. Migrations must have run.
    pub fn open(address: &Address, threads: Threads) -> Result<Self, DatabaseError> {
        let count = Arc::default();
        let ledger = Arc::default();
        let jobs = Arc::new(Jobs::default());
        Ok(Self {
            address: Arc::new(address.clone()),
            patience: threads.patience,
            readers: reader::Readers::start(address, threads, &count, &jobs)?,
            writer: writer::Writer::start(address, threads, &count, &ledger, &jobs)?,
            count,
            ledger,
            jobs,
        })
    }

    /// Statements sent so far through this handle and its clones.
    pub fn statements(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Which database this is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Runs `task` in a transaction that only reads and sees one state of the database.
    pub async fn read<T, E, F>(&self, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        self.readers.run(|_| Ok(None), task).await
    }

    /// The same, unless `glance` finds all of it, which does so without a transaction. One that is quick is
    /// cast on the calling thread on SQLite: it takes less time than handing it over.
    pub async fn read_after<T, E, G, F>(&self, quick: bool, glance: G, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        G: FnOnce(&mut Db) -> Result<Option<T>, E> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        match &*self.address {
            Address::Sqlite(_) if quick => match reader::glance_here(&self.address, &self.count, self.patience, glance)
            {
                Ok(Some(found)) => Ok(found),
                // What went wrong at a glance shows in the transaction again, or went over.
                Ok(None) | Err(_) => self.read(task).await,
            },
            _ => self.readers.run(glance, task).await,
        }
    }

    /// The same for a task that touches a few rows by their keys. On SQLite it runs on the calling
    /// thread: it takes less time than handing it over.
    pub async fn read_item<T, E, F>(&self, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        match &*self.address {
            Address::Sqlite(_) => reader::here(&self.address, &self.count, self.patience, task),
            Address::Postgres(_) => self.read(task).await,
        }
    }

    /// Runs `task` in a transaction that writes, alone among all writers of this database, and returns when it is
    /// durable. If `task` fails, nothing of it is kept. If the database fails it, a copy of it is tried again: all
    /// that it does, it does to the database.
    pub async fn write<T, E, F>(&self, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Clone + Send + 'static,
    {
        self.writer.run(false, task).await
    }

    /// The same for a task that changes content: the ledger is told before it is acknowledged.
    pub async fn write_content<T, E, F>(&self, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Clone + Send + 'static,
    {
        self.writer.run(true, task).await
    }

    /// Opens a connection of its own on which writes stay beside the database.
    ///
    /// # Errors
    /// Fails where no connection can be had.
    pub fn sandbox(&self) -> Result<Db, DatabaseError> {
        sandbox::open(&self.address, &self.count, self.patience)
    }

    /// The same for a task that cannot be repeated: when the database fails it, it is refused.
    pub async fn write_content_once<T, E, F>(&self, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        self.writer.run_once(task).await
    }

    /// The same for a task that takes long and that no client waits for, such as a part of an import: once it has
    /// begun, it is waited for until its end is known.
    pub async fn write_content_long<T, E, F>(&self, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        self.writer.run_long(task).await
    }

    /// How many writes wait to be begun.
    pub fn writes_waiting(&self) -> usize {
        self.writer.waiting()
    }

    /// For how long writes have been waiting for the database or each other; none while none do.
    pub fn writes_wait(&self) -> Option<Duration> {
        self.writer.busy()
    }

    /// The jobs of this node, those of the database among them.
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// When what was last changed.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }
}

/// Now, in microseconds since 1970 (UTC).
pub fn now() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

/// A new time-ordered id (UUIDv7) as text.
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
