//! The endpoints of accounts: their administration, log-in, sessions, API keys.

pub mod administration;
pub mod api_keys;
pub mod cookies;
pub mod invitations;
pub mod oidc;
mod session_steps;
pub mod sessions;
pub mod two_factor;
mod verification;
