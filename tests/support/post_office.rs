//! A mail server as a process, which fails as it is told, and what it took.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use altcha::{Challenge, Payload, SolveChallengeOptions, solve_challenge};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_parser::MessageParser;
use plenary::config::Config;

use super::client::Client;
use super::tools::{Server, python_server};

/// A mail server and the folder of what it took.
pub struct PostOffice {
    folder: tempfile::TempDir,
    server: Server,
    /// Address at which applications find it.
    host: &'static str,
}

/// A mail that the server took.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// Address of the return path.
    pub from: String,
    /// Address of the recipient.
    pub to: String,
    /// Subject, decoded.
    pub subject: String,
    /// Plain text, decoded.
    pub text: String,
    /// HTML, decoded; empty if there is none.
    pub html: String,
    /// The message as it was sent.
    pub raw: String,
}

impl Delivered {
    /// Returns the value of a header as it was sent, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.raw.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ").replace("\r\n\t", " ");
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{}:", name.to_lowercase())))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    }

    /// Returns the token of the first link in the text.
    pub fn token(&self) -> String {
        let (_, rest) = self.text.split_once("token=").unwrap_or_else(|| panic!("no link: {}", self.text));
        rest.split_whitespace().next().unwrap().to_owned()
    }
}

impl PostOffice {
    /// Starts a server that works.
    pub fn new() -> Self {
        Self::start_on("127.0.0.1", &[])
    }

    /// Starts a server that applications find at the IPv6 address of this machine; `None` if it has none.
    pub fn on_ipv6() -> Option<Self> {
        TcpListener::bind("[::1]:0").ok()?;
        Some(Self::start_on("[::1]", &["::1"]))
    }

    fn start_on(host: &'static str, addresses: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/smtp_server.py");
        let arguments = [script.to_str().unwrap(), "{port}", folder.path().to_str().unwrap()];
        let server = python_server(&[&arguments, addresses].concat());
        Self { folder, server, host }
    }

    /// Returns the address of the server for the settings.
    pub fn url(&self) -> String {
        format!("smtp://{}:{}", self.host, self.server.port)
    }

    /// Makes an application send its mails here, without waiting long.
    pub fn configure(&self, config: &mut Config) {
        config.mail.smtp_url = self.url();
        config.mail.from = "Plenary <desk@example.org>".into();
        config.mail.return_path = "bounces+{token}@example.org".into();
        config.mail.webhook_secret = "a secret of the provider".into();
        config.mail.retry_seconds = 1;
        config.mail.retry_max_seconds = 2;
        config.mail.timeout_seconds = 2;
        config.mail.domain_per_minute = 0;
        config.protection.difficulty = 1;
        config.protection.minimum_seconds = 0;
        config.protection.network_per_hour = 100_000;
    }

    /// Makes the server behave in this way; empty for one that works.
    pub fn set_mode(&self, mode: &str) {
        std::fs::write(self.folder.path().join("mode"), mode).unwrap();
    }

    /// Returns the mails that the server took so far, in their order.
    pub fn mails(&self) -> Vec<Delivered> {
        let mut paths: Vec<_> =
            std::fs::read_dir(self.folder.path().join("new")).unwrap().map(|file| file.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| parse_mail(&std::fs::read(path).unwrap())).collect()
    }

    /// Waits until the server took this number of mails, and returns them.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Delivered> {
        let begun = Instant::now();
        loop {
            let mails = self.mails();
            if mails.len() >= count {
                return mails;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{} of {count} mails came", mails.len());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn parse_mail(bytes: &[u8]) -> Delivered {
    let raw = String::from_utf8_lossy(bytes).into_owned();
    let (first, rest) = raw.split_once("\r\n").unwrap();
    let (second, raw) = rest.split_once("\r\n").unwrap();
    let message = MessageParser::default().parse(raw.as_bytes()).unwrap();
    // A mail without a part of HTML has none, though the parser would make one.
    let has_html = raw.to_lowercase().contains("text/html");
    let html = message.body_html(0).filter(|_| has_html);
    Delivered {
        from: first.trim_start_matches("X-From: ").to_owned(),
        to: second.trim_start_matches("X-To: ").to_owned(),
        subject: message.subject().unwrap_or_default().to_owned(),
        text: message.body_text(0).unwrap_or_default().into_owned(),
        html: html.unwrap_or_default().into_owned(),
        raw: raw.to_owned(),
    }
}

/// Solves a challenge of a server, as the widget does.
pub fn solve_altcha(client: &Client) -> String {
    let challenge = client.get("/api/v1/newsletter/challenge").expect(200);
    let challenge: Challenge = serde_json::from_slice(&challenge.body).unwrap();
    let solution = solve_challenge(SolveChallengeOptions::new(&challenge)).unwrap().unwrap();
    STANDARD.encode(serde_json::to_vec(&Payload { challenge, solution }).unwrap())
}
