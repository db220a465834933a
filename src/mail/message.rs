//! The composition of a message (RFC 5322) of a mail of the outbox and its content.

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};

use crate::mail::outbox::MailRow;
use crate::mail::return_path;
use crate::mail::templates::MailContent;

/// A message that is ready to be sent.
pub struct OutgoingMail {
    /// Address to which it returns if it cannot be delivered.
    pub return_path: Address,
    /// Address of the recipient.
    pub recipient: Address,
    /// The message itself.
    pub bytes: Vec<u8>,
}

impl OutgoingMail {
    /// Returns whether an address has characters beyond ASCII, which only some servers take (RFC 6531).
    pub fn has_unicode_address(&self) -> bool {
        let is_ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        !is_ascii(&self.recipient) || !is_ascii(&self.return_path)
    }
}

/// What a message has besides its content.
pub struct MessageHead {
    /// Sender.
    pub from: Mailbox,
    /// Address to which answers go, if it is another one.
    pub reply_to: Option<Mailbox>,
    /// Address at which one request ends a subscription (RFC 8058).
    pub unsubscribe_url: Option<String>,
    /// Whether a person wrote it, and not the program.
    pub is_personal: bool,
}

impl MessageHead {
    /// Returns the head of a mail that the program writes, from this sender.
    pub fn from_sender(from: &Mailbox) -> Self {
        Self { from: from.clone(), reply_to: None, unsubscribe_url: None, is_personal: false }
    }
}

/// Composes the message of a mail. It is the same at every attempt, and so is its id, so that a receiver who gets it twice
/// can tell. `pattern` is the setting with the return path.
///
/// # Errors
/// Returns why the message cannot be composed.
pub fn compose(
    mail: &MailRow,
    head: &MessageHead,
    content: &MailContent,
    (key, pattern): (&[u8], &str),
) -> Result<OutgoingMail, String> {
    let recipient: Address = mail.recipient.parse().map_err(|error| format!("recipient: {error}"))?;
    let caused = Duration::from_micros(u64::try_from(mail.created_at).unwrap_or_default());
    let mut message = Message::builder()
        .from(head.from.clone())
        .to(Mailbox::new(None, recipient.clone()))
        .date(UNIX_EPOCH + caused)
        .message_id(Some(format!("<{}@{}>", mail.id, head.from.email.domain())))
        .subject(one_line(&content.subject));
    if let Some(address) = &head.reply_to {
        message = message.reply_to(address.clone());
    }
    if !head.is_personal {
        message = message.raw_header(plain_header("Auto-Submitted", "auto-generated"));
    }
    if let Some(url) = head.unsubscribe_url.as_ref().and_then(|url| url::Url::parse(url).ok()) {
        // An address has only ASCII characters and no spaces, so the header needs no encoding, and cannot be ended by it.
        let value = format!("<{url}>");
        let name = HeaderName::new_from_ascii_str("List-Unsubscribe");
        message = message.raw_header(HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value));
        message = message.raw_header(plain_header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
    }
    let text = SinglePart::plain(content.text.clone());
    let message = match &content.html {
        Some(html) => {
            message.multipart(MultiPart::alternative().singlepart(text).singlepart(SinglePart::html(html.clone())))
        }
        None => message.singlepart(text),
    };
    let message = message.map_err(|error| error.to_string())?;
    let return_path = return_path::of_mail(key, pattern, &mail.id).unwrap_or_else(|| head.from.email.clone());
    Ok(OutgoingMail { return_path, recipient, bytes: message.formatted() })
}

/// Returns a header with a constant value.
fn plain_header(name: &'static str, value: &'static str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// Returns a text as one line.
pub fn one_line(text: &str) -> String {
    let spaced = text.replace(|c: char| c.is_control(), " ");
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::MailConfig;
    use crate::mail::outbox::MailKind;

    fn compose_sample(subject: &str, unsubscribe_url: Option<&str>) -> (MailRow, String) {
        let mail =
            MailRow::new(&MailConfig::default(), MailKind::NewsletterIssue, "anna@example.org", "en", &json!({}));
        let from: Mailbox = "Désk <desk@example.org>".parse().unwrap();
        let head =
            MessageHead { unsubscribe_url: unsubscribe_url.map(str::to_owned), ..MessageHead::from_sender(&from) };
        let content = MailContent {
            subject: subject.to_owned(),
            text: "Hello, wörld".to_owned(),
            html: Some("<p>x</p>".to_owned()),
        };
        let outgoing = compose(&mail, &head, &content, (b"key", "bounces+{token}@example.org")).unwrap();
        assert!(AsRef::<str>::as_ref(&outgoing.return_path).starts_with("bounces+"));
        (mail, String::from_utf8(outgoing.bytes).unwrap())
    }

    #[test]
    fn headers_cannot_be_added_by_a_text() {
        let url = "https://www.example.org/u?token=a%0D%0ABcc:%20eve@example.org";
        let (mail, text) = compose_sample("Hello\r\nBcc: eve@example.org\n\nbody", Some(url));
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(!head.lines().any(|line| line.starts_with("Bcc") || line.starts_with("body")), "{head}");
        assert!(head.contains(&format!("Message-ID: <{}@example.org>", mail.id)), "{head}");
        assert!(head.contains("Auto-Submitted: auto-generated"), "{head}");
        assert!(head.contains(&format!("List-Unsubscribe: <{url}>\r\n")), "{head}");
        assert!(head.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{head}");
    }

    #[test]
    fn lines_are_short_enough_for_every_server() {
        let (_, text) = compose_sample(&"Wörter ".repeat(300), None);
        assert!(text.lines().all(|line| line.len() <= 998), "{text}");
        assert!(text.is_ascii());
    }
}
