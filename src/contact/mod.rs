//! Contact: forms by which visitors write to the organisation, and their messages. See
//! `docs/decisions/0040-newsletter-and-contact.md`.

pub mod form_fields;
pub mod forms;
pub mod messages;
