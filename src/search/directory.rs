//! Location of the index on disk.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::config::Config;
use crate::database::Address;
use crate::hex::hex;

/// Returns the folder for the indexes of this node: the configured one, or one beside the SQLite file, or one
/// that is named after the address of the Postgres database.
pub fn folder(config: &Config) -> PathBuf {
    if !config.search.folder.is_empty() {
        return PathBuf::from(&config.search.folder);
    }
    match config.address() {
        Address::Sqlite(path) => PathBuf::from(format!("{path}.search")),
        Address::Postgres(url) => PathBuf::from(format!("data/search-{}", hex(&Sha256::digest(url.as_bytes())[..6]))),
    }
}

/// Prefix of the names of indexes that were set aside.
const ASIDE_PREFIX: &str = "aside-";

/// Time without writes after which an index of an earlier format, or one that was set aside, is no longer in
/// use.
const UNUSED_AFTER: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Removes indexes of earlier formats, and those set aside, that are no longer in use. An index that cannot
/// be removed stays.
pub(super) fn remove_unused(folder: &Path, format: u32) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_old = name.starts_with(ASIDE_PREFIX) || format_of(name).is_some_and(|of| of < format);
        if is_old && is_unused(&entry.path()) {
            match std::fs::remove_dir_all(entry.path()) {
                Ok(()) => tracing::info!(folder = %entry.path().display(), "removed an old search index"),
                Err(error) => {
                    tracing::warn!(%error, folder = %entry.path().display(), "cannot remove an old search index");
                }
            }
        }
    }
}

/// Returns the format of an index, by the name of its folder.
fn format_of(name: &str) -> Option<u32> {
    name.split('-').next()?.parse().ok()
}

/// Sets all indexes in this folder aside, since they belong to another database than the one that will be
/// used.
///
/// # Errors
///
/// Fails if the folder is there and cannot be read, or if an index cannot be renamed.
pub fn put_aside(folder: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| format_of(name).is_some()) {
            put_aside_one(&entry.path())?;
        }
    }
    Ok(())
}

/// Sets an index aside, so that its damage can be examined. One that was set aside before is removed, so that
/// an index which breaks again and again does not fill the disk.
///
/// # Errors
///
/// Fails if the index cannot be renamed.
pub(super) fn put_aside_one(index: &Path) -> io::Result<()> {
    let (Some(folder), Some(name)) = (index.parent(), index.file_name()) else { return Ok(()) };
    let aside = folder.join(format!("{ASIDE_PREFIX}{}", name.to_string_lossy()));
    let _ = std::fs::remove_dir_all(&aside);
    match std::fs::rename(index, &aside) {
        // Another process has removed it meanwhile, so nothing has to be set aside.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}

fn is_unused(folder: &Path) -> bool {
    let written = std::fs::metadata(folder.join("meta.json")).and_then(|meta| meta.modified());
    written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age > UNUSED_AFTER))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn only_old_and_forgotten_indexes_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let now = SystemTime::now();
        for (name, days) in
            [("1-en", 8), ("1-nl", 6), ("2-en", 30), ("3-en", 30), ("aside-2-en", 8), ("aside-2-nl", 1), ("other", 30)]
        {
            std::fs::create_dir_all(folder.join(name)).unwrap();
            let meta = std::fs::File::create(folder.join(name).join("meta.json")).unwrap();
            meta.set_modified(now - Duration::from_secs(days * 24 * 3_600)).unwrap();
        }
        remove_unused(folder, 2);
        let mut left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["1-nl", "2-en", "3-en", "aside-2-nl", "other"]);
    }

    #[test]
    fn every_index_is_put_aside_and_the_last_one_goes() {
        let folder = tempfile::tempdir().unwrap();
        for content in ["first", "second"] {
            for name in ["2-en", "other"] {
                std::fs::create_dir_all(folder.path().join(name)).unwrap();
                std::fs::write(folder.path().join(name).join("meta.json"), content).unwrap();
            }
            put_aside(folder.path()).unwrap();
        }
        let mut left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["aside-2-en", "other"]);
        assert_eq!(std::fs::read_to_string(folder.path().join("aside-2-en/meta.json")).unwrap(), "second");
    }

    #[test]
    fn a_folder_that_cannot_be_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        put_aside(&folder.path().join("none")).unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(put_aside(&file).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    }
}
