//! `plenary backup` and `plenary restore`

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

/// The first bytes of what zstd compressed (RFC 8878, 3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// More effort takes far longer and saves little.
const EFFORT: i32 = 3;

const POSTGRES: &str = "a Postgres database is backed up and restored with Postgres' own tools, pg_dump and pg_restore, \
                        or by continuous archiving: docs/operations.md has the commands";

/// Where to put a copy of the database, and how.
#[derive(Debug, Args)]
pub struct BackupArguments {
    /// The file to make; its folder must be there
    file: PathBuf,
    /// Compress it (zstd); restore notices
    #[arg(long)]
    compress: bool,
    /// Replace the file if it is there already
    #[arg(long)]
    overwrite: bool,
}

/// Which copy becomes the database.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// What `plenary backup` made
    file: PathBuf,
    /// Take the place of the database that is there; it is put aside, not deleted
    #[arg(long)]
    replace: bool,
}

/// Copies the database, beside a running server or without one. The file appears under its name when it is whole
/// and examined.
pub fn back_up(config: &Config, arguments: &BackupArguments) -> Result<(), StartError> {
    let Address::Sqlite(database) = config.address() else { return Err(POSTGRES.into()) };
    let file = &arguments.file;
    if file.exists() && !arguments.overwrite {
        return Err(format!("{} is there already; --overwrite replaces it", file.display()).into());
    }
    let copy = temporary_beside(file)?;
    let contents = backup::copy(&database, copy.path())?;
    let whole = if arguments.compress { compressed(&copy, file)? } else { copy };
    let bytes = whole.as_file().metadata()?.len();
    put_into_place(whole, file, arguments.overwrite)?;
    report(&format!("{}: {}, {bytes} bytes", file.display(), summary(contents)));
    Ok(())
}

/// Makes a copy the database of this configuration. Everything is examined before anything is replaced.
pub fn restore(config: &Config, arguments: &RestoreArguments) -> Result<(), StartError> {
    let Address::Sqlite(database) = config.address() else { return Err(POSTGRES.into()) };
    let place = Path::new(&database);
    if place.exists() {
        if !arguments.replace {
            return Err(format!("there is a database at {database}; --replace puts it aside").into());
        }
        backup::take_out_of_use(&database)?;
    }
    make_folder(&config.address())?;
    let copy = decompressed(&arguments.file, place)?;
    let contents = backup::examine(copy.path())?;
    backup::begin_another_history(copy.path())?;
    copy.as_file().sync_all()?;
    let aside = put_aside(place)?;
    put_into_place(copy, place, false)?;
    search::put_aside(&search::folder(config))?;
    let mut text = format!("{database}: {}", summary(contents));
    if let Some(aside) = aside {
        text.push_str(&format!("\nThe database that was there is now {}.", aside.display()));
    }
    text.push_str(
        "\nAccounts, sessions and API keys are as they were when the copy was made: close again what was closed since.",
    );
    report(&text);
    Ok(())
}

fn summary(contents: Contents) -> String {
    format!("{} items, {} entries of the journal, no damage found", contents.items, contents.entries)
}

/// A file that only this user may read, in the folder of another one; it is removed unless it is put into place.
fn temporary_beside(file: &Path) -> Result<NamedTempFile, StartError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = format!(".{}.", file.file_name().unwrap_or_default().to_string_lossy());
    let made = tempfile::Builder::new().prefix(&name).suffix(".partial").tempfile_in(folder);
    Ok(made.map_err(|error| format!("{}: {error}", folder.display()))?)
}

/// The copy in compressed form, read again to see that it is the same.
fn compressed(copy: &NamedTempFile, file: &Path) -> Result<NamedTempFile, StartError> {
    let packed = temporary_beside(file)?;
    let mut encoder = zstd::Encoder::new(packed.as_file(), EFFORT)?;
    encoder.include_checksum(true)?;
    io::copy(&mut copy.reopen()?, &mut encoder)?;
    encoder.finish()?;
    if digest(zstd::Decoder::new(packed.reopen()?)?)? != digest(copy.reopen()?)? {
        return Err("the compressed copy is not the same as the copy".into());
    }
    Ok(packed)
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

/// The database within a backup, beside the place where it shall be.
fn decompressed(file: &Path, place: &Path) -> Result<NamedTempFile, StartError> {
    let told = |error: io::Error| format!("{}: {error}", file.display());
    let mut from = File::open(file).map_err(told)?;
    let mut first = Vec::new();
    Read::by_ref(&mut from).take(ZSTD.len() as u64).read_to_end(&mut first).map_err(told)?;
    from.rewind().map_err(told)?;
    let copy = temporary_beside(place)?;
    let mut to = copy.as_file();
    if first == ZSTD {
        io::copy(&mut zstd::Decoder::new(from)?, &mut to).map_err(told)?;
    } else {
        io::copy(&mut from, &mut to).map_err(told)?;
    }
    to.flush()?;
    Ok(copy)
}

/// Gives the file its name, for good.
fn put_into_place(file: NamedTempFile, place: &Path, overwrite: bool) -> Result<(), StartError> {
    file.as_file().sync_all()?;
    let put = if overwrite { file.persist(place) } else { file.persist_noclobber(place) };
    put.map_err(|error| format!("{}: {}", place.display(), error.error))?;
    Ok(backup::sync_folder(place)?)
}

/// Renames the database, with its log where it could not be taken in; says to what.
fn put_aside(place: &Path) -> Result<Option<PathBuf>, StartError> {
    let named = |path: &Path, end: &str| PathBuf::from(format!("{}{end}", path.display()));
    let aside = named(place, &format!(".before-restore-{}", chrono::Utc::now().format("%Y%m%dT%H%M%S%3fZ")));
    let mut found = false;
    for end in ["-wal", "-shm", "-journal", ""] {
        let (from, to) = (named(place, end), named(&aside, end));
        if from.exists() {
            if to.exists() {
                return Err(format!("{} is there already", to.display()).into());
            }
            std::fs::rename(&from, &to)?;
            found = true;
        }
    }
    Ok(found.then_some(aside))
}
