//! Full-text search: an index beside the database, fed by the journal, of what the public sees.
//!
//! The engine is embedded (tantivy), so that both databases find the same; see
//! `docs/decisions/0009-search.md`. The index says which items match and how well; the database, asked
//! for these, says which of them may be shown and meet the other conditions. So what the index does
//! not know yet can be missing for a moment, but nothing is shown that is not public any more.

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

/// The name under which the ledger, and caches in front, know that the index grew.
pub const GREW: &str = "search-index";
