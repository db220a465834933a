//! One connection type for both databases, and the few places where they differ.

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
use super::statement::{Dialect, Fixed};
use super::storage;

/// How long SQLite waits for the lock of another process where nothing else is said.
const BUSY: Duration = Duration::from_secs(10);

/// A connection to either database; queries are written once, against this type.
#[derive(diesel::MultiConnection)]
pub enum Db {
    /// Postgres.
    Postgres(PgConnection),
    /// Embedded SQLite.
    Sqlite(SqliteConnection),
}

/// The backend of [`Db`], for boxed queries and expressions.
pub type Backend = MultiBackend;

/// Which database an address means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A file, by its path.
    Sqlite(String),
    /// A `postgres://` URL.
    Postgres(String),
}

impl Address {
    /// `postgres://…` or `postgresql://…` is Postgres; `sqlite:PATH` or a plain path is a file.
    pub fn parse(text: &str) -> Self {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Address::Postgres(text.to_owned());
        }
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")).unwrap_or(text);
        Address::Sqlite(path.to_owned())
    }

    /// `sqlite` or `postgres`.
    pub fn name(&self) -> &'static str {
        match self {
            Address::Sqlite(_) => "sqlite",
            Address::Postgres(_) => "postgres",
        }
    }
}

/// What a connection is for. Readers and the writer wait for the database at most for so long.
#[derive(Debug, Clone, Copy)]
pub enum SessionPurpose {
    /// Reading.
    Read(Option<Duration>),
    /// Writing.
    Write(Option<Duration>),
    /// Migrations and examinations, which take the time that they take.
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

/// Opens a connection for migrations and examinations. Every statement is counted in `count`.
///
/// # Errors
///
/// The database cannot be reached, or refuses.
pub fn connect(address: &Address, count: &Arc<AtomicU64>) -> ConnectionResult<Db> {
    connect_for(SessionPurpose::Upkeep, address, count, &Failures::default())
}

/// Opens a connection and sets it up: a commit is on disk before it returns (`synchronous=FULL`), foreign keys
/// hold, readers and the writer do not block each other (WAL), and nothing is waited for without end. Every
/// statement is counted in `count`, and every one that fails is noted in `failures`.
///
/// # Errors
///
/// The database cannot be reached, or refuses.
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
            let mut postgres = PgConnection::establish(&pg_session::bounded(url, purpose.patience()))?;
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
    // Another process may have the write lock; the writer tries twice.
    let wait = purpose.patience().map_or(BUSY, |patience| patience / 2);
    connection.batch_execute(&format!("PRAGMA busy_timeout = {}", wait.as_millis()))?;
    // The change of a new file to WAL does not heed the busy timeout: of nodes that start at once on
    // one file, some find it locked for a moment.
    let mut tries = 0..200;
    while let Err(error) = connection.batch_execute("PRAGMA journal_mode = WAL") {
        if tries.next().is_none() {
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // A connection that only reads is small: what is read often is kept as answers, and pages of the file by
    // the system.
    let cache = if matches!(purpose, SessionPurpose::Read(_)) { 4_096 } else { 16_384 };
    connection.batch_execute(&format!(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -{cache}; \
         PRAGMA wal_autocheckpoint = 20000; PRAGMA temp_store = MEMORY;",
    ))
}

/// What a writer leaves in the database with each commit, by which it finds out whether one took place whose
/// answer was lost. It is of the data: what a failover lost, it does not claim, as an id of a transaction might.
#[derive(Debug, Clone)]
pub struct Mark {
    /// The writer; another one each time it starts.
    pub node: String,
    /// Its commits, counted.
    pub number: i64,
}

impl Mark {
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

/// A savepoint.
#[derive(Clone, Copy)]
pub struct Part {
    begin: &'static str,
    keep: &'static str,
    drop: &'static str,
}

impl Part {
    /// One write of those that share a transaction.
    pub const WRITE: Self =
        Self { begin: "SAVEPOINT write_part", keep: "RELEASE write_part", drop: "ROLLBACK TO write_part" };
    /// One record of an import.
    pub const RECORD: Self =
        Self { begin: "SAVEPOINT record_part", keep: "RELEASE record_part", drop: "ROLLBACK TO record_part" };
    /// One plan of the clock, or a trial that is dropped.
    pub const PLAN: Self =
        Self { begin: "SAVEPOINT plan_part", keep: "RELEASE plan_part", drop: "ROLLBACK TO plan_part" };
    /// One step in the life of an item, of several that share a transaction.
    pub const STEP: Self =
        Self { begin: "SAVEPOINT step_part", keep: "RELEASE step_part", drop: "ROLLBACK TO step_part" };
}

impl Db {
    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        match self {
            Db::Sqlite(_) => Dialect::Sqlite,
            Db::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Begins a transaction that reads one state of the whole database, however many queries it has.
    pub fn begin_read(&mut self) -> QueryResult<()> {
        self.run(match self {
            Db::Sqlite(_) => "BEGIN DEFERRED",
            Db::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        })
    }

    /// Begins a transaction that writes, alone: on Postgres the writers of all nodes take turns too, as
    /// SQLite's own lock makes them do. So a read within it cannot be overtaken, the journal has neither
    /// gaps nor late comers, and two writers cannot wait for each other.
    pub fn begin_write(&mut self) -> QueryResult<()> {
        match self {
            Db::Sqlite(_) => self.run("BEGIN IMMEDIATE"),
            // One errand; statements after it see what was committed before the lock was had, which is so at
            // this level of isolation, whatever the server's own is.
            Db::Postgres(c) => {
                c.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(7163514292)")
            }
        }
    }

    /// Keeps what the transaction did.
    ///
    /// # Errors
    ///
    /// It was not committed, or nobody knows: see [`Db::is_alive`].
    pub fn commit(&mut self) -> QueryResult<()> {
        match self {
            Db::Sqlite(_) => self.run("COMMIT"),
            // See below why something goes before it.
            Db::Postgres(c) => c.batch_execute("SELECT 1; COMMIT"),
        }
    }

    /// Keeps what the transaction did. On Postgres it leaves the mark as well, in the same errand.
    ///
    /// COMMIT of a transaction that Postgres has aborted, because a statement failed or was cancelled, is
    /// answered with the tag ROLLBACK and without an error, and diesel does not show the tag. So a statement goes
    /// before it in the same simple query: in an aborted transaction that one fails, and whatever goes wrong
    /// between the two ends the query with an error (PostgreSQL, 55.2.2.1, "Multiple Statements in a Simple
    /// Query"). Success means that the server committed.
    ///
    /// # Errors
    ///
    /// It was not committed, or nobody knows: see [`Db::is_alive`].
    pub fn commit_marked(&mut self, mark: &Mark) -> QueryResult<()> {
        match self {
            Db::Sqlite(_) => self.run("COMMIT"),
            // A savepoint is refused where there is no transaction, so the mark is never kept without it.
            Db::Postgres(c) => c.batch_execute(&format!("SAVEPOINT mark; {}; COMMIT", mark.statement())),
        }
    }

    /// Whether the mark is in the database.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub fn has_mark(&mut self, mark: &Mark) -> QueryResult<bool> {
        let stored: Option<i64> = commits::table.find(&mark.node).select(commits::number).first(self).optional()?;
        Ok(stored == Some(mark.number))
    }

    /// Whether the transaction that was begun is there still and can go on. To be asked after a statement
    /// failed: on Postgres everything fails then, and SQLite may have rolled the whole transaction back, after
    /// which every statement would be a transaction of its own.
    pub fn is_in_transaction(&mut self) -> bool {
        match self {
            Db::Postgres(_) => self.run("SELECT 1").is_ok(),
            // A transaction within a transaction is refused.
            Db::Sqlite(_) => match self.run("BEGIN") {
                Ok(()) => {
                    drop(self.rollback());
                    false
                }
                Err(_) => true,
            },
        }
    }

    /// Whether the database answers on this connection, in no transaction. After an error at COMMIT, an answer
    /// means that the error was the server's last word: nothing was committed.
    pub fn is_alive(&mut self) -> bool {
        match self {
            Db::Postgres(c) => c.batch_execute("ROLLBACK").is_ok(),
            // Where the transaction is gone already, there is nothing to roll back.
            Db::Sqlite(_) => self.rollback().is_ok() || !self.is_in_transaction(),
        }
    }

    /// Drops what the transaction did.
    pub fn rollback(&mut self) -> QueryResult<()> {
        self.run("ROLLBACK")
    }

    /// Begins a part of the transaction that can be dropped by itself; parts of other names may be
    /// within it.
    pub fn begin_part(&mut self, part: Part) -> QueryResult<()> {
        self.run(part.begin)
    }

    /// Keeps what the part did, if the transaction is kept.
    pub fn keep_part(&mut self, part: Part) -> QueryResult<()> {
        self.run(part.keep)
    }

    /// Keeps what the part did and begins another: one errand.
    pub fn begin_next_part(&mut self, part: Part) -> QueryResult<()> {
        match self {
            Db::Sqlite(_) => self.keep_part(part).and_then(|()| self.begin_part(part)),
            Db::Postgres(c) => c.batch_execute(&format!("{}; {}", part.keep, part.begin)),
        }
    }

    /// Drops what the part did.
    pub fn drop_part(&mut self, part: Part) -> QueryResult<()> {
        self.run(part.drop)?;
        self.run(part.keep)
    }

    /// Runs `work` in a savepoint: what it did is kept if it succeeds, and dropped whole if it fails.
    ///
    /// # Errors
    /// Fails if the savepoint cannot be begun or ended: then the whole transaction is lost. What `work`
    /// fails with is the inner result. (On Postgres a failed statement makes every other one fail until
    /// the savepoint is dropped, so nothing may be asked of the database between the two.)
    pub fn in_part<T, E>(
        &mut self,
        part: Part,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> QueryResult<Result<T, E>> {
        self.begin_part(part)?;
        let outcome = work(self);
        match outcome.is_ok() {
            true => self.keep_part(part)?,
            false => self.drop_part(part)?,
        }
        Ok(outcome)
    }

    fn run(&mut self, statement: &'static str) -> QueryResult<()> {
        Fixed(statement).execute(self).map(drop)
    }
}
