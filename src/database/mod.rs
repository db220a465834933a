//! The database: one type for SQLite and Postgres, readers and a writer on threads of their own.
//!
//! Reads run on a few reader threads, each with a connection and its prepared statements; every
//! read sees one state of the database. Writes run on one writer thread, which takes what is
//! waiting into one transaction (what fails takes nothing else with it), commits once, and only
//! then acknowledges: many writes share the cost of one sync to disk.

pub mod backup;
pub mod connection;
mod failure;
mod gather;
pub mod insert;
pub mod inspect;
pub mod ledger;
pub mod metrics;
pub mod migrate;
mod reader;
pub mod sandbox;
#[cfg(test)]
pub(crate) mod schedule;
pub mod schema;
pub mod statement;
pub mod storage;
pub(crate) mod sync;
pub mod touched;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::result::Error as DieselError;
use thiserror::Error;

use crate::jobs::Jobs;

pub use connection::{Address, Backend, Db};
pub use failure::is_transient;
use ledger::Ledger;
pub use statement::{Dialect, any_of, any_pair_of, by_the_way, there_is, within};

/// Why the database did not do what was asked.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// The statement failed.
    #[error("database: {0}")]
    Query(#[from] DieselError),
    /// No connection could be had.
    #[error("database connection: {0}")]
    Connection(String),
    /// The database threads have ended, or a task within them failed.
    #[error("the database is shutting down or its task failed")]
    Gone,
    /// Too much is waiting already.
    #[error("the database is overloaded")]
    Overloaded,
}

/// How many connections to use.
#[derive(Debug, Clone, Copy)]
pub struct Threads {
    /// Reader threads, at least 1.
    pub readers: usize,
    /// How many reads or writes may wait before further ones are refused.
    pub queue: usize,
}

/// A handle on the database; cheap to clone. The threads end when the last handle is dropped.
#[derive(Clone)]
pub struct Database {
    address: Arc<Address>,
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
            Address::Sqlite(_) if quick => match reader::glance_here(&self.address, &self.count, glance) {
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
            Address::Sqlite(_) => reader::here(&self.address, &self.count, task),
            Address::Postgres(_) => self.read(task).await,
        }
    }

    /// Runs `task` in a transaction that writes, alone among all writers of this database, and
    /// returns when it is durable. If `task` fails, nothing of it is kept.
    pub async fn write<T, E, F>(&self, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        self.writer.run(false, task).await
    }

    /// The same for a task that changes content: the ledger is told before it is acknowledged.
    pub async fn write_content<T, E, F>(&self, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        self.writer.run(true, task).await
    }

    /// Opens a connection of its own on which writes stay beside the database.
    ///
    /// # Errors
    /// Fails where no connection can be had.
    pub fn sandbox(&self) -> Result<Db, DatabaseError> {
        sandbox::open(&self.address, &self.count)
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

/// Shared by readers and writer: a connection that is opened anew after it broke.
struct Link {
    address: Arc<Address>,
    count: Arc<AtomicU64>,
    only_reads: bool,
    connection: Option<Db>,
}

impl Link {
    fn open(address: &Address, count: &Arc<AtomicU64>, only_reads: bool) -> Result<Self, DatabaseError> {
        let (address, count) = (Arc::new(address.clone()), Arc::clone(count));
        let mut link = Self { address, count, only_reads, connection: None };
        link.get()?;
        Ok(link)
    }

    fn get(&mut self) -> Result<&mut Db, DatabaseError> {
        if self.connection.is_none() {
            let connect = connection::connect(&self.address, &self.count);
            let mut made = connect.map_err(|e| DatabaseError::Connection(e.to_string()))?;
            if self.only_reads {
                made.only_read()?;
            }
            self.connection = Some(made);
        }
        self.connection.as_mut().ok_or(DatabaseError::Gone)
    }

    /// Forgets the connection: its state is not known any more.
    fn drop_connection(&mut self) {
        self.connection = None;
    }
}
