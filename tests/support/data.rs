//! Test data: real data, which is never in the repository, and the project's own fixtures.

use std::path::PathBuf;

/// Returns a file or folder of the real data. If it is absent, prints a warning and returns `None`.
pub fn real_path(path: &str) -> Option<PathBuf> {
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

/// Returns an input of the list of cases that stands beside the repository. If it is absent, prints a warning and
/// returns `None`.
pub fn case(name: &str) -> Option<PathBuf> {
    let place = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/cases/inputs")).join(name);
    if place.exists() {
        return Some(place);
    }
    eprintln!("ATTENTION: the input of a case is absent: {}; only our own words are tested", place.display());
    None
}

/// Returns the path of a fixture. Fixtures have the structure and the irregularities of the real files.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures")).join(name)
}
