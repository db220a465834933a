//! Authentication and authorisation: accounts, log-ins, sessions, tokens, API keys, roles and permissions.

pub mod accounts;
pub mod actor;
pub mod audit_log;
pub mod credentials;
mod crypto;
pub mod expiry;
pub mod keys;
pub mod lockout;
pub mod login;
pub mod oidc;
pub mod one_time_tokens;
pub mod passwords;
pub mod permissions;
pub mod provider_tokens;
pub mod second_factor;
pub mod sessions;
pub mod tokens;
