//! The section of the OpenID provider.

use serde::{Deserialize, Serialize};

/// The section `[oidc]`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// Issuer identifier of the OpenID provider; empty if there is none.
    pub issuer: String,
    /// Name of the provider, as the log-in page of the editor shows it; empty shows the host of the issuer.
    pub name: String,
    /// Client id of this site at the provider.
    pub client_id: String,
    /// Client secret of this site at the provider.
    pub client_secret: String,
    /// Redirect URIs to which browsers may return.
    pub redirect_uris: Vec<String>,
    /// Role of accounts that are created at the first log-in of an unknown user; empty creates none.
    pub default_role: String,
}

impl OidcConfig {
    /// Returns the name of the provider for people; `None` if no provider is configured.
    pub fn provider_name(&self) -> Option<String> {
        let issuer = url::Url::parse(&self.issuer).ok()?;
        let name = self.name.trim();
        Some(if name.is_empty() { issuer.host_str().unwrap_or(&self.issuer).to_owned() } else { name.to_owned() })
    }
}

// Written by hand, so that the client secret never reaches a log.
impl std::fmt::Debug for OidcConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OidcConfig").field("issuer", &self.issuer).field("client_id", &self.client_id).finish()
    }
}
