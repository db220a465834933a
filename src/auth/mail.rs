//! Mail: invitations and password resets, over SMTP.

use std::sync::Arc;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::{Message, SmtpTransport, Transport};

use crate::config::MailConfig;

/// How long a mail server may take for one step.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a mail is tried, and how long to wait before each further try.
const WAITS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(10)];

/// Sends mail; or does not, where no server is configured.
#[derive(Clone)]
pub struct Mailer {
    server: Option<Arc<SmtpTransport>>,
    from: Option<Mailbox>,
    link: String,
}

impl Mailer {
    /// As it is configured; the error names what is wrong.
    pub fn new(config: &MailConfig) -> Result<Self, String> {
        if config.smtp_url.is_empty() {
            return Ok(Self { server: None, from: None, link: config.link.clone() });
        }
        let named =
            url::Url::parse(&config.smtp_url).is_ok_and(|url| url.has_host() && url.scheme().starts_with("smtp"));
        if !named {
            return Err("mail.smtp_url: wants smtp://user:password@host:587?tls=required, or smtps://…".to_owned());
        }
        let builder = SmtpTransport::from_url(&config.smtp_url).map_err(|e| format!("mail.smtp_url: {e}"))?;
        let server = Some(Arc::new(builder.timeout(Some(PATIENCE)).build()));
        let from = Some(config.from.parse().map_err(|e| format!("mail.from: {e}"))?);
        Ok(Self { server, from, link: config.link.clone() })
    }

    /// Whether mail can be sent at all.
    pub fn is_configured(&self) -> bool {
        self.server.is_some()
    }

    /// What a mail says of a token: the link of the site's own desk, or the token itself.
    pub fn shown(&self, token: &str) -> String {
        match self.link.is_empty() {
            true => format!("Token: {token}\n(send it to POST /api/v1/auth/password-reset/confirm)"),
            false => self.link.replace("{token}", token),
        }
    }

    /// Sends a mail beside the request: nobody waits for the mail server, nor learns whether it knows
    /// the address. What fails is tried again, and then logged.
    pub fn send(&self, to: &str, subject: &'static str, text: String) {
        let (Some(server), Some(from)) = (self.server.clone(), self.from.clone()) else { return };
        let Ok(to) = to.parse::<Mailbox>() else { return tracing::error!(to, "no mail can be sent to this address") };
        let message = match Message::builder().from(from).to(to).subject(subject).body(text) {
            Ok(message) => message,
            Err(error) => return tracing::error!(%error, "the mail could not be written"),
        };
        actix_web::rt::spawn(async move {
            for wait in WAITS {
                actix_web::rt::time::sleep(wait).await;
                let (server, message) = (Arc::clone(&server), message.clone());
                match actix_web::web::block(move || server.send(&message)).await {
                    Ok(Ok(_)) => return,
                    Ok(Err(error)) => tracing::warn!(%error, "the mail server did not take a mail"),
                    Err(error) => tracing::error!(%error, "the mail could not be sent"),
                }
            }
            tracing::error!("a mail was given up");
        });
    }
}
