//! Import of content from files of several formats, and export of all content.
//!
//! A reader (one module per format, in `read`) parses a file into records on a thread of its own. `importer`
//! writes each record to the database within a savepoint. `import` connects the two in transactions of bounded
//! size or, for a dry run, in a single transaction that is rolled back.

mod attempt;
mod cancellations;
mod country_names;
mod course;
mod edits;
pub mod export;
pub mod export_ics;
mod exported_forms;
mod exported_issues;
mod exported_slugs;
mod exported_versions;
pub mod field_scope;
pub mod import;
pub mod import_file;
pub mod import_jobs;
pub mod importer;
mod language_names;
mod languages;
pub mod listener;
mod merge;
mod missing_records;
mod name_lookup;
mod own_items;
pub mod read;
pub mod record;
mod repair;
pub mod report;
mod restore;
mod revisions;
pub mod source_naming;
mod survey;
mod work;
mod zones;

pub use import::{Options, import};
pub use report::{Outcome, Report, ReportLine, Verdict};
