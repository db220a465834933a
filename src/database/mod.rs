//! The database: one type for SQLite and Postgres, readers and a writer on threads of their own.
//!
//! Reads run on a few reader threads, each with a connection and its prepared statements; every
//! read sees one state of the database. Writes run on one writer thread, which takes what is
//! waiting into one transaction (each write in a savepoint of its own), commits once, and only
//! then acknowledges: many writes share the cost of one sync to disk.

pub mod connection;
pub mod inspect;
pub mod metrics;
pub mod migrate;
mod reader;
pub mod schema;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::result::Error as DieselError;
use thiserror::Error;

pub use connection::{Address, Backend, Db};

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
    address: Address,
    readers: reader::Readers,
    writer: writer::Writer,
    count: Arc<AtomicU64>,
}

impl Database {
    /// Opens the database and starts its threads. Migrations must have run.
    pub fn open(address: &Address, threads: Threads) -> Result<Self, DatabaseError> {
        let count = Arc::default();
        Ok(Self {
            address: address.clone(),
            readers: reader::Readers::start(address, threads, &count)?,
            writer: writer::Writer::start(address, threads, &count)?,
            count,
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
        self.readers.run(task).await
    }

    /// Runs `task` in a transaction that writes, alone among all writers of this database, and
    /// returns when it is durable. If `task` fails, nothing of it is kept.
    pub async fn write<T, E, F>(&self, task: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + From<DieselError> + Send + 'static,
        F: FnOnce(&mut Db) -> Result<T, E> + Send + 'static,
    {
        self.writer.run(task).await
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
    connection: Option<Db>,
}

impl Link {
    fn open(address: &Address, count: &Arc<AtomicU64>) -> Result<Self, DatabaseError> {
        let mut link = Self { address: Arc::new(address.clone()), count: Arc::clone(count), connection: None };
        link.get()?;
        Ok(link)
    }

    fn get(&mut self) -> Result<&mut Db, DatabaseError> {
        if self.connection.is_none() {
            let made = connection::connect(&self.address, &self.count)
                .map_err(|e| DatabaseError::Connection(e.to_string()))?;
            self.connection = Some(made);
        }
        self.connection.as_mut().ok_or(DatabaseError::Gone)
    }

    /// Forgets the connection: its state is not known any more.
    fn drop_connection(&mut self) {
        self.connection = None;
    }
}
