//! The successful response of a handler. Every failure is a [`Problem`].

use std::pin::Pin;
use std::sync::Arc;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Bytes;
use futures_util::stream::Stream;

use crate::delivery::cache::cached_response::CachedResponse;
use crate::delivery::cache::response_cache::CacheKey;
use crate::problem::Problem;

/// The successful response of a handler.
#[derive(Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Media type; empty if there is no body.
    pub media_type: &'static str,
    /// Headers besides the media type and those that every response has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
    /// A streamed body, which replaces `body`.
    pub stream: Option<StreamBody>,
    /// A cached response, which replaces all other fields.
    pub cached: Option<CachedHandle>,
}

/// A cached response and its cache key.
#[derive(Debug)]
pub struct CachedHandle {
    /// The cache key; `None` if the response was not stored.
    pub key: Option<CacheKey>,
    /// The cached response.
    pub response: Arc<CachedResponse>,
}

/// Media type of forms with files (RFC 7578).
pub const FORM_DATA: &str = "multipart/form-data";

/// A body that is produced while it is sent.
pub struct StreamBody(pub Pin<Box<dyn Stream<Item = Result<Bytes, actix_web::Error>>>>);

impl std::fmt::Debug for StreamBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamBody")
    }
}

/// Media type of JSON.
pub const JSON: &str = "application/json";
/// Media type of JSON Schemas.
pub const JSON_SCHEMA: &str = "application/schema+json";
/// Media type of content with the texts of all locales (`locale=*`), in requests and responses.
pub const ALL_LOCALES: &str = "application/vnd.plenary.all-locales+json";
/// Media type of responses with a sparse fieldset (`fields=`).
pub const PARTIAL: &str = "application/vnd.plenary.partial+json";

impl Response {
    /// Creates a response with a body of JSON text.
    pub fn json_text(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, media_type: JSON, headers: Vec::new(), body: body.into(), stream: None, cached: None }
    }

    /// Creates a response with a value serialized as JSON.
    ///
    /// # Errors
    /// 500 if the value cannot be serialized.
    pub fn json(status: u16, value: &impl serde::Serialize) -> Result<Self, Problem> {
        serde_json::to_vec(value).map(|body| Self::json_text(status, body)).map_err(|error| Problem::internal(&error))
    }

    /// Creates a response from a cached one, with the key under which it is stored, if it is.
    pub fn from_cached(key: Option<CacheKey>, response: Arc<CachedResponse>) -> Self {
        Self { cached: Some(CachedHandle { key, response }), ..Self::empty(200) }
    }

    /// Creates a response without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, media_type: "", headers: Vec::new(), body: Bytes::new(), stream: None, cached: None }
    }

    /// Sets the media type.
    pub fn with_content_type(mut self, media_type: &'static str) -> Self {
        self.media_type = media_type;
        self
    }

    /// Adds a header. A value with characters that headers may not contain is dropped together with its header.
    pub fn header(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.push((HeaderName::from_static(name), value));
        }
        self
    }

    /// Forbids all caches to store the response.
    pub fn no_store(self) -> Self {
        self.header("cache-control", "private, no-store")
    }
}
