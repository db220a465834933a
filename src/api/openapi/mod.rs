//! The OpenAPI document, generated from the routes.

mod components;
mod custom;
pub mod item_schemas;
pub mod response;
mod revision;
pub mod schemas;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem, Paths};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, ServerBuilder,
};

use crate::content::Site;
use crate::content_types::ALL;
use crate::http::route::{Access, ResponseDescription, Route};

const ABOUT: &str = "Headless CMS for events, speakers, partners and everything else that event pages show. Without \
credentials, reads return published content only; editors use the same addresses with `Authorization: Bearer`. Errors \
are RFC 9457 problems, which list every fault in the request with a pointer to its place. Unknown fields and unknown \
query parameters are rejected. Every `GET` operation supports `HEAD` too.";

/// Returns the document of these routes, for this site.
pub fn document(routes: &[Route], site: &Site, public_url: &str) -> OpenApi {
    let info = InfoBuilder::new()
        .title("Plenary")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .contact(Some(ContactBuilder::new().name(Some("Plenary")).url(Some("https://example.org/plenary")).build()))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()))
        .build();
    let mut paths = Paths::new();
    for route in routes {
        let item = PathItem::new(method(route), operation(route));
        match paths.paths.get_mut(&route.path) {
            Some(existing) => existing.merge_operations(item),
            None => {
                paths.paths.insert(route.path.clone(), item);
            }
        }
    }
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url(public_url).description(Some("This server.")).build()]))
        .paths(paths)
        .components(Some(components::components(routes, site)))
        .tags(Some(tags()))
        .build()
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

fn operation(route: &Route) -> utoipa::openapi::path::Operation {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(&route.operation_id))
        .tag(route.tag)
        .summary(Some(&route.summary))
        .description(Some(&route.description));
    for parameter in &route.parameters {
        operation = operation.parameter(parameter.clone());
    }
    if let Some(body) = &route.request_body {
        let content =
            ContentBuilder::new().schema(Some(body.schema.clone())).example(Some(body.example.clone())).build();
        let request = RequestBodyBuilder::new().content(body.content_type, content).required(Some(Required::True));
        operation = operation.request_body(Some(request.build()));
    }
    for success in &route.responses {
        operation = operation.response(success.status.to_string(), response(success));
    }
    for kind in route.all_problems() {
        operation = operation
            .response(kind.status().to_string(), RefOr::Ref(Ref::from_response_name(components::component(kind))));
    }
    let bearer = || SecurityRequirement::new("bearer", Vec::<String>::new());
    operation = match route.access {
        Access::Open => operation.securities(Some([SecurityRequirement::default()])),
        Access::Public => operation.securities(Some([SecurityRequirement::default(), bearer()])),
        Access::LoggedIn | Access::Session | Access::May(..) => operation.securities(Some([bearer()])),
    };
    operation.build()
}

fn response(success: &ResponseDescription) -> RefOr<utoipa::openapi::Response> {
    let mut response = ResponseBuilder::new().description(success.description);
    for (content_type, schema) in &success.content {
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
        "Cache-Control" => "Caching rules of the response (RFC 9111).",
        _ => "See the description of the operation.",
    }
}

fn tags() -> Vec<utoipa::openapi::Tag> {
    let mut tags: Vec<(&str, String)> = vec![
        ("Authentication", "Log-in, sessions, tokens, and the account of the client.".into()),
        ("Accounts", "Accounts of editors; for administrators.".into()),
        ("Search", "Full-text search over all content types.".into()),
        ("Sync", "Changes of the public content, for clients that keep a copy of it.".into()),
        ("Keys", "API keys of machines and of accounts.".into()),
        ("Audit", "Audit log of all changes; for administrators.".into()),
        ("Previews", "Links that show content before it is public.".into()),
        ("Releases", "Changes to several items that go live together.".into()),
    ];
    tags.extend(ALL.iter().map(|r| (r.title_plural, r.about.to_owned())));
    tags.push(("Operations", "Health, metrics and documentation of the server; for operators.".into()));
    tags.into_iter().map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build()).collect()
}

/// Returns a document as JSON text, with the schemas of the site's custom fields.
pub fn to_json(document: &OpenApi, site: &Site) -> String {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    custom::insert(&mut document, site);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}
