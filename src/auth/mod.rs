//! Authentication and authorisation: accounts, log-ins, sessions, tokens, API keys, roles and permissions.

pub mod accounts;
pub mod api;
pub mod credentials;
mod crypto;
mod expiry;
pub mod forms;
pub mod keys;
pub mod keys_api;
pub mod lockout;
mod login;
pub mod mail;
pub mod mailed;
pub mod mailed_api;
pub mod oidc;
pub mod oidc_api;
pub mod passwords;
pub mod permissions;
pub mod second_factor;
pub mod second_factor_api;
pub mod sessions;
pub mod sessions_api;
pub mod tokens;
pub mod told;
