//! The head of a request, whether a client sent it or the server makes it on behalf of a client.

use std::borrow::Cow;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;

/// The head of a request: its target and its headers.
#[derive(Clone)]
pub enum Head {
    /// Of a request that a client sent over HTTP.
    Received(HttpRequest),
    /// Of a request that the server makes to a route of its own.
    Internal(InternalHead),
}

/// The head of a request that the server makes to a route of its own.
#[derive(Clone)]
pub struct InternalHead {
    /// Path, percent-encoded.
    pub path: String,
    /// Query without the question mark, percent-encoded.
    pub query: String,
    /// Headers on which the response depends.
    pub headers: HeaderMap,
}

impl Head {
    /// Returns whether the client asks for the headers of the response alone (RFC 9110, section 9.3.2).
    pub fn is_head(&self) -> bool {
        self.client_request().is_some_and(|http| *http.method() == Method::HEAD)
    }

    /// Returns the headers.
    pub fn headers(&self) -> &HeaderMap {
        match self {
            Head::Received(http) => http.headers(),
            Head::Internal(head) => &head.headers,
        }
    }

    /// Returns the path, percent-encoded.
    pub fn path(&self) -> &str {
        match self {
            Head::Received(http) => http.path(),
            Head::Internal(head) => &head.path,
        }
    }

    /// Returns the query without the question mark, percent-encoded.
    pub fn query_string(&self) -> &str {
        match self {
            Head::Received(http) => http.query_string(),
            Head::Internal(head) => &head.query,
        }
    }

    /// Returns the target: the path, and the query if there is one.
    pub fn target(&self) -> Cow<'_, str> {
        match self {
            Head::Received(http) => http.uri().to_string().into(),
            Head::Internal(head) if head.query.is_empty() => head.path.as_str().into(),
            Head::Internal(head) => format!("{}?{}", head.path, head.query).into(),
        }
    }

    /// Returns the request that a client sent over HTTP; `None` if the server made the request.
    pub fn client_request(&self) -> Option<&HttpRequest> {
        match self {
            Head::Received(http) => Some(http),
            Head::Internal(_) => None,
        }
    }
}
