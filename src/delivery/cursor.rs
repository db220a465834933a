//! Cursors: where a page begins, opaque and signed, so that nobody can make one up.

use serde::{Deserialize, Serialize};

use crate::signed;

/// A place in a sorted list: right after the row with these keys, or right before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Names the list and its order; a cursor is of no use elsewhere.
    #[serde(rename = "l")]
    pub list: String,
    /// The row's sort keys, in their order.
    #[serde(rename = "k")]
    pub keys: Vec<KeyValue>,
    /// The row's id.
    #[serde(rename = "i")]
    pub id: String,
    /// True when the page lies before the row.
    #[serde(rename = "b")]
    pub before: bool,
}

/// The value of a sort key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum KeyValue {
    /// A time or a position.
    Number(i64),
    /// A label.
    Text(String),
}

/// What cursors are signed for.
const PURPOSE: &str = "cursor";

impl Cursor {
    /// The opaque form.
    pub fn encode(&self, key: &[u8]) -> String {
        signed::seal(key, PURPOSE, &serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads the opaque form; `None` when it was not made here.
    pub fn decode(text: &str, key: &[u8]) -> Option<Self> {
        serde_json::from_slice(&signed::open(key, PURPOSE, text)?).ok()
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
