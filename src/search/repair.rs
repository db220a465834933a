//! A damaged index is noticed, put aside, and made anew from the database, while the server runs.
//!
//! The library checks nothing when it reads: damage shows as a question that fails or panics, as a commit that
//! fails, or not at all. So the files are compared with their checksums at start, from time to time, and whenever
//! something failed.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tantivy::TantivyError;
use tantivy::directory::error::OpenReadError;

use super::folder::put_aside_one;
use super::index::{Search, SearchError};

/// How often the whole index is read and compared with its checksums.
const CHECK: Duration = Duration::from_secs(6 * 3_600);
/// How long after a check without a finding the next one is made, whatever fails meanwhile.
const PAUSE: Duration = Duration::from_secs(10);
/// Files that another node removes while they are being looked at are not damage: so often it is tried again.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_millis(200);

/// When the index was last compared with its checksums.
#[derive(Debug, Default)]
pub(super) struct Checks(Option<Instant>);

impl Checks {
    /// Whether it is time for the next check, which is sooner where something `failed`.
    pub fn are_due(&self, search: &Search, failed: bool) -> bool {
        let failed = failed || search.is_suspect.load(Ordering::Relaxed);
        let bound = if failed { PAUSE } else { CHECK };
        self.0.is_none_or(|last| last.elapsed() >= bound)
    }

    /// Looks for damage.
    pub async fn find_damage(&mut self, search: &Search) -> Option<String> {
        search.is_suspect.store(false, Ordering::Relaxed);
        let damage = damage(search).await;
        self.0 = Some(Instant::now());
        damage
    }
}

/// What is wrong with the files of the index, as another program finds them.
async fn damage(search: &Search) -> Option<String> {
    for _ in 1..TRIES {
        look(search)?;
        tokio::time::sleep(AGAIN).await;
    }
    look(search)
}

fn look(search: &Search) -> Option<String> {
    let found = search.open_again().and_then(|open| Ok(open.index.validate_checksum()?));
    match found {
        Ok(files) if files.is_empty() => None,
        Ok(files) => Some(format!("{} files do not have their checksums", files.len())),
        Err(error) if means_damage(&error) => Some(error.to_string()),
        // Such as no more file descriptors, or no permission: a new index would fare no better.
        Err(error) => {
            tracing::warn!(%error, "the search index could not be checked");
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

/// Puts the index aside and begins an empty one in its place. Not while another node writes it, which finds the
/// damage by itself.
pub(super) fn renew(search: &Search, damage: &str) -> Result<(), SearchError> {
    let folder = search.folder.display();
    // Where the lock cannot even be tried for, nobody else has it.
    let writer = catch_unwind(AssertUnwindSafe(|| search.writer()));
    if matches!(writer, Ok(Ok(None))) {
        tracing::warn!(damage, %folder, "the search index is damaged; the node that writes it makes it anew");
        return Ok(());
    }
    drop(writer);
    tracing::error!(damage, %folder, "the search index is damaged: it is put aside and made anew");
    put_aside_one(&search.folder)?;
    std::fs::create_dir_all(&search.folder)?;
    search.replace(search.open_again()?);
    Ok(())
}
