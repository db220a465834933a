//! Routes. A route is its handler and its description at once, so the OpenAPI document can
//! neither miss an operation nor describe one that is not there.

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
use crate::auth::permissions::{Action, Area, Role};
use crate::content::fault::{Faults, unknown};
use crate::delivery::answers::Place;
use crate::delivery::kept::Kept;
use crate::delivery::query::Pairs;
use crate::problem::{Kind, Problem};
use crate::resources::Resource;

/// Who acts: an account that has shown a valid access token or API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The account's id.
    pub account_id: String,
    /// Its role now, or that of the key if it is less.
    pub role: Role,
    /// The key that was shown instead of a session's token.
    pub key: Option<Arc<ShownKey>>,
    /// The id of the session whose token was shown.
    pub session: Option<String>,
}

/// A key that was shown.
#[derive(Debug, PartialEq, Eq)]
pub struct ShownKey {
    /// Its id.
    pub id: String,
    /// The collections that it is for; all, if none is named.
    pub collections: Vec<String>,
}

/// A request that has passed the door: known parameters, body within bounds, token checked.
pub struct Request {
    /// The application.
    pub app: Arc<App>,
    /// The request as it came.
    pub http: HttpRequest,
    /// The parameters of its path, decoded.
    pub parameters: Vec<(String, String)>,
    /// Its query parameters, decoded.
    pub pairs: Pairs,
    /// Its body.
    pub body: Bytes,
    /// Who asks, if a token came with it.
    pub actor: Option<Actor>,
    /// Finds it in the logs.
    pub id: String,
    /// The language that was agreed on by `Accept-Language`, where that is not the default.
    pub negotiated: Option<String>,
}

impl Request {
    /// A path parameter, decoded.
    pub fn path(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// A query parameter, if it is there.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A header as text; `None` when absent or not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.http.headers().get(name)?.to_str().ok()
    }

    /// Who asks; on routes that want somebody, this is there.
    pub fn actor(&self) -> Result<&Actor, Problem> {
        self.actor.as_ref().ok_or_else(|| Problem::new(Kind::Unauthorised, "log in first"))
    }
}

/// An answer on its way out.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Media type; empty with no body.
    pub content_type: &'static str,
    /// Further headers.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
    /// A body that comes bit by bit, instead of the other.
    pub stream: Option<Streamed>,
    /// An answer as it is kept, instead of all of these.
    pub kept: Option<Handed>,
}

/// An answer as it is kept, and where, if it is.
#[derive(Debug)]
pub struct Handed {
    /// Its place.
    pub place: Option<Place>,
    /// The answer.
    pub answer: Arc<Kept>,
}

/// A body that comes bit by bit.
pub struct Streamed(pub Pin<Box<dyn Stream<Item = Result<Bytes, actix_web::Error>>>>);

impl std::fmt::Debug for Streamed {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("Streamed")
    }
}

/// JSON as answers have it.
pub const JSON: &str = "application/json";

impl Answer {
    /// A body of JSON text.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, content_type: JSON, headers: Vec::new(), body: body.into(), stream: None, kept: None }
    }

    /// A value as JSON.
    pub fn of(status: u16, value: &impl serde::Serialize) -> Result<Self, Problem> {
        serde_json::to_vec(value).map(|body| Self::json(status, body)).map_err(|error| Problem::internal(&error))
    }

    /// An answer as it is kept.
    pub fn kept(place: Option<Place>, answer: Arc<Kept>) -> Self {
        Self { kept: Some(Handed { place, answer }), ..Self::empty(200) }
    }

    /// No body.
    pub fn empty(status: u16) -> Self {
        Self { status, content_type: "", headers: Vec::new(), body: Bytes::new(), stream: None, kept: None }
    }

    /// Another media type.
    pub fn typed(mut self, content_type: &'static str) -> Self {
        self.content_type = content_type;
        self
    }

    /// Adds a header; values that no header may have are left out.
    pub fn header(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.push((HeaderName::from_static(name), value));
        }
        self
    }

    /// Not to be kept by any cache.
    pub fn private(self) -> Self {
        self.header("cache-control", "private, no-store")
    }
}

/// What a handler comes to.
pub type Outcome = Pin<Box<dyn Future<Output = Result<Answer, Problem>>>>;
/// A handler.
pub type Handler = Arc<dyn Fn(Request) -> Outcome + Send + Sync>;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody; a token widens what is seen.
    Public,
    /// Anybody, and no token is looked at: operations and logging in.
    Open,
    /// Anybody who is logged in.
    LoggedIn,
    /// Anybody who is logged in with a session, not with a key: it is about the account itself.
    Session,
    /// Who may do this.
    May(Area, Action),
}

/// Which query parameters a route takes beside its own; those depend on the site's languages.
#[derive(Debug, Clone, Copy)]
pub enum Takes {
    /// None.
    Own,
    /// Those of a list of this kind.
    List(&'static Resource),
    /// Those of a single item of this kind.
    One(&'static Resource),
    /// Those of a feed of this kind.
    Feed(&'static Resource),
    /// Those of a feed of one item.
    FeedOfOne,
    /// A language.
    Language,
    /// Those of a step in an item's life.
    Step,
    /// Those of a write of content.
    Content,
}

/// A body that a route reads.
#[derive(Clone)]
pub struct Body {
    /// Its media type.
    pub content_type: &'static str,
    /// Its schema.
    pub schema: RefOr<Schema>,
    /// An example.
    pub example: serde_json::Value,
}

/// A success answer, described.
#[derive(Clone)]
pub struct Success {
    /// HTTP status.
    pub status: u16,
    /// What it means.
    pub about: &'static str,
    /// Its media types, each with its schema, if it has a body.
    pub bodies: Vec<(&'static str, RefOr<Schema>)>,
    /// The names of its headers beside those that all answers have.
    pub headers: &'static [&'static str],
}

/// A route: method, path, handler, and all that the document says of it.
#[derive(Clone)]
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path with parameters in braces.
    pub path: String,
    /// The method name that generated clients give it.
    pub operation_id: String,
    /// The group in the documentation.
    pub tag: &'static str,
    /// One line.
    pub summary: String,
    /// More.
    pub description: String,
    /// Path, query and header parameters.
    pub parameters: Vec<Parameter>,
    /// The body it reads.
    pub body: Option<Body>,
    /// The good answers.
    pub successes: Vec<Success>,
    /// The problems beside those that follow from access, parameters and body.
    pub problems: Vec<Kind>,
    /// Who may call it.
    pub access: Access,
    /// Its further query parameters.
    pub takes: Takes,
    /// What it does.
    pub handler: Handler,
}

impl Route {
    /// A route with its handler; open to anybody until [`Route::access`] says otherwise.
    pub fn new<F, Fut>(method: Method, path: impl Into<String>, operation_id: impl Into<String>, handler: F) -> Self
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Answer, Problem>> + 'static,
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
            takes: Takes::Own,
            handler: Arc::new(move |request| Box::pin(handler(request))),
        }
    }

    /// Group, one line, and more.
    pub fn about(mut self, tag: &'static str, summary: impl Into<String>, description: impl Into<String>) -> Self {
        self.tag = tag;
        self.summary = summary.into();
        self.description = description.into();
        self
    }

    /// Who may call it.
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Query parameters that depend on the site's languages.
    pub fn takes(mut self, takes: Takes) -> Self {
        self.takes = takes;
        self
    }

    /// Further parameters.
    pub fn parameters(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// The body it reads.
    pub fn body(
        mut self,
        content_type: &'static str,
        schema: impl Into<RefOr<Schema>>,
        example: serde_json::Value,
    ) -> Self {
        self.body = Some(Body { content_type, schema: schema.into(), example });
        self
    }

    /// A good answer with a body of JSON.
    pub fn answers(
        self,
        status: u16,
        about: &'static str,
        schema: impl Into<RefOr<Schema>>,
        headers: &'static [&'static str],
    ) -> Self {
        self.answers_as(status, about, Some((JSON, schema.into())), headers)
    }

    /// A good answer with a body of another type, or none.
    pub fn answers_as(
        mut self,
        status: u16,
        about: &'static str,
        body: Option<(&'static str, RefOr<Schema>)>,
        headers: &'static [&'static str],
    ) -> Self {
        let bodies = body.into_iter().collect();
        self.successes.push(Success { status, about, bodies, headers });
        self
    }

    /// The last good answer can be of another type too.
    pub fn or_as(mut self, content_type: &'static str, schema: impl Into<RefOr<Schema>>) -> Self {
        if let Some(success) = self.successes.last_mut() {
            success.bodies.push((content_type, schema.into()));
        }
        self
    }

    /// Problems beside those that follow from access, parameters and body.
    pub fn problems(mut self, kinds: &[Kind]) -> Self {
        self.problems.extend_from_slice(kinds);
        self
    }

    /// All problems that it can answer with, each status once, in order.
    pub fn all_problems(&self) -> Vec<Kind> {
        let mut kinds = self.problems.clone();
        kinds.push(Kind::BadRequest);
        match self.access {
            Access::Open => {}
            Access::Public => kinds.push(Kind::Unauthorised),
            Access::LoggedIn | Access::Session => kinds.extend([Kind::Unauthorised, Kind::Forbidden]),
            Access::May(..) => kinds.extend([Kind::Unauthorised, Kind::Forbidden]),
        }
        if self.body.is_some() {
            kinds.extend([Kind::Timeout, Kind::TooLarge, Kind::UnsupportedMediaType, Kind::Invalid]);
        }
        kinds.extend([Kind::Internal, Kind::Unavailable]);
        kinds.sort_by_key(|kind| kind.status());
        kinds.dedup_by_key(|kind| kind.status());
        kinds
    }

    /// Notes every query parameter that the route does not know, or that stands twice.
    pub fn check_query(&self, pairs: &Pairs, faults: &mut Faults) {
        let known = || self.parameters.iter().filter(|p| p.parameter_in == ParameterIn::Query).map(|p| p.name.as_str());
        for (index, (name, value)) in pairs.iter().enumerate() {
            // No database and no index keeps it as text.
            if value.contains('\0') {
                faults.add(format!("?{name}"), "not_a_value", "the character U+0000 is in no text");
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
                    "this parameter stands twice; use commas for several values",
                );
            }
        }
    }
}

/// A described parameter.
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
