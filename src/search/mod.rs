//! Full-text search in what the public sees: an index beside the database, which follows the journal.
//!
//! The engine is embedded (tantivy), so that both databases find the same; see
//! `docs/decisions/0009-search.md`. The index tells which items match and how well, and the database which of
//! these may be shown and meet the other conditions. So content that is not indexed yet is missing for a
//! moment, but nothing is shown that is not public any more.

mod beginnings;
mod compounds;
pub mod directory;
pub mod document;
pub mod first_docs;
pub mod index;
mod letters;
mod query_builder;
pub mod query_parser;
#[cfg(test)]
mod recall_tests;
pub mod repair;
pub mod searcher;
mod stems;
mod tokenizer;
pub mod top_docs;

pub use directory::{folder, put_aside};
pub use first_docs::DocOrder;
pub use index::{Search, SearchError};
pub use query_parser::{MAX_QUERY_CHARACTERS, SearchQuery};
pub use searcher::{Hit, Matches};

/// Name of the search index in the invalidation table and among cache tags.
pub const SEARCH_INDEX: &str = "search-index";
