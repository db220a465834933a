//! A request as handlers get it.

use std::sync::Arc;

use actix_web::web::Bytes;
use url::form_urlencoded;

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

/// Returns whether a query has a parameter with this name whose value `is_it` accepts. Names and values may be written with
/// `%` and two digits (WHATWG URL, section 5.1). A query that cannot have the name is not decoded.
pub fn has_parameter(query: &str, name: &str, is_it: impl Fn(&str) -> bool) -> bool {
    let may_have = query.contains(name) || query.contains('%');
    may_have && form_urlencoded::parse(query.as_bytes()).any(|(given, value)| given == name && is_it(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_however_they_are_written() {
        let reads_draft = |query: &str| has_parameter(query, "view", |value| value == "draft");
        for query in ["view=draft", "a=b&view=draft", "view=%64raft", "%76iew=draft", "%76%69%65%77=%64%72%61%66%74"] {
            assert!(reads_draft(query), "{query}");
        }
        for query in
            ["", "view", "view=", "view=draft%00", "View=draft", "view=Draft", "q=view%3Ddraft", "q=view=draft"]
        {
            assert!(!reads_draft(query), "{query}");
        }
    }
}
