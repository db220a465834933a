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

use super::answers::{self, Answers};
use super::{more, schemas};
use crate::auth::{accounts, api as auth_api, forms, keys_api, oidc_api, second_factor_api, sessions_api, tokens};
use crate::content::Site;
use crate::content::field::Field;
use crate::http::route::Route;
use crate::http::{
    audit_api, bulk_api, desk_api, desk_state_api, history_api, operations, preview_api, releases_api, review_api,
    translations_api,
};
use crate::problem::{self, Kind};
use crate::resources::ALL;

/// The request bodies that are declared by fields: name of the schema, fields, description.
const FORMS: &[(&str, &[Field], &str)] = &[
    ("Login", &forms::LOGIN, "Credentials of an account."),
    ("RefreshToken", &forms::REFRESH, "Refresh token of a session."),
    ("PasswordAgain", &forms::PASSWORD_AGAIN, "Current password, to confirm the operation."),
    ("ConfirmFactor", &forms::CONFIRM_FACTOR, "Code of a new second factor, to confirm it."),
    ("EndFactor", &forms::END_FACTOR, "Password and code, to remove the second factor."),
    ("ProviderLoginBegin", &forms::OIDC_BEGIN, "Start of a log-in with the OpenID provider."),
    ("ProviderLoginFinish", &forms::OIDC_FINISH, "Result of a log-in with the OpenID provider."),
    ("PasswordReset", &forms::PASSWORD_RESET, "Account whose password is to be reset."),
    ("NewPassword", &forms::NEW_PASSWORD, "One-time token from an e-mail, and a new password."),
    ("PasswordChange", &forms::PASSWORD_CHANGE, "Current and new password."),
    ("NewAccount", &forms::NEW_ACCOUNT, "Account to be created."),
    ("AccountChange", &forms::ACCOUNT_CHANGE, "Changes to an account; omitted fields remain unchanged."),
    ("PersonalKey", &forms::PERSONAL_KEY, "API key of the account itself, to be created."),
    ("MachineKey", &forms::MACHINE_KEY, "API key of a machine, to be created."),
    ("Schedule", &desk_api::SCHEDULE, "Times at which an item is to be published, unpublished, or both."),
    ("Bulk", &bulk_api::BULK, "Workflow step to be taken with many items."),
    ("NewRelease", &releases_api::NEW_RELEASE, "Release to be created."),
    ("ReleaseChange", &releases_api::RELEASE_CHANGE, "Changes to a release; omitted fields remain unchanged."),
    ("NewPreviewLink", &preview_api::NEW_LINK, "Preview link to be created."),
    ("NewComment", &review_api::NEW_COMMENT, "Comment to be created."),
    ("Assignment", &review_api::ASSIGNMENT, "Account to which an item is assigned."),
];

/// Returns the name of the response component of this kind, such as `NotFound`.
pub fn component(kind: Kind) -> String {
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
        let (whole, partial) = (Answers::Whole, Answers::Partial);
        for answers in [whole, partial] {
            let name = answers.item_name(resource);
            add(&name, answers.item(resource));
            add(&format!("{name}Page"), answers::page(resource, &name));
        }
        if is_target {
            add(&whole.included_name(resource), whole.included(resource));
            add(&format!("{}Reference", resource.schema), whole.short(resource));
        }
        if is_target || is_child {
            add(&partial.included_name(resource), partial.included(resource));
        }
        add(&answers::places_name(resource), answers::places(resource));
        add(&format!("{}Input", resource.schema), schemas::input(resource, site, false));
        add(&format!("{}Patch", resource.schema), schemas::input(resource, site, true));
        add(&format!("{}Revision", resource.schema), more::revision(resource));
    }
    add("Page", answers::page_info());
    add("Changes", more::changes());
    add("SearchResults", more::search_results());
    for (name, fields, about) in FORMS {
        add(name, schemas::form(fields, site, about));
    }
    derive_all(&mut schemas);
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
        .description(Some("Access token of a session, or API key."));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    components
}

/// Adds the schemas of the types that derive [`ToSchema`].
fn derive_all(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    derived::<translations_api::TranslationList>(schemas);
    derived::<review_api::CommentList>(schemas);
    derived::<review_api::PresenceList>(schemas);
    derived::<desk_state_api::DeskState>(schemas);
    derived::<desk_state_api::Inbox>(schemas);
    derived::<second_factor_api::SecondFactorSetup>(schemas);
    derived::<second_factor_api::RecoveryCodes>(schemas);
    derived::<oidc_api::ProviderLogin>(schemas);
    derived::<keys_api::KeyList>(schemas);
    derived::<keys_api::NewKey>(schemas);
    derived::<sessions_api::SessionList>(schemas);
    derived::<audit_api::AuditPage>(schemas);
    derived::<preview_api::PreviewLinkList>(schemas);
    derived::<bulk_api::BulkResults>(schemas);
    derived::<releases_api::ReleaseList>(schemas);
    derived::<history_api::RevisionPage>(schemas);
    derived::<history_api::RevisionDiff>(schemas);
    derived::<problem::ProblemBody>(schemas);
    derived::<auth_api::Tokens>(schemas);
    derived::<accounts::Account>(schemas);
    derived::<accounts::AccountList>(schemas);
    derived::<tokens::JwkSet>(schemas);
    derived::<operations::Health>(schemas);
    derived::<operations::Readiness>(schemas);
    derived::<crate::jobs::JobFailure>(schemas);
}

/// Adds the schema of a type and the schemas that it refers to.
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
    if matches!(kind, Kind::TooManyAttempts | Kind::Unavailable | Kind::OutcomeUnknown) {
        let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
        header.description = Some("Number of seconds after which the client may try again.".to_owned());
        response = response.header("Retry-After", header);
    }
    RefOr::T(response.build())
}
