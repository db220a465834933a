//! Signed tokens that only this site can issue: a truncated signature (HMAC-SHA-256, RFC 2104) and a payload,
//! encoded as base64url (RFC 4648, section 5). The payload is not encrypted.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Length of the truncated signature, in bytes: long enough against guessing, short enough for addresses.
const SIGNATURE: usize = 12;

/// Returns the token of a payload. The purpose is part of what is signed, so that a token for one purpose is
/// invalid for any other.
pub fn seal(key: &[u8], purpose: &str, payload: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(SIGNATURE + payload.len());
    if let Some(mac) = mac(key, purpose, payload) {
        bytes.extend_from_slice(&mac.finalize().into_bytes()[..SIGNATURE]);
    }
    bytes.extend_from_slice(payload);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the payload of a token; `None` if this site did not issue it for this purpose.
pub fn open(key: &[u8], purpose: &str, text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (given, payload) = bytes.split_at_checked(SIGNATURE)?;
    mac(key, purpose, payload)?.verify_truncated_left(given).ok()?;
    Some(payload.to_vec())
}

/// Derives a secret of 256 bits from a payload. The same key, purpose and payload always give the same secret.
pub fn derive(key: &[u8], purpose: &str, payload: &[u8]) -> Option<[u8; 32]> {
    mac(key, purpose, payload)?.finalize().into_bytes().as_slice().try_into().ok()
}

fn mac(key: &[u8], purpose: &str, payload: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(purpose.as_bytes());
    // The separator keeps a purpose and the beginning of a payload apart; no purpose contains a zero byte.
    mac.update(&[0]);
    mac.update(payload);
    Some(mac)
}
