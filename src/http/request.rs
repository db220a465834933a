//! A request as handlers get it.

use std::sync::Arc;

use actix_web::web::Bytes;

use crate::app::App;
use crate::auth::actor::Actor;
use crate::delivery::query::Pairs;
use crate::http::head::Head;
use crate::http::upload::Upload;
use crate::problem::{Problem, ProblemKind};

/// A request as handlers get it: authorised, with known query parameters and a body within the limits.
pub struct Request {
    /// The application.
    pub app: Arc<App>,
    /// The head: target and headers.
    pub http: Head,
    /// Parameters of the path, decoded.
    pub parameters: Vec<(String, String)>,
    /// Query parameters, decoded, in the order of the query.
    pub query_pairs: Pairs,
    /// The whole body; empty if the route reads none, or reads it as it arrives.
    pub body: Bytes,
    /// The body as it arrives, if the route reads it so.
    pub upload: Option<Upload>,
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
        self.query_pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
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
