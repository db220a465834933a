//! Accounts of editors: logging in, tokens, roles.

pub mod accounts;
pub mod api;
mod crypto;
pub mod forms;
pub mod keys;
pub mod keys_api;
mod lockout;
pub mod passwords;
pub mod permissions;
pub mod sessions;
pub mod sessions_api;
pub mod tokens;
pub mod told;
