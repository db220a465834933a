//! Import and export: content comes in from files of several formats and goes out whole.
//!
//! A reader (one file a format, in `read`) turns a file into records, one after the other, on a
//! thread of its own; `apply` puts each into the database in a savepoint of its own; `run` ties the
//! two together in transactions of bounded size, or, for a rehearsal, in one that is rolled back.

pub mod apply;
pub mod export;
pub mod export_ics;
mod languages;
pub mod read;
pub mod record;
mod restore;
pub mod run;
pub mod sources;
mod zones;

pub use record::{Line, Outcome, Report};
pub use run::{Options, import};
