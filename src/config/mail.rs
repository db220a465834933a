//! The mail server and the sender, parsed from the section `[mail]`.

use lettre::SmtpTransport;
use lettre::message::Mailbox;
use lettre::transport::smtp::SmtpTransportBuilder;

use super::MailConfig;

impl MailConfig {
    /// Returns the connection to the mail server and the sender of mails, or `None` if no server is configured.
    ///
    /// # Errors
    /// Returns a message that begins with the name of the setting that is wrong.
    pub fn sender(&self) -> Result<Option<(SmtpTransportBuilder, Mailbox)>, String> {
        if self.smtp_url.is_empty() {
            return Ok(None);
        }
        let is_smtp = |url: url::Url| url.has_host() && url.scheme().starts_with("smtp");
        if !url::Url::parse(&self.smtp_url).is_ok_and(is_smtp) {
            return Err("mail.smtp_url: must be smtp://user:password@host:587?tls=required, or smtps://…".to_owned());
        }
        let server = SmtpTransport::from_url(&self.smtp_url).map_err(|e| format!("mail.smtp_url: {e}"))?;
        let from = self.from.parse().map_err(|e| format!("mail.from: {e}"))?;
        Ok(Some((server, from)))
    }
}
