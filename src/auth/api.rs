//! Operations on accounts and tokens.

use actix_web::http::Method;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::accounts::{self, Account, AccountList, AccountRow};
use super::forms::{ACCOUNT_CHANGE, Form, LOGIN, NEW_ACCOUNT, NEW_ACCOUNT_HERE, PASSWORD_CHANGE, REFRESH};
use super::permissions::{Action, Area, Role};
use super::sessions::{self, Refreshed};
use super::tokens::JwkSet;
use super::{lockout, mailed_api, passwords, second_factor, told};
use crate::app::App;
use crate::content::fault::Faults;
use crate::content::field::Field;
use crate::database::Db;
use crate::http::body::{json as body, merge_patch};
use crate::http::conditions::{WRITE_PROBLEMS, required_version};
use crate::http::desk_api::author;
use crate::http::openapi::schemas::{example_of, reference};
use crate::http::parameters::{IF_MATCH, path_id};
use crate::http::route::{Access, Answer, JSON, Request, Route};
use crate::journal::Author;
use crate::problem::{Kind, Problem};

/// A pair of tokens.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// For `Authorization: Bearer`; a JWT signed with EdDSA.
    pub access_token: String,
    /// How to send it.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds until the access token ends.
    #[schema(minimum = 1, example = 900)]
    pub expires_in: i64,
    /// Good for one refresh.
    pub refresh_token: String,
    /// Who logged in.
    pub account: Account,
}

/// All routes of this room.
pub fn routes() -> Vec<Route> {
    let mut routes = session_routes();
    routes.extend(account_routes());
    routes
}

fn session_routes() -> Vec<Route> {
    const TAG: &str = "Authentication";
    vec![
        Route::new(Method::POST, "/api/v1/auth/login", "login", login)
            .about(TAG, "Log in", "Gives an access token for some minutes and a refresh token for the next one.")
            .body(JSON, reference("Login"), example_of(&LOGIN))
            .answers(200, "Logged in.", reference("Tokens"), &[])
            .problems(&[Kind::BadCredentials, Kind::SecondFactorRequired, Kind::TooManyAttempts]),
        Route::new(Method::POST, "/api/v1/auth/refresh", "refreshTokens", refresh)
            .about(TAG, "Refresh the tokens", "Uses a refresh token up and gives a new pair. A token that comes a second time ends all of its family.")
            .body(JSON, reference("RefreshToken"), example_of(&REFRESH))
            .answers(200, "A new pair.", reference("Tokens"), &[])
            .problems(&[Kind::Unauthorised]),
        Route::new(Method::POST, "/api/v1/auth/logout", "logout", log_out)
            .about(TAG, "Log out", "Ends the refresh token and its family. The access token ends by itself within minutes.")
            .body(JSON, reference("RefreshToken"), example_of(&REFRESH))
            .answers_as(204, "Logged out.", None, &[]),
        Route::new(Method::GET, "/api/v1/auth/me", "getMe", me)
            .about(TAG, "Who am I", "The account of the access token.")
            .access(Access::LoggedIn)
            .answers(200, "The account.", reference("Account"), &[]),
        Route::new(Method::POST, "/api/v1/auth/password", "changePassword", change_password)
            .about(TAG, "Change my password", "Ends all refresh tokens of the account.")
            .access(Access::Session)
            .body(JSON, reference("PasswordChange"), example_of(&PASSWORD_CHANGE))
            .answers_as(204, "Changed.", None, &[])
            .problems(&[Kind::TooManyAttempts]),
        Route::new(Method::GET, "/.well-known/jwks.json", "getJwks", jwks)
            .about(TAG, "Public keys", "The keys with which access tokens can be checked (RFC 7517).")
            .answers(200, "The keys.", reference("JwkSet"), &["Cache-Control"]),
    ]
}

fn account_routes() -> Vec<Route> {
    const TAG: &str = "Accounts";
    let manage = Access::May(Area::Accounts, Action::Manage);
    vec![
        Route::new(Method::GET, "/api/v1/accounts", "listAccounts", list)
            .about(TAG, "List accounts", "All accounts, by address.")
            .access(manage)
            .answers(200, "The accounts.", reference("AccountList"), &[]),
        Route::new(Method::POST, "/api/v1/accounts", "createAccount", create)
            .about(
                TAG,
                "Create an account",
                "The person logs in with the address and this first password; without one, an invitation is mailed.",
            )
            .access(manage)
            .body(JSON, reference("NewAccount"), example_of(&NEW_ACCOUNT))
            .answers(201, "Created.", reference("Account"), &["Location", "ETag"])
            .problems(&[Kind::Conflict]),
        Route::new(Method::GET, "/api/v1/accounts/{id}", "getAccount", get)
            .about(TAG, "Get an account", "One account.")
            .access(manage)
            .parameters([path_id()])
            .answers(200, "The account.", reference("Account"), &["ETag"])
            .problems(&[Kind::NotFound]),
        Route::new(Method::PATCH, "/api/v1/accounts/{id}", "updateAccount", update)
            .about(
                TAG,
                "Change an account",
                "What is left out stays. A new password, another role or closing ends its refresh tokens.",
            )
            .access(manage)
            .parameters([path_id(), IF_MATCH.clone()])
            .body("application/merge-patch+json", reference("AccountChange"), example_of(&ACCOUNT_CHANGE))
            .answers(200, "Changed.", reference("Account"), &["ETag"])
            .problems(&WRITE_PROBLEMS),
    ]
}

async fn login(request: Request) -> Result<Answer, Problem> {
    let form = Form::read(&LOGIN, &body(&request)?, &request.app.site)?;
    let account = check_password(&request, &form.text("email"), form.text("password")).await?;
    if account.totp_active {
        check_code(&request, account.clone(), form.get("code")).await?;
    }
    let token = begin_session(&request, &account, "password").await?;
    tokens(&request.app, &account, token)
}

/// Begins a session of an account that has shown who it is, in the way that `by` names.
pub async fn begin_session(request: &Request, account: &AccountRow, by: &'static str) -> Result<String, Problem> {
    let days = request.app.config.auth.refresh_token_days;
    let id = account.id.clone();
    let (agent, author) = (request.header("user-agent").unwrap_or_default().to_owned(), as_account(request, &id));
    let begin = move |c: &mut Db| {
        told::append(c, &author, "login", &id, &json!({"agent": agent, "by": by}))?;
        Ok::<_, Problem>(sessions::begin(c, &id, days, &agent)?)
    };
    request.app.database.write(begin).await
}

/// The active account with this address and password. Unknown address, closed account and wrong
/// password answer alike, and take alike.
async fn check_password(request: &Request, email: &str, password: String) -> Result<AccountRow, Problem> {
    let app = &request.app;
    let email = accounts::normal_email(email);
    let key = email.clone();
    let (wait, account) =
        app.database.read(move |c| Ok::<_, Problem>((lockout::wait(c, &key)?, accounts::by_email(c, &key)?))).await?;
    if let Some(seconds) = wait {
        return Err(
            Problem::new(Kind::TooManyAttempts, "too many failed log-ins with this address").retry_after(seconds)
        );
    }
    let account = account.filter(|account| account.active);
    let stored = account.as_ref().map(|a| a.password_hash.clone()).filter(|hash| !hash.is_empty());
    let right = app.hasher.verify(password, stored).await?;
    let known = account.as_ref().map(|account| account.id.clone());
    let with_code = account.as_ref().is_some_and(|account| account.totp_active);
    let author = Author { request_id: request.id.clone(), ..Author::default() };
    app.database
        .write(move |c| {
            if right {
                // Whoever has only the password must not try codes for ever.
                if !with_code {
                    lockout::succeeded(c, &email)?;
                }
                return Ok::<_, Problem>(());
            }
            lockout::failed(c, &email)?;
            // Of addresses without an account there is no end.
            if let Some(id) = known {
                told::append(c, &author, "login_failed", &id, &json!({}))?;
            }
            Ok(())
        })
        .await?;
    match account {
        Some(account) if right => Ok(account),
        _ => Err(Problem::new(Kind::BadCredentials, "the e-mail address and the password do not belong together")),
    }
}

/// The second factor of an account whose password was right.
async fn check_code(request: &Request, account: AccountRow, code: Option<String>) -> Result<(), Problem> {
    let Some(code) = code else {
        return Err(Problem::new(Kind::SecondFactorRequired, "this account wants a code as well"));
    };
    let author = Author { request_id: request.id.clone(), ..Author::default() };
    let check = move |c: &mut Db| {
        let right = second_factor::check(c, &account, &code)?;
        match right {
            true => lockout::succeeded(c, &account.email)?,
            false => {
                lockout::failed(c, &account.email)?;
                told::append(c, &author, "login_failed", &account.id, &json!({"code": true}))?;
            }
        }
        Ok::<_, Problem>(right)
    };
    match request.app.database.write(check).await? {
        true => Ok(()),
        false => Err(Problem::new(Kind::BadCredentials, "the code is wrong, or was used before")),
    }
}

/// The account of whoever asks, if this is its password.
pub async fn own_account_with_password(request: &Request, password: String) -> Result<AccountRow, Problem> {
    let id = request.actor()?.account_id.clone();
    let account = request.app.database.read(move |c| accounts::by_id(c, &id)).await?;
    check_password(request, &account.email, password).await.map_err(|problem| {
        if problem.kind != Kind::BadCredentials {
            return problem;
        }
        Problem::invalid(Faults::one("/current_password", "wrong", "this is not the password"))
    })
}

/// The account as the one who acts in this request.
fn as_account(request: &Request, id: &str) -> Author {
    Author { account_id: Some(id.to_owned()), request_id: request.id.clone(), ..Author::default() }
}

/// The answer to a log-in.
pub fn tokens(app: &App, account: &AccountRow, refresh_token: String) -> Result<Answer, Problem> {
    let access_token = app.tokens.issue(&account.id, account.role()).map_err(|error| Problem::internal(&error))?;
    let tokens = Tokens {
        access_token,
        token_type: "Bearer",
        expires_in: app.tokens.lifetime(),
        refresh_token,
        account: account.shown(),
    };
    Ok(Answer::of(200, &tokens)?.private())
}

async fn refresh(request: Request) -> Result<Answer, Problem> {
    let form = Form::read(&REFRESH, &body(&request)?, &request.app.site)?;
    let days = request.app.config.auth.refresh_token_days;
    let token = form.text("refresh_token");
    let id = request.id.clone();
    let refresh = move |c: &mut Db| {
        let refreshed = sessions::refresh(c, &token, days)?;
        if let Refreshed::Reused(account) = &refreshed {
            let author = Author { request_id: id, ..Author::default() };
            told::append(c, &author, "token_reuse", account, &json!({}))?;
        }
        Ok::<_, Problem>(refreshed)
    };
    match request.app.database.write(refresh).await? {
        Refreshed::Next(account, token) => tokens(&request.app, &account, token),
        Refreshed::Reused(_) | Refreshed::Refused => Err(sessions::refused()),
    }
}

async fn log_out(request: Request) -> Result<Answer, Problem> {
    let form = Form::read(&REFRESH, &body(&request)?, &request.app.site)?;
    let token = form.text("refresh_token");
    request.app.database.write(move |c| Ok::<_, Problem>(sessions::log_out(c, &token)?)).await?;
    Ok(Answer::empty(204).private())
}

async fn me(request: Request) -> Result<Answer, Problem> {
    let id = request.actor()?.account_id.clone();
    let account = request.app.database.read(move |c| accounts::by_id(c, &id)).await?;
    Ok(Answer::of(200, &account.shown())?.private())
}

async fn change_password(request: Request) -> Result<Answer, Problem> {
    let form = Form::read(&PASSWORD_CHANGE, &body(&request)?, &request.app.site)?;
    let account = own_account_with_password(&request, form.text("current_password")).await?;
    let hash = new_hash(&request.app, &account.email, form.text("new_password"), "/new_password").await?;
    let author = as_account(&request, &account.id);
    request.app.database.write(move |c| set_password(c, &author, account, hash)).await?;
    Ok(Answer::empty(204).private())
}

fn set_password(c: &mut Db, author: &Author, account: AccountRow, hash: String) -> Result<(), Problem> {
    let mut row = accounts::by_id(c, &account.id)?;
    row.password_hash = hash;
    sessions::end_all(c, &row.id)?;
    told::append(c, author, "password_change", &row.id, &json!({}))?;
    accounts::save(c, row).map(drop)
}

/// The hash of a new password that is good enough.
pub async fn new_hash(app: &App, email: &str, password: String, pointer: &str) -> Result<String, Problem> {
    if let Err((code, message)) = passwords::check_new(&password, email) {
        return Err(Problem::invalid(Faults::one(pointer, code, message)));
    }
    app.hasher.hash(password).await
}

async fn jwks(request: Request) -> Result<Answer, Problem> {
    let set: JwkSet = request.app.tokens.jwks();
    Ok(Answer::of(200, &set)?.header("cache-control", "public, max-age=300"))
}

async fn list(request: Request) -> Result<Answer, Problem> {
    let rows = request.app.database.read(|c| Ok::<_, Problem>(accounts::all(c)?)).await?;
    let list = AccountList { data: rows.iter().map(AccountRow::shown).collect() };
    Ok(Answer::of(200, &list)?.private())
}

async fn get(request: Request) -> Result<Answer, Problem> {
    let id = request.path("id").to_owned();
    let row = request.app.database.read(move |c| accounts::by_id(c, &id)).await?;
    answer(200, &row)
}

async fn create(request: Request) -> Result<Answer, Problem> {
    // Without a mail server there are no invitations: then the first password is required.
    let fields: &'static [Field] = if request.app.mailer.is_configured() { &NEW_ACCOUNT } else { &NEW_ACCOUNT_HERE };
    let form = Form::read(fields, &body(&request)?, &request.app.site)?;
    let email = form.text("email");
    let hash = match form.get("password") {
        Some(password) => new_hash(&request.app, &email, password, "/password").await?,
        // No password fits no hash: nobody logs in before the invitation is taken up.
        None => String::new(),
    };
    let role = Role::from_word(&form.text("role")).unwrap_or(Role::Viewer);
    let author = author(&request)?;
    let insert = move |c: &mut Db| {
        let row = accounts::insert(c, &email, &form.text("name"), role, hash)?;
        told::append(c, &author, "create", &row.id, &json!({"email": row.email, "role": row.role}))?;
        Ok::<_, Problem>(row)
    };
    let row = request.app.database.write(insert).await?;
    if row.password_hash.is_empty() {
        mailed_api::invite(&request.app, &row).await?;
    }
    Ok(answer(201, &row)?.header("location", format!("/api/v1/accounts/{}", row.id)))
}

async fn update(request: Request) -> Result<Answer, Problem> {
    let version = required_version(&request)?;
    let form = Form::read(&ACCOUNT_CHANGE, &merge_patch(&request)?, &request.app.site)?;
    let id = request.path("id").to_owned();
    let before = request.app.database.read(move |c| accounts::by_id(c, &id)).await?;
    let hash = match form.get("password") {
        Some(password) => Some(new_hash(&request.app, &before.email, password, "/password").await?),
        None => None,
    };
    let author = author(&request)?;
    let row = request
        .app
        .database
        .write(move |c| {
            let mut row = accounts::by_id(c, &before.id)?;
            if row.version != version {
                return Err(Problem::new(
                    Kind::PreconditionFailed,
                    format!("the account is at version {} now", row.version),
                ));
            }
            row.name = form.get("name").unwrap_or(row.name);
            row.role = form.get("role").unwrap_or(row.role);
            row.active = form.flag("active").unwrap_or(row.active);
            row.password_hash = hash.unwrap_or(row.password_hash);
            let changes = json!({
                "name": row.name, "role": row.role, "active": row.active,
                "password": row.password_hash != before.password_hash,
                "second_factor": form.get("second_factor"),
            });
            told::append(c, &author, "update", &row.id, &changes)?;
            if form.get("second_factor").is_some() {
                second_factor::end(c, &row.id)?;
                (row.totp_active, row.totp_secret, row.totp_step) = (false, String::new(), 0);
            }
            if row.role != before.role || !row.active || row.password_hash != before.password_hash {
                sessions::end_all(c, &row.id)?;
            }
            accounts::save(c, row)
        })
        .await?;
    answer(200, &row)
}

fn answer(status: u16, row: &AccountRow) -> Result<Answer, Problem> {
    Ok(Answer::of(status, &row.shown())?.private().header("etag", format!("\"v{}\"", row.version)))
}
