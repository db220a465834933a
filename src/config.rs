//! One typed configuration: defaults, then a TOML file, then `PLENARY_…` variables, then flags.
//! It is checked as a whole before anything starts; errors name the setting.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

use crate::content::Site;
use crate::content::custom::CustomSchemas;
use crate::content::values;
use crate::database::Address;

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
    /// Compress answers for clients that accept it.
    pub compress: bool,
    /// Memory for answers that the public was given lately, in bytes; 0 keeps none.
    pub answer_cache_bytes: usize,
    /// Items over which facets are counted at most; over more they are refused.
    pub facet_items: u32,
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
                max_body_bytes: 1_048_576,
                request_timeout_seconds: 15,
                keep_alive_seconds: 30,
                shutdown_seconds: 20,
                max_connections: 10_000,
                compress: true,
                answer_cache_bytes: 67_108_864,
                facet_items: 100_000,
            },
            cdn: CdnConfig { tags: String::new(), purge_url: String::new(), purge_header: String::new() },
            search: SearchConfig { folder: String::new() },
            cors: CorsConfig { allowed_origins: vec!["*".into()] },
            log: LogConfig { format: "pretty".into(), level: "info,actix_server=warn,actix_http=off".into() },
        }
    }
}

/// Flags that override the file and the environment.
#[derive(Debug, Clone, Default, Serialize, clap::Args)]
pub struct Overrides {
    /// Address and port to listen on
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// `postgres://…`, or the path of a SQLite file
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// The address under which clients reach the server; without it, where it listens
    #[arg(long, global = true)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
}

impl Config {
    /// Reads file, environment and flags over the defaults.
    pub fn load(file: Option<&PathBuf>, flags: &Overrides) -> Result<Self, Vec<String>> {
        let mut given = Figment::new();
        match file {
            Some(path) if !path.exists() => return Err(vec![format!("--config: {} does not exist", path.display())]),
            Some(path) => given = given.merge(Toml::file_exact(path)),
            None => given = given.merge(Toml::file("plenary.toml")),
        }
        // Those that commands read for themselves are no settings.
        let settings =
            Env::prefixed("PLENARY_").ignore(&["config", "admin_email", "admin_password", "data"]).split("__");
        given = given.merge(settings).merge(Serialized::defaults(flags));
        let says_where = given.contains("public_url");
        let mut config: Config = Figment::from(Serialized::defaults(Config::default()))
            .merge(given)
            .extract()
            .map_err(|errors| errors.into_iter().map(|e| explain(&e)).collect::<Vec<_>>())?;
        if !says_where {
            config.public_url = local_url(&config.listen).unwrap_or(config.public_url);
        }
        let faults = config.faults();
        if faults.is_empty() { Ok(config) } else { Err(faults) }
    }

    /// What is wrong with the settings; each line begins with the setting's name.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut check = |sound: bool, setting: &str, rule: &str| {
            if !sound {
                faults.push(format!("{setting}: {rule}"));
            }
        };
        check(self.listen.parse::<SocketAddr>().is_ok(), "listen", "wants an address and a port, such as 0.0.0.0:8080");
        check(values::url(&self.public_url).is_ok(), "public_url", "wants an http or https URL");
        check(!self.database_url.is_empty(), "database_url", "must not be empty");
        let page = &self.site.event_url;
        check(
            page.is_empty() || (page.contains("{slug}") && values::url(page).is_ok()),
            "site.event_url",
            "wants an http or https URL with {slug} in it",
        );
        check(!self.site.locales.is_empty(), "site.locales", "wants one locale at least");
        for locale in &self.site.locales {
            let normal = values::language(locale);
            check(
                normal.as_deref() == Ok(locale),
                "site.locales",
                &format!("\"{locale}\" is no BCP 47 tag in its usual form"),
            );
        }
        check(
            values::zone(&self.site.time_zone).is_ok(),
            "site.time_zone",
            "wants an IANA time zone, such as Europe/Brussels",
        );
        check(!self.auth.issuer.is_empty(), "auth.issuer", "must not be empty");
        check(!self.auth.audience.is_empty(), "auth.audience", "must not be empty");
        check((1..=60).contains(&self.auth.access_token_minutes), "auth.access_token_minutes", "between 1 and 60");
        for locale in self.site.fallback.iter().flat_map(|(locale, others)| others.iter().chain([locale])) {
            let known = self.site.locales.contains(locale);
            check(known, "site.fallback", &format!("\"{locale}\" is none of site.locales"));
        }
        for locale in &self.editorial.required_locales {
            let known = self.site.locales.contains(locale);
            check(known, "editorial.required_locales", &format!("\"{locale}\" is none of site.locales"));
        }
        check(self.editorial.purge_trash_days <= 36_500, "editorial.purge_trash_days", "at most 36500");
        let loopback = |url: &str| ["http://127.0.0.1", "http://localhost"].iter().any(|own| url.starts_with(own));
        let issuer = &self.oidc.issuer;
        check(
            issuer.is_empty() || issuer.starts_with("https://") || loopback(issuer),
            "oidc.issuer",
            "wants an https URL",
        );
        check(issuer.is_empty() || !self.oidc.client_id.is_empty(), "oidc.client_id", "must not be empty");
        for uri in &self.oidc.redirect_uris {
            check(values::url(uri).is_ok(), "oidc.redirect_uris", &format!("\"{uri}\" is no http or https URL"));
        }
        let role = &self.oidc.default_role;
        let known = crate::auth::permissions::Role::from_word(role).is_some();
        check(role.is_empty() || known, "oidc.default_role", "viewer, contributor, editor, administrator, or nothing");
        check(self.mail.link.is_empty() || self.mail.link.contains("{token}"), "mail.link", "wants {token} in it");
        check((1..=365).contains(&self.auth.refresh_token_days), "auth.refresh_token_days", "between 1 and 365");
        check((1..=3650).contains(&self.auth.key_rotation_days), "auth.key_rotation_days", "between 1 and 3650");
        check((8..=4_194_304).contains(&self.auth.hash_memory_kib), "auth.hash_memory_kib", "between 8 and 4194304");
        check((1..=100).contains(&self.auth.hash_passes), "auth.hash_passes", "between 1 and 100");
        check((1..=64).contains(&self.auth.hash_threads), "auth.hash_threads", "between 1 and 64");
        check(
            (1_024..=67_108_864).contains(&self.server.max_body_bytes),
            "server.max_body_bytes",
            "between 1024 and 67108864",
        );
        check(
            (1..=600).contains(&self.server.request_timeout_seconds),
            "server.request_timeout_seconds",
            "between 1 and 600",
        );
        check(self.server.keep_alive_seconds <= 3_600, "server.keep_alive_seconds", "at most 3600");
        check(self.server.shutdown_seconds <= 600, "server.shutdown_seconds", "at most 600");
        check(self.server.max_connections >= 1, "server.max_connections", "at least 1");
        check(self.server.database_queue >= 1, "server.database_queue", "at least 1");
        check(self.server.workers <= 512, "server.workers", "at most 512");
        check(self.server.database_readers <= 512, "server.database_readers", "at most 512");
        check(["json", "pretty"].contains(&self.log.format.as_str()), "log.format", "json or pretty");
        check(
            self.log.level.parse::<tracing_subscriber::EnvFilter>().is_ok(),
            "log.level",
            "wants directives, such as info",
        );
        let tags = self.cdn.tags.as_str();
        check(["", "surrogate-key", "cache-tag"].contains(&tags), "cdn.tags", "surrogate-key, cache-tag, or nothing");
        let purge = &self.cdn.purge_url;
        check(purge.is_empty() || values::url(purge).is_ok(), "cdn.purge_url", "wants an http or https URL");
        let header = &self.cdn.purge_header;
        check(header.is_empty() || header.contains(':'), "cdn.purge_header", "wants a name, a colon, and a value");
        for origin in &self.cors.allowed_origins {
            let sound =
                origin == "*" || url::Url::parse(origin).is_ok_and(|u| u.origin().ascii_serialization() == *origin);
            check(
                sound,
                "cors.allowed_origins",
                &format!("\"{origin}\" is no origin, such as https://www.example.org"),
            );
        }
        faults.extend(crate::auth::mail::Mailer::new(&self.mail).err());
        if let Err(fault) = self.custom_schemas() {
            faults.push(fault);
        }
        faults
    }

    /// The database that is meant.
    pub fn address(&self) -> Address {
        Address::parse(&self.database_url)
    }

    /// What the site fixes for all its content. The configuration must be free of faults.
    pub fn site(&self) -> Site {
        Site {
            locales: self.site.locales.clone(),
            time_zone: values::zone(&self.site.time_zone).unwrap_or(chrono_tz::UTC),
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

/// Where a server that listens there is reached from its own machine.
fn local_url(listen: &str) -> Option<String> {
    let mut address: SocketAddr = listen.parse().ok()?;
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    Some(format!("http://{address}"))
}

fn explain(error: &figment::Error) -> String {
    let setting = error.path.join(".");
    let from = error.metadata.as_ref().map_or(String::new(), |m| format!(" (from {})", m.name));
    format!("{}: {}{from}", if setting.is_empty() { "configuration" } else { &setting }, error.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound() {
        assert_eq!(Config::default().faults(), Vec::<String>::new());
    }

    #[test]
    fn a_server_is_reached_where_it_listens_unless_something_else_is_said() {
        let load = |listen: &str, public_url: Option<&str>| {
            let public_url = public_url.map(str::to_owned);
            let flags = Overrides { listen: Some(listen.to_owned()), public_url, ..Overrides::default() };
            Config::load(None, &flags).unwrap().public_url
        };
        assert_eq!(load("0.0.0.0:9000", None), "http://127.0.0.1:9000");
        assert_eq!(load("[::]:9000", None), "http://[::1]:9000");
        assert_eq!(load("10.0.0.1:80", None), "http://10.0.0.1:80");
        assert_eq!(load("0.0.0.0:9000", Some("http://127.0.0.1:8080")), "http://127.0.0.1:8080");
    }

    #[test]
    fn faults_name_their_setting() {
        let mut config = Config { listen: "nowhere".into(), ..Config::default() };
        config.site.time_zone = "Europe/Brusels".into();
        config.auth.access_token_minutes = 0;
        let faults = config.faults();
        for setting in ["listen:", "site.time_zone:", "auth.access_token_minutes:"] {
            assert!(faults.iter().any(|f| f.starts_with(setting)), "{setting} in {faults:?}");
        }
    }
}
