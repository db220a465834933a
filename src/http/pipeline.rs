//! The pipeline around every handler: cache lookup, authentication, authorisation, checks of query and body
//! before it; headers, content coding, metrics and the log after it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::RequestHead;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt;
use matchit::Params;

use crate::app::App;
use crate::auth::actor::Actor;
use crate::content::violation::Violations;
use crate::delivery::cache::content_coding::Coding;
use crate::delivery::query::Pairs;
use crate::http::access::{authenticate, challenge};
use crate::http::cached_response::{find_public, respond_cached, respond_public};
use crate::http::chunked_body::into_body;
use crate::http::common_headers::set_common_headers;
use crate::http::cross_origin::credential_origin;
use crate::http::handler::call;
use crate::http::head::Head;
use crate::http::metrics::DurationHistograms;
use crate::http::request::Request;
use crate::http::request_id::RequestId;
use crate::http::response::Response;
use crate::http::route::Route;
use crate::http::unread_body::has_body;
use crate::http::upload;
use crate::problem::{Problem, ProblemBody, ProblemKind};

/// Duration from which a request is logged as slow.
const SLOW_REQUEST: Duration = Duration::from_secs(1);

/// A route that serves requests, with its metrics.
pub struct Endpoint {
    /// The route.
    pub route: Route,
    durations: DurationHistograms,
}

impl Endpoint {
    /// Creates the endpoint of a route.
    pub fn new(route: Route) -> Self {
        Self { route, durations: DurationHistograms::default() }
    }

    /// Serves a request from the cache. `None` if the cache has no response.
    ///
    /// A hit needs neither authentication nor validation of the query, because only valid public requests have stored a
    /// response under this key.
    pub fn serve_cached(&self, app: &App, head: &RequestHead) -> Option<HttpResponse> {
        let start = Instant::now();
        let found = find_public(app, &self.route, head)?;
        let id = RequestId::from_headers(&head.headers);
        let response = respond_public(app, head, found, &id, start);
        self.record(head, response.status(), start.elapsed(), &id);
        Some(response)
    }

    /// Serves a request that was not served from the cache before. `path_parameters` are still encoded.
    pub async fn serve(
        &self,
        app: &Arc<App>,
        http: &HttpRequest,
        path_parameters: Params<'_, '_>,
        payload: &mut Payload,
    ) -> HttpResponse {
        let start = Instant::now();
        if needs_middleware(app, http.headers())
            && let Some(response) = self.serve_cached(app, http.head())
        {
            return response;
        }
        let id = RequestId::from_headers(http.headers());
        let response = handle(UnreadRequest { app, http, id: &id }, &self.route, path_parameters, payload).await;
        self.record(http.head(), response.status(), start.elapsed(), &id);
        response
    }

    /// Records the duration, and logs the request: as an error if it failed, as a warning if it was slow, as
    /// information if it wrote, and otherwise for debugging only.
    fn record(&self, head: &RequestHead, status: StatusCode, duration: Duration, id: &RequestId) {
        let operation = &self.route.operation_id;
        self.durations.observe(operation, status, duration);
        let (status, method, path) = (status.as_u16(), &head.method, head.uri.path());
        let micros = duration.as_micros() as u64;
        let reads = *method == Method::GET || *method == Method::HEAD;
        if status >= 500 {
            tracing::error!(request_id = id.as_str(), %method, path, status, micros, operation, "request failed");
        } else if duration >= SLOW_REQUEST {
            tracing::warn!(request_id = id.as_str(), %method, path, status, micros, operation, "slow request");
        } else if reads {
            tracing::debug!(request_id = id.as_str(), %method, path, status, micros, operation, "request");
        } else {
            tracing::info!(request_id = id.as_str(), %method, path, status, micros, operation, "request");
        }
    }
}

/// Returns whether a response from the cache is not complete without the middleware: it permits listed origins and
/// credentials, and the body of the request has to be read.
pub fn needs_middleware(app: &App, headers: &HeaderMap) -> bool {
    let cors = &app.config.cors;
    !cors.allows_any() || credential_origin(cors, headers).is_some() || has_body(headers)
}

/// A request whose body was not read yet.
struct UnreadRequest<'a> {
    app: &'a Arc<App>,
    http: &'a HttpRequest,
    /// Id of the request, for the log and the response.
    id: &'a RequestId,
}

/// Serves a request for which the cache has no response.
async fn handle(
    request: UnreadRequest<'_>,
    route: &Route,
    path_parameters: Params<'_, '_>,
    payload: &mut Payload,
) -> HttpResponse {
    let UnreadRequest { app, http, id } = request;
    // A path that is not UTF-8 after decoding cannot name any resource.
    let Some(parameters) = decode_parameters(path_parameters) else {
        return problem_response(app, http.path(), &no_resource(), id);
    };
    let result = match authorize(app, route, http, payload).await {
        Ok((actor, query_pairs, body)) => {
            let (upload, negotiated, id) = (None, None, id.as_str().to_owned());
            let head = Head::Received(http.clone());
            let app = Arc::clone(app);
            let request = Request { app, http: head, parameters, query_pairs, body, upload, actor, id, negotiated };
            serve_body(route, http, payload, request).await
        }
        Err(problem) => Err(problem),
    };
    match result {
        Ok(response) => respond(app, http.headers(), response, id),
        Err(problem) => {
            let mut response = problem_response(app, http.path(), &problem, id);
            if let Some(challenge) = challenge(app, route, &problem) {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            response
        }
    }
}

/// Calls the handler of a route, with the body as it arrives if the route reads it so.
async fn serve_body(
    route: &Route,
    http: &HttpRequest,
    payload: &mut Payload,
    request: Request,
) -> Result<Response, Problem> {
    if !route.uploads() {
        return call(&route.handler, request).await;
    }
    let app = Arc::clone(&request.app);
    let handler = |upload| call(&route.handler, Request { upload: Some(upload), ..request });
    upload::serve(&app.config.imports, http, payload, handler).await
}

/// Decodes the parameters of the path; `None` if one of them is not UTF-8.
fn decode_parameters(path_parameters: Params<'_, '_>) -> Option<Vec<(String, String)>> {
    let text = |value| Some(percent_encoding::percent_decode_str(value).decode_utf8().ok()?.into_owned());
    path_parameters.iter().map(|(name, value)| Some((name.to_owned(), text(value)?))).collect()
}

/// Authenticates and authorises a request, checks its query, and reads its body.
///
/// The body comes last: a request that is refused anyway must not make the server receive and hold a body
/// first.
async fn authorize(
    app: &Arc<App>,
    route: &Route,
    http: &HttpRequest,
    payload: &mut Payload,
) -> Result<(Option<Actor>, Pairs, Bytes), Problem> {
    let actor = authenticate(app, route, http).await?;
    let query_pairs = url::form_urlencoded::parse(http.query_string().as_bytes()).into_owned().collect();
    require_known_query(route, &query_pairs)?;
    if route.request_body.is_none() {
        return Ok((actor, query_pairs, Bytes::new()));
    }
    refuse_coding(http)?;
    if route.uploads() {
        return Ok((actor, query_pairs, Bytes::new()));
    }
    let body = read_body(app, http, payload).await?;
    Ok((actor, query_pairs, body))
}

/// Refuses a query that the route does not understand.
///
/// # Errors
/// 400 with each parameter that is unknown, repeated, or contains U+0000.
pub fn require_known_query(route: &Route, query_pairs: &Pairs) -> Result<(), Problem> {
    let mut violations = Violations::new();
    if !route.any_query {
        route.check_query(query_pairs, &mut violations);
    }
    if violations.is_empty() { Ok(()) } else { Err(Problem::bad_request(violations)) }
}

/// Refuses a body with a content coding, because the server decodes none.
fn refuse_coding(http: &HttpRequest) -> Result<(), Problem> {
    let codings = http.headers().get_all(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"));
    match codings.flat_map(|line| line.split(',')).map(str::trim).find(|word| !is_no_coding(word)) {
        Some(word) => {
            let detail = format!("the body must have no content coding, this one has \"{word}\"");
            Err(Problem::new(ProblemKind::UnsupportedMediaType, detail))
        }
        None => Ok(()),
    }
}

fn is_no_coding(word: &str) -> bool {
    word.is_empty() || word.eq_ignore_ascii_case("identity")
}

/// Reads the whole body within the limits of size and time.
async fn read_body(app: &App, http: &HttpRequest, payload: &mut Payload) -> Result<Bytes, Problem> {
    let max_bytes = app.config.server.max_body_bytes;
    let too_large = || Problem::new(ProblemKind::TooLarge, format!("the body may have at most {max_bytes} bytes"));
    let announced = http.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max_bytes) {
        return Err(too_large());
    }
    let reading = async {
        // `Content-Length` is the client's claim: it must not decide how much memory is reserved.
        let mut body = Vec::with_capacity(announced.unwrap_or(0).min(65_536));
        while let Some(chunk) = payload.next().await {
            let chunk = chunk
                .map_err(|_| Problem::bad_request(Violations::one("", "malformed_body", "the body is incomplete")))?;
            if body.len() + chunk.len() > max_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Bytes::from(body))
    };
    let timeout = Duration::from_secs(app.config.server.request_timeout_seconds);
    tokio::time::timeout(timeout, reading).await.unwrap_or_else(|_| {
        Err(Problem::new(ProblemKind::Timeout, format!("the body did not arrive within {} s", timeout.as_secs())))
    })
}

/// Turns the result of a handler into a response in the content coding that the client prefers.
pub fn respond(app: &App, headers: &HeaderMap, response: Response, id: &RequestId) -> HttpResponse {
    if let Some(handle) = response.cached {
        return respond_cached(app, headers, handle, id, Instant::now());
    }
    let mut builder =
        HttpResponse::build(StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    let coding = preferred_coding(app, headers);
    let coded = coding.and_then(|coding| Some((coding, coding.encode(&response.body)?)));
    for (name, value) in response.headers {
        let value = match &coded {
            Some((coding, _)) if name == header::ETAG => coded_tag(&value, *coding),
            _ => value,
        };
        builder.append_header((name, value));
    }
    if !response.media_type.is_empty() {
        builder.append_header((header::CONTENT_TYPE, response.media_type));
        builder.append_header((header::VARY, "Accept-Encoding"));
    }
    let mut built = match (response.stream, coded) {
        (Some(stream), _) => builder.streaming(stream.0),
        (None, Some((coding, body))) => {
            builder.insert_header((header::CONTENT_ENCODING, coding.name()));
            builder.body(into_body(body.into()))
        }
        (None, None) => builder.body(into_body(response.body)),
    };
    set_common_headers(app, built.headers_mut(), id);
    built
}

/// Returns the content coding that the client prefers (RFC 9110, section 12.5.3), if it accepts any and responses are to be
/// encoded.
pub fn preferred_coding(app: &App, headers: &HeaderMap) -> Option<Coding> {
    let accepted = headers.get(header::ACCEPT_ENCODING).filter(|_| app.config.server.compress)?;
    Coding::negotiate(accepted.to_str().ok()?)
}

/// Returns the entity tag of the same content in a content coding, which is another representation.
fn coded_tag(tag: &HeaderValue, coding: Coding) -> HeaderValue {
    HeaderValue::from_str(&coding.tag(tag.to_str().unwrap_or_default())).unwrap_or_else(|_| tag.clone())
}

/// Returns the body of a problem of a request with this path and id.
pub fn problem_body(app: &App, path: &str, problem: &Problem, id: &str) -> ProblemBody {
    ProblemBody {
        type_uri: format!("{}/problems/{}", app.config.base_url(), problem.kind.code()),
        title: problem.kind.title().to_owned(),
        status: problem.kind.status(),
        detail: problem.detail.clone(),
        instance: path.to_owned(),
        request_id: id.to_owned(),
        errors: problem.errors.clone(),
        current: problem.current.as_deref().cloned(),
    }
}

/// Turns the problem of a request with this path and id into a response of the type `application/problem+json` (RFC 9457).
pub fn problem_response(app: &App, path: &str, problem: &Problem, id: &RequestId) -> HttpResponse {
    let body = problem_body(app, path, problem, id.as_str());
    let mut response = HttpResponse::build(problem.status());
    response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    if problem.status() == StatusCode::UNAUTHORIZED {
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"plenary\""));
    }
    if problem.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        // In a response, `Accept-Encoding` lists the codings that are accepted in requests (RFC 9110, section
        // 12.5.3).
        response.insert_header((header::ACCEPT_ENCODING, "identity"));
    }
    if let Some(seconds) = problem.retry_after {
        response.insert_header((header::RETRY_AFTER, seconds.to_string()));
    }
    if let Some(allow) = &problem.allow {
        response.insert_header((header::ALLOW, allow.as_str()));
    }
    let mut built = response.body(serde_json::to_vec(&body).unwrap_or_default());
    set_common_headers(app, built.headers_mut(), id);
    built
}

/// Responds to a request that no route serves: 405 with `allow`, the methods of its path, otherwise 404.
pub fn not_found(app: &App, http: &HttpRequest, allow: Option<&str>) -> HttpResponse {
    let id = RequestId::from_headers(http.headers());
    let problem = match allow {
        Some(allow) => {
            let mut problem =
                Problem::new(ProblemKind::MethodNotAllowed, format!("the methods of this address are {allow}"));
            problem.allow = Some(allow.to_owned());
            problem
        }
        None => no_resource(),
    };
    problem_response(app, http.path(), &problem, &id)
}

/// Responds with 500 to a request whose handler panicked. The panic itself is logged by the panic hook.
pub fn handler_panicked(app: &App, http: &HttpRequest) -> HttpResponse {
    let id = RequestId::from_headers(http.headers());
    tracing::error!(request_id = id.as_str(), method = %http.method(), path = http.path(), "a handler panicked");
    problem_response(app, http.path(), &Problem::internal(&"a handler panicked"), &id)
}

fn no_resource() -> Problem {
    Problem::new(ProblemKind::NotFound, "no resource exists at this address")
}
