//! Signatures of webhooks by the specification of Standard Webhooks (<https://www.standardwebhooks.com>), version 1 with a
//! shared secret: HMAC-SHA-256 of id, time and body.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Header with the id of what is sent, the same at each attempt.
pub const ID: &str = "webhook-id";
/// Header with the time of the attempt (s since 1970).
pub const TIMESTAMP: &str = "webhook-timestamp";
/// Header with the signatures, separated by spaces.
pub const SIGNATURE: &str = "webhook-signature";

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// The version of the signature.
const VERSION: &str = "v1,";
/// Greatest difference between the time of an attempt and that of its check (s).
const TOLERANCE: u64 = 300;

/// The secret of a webhook.
pub struct WebhookSecret(Vec<u8>);

/// The headers of a webhook.
#[derive(Debug, Clone, Copy)]
pub struct WebhookHeaders<'a> {
    /// Value of [`ID`].
    pub id: &'a str,
    /// Value of [`TIMESTAMP`].
    pub timestamp: &'a str,
    /// Value of [`SIGNATURE`].
    pub signature: &'a str,
}

impl WebhookSecret {
    /// Reads a secret: `whsec_` and 24 to 64 bytes in base64.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
        (24..=64).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// Returns the signature of a body; `at` is the time of the attempt (s since 1970).
    pub fn sign(&self, id: &str, at: i64, body: &[u8]) -> Option<String> {
        let digest = self.digest(id, &at.to_string(), body)?.finalize().into_bytes();
        Some(format!("{VERSION}{}", STANDARD.encode(digest)))
    }

    /// Returns whether a body was signed with this secret within the last minutes; `now` is the present time (s since 1970).
    pub fn verifies(&self, headers: WebhookHeaders<'_>, body: &[u8], now: i64) -> bool {
        let is_recent = headers.timestamp.parse::<i64>().is_ok_and(|at| at.abs_diff(now) <= TOLERANCE);
        let given = headers.signature.split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix(VERSION)?).ok());
        let is_signed = |digest: Vec<u8>| {
            let mac = self.digest(headers.id, headers.timestamp, body);
            mac.is_some_and(|mac| mac.verify_slice(&digest).is_ok())
        };
        is_recent && given.take(10).any(is_signed)
    }

    fn digest(&self, id: &str, at: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        for part in [id.as_bytes(), b".", at.as_bytes(), b".", body] {
            mac.update(part);
        }
        Some(mac)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_specification() {
        // The example of the specification.
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let (id, at, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        let signature = secret.sign(id, at, body).unwrap();
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let (timestamp, several) = (at.to_string(), format!("v2,x v1,AAAA {signature}"));
        let headers = WebhookHeaders { id, timestamp: &timestamp, signature: &several };
        assert!(secret.verifies(headers, body, at) && secret.verifies(headers, body, at + 300));
        assert!(!secret.verifies(headers, body, at + 301) && !secret.verifies(headers, body, at - 301));
        assert!(!secret.verifies(headers, b"{}", at));
        assert!(!secret.verifies(WebhookHeaders { id: "other", ..headers }, body, at));
        for signature in ["", "v1,", "v1,AAAA", "nonsense"] {
            assert!(!secret.verifies(WebhookHeaders { signature, ..headers }, body, at), "{signature}");
        }
        assert!(!secret.verifies(WebhookHeaders { timestamp: "soon", ..headers }, body, at));
        for text in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%"] {
            assert!(WebhookSecret::parse(text).is_none(), "{text}");
        }
    }
}
