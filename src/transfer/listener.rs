//! What follows the course of an import: its report as it grows, and how far it is.

use serde::{Deserialize, Serialize};

use crate::database::Db;
use crate::problem::Problem;
use crate::transfer::report::{Report, ReportLine};

/// Number of the pass over what the sources of the file had and have no more.
pub const MISSING_PASS: i64 = 3;

/// How far an import is: all entries before this position are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportPosition {
    /// Number of the pass, from 1; 0 before the first one. Two are over the file, and [`MISSING_PASS`] is over what is missing.
    pub pass: i64,
    /// Number of entries of the pass that are written, or of records that are not in the file and were looked at.
    pub entries: i64,
}

/// A follower of an import.
pub trait Listener: Send {
    /// Hears of the outcome of a record.
    fn line(&mut self, line: &ReportLine);

    /// Stores how far the import is, within each transaction that writes records and after them. If it fails, the
    /// transaction is rolled back and the import ends.
    ///
    /// # Errors
    /// Fails if the import must not go on, or the database fails.
    fn checkpoint(&mut self, _: &mut Db, _: ImportPosition, _: &Report) -> Result<(), Problem> {
        Ok(())
    }

    /// Stores the end of the import, within its last transaction.
    ///
    /// # Errors
    /// Fails as [`Listener::checkpoint`] does.
    fn finish(&mut self, _: &mut Db, _: &Report) -> Result<(), Problem> {
        Ok(())
    }
}

impl<F: FnMut(&ReportLine) + Send> Listener for F {
    fn line(&mut self, line: &ReportLine) {
        self(line);
    }
}
