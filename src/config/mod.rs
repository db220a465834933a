//! The typed configuration: defaults, overridden by a TOML file, `PLENARY_…` variables and command-line
//! options, in this order. It is validated as a whole before anything starts; every error names its setting.

mod imports;
mod load;
mod mail;
pub mod network;
mod newsletter;
mod oidc;
mod protection;
mod site;
mod validate;
mod variables;

use std::collections::BTreeMap;
use std::net::{AddrParseError, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use imports::ImportsConfig;
pub use load::Overrides;
pub use mail::{MailConfig, TOKEN as MAIL_TOKEN};
use network::Network;
pub use newsletter::NewsletterConfig;
pub use oidc::OidcConfig;
pub use protection::ProtectionConfig;
pub use site::SiteConfig;

use crate::content::Site;
use crate::content::custom_fields::CustomSchemas;
use crate::content::values;
use crate::database::Address;
use crate::time_zone::Zone;

/// The whole configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: String,
    /// Base URL under which clients reach the server; links and problem types begin with it. Defaults to the
    /// address that the server listens on, as seen from this machine.
    pub public_url: String,
    /// `postgres://…`, or the path of a SQLite file.
    pub database_url: String,
    /// The website and its languages.
    pub site: SiteConfig,
    /// Rules for publication and the trash.
    pub editorial: EditorialConfig,
    /// Tokens and password hashing.
    pub auth: AuthConfig,
    /// Outgoing mail.
    pub mail: MailConfig,
    /// The newsletter.
    pub newsletter: NewsletterConfig,
    /// Protection of what visitors send without an account.
    pub protection: ProtectionConfig,
    /// Log-in with an OpenID provider.
    pub oidc: OidcConfig,
    /// Limits and resources of the server.
    pub server: ServerConfig,
    /// Caches in front of the server.
    pub cdn: CdnConfig,
    /// Full-text search.
    pub search: SearchConfig,
    /// Cross-origin requests of browsers.
    pub cors: CorsConfig,
    /// Access of agents.
    pub mcp: McpConfig,
    /// Imports over HTTP.
    pub imports: ImportsConfig,
    /// The log.
    pub log: LogConfig,
    /// Names of `PLENARY_…` variables that are not settings and were ignored.
    #[serde(skip)]
    pub ignored_variables: Vec<String>,
}

/// Names of the roles of accounts, from the fewest permissions to all.
pub const ROLES: [&str; 4] = ["viewer", "contributor", "editor", "administrator"];

/// The section `[editorial]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditorialConfig {
    /// Locales in which an item must be complete before it can be published.
    pub required_locales: Vec<String>,
    /// Whether an item can be published only if all items that it refers to are published.
    pub require_published_references: bool,
    /// Days after which items in the trash are deleted permanently; 0 keeps them.
    pub purge_trash_days: u32,
}

/// The section `[auth]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    /// `iss` of access tokens.
    pub issuer: String,
    /// `aud` of access tokens.
    pub audience: String,
    /// Lifetime of an access token, in minutes.
    pub access_token_minutes: u32,
    /// Lifetime of an unused refresh token, in days.
    pub refresh_token_days: u32,
    /// Lifetime of the cookie of a browser's session that is not renewed, in minutes.
    pub cookie_minutes: u32,
    /// Lifetime of a browser's session, in hours, however often its cookie is renewed.
    pub cookie_hours: u32,
    /// Age of the newest signing key, in days, at which a new one is created.
    pub key_rotation_days: u32,
    /// Memory of a password hash, in KiB (OWASP: at least 19456).
    pub hash_memory_kib: u32,
    /// Passes over that memory (OWASP: at least 2).
    pub hash_passes: u32,
    /// Number of password hashes that are computed concurrently.
    pub hash_threads: usize,
}

/// The section `[server]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Number of HTTP worker threads; 0 means one per core.
    pub workers: usize,
    /// Number of database connections for reads; 0 means two per core.
    pub database_readers: usize,
    /// Number of reads, and of writes, that may wait for the database.
    pub database_queue: usize,
    /// Seconds for which a request waits for a read, or for its write to begin, before the response is 503.
    pub database_timeout_seconds: u64,
    /// Greatest size of a request body, in bytes.
    pub max_body_bytes: usize,
    /// Seconds within which a client must send the head of a request, and again its body.
    pub request_timeout_seconds: u64,
    /// Seconds for which an idle connection is kept open.
    pub keep_alive_seconds: u64,
    /// Seconds for which a shutdown waits for running requests.
    pub shutdown_seconds: u64,
    /// Number of concurrent connections per worker.
    pub max_connections: usize,
    /// Seconds after which a connection is closed whose client does not read the response.
    pub stall_seconds: u64,
    /// Number of concurrent subscribers to the stream of changes.
    pub change_stream_listeners: usize,
    /// Memory for responses in transmission that are not in the cache, in bytes.
    pub response_buffer_bytes: usize,
    /// Whether responses are compressed for clients that accept it.
    pub compress: bool,
    /// Memory for the cache of public responses, in bytes; 0 disables it.
    pub response_cache_bytes: usize,
    /// Seconds for which stale responses are served from the cache, with their `Age`, while the database does
    /// not answer.
    pub stale_response_seconds: u64,
    /// Greatest number of items over which facets are counted; a query with more is refused.
    pub facet_items: u32,
    /// Proxies whose `X-Forwarded-For` is trusted: addresses, or networks such as `10.0.0.0/8`.
    pub trusted_proxies: Vec<Network>,
}

/// The section `[cdn]`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CdnConfig {
    /// Response header with the cache tags, `surrogate-key` or `cache-tag`; empty for none.
    pub tags: String,
    /// URL to which the tags to purge are sent (`POST`) after each change; empty for none.
    pub purge_url: String,
    /// Header of the purge requests with its value, such as `Authorization: Bearer …`. It is a secret.
    pub purge_header: String,
}

// Written by hand, so that the secret header never reaches a log.
impl std::fmt::Debug for CdnConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CdnConfig").field("tags", &self.tags).field("purge_url", &self.purge_url).finish()
    }
}

/// The section `[search]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchConfig {
    /// Folder of this node's search index; empty for the default, beside the SQLite file or `data/search-…`
    /// with Postgres. It can be deleted, since the index is rebuilt from the database.
    pub folder: String,
}

/// The section `[cors]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorsConfig {
    /// Allowed origins, such as `https://www.example.org`, or `*` for all (without credentials).
    pub allowed_origins: Vec<String>,
    /// Origins of web pages that may use the cookie of a session, besides that of `public_url`.
    pub credential_origins: Vec<String>,
}

impl CorsConfig {
    /// Returns whether all origins are allowed.
    pub fn allows_any(&self) -> bool {
        self.allowed_origins.iter().any(|origin| origin == "*")
    }
}

/// The section `[mcp]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpConfig {
    /// Whether agents can use `/mcp`.
    pub enabled: bool,
    /// Whether agents of editors may publish, and change what is public.
    pub publish: bool,
    /// Names of the server besides that of `public_url`, such as the one that a proxy uses.
    pub allowed_hosts: Vec<String>,
    /// Origins of web pages that may use `/mcp`, besides that of `public_url`.
    pub allowed_origins: Vec<String>,
}

/// The section `[log]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Format of the log lines, `json` or `pretty`.
    pub format: String,
    /// Filter directives, such as `info` or `plenary=debug,info`.
    pub level: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            public_url: "http://127.0.0.1:8080".into(),
            database_url: "data/plenary.db".into(),
            site: SiteConfig::default(),
            editorial: EditorialConfig {
                required_locales: Vec::new(),
                require_published_references: true,
                purge_trash_days: 30,
            },
            auth: AuthConfig {
                issuer: "plenary".into(),
                audience: "plenary-api".into(),
                access_token_minutes: 15,
                refresh_token_days: 30,
                cookie_minutes: 30,
                cookie_hours: 12,
                key_rotation_days: 90,
                hash_memory_kib: 19_456,
                hash_passes: 2,
                hash_threads: 1,
            },
            mail: MailConfig::default(),
            newsletter: NewsletterConfig::default(),
            protection: ProtectionConfig::default(),
            oidc: OidcConfig::default(),
            server: ServerConfig {
                workers: 0,
                database_readers: 0,
                database_queue: 1024,
                database_timeout_seconds: 10,
                max_body_bytes: 1_048_576,
                request_timeout_seconds: 15,
                keep_alive_seconds: 30,
                shutdown_seconds: 20,
                max_connections: 10_000,
                stall_seconds: 30,
                change_stream_listeners: 2_000,
                response_buffer_bytes: 268_435_456,
                compress: true,
                response_cache_bytes: 67_108_864,
                stale_response_seconds: 3_600,
                facet_items: 100_000,
                trusted_proxies: vec![
                    Network::from_address(Ipv4Addr::LOCALHOST.into()),
                    Network::from_address(Ipv6Addr::LOCALHOST.into()),
                ],
            },
            cdn: CdnConfig { tags: String::new(), purge_url: String::new(), purge_header: String::new() },
            search: SearchConfig { folder: String::new() },
            cors: CorsConfig { allowed_origins: vec!["*".into()], credential_origins: Vec::new() },
            mcp: McpConfig { enabled: true, publish: false, allowed_hosts: Vec::new(), allowed_origins: Vec::new() },
            imports: ImportsConfig::default(),
            ignored_variables: Vec::new(),
            log: LogConfig { format: "pretty".into(), level: "info,actix_server=warn,actix_http=off".into() },
        }
    }
}

impl Config {
    /// Returns `public_url` without a slash at its end, to which the paths of routes are added.
    pub fn base_url(&self) -> &str {
        self.public_url.trim_end_matches('/')
    }

    /// Returns the address of the log-in page of the editor in the page.
    pub fn editor_log_in_url(&self) -> String {
        format!("{}/edit/log-in", self.base_url())
    }

    /// Returns the redirect URI that is the log-in page of the editor, if `oidc.redirect_uris` has it.
    pub fn editor_redirect_uri(&self) -> Option<&str> {
        let own = values::url(&self.editor_log_in_url()).ok()?;
        let is_own = |uri: &&String| values::url(uri).as_ref() == Ok(&own);
        self.oidc.redirect_uris.iter().find(is_own).map(String::as_str)
    }

    /// Returns the address of the website: that of the pages in the settings, and without any, `public_url`.
    pub fn website(&self) -> String {
        let own = self.site.page_urls().into_iter().find_map(|(_, page)| url::Url::parse(page).ok());
        own.map_or_else(|| self.base_url().to_owned(), |page| page.origin().ascii_serialization())
    }

    /// Returns the address at which a server with this configuration is reached from its own machine.
    ///
    /// # Errors
    /// Returns an error if `listen` is not an address and a port.
    pub fn local_address(&self) -> Result<SocketAddr, AddrParseError> {
        let mut address: SocketAddr = self.listen.parse()?;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
        }
        Ok(address)
    }

    /// Returns the address of the database.
    pub fn address(&self) -> Address {
        Address::parse(&self.database_url)
    }

    /// Returns how long a request waits for the database; `None` means without limit, as commands do.
    pub fn database_timeout(&self) -> Option<Duration> {
        (self.server.database_timeout_seconds > 0).then(|| Duration::from_secs(self.server.database_timeout_seconds))
    }

    /// Returns the properties of the site on which its content depends. The configuration must be valid.
    pub fn site(&self) -> Site {
        Site {
            locales: self.site.locales.clone(),
            time_zone: values::zone(&self.site.time_zone).unwrap_or_else(|_| Zone::utc()),
            custom: self.custom_schemas().unwrap_or_default(),
            name: self.site.name.clone(),
            page_urls: self.site.page_urls().map(|(kind, url)| (kind, url.to_owned())).into(),
            fallback: self.site.fallback.clone(),
            required_locales: self.editorial.required_locales.clone(),
            require_published_references: self.editorial.require_published_references,
            embed_hosts: self.site.embed_hosts.clone(),
        }
    }

    /// Reads and compiles the JSON Schemas of `site.custom`. The error names the setting.
    fn custom_schemas(&self) -> Result<CustomSchemas, String> {
        let mut schemas = BTreeMap::new();
        for (kind, path) in &self.site.custom {
            if crate::content_types::ContentType::of_kind(kind).is_none() {
                return Err(format!("site.custom.{kind}: there is no kind of content with this name"));
            }
            let text =
                std::fs::read_to_string(path).map_err(|e| format!("site.custom.{kind}: {}: {e}", path.display()))?;
            let schema =
                serde_json::from_str(&text).map_err(|e| format!("site.custom.{kind}: {}: {e}", path.display()))?;
            schemas.insert(kind.clone(), schema);
        }
        CustomSchemas::compile(&schemas).map_err(|(kind, error)| format!("site.custom.{kind}: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn the_website_is_where_its_pages_are() {
        let mut config = Config::default();
        assert_eq!(config.website(), config.base_url());
        config.site.event_url = "https://www.example.org/{locale}/events/{slug}".to_owned();
        assert_eq!(config.website(), "https://www.example.org");
    }
}
