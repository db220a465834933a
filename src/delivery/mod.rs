//! Reads: from a typed query to the bytes of an answer.

pub mod answers;
pub mod cards;
pub mod changes;
pub mod coding;
pub mod compose;
pub mod cursor;
mod drafts;
pub mod everywhere;
pub mod list;
pub mod one;
pub mod query;
pub mod search;
mod select;

/// For whom an answer is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Anybody: only what is live.
    Public,
    /// Somebody who may see drafts.
    Editors,
}

/// How an answer shows its items.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Locale and form of rich text.
    pub view: crate::content::render::View,
    /// The relations to show whole.
    pub include: Vec<&'static str>,
    /// With the fields that cards leave out.
    pub full: bool,
    /// For whom.
    pub audience: Audience,
    /// With the newest text instead of the public one.
    pub draft: bool,
}
