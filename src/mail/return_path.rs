//! Variable envelope return paths: each mail has an address of its own, to which it returns if it cannot be delivered, so
//! that a notice tells which mail is meant whatever it quotes. The address is signed, so that nobody makes one up.

use lettre::Address;
use sha2::{Digest, Sha256};

use crate::config::MAIL_TOKEN;
use crate::hex::hex;
use crate::signed_token;

const PURPOSE: &str = "return-path";
/// Length of an id without hyphens.
const ID: usize = 32;
/// Length of the signature, in hexadecimal digits: local parts have 64 characters at most.
const SIGNATURE: usize = 10;

/// Returns the address of a mail with this id; none if the setting is empty.
pub fn of_mail(key: &[u8], pattern: &str, mail_id: &str) -> Option<Address> {
    if pattern.is_empty() {
        return None;
    }
    pattern.replace(MAIL_TOKEN, &token(key, mail_id)?).parse().ok()
}

/// Returns the token of a mail: in lower case, since servers do not keep the case of an address.
fn token(key: &[u8], mail_id: &str) -> Option<String> {
    let signature = signed_token::derive(key, PURPOSE, mail_id.as_bytes())?;
    let digits = hex(&signature);
    Some(format!("{}-{}", mail_id.replace('-', ""), digits.get(..SIGNATURE)?))
}

/// Returns the id of the mail that an address, or a text with addresses, names; none if this site did not make it.
pub fn mail_id(key: &[u8], text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let is_digit = |c: char| c.is_ascii_hexdigit() || c == '-';
    let mut words = lower.split(|c| !is_digit(c));
    words.find_map(|word| {
        // The token may follow a hyphen of the local part.
        let start = word.len().checked_sub(ID + 1 + SIGNATURE)?;
        let given = word.get(start..)?;
        let id = uuid::Uuid::parse_str(given.get(..ID)?).ok()?.to_string();
        // Digests are compared, so that the duration tells nothing of the signature.
        let digest = |text: &str| Sha256::digest(text.as_bytes());
        (digest(&token(key, &id)?) == digest(given)).then_some(id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_back_to_its_mail() {
        let id = crate::database::new_id();
        for pattern in ["bounces+{token}@example.org", "b-{token}@example.org", "{token}@example.org"] {
            let address = of_mail(b"key", pattern, &id).unwrap().to_string();
            assert!(address.split('@').next().unwrap().len() <= 64);
            assert_eq!(mail_id(b"key", &address).as_deref(), Some(id.as_str()), "{address}");
            assert_eq!(mail_id(b"key", &format!("To: <{}>", address.to_uppercase())).as_deref(), Some(id.as_str()));
            assert_eq!(mail_id(b"another", &address), None);
        }
        assert_eq!(of_mail(b"key", "", &id), None);
        assert_eq!(mail_id(b"key", &format!("bounces+{}-0123456789@example.org", id.replace('-', ""))), None);
    }
}
