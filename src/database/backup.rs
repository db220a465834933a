//! Copies of a SQLite database: made beside running work, and examined before anybody relies on them.

use std::fs::{File, OpenOptions};
use std::path::Path;

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::schema::{journal, settings};
use super::touched::head;
use super::{Db, inspect, migrate};

/// Where it is written down how far caches in front were told what to forget.
pub const PURGED_UP_TO: &str = "purged_up_to";

/// Why a copy was not made or is not good.
pub type BackupError = Box<dyn std::error::Error + Send + Sync>;

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// Items of all kinds and states.
    pub items: i64,
    /// Entries of the journal.
    pub entries: i64,
}

/// Copies the database at `source` into the empty file `target` and examines the copy. It is the state of one
/// moment, whatever is written meanwhile: readers and the writer of a server go on.
///
/// # Errors
///
/// The database cannot be read, the copy cannot be written, or it is damaged.
pub fn copy(source: &str, target: &Path) -> Result<Contents, BackupError> {
    if !Path::new(source).exists() {
        return Err(format!("there is no database at {source}").into());
    }
    let mut connection = SqliteConnection::establish(source)?;
    diesel::sql_query("PRAGMA busy_timeout = 10000").execute(&mut connection)?;
    let mut connection = Db::Sqlite(connection);
    let before = head(&mut connection)?;
    let path = target.to_str().ok_or("the path of the copy is not valid UTF-8")?;
    if let Db::Sqlite(sqlite) = &mut connection {
        diesel::sql_query("VACUUM INTO ?").bind::<Text, _>(path).execute(sqlite)?;
    }
    let after = head(&mut connection)?;
    File::open(target)?.sync_all()?;
    let contents = examine(target)?;
    if !(before..=after).contains(&contents.entries) {
        let entries = contents.entries;
        return Err(format!("the copy has {entries} entries of the journal, the database {before} to {after}").into());
    }
    Ok(contents)
}

/// Examines a database that nobody uses: every page and index, references, and the journal.
///
/// # Errors
///
/// It is damaged, is none of Plenary's, or belongs to a newer version.
pub fn examine(path: &Path) -> Result<Contents, BackupError> {
    let mut connection = Db::Sqlite(open_unused(path)?);
    let damage = inspect::thorough_damage(&mut connection)
        .map_err(|error| format!("{} is no sound database of Plenary: {error}", path.display()))?;
    if !damage.is_empty() {
        return Err(format!("{} is damaged: {}", path.display(), damage.join("; ")).into());
    }
    migrate::refuse_newer(&mut connection)?;
    Ok(Contents {
        items: inspect::items(&mut connection)?,
        entries: journal::table.count().get_result(&mut connection)?,
    })
}

/// Opens a file that nobody writes. It is neither locked nor changed, and no files appear beside it.
fn open_unused(path: &Path) -> Result<SqliteConnection, BackupError> {
    let path = std::path::absolute(path)?;
    let mut address = url::Url::from_file_path(&path).map_err(|()| "the path is not valid")?;
    address.set_query(Some("mode=ro&immutable=1"));
    Ok(SqliteConnection::establish(address.as_str())?)
}

/// Takes a database out of use: everything of its log (`-wal`) comes into the file.
///
/// # Errors
///
/// Another process has it open. What cannot be read at all is out of use as it is.
pub fn take_out_of_use(path: &str) -> Result<(), BackupError> {
    // Where the header is broken, nothing can be read that a log could add to.
    let Ok(mut connection) = SqliteConnection::establish(path) else { return Ok(()) };
    match diesel::sql_query("PRAGMA journal_mode = DELETE").execute(&mut connection) {
        Err(diesel::result::Error::DatabaseError(_, said)) if said.message().contains("locked") => {
            Err(format!("{path} is in use: stop the server first").into())
        }
        _ => Ok(()),
    }
}

/// Makes the names in the folder of this file durable.
///
/// # Errors
///
/// The folder cannot be synced.
pub fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    OpenOptions::new().read(true).open(folder)?.sync_all()
}

/// Marks a restored database as another history than that which was known until now. Caches in front keep answers
/// of items that are gone, so they are told to forget everything. Followers of the journal notice by themselves: the
/// entry up to which they know it is not there, or is another one.
///
/// # Errors
///
/// The file cannot be written.
pub fn begin_another_history(path: &Path) -> Result<(), BackupError> {
    let mut connection = SqliteConnection::establish(path.to_str().ok_or("the path is not valid UTF-8")?)?;
    // No position of the journal is written so.
    diesel::update(settings::table.find(PURGED_UP_TO)).set(settings::value.eq("restored")).execute(&mut connection)?;
    Ok(())
}
