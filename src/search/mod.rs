//! Full-text search in what the public sees: an index beside the database, which follows the journal.
//!
//! The engine is embedded (tantivy), so that both databases find the same; see
//! `docs/decisions/0009-search.md`. The index tells which items match and how well, and the database which of
//! these may be shown and meet the other conditions. So content that is not indexed yet is missing for a
//! moment, but nothing is shown that is not public any more.

mod best;
mod document;
mod find;
mod folder;
pub mod follow;
mod index;
mod repair;
mod words;

pub use find::{Hit, Matches};
pub use folder::{folder, put_aside};
pub use index::{Search, SearchError};
pub use words::{LONGEST, Sought};

/// Name of the search index in the invalidation table and among cache tags.
pub const GREW: &str = "search-index";
