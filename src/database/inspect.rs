//! Checks of a database for `plenary doctor`, on either kind of database.

use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Text};

use super::connection::connect;
use super::schema::{items, journal};
use super::{Address, DatabaseError, Db, now};
use crate::database::journal_tail::newest_sequence;
use crate::microseconds::SECOND;

/// Number of times that two connections are compared.
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

/// Checks that commits are on disk before they are acknowledged. Returns the settings that prevent it as the inner
/// error.
///
/// # Errors
///
/// Fails if a query fails.
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

/// The message about a pooler that shares sessions between clients.
pub const POOLER: &str = "the database is behind a pooler that shares sessions between clients (PgBouncer with \
     pool_mode=transaction): point database_url at Postgres itself, or set pool_mode=session for this database";

/// Returns whether a pooler assigns the session of one connection to another one between transactions. Prepared
/// statements, settings and timeouts belong to the session; with such a pooler, one client would use those of
/// another. The check opens two connections and compares their sessions, since a pooler assigns the session that was
/// released last to the next transaction.
///
/// # Errors
///
/// Fails if a connection cannot be opened or a query fails.
pub fn shares_sessions(address: &Address) -> Result<bool, DatabaseError> {
    let Address::Postgres(_) = address else { return Ok(false) };
    let open = || connect(address, &Arc::default()).map_err(|e| DatabaseError::Connection(e.to_string()));
    let (mut first, mut second) = (open()?, open()?);
    // Other clients of the same pooler may obtain the session first, hence several tries.
    for _ in 0..POOLER_TRIES {
        let before = session(&mut first)?;
        if second.batch_execute("BEGIN").is_err() {
            // Poolers in statement mode reject transactions.
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

/// Returns the process id of the server's backend for this connection; 0 for SQLite. The query is not prepared, since
/// a pooler may not support prepared statements.
fn session(connection: &mut Db) -> QueryResult<i64> {
    let Db::Postgres(c) = connection else { return Ok(0) };
    let process_id: Number = diesel::sql_query("SELECT pg_backend_pid()::bigint AS number").get_result(c)?;
    Ok(process_id.number)
}

/// Returns the damage that is found in the database: broken pages or foreign keys on SQLite (Postgres verifies its
/// own pages), and gaps in the journal.
///
/// # Errors
///
/// Fails if a query fails.
pub fn damage(connection: &mut Db) -> QueryResult<Vec<String>> {
    damage_by(connection, "SELECT quick_check AS word FROM pragma_quick_check LIMIT 10")
}

/// Returns the damage as [`damage`] does, and also compares every index with its table, which takes far longer.
///
/// # Errors
///
/// Fails if a query fails.
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
            found.push(format!("{} rows violate foreign keys", broken.number));
        }
    }
    let last = newest_sequence(connection)?;
    let count: i64 = journal::table.count().get_result(connection)?;
    if last != count {
        found.push(format!("the journal has {count} entries, but the last one has the number {last}"));
    }
    Ok(found)
}

/// Returns the reason why the database accepts no writes, if it does not. The check writes nothing.
///
/// # Errors
///
/// Fails if a query fails.
pub fn read_only(connection: &mut Db) -> QueryResult<Option<String>> {
    match connection {
        Db::Sqlite(_) => match connection.begin_write() {
            Ok(()) => connection.rollback().map(|()| None),
            // A lock proves that another process is able to write.
            Err(DieselError::DatabaseError(_, information)) if information.message().contains("locked") => Ok(None),
            Err(error) => Ok(Some(error.to_string())),
        },
        Db::Postgres(c) => {
            let setting: Word =
                diesel::sql_query("SELECT current_setting('transaction_read_only') AS word").get_result(c)?;
            Ok((setting.word == "on").then(|| "transactions are read-only".to_owned()))
        }
    }
}

/// Returns the number of items.
///
/// # Errors
///
/// Fails if the query fails.
pub fn items(connection: &mut Db) -> QueryResult<i64> {
    items::table.count().get_result(connection)
}

/// Returns the seconds by which the clock of the database server is ahead of this machine's; 0 for SQLite.
///
/// # Errors
///
/// Fails if the query fails.
pub fn clock_ahead(connection: &mut Db) -> QueryResult<i64> {
    match connection {
        Db::Sqlite(_) => Ok(0),
        Db::Postgres(c) => {
            let theirs: Number =
                diesel::sql_query("SELECT extract(epoch FROM clock_timestamp())::bigint AS number").get_result(c)?;
            Ok(theirs.number - now() / SECOND)
        }
    }
}

/// Returns the largest number of connections that the database accepts; none for SQLite.
///
/// # Errors
///
/// Fails if the query fails.
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
