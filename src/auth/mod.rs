//! Accounts of editors: logging in, tokens, roles.

pub mod accounts;
pub mod api;
mod crypto;
pub mod forms;
mod lockout;
pub mod passwords;
pub mod permissions;
pub mod sessions;
pub mod tokens;
