//! Where the index is.

use std::path::PathBuf;

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
