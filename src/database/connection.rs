//! One connection type for both databases, and the few places where they differ.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::connection::{Connection as _, InstrumentationEvent, SimpleConnection};
use diesel::result::{ConnectionResult, QueryResult};
use diesel::{PgConnection, RunQueryDsl, SqliteConnection};

use super::metrics::QUERIES;
use super::statement::{Dialect, Fixed};
use super::storage;

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

/// Opens a connection and sets it up: a commit is on disk before it returns (`synchronous=FULL`),
/// foreign keys hold, readers and the writer do not block each other (WAL). Every statement is
/// counted in `count`.
pub fn connect(address: &Address, count: &Arc<AtomicU64>) -> ConnectionResult<Db> {
    let mut connection = match address {
        Address::Sqlite(path) => {
            let mut sqlite = SqliteConnection::establish(path)?;
            set_up_sqlite(&mut sqlite).map_err(|e| diesel::ConnectionError::BadConnection(e.to_string()))?;
            Db::Sqlite(sqlite)
        }
        Address::Postgres(url) => {
            let mut postgres = PgConnection::establish(url)?;
            // Statements stay prepared, and so do their plans: to plan a page anew takes longer than to read
            // it, and one made while a table was small would go on reading all of it. There is an index for
            // every query, so none has to. Likewise joins: what is joined is few rows, each to one that is
            // found by its key, however many the planner fears; to start a process for them takes longer than
            // to read them. And an index that has the order of a page is walked, not collected from. All this
            // is what fresh tables need, of which the planner has no statistics: with them it mostly comes to
            // the same by itself. (What is switched off only counts as very dear, and what is dear is
            // compiled to machine code first, which takes a tenth of a second.)
            postgres
                .batch_execute(
                    "SET client_min_messages = warning; SET synchronous_commit = on; SET TIME ZONE 'UTC'; \
                     SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_bitmapscan = off; \
                     SET max_parallel_workers_per_gather = 0; SET plan_cache_mode = force_generic_plan; SET jit = off;",
                )
                .map_err(|e| diesel::ConnectionError::BadConnection(e.to_string()))?;
            Db::Postgres(postgres)
        }
    };
    let count = Arc::clone(count);
    connection.set_instrumentation(move |event: InstrumentationEvent<'_>| match event {
        InstrumentationEvent::StartQuery { .. } => {
            QUERIES.inc();
            count.fetch_add(1, Ordering::Relaxed);
        }
        InstrumentationEvent::FinishQuery { error: Some(error), .. } => storage::note(error),
        _ => {}
    });
    Ok(connection)
}

fn set_up_sqlite(connection: &mut SqliteConnection) -> QueryResult<()> {
    connection.batch_execute("PRAGMA busy_timeout = 10000")?;
    // The change of a new file to WAL does not heed the busy timeout: of nodes that start at once on
    // one file, some find it locked for a moment.
    let mut tries = 0..200;
    while let Err(error) = connection.batch_execute("PRAGMA journal_mode = WAL") {
        if tries.next().is_none() {
            return Err(error);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    connection.batch_execute(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384; \
         PRAGMA wal_autocheckpoint = 20000; PRAGMA temp_store = MEMORY;",
    )
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

    /// Makes a connection that only reads small: what is read often is kept as answers, and pages of the
    /// file by the system.
    pub fn only_read(&mut self) -> QueryResult<()> {
        match self {
            Db::Sqlite(c) => c.batch_execute("PRAGMA cache_size = -4096"),
            Db::Postgres(_) => Ok(()),
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
    pub fn commit(&mut self) -> QueryResult<()> {
        self.run("COMMIT")
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

    /// Takes a lock that only one node can have, for migrations at start; ends with the connection.
    /// SQLite needs none: its migrations run in a transaction that excludes other writers.
    pub fn lock_migrations(&mut self) -> QueryResult<()> {
        match self {
            Db::Sqlite(_) => Ok(()),
            Db::Postgres(c) => c.batch_execute("SELECT pg_advisory_lock(7163514291)"),
        }
    }

    /// Lets other nodes migrate.
    pub fn unlock_migrations(&mut self) -> QueryResult<()> {
        match self {
            Db::Sqlite(_) => Ok(()),
            Db::Postgres(c) => c.batch_execute("SELECT pg_advisory_unlock(7163514291)"),
        }
    }
}
