//! Validation of the configuration.

use std::net::SocketAddr;

use language_tags::LanguageTag;

use super::ROLES;
use crate::config::Config;
use crate::config::network::is_secure;
use crate::content::values;
use crate::time_zone::rules;

/// The violations found so far, one line each.
#[derive(Default)]
pub(super) struct ViolationList(Vec<String>);

impl ViolationList {
    pub(super) fn check(&mut self, is_valid: bool, setting: &str, rule: &str) {
        if !is_valid {
            self.0.push(format!("{setting}: {rule}"));
        }
    }

    /// Adds a violation that names its setting itself.
    pub(super) fn add(&mut self, violation: String) {
        self.0.push(violation);
    }
}

impl Config {
    /// Returns all violations of the configuration's rules; each begins with the name of its setting.
    pub fn violations(&self) -> Vec<String> {
        let mut violations = ViolationList::default();
        self.check_site(&mut violations);
        self.check_accounts(&mut violations);
        self.check_server(&mut violations);
        self.check_log_cdn_and_cors(&mut violations);
        self.check_credential_origins(&mut violations);
        self.check_mcp(&mut violations);
        self.imports.check(&mut violations);
        self.mail.check(&mut violations);
        self.newsletter.check(&mut violations);
        self.protection.check(&mut violations);
        violations.0.extend(self.custom_schemas().err());
        violations.0
    }

    /// Checks addresses and the sections `[site]` and `[editorial]`.
    fn check_site(&self, violations: &mut ViolationList) {
        self.check_addresses(violations);
        self.check_locales(violations);
        violations.check(
            values::zone(&self.site.time_zone).is_ok(),
            "site.time_zone",
            "must be an IANA time zone, such as Europe/Brussels",
        );
        violations.check(
            rules::is_sound(&self.site.zoneinfo),
            "site.zoneinfo",
            "must be built-in, or a folder with compiled time zone rules and a file tzdata.zi or +VERSION",
        );
        violations.check(
            self.editorial.purge_trash_days <= 36_500,
            "editorial.purge_trash_days",
            "must be at most 36500",
        );
    }

    fn check_addresses(&self, violations: &mut ViolationList) {
        violations.check(
            self.listen.parse::<SocketAddr>().is_ok(),
            "listen",
            "must be an address and a port, such as 0.0.0.0:8080",
        );
        violations.check(values::url(&self.public_url).is_ok(), "public_url", "must be an http or https URL");
        violations.check(!self.database_url.is_empty(), "database_url", "must not be empty");
        for (kind, page_url) in self.site.page_urls() {
            let key = if kind == "page" { "{path}" } else { "{slug}" };
            violations.check(
                page_url.is_empty() || (page_url.contains(key) && values::url(page_url).is_ok()),
                &format!("site.{kind}_url"),
                &format!("must be an http or https URL that contains {key}"),
            );
        }
        for host in &self.site.embed_hosts {
            let name = host.strip_prefix("*.").unwrap_or(host);
            let is_name = url::Host::parse(name).is_ok_and(|parsed| parsed.to_string() == name);
            violations.check(
                is_name,
                "site.embed_hosts",
                &format!("\"{host}\" is not the name of a host in lower case"),
            );
        }
    }

    fn check_locales(&self, violations: &mut ViolationList) {
        violations.check(!self.site.locales.is_empty(), "site.locales", "must name at least one locale");
        for locale in &self.site.locales {
            let canonical = values::well_formed_language(locale);
            violations.check(
                canonical.as_deref() == Ok(locale),
                "site.locales",
                &format!("\"{locale}\" is not a BCP 47 tag in canonical form"),
            );
            let registered = LanguageTag::parse(locale).is_ok_and(|tag| tag.validate().is_ok());
            violations.check(
                canonical.as_deref() != Ok(locale) || registered,
                "site.locales",
                &format!("\"{locale}\" has a subtag that is not in IANA's language subtag registry"),
            );
        }
        for locale in self.site.fallback.iter().flat_map(|(locale, others)| others.iter().chain([locale])) {
            let known = self.site.locales.contains(locale);
            violations.check(known, "site.fallback", &format!("\"{locale}\" is not in site.locales"));
        }
        for locale in &self.editorial.required_locales {
            let known = self.site.locales.contains(locale);
            violations.check(known, "editorial.required_locales", &format!("\"{locale}\" is not in site.locales"));
        }
    }

    /// Checks the sections `[auth]` and `[oidc]`.
    fn check_accounts(&self, violations: &mut ViolationList) {
        self.check_provider(violations);
        violations.check(!self.auth.issuer.is_empty(), "auth.issuer", "must not be empty");
        violations.check(!self.auth.audience.is_empty(), "auth.audience", "must not be empty");
        violations.check(
            (1..=60).contains(&self.auth.access_token_minutes),
            "auth.access_token_minutes",
            "must be between 1 and 60",
        );
        violations.check(
            (1..=365).contains(&self.auth.refresh_token_days),
            "auth.refresh_token_days",
            "must be between 1 and 365",
        );
        violations.check(
            (5..=240).contains(&self.auth.cookie_minutes),
            "auth.cookie_minutes",
            "must be between 5 and 240",
        );
        violations.check((1..=24).contains(&self.auth.cookie_hours), "auth.cookie_hours", "must be between 1 and 24");
        violations.check(
            (1..=3650).contains(&self.auth.key_rotation_days),
            "auth.key_rotation_days",
            "must be between 1 and 3650",
        );
        violations.check(
            (8..=4_194_304).contains(&self.auth.hash_memory_kib),
            "auth.hash_memory_kib",
            "must be between 8 and 4194304",
        );
        violations.check((1..=100).contains(&self.auth.hash_passes), "auth.hash_passes", "must be between 1 and 100");
        violations.check((1..=64).contains(&self.auth.hash_threads), "auth.hash_threads", "must be between 1 and 64");
    }

    /// Checks the section `[oidc]`.
    fn check_provider(&self, violations: &mut ViolationList) {
        let issuer = &self.oidc.issuer;
        violations.check(issuer.is_empty() || is_secure(issuer), "oidc.issuer", "must be an https URL");
        violations.check(issuer.is_empty() || !self.oidc.client_id.is_empty(), "oidc.client_id", "must not be empty");
        for uri in &self.oidc.redirect_uris {
            violations.check(
                values::url(uri).is_ok(),
                "oidc.redirect_uris",
                &format!("\"{uri}\" is not an http or https URL"),
            );
        }
        let role = &self.oidc.default_role;
        violations.check(
            role.is_empty() || ROLES.contains(&role.as_str()),
            "oidc.default_role",
            "must be viewer, contributor, editor, administrator or empty",
        );
    }

    /// Checks the section `[server]`.
    fn check_server(&self, violations: &mut ViolationList) {
        violations.check(
            (1_024..=67_108_864).contains(&self.server.max_body_bytes),
            "server.max_body_bytes",
            "must be between 1024 and 67108864",
        );
        violations.check(
            (1..=600).contains(&self.server.request_timeout_seconds),
            "server.request_timeout_seconds",
            "must be between 1 and 600",
        );
        violations.check(self.server.keep_alive_seconds <= 3_600, "server.keep_alive_seconds", "must be at most 3600");
        violations.check(self.server.shutdown_seconds <= 600, "server.shutdown_seconds", "must be at most 600");
        let stall = (1..=3_600).contains(&self.server.stall_seconds);
        violations.check(stall, "server.stall_seconds", "must be between 1 and 3600");
        violations.check(
            self.server.stale_response_seconds <= 604_800,
            "server.stale_response_seconds",
            "must be at most 604800, a week",
        );
        violations.check(self.server.max_connections >= 1, "server.max_connections", "must be at least 1");
        violations.check(self.server.database_queue >= 1, "server.database_queue", "must be at least 1");
        violations.check(
            (1..=600).contains(&self.server.database_timeout_seconds),
            "server.database_timeout_seconds",
            "must be between 1 and 600",
        );
        violations.check(self.server.workers <= 512, "server.workers", "must be at most 512");
        violations.check(self.server.database_readers <= 512, "server.database_readers", "must be at most 512");
    }

    /// Checks the sections `[log]`, `[cdn]` and `[cors]`.
    fn check_log_cdn_and_cors(&self, violations: &mut ViolationList) {
        violations.check(
            ["json", "pretty"].contains(&self.log.format.as_str()),
            "log.format",
            "must be json or pretty",
        );
        violations.check(
            self.log.level.parse::<tracing_subscriber::EnvFilter>().is_ok(),
            "log.level",
            "must be filter directives, such as info",
        );
        let tags = self.cdn.tags.as_str();
        violations.check(
            ["", "surrogate-key", "cache-tag"].contains(&tags),
            "cdn.tags",
            "must be surrogate-key, cache-tag or empty",
        );
        let purge = &self.cdn.purge_url;
        violations.check(
            purge.is_empty() || values::url(purge).is_ok(),
            "cdn.purge_url",
            "must be an http or https URL",
        );
        let header = &self.cdn.purge_header;
        violations.check(
            header.is_empty() || header.contains(':'),
            "cdn.purge_header",
            "must be a name, a colon and a value",
        );
        for origin in &self.cors.allowed_origins {
            violations.check(
                origin == "*" || is_origin(origin),
                "cors.allowed_origins",
                &format!("\"{origin}\" is not an origin such as https://www.example.org"),
            );
        }
    }

    /// Checks the origins that may use the cookie of a session. They are trusted with the rights of editors.
    fn check_credential_origins(&self, violations: &mut ViolationList) {
        violations.check(
            self.cors.credential_origins.is_empty() || is_secure(&self.public_url),
            "cors.credential_origins",
            "needs a public_url that begins with https, because cookies do",
        );
        for origin in &self.cors.credential_origins {
            violations.check(
                is_origin(origin) && is_secure(origin),
                "cors.credential_origins",
                &format!("\"{origin}\" is not an https origin such as https://www.example.org"),
            );
        }
    }

    /// Checks the section `[mcp]`.
    fn check_mcp(&self, violations: &mut ViolationList) {
        for host in &self.mcp.allowed_hosts {
            violations.check(
                url::Host::parse(host).is_ok_and(|parsed| parsed.to_string() == *host),
                "mcp.allowed_hosts",
                &format!("\"{host}\" is not the name of a host without a port, such as plenary.internal"),
            );
        }
        for origin in &self.mcp.allowed_origins {
            violations.check(
                is_origin(origin),
                "mcp.allowed_origins",
                &format!("\"{origin}\" is not an origin such as https://www.example.org"),
            );
        }
    }
}

fn is_origin(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound() {
        assert_eq!(Config::default().violations(), Vec::<String>::new());
    }

    #[test]
    fn faults_name_their_setting() {
        let mut config = Config { listen: "nowhere".into(), ..Config::default() };
        config.site.time_zone = "Europe/Brusels".into();
        config.site.locales = vec!["en".into(), "english".into(), "nl-BE".into(), "sr-Latn".into()];
        config.mail.smtp_url = "mail.example.org:587".into();
        config.auth.access_token_minutes = 0;
        config.mcp.allowed_hosts = vec!["plenary.internal".into(), "[::1]".into(), "plenary.internal:8080".into()];
        config.mcp.allowed_origins = vec!["https://tools.example.org".into(), "*".into()];
        let violations = config.violations();
        for setting in [
            "listen:",
            "site.time_zone:",
            "auth.access_token_minutes:",
            "site.locales:",
            "mail.smtp_url: must be smtp://",
            "mcp.allowed_hosts: \"plenary.internal:8080\"",
            "mcp.allowed_origins: \"*\"",
        ] {
            assert!(violations.iter().any(|f| f.starts_with(setting)), "{setting} in {violations:?}");
        }
        assert_eq!(violations.iter().filter(|f| f.starts_with("site.locales")).count(), 1, "{violations:?}");
        assert_eq!(violations.iter().filter(|f| f.starts_with("mcp.")).count(), 2, "{violations:?}");
    }

    /// The answers of the provider of identities decide who may log in.
    #[test]
    fn an_issuer_by_http_is_on_this_machine() {
        for (issuer, is_allowed) in [
            ("https://id.example.org", true),
            ("http://localhost:8080/realm", true),
            ("http://127.0.0.1:9", true),
            ("http://[::1]:9", true),
            ("http://localhost.example.org", false),
            ("http://127.0.0.1.example.org", false),
            ("http://localhost@id.example.org", false),
            ("http://id.example.org", false),
        ] {
            let mut config = Config::default();
            (config.oidc.issuer, config.oidc.client_id) = (issuer.into(), "cms".into());
            let is_told = config.violations().iter().any(|fault| fault.starts_with("oidc.issuer:"));
            assert_eq!(is_told, !is_allowed, "{issuer}");
        }
    }
}
