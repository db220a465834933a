//! Routes, requests and responses. A route holds its handler and its description together, so that the OpenAPI
//! document can neither omit an operation nor describe one that does not exist.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Bytes;
use futures_util::stream::Stream;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{RefOr, Required, Schema};

use crate::app::App;
use crate::auth::actor::Actor;
use crate::auth::permissions::{Action, Area};
use crate::content::violation::{Violations, unknown};
use crate::content_types::ContentType;
use crate::delivery::cache::cached_response::CachedResponse;
use crate::delivery::cache::response_cache::CacheKey;
use crate::delivery::query::Pairs;
use crate::problem::{Problem, ProblemKind};

/// A request as handlers get it: authorised, with known query parameters and a body within the limits.
pub struct Request {
    pub app: Arc<App>,
    /// The request of the HTTP library.
    pub http: HttpRequest,
    /// Parameters of the path, decoded.
    pub parameters: Vec<(String, String)>,
    /// Query parameters, decoded, in the order of the query.
    pub pairs: Pairs,
    /// The whole body; empty if the route reads none.
    pub body: Bytes,
    /// The authenticated actor, if the request has credentials.
    pub actor: Option<Actor>,
    /// Id of the request, as in `X-Request-Id` and in the log.
    pub id: String,
    /// The locale negotiated by `Accept-Language`, if it is not the default.
    pub negotiated: Option<String>,
}

impl Request {
    /// Returns a path parameter, decoded; an empty text if the path has no such parameter.
    pub fn path(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Returns the value of a query parameter, if the query has it.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value of a header as text; `None` if it is absent or not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.http.headers().get(name)?.to_str().ok()
    }

    /// Returns the authenticated actor. Routes that require authentication always have one.
    ///
    /// # Errors
    /// 401 if the route allows anonymous requests and this request is one.
    pub fn actor(&self) -> Result<&Actor, Problem> {
        self.actor
            .as_ref()
            .ok_or_else(|| Problem::new(ProblemKind::Unauthorized, "this operation requires authentication"))
    }
}

/// The successful response of a handler.
#[derive(Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Media type; empty if there is no body.
    pub content_type: &'static str,
    /// Headers besides the media type and those that every response has.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
    /// A streamed body, which replaces `body`.
    pub stream: Option<StreamBody>,
    /// A cached response, which replaces all other fields.
    pub kept: Option<CachedHandle>,
}

/// A cached response and its cache key.
#[derive(Debug)]
pub struct CachedHandle {
    /// The cache key; `None` if the response was not stored.
    pub place: Option<CacheKey>,
    /// The cached response.
    pub answer: Arc<CachedResponse>,
}

/// A body that is produced while it is sent.
pub struct StreamBody(pub Pin<Box<dyn Stream<Item = Result<Bytes, actix_web::Error>>>>);

impl std::fmt::Debug for StreamBody {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("Streamed")
    }
}

/// Media type of JSON.
pub const JSON: &str = "application/json";

impl Response {
    /// Creates a response with a body of JSON text.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, content_type: JSON, headers: Vec::new(), body: body.into(), stream: None, kept: None }
    }

    /// Creates a response with a value serialised as JSON.
    ///
    /// # Errors
    /// 500 if the value cannot be serialised.
    pub fn of(status: u16, value: &impl serde::Serialize) -> Result<Self, Problem> {
        serde_json::to_vec(value).map(|body| Self::json(status, body)).map_err(|error| Problem::internal(&error))
    }

    /// Creates a response from a cached one, with the key under which it is stored, if it is.
    pub fn kept(place: Option<CacheKey>, answer: Arc<CachedResponse>) -> Self {
        Self { kept: Some(CachedHandle { place, answer }), ..Self::empty(200) }
    }

    /// Creates a response without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, content_type: "", headers: Vec::new(), body: Bytes::new(), stream: None, kept: None }
    }

    /// Sets the media type.
    pub fn typed(mut self, content_type: &'static str) -> Self {
        self.content_type = content_type;
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
    pub fn private(self) -> Self {
        self.header("cache-control", "private, no-store")
    }
}

/// The future of a handler.
pub type HandlerResult = Pin<Box<dyn Future<Output = Result<Response, Problem>>>>;
/// The function that serves the requests of a route.
pub type Handler = Arc<dyn Fn(Request) -> HandlerResult + Send + Sync>;

/// The authentication and permission that a route requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anonymous access; credentials are checked if present, and extend what the client sees.
    Public,
    /// Anonymous access; credentials are ignored. For operations of the server and for logging in.
    Open,
    /// Any account, authenticated by a session or an API key.
    LoggedIn,
    /// Any account, authenticated by a session. API keys are refused, because the route changes the account
    /// itself.
    Session,
    /// An account whose role permits this action.
    May(Area, Action),
}

/// The set of query parameters that a route has besides its own. They depend on the languages of the site.
#[derive(Debug, Clone, Copy)]
pub enum ParameterSet {
    /// No further parameters.
    Own,
    /// The parameters of a list of this content type.
    List(&'static ContentType),
    /// The parameters of a single item of this content type.
    One(&'static ContentType),
    /// The parameters of a feed of this content type.
    Feed(&'static ContentType),
    /// The parameters of a feed of one item.
    FeedOfOne,
    /// The locale alone.
    Language,
    /// The parameters of a step of the editorial workflow.
    Step,
    /// The parameters of an operation that writes content.
    Content,
}

/// The description of a request body.
#[derive(Clone)]
pub struct RequestBody {
    /// Media type.
    pub content_type: &'static str,
    /// Schema of the body.
    pub schema: RefOr<Schema>,
    /// Example of the body.
    pub example: serde_json::Value,
}

/// The description of a successful response.
#[derive(Clone)]
pub struct ResponseDescription {
    /// HTTP status.
    pub status: u16,
    /// Description in the OpenAPI document.
    pub about: &'static str,
    /// Media types of the body, each with its schema; empty if there is no body.
    pub bodies: Vec<(&'static str, RefOr<Schema>)>,
    /// Names of the headers besides those that every response has.
    pub headers: &'static [&'static str],
}

/// A route: method, path, handler, and its complete description for the OpenAPI document.
#[derive(Clone)]
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path with parameters in braces.
    pub path: String,
    /// Operation id, from which generated clients derive the name of their method.
    pub operation_id: String,
    /// Tag under which the documentation lists the operation.
    pub tag: &'static str,
    /// Summary of one line.
    pub summary: String,
    /// Description of the operation.
    pub description: String,
    /// Path, query and header parameters.
    pub parameters: Vec<Parameter>,
    /// The request body, if the operation reads one.
    pub body: Option<RequestBody>,
    /// The successful responses.
    pub successes: Vec<ResponseDescription>,
    /// The problems besides those that follow from access, parameters and body.
    pub problems: Vec<ProblemKind>,
    /// The required authentication and permission.
    pub access: Access,
    /// The further query parameters.
    pub takes: ParameterSet,
    /// The function that serves the requests.
    pub handler: Handler,
}

impl Route {
    /// Creates a route with its handler. Its access is [`Access::Open`] until [`Route::access`] sets another
    /// one.
    pub fn new<F, Fut>(method: Method, path: impl Into<String>, operation_id: impl Into<String>, handler: F) -> Self
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response, Problem>> + 'static,
    {
        Self {
            method,
            path: path.into(),
            operation_id: operation_id.into(),
            tag: "",
            summary: String::new(),
            description: String::new(),
            parameters: Vec::new(),
            body: None,
            successes: Vec::new(),
            problems: Vec::new(),
            access: Access::Open,
            takes: ParameterSet::Own,
            handler: Arc::new(move |request| Box::pin(handler(request))),
        }
    }

    /// Sets tag, summary and description.
    pub fn about(mut self, tag: &'static str, summary: impl Into<String>, description: impl Into<String>) -> Self {
        self.tag = tag;
        self.summary = summary.into();
        self.description = description.into();
        self
    }

    /// Sets the required authentication and permission.
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Sets the query parameters that depend on the languages of the site.
    pub fn takes(mut self, takes: ParameterSet) -> Self {
        self.takes = takes;
        self
    }

    /// Adds parameters.
    pub fn parameters(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Sets the request body.
    pub fn body(
        mut self,
        content_type: &'static str,
        schema: impl Into<RefOr<Schema>>,
        example: serde_json::Value,
    ) -> Self {
        self.body = Some(RequestBody { content_type, schema: schema.into(), example });
        self
    }

    /// Adds a successful response with a JSON body.
    pub fn answers(
        self,
        status: u16,
        about: &'static str,
        schema: impl Into<RefOr<Schema>>,
        headers: &'static [&'static str],
    ) -> Self {
        self.answers_as(status, about, Some((JSON, schema.into())), headers)
    }

    /// Adds a successful response with a body of any media type, or without one.
    pub fn answers_as(
        mut self,
        status: u16,
        about: &'static str,
        body: Option<(&'static str, RefOr<Schema>)>,
        headers: &'static [&'static str],
    ) -> Self {
        let bodies = body.into_iter().collect();
        self.successes.push(ResponseDescription { status, about, bodies, headers });
        self
    }

    /// Adds an alternative media type to the last successful response.
    pub fn or_as(mut self, content_type: &'static str, schema: impl Into<RefOr<Schema>>) -> Self {
        if let Some(success) = self.successes.last_mut() {
            success.bodies.push((content_type, schema.into()));
        }
        self
    }

    /// Adds problems besides those that follow from access, parameters and body.
    pub fn problems(mut self, kinds: &[ProblemKind]) -> Self {
        self.problems.extend_from_slice(kinds);
        self
    }

    /// Returns all problems that the route can respond with, one for each status, in ascending order.
    pub fn all_problems(&self) -> Vec<ProblemKind> {
        let mut kinds = self.problems.clone();
        kinds.push(ProblemKind::BadRequest);
        match self.access {
            Access::Open => {}
            Access::Public => kinds.push(ProblemKind::Unauthorized),
            Access::LoggedIn | Access::Session => kinds.extend([ProblemKind::Unauthorized, ProblemKind::Forbidden]),
            Access::May(..) => kinds.extend([ProblemKind::Unauthorized, ProblemKind::Forbidden]),
        }
        if self.body.is_some() {
            kinds.extend([
                ProblemKind::Timeout,
                ProblemKind::TooLarge,
                ProblemKind::UnsupportedMediaType,
                ProblemKind::Invalid,
            ]);
        }
        kinds.extend([ProblemKind::Internal, ProblemKind::Unavailable]);
        kinds.sort_by_key(|kind| kind.status());
        kinds.dedup_by_key(|kind| kind.status());
        kinds
    }

    /// Adds a fault for every query parameter that is unknown, repeated, or contains U+0000.
    pub fn check_query(&self, pairs: &Pairs, faults: &mut Violations) {
        let known = || self.parameters.iter().filter(|p| p.parameter_in == ParameterIn::Query).map(|p| p.name.as_str());
        for (index, (name, value)) in pairs.iter().enumerate() {
            // No database and no index stores this character in a text.
            if value.contains('\0') {
                faults.add(format!("?{name}"), "not_a_value", "the character U+0000 is not allowed");
            }
            if !known().any(|k| k == name) {
                let names: Vec<&str> = known().collect();
                let message = if names.is_empty() {
                    format!("unknown query parameter \"{name}\"; this operation has none")
                } else {
                    unknown("query parameter", name, names.iter().copied())
                };
                faults.add(format!("?{name}"), "unknown_parameter", message);
            } else if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
                faults.add(
                    format!("?{name}"),
                    "duplicate",
                    "this parameter is repeated; separate several values by commas",
                );
            }
        }
    }
}

/// Creates a parameter. Path parameters are required, all others are optional.
pub fn parameter(
    name: &str,
    place: ParameterIn,
    schema: impl Into<RefOr<Schema>>,
    about: &str,
    example: serde_json::Value,
) -> Parameter {
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    utoipa::openapi::path::ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .schema(Some(schema))
        .description(Some(about))
        .example(Some(example))
        .build()
}
