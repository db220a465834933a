//! Operations on accounts and tokens.

use actix_web::http::Method;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::accounts::{self, Account, AccountList, AccountRow};
use super::credentials::confirm;
use super::forms::{ACCOUNT_CHANGE, Form, LOGIN, NEW_ACCOUNT, NEW_ACCOUNT_HERE, PASSWORD_CHANGE, REFRESH};
use super::login::{Beginning, Checked, Code, Shown, check, shown_again};
use super::permissions::{Action, Area, Role};
use super::sessions::{self, Issued, Refreshed};
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
    /// Good for one refresh; shown again within ten seconds, it gives the same next one.
    pub refresh_token: String,
    /// To be sent with the next log-in: failures of strangers do not make this device wait then.
    pub device_token: String,
    /// Who logged in.
    pub account: Account,
}

/// What operations on accounts want.
const MANAGE: (Area, Action) = (Area::Accounts, Action::Manage);

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
            .about(TAG, "Refresh the tokens", "Uses a refresh token up and gives a new pair. Two tabs that show one token within ten seconds get the same next one; a token that comes again later ends its session.")
            .body(JSON, reference("RefreshToken"), example_of(&REFRESH))
            .answers(200, "A new pair.", reference("Tokens"), &[])
            .problems(&[Kind::Unauthorised]),
        Route::new(Method::POST, "/api/v1/auth/logout", "logout", log_out)
            .about(TAG, "Log out", "Ends the session: its refresh token and its access tokens, at once; on other nodes within a second.")
            .body(JSON, reference("RefreshToken"), example_of(&REFRESH))
            .answers_as(204, "Logged out.", None, &[]),
        Route::new(Method::GET, "/api/v1/auth/me", "getMe", me)
            .about(TAG, "Who am I", "The account of the access token.")
            .access(Access::LoggedIn)
            .answers(200, "The account.", reference("Account"), &[]),
        Route::new(Method::POST, "/api/v1/auth/password", "changePassword", change_password)
            .about(TAG, "Change my password", "Ends all sessions of the account, this one too.")
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
    let manage = Access::May(MANAGE.0, MANAGE.1);
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
                "What is left out stays. A new password, another role, closing, or ending its second factor ends its sessions at once; on other nodes within a second.",
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
    let device = form.get("device_token").unwrap_or_default();
    let shown = Shown::at_log_in(&request, &form.text("email"), form.text("password"), form.get("code"), &device);
    let beginning = Beginning::of(&request, "password");
    let begin = move |c: &mut Db, account: AccountRow| {
        let issued = beginning.begin(c, &account)?;
        Ok((account, issued))
    };
    match check(&request, shown, begin).await? {
        Checked::Done((account, issued)) => tokens(&request.app, &account, issued),
        Checked::WrongPassword => {
            Err(Problem::new(Kind::BadCredentials, "the e-mail address and the password do not belong together"))
        }
        Checked::WrongCode => Err(Problem::new(Kind::BadCredentials, "the code is wrong, or was used before")),
        Checked::CodeMissing => Err(Problem::new(Kind::SecondFactorRequired, "this account wants a code as well")),
    }
}

/// The answer to a log-in.
pub fn tokens(app: &App, account: &AccountRow, issued: Issued) -> Result<Answer, Problem> {
    let access_token = app.tokens.issue(&account.id, account.role(), &issued.session);
    let access_token = access_token.map_err(|error| Problem::internal(&error))?;
    let tokens = Tokens {
        access_token,
        token_type: "Bearer",
        expires_in: app.tokens.lifetime(),
        device_token: lockout::device_token(&app.site_key, &account.email, &issued.session),
        refresh_token: issued.token,
        account: account.shown(),
    };
    Ok(Answer::of(200, &tokens)?.private())
}

async fn refresh(request: Request) -> Result<Answer, Problem> {
    let form = Form::read(&REFRESH, &body(&request)?, &request.app.site)?;
    let days = request.app.config.auth.refresh_token_days;
    let token = form.text("refresh_token");
    let (id, site_key) = (request.id.clone(), request.app.site_key.clone());
    let refresh = move |c: &mut Db| {
        let refreshed = sessions::refresh(c, &site_key, &token, days)?;
        if let Refreshed::Reused(account) = &refreshed {
            let author = Author { request_id: id, ..Author::default() };
            told::append(c, &author, "token_reuse", account, &json!({}))?;
        }
        Ok::<_, Problem>(refreshed)
    };
    match request.app.database.write_content(refresh).await? {
        Refreshed::Next(account, issued) => tokens(&request.app, &account, issued),
        Refreshed::Reused(_) | Refreshed::Refused => Err(sessions::refused()),
    }
}

async fn log_out(request: Request) -> Result<Answer, Problem> {
    let form = Form::read(&REFRESH, &body(&request)?, &request.app.site)?;
    let (token, request_id) = (form.text("refresh_token"), request.id.clone());
    let end = move |c: &mut Db| {
        let Some((account, session)) = sessions::log_out(c, &token)? else { return Ok(()) };
        let author = Author { account_id: Some(account.clone()), request_id, ..Author::default() };
        Ok::<_, Problem>(told::append(c, &author, "logout", &account, &json!({"session": session}))?)
    };
    request.app.database.write_content(end).await?;
    Ok(Answer::empty(204).private())
}

async fn me(request: Request) -> Result<Answer, Problem> {
    let id = request.actor()?.account_id.clone();
    let account = request.app.database.read(move |c| accounts::by_id(c, &id)).await?;
    Ok(Answer::of(200, &account.shown())?.private())
}

async fn change_password(request: Request) -> Result<Answer, Problem> {
    let form = Form::read(&PASSWORD_CHANGE, &body(&request)?, &request.app.site)?;
    let shown = Shown::again(&request, form.text("current_password"), Code::NotAsked).await?;
    let hash = new_hash(&request.app, &shown.email, form.text("new_password"), "/new_password").await?;
    let (author, actor) = (author(&request)?, request.actor()?.clone());
    let set = move |c: &mut Db, account: AccountRow| {
        confirm(c, &actor, None)?;
        set_password(c, &author, account, hash)
    };
    shown_again(check(&request, shown, set).await?)?;
    Ok(Answer::empty(204).private())
}

fn set_password(c: &mut Db, author: &Author, mut account: AccountRow, hash: String) -> Result<(), Problem> {
    account.password_hash = hash;
    sessions::end_all(c, &account.id)?;
    told::append(c, author, "password_change", &account.id, &json!({}))?;
    accounts::save(c, account).map(drop)
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
    let (author, actor) = (author(&request)?, request.actor()?.clone());
    let insert = move |c: &mut Db| {
        confirm(c, &actor, Some(MANAGE))?;
        let row = accounts::insert(c, &email, &form.text("name"), role, hash)?;
        told::append(c, &author, "create", &row.id, &json!({"email": row.email, "role": row.role}))?;
        Ok::<_, Problem>(row)
    };
    let row = request.app.database.write_content(insert).await?;
    if row.password_hash.is_empty() {
        mailed_api::invite(&request.app, &row).await?;
    }
    Ok(answer(201, &row)?.header("location", format!("/api/v1/accounts/{}", row.id)))
}

async fn update(request: Request) -> Result<Answer, Problem> {
    let version = required_version(&request)?;
    let form = Form::read(&ACCOUNT_CHANGE, &merge_patch(&request)?, &request.app.site)?;
    let id = request.path("id").to_owned();
    let hash = match form.get("password") {
        Some(password) => {
            let wanted = id.clone();
            let before = request.app.database.read(move |c| accounts::by_id(c, &wanted)).await?;
            Some(new_hash(&request.app, &before.email, password, "/password").await?)
        }
        None => None,
    };
    let (author, actor) = (author(&request)?, request.actor()?.clone());
    let change = move |c: &mut Db| {
        confirm(c, &actor, Some(MANAGE))?;
        let row = accounts::by_id(c, &id)?;
        if !version.accepts(row.version) {
            let detail = format!("the account is at version {} now", row.version);
            return Err(Problem::new(Kind::PreconditionFailed, detail));
        }
        change_account(c, &author, row, &form, hash)
    };
    answer(200, &request.app.database.write_content(change).await?)
}

/// Carries out a change; one that takes something away ends the sessions of the account.
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
    told::append(c, author, "update", &row.id, &changes)?;
    if factor.is_some() {
        second_factor::end(c, &row.id)?;
        (row.totp_active, row.totp_secret, row.totp_step) = (false, String::new(), 0);
    }
    if row.role != before.role || !row.active || new_password || factor.is_some() {
        sessions::end_all(c, &row.id)?;
    }
    accounts::save(c, row)
}

fn answer(status: u16, row: &AccountRow) -> Result<Answer, Problem> {
    Ok(Answer::of(status, &row.shown())?.private().header("etag", format!("\"v{}\"", row.version)))
}
