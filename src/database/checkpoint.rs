//! Checkpoints of SQLite's log beside the writer.
//!
//! SQLite carries a checkpoint out within the commit that makes the log long enough, and all writes wait for it: with
//! 20,000 pages, for several tenths of a second. A thread of its own therefore moves most pages before. The rest remains
//! to the writer, since the log begins anew only when no page of it is left; so does all of it if this thread fails.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use diesel::result::QueryResult;
use diesel::sql_types::Integer;
use diesel::{QueryableByName, RunQueryDsl, SqliteConnection, sql_query};

use super::connection::{Db, SessionPurpose};
use super::session::DatabaseSession;
use super::{Address, DatabaseError};

/// Time from a commit to a look at the log.
const PAUSE: Duration = Duration::from_millis(100);
/// Number of pages of the log from which they are moved to the file.
const ENOUGH: i32 = 4_000;

/// What the thread is told: that something was committed.
pub type Commits = flume::Sender<()>;

#[derive(QueryableByName)]
struct Log {
    /// Number of pages in the log.
    #[diesel(sql_type = Integer)]
    log: i32,
    /// Number of those that have been moved.
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

/// Starts the thread for a SQLite file; it ends when the sender is dropped. Another database has none.
///
/// # Errors
///
/// Fails if the file cannot be opened or the thread cannot be started.
pub fn start(address: &Address, patience: Option<Duration>) -> Result<Option<Commits>, DatabaseError> {
    if matches!(address, Address::Postgres(_)) {
        return Ok(None);
    }
    let (sender, commits) = flume::bounded(1);
    // Its statements do not count as those of requests.
    let mut session = DatabaseSession::open(address, &Arc::default(), SessionPurpose::Read(patience))?;
    let work = move || {
        while commits.recv().is_ok() {
            thread::sleep(PAUSE);
            if let Err(error) = shorten(&mut session) {
                tracing::debug!(%error, "no checkpoint was made; the writer makes it");
                session.drop_connection();
            }
        }
    };
    thread::Builder::new()
        .name("checkpoint".to_owned())
        .spawn(work)
        .map_err(|error| DatabaseError::Connection(error.to_string()))?;
    Ok(Some(sender))
}

/// Moves the pages of the log to the file, if they are many.
fn shorten(session: &mut DatabaseSession) -> Result<(), DatabaseError> {
    if let Db::Sqlite(connection) = session.get()? {
        let Log { log, checkpointed } = run(connection, "PRAGMA wal_checkpoint(NOOP)")?;
        if log - checkpointed >= ENOUGH {
            run(connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
        }
    }
    Ok(())
}

fn run(connection: &mut SqliteConnection, statement: &str) -> QueryResult<Log> {
    sql_query(statement).get_result(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::connection::SimpleConnection;

    #[test]
    fn a_long_log_is_moved_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::Sqlite(folder.path().join("a.db").display().to_string());
        let mut session = DatabaseSession::open(&address, &Arc::default(), SessionPurpose::Read(None)).unwrap();
        let left = |session: &mut DatabaseSession| {
            let Ok(Db::Sqlite(connection)) = session.get() else { panic!("not SQLite") };
            let Log { log, checkpointed } = run(connection, "PRAGMA wal_checkpoint(NOOP)").unwrap();
            log - checkpointed
        };
        let fill = |session: &mut DatabaseSession, pages: i32| {
            let fill = format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {pages}) \
                 INSERT INTO a SELECT randomblob(4000) FROM n"
            );
            session.get().unwrap().batch_execute(&fill).unwrap();
        };
        session.get().unwrap().batch_execute("CREATE TABLE a (b BLOB)").unwrap();
        fill(&mut session, 100);
        shorten(&mut session).unwrap();
        assert!(left(&mut session) > 100);
        fill(&mut session, ENOUGH);
        shorten(&mut session).unwrap();
        assert_eq!(left(&mut session), 0);
    }
}
