//! The components of the OpenAPI document: schemas, problem responses, security schemes.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::Header;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{Components, ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{RefOr, Schema};

use crate::api::accounts::{administration as accounts_api, api_keys, oidc, sessions, two_factor};
use crate::api::content::{editing_state, history, lifecycle, review, translations};
use crate::api::openapi::item_schemas::{self, ItemExtent};
use crate::api::openapi::{revision, schemas};
use crate::api::request_bodies;
use crate::api::{audit, bulk, health, preview_links, releases};
use crate::auth::{accounts, tokens};
use crate::content::Site;
use crate::content::field::Field;
use crate::content_types::ALL;
use crate::http::route::Route;
use crate::problem::{self, ProblemKind};

/// The request bodies that are declared by fields: name of the schema, fields, description.
const REQUEST_BODIES: &[(&str, &[Field], &str)] = &[
    ("Login", &request_bodies::LOGIN, "Credentials of an account."),
    ("RefreshToken", &request_bodies::REFRESH, "Refresh token of a session."),
    ("PasswordAgain", &request_bodies::PASSWORD_CONFIRMATION, "Current password, to confirm the operation."),
    ("ConfirmFactor", &request_bodies::CONFIRM_FACTOR, "Code of a new second factor, to confirm it."),
    ("EndFactor", &request_bodies::END_FACTOR, "Password and code, to remove the second factor."),
    ("ProviderLoginBegin", &request_bodies::OIDC_BEGIN, "Start of a log-in with the OpenID provider."),
    ("ProviderLoginFinish", &request_bodies::OIDC_FINISH, "Result of a log-in with the OpenID provider."),
    ("PasswordReset", &request_bodies::PASSWORD_RESET, "Account whose password is to be reset."),
    ("NewPassword", &request_bodies::NEW_PASSWORD, "One-time token from an e-mail, and a new password."),
    ("PasswordChange", &request_bodies::PASSWORD_CHANGE, "Current and new password."),
    ("NewAccount", &request_bodies::NEW_ACCOUNT, "Account to be created."),
    ("AccountChange", &request_bodies::ACCOUNT_CHANGE, "Changes to an account; omitted fields remain unchanged."),
    ("PersonalKey", &request_bodies::PERSONAL_KEY, "API key of the account itself, to be created."),
    ("MachineKey", &request_bodies::MACHINE_KEY, "API key of a machine, to be created."),
    ("Schedule", &lifecycle::SCHEDULE, "Times at which an item is to be published, unpublished, or both."),
    ("Bulk", &bulk::BULK, "Workflow step to be taken with many items."),
    ("NewRelease", &releases::NEW_RELEASE, "Release to be created."),
    ("ReleaseChange", &releases::RELEASE_CHANGE, "Changes to a release; omitted fields remain unchanged."),
    ("NewPreviewLink", &preview_links::NEW_LINK, "Preview link to be created."),
    ("NewComment", &review::NEW_COMMENT, "Comment to be created."),
    ("Assignment", &review::ASSIGNMENT, "Account to which an item is assigned."),
];

/// Returns the name of the response component of this kind, such as `NotFound`.
pub fn component(kind: ProblemKind) -> String {
    let mut name = String::new();
    for part in kind.code().split('-') {
        name.push_str(&part[..1].to_uppercase());
        name.push_str(&part[1..]);
    }
    name
}

/// Returns all components that these routes need, for this site.
pub fn components(routes: &[Route], site: &Site) -> Components {
    let mut schemas: BTreeMap<String, RefOr<Schema>> = BTreeMap::new();
    let mut add = |name: &str, schema: Schema| {
        schemas.insert(name.to_owned(), RefOr::T(schema));
    };
    for resource in ALL {
        let is_target = ALL.iter().any(|other| other.relations().any(|relation| relation.target == resource.kind));
        let is_child = ALL.iter().any(|other| other.children.is_some_and(|of| of.kind == resource.kind));
        let (whole, partial) = (ItemExtent::Whole, ItemExtent::Partial);
        for extent in [whole, partial] {
            let name = extent.item_name(resource);
            add(&name, extent.item(resource));
            add(&format!("{name}Page"), item_schemas::page(resource, &name));
        }
        if is_target {
            add(&whole.included_name(resource), whole.included(resource));
            add(&format!("{}Reference", resource.schema), whole.short(resource));
        }
        if is_target || is_child {
            add(&partial.included_name(resource), partial.included(resource));
        }
        add(&item_schemas::field_paths_name(resource), item_schemas::field_paths(resource));
        add(&format!("{}Input", resource.schema), schemas::input(resource, site, false));
        add(&format!("{}Patch", resource.schema), schemas::input(resource, site, true));
        add(&format!("{}Revision", resource.schema), revision::revision(resource));
    }
    add("Page", item_schemas::page_info());
    add("Changes", revision::changes());
    add("SearchResults", revision::search_results());
    for (name, fields, about) in REQUEST_BODIES {
        add(name, schemas::form(fields, site, about));
    }
    derive_all(&mut schemas);
    let mut components = Components::new();
    components.schemas = schemas;
    let mut kinds: Vec<ProblemKind> = routes.iter().flat_map(Route::all_problems).collect();
    kinds.sort_by_key(|kind| kind.status());
    for kind in kinds {
        components.responses.insert(component(kind), problem_response(kind));
    }
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("Access token of a session, or API key."));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    components
}

/// Adds the schemas of the types that derive [`ToSchema`].
fn derive_all(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    derived::<translations::TranslationList>(schemas);
    derived::<review::CommentList>(schemas);
    derived::<review::PresenceList>(schemas);
    derived::<editing_state::EditingState>(schemas);
    derived::<editing_state::Inbox>(schemas);
    derived::<two_factor::SecondFactorSetup>(schemas);
    derived::<two_factor::RecoveryCodes>(schemas);
    derived::<oidc::ProviderLogin>(schemas);
    derived::<api_keys::KeyList>(schemas);
    derived::<api_keys::NewKey>(schemas);
    derived::<sessions::SessionList>(schemas);
    derived::<audit::AuditPage>(schemas);
    derived::<preview_links::PreviewLinkList>(schemas);
    derived::<bulk::BulkResults>(schemas);
    derived::<releases::ReleaseList>(schemas);
    derived::<history::RevisionPage>(schemas);
    derived::<history::RevisionDiff>(schemas);
    derived::<problem::ProblemBody>(schemas);
    derived::<accounts_api::Tokens>(schemas);
    derived::<accounts::Account>(schemas);
    derived::<accounts::AccountList>(schemas);
    derived::<tokens::JwkSet>(schemas);
    derived::<health::Health>(schemas);
    derived::<health::Readiness>(schemas);
    derived::<crate::jobs::JobFailure>(schemas);
}

/// Adds the schema of a type and the schemas that it refers to.
fn derived<T: ToSchema>(all: &mut BTreeMap<String, RefOr<Schema>>) {
    let mut used = Vec::new();
    T::schemas(&mut used);
    all.extend(used);
    all.insert(T::name().into_owned(), T::schema());
}

fn problem_response(kind: ProblemKind) -> RefOr<utoipa::openapi::Response> {
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
    if matches!(kind, ProblemKind::TooManyAttempts | ProblemKind::Unavailable | ProblemKind::OutcomeUnknown) {
        let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
        header.description = Some("Number of seconds after which the client may try again.".to_owned());
        response = response.header("Retry-After", header);
    }
    RefOr::T(response.build())
}
