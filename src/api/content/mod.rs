//! The endpoints of content, which are the same for every content type.

pub mod duplicate;
pub mod editing_state;
mod every_collection;
pub mod external_ids;
pub mod history;
pub mod items;
pub mod lifecycle;
pub mod merge;
mod not_shown;
pub mod operation_texts;
mod publish;
pub mod references;
pub mod review;
pub mod summary;
pub mod translation_tasks;
pub mod translations;
pub mod trash;
