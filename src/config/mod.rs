//! One typed configuration: defaults, then a TOML file, then `PLENARY_…` variables, then flags.
//! It is checked as a whole before anything starts; errors name the setting.

mod faults;
mod load;
pub mod network;
mod variables;

use std::collections::BTreeMap;
use std::net::{AddrParseError, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use load::Overrides;
use network::Network;

use crate::content::Site;
use crate::content::custom::CustomSchemas;
use crate::content::values;
use crate::database::Address;
use crate::time_zone::Zone;

/// The whole configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: String,
    /// The address under which clients reach the server; links and problem types begin with it. Where nothing
    /// says it, that at which it listens, on this machine.
    pub public_url: String,
    /// `postgres://…`, or the path of a SQLite file.
    pub database_url: String,
    /// What the site is.
    pub site: SiteConfig,
    /// What editors' work is subject to.
    pub editorial: EditorialConfig,
    /// How editors log in.
    pub auth: AuthConfig,
    /// How mail is sent.
    pub mail: MailConfig,
    /// Where editors log in beside their passwords.
    pub oidc: OidcConfig,
    /// How the server behaves.
    pub server: ServerConfig,
    /// Caches in front of the server.
    pub cdn: CdnConfig,
    /// Full-text search.
    pub search: SearchConfig,
    /// Which other origins may read from browsers.
    pub cors: CorsConfig,
    /// What is logged.
    pub log: LogConfig,
    /// Variables that begin like settings and are none.
    #[serde(skip)]
    pub ignored_variables: Vec<String>,
}

/// `[site]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteConfig {
    /// What the site is called, in feeds.
    pub name: String,
    /// The pages of events on the website, with `{slug}` in it; empty where there are none.
    pub event_url: String,
    /// BCP 47 tags, the default first.
    pub locales: Vec<String>,
    /// The locales to try, in order, where one has no value: `"nl-BE" = ["nl", "fr"]`.
    pub fallback: BTreeMap<String, Vec<String>>,
    /// IANA zone of times that name none.
    pub time_zone: String,
    /// Where newer rules of time zones may be than those that the program carries: a folder that says its
    /// release; empty looks in the machine's usual ones, and `built-in` nowhere.
    pub zoneinfo: String,
    /// Files with JSON Schemas for `custom`, by kind: `event = "event.schema.json"`.
    pub custom: BTreeMap<String, PathBuf>,
}

/// `[editorial]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditorialConfig {
    /// Locales in which everything must be there before it is published.
    pub required_locales: Vec<String>,
    /// Whether an item can only be published when all that it refers to is.
    pub require_published_references: bool,
    /// Days after which what is in the trash is gone for good; 0 keeps it.
    pub purge_trash_days: u32,
}

/// `[auth]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    /// `iss` of access tokens.
    pub issuer: String,
    /// `aud` of access tokens.
    pub audience: String,
    /// Life of an access token, in minutes.
    pub access_token_minutes: u32,
    /// Life of an unused refresh token, in days.
    pub refresh_token_days: u32,
    /// Days after which a new signing key is made.
    pub key_rotation_days: u32,
    /// Memory of a password hash, in KiB (OWASP: at least 19456).
    pub hash_memory_kib: u32,
    /// Passes over that memory (OWASP: at least 2).
    pub hash_passes: u32,
    /// Password hashes computed at the same time.
    pub hash_threads: usize,
}

/// `[mail]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// `smtp://user:password@host:587?tls=required`, or `smtps://…`; empty sends no mail.
    pub smtp_url: String,
    /// The sender: `Plenary <no-reply@example.org>`.
    pub from: String,
    /// The page of the site's desk where a password is chosen, with `{token}` in it; empty mails the
    /// token itself.
    pub link: String,
}

/// `[oidc]`
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// The provider, as it calls itself; empty for none.
    pub issuer: String,
    /// What this site is called there.
    pub client_id: String,
    /// The secret that goes with it.
    pub client_secret: String,
    /// Where browsers may come back.
    pub redirect_uris: Vec<String>,
    /// The role of accounts that are made for people who have none; empty makes none.
    pub default_role: String,
}

// The secret is for nobody's eyes, not even in a log.
impl std::fmt::Debug for OidcConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("OidcConfig").field("issuer", &self.issuer).field("client_id", &self.client_id).finish()
    }
}

/// `[server]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Threads that speak HTTP; 0 means one a core.
    pub workers: usize,
    /// Database connections that read; 0 means two a core.
    pub database_readers: usize,
    /// Reads or writes that may wait for the database.
    pub database_queue: usize,
    /// Seconds for which a request waits for the database: for a read, or until a write begins. Then the answer is 503.
    pub database_timeout_seconds: u64,
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
    /// Seconds in which a client must send its request's head, and then its body.
    pub request_timeout_seconds: u64,
    /// Seconds an idle connection is kept.
    pub keep_alive_seconds: u64,
    /// Seconds that running requests get at shutdown.
    pub shutdown_seconds: u64,
    /// Connections at a time, per worker.
    pub max_connections: usize,
    /// Seconds after which a connection ends whose client takes nothing of what is sent.
    pub stall_seconds: u64,
    /// Listeners to changes at a time.
    pub live_listeners: usize,
    /// Memory for answers that are on their way beside those that are kept, in bytes.
    pub sending_bytes: usize,
    /// Compress answers for clients that accept it.
    pub compress: bool,
    /// Memory for answers that the public was given lately, in bytes; 0 keeps none.
    pub answer_cache_bytes: usize,
    /// Seconds for which answers are given out from memory while the database does not answer; their age is told.
    pub stale_answer_seconds: u64,
    /// Items over which facets are counted at most; over more they are refused.
    pub facet_items: u32,
    /// Proxies whose `X-Forwarded-For` is believed: addresses, or networks such as `10.0.0.0/8`.
    pub trusted_proxies: Vec<Network>,
}

/// `[cdn]`
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CdnConfig {
    /// Marks answers for caches in front of the server, in the header `surrogate-key` or `cache-tag`;
    /// empty for none.
    pub tags: String,
    /// Where caches are told which tags to forget, after each change (`POST`); empty for nowhere.
    pub purge_url: String,
    /// A header of these requests with its value, such as `Authorization: Bearer …`; it is a secret.
    pub purge_header: String,
}

// The header is for nobody's eyes, not even in a log.
impl std::fmt::Debug for CdnConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("CdnConfig").field("tags", &self.tags).field("purge_url", &self.purge_url).finish()
    }
}

/// `[search]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchConfig {
    /// Where the search index of this node is; empty: beside the SQLite file, or `data/search-…` on
    /// Postgres. It can be deleted: it is made anew from the database.
    pub folder: String,
}

/// `[cors]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorsConfig {
    /// Origins such as `https://www.example.org`, or `*` for all (without credentials).
    pub allowed_origins: Vec<String>,
}

impl CorsConfig {
    /// Whether any origin may read.
    pub fn allows_any(&self) -> bool {
        self.allowed_origins.iter().any(|origin| origin == "*")
    }
}

/// `[log]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// `json` or `pretty`.
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
            site: SiteConfig {
                name: "Plenary".into(),
                event_url: String::new(),
                locales: vec!["en".into(), "nl".into()],
                fallback: BTreeMap::new(),
                time_zone: "Europe/Brussels".into(),
                zoneinfo: String::new(),
                custom: BTreeMap::new(),
            },
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
                key_rotation_days: 90,
                hash_memory_kib: 19_456,
                hash_passes: 2,
                hash_threads: 1,
            },
            mail: MailConfig {
                smtp_url: String::new(),
                from: "Plenary <no-reply@localhost>".into(),
                link: String::new(),
            },
            oidc: OidcConfig {
                issuer: String::new(),
                client_id: String::new(),
                client_secret: String::new(),
                redirect_uris: Vec::new(),
                default_role: String::new(),
            },
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
                live_listeners: 2_000,
                sending_bytes: 268_435_456,
                compress: true,
                answer_cache_bytes: 67_108_864,
                stale_answer_seconds: 3_600,
                facet_items: 100_000,
                trusted_proxies: vec![
                    Network::one(Ipv4Addr::LOCALHOST.into()),
                    Network::one(Ipv6Addr::LOCALHOST.into()),
                ],
            },
            cdn: CdnConfig { tags: String::new(), purge_url: String::new(), purge_header: String::new() },
            search: SearchConfig { folder: String::new() },
            cors: CorsConfig { allowed_origins: vec!["*".into()] },
            ignored_variables: Vec::new(),
            log: LogConfig { format: "pretty".into(), level: "info,actix_server=warn,actix_http=off".into() },
        }
    }
}

impl Config {
    /// Where a server with these settings is reached from its own machine.
    pub fn local_address(&self) -> Result<SocketAddr, AddrParseError> {
        let mut address: SocketAddr = self.listen.parse()?;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
        }
        Ok(address)
    }

    /// The database that is meant.
    pub fn address(&self) -> Address {
        Address::parse(&self.database_url)
    }

    /// How long anybody waits for the database; none for as long as it takes, as commands do.
    pub fn database_patience(&self) -> Option<Duration> {
        (self.server.database_timeout_seconds > 0).then(|| Duration::from_secs(self.server.database_timeout_seconds))
    }

    /// What the site fixes for all its content. The configuration must be free of faults.
    pub fn site(&self) -> Site {
        Site {
            locales: self.site.locales.clone(),
            time_zone: values::zone(&self.site.time_zone).unwrap_or_else(|_| Zone::utc()),
            custom: self.custom_schemas().unwrap_or_default(),
            name: self.site.name.clone(),
            event_url: self.site.event_url.clone(),
            fallback: self.site.fallback.clone(),
            required_locales: self.editorial.required_locales.clone(),
            require_published_references: self.editorial.require_published_references,
        }
    }

    fn custom_schemas(&self) -> Result<CustomSchemas, String> {
        let mut schemas = BTreeMap::new();
        for (kind, path) in &self.site.custom {
            if crate::resources::Resource::of_kind(kind).is_none() {
                return Err(format!("site.custom.{kind}: there is no such kind of content"));
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
