//! Mail: the outbox in the database, templates, the composition of messages, the conversation with the mail server, and
//! bounces. A mail is a row that is written in the transaction that causes it; what it says is composed when it is sent.
//! See `docs/decisions/0039-mail-by-an-outbox.md`.

pub mod bounce;
pub mod claims;
pub mod log;
pub mod message;
pub mod outbox;
pub mod relay;
pub mod return_path;
pub mod samples;
pub mod templates;

use lettre::message::Mailbox;
use serde_json::{Value, json};

use crate::config::Config;
use crate::mail::relay::Relay;
use crate::mail::templates::MailTemplates;

/// Relay, sender and addresses that all mails of the site share.
pub struct Mailer {
    relay: Option<Relay>,
    /// Sender of mails.
    pub from: Mailbox,
    /// Sender of the newsletter.
    pub newsletter_from: Mailbox,
    /// The templates.
    pub templates: MailTemplates,
    link: String,
    site_url: String,
}

impl Mailer {
    /// Creates it for this configuration.
    ///
    /// # Errors
    /// Returns a message that begins with the name of the setting that is wrong.
    pub fn new(config: &Config) -> Result<Self, String> {
        let mail = &config.mail;
        let relay = mail.server()?.map(|url| Relay::new(&url, mail.timeout_seconds)).transpose()?;
        let from = mail.sender()?;
        let newsletter_from = match config.newsletter.from.as_str() {
            "" => from.clone(),
            own => own.parse().map_err(|error| format!("newsletter.from: {error}"))?,
        };
        Ok(Self {
            relay,
            from,
            newsletter_from,
            templates: MailTemplates::new(&mail.templates, config.site())?,
            link: mail.link.clone(),
            site_url: config.website(),
        })
    }

    /// Returns the mail server, if one is configured.
    pub fn relay(&self) -> Option<&Relay> {
        self.relay.as_ref()
    }

    /// Returns whether a mail server is configured.
    pub fn is_configured(&self) -> bool {
        self.relay.is_some()
    }

    /// Returns the address at which a password is set with a token; none if no such page is configured.
    pub fn password_link(&self, token: &str) -> Option<String> {
        (!self.link.is_empty()).then(|| self.link.replace(crate::config::MAIL_TOKEN, token))
    }

    /// Returns what the templates know of the site with this name.
    pub fn site(&self, name: &str) -> Value {
        json!({"name": name, "url": self.site_url})
    }
}
