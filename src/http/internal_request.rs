//! Requests that the server makes to its own routes, on behalf of a client that speaks another protocol. Permissions,
//! checks of the query, the cache and the handler are those of requests over HTTP.

use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use actix_web::web::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::app::App;
use crate::auth::actor::Actor;
use crate::delivery::cache::response_cache::CacheLookup;
use crate::delivery::query::Pairs;
use crate::http::access::require_access;
use crate::http::cached_response::{absence_response, cache_key, find_cached, is_cacheable};
use crate::http::handler::call;
use crate::http::head::{Head, InternalHead};
use crate::http::pipeline::require_known_query;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, Route};
use crate::problem::Problem;

/// Characters that stay as they are in a segment of a path (RFC 3986, section 2.3).
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request to a route of this server.
#[derive(Clone)]
pub struct InternalRequest {
    /// The actor on whose behalf it is made; none for an anonymous client.
    pub actor: Option<Actor>,
    /// Id of the request of the client.
    pub id: String,
    /// Parameters of the path.
    pub parameters: Vec<(String, String)>,
    /// Query parameters.
    pub query_pairs: Pairs,
    /// Headers.
    pub headers: HeaderMap,
    /// The body; empty if the route reads none.
    pub body: Bytes,
}

impl InternalRequest {
    /// Returns the head of the request to a route.
    fn head(&self, route: &Route) -> InternalHead {
        let mut path = route.path.clone();
        for (name, value) in &self.parameters {
            let value: String = utf8_percent_encode(value, &UNRESERVED).collect();
            path = path.replacen(&format!("{{{name}}}"), &value, 1);
        }
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query_pairs).finish();
        InternalHead { path, query, headers: self.headers.clone() }
    }
}

/// Returns the path and the query of a request to a route.
pub fn target(route: &Route, request: &InternalRequest) -> String {
    Head::Internal(request.head(route)).target().into_owned()
}

/// Returns the response of a route to a request that the server makes.
///
/// # Errors
/// The problem that the same request over HTTP would have.
pub async fn respond(app: &Arc<App>, route: &Route, request: InternalRequest) -> Result<Response, Problem> {
    // Where credentials do not count, nobody is refused for them.
    let request = match route.access {
        Access::Open => InternalRequest { actor: None, ..request },
        _ => request,
    };
    require_access(route, request.actor.as_ref())?;
    require_known_query(route, &request.query_pairs)?;
    let http = Head::Internal(request.head(route));
    if request.actor.is_none() && is_cacheable(route) {
        let key = cache_key(app, &http, None);
        match find_cached(app, key) {
            Some(CacheLookup::Found(cached)) => return Ok(Response::from_cached(Some(key), cached)),
            Some(CacheLookup::Absent(found)) => return absence_response(app, &found, true),
            None => {}
        }
    }
    let InternalRequest { actor, id, parameters, query_pairs, body, .. } = request;
    let app = Arc::clone(app);
    let (upload, negotiated) = (None, None);
    call(&route.handler, Request { app, http, parameters, query_pairs, body, upload, actor, id, negotiated }).await
}
