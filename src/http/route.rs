//! Routes. A route holds its access, its handler and its description together, so that the OpenAPI document can
//! neither omit an operation nor describe one that does not exist, and no operation is open because its access was
//! forgotten.

use actix_web::http::Method;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{RefOr, Required, Schema};

use crate::auth::permissions::{Action, Area};
use crate::content::violation::{Violations, unknown_name_message};
use crate::content_types::ContentType;
use crate::delivery::query::Pairs;
use crate::http::handler::{Handler, IntoHandler};
use crate::http::response::{FORM_DATA, JSON};
use crate::problem::ProblemKind;

/// The parameter of a path that stands for all the rest of it, slashes included.
pub const REST_OF_PATH: &str = "{path}";

/// The authentication and permission that a route requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anonymous access; credentials are checked if present, and extend what the client sees.
    Public,
    /// Anonymous access; credentials are ignored. For operations of the server and for logging in.
    Open,
    /// Any account, authenticated by a session or an API key.
    LoggedIn,
    /// Any account, authenticated by the access token of a session. API keys and cookies are refused, because the
    /// route changes the account itself.
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
    /// The parameters of a page that is found by its path.
    Place,
    /// The locale alone.
    Language,
    /// The language into which is translated.
    Translation,
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
    /// Further media types of the body, each with its schema.
    pub alternatives: Vec<(&'static str, RefOr<Schema>)>,
}

/// The description that routes with the same code for different paths share in the OpenAPI document. In place of one
/// segment of their paths, its path has a parameter.
#[derive(Clone)]
pub struct SharedOperation {
    /// Path with the parameter in place of the segment.
    pub path: String,
    /// The parameter, whose schema lists the segments.
    pub parameter: Parameter,
    /// Operation id.
    pub operation_id: &'static str,
    /// Tag under which the documentation lists the operation.
    pub tag: &'static str,
    /// Summary of one line.
    pub summary: &'static str,
}

/// The description of a successful response.
#[derive(Clone)]
pub struct ResponseDescription {
    /// HTTP status.
    pub status: u16,
    /// Description in the OpenAPI document.
    pub description: &'static str,
    /// Media types of the body, each with its schema; empty if there is no body.
    pub content: Vec<(&'static str, RefOr<Schema>)>,
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
    pub request_body: Option<RequestBody>,
    /// The successful responses.
    pub responses: Vec<ResponseDescription>,
    /// The problems besides those that follow from access, parameters and body.
    pub problems: Vec<ProblemKind>,
    /// The required authentication and permission.
    pub access: Access,
    /// The query parameters that depend on the languages of the site.
    pub parameter_set: ParameterSet,
    /// The description in the OpenAPI document that the route shares with others, if it does.
    pub shared: Option<SharedOperation>,
    /// Whether frontends need the operation, although it is not one of public content.
    pub delivery: bool,
    /// Whether the operation is for editors, although it reads public content: frontends have a better one.
    pub editing: bool,
    /// Whether the body names the collections that the request concerns, and the handler checks them: an API key
    /// that is restricted to collections may then use the route.
    pub collections_in_body: bool,
    /// Path of the document that describes the route as an OAuth protected resource (RFC 9728), if it is one. Access
    /// tokens that the OpenID provider issued for this resource are accepted then.
    pub resource_metadata: Option<&'static str>,
    /// Whether the OpenAPI document has the operation.
    pub described: bool,
    /// Whether query parameters are allowed that the route does not know.
    pub any_query: bool,
    /// The function that serves the requests.
    pub handler: Handler,
}

impl Route {
    /// Creates a route of the method `GET`. The server answers `HEAD` with it too.
    pub fn get(path: impl Into<String>, access: Access, handler: impl IntoHandler) -> Self {
        Self::new(Method::GET, path, access, handler)
    }

    /// Creates a route of the method `POST`.
    pub fn post(path: impl Into<String>, access: Access, handler: impl IntoHandler) -> Self {
        Self::new(Method::POST, path, access, handler)
    }

    /// Creates a route of the method `PUT`.
    pub fn put(path: impl Into<String>, access: Access, handler: impl IntoHandler) -> Self {
        Self::new(Method::PUT, path, access, handler)
    }

    /// Creates a route of the method `PATCH`.
    pub fn patch(path: impl Into<String>, access: Access, handler: impl IntoHandler) -> Self {
        Self::new(Method::PATCH, path, access, handler)
    }

    /// Creates a route of the method `DELETE`.
    pub fn delete(path: impl Into<String>, access: Access, handler: impl IntoHandler) -> Self {
        Self::new(Method::DELETE, path, access, handler)
    }

    fn new(method: Method, path: impl Into<String>, access: Access, handler: impl IntoHandler) -> Self {
        Self {
            method,
            path: path.into(),
            access,
            handler: handler.into_handler(),
            operation_id: String::new(),
            tag: "",
            summary: String::new(),
            description: String::new(),
            parameters: Vec::new(),
            parameter_set: ParameterSet::Own,
            shared: None,
            delivery: false,
            editing: false,
            collections_in_body: false,
            resource_metadata: None,
            described: true,
            any_query: false,
            request_body: None,
            responses: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Sets the operation id, from which generated clients derive the name of their method.
    pub fn operation_id(mut self, operation_id: impl Into<String>) -> Self {
        self.operation_id = operation_id.into();
        self
    }

    /// Sets the tag under which the documentation lists the operation.
    pub fn tag(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    /// Sets the summary of one line.
    pub fn summary(mut self, summary: impl Into<String>) -> Self {
        self.summary = summary.into();
        self
    }

    /// Sets the description: what the operation does, what it returns, and when it fails.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Sets the query parameters that depend on the languages of the site.
    pub fn parameter_set(mut self, set: ParameterSet) -> Self {
        self.parameter_set = set;
        self
    }

    /// Declares that the body names the collections that the request concerns, and that the handler checks them.
    pub fn collections_in_body(mut self) -> Self {
        self.collections_in_body = true;
        self
    }

    /// Makes the route an OAuth protected resource (RFC 9728), which the document at this path describes.
    pub fn resource_metadata(mut self, path: &'static str) -> Self {
        self.resource_metadata = Some(path);
        self
    }

    /// Returns whether the handler gets the body as it arrives: one that can be a form with files.
    pub fn uploads(&self) -> bool {
        self.request_body.as_ref().is_some_and(|body| body.content_type == FORM_DATA)
    }

    /// Leaves the operation out of the OpenAPI document, because it belongs to another protocol, which describes
    /// itself.
    pub fn of_another_protocol(mut self) -> Self {
        self.described = false;
        self
    }

    /// Allows query parameters that the route does not know, as redirects of OpenID providers have (RFC 6749, 4.1.2).
    pub fn any_query(mut self) -> Self {
        self.any_query = true;
        self
    }

    /// Adds parameters.
    pub fn parameters(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Sets the request body.
    pub fn request_body(
        mut self,
        content_type: &'static str,
        schema: impl Into<RefOr<Schema>>,
        example: serde_json::Value,
    ) -> Self {
        self.request_body =
            Some(RequestBody { content_type, schema: schema.into(), example, alternatives: Vec::new() });
        self
    }

    /// Adds a further media type to the request body.
    pub fn or_body(mut self, content_type: &'static str, schema: impl Into<RefOr<Schema>>) -> Self {
        if let Some(body) = &mut self.request_body {
            body.alternatives.push((content_type, schema.into()));
        }
        self
    }

    /// Sets the description that the route shares with others in the OpenAPI document.
    pub fn shared_operation(mut self, shared: SharedOperation) -> Self {
        self.shared = Some(shared);
        self
    }

    /// Makes the operation part of the delivery view of the OpenAPI document, which has all reads of public content.
    pub fn for_delivery(mut self) -> Self {
        self.delivery = true;
        self
    }

    /// Leaves the operation out of the delivery view of the OpenAPI document, because frontends have a better one.
    pub fn for_editors(mut self) -> Self {
        self.editing = true;
        self
    }

    /// Returns whether the operation is part of the delivery view of the OpenAPI document.
    pub fn is_for_delivery(&self) -> bool {
        (self.delivery || self.access == Access::Public) && !self.editing
    }

    /// Adds a successful response with a JSON body.
    pub fn responds(
        self,
        status: u16,
        description: &'static str,
        schema: impl Into<RefOr<Schema>>,
        headers: &'static [&'static str],
    ) -> Self {
        self.responds_as(status, description, JSON, schema, headers)
    }

    /// Adds a successful response with a body of this media type.
    pub fn responds_as(
        self,
        status: u16,
        description: &'static str,
        content_type: &'static str,
        schema: impl Into<RefOr<Schema>>,
        headers: &'static [&'static str],
    ) -> Self {
        self.responds_empty(status, description, headers).or_media_type(content_type, schema)
    }

    /// Adds a successful response without a body.
    pub fn responds_empty(mut self, status: u16, description: &'static str, headers: &'static [&'static str]) -> Self {
        self.responses.push(ResponseDescription { status, description, content: Vec::new(), headers });
        self
    }

    /// Adds a further media type to the last successful response.
    pub fn or_media_type(mut self, content_type: &'static str, schema: impl Into<RefOr<Schema>>) -> Self {
        if let Some(response) = self.responses.last_mut() {
            response.content.push((content_type, schema.into()));
        }
        self
    }

    /// Adds problems besides those that follow from access, parameters and body (`route_problems.rs`).
    pub fn problems(mut self, kinds: &[ProblemKind]) -> Self {
        self.problems.extend_from_slice(kinds);
        self
    }

    /// Adds a violation for every query parameter that is unknown, repeated, or contains U+0000.
    pub fn check_query(&self, query_pairs: &Pairs, violations: &mut Violations) {
        let known = || self.parameters.iter().filter(|p| p.parameter_in == ParameterIn::Query).map(|p| p.name.as_str());
        for (index, (name, value)) in query_pairs.iter().enumerate() {
            // No database and no index stores this character in a text.
            if value.contains('\0') {
                violations.add(format!("?{name}"), "not_a_value", "the character U+0000 is not allowed");
            }
            if !known().any(|other| other == name) {
                let names: Vec<&str> = known().collect();
                let message = if names.is_empty() {
                    format!("unknown query parameter \"{name}\"; this operation has none")
                } else {
                    unknown_name_message("query parameter", name, names.iter().copied())
                };
                violations.add(format!("?{name}"), "unknown_parameter", message);
            } else if query_pairs[..index].iter().any(|(earlier, _)| earlier == name) {
                violations.add(
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
    location: ParameterIn,
    schema: impl Into<RefOr<Schema>>,
    description: &str,
    example: serde_json::Value,
) -> Parameter {
    let required = if location == ParameterIn::Path { Required::True } else { Required::False };
    utoipa::openapi::path::ParameterBuilder::new()
        .name(name)
        .parameter_in(location)
        .required(required)
        .schema(Some(schema))
        .description(Some(description))
        .example(Some(example))
        .build()
}
