//! The commands `plenary backup` and `plenary restore`.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::report;
use crate::app::{StartError, make_folder};
use crate::config::Config;
use crate::database::Address;
use crate::database::backup::{self, Contents};
use crate::search;

/// Magic number of a zstd frame (RFC 8878, 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// zstd's compression level; higher levels take far longer and save little.
const COMPRESSION_LEVEL: i32 = 3;

const USE_POSTGRES_TOOLS: &str = "a Postgres database is backed up and restored with Postgres' own tools, pg_dump and pg_restore, \
                        or by continuous archiving: docs/operations.md has the commands";

/// Arguments of `plenary backup`.
#[derive(Debug, Args)]
pub struct BackupArguments {
    /// File to write; its folder must exist
    file: PathBuf,
    /// Compress the file (zstd); restore detects this
    #[arg(long)]
    compress: bool,
    /// Replace the file if it exists
    #[arg(long)]
    overwrite: bool,
}

/// Arguments of `plenary restore`.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// File written by `plenary backup`
    file: PathBuf,
    /// Replace an existing database, which is renamed and not deleted
    #[arg(long)]
    replace: bool,
}

/// Backs up the SQLite database, also while a server uses it. The copy is written to a temporary file,
/// examined, and only then given its name, so a file of that name is always a complete backup.
///
/// # Errors
/// Fails if the database is Postgres, the file exists and is not to be replaced, the copy is damaged, or a
/// file cannot be written.
pub fn back_up(config: &Config, arguments: &BackupArguments) -> Result<(), StartError> {
    let Address::Sqlite(database) = config.address() else { return Err(USE_POSTGRES_TOOLS.into()) };
    let file = &arguments.file;
    if file.exists() && !arguments.overwrite {
        return Err(format!("{} already exists; --overwrite replaces it", file.display()).into());
    }
    let copy = temporary_beside(file)?;
    let contents = backup::copy(&database, copy.path())?;
    let complete = if arguments.compress { compress(&copy, file)? } else { copy };
    let bytes = complete.as_file().metadata()?.len();
    put_into_place(complete, file, arguments.overwrite)?;
    report(&format!("{}: {}, {bytes} bytes", file.display(), summary(contents)));
    Ok(())
}

/// Replaces the configured SQLite database by a backup.
///
/// The order matters: first the database must be out of use, then the backup is unpacked and examined, and
/// only then is the existing database renamed. A running server or a damaged backup is therefore found before
/// anything has changed. The search index is moved away last, since it belongs to the replaced database.
///
/// # Errors
/// Fails if the database is Postgres, exists and is not to be replaced, or is in use, if the backup is
/// damaged or of a newer version, or if a file cannot be written.
pub fn restore(config: &Config, arguments: &RestoreArguments) -> Result<(), StartError> {
    let Address::Sqlite(database) = config.address() else { return Err(USE_POSTGRES_TOOLS.into()) };
    let target = Path::new(&database);
    if target.exists() {
        if !arguments.replace {
            return Err(format!("there is a database at {database}; --replace renames it and takes its place").into());
        }
        backup::take_out_of_use(&database)?;
    }
    make_folder(&config.address())?;
    let copy = decompress(&arguments.file, target)?;
    let contents = backup::examine(copy.path())?;
    backup::begin_another_history(copy.path())?;
    copy.as_file().sync_all()?;
    let renamed = put_aside(target)?;
    put_into_place(copy, target, false)?;
    search::put_aside(&search::folder(config))?;
    let mut text = format!("{database}: {}", summary(contents));
    if let Some(renamed) = renamed {
        text.push_str(&format!("\nThe previous database was renamed to {}.", renamed.display()));
    }
    text.push_str(
        "\nAccounts, sessions and API keys are as they were when the backup was made: close and revoke again what was \
         closed or revoked since.",
    );
    report(&text);
    Ok(())
}

fn summary(contents: Contents) -> String {
    format!("{} items, {} journal entries, no damage found", contents.items, contents.entries)
}

/// Creates a temporary file that only this user can read, in the folder of `file`, so that it can be renamed
/// to it. It is deleted unless that happens.
fn temporary_beside(file: &Path) -> Result<NamedTempFile, StartError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = format!(".{}.", file.file_name().unwrap_or_default().to_string_lossy());
    let created = tempfile::Builder::new().prefix(&name).suffix(".partial").tempfile_in(folder);
    Ok(created.map_err(|error| format!("{}: {error}", folder.display()))?)
}

/// Compresses a copy, and verifies that decompressing the result gives the same bytes.
fn compress(copy: &NamedTempFile, file: &Path) -> Result<NamedTempFile, StartError> {
    let archive = temporary_beside(file)?;
    let mut encoder = zstd::Encoder::new(archive.as_file(), COMPRESSION_LEVEL)?;
    encoder.include_checksum(true)?;
    io::copy(&mut copy.reopen()?, &mut encoder)?;
    encoder.finish()?;
    if digest(zstd::Decoder::new(archive.reopen()?)?)? != digest(copy.reopen()?)? {
        return Err("the compressed file does not decompress to the copy".into());
    }
    Ok(archive)
}

fn digest(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut digest = Sha256::new();
    let mut block = vec![0; 65_536];
    loop {
        match from.read(&mut block)? {
            0 => return Ok(digest.finalize().to_vec()),
            count => digest.update(&block[..count]),
        }
    }
}

/// Unpacks a backup, compressed or not, into a temporary file beside the database's path.
fn decompress(file: &Path, target: &Path) -> Result<NamedTempFile, StartError> {
    let with_file = |error: io::Error| format!("{}: {error}", file.display());
    let mut from = File::open(file).map_err(with_file)?;
    let mut first = Vec::new();
    Read::by_ref(&mut from).take(ZSTD_MAGIC.len() as u64).read_to_end(&mut first).map_err(with_file)?;
    from.rewind().map_err(with_file)?;
    let copy = temporary_beside(target)?;
    let mut to = copy.as_file();
    if first == ZSTD_MAGIC {
        io::copy(&mut zstd::Decoder::new(from)?, &mut to).map_err(with_file)?;
    } else {
        io::copy(&mut from, &mut to).map_err(with_file)?;
    }
    to.flush()?;
    Ok(copy)
}

/// Renames a temporary file to its final name, durably: the file is synced before it and the folder after it.
fn put_into_place(file: NamedTempFile, target: &Path, overwrite: bool) -> Result<(), StartError> {
    file.as_file().sync_all()?;
    let persisted = if overwrite { file.persist(target) } else { file.persist_noclobber(target) };
    persisted.map_err(|error| format!("{}: {}", target.display(), error.error))?;
    Ok(backup::sync_folder(target)?)
}

/// Renames the files beside the database, then the database itself, and returns its new name. No file may
/// stay: SQLite would apply a log that is left behind to the restored database.
fn put_aside(target: &Path) -> Result<Option<PathBuf>, StartError> {
    let with_suffix = |path: &Path, end: &str| PathBuf::from(format!("{}{end}", path.display()));
    let renamed = with_suffix(target, &format!(".before-restore-{}", chrono::Utc::now().format("%Y%m%dT%H%M%S%3fZ")));
    let mut found = false;
    for end in ["-wal", "-shm", "-journal", ""] {
        let (from, to) = (with_suffix(target, end), with_suffix(&renamed, end));
        if from.exists() {
            if to.exists() {
                return Err(format!("{} already exists", to.display()).into());
            }
            std::fs::rename(&from, &to)?;
            found = true;
        }
    }
    Ok(found.then_some(renamed))
}
