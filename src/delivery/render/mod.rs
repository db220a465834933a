//! From rows to the JSON of items.

pub mod blocks;
pub mod compose;
pub mod links_within;
pub mod loaded_item;
pub mod paths;
pub mod relations;
pub mod site_members;
pub mod sparse_fields;
pub mod working_drafts;
