//! The conversation with the mail server (SMTP, RFC 5321). The relay signs mails (DKIM) and finds the servers of the
//! recipients; Plenary speaks to it alone.

use std::error::Error as _;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use lettre::transport::smtp::{Error, SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::mail::claims::{SendOutcome, SendResult};
use crate::mail::message::OutgoingMail;

/// Whether, and how, a connection is encrypted.
#[derive(Clone)]
enum Encryption {
    /// Not at all.
    None,
    /// From the beginning.
    Wrapped(TlsParameters),
    /// After `STARTTLS`, if the server offers it.
    Opportunistic(TlsParameters),
    /// After `STARTTLS`, or there is no connection.
    Required(TlsParameters),
}

/// A step of the connection to a mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayStep {
    /// The server is reached, and greets.
    Connect,
    /// The connection is encrypted.
    Encrypt,
    /// The server accepts user and password.
    LogIn,
}

/// A mail server, and how to connect to it.
#[derive(Clone)]
pub struct Relay {
    host: String,
    port: u16,
    encryption: Encryption,
    credentials: Option<Credentials>,
    timeout: Duration,
}

impl Relay {
    /// Creates it of the address in the settings. Each step of a conversation may take `timeout_seconds`.
    ///
    /// # Errors
    /// Returns a message that begins with the name of the setting.
    pub fn new(url: &Url, timeout_seconds: u64) -> Result<Self, String> {
        // An address of IPv6 has brackets in a URL, and none where it is looked up.
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let tls = || TlsParameters::new(host.clone()).map_err(|error| format!("mail.smtp_url: {error}"));
        let wanted = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
        let (port, encryption) = match (url.scheme(), wanted.as_deref()) {
            ("smtps", _) => (SUBMISSIONS_PORT, Encryption::Wrapped(tls()?)),
            (_, Some("required")) => (SUBMISSION_PORT, Encryption::Required(tls()?)),
            (_, Some(_)) => (SUBMISSION_PORT, Encryption::Opportunistic(tls()?)),
            (_, None) => (SMTP_PORT, Encryption::None),
        };
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let credentials = url.password().map(|password| Credentials::new(decoded(url.username()), decoded(password)));
        let port = url.port().unwrap_or(port);
        Ok(Self { host, port, encryption, credentials, timeout: Duration::from_secs(timeout_seconds) })
    }

    /// Returns host and port of the server.
    pub fn server(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Connects to the server, logs in, and ends the connection. Blocks. Returns whether the connection was encrypted.
    ///
    /// # Errors
    /// Returns the step that failed, and why.
    pub fn examine(&self) -> Result<bool, (RelayStep, String)> {
        let mut connection = self.connection().map_err(|(step, error)| (step, error_text(&error)))?;
        let is_encrypted = connection.is_encrypted();
        // Nothing was begun, so that it does not matter whether the server says goodbye.
        let _ = connection.quit();
        Ok(is_encrypted)
    }

    /// Connects to the server, and logs in. Blocks.
    ///
    /// # Errors
    /// Returns what went wrong, for the log of the mails that wait.
    pub fn connect(&self) -> Result<RelayConnection, SendResult> {
        self.connection().map(|connection| RelayConnection { connection }).map_err(|(_, error)| {
            let code = error.status().map_or_else(|| "connection".to_owned(), |code| code.to_string());
            SendResult::new(SendOutcome::Deferred, code, &error_text(&error))
        })
    }

    fn connection(&self) -> Result<SmtpConnection, (RelayStep, Error)> {
        let (client, timeout) = (ClientId::default(), Some(self.timeout));
        let wrapped = match &self.encryption {
            Encryption::Wrapped(parameters) => Some(parameters),
            _ => None,
        };
        let server = (self.host.as_str(), self.port);
        let at = |step| move |error| (step, error);
        let connected = SmtpConnection::connect(server, timeout, &client, wrapped, None);
        let mut connection = connected.map_err(|error| {
            let is_tls = wrapped.is_some() && is_of_encryption(&error);
            (if is_tls { RelayStep::Encrypt } else { RelayStep::Connect }, error)
        })?;
        let encrypt = |connection: &mut SmtpConnection, parameters| {
            connection.starttls(parameters, &client).map_err(at(RelayStep::Encrypt))
        };
        match &self.encryption {
            Encryption::Required(parameters) => encrypt(&mut connection, parameters)?,
            Encryption::Opportunistic(parameters) if connection.can_starttls() => encrypt(&mut connection, parameters)?,
            _ => {}
        }
        if let Some(credentials) = &self.credentials {
            let accepted = connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials);
            accepted.map_err(at(RelayStep::LogIn))?;
        }
        Ok(connection)
    }
}

/// Returns whether a connection failed because the server does not speak TLS from the beginning, or not with a certificate that
/// is trusted. The handshake is a part of the first reading, whose error has it as its cause.
fn is_of_encryption(error: &Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(one) = cause {
        let io = one.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::InvalidData) {
            return true;
        }
        cause = one.source();
    }
    error.is_tls()
}

/// Returns an error with its cause, which has the reply of the server.
fn error_text(error: &Error) -> String {
    error.to_string()
}

/// Returns whether a step took too long. A socket with a limit says so by an error of its own, which lettre does not know.
fn is_timeout(error: &Error) -> bool {
    let io = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    error.is_timeout() || io.is_some_and(|io| io.kind() == std::io::ErrorKind::WouldBlock)
}

/// A connection to the mail server.
pub struct RelayConnection {
    connection: SmtpConnection,
}

impl RelayConnection {
    /// Sends a mail. Blocks. Returns the outcome, and whether the connection can be used for another mail.
    pub fn send(&mut self, mail: &OutgoingMail) -> (SendResult, bool) {
        let started = self.announce(mail);
        if let Err(error) = started {
            return self.failure(&error, SendOutcome::Deferred);
        }
        match self.connection.message(&mail.bytes) {
            Ok(reply) => {
                let text = reply.message().collect::<Vec<_>>().join(" ");
                (SendResult::new(SendOutcome::Taken, reply.code().to_string(), &text), true)
            }
            // The end of the data was sent, perhaps: without a reply nobody knows whose the mail is (RFC 5321, 4.2.5).
            Err(error) => self.failure(&error, SendOutcome::InDoubt),
        }
    }

    /// Says from whom and to whom the mail is, up to the permission to send it.
    fn announce(&mut self, mail: &OutgoingMail) -> Result<Response, Error> {
        let mut parameters = Vec::new();
        let offers = |extension| self.connection.server_info().supports_feature(extension);
        if !mail.bytes.is_ascii() && offers(Extension::EightBitMime) {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        if mail.has_unicode_address() && offers(Extension::SmtpUtfEight) {
            parameters.push(MailParameter::SmtpUtfEight);
        }
        self.connection.command(Mail::new(Some(mail.return_path.clone()), parameters))?;
        self.connection.command(Rcpt::new(mail.recipient.clone(), Vec::new()))?;
        self.connection.command(Data)
    }

    /// Returns the outcome of a failure: that of the server's reply, or this one if there is no reply.
    fn failure(&mut self, error: &Error, without_reply: SendOutcome) -> (SendResult, bool) {
        let Some(code) = error.status() else {
            let word = if is_timeout(error) { "timeout" } else { "connection" };
            return (SendResult::new(without_reply, word, &error_text(error)), false);
        };
        let outcome = if error.is_permanent() { SendOutcome::Refused } else { SendOutcome::Deferred };
        // 421 closes the connection (RFC 5321, 3.8); after other replies the next mail begins anew.
        let code = code.to_string();
        let is_usable = code != "421" && self.connection.command(Rset).is_ok();
        (SendResult::new(outcome, code, &error_text(error)), is_usable)
    }

    /// Ends the conversation.
    pub fn close(mut self) {
        // Whether the server takes leave makes no difference.
        let _ = self.connection.quit();
    }
}
