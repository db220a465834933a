//! Where the index is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::config::Config;
use crate::database::Address;

/// The folder of this node's index: as configured, else beside the SQLite file, or named after the
/// address of the Postgres database.
pub fn folder(config: &Config) -> PathBuf {
    if !config.search.folder.is_empty() {
        return PathBuf::from(&config.search.folder);
    }
    match config.address() {
        Address::Sqlite(path) => PathBuf::from(format!("{path}.search")),
        Address::Postgres(url) => {
            let hash: String = Sha256::digest(url.as_bytes()).iter().take(6).map(|b| format!("{b:02x}")).collect();
            PathBuf::from(format!("data/search-{hash}"))
        }
    }
}

/// An index of an earlier form that nobody wrote for so long is of no node any more.
const FORGOTTEN: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Removes the indexes of earlier forms that are not used any more; what cannot be removed stays.
pub(super) fn tidy(folder: &Path, form: u32) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let earlier =
            name.to_str().and_then(|name| name.split('-').next()?.parse::<u32>().ok()).is_some_and(|n| n < form);
        if earlier && is_forgotten(&entry.path()) {
            match std::fs::remove_dir_all(entry.path()) {
                Ok(()) => tracing::info!(folder = %entry.path().display(), "an old search index was removed"),
                Err(error) => tracing::warn!(%error, folder = %entry.path().display(), "an old search index stays"),
            }
        }
    }
}

fn is_forgotten(folder: &Path) -> bool {
    let written = std::fs::metadata(folder.join("meta.json")).and_then(|meta| meta.modified());
    written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age > FORGOTTEN))
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
        for (name, days) in [("1-en", 8), ("1-nl", 6), ("2-en", 30), ("3-en", 30), ("other", 30)] {
            std::fs::create_dir_all(folder.join(name)).unwrap();
            let meta = std::fs::File::create(folder.join(name).join("meta.json")).unwrap();
            meta.set_modified(now - Duration::from_secs(days * 24 * 3_600)).unwrap();
        }
        tidy(folder, 2);
        let mut left: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["1-nl", "2-en", "3-en", "other"]);
    }
}
