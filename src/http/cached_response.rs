//! Cached responses: lookup before the handler runs, content negotiation, conditional requests, and the
//! response itself.

use std::sync::Arc;
use std::time::Instant;

use actix_web::HttpResponse;
use actix_web::dev::RequestHead;
use actix_web::http::header::{self, AcceptLanguage, HeaderMap, HeaderValue, Preference, from_comma_delimited};
use actix_web::http::{Method, StatusCode};

use crate::app::App;
use crate::content::Site;
use crate::delivery::cache::absence_cache::{Absence, CachedAbsence};
use crate::delivery::cache::cache_tags::{self, PUBLIC_CACHE};
use crate::delivery::cache::cached_response::CachedResponse;
use crate::delivery::cache::response_cache::{CacheKey, CacheLookup};
use crate::http::chunked_body::into_body;
use crate::http::common_headers::set_common_headers;
use crate::http::head::Head;
use crate::http::pipeline::{preferred_coding, problem_response, respond};
use crate::http::preconditions::matches_if_none_match;
use crate::http::request::has_parameter;
use crate::http::request_id::RequestId;
use crate::http::response::{CachedHandle, Response};
use crate::http::route::{Access, Route};
use crate::problem::Problem;

/// Returns the locale negotiated by `Accept-Language` (RFC 9110, section 12.5.4).
///
/// `None` means that the query names a locale, that the header is absent or matches no locale of the site, or
/// that the result is the default locale. The default is left out so that its responses share one cache key. A request
/// that the server made itself names its locale in the query.
pub fn negotiated_locale(http: &Head, site: &Site) -> Option<String> {
    negotiated_by_header(http.client_request()?.head(), site)
}

fn negotiated_by_header(head: &RequestHead, site: &Site) -> Option<String> {
    if !head.headers.contains_key(header::ACCEPT_LANGUAGE) || names_locale(query_of(head)) {
        return None;
    }
    let preferences = AcceptLanguage(from_comma_delimited(head.headers.get_all(header::ACCEPT_LANGUAGE)).ok()?);
    let found = preferences.ranked().into_iter().find_map(|preference| match preference {
        Preference::Any => Some(site.default_locale()),
        Preference::Specific(tag) => {
            let tag: String = tag.to_string();
            site.locale(&tag).or_else(|| site.locale(tag.split('-').next().unwrap_or(&tag)))
        }
    });
    found.filter(|locale| *locale != site.default_locale()).map(str::to_owned)
}

fn query_of(head: &RequestHead) -> &str {
    head.uri.query().unwrap_or_default()
}

fn names_locale(query: &str) -> bool {
    has_parameter(query, "locale", |_| true)
}

/// Returns the cache key of a request: its path, its query, and the negotiated locale.
pub fn cache_key(app: &App, http: &Head, negotiated: Option<&str>) -> CacheKey {
    key_of(app, http.path(), http.query_string(), negotiated)
}

fn key_of(app: &App, path: &str, query: &str, negotiated: Option<&str>) -> CacheKey {
    app.response_cache.key(&[path, query, negotiated.unwrap_or_default()])
}

/// Returns whether the responses of a route to anonymous requests are cached.
pub fn is_cacheable(route: &Route) -> bool {
    route.access == Access::Public && route.method == Method::GET
}

/// Returns what the cache has under a key: a response, or the reason why there is none.
pub fn find_cached(app: &App, key: CacheKey) -> Option<CacheLookup> {
    match app.response_cache.find(key) {
        Some(cached) => Some(CacheLookup::Found(cached)),
        None => app.response_cache.find_absent(key).map(CacheLookup::Absent),
    }
}

/// Returns what the cache has for an anonymous read, with its key. `None` if the request is no such read or the cache has
/// nothing.
///
/// A request with `Authorization` never gets here a cached response: its token has to be checked first, and
/// may widen what the client sees. A cookie counts only in requests that have no public response.
pub fn find_public(app: &App, route: &Route, head: &RequestHead) -> Option<(CacheKey, CacheLookup)> {
    if !is_cacheable(route) || head.headers.contains_key(header::AUTHORIZATION) {
        return None;
    }
    let locale = negotiated_by_header(head, &app.site);
    let key = key_of(app, head.uri.path(), query_of(head), locale.as_deref());
    Some((key, find_cached(app, key)?))
}

/// Responds to an anonymous read with what the cache has under its key.
pub fn respond_public(
    app: &App,
    head: &RequestHead,
    (key, found): (CacheKey, CacheLookup),
    id: &RequestId,
    now: Instant,
) -> HttpResponse {
    match found {
        CacheLookup::Found(response) => {
            respond_cached(app, &head.headers, CachedHandle { key: Some(key), response }, id, now)
        }
        CacheLookup::Absent(found) => match absence_response(app, &found, true) {
            Ok(response) => respond(app, &head.headers, response, id),
            Err(problem) => problem_response(app, head.uri.path(), &problem, id),
        },
    }
}

/// Turns a cached absence into 404 or a redirect.
///
/// What is cached is the reason and not the bytes, because a problem contains the id of its request. A
/// redirect may be stored by shared caches if it is `public`; a 404 is not.
///
/// # Errors
/// 404 if the resource does not exist.
pub fn absence_response(app: &App, found: &CachedAbsence, public: bool) -> Result<Response, Problem> {
    match &found.absence {
        Absence::Missing(noun) => Err(Problem::not_found(noun)),
        Absence::Moved(location) => {
            let redirect = Response::empty(308).header("location", location).header("vary", "Authorization");
            if !public {
                return Ok(redirect.no_store());
            }
            let tags = cache_tags::tags(&app.config.cdn, &found.dependencies);
            let redirect = redirect.header("cache-control", PUBLIC_CACHE);
            Ok(tags.into_iter().fold(redirect, |redirect, (name, tags)| redirect.header(name, tags)))
        }
    }
}

/// Responds with a cached response in the content coding that the client prefers, or with 304 if the client
/// has it.
///
/// The key of the handle is the one under which the encoded forms of the response are cached too. Without one, the
/// response is encoded for this request only. Each reading of the clock takes 50 ns, so the caller's counts.
pub fn respond_cached(
    app: &App,
    headers: &HeaderMap,
    handle: CachedHandle,
    id: &RequestId,
    now: Instant,
) -> HttpResponse {
    let CachedHandle { key, response: cached } = handle;
    let coding = preferred_coding(app, headers);
    if headers.contains_key(header::IF_NONE_MATCH) {
        // The tag of the encoded form is known without encoding it, so that 304 does not cost a compression.
        let tag = cached.tag_in(coding);
        if matches_if_none_match(headers, &tag) {
            let mut response = HttpResponse::new(StatusCode::NOT_MODIFIED);
            set_headers(app, response.headers_mut(), &tag, &cached, now);
            set_common_headers(app, response.headers_mut(), id);
            return response;
        }
    }
    let encoded = coding.and_then(|coding| match key {
        Some(key) => app.response_cache.variant(key, &cached, coding),
        None => cached.encode(coding).map(Arc::new),
    });
    let representation = encoded.unwrap_or(cached);
    let mut response = HttpResponse::new(StatusCode::OK);
    let headers = response.headers_mut();
    set_headers(app, headers, representation.tag.as_str(), &representation, now);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(representation.media_type));
    set_common_headers(app, headers, id);
    response.set_body(into_body(representation.body()))
}

/// Sets the headers of a cached response with this entity tag. While the database does not respond, `Age` is
/// among them (RFC 9111, section 5.1): the time since the response was last known to be current.
fn set_headers(app: &App, headers: &mut HeaderMap, tag: &str, cached: &CachedResponse, now: Instant) {
    if let Some(age) = app.database.invalidation_clock().staleness(now) {
        headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    }
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    for (name, value) in &cached.headers {
        headers.append(name.clone(), value.clone());
    }
}
