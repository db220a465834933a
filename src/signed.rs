//! Short texts that only this site can make: a payload with a signature (HMAC-SHA-256, RFC 2104), as
//! base64url (RFC 4648, section 5).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of the signature that are kept; enough against guessing, short in an address.
const SIGNATURE: usize = 12;

/// The text of a payload. Texts for one purpose are of no use for another.
pub fn seal(key: &[u8], purpose: &str, payload: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(SIGNATURE + payload.len());
    if let Some(mac) = mac(key, purpose, payload) {
        bytes.extend_from_slice(&mac.finalize().into_bytes()[..SIGNATURE]);
    }
    bytes.extend_from_slice(payload);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The payload of a text; `None` when it was not made here for this purpose.
pub fn open(key: &[u8], purpose: &str, text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (given, payload) = bytes.split_at_checked(SIGNATURE)?;
    mac(key, purpose, payload)?.verify_truncated_left(given).ok()?;
    Some(payload.to_vec())
}

/// A secret of 256 bits that only this site can make of a payload: always the same.
pub fn derive(key: &[u8], purpose: &str, payload: &[u8]) -> Option<[u8; 32]> {
    mac(key, purpose, payload)?.finalize().into_bytes().as_slice().try_into().ok()
}

fn mac(key: &[u8], purpose: &str, payload: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(purpose.as_bytes());
    mac.update(&[0]);
    mac.update(payload);
    Some(mac)
}
