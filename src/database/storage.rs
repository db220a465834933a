//! The storage of the database: failures of a full or broken disk are distinguished from others, and a probe detects
//! when the disk accepts writes again.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::result::Error as DieselError;

use super::metrics::STORAGE_FAILURES;
use super::schema::settings;
use super::{Database, DatabaseError, Db, now};
use crate::jobs::BackgroundJob;

/// Pause between probes of a disk that failed.
const PAUSE: Duration = Duration::from_secs(3);
/// Name of the setting that the probe writes.
const SETTING: &str = "storage_probe";

/// The last failure of the storage: 0 for none, 1 for a full disk, 2 for a broken one.
static LAST: AtomicU8 = AtomicU8::new(0);

const FULL: &str = "the disk of the database is full: nothing can be written until space is freed";
const BROKEN: &str = "the disk of the database does not accept writes";

/// Returns a public description of the storage failure that caused the error, if one did.
pub fn failure(error: &DatabaseError) -> Option<&'static str> {
    match error {
        DatabaseError::Query(DieselError::DatabaseError(_, information)) => of_message(information.message()),
        DatabaseError::Connection(message) => of_message(message),
        DatabaseError::Interrupted => last_failure(),
        _ => None,
    }
}

/// Returns a public description of the last storage failure; none once a write has succeeded again. It explains errors
/// that do not carry their cause.
pub fn last_failure() -> Option<&'static str> {
    match LAST.load(Ordering::Relaxed) {
        0 => None,
        1 => Some(FULL),
        _ => Some(BROKEN),
    }
}

/// Recognises a storage failure by the message of either database, since diesel does not expose the codes (13 and 10 of
/// SQLite, 53100 of Postgres).
fn of_message(message: &str) -> Option<&'static str> {
    const TEXTS: [&str; 4] = ["database or disk is full", "No space left on device", "disk full", "quota exceeded"];
    if TEXTS.iter().any(|text| message.contains(text)) {
        return Some(FULL);
    }
    message.contains("disk I/O error").then_some(BROKEN)
}

/// Records a failed statement if the storage caused the failure.
pub(super) fn note(error: &DieselError) {
    if let DieselError::DatabaseError(_, information) = error
        && let Some(failure) = of_message(information.message())
    {
        LAST.store(if failure == FULL { 1 } else { 2 }, Ordering::Relaxed);
        STORAGE_FAILURES.inc();
    }
}

/// The probe that detects whether the storage of the database accepts writes again.
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
    /// Writes a row if a statement has failed since the last probe, or if the job is failing, and records the result in
    /// the job. The row has to change: an empty transaction would commit on a full disk as well.
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
                job.fail(failure.unwrap_or("the database does not accept writes"));
            }
        }
        // The failure of the probe itself must not trigger the next one.
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
