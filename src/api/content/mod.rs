//! The endpoints of content, which are the same for every content type.

pub mod editing_state;
pub mod history;
pub mod items;
pub mod lifecycle;
pub mod review;
pub mod translations;
