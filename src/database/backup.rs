//! Backups of a SQLite database: copies made while the server runs, and checks of their integrity.

use std::fs::{File, OpenOptions};
use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::schema::{journal, settings};
use super::{Db, inspect, migrate};
use crate::database::journal_tail::newest_sequence;

/// Name of the setting that records up to which position of the journal CDN caches have been purged.
pub const PURGED_UP_TO: &str = "purged_up_to";

/// The failure of a copy or of its verification.
pub type BackupError = Box<dyn std::error::Error + Send + Sync>;

/// The contents of a database, as numbers of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// Number of items of all content types and states.
    pub items: i64,
    /// Number of journal entries.
    pub entries: i64,
}

/// Copies the database at `source` into the empty file `target` and verifies the copy. The copy is a snapshot;
/// readers and the writer of a running server continue meanwhile.
///
/// # Errors
///
/// Fails if the database cannot be read, or the copy cannot be written or is damaged.
pub fn copy(source: &str, target: &Path) -> Result<Contents, BackupError> {
    if !Path::new(source).exists() {
        return Err(format!("no database at {source}").into());
    }
    let mut connection = SqliteConnection::establish(source)?;
    diesel::sql_query("PRAGMA busy_timeout = 10000").execute(&mut connection)?;
    let mut connection = Db::Sqlite(connection);
    let before = newest_sequence(&mut connection)?;
    let path = target.to_str().ok_or("the path of the copy is not valid UTF-8")?;
    // One statement in one read transaction. The backup API of SQLite would start over whenever another process
    // writes (docs/decisions/0020).
    if let Db::Sqlite(sqlite) = &mut connection {
        diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(path).execute(sqlite)?;
    }
    let after = newest_sequence(&mut connection)?;
    File::open(target)?.sync_all()?;
    let contents = examine(target)?;
    // The numbers of the journal have no gaps, so a copy of one moment between the two reads has as many entries as
    // the journal had then.
    if !(before..=after).contains(&contents.entries) {
        let entries = contents.entries;
        return Err(format!("the copy has {entries} journal entries, the database {before} to {after}").into());
    }
    Ok(contents)
}

/// Verifies a database that is not in use: every page and index, foreign keys, and the journal.
///
/// # Errors
///
/// Fails if the file is damaged, is not a database of Plenary, or belongs to a newer version.
pub fn examine(path: &Path) -> Result<Contents, BackupError> {
    let mut connection = Db::Sqlite(open_unused(path)?);
    let damage = inspect::thorough_damage(&mut connection)
        .map_err(|error| format!("{} is not an intact Plenary database: {error}", path.display()))?;
    if !damage.is_empty() {
        return Err(format!("{} is damaged: {}", path.display(), damage.join("; ")).into());
    }
    migrate::refuse_newer(&mut connection)?;
    Ok(Contents {
        items: inspect::items(&mut connection)?,
        entries: journal::table.count().get_result(&mut connection)?,
    })
}

/// Opens a file that no process writes, as immutable: it is neither locked nor changed, and no `-wal` or `-shm` file
/// is created beside it.
fn open_unused(path: &Path) -> Result<SqliteConnection, BackupError> {
    let path = std::path::absolute(path)?;
    let mut address = url::Url::from_file_path(&path).map_err(|()| "the path is not valid")?;
    address.set_query(Some("mode=ro&immutable=1"));
    Ok(SqliteConnection::establish(address.as_str())?)
}

/// Ends the use of a database file, whose write-ahead log (`-wal`) is merged into the file. A file that cannot be
/// read is not in use.
///
/// # Errors
///
/// Fails if another process has the database open.
pub fn take_out_of_use(path: &str) -> Result<(), BackupError> {
    // With a broken header there is nothing that a log could be merged into.
    let Ok(mut connection) = SqliteConnection::establish(path) else { return Ok(()) };
    // Leaving WAL mode requires the database for this connection alone, so it fails while a server runs.
    match diesel::sql_query("PRAGMA journal_mode = DELETE").execute(&mut connection) {
        Err(diesel::result::Error::DatabaseError(_, information)) if information.message().contains("locked") => {
            Err(format!("{path} is in use: stop the server first").into())
        }
        _ => Ok(()),
    }
}

/// Syncs the folder of a file to disk, so that a new or renamed file survives a power failure.
///
/// # Errors
///
/// Fails if the folder cannot be synced.
pub fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    OpenOptions::new().read(true).open(folder)?.sync_all()
}

/// Marks a restored database as another history: invalidates the recorded purge position, since CDN caches may hold
/// responses about items that no longer exist. Other followers of the journal need no mark: the entry up to which they
/// have followed it is missing or differs (see [`super::position`]).
///
/// # Errors
///
/// Fails if the file cannot be written.
pub fn begin_another_history(path: &Path) -> Result<(), BackupError> {
    let mut connection = SqliteConnection::establish(path.to_str().ok_or("the path is not valid UTF-8")?)?;
    // Not a number, so that it cannot be mistaken for a position in the restored journal.
    diesel::update(settings::table.find(PURGED_UP_TO)).set(settings::value.eq("restored")).execute(&mut connection)?;
    Ok(())
}
