//! Import of content from files of several formats, and export of all content.
//!
//! A reader (one module per format, in `read`) parses a file into records on a thread of its own. `apply`
//! writes each record to the database within a savepoint. `run` connects the two in transactions of bounded
//! size or, for a dry run, in a single transaction that is rolled back.

pub mod export;
pub mod export_ics;
pub mod import;
pub mod importer;
mod languages;
pub mod read;
pub mod record;
mod restore;
mod zones;

pub use import::{Options, import};
pub use record::{Outcome, Report, ReportLine};
