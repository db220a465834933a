//! Requests of pages on other origins (Fetch, "CORS protocol").
//!
//! What is public has the same headers for every origin, so that shared caches need one response only. The other responses
//! permit credentials to the origins of `cors.credential_origins`; no cache stores them.

use actix_cors::Cors;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, HeaderMap, HeaderValue, ORIGIN, VARY,
};

use crate::config::CorsConfig;

/// Headers of responses that scripts may read, as a list.
pub const EXPOSED: &str =
    "etag, link, location, x-request-id, retry-after, idempotency-replayed, not-shown, unpublished-sessions";

/// Returns the middleware that permits requests without credentials, and answers preflight requests.
pub fn cors(config: &CorsConfig) -> Cors {
    let cors = Cors::default().allow_any_method().allow_any_header().max_age(3_600);
    if config.allows_any() {
        // The header is `*` for every origin, so that shared caches need one response only and `Vary: Origin`
        // is not needed. Responses have it already (see `pipeline`); the middleware answers preflight requests.
        return cors.send_wildcard().allow_any_origin().disable_vary_header();
    }
    let origins = config.allowed_origins.iter().chain(&config.credential_origins);
    origins.fold(cors.expose_headers(EXPOSED.split(", ")), |cors, origin| cors.allowed_origin(origin))
}

/// Returns the origin of a request if its pages may use credentials.
pub fn credential_origin(config: &CorsConfig, headers: &HeaderMap) -> Option<HeaderValue> {
    if config.credential_origins.is_empty() {
        return None;
    }
    let origin = headers.get(ORIGIN)?;
    config.credential_origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}

/// Permits the pages of an origin to use credentials, unless the response is public: a shared cache would give it to pages of
/// other origins.
pub fn permit_credentials(origin: HeaderValue, headers: &mut HeaderMap) {
    let is_public = headers.get(CACHE_CONTROL).is_some_and(|value| value.as_bytes().starts_with(b"public"));
    if is_public {
        return;
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.append(VARY, HeaderValue::from_static("Origin"));
}
