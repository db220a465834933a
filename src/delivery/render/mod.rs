//! From rows to the JSON of items.

pub mod compose;
pub mod loaded_item;
pub mod relations;
pub mod sparse_fields;
pub mod working_drafts;
