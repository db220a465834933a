//! The operations of the OpenAPI document, one for each route, or one for all routes that share a description.

use std::collections::BTreeMap;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem, Paths};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Ref, RefOr, Required, Schema};

use crate::api::openapi::DocumentView;
use crate::api::openapi::components::{COMMON_PROBLEM, component};
use crate::http::response::ALL_LOCALES;
use crate::http::route::{self, Access, ResponseDescription, Route};
use crate::problem::ProblemKind;

/// The parameter by which the cookie of a session counts in an operation that is public.
const VIEW: &str = "view";

/// Returns the paths of a view with the operations of these routes.
pub fn paths(routes: &[Route], view: DocumentView) -> Paths {
    let mut groups: BTreeMap<(&str, &str), Vec<&Route>> = BTreeMap::new();
    for route in routes {
        groups.entry((path(route), route.method.as_str())).or_default().push(route);
    }
    let mut paths = Paths::new();
    for ((path, _), group) in groups {
        let Some(route) = group.first() else { continue };
        let item = PathItem::new(method(route), operation(&group, view));
        match paths.paths.get_mut(path) {
            Some(existing) => existing.merge_operations(item),
            None => {
                paths.paths.insert(path.to_owned(), item);
            }
        }
    }
    paths
}

/// Returns the path of a route in the document.
fn path(route: &Route) -> &str {
    route.shared.as_ref().map_or(&route.path, |shared| &shared.path)
}

/// Returns the tag of a route in the document.
pub fn tag(route: &Route) -> &'static str {
    route.shared.as_ref().map_or(route.tag, |shared| shared.tag)
}

fn method(route: &Route) -> HttpMethod {
    match route.method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

/// Returns the operation of routes that share a description. The first of them stands for all, but each has media types
/// of its own.
fn operation(group: &[&Route], view: DocumentView) -> utoipa::openapi::path::Operation {
    let route = group[0];
    let (id, summary) = match &route.shared {
        Some(shared) => (shared.operation_id, shared.summary),
        None => (route.operation_id.as_str(), route.summary.as_str()),
    };
    let mut operation = OperationBuilder::new()
        .operation_id(Some(id))
        .tag(tag(route))
        .summary(Some(summary))
        .description(Some(&route.description));
    for parameter in route.shared.iter().map(|shared| &shared.parameter).chain(&route.parameters) {
        operation = operation.parameter(parameter.clone());
    }
    if let Some(body) = &route.request_body {
        operation = operation.request_body(Some(request_body(body, view)));
    }
    for (index, success) in route.responses.iter().enumerate() {
        let content = group.iter().filter_map(|route| route.responses.get(index)).flat_map(|of| &of.content);
        operation = operation.response(success.status.to_string(), response(success, content, view));
    }
    for kind in route.own_problems() {
        operation = operation.response(kind.status().to_string(), RefOr::Ref(Ref::from_response_name(component(kind))));
    }
    let common: Vec<u16> = route.common_problems().into_iter().map(ProblemKind::status).collect();
    operation
        .response("default", RefOr::Ref(Ref::from_response_name(COMMON_PROBLEM)))
        .extensions(Some(ExtensionsBuilder::new().add("x-problem-statuses", common).build()))
        .securities(Some(security(route, view)))
        .build()
}

/// Returns the security requirements of an operation; none if it is public. Frontends read what is public.
fn security(route: &Route, view: DocumentView) -> Vec<SecurityRequirement> {
    let bearer = || SecurityRequirement::new("bearer", Vec::<String>::new());
    let cookie = || SecurityRequirement::new("cookie", Vec::<String>::new());
    match route.access {
        Access::Open => Vec::new(),
        Access::Public if view == DocumentView::Delivery => Vec::new(),
        Access::Public if route.parameters.iter().any(|parameter| parameter.name == VIEW) => {
            vec![SecurityRequirement::default(), bearer(), cookie()]
        }
        Access::Public => vec![SecurityRequirement::default(), bearer()],
        Access::Session => vec![bearer()],
        Access::LoggedIn | Access::May(..) => vec![bearer(), cookie()],
    }
}

fn request_body(body: &route::RequestBody, view: DocumentView) -> RequestBody {
    let content = ContentBuilder::new().schema(Some(body.schema.clone())).example(Some(body.example.clone())).build();
    let mut request = RequestBodyBuilder::new().content(body.content_type, content).required(Some(Required::True));
    for (content_type, schema) in body.alternatives.iter().filter(|(content_type, _)| has(view, content_type)) {
        request = request.content(*content_type, ContentBuilder::new().schema(Some(schema.clone())).build());
    }
    request.build()
}

/// Returns whether a view has this media type: texts in all locales are for editors.
fn has(view: DocumentView, content_type: &str) -> bool {
    view == DocumentView::All || content_type != ALL_LOCALES
}

fn response<'a>(
    success: &ResponseDescription,
    content: impl Iterator<Item = &'a (&'static str, RefOr<Schema>)>,
    view: DocumentView,
) -> RefOr<utoipa::openapi::Response> {
    let mut response = ResponseBuilder::new().description(success.description);
    for (content_type, schema) in content.filter(|(content_type, _)| has(view, content_type)) {
        response = response.content(*content_type, ContentBuilder::new().schema(Some(schema.clone())).build());
    }
    for name in success.headers {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let mut header = Header::new(text);
        header.description = Some(header_about(name).to_owned());
        response = response.header(*name, header);
    }
    RefOr::T(response.build())
}

fn header_about(name: &str) -> &'static str {
    match name {
        "ETag" => "Entity tag of the representation, for `If-Match` and `If-None-Match`.",
        "Location" => "Address of the resource.",
        "Link" => "Links to the next and the previous page (RFC 8288).",
        "Idempotency-Replayed" => "`true` if an earlier request with the same key created the item.",
        "Unpublished-Sessions" => "Number of sessions of the event that remain drafts; absent if there are none.",
        "Not-Shown" => {
            "Rich texts of the request of which a part is not shown (RFC 9651): the pointer of each, with `what`; absent \
             if there are none."
        }
        "Set-Cookie" => "The cookie: `__Host-plenary`, which scripts cannot read (`HttpOnly`, `SameSite=Strict`).",
        "Cache-Control" => "Caching rules of the response (RFC 9111).",
        _ => "See the description of the operation.",
    }
}
