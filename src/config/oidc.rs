//! The section of the OpenID provider.

use serde::{Deserialize, Serialize};

/// The section `[oidc]`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// Issuer identifier of the OpenID provider; empty if there is none.
    pub issuer: String,
    /// Client id of this site at the provider.
    pub client_id: String,
    /// Client secret of this site at the provider.
    pub client_secret: String,
    /// Redirect URIs to which browsers may return.
    pub redirect_uris: Vec<String>,
    /// Role of accounts that are created at the first log-in of an unknown user; empty creates none.
    pub default_role: String,
}

// Written by hand, so that the client secret never reaches a log.
impl std::fmt::Debug for OidcConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OidcConfig").field("issuer", &self.issuer).field("client_id", &self.client_id).finish()
    }
}
