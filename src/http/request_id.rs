//! The id of a request, by which its response and its lines in the log are found.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// Name of the header with the id.
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Greatest length of an id, in characters.
const MAX_LENGTH: usize = 64;

/// The id of a request, as the value of a header, so that a response needs no copy of it.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// Returns the id of the request with these headers: that of `X-Request-Id` if it has 1 to 64 of the characters
    /// `A-Z a-z 0-9 - _ .`, otherwise a new one. Other values do not reach the log and the response header.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        headers.get(&X_REQUEST_ID).filter(|value| is_valid(value.as_bytes())).cloned().map_or_else(Self::new, Self)
    }

    /// Returns a random id. Nothing sorts by it, and one with a time (version 7) takes ten times as long to make, which is 1 % of a
    /// response from the cache.
    fn new() -> Self {
        let mut buffer = Uuid::encode_buffer();
        let text = Uuid::new_v4().hyphenated().encode_lower(&mut buffer);
        Self(HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("")))
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Sets the header of a response with the id.
    pub fn set_header(&self, headers: &mut HeaderMap) {
        headers.insert(X_REQUEST_ID.clone(), self.0.clone());
    }
}

fn is_valid(id: &[u8]) -> bool {
    (1..=MAX_LENGTH).contains(&id.len()) && id.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}
