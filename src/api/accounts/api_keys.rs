//! Endpoints of API keys: personal keys of the calling account, and all keys for administrators.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::content::lifecycle::author;
use crate::api::openapi::schemas::{example_of, reference};
use crate::api::parameters::path_id;
use crate::api::request_bodies::{Form, MACHINE_KEY, PERSONAL_KEY};
use crate::auth::credentials::reauthorize;
use crate::auth::keys::{self, ApiKey, NewApiKey};
use crate::auth::permissions::{Action, Area, Role};
use crate::content::local_time::utc_text;
use crate::content::violation::Violations;
use crate::database::Db;
use crate::http::body::json;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, Route};
use crate::problem::{Problem, ProblemKind};

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiKey)]
pub struct KeyBody {
    /// Id of the key.
    #[schema(format = "uuid")]
    pub id: String,
    /// Name of the key, which says what it is used for.
    #[schema(example = "Website build")]
    pub name: String,
    /// Kind of key: `personal` or `machine`.
    #[schema(example = "machine")]
    pub kind: String,
    /// Id of the owner of a personal key, or of the account responsible for a machine key.
    #[schema(format = "uuid")]
    pub account: String,
    /// Last four characters of the secret.
    pub hint: String,
    /// Highest role of the key; it never has more permissions than its account has now.
    pub role: Role,
    /// Collections that the key is restricted to; empty for all collections.
    pub collections: Vec<String>,
    /// Time of creation, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// Time of expiry, RFC 3339, UTC; null if the key does not expire.
    #[schema(required = true, format = "date-time")]
    pub expires_at: Option<String>,
    /// Time of the last use, RFC 3339, UTC, accurate to five minutes; null if it was never used.
    #[schema(required = true, format = "date-time")]
    pub last_used_at: Option<String>,
}

/// A new API key with its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CreatedKey)]
pub struct NewKey {
    /// Secret of the key, for `Authorization: Bearer`. It is returned by this response only.
    pub token: String,
    /// The key.
    pub key: KeyBody,
}

/// A list of API keys that are not revoked.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyList {
    /// Keys, newest first.
    pub data: Vec<KeyBody>,
}

/// Permission that operations on machine keys and on keys of other accounts require.
const MANAGE: (Area, Action) = (Area::Accounts, Action::Manage);

/// Returns the routes of API keys.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Keys";
    let manage = Access::May(MANAGE.0, MANAGE.1);
    vec![
        Route::get("/api/v1/auth/keys", Access::Session, list_own)
            .operation_id("listMyKeys")
            .tag(TAG)
            .summary("List my keys")
            .description("Returns the personal keys of the calling account that are not revoked, newest first.")
            .responds(200, "The keys.", reference("KeyList"), &[]),
        Route::post("/api/v1/auth/keys", Access::Session, create_own)
            .operation_id("createMyKey")
            .tag(TAG)
            .summary("Create a personal key")
            .description(
                "Creates a key with which programs act as the calling account, with at most the given role, and \
                 returns its secret once. Fails with 422 when the role is higher than that of the account, or another \
                 member is invalid.",
            )
            .request_body(JSON, reference("PersonalKeyInput"), example_of(&PERSONAL_KEY))
            .responds(201, "The created key with its secret.", reference("CreatedKey"), &[]),
        Route::delete("/api/v1/auth/keys/{id}", Access::Session, revoke_own)
            .operation_id("revokeMyKey")
            .tag(TAG)
            .summary("Revoke one of my keys")
            .description(
                "Revokes a personal key of the calling account. It is invalid at once, on other nodes within a second. \
                 Fails with 404 when the account has no such key.",
            )
            .parameters([path_id()])
            .responds_empty(204, "The key is revoked.", &[])
            .problems(&[ProblemKind::NotFound]),
        Route::get("/api/v1/api-keys", manage, list)
            .operation_id("listKeys")
            .tag(TAG)
            .summary("List all keys")
            .description(
                "Returns the machine keys and personal keys of all accounts that are not revoked, newest first; at \
                 most 1,000.",
            )
            .responds(200, "The keys.", reference("KeyList"), &[]),
        Route::post("/api/v1/api-keys", manage, create)
            .operation_id("createKey")
            .tag(TAG)
            .summary("Create a machine key")
            .description(
                "Creates a key for a machine, for which the calling account is responsible, and returns its secret \
                 once. The key never has more permissions than that account, and stops working when the account is \
                 closed, until another administrator takes it over. Fails with 403 when the request is made with a \
                 key, and with 422 when the role is higher than that of the account, or another member is invalid.",
            )
            .request_body(JSON, reference("MachineKeyInput"), example_of(&MACHINE_KEY))
            .responds(201, "The created key with its secret.", reference("CreatedKey"), &[]),
        Route::post("/api/v1/api-keys/{id}/take-over", manage, take_over)
            .operation_id("takeOverKey")
            .tag(TAG)
            .summary("Take over a machine key")
            .description(
                "Makes the calling account responsible for a machine key, instead of the present one, and returns the \
                 key. This is possible before and after that account is closed. Fails with 403 when the request is \
                 made with a key, and with 404 when there is no such machine key.",
            )
            .parameters([path_id()])
            .responds(200, "The key with its new account.", reference("ApiKey"), &[])
            .problems(&[ProblemKind::NotFound]),
        Route::delete("/api/v1/api-keys/{id}", manage, revoke)
            .operation_id("revokeKey")
            .tag(TAG)
            .summary("Revoke a key")
            .description(
                "Revokes a machine key or a personal key of any account. It is invalid at once, on other nodes within \
                 a second. Fails with 404 when there is no such key.",
            )
            .parameters([path_id()])
            .responds_empty(204, "The key is revoked.", &[])
            .problems(&[ProblemKind::NotFound]),
    ]
}

fn to_api(key: ApiKey) -> KeyBody {
    let time = |at: i64| (at > 0).then(|| utc_text(at));
    KeyBody {
        role: Role::from_name(&key.role).unwrap_or(Role::Viewer),
        collections: key.collections.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        created_at: utc_text(key.created_at),
        expires_at: time(key.expires_at),
        last_used_at: time(key.last_used_at),
        id: key.id,
        name: key.name,
        kind: key.kind,
        account: key.account_id,
        hint: key.hint,
    }
}

async fn key_list(request: Request, own: bool) -> Result<Response, Problem> {
    let account = own.then(|| request.actor().map(|actor| actor.account_id.clone())).transpose()?;
    let rows = request.app.database.read(move |c| Ok::<_, Problem>(keys::all(c, account.as_deref())?)).await?;
    Ok(Response::json(200, &KeyList { data: rows.into_iter().map(to_api).collect() })?.no_store())
}

async fn list_own(request: Request) -> Result<Response, Problem> {
    key_list(request, true).await
}

async fn list(request: Request) -> Result<Response, Problem> {
    key_list(request, false).await
}

async fn create_own(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&PERSONAL_KEY, &json(&request)?, &request.app.site)?;
    create_key(request, form, false).await
}

async fn create(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&MACHINE_KEY, &json(&request)?, &request.app.site)?;
    create_key(request, form, true).await
}

async fn create_key(request: Request, form: Form, machine: bool) -> Result<Response, Problem> {
    let actor = request.actor()?.clone();
    if actor.key.is_some() {
        return Err(Problem::new(ProblemKind::Forbidden, "keys can be created in a session only, not with a key"));
    }
    let mut violations = Violations::new();
    let role = form.get("role").and_then(|word| Role::from_name(&word)).unwrap_or(actor.role);
    check_role(role, actor.role, &mut violations);
    let expires_at = form.future_time("expires_at", &mut violations).unwrap_or(0);
    if !violations.is_empty() {
        return Err(Problem::invalid(violations));
    }
    let wanted =
        NewApiKey { machine, name: form.text("name"), role, collections: form.words("collections"), expires_at };
    let author = author(&request)?;
    let write = move |c: &mut Db| {
        // The role may have been taken away since the request was authenticated: it is read again in the
        // transaction that creates the key, so that no key outlives it.
        let now = reauthorize(c, &actor, machine.then_some(MANAGE))?;
        let mut violations = Violations::new();
        check_role(role, now.role, &mut violations);
        if !violations.is_empty() {
            return Err(Problem::invalid(violations));
        }
        Ok(keys::create(c, &author, &actor.account_id, wanted)?)
    };
    let (key, token) = request.app.database.write_content(write).await?;
    Ok(Response::json(201, &NewKey { token, key: to_api(key) })?.no_store())
}

fn check_role(wanted: Role, own: Role, violations: &mut Violations) {
    if wanted > own {
        violations.add("/role", "beyond_own_role", "a key cannot have a higher role than the account that creates it");
    }
}

async fn take_over(request: Request) -> Result<Response, Problem> {
    let (author, actor, id) = (author(&request)?, request.actor()?.clone(), request.path("id").to_owned());
    if actor.key.is_some() {
        return Err(Problem::new(ProblemKind::Forbidden, "keys can be taken over in a session only, not with a key"));
    }
    let write = move |c: &mut Db| {
        reauthorize(c, &actor, Some(MANAGE))?;
        keys::transfer_ownership(c, &author, &id, &actor.account_id)
    };
    let key = request.app.database.write_content(write).await?;
    Ok(Response::json(200, &to_api(key))?.no_store())
}

async fn revoke_own(request: Request) -> Result<Response, Problem> {
    let account = request.actor()?.account_id.clone();
    revoke_key(request, Some(account)).await
}

async fn revoke(request: Request) -> Result<Response, Problem> {
    revoke_key(request, None).await
}

async fn revoke_key(request: Request, account: Option<String>) -> Result<Response, Problem> {
    let (author, actor, id) = (author(&request)?, request.actor()?.clone(), request.path("id").to_owned());
    let write = move |c: &mut Db| {
        reauthorize(c, &actor, account.is_none().then_some(MANAGE))?;
        keys::revoke(c, &author, &id, account.as_deref())
    };
    request.app.database.write_content(write).await?;
    Ok(Response::empty(204).no_store())
}
