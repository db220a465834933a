//! Headers that every response has.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::app::App;
use crate::http::cross_origin::EXPOSED;
use crate::http::request_id::RequestId;

/// Headers that protect browsers. All headers here are static, so that no response allocates them.
static PROTECTION: [(HeaderName, HeaderValue); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
];
/// Headers of every response where all origins are allowed (see `cross_origin`).
static ANY_ORIGIN: [(HeaderName, HeaderValue); 2] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED)),
];
/// Headers of everything but JSON. What a document loads and where it leads learns nothing of its address (Referrer Policy,
/// section 3), and pages of other sites may embed what they can embed, also those that require this permission.
static NOT_JSON: [(HeaderName, HeaderValue); 2] = [
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
];
/// Value of `Strict-Transport-Security`, sent where the public address uses TLS.
static STRICT_TRANSPORT_SECURITY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Sets the headers that every response has. Its media type is set already.
pub fn set_common_headers(app: &App, headers: &mut HeaderMap, id: &RequestId) {
    id.set_header(headers);
    // Set even without `Origin` in the request: a shared cache serves the same response to requests with one.
    let any_origin = if app.config.cors.allows_any() { ANY_ORIGIN.as_slice() } else { &[] };
    // JSON loads nothing and has no links, and the permission to embed concerns images, scripts and the like, and not what
    // scripts read (Fetch, section 3.7).
    let not_json = if is_json(headers) { &[] } else { NOT_JSON.as_slice() };
    for (name, value) in any_origin.iter().chain(&PROTECTION).chain(not_json) {
        headers.insert(name.clone(), value.clone());
    }
    if app.config.public_url.starts_with("https:") {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT_SECURITY.clone());
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|media_type| media_type.as_bytes().ends_with(b"json"))
}
