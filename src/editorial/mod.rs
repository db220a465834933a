//! Editing of content, shared by all kinds: from a request body to a durable item with a journal entry, and
//! from a draft to its publication.
//!
//! A change of an item passes these modules in this order: `change` reads the stored item and applies the
//! request to it, with `three_way_merge` if the request is based on an older version; `validate` validates the
//! resulting body; `write` stores it; `items::projection` computes the columns and rows that follow from the
//! content; `items::side_tables` stores those rows; and `journal` records the change. Everything after the
//! validation is one write transaction.
//!
//! `lifecycle` holds the steps of the publication workflow and `publication_checks` the conditions of a
//! publication; `working_drafts` writes the working drafts of published and archived items; `merge` lets one item take
//! the place of others. `schedule` and
//! `releases` hold planned changes, which `plan` carries out when `background::scheduler` starts them;
//! `overlay` and `previews` show their result beforehand.

pub mod batch;
pub mod branches;
pub mod bulk;
pub mod change;
mod change_transaction;
pub mod children;
mod create;
pub mod due_plans;
pub mod duplicate;
pub mod editor;
pub mod external_ids;
pub mod idempotency;
pub mod insert;
pub mod lifecycle;
mod menu_limit;
pub mod merge;
pub mod overlay;
pub mod ownership;
pub mod plan;
pub mod preview_links;
pub mod previews;
pub mod programme;
pub mod publication_checks;
pub mod publish_children;
pub mod redirects;
mod reference_ids;
pub mod references;
pub mod releases;
pub mod review;
pub mod schedule;
pub mod site_settings;
pub mod slugs;
pub mod three_way_merge;
pub mod translation_tasks;
pub mod trash_purge;
pub mod validate;
pub mod wide_redirects;
pub mod working_drafts;
pub mod write;
pub mod write_context;
pub mod zone_rules;
