//! The rules that the settings must keep to.

use std::net::SocketAddr;

use language_tags::LanguageTag;

use super::Config;
use crate::content::values;
use crate::time_zone::rules;

/// What is wrong, a line each.
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
    /// What is wrong with the settings; each line begins with the setting's name.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Faults::default();
        self.check_site(&mut faults);
        self.check_accounts(&mut faults);
        self.check_server(&mut faults);
        self.check_neighbours(&mut faults);
        faults.0.extend(crate::auth::mail::Mailer::new(&self.mail).err());
        faults.0.extend(self.custom_schemas().err());
        faults.0
    }

    /// Addresses, the site, and editors' work.
    fn check_site(&self, faults: &mut Faults) {
        faults.check(
            self.listen.parse::<SocketAddr>().is_ok(),
            "listen",
            "wants an address and a port, such as 0.0.0.0:8080",
        );
        faults.check(values::url(&self.public_url).is_ok(), "public_url", "wants an http or https URL");
        faults.check(!self.database_url.is_empty(), "database_url", "must not be empty");
        let page = &self.site.event_url;
        faults.check(
            page.is_empty() || (page.contains("{slug}") && values::url(page).is_ok()),
            "site.event_url",
            "wants an http or https URL with {slug} in it",
        );
        faults.check(!self.site.locales.is_empty(), "site.locales", "wants one locale at least");
        for locale in &self.site.locales {
            let normal = values::language(locale);
            faults.check(
                normal.as_deref() == Ok(locale),
                "site.locales",
                &format!("\"{locale}\" is no BCP 47 tag in its usual form"),
            );
            let registered = LanguageTag::parse(locale).is_ok_and(|tag| tag.validate().is_ok());
            faults.check(
                normal.as_deref() != Ok(locale) || registered,
                "site.locales",
                &format!("\"{locale}\" has a part that is not in IANA's registry of languages and regions"),
            );
        }
        faults.check(
            values::zone(&self.site.time_zone).is_ok(),
            "site.time_zone",
            "wants an IANA time zone, such as Europe/Brussels",
        );
        faults.check(
            rules::is_sound(&self.site.zoneinfo),
            "site.zoneinfo",
            "wants a folder with compiled rules of time zones and a file tzdata.zi or +VERSION, or built-in",
        );
        for locale in self.site.fallback.iter().flat_map(|(locale, others)| others.iter().chain([locale])) {
            let known = self.site.locales.contains(locale);
            faults.check(known, "site.fallback", &format!("\"{locale}\" is none of site.locales"));
        }
        for locale in &self.editorial.required_locales {
            let known = self.site.locales.contains(locale);
            faults.check(known, "editorial.required_locales", &format!("\"{locale}\" is none of site.locales"));
        }
        faults.check(self.editorial.purge_trash_days <= 36_500, "editorial.purge_trash_days", "at most 36500");
    }

    /// Logging in.
    fn check_accounts(&self, faults: &mut Faults) {
        faults.check(!self.auth.issuer.is_empty(), "auth.issuer", "must not be empty");
        faults.check(!self.auth.audience.is_empty(), "auth.audience", "must not be empty");
        faults.check(
            (1..=60).contains(&self.auth.access_token_minutes),
            "auth.access_token_minutes",
            "between 1 and 60",
        );
        let loopback = |url: &str| ["http://127.0.0.1", "http://localhost"].iter().any(|own| url.starts_with(own));
        let issuer = &self.oidc.issuer;
        faults.check(
            issuer.is_empty() || issuer.starts_with("https://") || loopback(issuer),
            "oidc.issuer",
            "wants an https URL",
        );
        faults.check(issuer.is_empty() || !self.oidc.client_id.is_empty(), "oidc.client_id", "must not be empty");
        for uri in &self.oidc.redirect_uris {
            faults.check(values::url(uri).is_ok(), "oidc.redirect_uris", &format!("\"{uri}\" is no http or https URL"));
        }
        let role = &self.oidc.default_role;
        let known = crate::auth::permissions::Role::from_word(role).is_some();
        faults.check(
            role.is_empty() || known,
            "oidc.default_role",
            "viewer, contributor, editor, administrator, or nothing",
        );
        faults.check(
            self.mail.link.is_empty() || self.mail.link.contains("{token}"),
            "mail.link",
            "wants {token} in it",
        );
        faults.check((1..=365).contains(&self.auth.refresh_token_days), "auth.refresh_token_days", "between 1 and 365");
        faults.check((1..=3650).contains(&self.auth.key_rotation_days), "auth.key_rotation_days", "between 1 and 3650");
        faults.check(
            (8..=4_194_304).contains(&self.auth.hash_memory_kib),
            "auth.hash_memory_kib",
            "between 8 and 4194304",
        );
        faults.check((1..=100).contains(&self.auth.hash_passes), "auth.hash_passes", "between 1 and 100");
        faults.check((1..=64).contains(&self.auth.hash_threads), "auth.hash_threads", "between 1 and 64");
    }

    /// Bounds of the server.
    fn check_server(&self, faults: &mut Faults) {
        faults.check(
            (1_024..=67_108_864).contains(&self.server.max_body_bytes),
            "server.max_body_bytes",
            "between 1024 and 67108864",
        );
        faults.check(
            (1..=600).contains(&self.server.request_timeout_seconds),
            "server.request_timeout_seconds",
            "between 1 and 600",
        );
        faults.check(self.server.keep_alive_seconds <= 3_600, "server.keep_alive_seconds", "at most 3600");
        faults.check(self.server.shutdown_seconds <= 600, "server.shutdown_seconds", "at most 600");
        let stall = (1..=3_600).contains(&self.server.stall_seconds);
        faults.check(stall, "server.stall_seconds", "between 1 and 3600");
        faults.check(
            self.server.stale_answer_seconds <= 604_800,
            "server.stale_answer_seconds",
            "at most 604800, a week",
        );
        faults.check(self.server.max_connections >= 1, "server.max_connections", "at least 1");
        faults.check(self.server.database_queue >= 1, "server.database_queue", "at least 1");
        faults.check(
            (1..=600).contains(&self.server.database_timeout_seconds),
            "server.database_timeout_seconds",
            "between 1 and 600",
        );
        faults.check(self.server.workers <= 512, "server.workers", "at most 512");
        faults.check(self.server.database_readers <= 512, "server.database_readers", "at most 512");
    }

    /// Logs, caches in front, and other origins.
    fn check_neighbours(&self, faults: &mut Faults) {
        faults.check(["json", "pretty"].contains(&self.log.format.as_str()), "log.format", "json or pretty");
        faults.check(
            self.log.level.parse::<tracing_subscriber::EnvFilter>().is_ok(),
            "log.level",
            "wants directives, such as info",
        );
        let tags = self.cdn.tags.as_str();
        faults.check(
            ["", "surrogate-key", "cache-tag"].contains(&tags),
            "cdn.tags",
            "surrogate-key, cache-tag, or nothing",
        );
        let purge = &self.cdn.purge_url;
        faults.check(purge.is_empty() || values::url(purge).is_ok(), "cdn.purge_url", "wants an http or https URL");
        let header = &self.cdn.purge_header;
        faults.check(
            header.is_empty() || header.contains(':'),
            "cdn.purge_header",
            "wants a name, a colon, and a value",
        );
        for origin in &self.cors.allowed_origins {
            let sound =
                origin == "*" || url::Url::parse(origin).is_ok_and(|u| u.origin().ascii_serialization() == *origin);
            faults.check(
                sound,
                "cors.allowed_origins",
                &format!("\"{origin}\" is no origin, such as https://www.example.org"),
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
