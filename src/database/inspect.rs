//! Looks at a database for `plenary doctor`; what differs between the two is here.

use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Text};

use super::connection::connect;
use super::schema::{items, journal};
use super::touched::head;
use super::{Address, DatabaseError, Db, now};

/// How often two connections are compared.
const POOLER_TRIES: usize = 5;

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Whether a commit is on disk before it is acknowledged; else the setting that prevents it.
pub fn durability(connection: &mut Db) -> QueryResult<Result<(), String>> {
    let wrong = match connection {
        Db::Sqlite(c) => {
            let mode: Word = diesel::sql_query("SELECT journal_mode AS word FROM pragma_journal_mode").get_result(c)?;
            let sync: Number =
                diesel::sql_query("SELECT synchronous AS number FROM pragma_synchronous").get_result(c)?;
            (mode.word != "wal" || sync.number < 2)
                .then(|| format!("journal_mode={}, synchronous={}", mode.word, sync.number))
        }
        Db::Postgres(c) => {
            let settings: Vec<Word> = diesel::sql_query(
                "SELECT name || '=' || setting AS word FROM pg_settings \
                 WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'",
            )
            .load(c)?;
            let off: Vec<String> = settings.into_iter().map(|setting| setting.word).collect();
            (!off.is_empty()).then(|| off.join(", "))
        }
    };
    Ok(wrong.map_or(Ok(()), Err))
}

/// What to do about a pooler that shares sessions.
pub const POOLER: &str = "the database is behind a pooler that shares sessions between clients (PgBouncer with \
     pool_mode=transaction): point database_url at Postgres itself, or set pool_mode=session for this database";

/// Whether a pooler gives the session of one connection to another one between transactions. Prepared statements,
/// settings and bounds are of the session: with such a pooler, one client meets those of another. The session that this
/// connection had a moment ago is the one that a pooler hands out next.
///
/// # Errors
///
/// The database does not answer.
pub fn shares_sessions(address: &Address) -> Result<bool, DatabaseError> {
    let Address::Postgres(_) = address else { return Ok(false) };
    let open = || connect(address, &Arc::default()).map_err(|e| DatabaseError::Connection(e.to_string()));
    let (mut first, mut second) = (open()?, open()?);
    // Where others use the same pooler, they may be faster now and then.
    for _ in 0..POOLER_TRIES {
        let before = session(&mut first)?;
        if second.batch_execute("BEGIN").is_err() {
            // Poolers that hand sessions out by the statement allow no transactions.
            return Ok(session(&mut first).is_ok());
        }
        let there = session(&mut second);
        second.batch_execute("ROLLBACK")?;
        if there? == before {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The number of the server's process that serves this connection now; 0 for an embedded database. It is asked for
/// without a prepared statement, of which a pooler may know nothing.
fn session(connection: &mut Db) -> QueryResult<i64> {
    let Db::Postgres(c) = connection else { return Ok(0) };
    let asked: Number = diesel::sql_query("SELECT pg_backend_pid()::bigint AS number").get_result(c)?;
    Ok(asked.number)
}

/// Damage within the database: broken pages or references on SQLite (Postgres looks after itself),
/// and a journal with gaps.
pub fn damage(connection: &mut Db) -> QueryResult<Vec<String>> {
    damage_by(connection, "SELECT quick_check AS word FROM pragma_quick_check LIMIT 10")
}

/// The same; every index is compared with its table, too, which takes far longer.
pub fn thorough_damage(connection: &mut Db) -> QueryResult<Vec<String>> {
    damage_by(connection, "SELECT integrity_check AS word FROM pragma_integrity_check LIMIT 10")
}

fn damage_by(connection: &mut Db, check: &str) -> QueryResult<Vec<String>> {
    let mut found = Vec::new();
    if let Db::Sqlite(c) = connection {
        let lines: Vec<Word> = diesel::sql_query(check).load(c)?;
        found.extend(lines.into_iter().map(|line| line.word).filter(|word| word != "ok"));
        let broken: Number =
            diesel::sql_query("SELECT count(*) AS number FROM pragma_foreign_key_check").get_result(c)?;
        if broken.number > 0 {
            found.push(format!("{} references lead nowhere", broken.number));
        }
    }
    let last = head(connection)?;
    let count: i64 = journal::table.count().get_result(connection)?;
    if last != count {
        found.push(format!("the journal has {count} entries, and the last has the number {last}"));
    }
    Ok(found)
}

/// Why nothing can be written, if that is so. Nothing is written to find out.
pub fn read_only(connection: &mut Db) -> QueryResult<Option<String>> {
    match connection {
        Db::Sqlite(_) => match connection.begin_write() {
            Ok(()) => connection.rollback().map(|()| None),
            // Whoever has the lock can write.
            Err(DieselError::DatabaseError(_, said)) if said.message().contains("locked") => Ok(None),
            Err(error) => Ok(Some(error.to_string())),
        },
        Db::Postgres(c) => {
            let setting: Word =
                diesel::sql_query("SELECT current_setting('transaction_read_only') AS word").get_result(c)?;
            Ok((setting.word == "on").then(|| "transactions are read-only there".to_owned()))
        }
    }
}

/// How many items there are.
pub fn items(connection: &mut Db) -> QueryResult<i64> {
    items::table.count().get_result(connection)
}

/// Seconds by which the database's clock is ahead of ours; an embedded one has no clock of its own.
pub fn clock_ahead(connection: &mut Db) -> QueryResult<i64> {
    match connection {
        Db::Sqlite(_) => Ok(0),
        Db::Postgres(c) => {
            let theirs: Number =
                diesel::sql_query("SELECT extract(epoch FROM clock_timestamp())::bigint AS number").get_result(c)?;
            Ok(theirs.number - now() / 1_000_000)
        }
    }
}

/// Connections that the database grants at most; none for an embedded one.
pub fn most_connections(connection: &mut Db) -> QueryResult<Option<i64>> {
    match connection {
        Db::Sqlite(_) => Ok(None),
        Db::Postgres(c) => {
            let most: Number =
                diesel::sql_query("SELECT setting::bigint AS number FROM pg_settings WHERE name = 'max_connections'")
                    .get_result(c)?;
            Ok(Some(most.number))
        }
    }
}
