//! Editors' work: what all kinds of content share. From a body to a durable, journalled item, and from
//! a draft to its publication.
//!
//! `draft` checks a body, `derive` computes what is stored beside the content, `write` puts it into
//! the database, `operations` ties them together for one request. `life` has the steps from draft to
//! archive, with what `checks` demands of them; `working` the drafts of what is public already;
//! `plan`, `schedule`, `releases` and `clock` what happens by itself.

mod beside;
pub mod bulk;
pub mod checks;
pub mod clock;
pub mod derive;
pub mod draft;
pub mod idempotency;
pub mod life;
pub mod merge;
pub mod operations;
pub mod overlay;
pub mod own;
pub mod plan;
pub mod preview;
pub mod previews;
pub mod purge;
pub mod releases;
pub mod rerender;
pub mod review;
pub mod schedule;
pub mod slugs;
pub mod working;
pub mod write;
pub mod zone_rules;
