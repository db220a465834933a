//! The section `[mail]`: the mail server, the sender, and how mails are sent.

use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};

use super::validate::ViolationList;

/// The place of a token in a setting.
pub const TOKEN: &str = "{token}";

/// The section `[mail]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// Mail server: `smtp://user:password@host:587?tls=required`, or `smtps://…`; empty sends no mail.
    pub smtp_url: String,
    /// Sender of mails: `Plenary <no-reply@example.org>`.
    pub from: String,
    /// URL of the page where a password is chosen, with `{token}` for the token; empty mails the token
    /// itself.
    pub link: String,
    /// Address to which undeliverable mails return, with `{token}` for what tells the mail:
    /// `bounces+{token}@example.org`; empty for the address of the sender.
    pub return_path: String,
    /// Secret that a provider sends with notices of bounces, as a bearer token; empty refuses them.
    pub webhook_secret: String,
    /// Folder with templates that replace the built-in ones; empty for none.
    pub templates: String,
    /// Number of connections of a node to the mail server.
    pub connections: usize,
    /// Seconds that each step of the conversation with the mail server may take.
    pub timeout_seconds: u64,
    /// Seconds before the second attempt; each further delay is four times as long.
    pub retry_seconds: u32,
    /// Greatest number of seconds between two attempts.
    pub retry_max_seconds: u32,
    /// Hours after which a mail that the server did not take is given up.
    pub retry_hours: u32,
    /// Greatest number of mails to one domain within a minute, urgent ones excepted; 0 means without limit.
    pub domain_per_minute: u32,
    /// Days for which the log of mails is kept.
    pub keep_days: u32,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            smtp_url: String::new(),
            from: "Plenary <no-reply@localhost>".into(),
            link: String::new(),
            return_path: String::new(),
            webhook_secret: String::new(),
            templates: String::new(),
            connections: 2,
            timeout_seconds: 30,
            retry_seconds: 15,
            retry_max_seconds: 14_400,
            retry_hours: 48,
            domain_per_minute: 300,
            keep_days: 90,
        }
    }
}

impl MailConfig {
    /// Returns the sender of mails.
    ///
    /// # Errors
    /// Returns a message that begins with the name of the setting.
    pub fn sender(&self) -> Result<Mailbox, String> {
        self.from.parse().map_err(|e| format!("mail.from: {e}"))
    }

    /// Returns the address of the mail server, or `None` if none is configured.
    ///
    /// # Errors
    /// Returns a message that begins with the name of the setting.
    pub fn server(&self) -> Result<Option<url::Url>, String> {
        if self.smtp_url.is_empty() {
            return Ok(None);
        }
        let tls =
            |url: &url::Url| url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
        let is_smtp = |url: &url::Url| match (url.scheme(), tls(url).as_deref()) {
            ("smtp", None | Some("required" | "opportunistic")) | ("smtps", None) => url.has_host(),
            _ => false,
        };
        let url = url::Url::parse(&self.smtp_url).ok().filter(is_smtp);
        let wanted = "mail.smtp_url: must be smtp://user:password@host:587?tls=required, or smtps://…";
        url.map(Some).ok_or_else(|| wanted.to_owned())
    }

    /// Checks the section.
    pub(super) fn check(&self, violations: &mut ViolationList) {
        for violation in [self.server().err(), self.sender().err()].into_iter().flatten() {
            violations.add(violation);
        }
        violations.check(self.link.is_empty() || self.link.contains(TOKEN), "mail.link", "must contain {token}");
        let path = &self.return_path;
        let is_sound = || {
            let (local, domain) = path.split_once('@')?;
            let is_whole = local.matches(TOKEN).count() == 1 && !domain.contains('{');
            (is_whole && path.replace(TOKEN, "x").parse::<lettre::Address>().is_ok()).then_some(())
        };
        violations.check(
            path.is_empty() || is_sound().is_some(),
            "mail.return_path",
            "must be an address with {token} before the @, such as bounces+{token}@example.org",
        );
        // A local part has at most 64 octets (RFC 5321, section 4.5.3.1.1), and the token 43.
        let local = path.split('@').next().unwrap_or_default();
        violations.check(
            local.len() <= 21 + TOKEN.len(),
            "mail.return_path",
            "must have at most 21 characters beside {token}",
        );
        let secret = self.webhook_secret.len();
        violations.check(secret == 0 || secret >= 16, "mail.webhook_secret", "must have at least 16 characters");
        let folder = &self.templates;
        violations.check(
            folder.is_empty() || std::path::Path::new(folder).is_dir(),
            "mail.templates",
            "must be a folder",
        );
        let bounds = [
            ("mail.connections", self.connections as u64, 1, 8),
            ("mail.timeout_seconds", self.timeout_seconds, 1, 300),
            ("mail.retry_seconds", self.retry_seconds.into(), 1, 3_600),
            ("mail.retry_max_seconds", self.retry_max_seconds.into(), 1, 86_400),
            ("mail.retry_hours", self.retry_hours.into(), 1, 240),
            ("mail.domain_per_minute", self.domain_per_minute.into(), 0, 1_000_000),
            ("mail.keep_days", self.keep_days.into(), 1, 3_650),
        ];
        for (name, value, least, most) in bounds {
            violations.check((least..=most).contains(&value), name, &format!("must be between {least} and {most}"));
        }
    }
}
