//! Cached responses and items, and what they depend on.

pub mod absence_cache;
pub mod cache_tags;
pub mod cached_response;
pub mod content_coding;
pub mod dependencies;
#[cfg(test)]
mod interleavings;
pub mod item_cache;
pub mod list_parts;
mod miss_history;
pub mod response_cache;
