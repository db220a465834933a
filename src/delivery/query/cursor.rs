//! Pagination cursors: opaque, signed positions in a list, so that clients cannot make one up.

use serde::{Deserialize, Serialize};

use crate::signed_token;

/// A position in a sorted list: directly after the row with these keys, or directly before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// List and order of the cursor, which is refused for any other.
    #[serde(rename = "l")]
    pub list: String,
    /// Sort keys of the row, in the order of the list.
    #[serde(rename = "k")]
    pub keys: Vec<KeyValue>,
    /// Id of the row.
    #[serde(rename = "i")]
    pub id: String,
    /// Whether the page lies before the row.
    #[serde(rename = "b")]
    pub before: bool,
}

/// Value of a sort key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum KeyValue {
    /// A time (µs), a position, or the number of better matches.
    Number(i64),
    /// A label.
    Text(String),
}

/// Purpose of the signature, by which cursors differ from other signed tokens.
const PURPOSE: &str = "cursor";

impl Cursor {
    /// Returns the opaque, signed form.
    pub fn encode(&self, key: &[u8]) -> String {
        signed_token::seal(key, PURPOSE, &serde_json::to_vec(self).unwrap_or_default())
    }

    /// Parses the opaque form; `None` if it was not signed with this key.
    pub fn decode(text: &str, key: &[u8]) -> Option<Self> {
        serde_json::from_slice(&signed_token::open(key, PURPOSE, text)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn comes_back_as_it_was_and_only_then(keys in prop::collection::vec(any::<i64>(), 0..3), text in ".*", at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut keys: Vec<KeyValue> = keys.into_iter().map(KeyValue::Number).collect();
            keys.push(KeyValue::Text(text));
            let cursor = Cursor { list: "events:-starts_at".into(), keys, id: "x".into(), before: false };
            let code = cursor.encode(b"secret");
            prop_assert_eq!(Cursor::decode(&code, b"secret"), Some(cursor));
            prop_assert_eq!(Cursor::decode(&code, b"other"), None);
            let mut bytes = URL_SAFE_NO_PAD.decode(&code).unwrap();
            let place = at.index(bytes.len());
            bytes[place] ^= 1 << bit;
            prop_assert_eq!(Cursor::decode(&URL_SAFE_NO_PAD.encode(bytes), b"secret"), None);
        }
    }
}
