//! Access to the database: one handle for SQLite and Postgres, with reader threads and one writer thread.
//!
//! Reads run on a few reader threads, each with a connection and its prepared statements; every read sees
//! one snapshot of the database. Writes run on one writer thread with group commit: the writer executes all
//! waiting writes in one transaction, in which a failed write affects no other one, commits once, and only
//! then acknowledges them. Many writes so share the cost of one sync to disk.

pub mod backup;
mod batch;
mod batch_transaction;
mod checkpoint;
pub mod compressed_text;
pub mod connection;
mod failure;
mod group_commit;
pub mod insert;
pub mod inspect;
pub mod invalidation;
mod job;
pub mod journal_tail;
mod limit;
pub mod mail_schema;
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
pub mod update;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::result::Error as DieselError;
use thiserror::Error;

use crate::jobs::Jobs;

use connection::SessionPurpose;
pub use connection::{Address, Backend, Db};
pub use failure::is_transient;
use invalidation::InvalidationClock;
pub use statement::{Dialect, exists, in_array, in_few, in_list, in_list_unindexed, in_pair_list, in_query};

/// A failure of a read or a write. With every variant but [`DatabaseError::Unknown`], nothing of the write
/// has been committed.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// The statement failed.
    #[error("database: {0}")]
    Query(DieselError),
    /// No connection could be opened, or the connection broke.
    #[error("database connection: {0}")]
    Connection(String),
    /// The database threads have ended, or the task panicked.
    #[error("the database is shutting down or its task failed")]
    Gone,
    /// The queue is full.
    #[error("too many requests are waiting for the database")]
    Overloaded,
    /// The request was not started in time: the database does not respond, or another process holds the
    /// write lock.
    #[error("the database did not start the request in time")]
    Waited,
    /// Every attempt of the write failed in the database.
    #[error("the database failed repeatedly")]
    Interrupted,
    /// The database accepts no writes: it is a standby, or its file is read-only.
    #[error("the database is read-only")]
    ReadOnly,
    /// The write was started, and whether it was committed cannot be determined.
    #[error("it is unknown whether the write was committed")]
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

/// The sizes of the thread pool and its queues, and the bound on waiting times.
#[derive(Debug, Clone, Copy)]
pub struct Threads {
    /// Reader threads, at least 1.
    pub readers: usize,
    /// Length of the queues of reads and of writes; requests beyond it are rejected.
    pub queue: usize,
    /// Longest duration of a read, and of a write until it starts; without a value, waits are unbounded.
    pub patience: Option<Duration>,
}

/// A handle to the database, cheap to clone. The threads end when the last handle is dropped.
#[derive(Clone)]
pub struct Database {
    address: Arc<Address>,
    patience: Option<Duration>,
    readers: reader::Readers,
    writer: writer::Writer,
    count: Arc<AtomicU64>,
    clock: Arc<InvalidationClock>,
    jobs: Arc<Jobs>,
}

impl Database {
    /// Opens the database and starts its threads. Migrations must have been applied.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be reached or a thread cannot be started.
    pub fn open(address: &Address, threads: Threads) -> Result<Self, DatabaseError> {
        let count = Arc::default();
        let clock = Arc::default();
        let jobs = Arc::new(Jobs::default());
        Ok(Self {
            address: Arc::new(address.clone()),
            patience: threads.patience,
            readers: reader::Readers::start(address, threads, &count, &jobs)?,
            writer: writer::Writer::start(address, threads, &count, &clock, &jobs)?,
            count,
            clock,
            jobs,
        })
    }

    /// Returns the number of statements that this handle and its clones have sent so far.
    pub fn statements(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Runs `task` in a read-only transaction, which sees one snapshot of the database.
    ///
    /// # Errors
    ///
    /// Fails with the error of `task`, or with a [`DatabaseError`] if the task cannot be run in time.
    pub async fn read<T, E, F>(&self, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        self.readers.run(|_| Ok(None), task).await
    }

    /// Runs `fast_path` outside of any transaction, and `task` in a read-only transaction if `fast_path` has no
    /// result. On SQLite, a `quick` one runs on the calling thread, since it takes less time than passing
    /// it to another thread.
    ///
    /// # Errors
    ///
    /// Fails as [`Database::read`] does. An error of `fast_path` is dropped, and `task` runs instead.
    pub async fn read_with_fast_path<T, E, G, F>(&self, quick: bool, fast_path: G, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        G: FnOnce(&mut Db) -> Result<Option<T>, E> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        match &*self.address {
            Address::Sqlite(_) if quick => {
                match reader::fast_path_here(&self.address, &self.count, self.patience, fast_path) {
                    Ok(Some(found)) => Ok(found),
                    // A lasting error occurs in the transaction again, where it is reported.
                    Ok(None) | Err(_) => self.read(task).await,
                }
            }
            _ => self.readers.run(fast_path, task).await,
        }
    }

    /// Runs `task`, which reads a few rows by their keys, in a read-only transaction. On SQLite, the task
    /// runs on the calling thread, since it takes less time than passing it to another thread.
    ///
    /// # Errors
    ///
    /// Fails as [`Database::read`] does.
    pub async fn read_item<T, E, F>(&self, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        match &*self.address {
            Address::Sqlite(_) => reader::read_here(&self.address, &self.count, self.patience, task),
            Address::Postgres(_) => self.read(task).await,
        }
    }

    /// Runs `task` with the exclusive write lock of the database and returns once its changes are durable.
    /// If `task` fails, all its changes are rolled back. If the database fails, a clone of `task` is run
    /// again; so `task` must have no effect outside of the database.
    ///
    /// # Errors
    ///
    /// Fails with the error of `task`, or with a [`DatabaseError`] if the write cannot be started in time or
    /// fails repeatedly. Only [`DatabaseError::Unknown`] leaves open whether the write was committed.
    pub async fn write<T, E, F>(&self, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Clone + Send + 'static,
    {
        self.writer.run(false, task).await
    }

    /// Runs `task`, which changes content, as [`Database::write`] does. The invalidation clock records the
    /// change before the write is acknowledged, so that no cached response is served that is older than it.
    ///
    /// # Errors
    ///
    /// Fails as [`Database::write`] does.
    pub async fn write_content<T, E, F>(&self, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Clone + Send + 'static,
    {
        self.writer.run(true, task).await
    }

    /// Opens a connection for the reads of a thread that reads for a long time.
    ///
    /// # Errors
    ///
    /// Fails if no connection can be opened.
    pub fn separate_reader(&self) -> Result<Db, DatabaseError> {
        let (purpose, failures) = (SessionPurpose::Read(self.patience), session::Failures::default());
        connection::connect_for(purpose, &self.address, &self.count, &failures)
            .map_err(|error| DatabaseError::Connection(error.to_string()))
    }

    /// Opens a separate connection whose writes go to temporary tables only (see [`sandbox`]).
    ///
    /// # Errors
    ///
    /// Fails if no connection can be opened.
    pub fn sandbox(&self, tables: sandbox::TemporaryTables) -> Result<Db, DatabaseError> {
        sandbox::open_with(tables, &self.address, &self.count, self.patience)
    }

    /// Runs `task`, which changes content and cannot be repeated, as [`Database::write_content`] does, but
    /// only once.
    ///
    /// # Errors
    ///
    /// Fails as [`Database::write`] does, and with [`DatabaseError::Interrupted`] as soon as the database
    /// fails.
    pub async fn write_content_once<T, E, F>(&self, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        self.writer.run_once(task).await
    }

    /// Runs `task`, a long write for which no client waits, such as a part of an import, as
    /// [`Database::write_content_once`] does. Once the task has started, the call waits for its outcome
    /// without a bound.
    ///
    /// # Errors
    ///
    /// Fails as [`Database::write_content_once`] does.
    pub async fn write_content_long<T, E, F>(&self, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        self.writer.run_long(task).await
    }

    /// Returns the number of writes in the queue.
    pub fn writes_waiting(&self) -> usize {
        self.writer.queue_length()
    }

    /// Returns how long the writer has been busy with the current writes or unable to start any; none while
    /// it is idle.
    pub fn writes_wait(&self) -> Option<Duration> {
        self.writer.busy_time()
    }

    /// Returns the background jobs of this node, including those of the database.
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// Returns the invalidation clock of this node.
    pub fn invalidation_clock(&self) -> &Arc<InvalidationClock> {
        &self.clock
    }
}

/// Returns the current time in microseconds since 1970-01-01T00:00:00Z.
pub fn now() -> i64 {
    chrono::Utc::now().timestamp_micros()
}

/// Returns a new time-ordered id (UUIDv7) as text.
pub fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
