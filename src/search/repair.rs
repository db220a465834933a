//! Detection and repair of a damaged index while the server runs: it is set aside and rebuilt from the
//! database.
//!
//! The library verifies nothing when it reads. Damage shows as a query that fails or panics, as a commit that
//! fails, or not at all. So the files are compared with their checksums at the start, periodically, and after
//! each failure.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tantivy::TantivyError;
use tantivy::directory::error::OpenReadError;

use super::index::{Search, SearchError};
use crate::search::directory::put_aside_one;

/// Interval at which the whole index is compared with its checksums.
const CHECK_INTERVAL: Duration = Duration::from_secs(6 * 3_600);
/// Minimum time between two checks, whatever fails meanwhile.
const MIN_CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// Number of attempts of a check: files that another node removes during one of them are not damaged.
const ATTEMPTS: u32 = 3;
/// Pause between two attempts.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Time of the last comparison with the checksums.
#[derive(Debug, Default)]
pub(crate) struct Checks(Option<Instant>);

impl Checks {
    /// Returns whether a check is due, which is sooner if something has `failed`.
    pub fn are_due(&self, search: &Search, failed: bool) -> bool {
        let failed = failed || search.is_suspect.load(Ordering::Relaxed);
        let bound = if failed { MIN_CHECK_INTERVAL } else { CHECK_INTERVAL };
        self.0.is_none_or(|last| last.elapsed() >= bound)
    }

    /// Checks the index, and returns a description of its damage, if there is any.
    pub async fn find_damage(&mut self, search: &Search) -> Option<String> {
        search.is_suspect.store(false, Ordering::Relaxed);
        let damage = confirmed_damage(search).await;
        self.0 = Some(Instant::now());
        damage
    }
}

/// Returns the damage of the index as another process would find it. Only what every attempt finds is damage.
async fn confirmed_damage(search: &Search) -> Option<String> {
    for _ in 1..ATTEMPTS {
        find_damage_once(search)?;
        tokio::time::sleep(RETRY_AFTER).await;
    }
    find_damage_once(search)
}

fn find_damage_once(search: &Search) -> Option<String> {
    let found = search.reopen().and_then(|open| Ok(open.index.validate_checksum()?));
    match found {
        Ok(files) if files.is_empty() => None,
        Ok(files) => Some(format!("{} files do not have their checksums", files.len())),
        Err(error) if means_damage(&error) => Some(error.to_string()),
        // Not damage, but such as a lack of file descriptors or of permission: a new index would fail too.
        Err(error) => {
            tracing::warn!(%error, "the search index could not be checked for damage");
            None
        }
    }
}

fn means_damage(error: &SearchError) -> bool {
    let of_file = |kind| matches!(kind, ErrorKind::NotFound | ErrorKind::InvalidData | ErrorKind::UnexpectedEof);
    match error {
        SearchError::Index(error) => match error {
            TantivyError::OpenReadError(OpenReadError::IoError { io_error, .. }) | TantivyError::IoError(io_error) => {
                of_file(io_error.kind())
            }
            TantivyError::OpenReadError(_)
            | TantivyError::OpenDirectoryError(_)
            | TantivyError::DataCorruption(_)
            | TantivyError::IncompatibleIndex(_)
            | TantivyError::SchemaError(_)
            | TantivyError::IndexBuilderMissingArgument(_)
            | TantivyError::InternalError(_) => true,
            _ => false,
        },
        SearchError::Folder(error) => of_file(error.kind()),
        SearchError::Panic => true,
        SearchError::Database(_) => false,
    }
}

/// Sets the index aside, and begins an empty one in its place. While another node writes the index, it is checked again
/// soon: that node may rebuild it, but it may also be about to end and check nothing.
///
/// # Errors
///
/// Fails if the index cannot be set aside, or if no new one can be created.
pub(crate) fn renew(search: &Search, damage: &str) -> Result<(), SearchError> {
    let folder = search.folder.display();
    // If not even the lock can be tried, no other node has it.
    let writer = catch_unwind(AssertUnwindSafe(|| search.writer()));
    if matches!(writer, Ok(Ok(None))) {
        tracing::warn!(damage, %folder, "the search index is damaged, and another node writes it; it is checked again");
        search.is_suspect.store(true, Ordering::Relaxed);
        return Ok(());
    }
    drop(writer);
    tracing::error!(damage, %folder, "the search index is damaged and will be set aside and rebuilt");
    put_aside_one(&search.folder)?;
    std::fs::create_dir_all(&search.folder)?;
    search.replace(search.reopen()?);
    Ok(())
}
