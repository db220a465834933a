//! The storage beneath the database: a disk that is full or broken is told apart from other failures, and a probe
//! notices when it takes writes again.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::result::Error as DieselError;

use super::metrics::STORAGE_FAILURES;
use super::schema::settings;
use super::{Database, DatabaseError, Db, now};
use crate::jobs::BackgroundJob;

/// How often it is tried whether a disk that failed takes writes again.
const PAUSE: Duration = Duration::from_secs(3);
/// The row that is written for that.
const SETTING: &str = "storage_probe";

/// What was last wrong: nothing, full, or broken.
static LAST: AtomicU8 = AtomicU8::new(0);

const FULL: &str = "the disk of the database is full: nothing can be written until there is room";
const BROKEN: &str = "the disk of the database does not take writes";

/// Returns what is wrong with the storage, in words for strangers, where the error says that something is.
pub fn failure(error: &DatabaseError) -> Option<&'static str> {
    match error {
        DatabaseError::Query(DieselError::DatabaseError(_, information)) => of_message(information.message()),
        DatabaseError::Connection(message) => of_message(message),
        DatabaseError::Interrupted => last_failure(),
        _ => None,
    }
}

/// Returns what was wrong with the storage when a statement last failed because of it; none once a write went well
/// again. It explains failures that are told without their cause.
pub fn last_failure() -> Option<&'static str> {
    match LAST.load(Ordering::Relaxed) {
        0 => None,
        1 => Some(FULL),
        _ => Some(BROKEN),
    }
}

/// The codes (13 and 10 of SQLite, 53100 of Postgres) do not come through diesel; the texts do.
fn of_message(message: &str) -> Option<&'static str> {
    const TEXTS: [&str; 4] = ["database or disk is full", "No space left on device", "disk full", "quota exceeded"];
    if TEXTS.iter().any(|text| message.contains(text)) {
        return Some(FULL);
    }
    message.contains("disk I/O error").then_some(BROKEN)
}

/// Counts a statement that failed because of the storage.
pub(super) fn note(error: &DieselError) {
    if let DieselError::DatabaseError(_, information) = error
        && let Some(failure) = of_message(information.message())
    {
        LAST.store(if failure == FULL { 1 } else { 2 }, Ordering::Relaxed);
        STORAGE_FAILURES.inc();
    }
}

/// Watches the storage of a node's database.
#[derive(Debug)]
pub struct StorageProbe {
    failures: u64,
    tried: Option<Instant>,
}

impl Default for StorageProbe {
    fn default() -> Self {
        Self { failures: STORAGE_FAILURES.get(), tried: None }
    }
}

impl StorageProbe {
    /// Where a write failed since the last look, or the storage is known to fail: tries a small write, and tells
    /// the job how that went. A write that changes a page is the only proof that there is room.
    pub async fn look(&mut self, database: &Database, job: &BackgroundJob) {
        let is_news = STORAGE_FAILURES.get() != self.failures;
        if !(is_news || job.is_failing()) || self.tried.is_some_and(|tried| tried.elapsed() < PAUSE) {
            return;
        }
        self.tried = Some(Instant::now());
        match database.write(write).await {
            Ok(()) => {
                LAST.store(0, Ordering::Relaxed);
                job.succeed();
            }
            Err(error) => {
                let failure = failure(&error).or_else(last_failure);
                job.fail(failure.unwrap_or("the database does not take writes"));
            }
        }
        // The probe's own failure is no news.
        self.failures = STORAGE_FAILURES.get();
    }
}

fn write(connection: &mut Db) -> Result<(), DatabaseError> {
    diesel::delete(settings::table.find(SETTING)).execute(connection)?;
    let row = (settings::name.eq(SETTING), settings::value.eq(now().to_string()));
    diesel::insert_into(settings::table).values(row).execute(connection)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_storage_is_meant() {
        let full = "could not extend file \"base/5/16384\": No space left on device";
        assert_eq!(of_message(full), Some(FULL));
        assert_eq!(of_message("database or disk is full"), Some(FULL));
        assert_eq!(of_message("disk I/O error"), Some(BROKEN));
        assert_eq!(of_message("UNIQUE constraint failed: slugs.slug"), None);
    }
}
