//! Editing of content, shared by all kinds: from a request body to a durable item with a journal entry, and
//! from a draft to its publication.
//!
//! A change of an item passes these modules in this order: `operations` reads the stored item and merges the
//! change into it (`merge`), `draft` validates the resulting body, `write` stores it, `derive` computes the
//! columns and rows that follow from the content, `beside` stores those rows, and `journal` records the
//! change. Everything after the validation is one write transaction.
//!
//! `life` holds the steps of the publication workflow and `checks` the conditions of a publication; `working`
//! holds the working drafts of published and archived items. `schedule` and `releases` hold planned changes,
//! which `plan` carries out and `clock` starts when they are due; `overlay` and `previews` show their result
//! beforehand.

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
