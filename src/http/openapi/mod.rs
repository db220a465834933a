//! The OpenAPI document, assembled from the routes.

mod editorial;
pub mod schemas;

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathItem, Paths};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{Components, ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, Schema, ServerBuilder,
};

use super::route::{Access, Route, Success};
use super::{bulk_api, desk_api, history_api, preview_api, releases_api, review_api};
use crate::auth::{accounts, api as auth_api, forms, tokens};
use crate::content::Site;
use crate::problem::{self, Kind};
use crate::resources::ALL;

const ABOUT: &str = "Events, speakers and partners, and everything that an event page shows. Without credentials, \
reads give what is published now; editors use the same addresses with `Authorization: Bearer`. Errors are RFC 9457 \
problems that name every fault with its place. Unknown fields and unknown query parameters are refused. Every `GET` \
also answers to `HEAD`.";

/// The document of these routes, for this site.
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
        .components(Some(components(routes, site)))
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
    if let Some(body) = &route.body {
        let content =
            ContentBuilder::new().schema(Some(body.schema.clone())).example(Some(body.example.clone())).build();
        let request = RequestBodyBuilder::new().content(body.content_type, content).required(Some(Required::True));
        operation = operation.request_body(Some(request.build()));
    }
    for success in &route.successes {
        operation = operation.response(success.status.to_string(), response(success));
    }
    for kind in route.all_problems() {
        operation = operation.response(kind.status().to_string(), RefOr::Ref(Ref::from_response_name(component(kind))));
    }
    let bearer = || SecurityRequirement::new("bearer", Vec::<String>::new());
    operation = match route.access {
        Access::Open => operation.securities(Some([SecurityRequirement::default()])),
        Access::Public => operation.securities(Some([SecurityRequirement::default(), bearer()])),
        Access::LoggedIn | Access::May(..) => operation.securities(Some([bearer()])),
    };
    operation.build()
}

fn response(success: &Success) -> RefOr<utoipa::openapi::Response> {
    let mut response = ResponseBuilder::new().description(success.about);
    if let Some((content_type, schema)) = &success.body {
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
        "ETag" => "Entity tag of the representation; what `If-Match` and `If-None-Match` want.",
        "Location" => "Address of the item.",
        "Link" => "The neighbouring pages (RFC 8288).",
        "Idempotency-Replayed" => "`true` when an earlier request with the same key made the item.",
        "Cache-Control" => "For how long the answer may be kept (RFC 9111).",
        _ => "See the description of the operation.",
    }
}

/// Name of the response component of problems with the status of this kind.
fn component(kind: Kind) -> String {
    let mut name = String::new();
    for part in kind.code().split('-') {
        name.push_str(&part[..1].to_uppercase());
        name.push_str(&part[1..]);
    }
    name
}

fn components(routes: &[Route], site: &Site) -> Components {
    let mut schemas: BTreeMap<String, RefOr<Schema>> = BTreeMap::new();
    let mut add = |name: &str, schema: Schema| {
        schemas.insert(name.to_owned(), RefOr::T(schema));
    };
    for resource in ALL {
        add(resource.schema, schemas::answer(resource, site));
        if ALL.iter().any(|other| other.relations().any(|relation| relation.target == resource.kind)) {
            add(&schemas::included_name(resource), schemas::included(resource, site));
            add(&format!("{}Reference", resource.schema), schemas::short(resource, site));
        }
        add(&format!("{}Page", resource.schema), schemas::page(resource));
        add(&format!("{}Input", resource.schema), schemas::input(resource, site, false));
        add(&format!("{}Patch", resource.schema), schemas::input(resource, site, true));
        add(&format!("{}Revision", resource.schema), editorial::revision(resource));
    }
    add("Page", schemas::page_info());
    add("Login", schemas::form(&forms::LOGIN, site, "Address and password."));
    add("RefreshToken", schemas::form(&forms::REFRESH, site, "A refresh token."));
    add("PasswordChange", schemas::form(&forms::PASSWORD_CHANGE, site, "Old and new password."));
    add("NewAccount", schemas::form(&forms::NEW_ACCOUNT, site, "An account to be made."));
    add("AccountChange", schemas::form(&forms::ACCOUNT_CHANGE, site, "Changes to an account; what is left out stays."));
    add("Schedule", schemas::form(&desk_api::SCHEDULE, site, "When an item is to be published, unpublished, or both."));
    add("Bulk", schemas::form(&bulk_api::BULK, site, "Steps with many items."));
    add("NewRelease", schemas::form(&releases_api::NEW_RELEASE, site, "A release to be made."));
    let about = "Changes to a release; what is left out stays.";
    add("ReleaseChange", schemas::form(&releases_api::RELEASE_CHANGE, site, about));
    add("NewPreviewLink", schemas::form(&preview_api::NEW_LINK, site, "A preview link to be made."));
    add("NewComment", schemas::form(&review_api::NEW_COMMENT, site, "A comment to be made."));
    add("Assignment", schemas::form(&review_api::ASSIGNMENT, site, "Who is to take care of an item."));
    derived::<review_api::CommentList>(&mut schemas);
    derived::<review_api::PresenceList>(&mut schemas);
    derived::<review_api::DeskState>(&mut schemas);
    derived::<review_api::Inbox>(&mut schemas);
    derived::<preview_api::PreviewLinkList>(&mut schemas);
    derived::<bulk_api::BulkResults>(&mut schemas);
    derived::<releases_api::ReleaseList>(&mut schemas);
    derived::<history_api::RevisionPage>(&mut schemas);
    derived::<history_api::RevisionDiff>(&mut schemas);
    derived::<problem::ProblemBody>(&mut schemas);
    derived::<auth_api::Tokens>(&mut schemas);
    derived::<accounts::Account>(&mut schemas);
    derived::<accounts::AccountList>(&mut schemas);
    derived::<tokens::JwkSet>(&mut schemas);
    derived::<super::operations::Health>(&mut schemas);
    let mut components = Components::new();
    components.schemas = schemas;
    let mut kinds: Vec<Kind> = routes.iter().flat_map(Route::all_problems).collect();
    kinds.sort_by_key(|kind| kind.status());
    for kind in kinds {
        components.responses.insert(component(kind), problem_response(kind));
    }
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The access token that logging in gives."));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    components
}

/// The schema of a type that derives it, with those that it uses.
fn derived<T: ToSchema>(all: &mut BTreeMap<String, RefOr<Schema>>) {
    let mut used = Vec::new();
    T::schemas(&mut used);
    all.extend(used);
    all.insert(T::name().into_owned(), T::schema());
}

fn problem_response(kind: Kind) -> RefOr<utoipa::openapi::Response> {
    let example = json!({
        "type": format!("https://cms.example.org/problems/{}", kind.code()),
        "title": kind.title(),
        "status": kind.status(),
        "detail": kind.about(),
        "instance": "/api/v1/events",
        "request_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    });
    let content = ContentBuilder::new().schema(Some(schemas::reference("Problem"))).example(Some(example)).build();
    let mut response = ResponseBuilder::new().description(kind.about()).content("application/problem+json", content);
    if matches!(kind, Kind::TooManyAttempts | Kind::Unavailable) {
        let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
        header.description = Some("Seconds to wait.".to_owned());
        response = response.header("Retry-After", header);
    }
    RefOr::T(response.build())
}

fn tags() -> Vec<utoipa::openapi::Tag> {
    let mut tags: Vec<(&str, String)> = vec![
        ("Authentication", "Logging in, tokens, one's own account.".into()),
        ("Accounts", "The accounts of editors; for administrators.".into()),
        ("Previews", "Links to what is not public yet.".into()),
        ("Releases", "Steps with many items, taken together.".into()),
    ];
    tags.extend(ALL.iter().map(|r| (super::content_api::tag(r), r.about.to_owned())));
    tags.push(("Operations", "For those who run the server.".into()));
    tags.into_iter().map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build()).collect()
}

/// The document as pretty JSON, with a line end.
pub fn to_json(document: &OpenApi) -> String {
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
