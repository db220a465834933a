//! The connection type for both databases, with the few operations in which they differ.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::connection::{Connection as _, InstrumentationEvent, SimpleConnection};
use diesel::result::{ConnectionResult, QueryResult};
use diesel::{OptionalExtension, PgConnection, QueryDsl, RunQueryDsl, SqliteConnection};

use super::metrics::QUERIES;
use super::pg_session;
use super::schema::commits;
use super::session::Failures;
use super::statement::{Dialect, StaticStatement};
use super::storage;

/// Longest wait of SQLite for the lock of another process, for sessions without a bound of their own.
const BUSY: Duration = Duration::from_secs(10);

/// A connection to either database. Queries are written once, against this type.
#[derive(diesel::MultiConnection)]
pub enum Db {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// The backend of [`Db`], for boxed queries and expressions.
pub type Backend = MultiBackend;

/// The location of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// The path of a SQLite file.
    Sqlite(String),
    /// A `postgres://` URL.
    Postgres(String),
}

impl Address {
    /// Parses an address: `postgres://…` or `postgresql://…` is Postgres; `sqlite:PATH` or a plain path is a SQLite
    /// file.
    pub fn parse(text: &str) -> Self {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Address::Postgres(text.to_owned());
        }
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")).unwrap_or(text);
        Address::Sqlite(path.to_owned())
    }

    /// Returns `sqlite` or `postgres`.
    pub fn name(&self) -> &'static str {
        match self {
            Address::Sqlite(_) => "sqlite",
            Address::Postgres(_) => "postgres",
        }
    }
}

/// The purpose of a connection, with the longest wait for the database that readers and the writer accept.
#[derive(Debug, Clone, Copy)]
pub enum SessionPurpose {
    Read(Option<Duration>),
    Write(Option<Duration>),
    /// Migrations and checks, which wait without a bound.
    Upkeep,
}

impl SessionPurpose {
    fn patience(self) -> Option<Duration> {
        match self {
            SessionPurpose::Read(patience) | SessionPurpose::Write(patience) => patience,
            SessionPurpose::Upkeep => None,
        }
    }
}

/// Opens a connection for migrations and checks. Every statement is counted in `count`.
///
/// # Errors
///
/// Fails if the database cannot be reached or rejects the connection.
pub fn connect(address: &Address, count: &Arc<AtomicU64>) -> ConnectionResult<Db> {
    connect_for(SessionPurpose::Upkeep, address, count, &Failures::default())
}

/// Opens and configures a connection: commits are on disk before they return (`synchronous=FULL`), foreign keys are
/// enforced, readers and the writer do not block each other (WAL), and waits are bounded. Every statement is
/// counted in `count`, and every failed one is recorded in `failures`.
///
/// # Errors
///
/// Fails if the database cannot be reached, or rejects the connection or a setting.
pub fn connect_for(
    purpose: SessionPurpose,
    address: &Address,
    count: &Arc<AtomicU64>,
    failures: &Failures,
) -> ConnectionResult<Db> {
    let bad = |e: diesel::result::Error| diesel::ConnectionError::BadConnection(e.to_string());
    let mut connection = match address {
        Address::Sqlite(path) => {
            let mut sqlite = SqliteConnection::establish(path)?;
            set_up_sqlite(&mut sqlite, purpose).map_err(bad)?;
            Db::Sqlite(sqlite)
        }
        Address::Postgres(url) => {
            let mut postgres = PgConnection::establish(&pg_session::with_timeouts(url, purpose.patience()))?;
            postgres.batch_execute(&pg_session::settings(purpose)).map_err(bad)?;
            Db::Postgres(postgres)
        }
    };
    let (count, failures) = (Arc::clone(count), failures.clone());
    connection.set_instrumentation(move |event: InstrumentationEvent<'_>| match event {
        InstrumentationEvent::StartQuery { .. } => {
            QUERIES.inc();
            count.fetch_add(1, Ordering::Relaxed);
        }
        InstrumentationEvent::FinishQuery { error: Some(error), .. } => {
            failures.note(error);
            storage::note(error);
        }
        _ => {}
    });
    Ok(connection)
}

fn set_up_sqlite(connection: &mut SqliteConnection, purpose: SessionPurpose) -> QueryResult<()> {
    // Another process may hold the write lock. The writer tries twice, so each attempt has half of the time.
    let wait = purpose.patience().map_or(BUSY, |patience| patience / 2);
    connection.batch_execute(&format!("PRAGMA busy_timeout = {}", wait.as_millis()))?;
    // Switching a new file to WAL ignores the busy timeout: of several processes that start at the same time on one
    // file, some find it locked for a moment.
    let mut tries = 0..200;
    while let Err(error) = connection.batch_execute("PRAGMA journal_mode = WAL") {
        if tries.next().is_none() {
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // Readers have a small page cache: frequent reads are served from cached responses, and the operating system
    // caches the pages of the file. The writer walks all of its cache at each commit, but with a smaller one it reads
    // more pages than that saves (docs/decisions/0041).
    let cache = if matches!(purpose, SessionPurpose::Read(_)) { 4_096 } else { 16_384 };
    connection.batch_execute(&format!(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -{cache}; \
         PRAGMA wal_autocheckpoint = 20000; PRAGMA temp_store = MEMORY;",
    ))
}

/// A row that a writer updates in each of its transactions. By reading it, the writer determines the outcome of a
/// commit whose response was lost.
///
/// The mark is part of the data, so it cannot claim a commit that a failover lost. The status of a transaction id
/// (`pg_xact_status`) could: after a failover that lost the newest transactions, the same id may belong to another
/// transaction. Its id would also cost a round trip for each commit (docs/decisions/0013).
#[derive(Debug, Clone)]
pub struct CommitMark {
    /// The id of the writer, a new one for each start of the process.
    pub node: String,
    /// The number of the writer's commit.
    pub number: i64,
}

impl CommitMark {
    /// Returns the statement that stores the mark.
    fn statement(&self) -> String {
        format!(
            "INSERT INTO commits (node, number, at) VALUES ('{}', {}, {}) \
             ON CONFLICT (node) DO UPDATE SET number = excluded.number, at = excluded.at",
            self.node,
            self.number,
            super::now()
        )
    }
}

/// A savepoint with a fixed name, so that its statements stay prepared.
#[derive(Clone, Copy)]
pub struct Savepoint {
    begin: &'static str,
    keep: &'static str,
    drop: &'static str,
}

impl Savepoint {
    /// A write among those that share a transaction.
    pub const WRITE: Self =
        Self { begin: "SAVEPOINT write_part", keep: "RELEASE write_part", drop: "ROLLBACK TO write_part" };
    /// A record of an import.
    pub const RECORD: Self =
        Self { begin: "SAVEPOINT record_part", keep: "RELEASE record_part", drop: "ROLLBACK TO record_part" };
    /// A scheduled operation, or a trial that is rolled back.
    pub const PLAN: Self =
        Self { begin: "SAVEPOINT plan_part", keep: "RELEASE plan_part", drop: "ROLLBACK TO plan_part" };
    /// A lifecycle operation on an item among several that share a transaction.
    pub const STEP: Self =
        Self { begin: "SAVEPOINT step_part", keep: "RELEASE step_part", drop: "ROLLBACK TO step_part" };
}

impl Db {
    /// Returns the SQL dialect of the database.
    pub fn dialect(&self) -> Dialect {
        match self {
            Db::Sqlite(_) => Dialect::Sqlite,
            Db::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Starts a read-only transaction in which all queries see the same snapshot.
    ///
    /// # Errors
    ///
    /// Fails if the statement fails.
    pub fn begin_read(&mut self) -> QueryResult<()> {
        self.run(match self {
            Db::Sqlite(_) => "BEGIN DEFERRED",
            Db::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        })
    }

    /// Starts a transaction that holds the exclusive write lock. On Postgres, an advisory lock makes the writers of
    /// all nodes take turns, as the lock of SQLite does. Three invariants rest on it: what a write reads does not
    /// change before its commit, so "look, then insert" is safe without `ON CONFLICT`; entries of the journal become
    /// visible in the order of their numbers and without gaps, so that no follower can miss one; and writers cannot
    /// deadlock with each other.
    ///
    /// # Errors
    ///
    /// Fails if the lock cannot be obtained in time, or the database is read-only.
    pub fn begin_write(&mut self) -> QueryResult<()> {
        match self {
            Db::Sqlite(_) => self.run("BEGIN IMMEDIATE"),
            // READ COMMITTED whatever the server's default is: each statement sees what was committed before it.
            // At REPEATABLE READ the snapshot would be taken by the statement that waits for the lock, and the
            // transaction would not see what the previous holder of the lock committed. Both statements share one
            // round trip.
            Db::Postgres(c) => {
                c.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(7163514292)")
            }
        }
    }

    /// Commits the transaction.
    ///
    /// # Errors
    ///
    /// Fails if the transaction was not committed or if its outcome is unknown; [`Db::is_alive`] distinguishes the
    /// two.
    pub fn commit(&mut self) -> QueryResult<()> {
        match self {
            Db::Sqlite(_) => self.run("COMMIT"),
            // `commit_marked` explains the statement before COMMIT.
            Db::Postgres(c) => c.batch_execute("SELECT 1; COMMIT"),
        }
    }

    /// Commits the transaction and, on Postgres, stores the mark with it in the same round trip.
    ///
    /// If Postgres has aborted a transaction because a statement failed or was cancelled, it responds to COMMIT with
    /// the tag ROLLBACK and without an error, and diesel does not expose the tag. Therefore another statement
    /// precedes COMMIT in the same simple query: in an aborted transaction that statement fails, and any failure
    /// between the two ends the query with an error (PostgreSQL, 55.2.2.1, "Multiple Statements in a Simple
    /// Query"). So success means that the server has committed.
    ///
    /// # Errors
    ///
    /// Fails if the transaction was not committed or if its outcome is unknown; [`Db::is_alive`] distinguishes the
    /// two.
    pub fn commit_marked(&mut self, mark: &CommitMark) -> QueryResult<()> {
        match self {
            Db::Sqlite(_) => self.run("COMMIT"),
            // SAVEPOINT fails outside of a transaction, so the mark is never committed without its transaction.
            Db::Postgres(c) => c.batch_execute(&format!("SAVEPOINT mark; {}; COMMIT", mark.statement())),
        }
    }

    /// Returns whether the mark has been committed.
    ///
    /// # Errors
    ///
    /// Fails if the query fails.
    pub fn has_mark(&mut self, mark: &CommitMark) -> QueryResult<bool> {
        let stored: Option<i64> = commits::table.find(&mark.node).select(commits::number).first(self).optional()?;
        Ok(stored == Some(mark.number))
    }

    /// Returns whether the current transaction still exists and can continue. To be called after a statement
    /// failed: Postgres then rejects every further statement, and SQLite may have rolled the whole transaction back
    /// (a full disk, `RAISE(ROLLBACK)`), after which each statement would be a transaction of its own.
    pub fn is_in_transaction(&mut self) -> bool {
        match self {
            Db::Postgres(_) => self.run("SELECT 1").is_ok(),
            // SQLite rejects BEGIN within a transaction, so an error is the proof of one.
            Db::Sqlite(_) => match self.run("BEGIN") {
                Ok(()) => {
                    drop(self.rollback());
                    false
                }
                Err(_) => true,
            },
        }
    }

    /// Rolls back and returns whether the database responds on this connection. After an error of COMMIT, a response
    /// means that the error came from the server and is final: nothing was committed.
    pub fn is_alive(&mut self) -> bool {
        match self {
            Db::Postgres(c) => c.batch_execute("ROLLBACK").is_ok(),
            // ROLLBACK fails if the transaction has ended already; then its absence is checked.
            Db::Sqlite(_) => self.rollback().is_ok() || !self.is_in_transaction(),
        }
    }

    /// Rolls the transaction back.
    ///
    /// # Errors
    ///
    /// Fails if the statement fails.
    pub fn rollback(&mut self) -> QueryResult<()> {
        self.run("ROLLBACK")
    }

    /// Sets a savepoint. Savepoints of other names may be nested in it.
    ///
    /// # Errors
    ///
    /// Fails if the statement fails; the transaction is lost then.
    pub fn set_savepoint(&mut self, part: Savepoint) -> QueryResult<()> {
        self.run(part.begin)
    }

    /// Releases a savepoint: its changes belong to the transaction.
    ///
    /// # Errors
    ///
    /// Fails if the statement fails; the transaction is lost then.
    pub fn release_savepoint(&mut self, part: Savepoint) -> QueryResult<()> {
        self.run(part.keep)
    }

    /// Releases a savepoint and sets the next one, on Postgres in one round trip.
    ///
    /// # Errors
    ///
    /// Fails if a statement fails; the transaction is lost then.
    pub fn replace_savepoint(&mut self, part: Savepoint) -> QueryResult<()> {
        match self {
            Db::Sqlite(_) => self.release_savepoint(part).and_then(|()| self.set_savepoint(part)),
            Db::Postgres(c) => c.batch_execute(&format!("{}; {}", part.keep, part.begin)),
        }
    }

    /// Rolls back to a savepoint and releases it.
    ///
    /// # Errors
    ///
    /// Fails if a statement fails; the transaction is lost then.
    pub fn rollback_to_savepoint(&mut self, part: Savepoint) -> QueryResult<()> {
        // ROLLBACK TO keeps the savepoint itself; without RELEASE, they would pile up in the transaction.
        self.run(part.drop)?;
        self.run(part.keep)
    }

    /// Runs `work` in a savepoint, which is released if `work` succeeds and rolled back if it fails. Use it wherever
    /// an error is handled within a transaction: on Postgres, every statement after a failed one fails until the
    /// rollback to a savepoint, and on either database a failed `work` would leave half of its changes.
    ///
    /// # Errors
    ///
    /// Fails if the savepoint cannot be set, released or rolled back; the whole transaction is lost then. The error
    /// of `work` is the inner result.
    pub fn with_savepoint<T, E>(
        &mut self,
        part: Savepoint,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> QueryResult<Result<T, E>> {
        self.set_savepoint(part)?;
        let outcome = work(self);
        match outcome.is_ok() {
            true => self.release_savepoint(part)?,
            false => self.rollback_to_savepoint(part)?,
        }
        Ok(outcome)
    }

    /// Runs `work` in a savepoint that is rolled back whatever its outcome: to try what it would do.
    ///
    /// # Errors
    ///
    /// Fails if the savepoint cannot be set or rolled back; the whole transaction is lost then. The outcome of `work` is the
    /// inner result.
    pub fn with_rollback<T, E>(
        &mut self,
        part: Savepoint,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> QueryResult<Result<T, E>> {
        self.set_savepoint(part)?;
        let outcome = work(self);
        self.rollback_to_savepoint(part)?;
        Ok(outcome)
    }

    fn run(&mut self, statement: &'static str) -> QueryResult<()> {
        StaticStatement(statement).execute(self).map(drop)
    }
}
