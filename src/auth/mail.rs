//! Outgoing mail over SMTP: invitations and password resets.

use std::sync::Arc;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::{Message, SmtpTransport, Transport};

use crate::config::MailConfig;

/// Timeout of each step of the conversation with the mail server.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Delay before each attempt to send a mail; the number of entries is the number of attempts.
const RETRY_DELAYS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(10)];

/// A mail sender. Without a configured server it sends nothing.
#[derive(Clone)]
pub struct Mailer {
    server: Option<Arc<SmtpTransport>>,
    from: Option<Mailbox>,
    link: String,
}

impl Mailer {
    /// Creates a sender for this configuration.
    ///
    /// # Errors
    /// Returns a message that begins with the name of the setting that is wrong.
    pub fn new(config: &MailConfig) -> Result<Self, String> {
        let Some((builder, from)) = config.sender()? else {
            return Ok(Self { server: None, from: None, link: config.link.clone() });
        };
        let server = Some(Arc::new(builder.timeout(Some(TIMEOUT)).build()));
        Ok(Self { server, from: Some(from), link: config.link.clone() })
    }

    /// Returns whether a mail server is configured.
    pub fn is_configured(&self) -> bool {
        self.server.is_some()
    }

    /// Returns the text by which a mail presents a token: the configured link to the editing interface or,
    /// without one, the token itself.
    pub fn shown(&self, token: &str) -> String {
        match self.link.is_empty() {
            true => format!("Token: {token}\n(send it with POST /api/v1/auth/password-reset/confirm)"),
            false => self.link.replace("{token}", token),
        }
    }

    /// Sends a mail in a task of its own, so that neither the duration nor the outcome of the request tells
    /// whether the e-mail address has an account. A failed attempt is logged and repeated after a delay.
    pub fn send(&self, to: &str, subject: &'static str, text: String) {
        let (Some(server), Some(from)) = (self.server.clone(), self.from.clone()) else { return };
        let Ok(to) = to.parse::<Mailbox>() else { return tracing::error!(to, "mail not sent: invalid address") };
        let message = match Message::builder().from(from).to(to).subject(subject).body(text) {
            Ok(message) => message,
            Err(error) => return tracing::error!(%error, "mail not sent: the message could not be composed"),
        };
        actix_web::rt::spawn(async move {
            for wait in RETRY_DELAYS {
                actix_web::rt::time::sleep(wait).await;
                let (server, message) = (Arc::clone(&server), message.clone());
                match actix_web::web::block(move || server.send(&message)).await {
                    Ok(Ok(_)) => return,
                    Ok(Err(error)) => tracing::warn!(%error, "the mail server did not accept a mail"),
                    Err(error) => tracing::error!(%error, "sending a mail failed"),
                }
            }
            tracing::error!("a mail was not sent; no further attempt is made");
        });
    }
}
