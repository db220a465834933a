//! Endpoints of log-in, tokens and accounts.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::session_steps::{end_session, log_in, next_token};
use super::verification::{self, verifier};
use crate::api::accounts::invitations;
use crate::api::content::lifecycle::author;
use crate::api::openapi::schemas::{example_of, reference};
use crate::api::parameters::{IF_MATCH, path_id};
use crate::api::request_bodies::{
    ACCOUNT_CHANGE, Form, LOGIN, NEW_ACCOUNT, NEW_ACCOUNT_WITH_PASSWORD, PASSWORD_CHANGE, REFRESH,
};
use crate::app::App;
use crate::auth::accounts::{self, Account, AccountList, AccountRow};
use crate::auth::credentials::reauthorize;
use crate::auth::login::{SecondFactorCode, into_confirmed};
use crate::auth::permissions::{Action, Area, Role};
use crate::auth::sessions::{self, RefreshToken, SessionKind};
use crate::auth::tokens::JwkSet;
use crate::auth::{audit_log, lockout, one_time_tokens, passwords, second_factor};
use crate::content::field::Field;
use crate::content::violation::Violations;
use crate::database::Db;
use crate::http::body::{json as body, merge_patch};
use crate::http::preconditions::{WRITE_PROBLEMS, required_version};
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, Route};
use crate::items::if_match::version_tag;
use crate::journal::Author;
use crate::problem::{Problem, ProblemKind};

/// The tokens of a session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// Access token for `Authorization: Bearer`: a JWT signed with EdDSA.
    pub access_token: String,
    /// Authentication scheme of the access token.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Lifetime of the access token in seconds.
    #[schema(minimum = 1, example = 900)]
    pub expires_in: i64,
    /// Refresh token for one refresh; used again within ten seconds, it returns the same successor.
    pub refresh_token: String,
    /// Device token for the next log-in: failed attempts of others then do not delay this device.
    pub device_token: String,
    /// Account of the session.
    pub account: Account,
}

/// Permission that operations on accounts require.
const MANAGE: (Area, Action) = (Area::Accounts, Action::Manage);

/// Returns the routes of log-in, tokens and accounts.
pub fn routes() -> Vec<Route> {
    let mut routes = session_routes();
    routes.extend(account_routes());
    routes
}

fn session_routes() -> Vec<Route> {
    const TAG: &str = "Authentication";
    vec![
        Route::post("/api/v1/auth/login", Access::Open, login)
            .operation_id("login")
            .tag(TAG)
            .summary("Log in")
            .description(
                "Begins a session and returns a short-lived access token and a refresh token for the next one. Fails \
                 with 401 when the address, the password or the code is wrong, or when the account requires a code and \
                 none was sent (`second-factor-required`), and with 429 after too many failed attempts.",
            )
            .request_body(JSON, reference("LoginInput"), example_of(&LOGIN))
            .responds(200, "The tokens of the session.", reference("Tokens"), &[])
            .problems(&[ProblemKind::BadCredentials, ProblemKind::SecondFactorRequired, ProblemKind::TooManyAttempts]),
        Route::post("/api/v1/auth/refresh", Access::Open, refresh)
            .operation_id("refreshTokens")
            .tag(TAG)
            .summary("Refresh the tokens")
            .description(
                "Exchanges a refresh token for a new access token and a new refresh token. The same token within ten \
                 seconds, as from a second browser tab, returns the same refresh token again; used again later, it \
                 ends its session. Fails with 401 when the token is unknown, expired or used, or the account is \
                 closed.",
            )
            .request_body(JSON, reference("RefreshTokenInput"), example_of(&REFRESH))
            .responds(200, "The new tokens of the session.", reference("Tokens"), &[])
            .problems(&[ProblemKind::Unauthorized]),
        Route::post("/api/v1/auth/logout", Access::Open, log_out)
            .operation_id("logout")
            .tag(TAG)
            .summary("Log out")
            .description(
                "Ends the session of a refresh token. Its tokens are invalid at once, on other nodes within a second. \
                 An unknown token is accepted as well.",
            )
            .request_body(JSON, reference("RefreshTokenInput"), example_of(&REFRESH))
            .responds_empty(204, "The session has ended.", &[]),
        Route::get("/api/v1/auth/me", Access::LoggedIn, read_own_account)
            .operation_id("getMe")
            .tag(TAG)
            .summary("Get my account")
            .description("Returns the account of the access token or API key.")
            .responds(200, "The account.", reference("Account"), &[]),
        Route::post("/api/v1/auth/password", Access::Session, change_password)
            .operation_id("changePassword")
            .tag(TAG)
            .summary("Change my password")
            .description(
                "Sets a new password and ends all sessions of the account, including this one. Fails with 422 when the \
                 current password is wrong or the new one is too weak, and with 429 after too many failed attempts.",
            )
            .request_body(JSON, reference("PasswordChangeInput"), example_of(&PASSWORD_CHANGE))
            .responds_empty(204, "The password is changed.", &[])
            .problems(&[ProblemKind::TooManyAttempts]),
        Route::get("/.well-known/jwks.json", Access::Open, jwks)
            .operation_id("getJwks")
            .tag(TAG)
            .summary("Get the public keys")
            .description("Returns the JSON Web Key Set (RFC 7517) with which other services verify access tokens.")
            .responds(200, "The key set.", reference("JwkSet"), &["Cache-Control"]),
    ]
}

fn account_routes() -> Vec<Route> {
    const TAG: &str = "Accounts";
    let manage = Access::May(MANAGE.0, MANAGE.1);
    vec![
        Route::get("/api/v1/accounts", manage, list)
            .operation_id("listAccounts")
            .tag(TAG)
            .summary("List accounts")
            .description("Returns all accounts, sorted by e-mail address.")
            .responds(200, "The accounts.", reference("AccountList"), &[]),
        Route::post("/api/v1/accounts", manage, create)
            .operation_id("createAccount")
            .tag(TAG)
            .summary("Create an account")
            .description(
                "Creates an account and returns it. Without a password, an invitation to choose one is mailed to the \
                 address; a password is required if no mail server is configured. Fails with 409 when another account \
                 has the address, and with 422 when the body is invalid or the password is too weak.",
            )
            .request_body(JSON, reference("AccountInput"), example_of(&NEW_ACCOUNT))
            .responds(201, "The created account.", reference("Account"), &["Location", "ETag"])
            .problems(&[ProblemKind::Conflict]),
        Route::get("/api/v1/accounts/{id}", manage, get)
            .operation_id("getAccount")
            .tag(TAG)
            .summary("Get an account")
            .description("Returns an account. Fails with 404 when there is no such account.")
            .parameters([path_id()])
            .responds(200, "The account.", reference("Account"), &["ETag"])
            .problems(&[ProblemKind::NotFound]),
        Route::patch("/api/v1/accounts/{id}", manage, update)
            .operation_id("updateAccount")
            .tag(TAG)
            .summary("Update an account")
            .description(
                "Changes an account and returns it; members that are left out keep their values. A new password, \
                 another role, closing the account or ending its second factor ends its sessions at once, on other \
                 nodes within a second. Fails with 409 when the last active administrator would lose its role or be \
                 closed, with 412 when the account was changed since the version in `If-Match`, and with 422 when the \
                 body is invalid or the password is too weak.",
            )
            .parameters([path_id(), IF_MATCH.clone()])
            .request_body("application/merge-patch+json", reference("AccountPatch"), example_of(&ACCOUNT_CHANGE))
            .responds(200, "The account after the change.", reference("Account"), &["ETag"])
            .problems(&WRITE_PROBLEMS),
    ]
}

async fn login(request: Request) -> Result<Response, Problem> {
    let days = request.app.config.auth.refresh_token_days;
    let (account, issued) = log_in(&request, SessionKind::Bearer { days }, String::new()).await?;
    tokens(&request.app, &account, issued)
}

/// Returns the response to a log-in or refresh: a new access token with the refresh and device tokens of the
/// session.
///
/// # Errors
/// 500 if the access token cannot be signed.
pub fn tokens(app: &App, account: &AccountRow, issued: RefreshToken) -> Result<Response, Problem> {
    let access_token = app.tokens.issue(&account.id, account.role(), &issued.session);
    let access_token = access_token.map_err(|error| Problem::internal(&error))?;
    let tokens = Tokens {
        access_token,
        token_type: "Bearer",
        expires_in: app.tokens.lifetime(),
        device_token: lockout::device_token(&app.site_key, &account.email, &issued.session),
        refresh_token: issued.token,
        account: account.to_api(),
    };
    Ok(Response::json(200, &tokens)?.no_store())
}

async fn refresh(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&REFRESH, &body(&request)?, &request.app.site)?;
    let days = request.app.config.auth.refresh_token_days;
    let (account, issued) = next_token(&request, SessionKind::Bearer { days }, form.text("refresh_token")).await?;
    tokens(&request.app, &account, issued)
}

async fn log_out(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&REFRESH, &body(&request)?, &request.app.site)?;
    let days = request.app.config.auth.refresh_token_days;
    end_session(&request, SessionKind::Bearer { days }, form.text("refresh_token")).await?;
    Ok(Response::empty(204).no_store())
}

async fn read_own_account(request: Request) -> Result<Response, Problem> {
    let id = request.actor()?.account_id.clone();
    let account = request.app.database.read(move |c| accounts::by_id(c, &id)).await?;
    Ok(Response::json(200, &account.to_api())?.no_store())
}

async fn change_password(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&PASSWORD_CHANGE, &body(&request)?, &request.app.site)?;
    let credentials =
        verification::for_confirmation(&request, form.text("current_password"), SecondFactorCode::NotAsked).await?;
    let hash = new_hash(&request.app, &credentials.email, form.text("new_password"), "/new_password").await?;
    let (author, actor) = (author(&request)?, request.actor()?.clone());
    let set = move |c: &mut Db, account: AccountRow| {
        reauthorize(c, &actor, None)?;
        one_time_tokens::replace_password(c, &author, "password_change", account, hash).map(drop)
    };
    into_confirmed(verifier(&request).check(credentials, set).await?)?;
    Ok(Response::empty(204).no_store())
}

/// Checks a new password against the rules for passwords and returns its hash.
///
/// # Errors
/// 422 with a violation at `pointer` if the password is too weak, 503 if too many hashes are being computed.
pub async fn new_hash(app: &App, email: &str, password: String, pointer: &str) -> Result<String, Problem> {
    if let Err((code, message)) = passwords::check_new(&password, email) {
        return Err(Problem::invalid(Violations::one(pointer, code, message)));
    }
    app.hasher.hash(password).await
}

async fn jwks(request: Request) -> Result<Response, Problem> {
    let set: JwkSet = request.app.tokens.jwks();
    Ok(Response::json(200, &set)?.header("cache-control", "public, max-age=300"))
}

async fn list(request: Request) -> Result<Response, Problem> {
    let rows = request.app.database.read(|c| Ok::<_, Problem>(accounts::all(c)?)).await?;
    let list = AccountList { data: rows.iter().map(AccountRow::to_api).collect() };
    Ok(Response::json(200, &list)?.no_store())
}

async fn get(request: Request) -> Result<Response, Problem> {
    let id = request.path("id").to_owned();
    let row = request.app.database.read(move |c| accounts::by_id(c, &id)).await?;
    account_response(200, &row)
}

async fn create(request: Request) -> Result<Response, Problem> {
    // Without a mail server no invitation can be sent, so the first password is required.
    let fields: &'static [Field] =
        if request.app.mailer.is_configured() { &NEW_ACCOUNT } else { &NEW_ACCOUNT_WITH_PASSWORD };
    let form = Form::read(fields, &body(&request)?, &request.app.site)?;
    let email = form.text("email");
    let hash = match form.get("password") {
        Some(password) => new_hash(&request.app, &email, password, "/password").await?,
        // No password matches an empty hash: log-in is impossible until the invited person sets a password.
        None => String::new(),
    };
    let role = Role::from_name(&form.text("role")).unwrap_or(Role::Viewer);
    let (author, actor, app) = (author(&request)?, request.actor()?.clone(), Arc::clone(&request.app));
    let insert = move |c: &mut Db| {
        reauthorize(c, &actor, Some(MANAGE))?;
        let row = accounts::insert(c, &email, &form.text("name"), role, hash)?;
        audit_log::append(c, &author, "create", &row.id, &json!({"email": row.email, "role": row.role}))?;
        if row.password_hash.is_empty() {
            invitations::invite(c, &app, &row)?;
        }
        Ok::<_, Problem>(row)
    };
    let row = request.app.database.write_content(insert).await?;
    Ok(account_response(201, &row)?.header("location", format!("/api/v1/accounts/{}", row.id)))
}

async fn update(request: Request) -> Result<Response, Problem> {
    let version = required_version(&request)?;
    let form = Form::read(&ACCOUNT_CHANGE, &merge_patch(&request)?, &request.app.site)?;
    let id = request.path("id").to_owned();
    // The hash is computed before the transaction: argon2 takes long, and a transaction blocks all other
    // writers.
    let hash = match form.get("password") {
        Some(password) => {
            let account_id = id.clone();
            let before = request.app.database.read(move |c| accounts::by_id(c, &account_id)).await?;
            Some(new_hash(&request.app, &before.email, password, "/password").await?)
        }
        None => None,
    };
    let (author, actor) = (author(&request)?, request.actor()?.clone());
    let change = move |c: &mut Db| {
        reauthorize(c, &actor, Some(MANAGE))?;
        let row = accounts::by_id(c, &id)?;
        if !version.accepts(row.version) {
            let detail = format!("the present version of the account is {}", row.version);
            return Err(Problem::new(ProblemKind::PreconditionFailed, detail));
        }
        change_account(c, &author, row, &form, hash)
    };
    account_response(200, &request.app.database.write_content(change).await?)
}

/// Applies a change to an account. A change of password, role, state or second factor ends its sessions, so
/// that none outlives the conditions under which it was begun. Tokens that were mailed to it end with a password and with its closing.
fn change_account(
    c: &mut Db,
    author: &Author,
    before: AccountRow,
    form: &Form,
    hash: Option<String>,
) -> Result<AccountRow, Problem> {
    let mut row = before.clone();
    row.name = form.get("name").unwrap_or(row.name);
    row.role = form.get("role").unwrap_or(row.role);
    row.active = form.flag("active").unwrap_or(row.active);
    row.password_hash = hash.unwrap_or(row.password_hash);
    let (new_password, factor) = (row.password_hash != before.password_hash, form.get("second_factor"));
    let changes = json!({
        "name": row.name, "role": row.role, "active": row.active,
        "password": new_password, "second_factor": factor,
    });
    audit_log::append(c, author, "update", &row.id, &changes)?;
    if factor.is_some() {
        second_factor::end(c, &row.id)?;
        (row.totp_active, row.totp_secret, row.totp_step) = (false, String::new(), 0);
    }
    if !row.active || new_password {
        one_time_tokens::end_access(c, &row.id)?;
    } else if row.role != before.role || factor.is_some() {
        // An invitation is good for another role too.
        sessions::revoke_all(c, &row.id)?;
    }
    accounts::save(c, row)
}

fn account_response(status: u16, row: &AccountRow) -> Result<Response, Problem> {
    Ok(Response::json(status, &row.to_api())?.no_store().header("etag", version_tag(row.version)))
}
