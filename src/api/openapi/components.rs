//! The components of the OpenAPI document: schemas, problem responses, security schemes.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::Header;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{Components, ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{RefOr, Schema};

use crate::api::accounts::{administration as accounts_api, api_keys, cookies, oidc, sessions, two_factor};
use crate::api::content::{
    duplicate, editing_state, external_ids, history, lifecycle, merge, references, review, translation_tasks,
    translations,
};
use crate::api::newsletter::{issue_body, issue_form, preferences, sign_up, subscribers, webhooks};
use crate::api::openapi::field_paths::{field_path, field_path_name};
use crate::api::openapi::input_schemas::{self, ItemInput};
use crate::api::openapi::item_schemas::{self, ANY_ITEM, ItemForm, PARTIAL_ITEM, PARTIAL_PAGE};
use crate::api::openapi::schemas::Locales;
use crate::api::openapi::{batch as batch_schemas, layout_schemas, reference_inputs, revision, schemas};
use crate::api::request_bodies;
use crate::api::{audit, bulk, contact, health, imports, mail, mcp, page_editor, preview_links, redirects, releases};
use crate::auth::{accounts, tokens};
use crate::content::Site;
use crate::content::field::Field;
use crate::content_types::ALL;
use crate::editorial::batch;
use crate::http::route::{Access, Route};
use crate::newsletter::issue_fields;
use crate::problem::{self, ProblemKind};

/// The request bodies that are declared by fields: name of the schema, fields, description.
const REQUEST_BODIES: &[(&str, &[Field], &str)] = &[
    ("LoginInput", &request_bodies::LOGIN, "Credentials of an account."),
    ("RefreshTokenInput", &request_bodies::REFRESH, "Refresh token of a session."),
    (
        "PasswordConfirmationInput",
        &request_bodies::PASSWORD_CONFIRMATION,
        "Current password, to confirm the operation.",
    ),
    ("SecondFactorConfirmationInput", &request_bodies::CONFIRM_FACTOR, "Code of a new second factor, to confirm it."),
    ("SecondFactorRemovalInput", &request_bodies::END_FACTOR, "Password and code, to remove the second factor."),
    ("ProviderLoginStartInput", &request_bodies::OIDC_BEGIN, "Start of a log-in with the OpenID provider."),
    ("ProviderLoginFinishInput", &request_bodies::OIDC_FINISH, "Result of a log-in with the OpenID provider."),
    ("PasswordResetInput", &request_bodies::PASSWORD_RESET, "Account whose password is to be reset."),
    ("FirstPasswordInput", &request_bodies::NEW_PASSWORD, "One-time token from an e-mail, and a new password."),
    ("PasswordChangeInput", &request_bodies::PASSWORD_CHANGE, "Current and new password."),
    ("AccountInput", &request_bodies::NEW_ACCOUNT, "Account to be created."),
    ("AccountPatch", &request_bodies::ACCOUNT_CHANGE, "Changes to an account; omitted fields remain unchanged."),
    ("PersonalKeyInput", &request_bodies::PERSONAL_KEY, "API key of the account itself, to be created."),
    ("MachineKeyInput", &request_bodies::MACHINE_KEY, "API key of a machine, to be created."),
    (
        "DuplicateInput",
        &duplicate::DUPLICATE,
        "Start, title and slug of the copy, and whether its children are copied.",
    ),
    ("ScheduleInput", &lifecycle::SCHEDULE, "Times at which an item is to be published, unpublished, or both."),
    ("MergeInput", &merge::MERGE, "Items to be merged into another one."),
    ("ExternalIdsInput", &external_ids::EXTERNAL_IDS, "External ids of an item."),
    ("BulkInput", &bulk::BULK, "Operation of the life cycle on several items."),
    ("ReleaseInput", &releases::NEW_RELEASE, "Release to be created."),
    ("ReleasePatch", &releases::RELEASE_CHANGE, "Changes to a release; omitted fields remain unchanged."),
    ("PreviewLinkInput", &preview_links::NEW_LINK, "Preview link to be created."),
    ("MailTestInput", &mail::MAIL_TEST, "Recipient of a test mail."),
    ("SubscriptionInput", &sign_up::SIGN_UP, "Sign-up to the newsletter."),
    ("NewsletterTokenInput", &sign_up::TOKEN, "Token of a mail of the newsletter."),
    ("SubscriberReportInput", &webhooks::REPORT, "Report of a provider about a subscriber."),
    ("PreferencesPatch", &preferences::PREFERENCES, "Changes to preferences; omitted fields remain unchanged."),
    ("NewsletterIssueInput", &issue_fields::NEW_ISSUE, "Issue of the newsletter to be created."),
    ("NewsletterIssuePatch", &issue_fields::ISSUE_CHANGE, "Changes to an issue; omitted fields remain unchanged."),
    ("NewsletterSendingInput", &issue_form::ISSUE_SENDING, "Time at which an issue is sent."),
    ("ContactMessageInput", &contact::MESSAGE, "Message of a visitor."),
    ("ContactFormInput", &contact::FORM, "Form by which visitors write."),
    ("ContactMessagePatch", &contact::MESSAGE_CHANGE, "Changes to a message; omitted fields remain unchanged."),
    ("ContactAnswerInput", &contact::ANSWER, "Answer to a message."),
    ("BounceInput", &mail::BOUNCE, "Notice of a mail that came back."),
    ("CommentInput", &review::NEW_COMMENT, "Comment to be created."),
    ("AssignmentInput", &review::ASSIGNMENT, "Account to which an item is assigned."),
];

/// Name of the response of all statuses that mean the same for every operation.
pub const COMMON_PROBLEM: &str = "CommonProblem";

/// Description of the response of all statuses that mean the same for every operation.
const COMMON_PROBLEM_ABOUT: &str = "A problem that means the same for every operation: 401 or 403 (credentials), 408, 413 \
or 415 (body), 428 (no `If-Match`), 500, or 503 (`Retry-After`). `x-problem-statuses` lists those of this operation.";

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
    for content_type in ALL {
        for locales in [Locales::One, Locales::All] {
            let form = ItemForm { content_type, locales };
            add(&form.name(), form.item());
            add(&form.related_name(), form.related_schema());
            add(&form.page_name(), form.page());
            for is_patch in [false, true] {
                let input = ItemInput { site, locales, is_patch, own_kind: Some(content_type.kind) };
                add(&input.name(content_type), input.schema(content_type));
            }
        }
        add(&field_path_name(content_type), field_path(content_type));
        add(&format!("{}Revision", content_type.schema), revision::revision(content_type));
    }
    add(ANY_ITEM, item_schemas::any_item());
    add(PARTIAL_ITEM, item_schemas::partial_item());
    add(PARTIAL_PAGE, item_schemas::partial_page());
    add("Page", item_schemas::page_info());
    add(item_schemas::ALTERNATE, item_schemas::alternate_schema());
    add(layout_schemas::LAYOUT, layout_schemas::layout());
    add("Changes", revision::changes());
    add("SearchResults", revision::search_results());
    for (name, schema) in batch_schemas::schemas(site).into_iter().chain(reference_inputs::schemas()) {
        add(&name, schema);
    }
    for (name, fields, about) in REQUEST_BODIES {
        add(name, input_schemas::form(fields, site, about));
    }
    derive_all(&mut schemas);
    let mut components = Components::new();
    components.schemas = schemas;
    for kind in routes.iter().flat_map(Route::own_problems) {
        components.responses.insert(component(kind), problem_response(kind, kind.explanation()));
    }
    let common = problem_response(ProblemKind::Unavailable, COMMON_PROBLEM_ABOUT);
    components.responses.insert(COMMON_PROBLEM.to_owned(), common);
    if routes.iter().all(|route| matches!(route.access, Access::Open | Access::Public)) {
        return components;
    }
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("Access token of a session, or API key. Operations without it in `security` are public."));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    let about = "Session of a browser, of `POST /api/v1/auth/cookie`. It counts also in reads with `view=draft`, and only in \
                 requests of pages of `public_url` and `cors.credential_origins`. On `http`, which is for one machine, its \
                 name is `plenary`.";
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description("__Host-plenary", about)));
    components.add_security_scheme("cookie", cookie);
    components
}

/// Adds the schemas of the types that derive [`ToSchema`].
fn derive_all(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    add_type::<translations::TranslationList>(schemas);
    add_type::<translation_tasks::TranslationTaskList>(schemas);
    add_type::<references::ItemUseBody>(schemas);
    add_type::<references::BrokenReferenceList>(schemas);
    add_type::<merge::MergeResult>(schemas);
    add_type::<review::CommentList>(schemas);
    add_type::<review::PresenceList>(schemas);
    add_type::<editing_state::EditingState>(schemas);
    add_type::<editing_state::Inbox>(schemas);
    add_type::<two_factor::SecondFactorSetup>(schemas);
    add_type::<two_factor::RecoveryCodes>(schemas);
    add_type::<oidc::ProviderLogin>(schemas);
    add_type::<api_keys::KeyList>(schemas);
    add_type::<api_keys::NewKey>(schemas);
    add_type::<sessions::SessionList>(schemas);
    add_type::<cookies::CookieSession>(schemas);
    add_type::<page_editor::EditorLogIn>(schemas);
    add_type::<audit::AuditPage>(schemas);
    add_type::<preview_links::PreviewLinkList>(schemas);
    add_type::<bulk::BulkResults>(schemas);
    add_type::<imports::ImportList>(schemas);
    add_type::<mail::MailPage>(schemas);
    add_type::<redirects::PathResolution>(schemas);
    add_type::<redirects::RedirectUseList>(schemas);
    add_type::<sign_up::ConsentBody>(schemas);
    add_type::<sign_up::ConfirmedSubscription>(schemas);
    add_type::<preferences::Preferences>(schemas);
    add_type::<subscribers::SubscriberPage>(schemas);
    add_type::<webhooks::SubscriberEventPage>(schemas);
    add_type::<subscribers::SubscriberImportReport>(schemas);
    add_type::<issue_body::NewsletterIssueList>(schemas);
    add_type::<contact::PublicForm>(schemas);
    add_type::<contact::ContactFormList>(schemas);
    add_type::<contact::ContactMessagePage>(schemas);
    add_type::<mail::MailPreview>(schemas);
    add_type::<batch::BatchResults>(schemas);
    add_type::<releases::ReleaseList>(schemas);
    add_type::<history::RevisionPage>(schemas);
    add_type::<history::RevisionDiff>(schemas);
    add_type::<problem::ProblemBody>(schemas);
    add_type::<accounts_api::Tokens>(schemas);
    add_type::<accounts::Account>(schemas);
    add_type::<accounts::AccountList>(schemas);
    add_type::<tokens::JwkSet>(schemas);
    add_type::<mcp::metadata::ResourceMetadata>(schemas);
    add_type::<health::Health>(schemas);
    add_type::<health::Readiness>(schemas);
    add_type::<crate::jobs::JobFailure>(schemas);
}

/// Adds the schema of a type and the schemas that it refers to.
fn add_type<T: ToSchema>(all: &mut BTreeMap<String, RefOr<Schema>>) {
    let mut used = Vec::new();
    T::schemas(&mut used);
    all.extend(used);
    all.insert(T::name().into_owned(), T::schema());
}

/// Returns a response with the problem of this kind as its example.
fn problem_response(kind: ProblemKind, about: &str) -> RefOr<utoipa::openapi::Response> {
    let example = json!({
        "type": format!("https://cms.example.org/problems/{}", kind.code()),
        "title": kind.title(),
        "status": kind.status(),
        "detail": kind.title(),
        "instance": "/api/v1/events",
        "request_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    });
    let content = ContentBuilder::new().schema(Some(schemas::reference("Problem"))).example(Some(example)).build();
    let mut response = ResponseBuilder::new().description(about).content("application/problem+json", content);
    if matches!(kind, ProblemKind::TooManyAttempts | ProblemKind::Unavailable | ProblemKind::OutcomeUnknown) {
        let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
        header.description = Some("Number of seconds after which the client may try again.".to_owned());
        response = response.header("Retry-After", header);
    }
    RefOr::T(response.build())
}
