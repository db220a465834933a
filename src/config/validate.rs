//! Validation of the configuration.

use std::net::SocketAddr;

use language_tags::LanguageTag;

use super::ROLES;
use crate::config::Config;
use crate::content::values;
use crate::time_zone::rules;

/// The violations found so far, one line each.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn check(&mut self, sound: bool, setting: &str, rule: &str) {
        if !sound {
            self.0.push(format!("{setting}: {rule}"));
        }
    }
}

impl Config {
    /// Returns all violations of the configuration's rules; each begins with the name of its setting.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Faults::default();
        self.check_site(&mut faults);
        self.check_accounts(&mut faults);
        self.check_server(&mut faults);
        self.check_neighbours(&mut faults);
        faults.0.extend(self.mail.sender().err());
        faults.0.extend(self.custom_schemas().err());
        faults.0
    }

    /// Checks addresses and the sections `[site]` and `[editorial]`.
    fn check_site(&self, faults: &mut Faults) {
        faults.check(
            self.listen.parse::<SocketAddr>().is_ok(),
            "listen",
            "must be an address and a port, such as 0.0.0.0:8080",
        );
        faults.check(values::url(&self.public_url).is_ok(), "public_url", "must be an http or https URL");
        faults.check(!self.database_url.is_empty(), "database_url", "must not be empty");
        let page = &self.site.event_url;
        faults.check(
            page.is_empty() || (page.contains("{slug}") && values::url(page).is_ok()),
            "site.event_url",
            "must be an http or https URL that contains {slug}",
        );
        faults.check(!self.site.locales.is_empty(), "site.locales", "must name at least one locale");
        for locale in &self.site.locales {
            let normal = values::language(locale);
            faults.check(
                normal.as_deref() == Ok(locale),
                "site.locales",
                &format!("\"{locale}\" is not a BCP 47 tag in canonical form"),
            );
            let registered = LanguageTag::parse(locale).is_ok_and(|tag| tag.validate().is_ok());
            faults.check(
                normal.as_deref() != Ok(locale) || registered,
                "site.locales",
                &format!("\"{locale}\" has a subtag that is not in IANA's language subtag registry"),
            );
        }
        faults.check(
            values::zone(&self.site.time_zone).is_ok(),
            "site.time_zone",
            "must be an IANA time zone, such as Europe/Brussels",
        );
        faults.check(
            rules::is_sound(&self.site.zoneinfo),
            "site.zoneinfo",
            "must be built-in, or a folder with compiled time zone rules and a file tzdata.zi or +VERSION",
        );
        for locale in self.site.fallback.iter().flat_map(|(locale, others)| others.iter().chain([locale])) {
            let known = self.site.locales.contains(locale);
            faults.check(known, "site.fallback", &format!("\"{locale}\" is not in site.locales"));
        }
        for locale in &self.editorial.required_locales {
            let known = self.site.locales.contains(locale);
            faults.check(known, "editorial.required_locales", &format!("\"{locale}\" is not in site.locales"));
        }
        faults.check(self.editorial.purge_trash_days <= 36_500, "editorial.purge_trash_days", "must be at most 36500");
    }

    /// Checks the sections `[auth]`, `[oidc]` and `[mail]`.
    fn check_accounts(&self, faults: &mut Faults) {
        faults.check(!self.auth.issuer.is_empty(), "auth.issuer", "must not be empty");
        faults.check(!self.auth.audience.is_empty(), "auth.audience", "must not be empty");
        faults.check(
            (1..=60).contains(&self.auth.access_token_minutes),
            "auth.access_token_minutes",
            "must be between 1 and 60",
        );
        let loopback = |url: &str| ["http://127.0.0.1", "http://localhost"].iter().any(|own| url.starts_with(own));
        let issuer = &self.oidc.issuer;
        faults.check(
            issuer.is_empty() || issuer.starts_with("https://") || loopback(issuer),
            "oidc.issuer",
            "must be an https URL",
        );
        faults.check(issuer.is_empty() || !self.oidc.client_id.is_empty(), "oidc.client_id", "must not be empty");
        for uri in &self.oidc.redirect_uris {
            faults.check(
                values::url(uri).is_ok(),
                "oidc.redirect_uris",
                &format!("\"{uri}\" is not an http or https URL"),
            );
        }
        let role = &self.oidc.default_role;
        faults.check(
            role.is_empty() || ROLES.contains(&role.as_str()),
            "oidc.default_role",
            "must be viewer, contributor, editor, administrator or empty",
        );
        faults.check(
            self.mail.link.is_empty() || self.mail.link.contains("{token}"),
            "mail.link",
            "must contain {token}",
        );
        faults.check(
            (1..=365).contains(&self.auth.refresh_token_days),
            "auth.refresh_token_days",
            "must be between 1 and 365",
        );
        faults.check(
            (1..=3650).contains(&self.auth.key_rotation_days),
            "auth.key_rotation_days",
            "must be between 1 and 3650",
        );
        faults.check(
            (8..=4_194_304).contains(&self.auth.hash_memory_kib),
            "auth.hash_memory_kib",
            "must be between 8 and 4194304",
        );
        faults.check((1..=100).contains(&self.auth.hash_passes), "auth.hash_passes", "must be between 1 and 100");
        faults.check((1..=64).contains(&self.auth.hash_threads), "auth.hash_threads", "must be between 1 and 64");
    }

    /// Checks the section `[server]`.
    fn check_server(&self, faults: &mut Faults) {
        faults.check(
            (1_024..=67_108_864).contains(&self.server.max_body_bytes),
            "server.max_body_bytes",
            "must be between 1024 and 67108864",
        );
        faults.check(
            (1..=600).contains(&self.server.request_timeout_seconds),
            "server.request_timeout_seconds",
            "must be between 1 and 600",
        );
        faults.check(self.server.keep_alive_seconds <= 3_600, "server.keep_alive_seconds", "must be at most 3600");
        faults.check(self.server.shutdown_seconds <= 600, "server.shutdown_seconds", "must be at most 600");
        let stall = (1..=3_600).contains(&self.server.stall_seconds);
        faults.check(stall, "server.stall_seconds", "must be between 1 and 3600");
        faults.check(
            self.server.stale_response_seconds <= 604_800,
            "server.stale_response_seconds",
            "must be at most 604800, a week",
        );
        faults.check(self.server.max_connections >= 1, "server.max_connections", "must be at least 1");
        faults.check(self.server.database_queue >= 1, "server.database_queue", "must be at least 1");
        faults.check(
            (1..=600).contains(&self.server.database_timeout_seconds),
            "server.database_timeout_seconds",
            "must be between 1 and 600",
        );
        faults.check(self.server.workers <= 512, "server.workers", "must be at most 512");
        faults.check(self.server.database_readers <= 512, "server.database_readers", "must be at most 512");
    }

    /// Checks the sections `[log]`, `[cdn]` and `[cors]`.
    fn check_neighbours(&self, faults: &mut Faults) {
        faults.check(["json", "pretty"].contains(&self.log.format.as_str()), "log.format", "must be json or pretty");
        faults.check(
            self.log.level.parse::<tracing_subscriber::EnvFilter>().is_ok(),
            "log.level",
            "must be filter directives, such as info",
        );
        let tags = self.cdn.tags.as_str();
        faults.check(
            ["", "surrogate-key", "cache-tag"].contains(&tags),
            "cdn.tags",
            "must be surrogate-key, cache-tag or empty",
        );
        let purge = &self.cdn.purge_url;
        faults.check(purge.is_empty() || values::url(purge).is_ok(), "cdn.purge_url", "must be an http or https URL");
        let header = &self.cdn.purge_header;
        faults.check(
            header.is_empty() || header.contains(':'),
            "cdn.purge_header",
            "must be a name, a colon and a value",
        );
        for origin in &self.cors.allowed_origins {
            let sound =
                origin == "*" || url::Url::parse(origin).is_ok_and(|u| u.origin().ascii_serialization() == *origin);
            faults.check(
                sound,
                "cors.allowed_origins",
                &format!("\"{origin}\" is not an origin such as https://www.example.org"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound() {
        assert_eq!(Config::default().faults(), Vec::<String>::new());
    }

    #[test]
    fn faults_name_their_setting() {
        let mut config = Config { listen: "nowhere".into(), ..Config::default() };
        config.site.time_zone = "Europe/Brusels".into();
        config.site.locales = vec!["en".into(), "english".into(), "nl-BE".into(), "sr-Latn".into()];
        config.mail.smtp_url = "mail.example.org:587".into();
        config.auth.access_token_minutes = 0;
        let faults = config.faults();
        for setting in [
            "listen:",
            "site.time_zone:",
            "auth.access_token_minutes:",
            "site.locales:",
            "mail.smtp_url: must be smtp://",
        ] {
            assert!(faults.iter().any(|f| f.starts_with(setting)), "{setting} in {faults:?}");
        }
        assert_eq!(faults.iter().filter(|f| f.starts_with("site.locales")).count(), 1, "{faults:?}");
    }
}
