//! The newsletter: sign-ups with double opt-in, subscribers with their consent, and issues. See
//! `docs/decisions/0040-newsletter-and-contact.md`.

pub mod addressing;
pub mod blocks;
pub mod consent;
pub mod event_body;
pub mod events;
pub mod issue_fields;
pub mod issues;
pub mod links;
pub mod rendering;
pub mod reports;
pub mod segment;
pub mod signups;
pub mod subscribers;
pub mod table;
