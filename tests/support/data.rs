//! Real data, where it is (never in the repository), and our own fixtures.

use std::path::PathBuf;

/// A file or folder of the real data, or `None`, loudly, where it is absent.
pub fn real(path: &str) -> Option<PathBuf> {
    let base = std::env::var_os("PLENARY_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")), PathBuf::from);
    let place = base.join(path);
    if place.exists() {
        return Some(place);
    }
    eprintln!(
        "ATTENTION: real data is absent: {} (PLENARY_DATA says where it is); only the project's own fixtures are tested",
        place.display()
    );
    None
}

/// A file of our own, with the shapes and oddities of the real ones.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures")).join(name)
}
