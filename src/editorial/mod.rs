//! Writes: what all kinds of content share. From a body to a durable, journalled item.
//!
//! `draft` checks a body, `derive` computes what is stored beside the content, `write` puts it into
//! the database, `operations` ties them together for one request.

pub mod derive;
pub mod draft;
pub mod idempotency;
pub mod operations;
pub mod rerender;
pub mod slugs;
pub mod write;
