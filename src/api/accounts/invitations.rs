//! Endpoints of invitations and password resets, which use one-time tokens sent by mail.

use std::sync::Arc;

use diesel::result::QueryResult;
use serde_json::json;

use crate::api::accounts::administration::new_hash;
use crate::api::content::lifecycle::author;
use crate::api::openapi::schemas::{example_of, reference};
use crate::api::parameters::path_id;
use crate::api::request_bodies::{Form, NEW_PASSWORD, PASSWORD_RESET};
use crate::app::App;
use crate::auth::accounts::{self, AccountRow};
use crate::auth::audit_log;
use crate::auth::credentials::reauthorize as confirm_actor;
use crate::auth::lockout::Attempt;
use crate::auth::one_time_tokens::{self, Purpose};
use crate::auth::permissions::{Action, Area};
use crate::database::Db;
use crate::http::body::json as body;
use crate::http::client_address::client_address;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, Route};
use crate::mail::outbox::{MailKind, MailRow};
use crate::problem::{Problem, ProblemKind};

/// Returns the routes of invitations and password resets.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Authentication";
    vec![
        Route::post("/api/v1/auth/password-reset", Access::Open, request_reset)
            .operation_id("requestPasswordReset")
            .tag(TAG)
            .summary("Request a password reset")
            .description(
                "Mails a one-time token, valid for an hour, to the address if it belongs to an active account. At most \
                 one mail a minute is sent to an account. The response is the same whether there is an account or not.",
            )
            .request_body(JSON, reference("PasswordResetInput"), example_of(&PASSWORD_RESET))
            .responds_empty(202, "The request is accepted; a mail is sent if there is such an account.", &[]),
        Route::post("/api/v1/auth/password-reset/confirm", Access::Open, confirm)
            .operation_id("confirmPasswordReset")
            .tag(TAG)
            .summary("Set a new password")
            .description(
                "Sets the password of an account with the one-time token of an invitation or a password reset, and \
                 ends all its sessions. Fails with 422 when the token is unknown, used or expired, or the password is \
                 too weak.",
            )
            .request_body(JSON, reference("FirstPasswordInput"), example_of(&NEW_PASSWORD))
            .responds_empty(204, "The password is set.", &[]),
        Route::post("/api/v1/accounts/{id}/invitation", Access::May(Area::Accounts, Action::Manage), repeat_invitation)
            .operation_id("inviteAccount")
            .tag("Accounts")
            .summary("Send an invitation again")
            .description(
                "Mails a new invitation, valid for a week; earlier ones become invalid. At most one mail a minute is \
                 sent to an account: within that time the request succeeds, and nothing is sent. Fails with 404 when \
                 there is no such account, and with 409 when it has a password already or is closed, or no mail server \
                 is configured.",
            )
            .parameters([path_id()])
            .responds_empty(202, "The invitation is accepted for delivery.", &[])
            .problems(&[ProblemKind::NotFound, ProblemKind::Conflict]),
    ]
}

/// Mails an invitation to an account, in the transaction that creates or changes the account. Returns whether it did: not
/// if a token was mailed to it less than a minute ago.
///
/// # Errors
/// Fails if a statement fails.
pub fn invite(connection: &mut Db, app: &App, account: &AccountRow) -> QueryResult<bool> {
    enqueue(connection, app, account, (Purpose::Invitation, MailKind::Invitation))
}

fn enqueue(
    connection: &mut Db,
    app: &App,
    account: &AccountRow,
    (purpose, kind): (Purpose, MailKind),
) -> QueryResult<bool> {
    let seed = one_time_tokens::issue(connection, &app.site_key, &account.id, purpose)?;
    let Some(seed) = seed else { return Ok(false) };
    let data = json!({"name": account.name, "seed": seed});
    MailRow::new(&app.config.mail, kind, &account.email, app.site.default_locale(), &data).enqueue(connection)?;
    Ok(true)
}

async fn repeat_invitation(request: Request) -> Result<Response, Problem> {
    let id = request.path("id").to_owned();
    let account = request.app.database.read(move |c| accounts::by_id(c, &id)).await?;
    if !request.app.mailer.is_configured() {
        return Err(Problem::new(ProblemKind::Conflict, "no mail server is configured"));
    }
    if !account.password_hash.is_empty() || !account.active {
        return Err(Problem::new(ProblemKind::Conflict, "the account has a password already or is closed"));
    }
    let (author, actor, app) = (author(&request)?, request.actor()?.clone(), Arc::clone(&request.app));
    // Within a minute of the last mail no token is issued; the audit log has an entry for what is sent only.
    let issue = move |c: &mut Db| {
        confirm_actor(c, &actor, Some((Area::Accounts, Action::Manage)))?;
        if invite(c, &app, &account)? {
            audit_log::append(c, &author, "invite", &account.id, &json!({}))?;
        }
        Ok::<_, Problem>(())
    };
    request.app.database.write(issue).await?;
    Ok(Response::empty(202).no_store())
}

async fn request_reset(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&PASSWORD_RESET, &body(&request)?, &request.app.site)?;
    let (app, email) = (Arc::clone(&request.app), accounts::normal_email(&form.text("email")));
    // The response is the same if too many requests wait: otherwise it would tell for which addresses they wait longer.
    let Ok(turn) = Arc::clone(&app.password_resets).try_acquire_owned() else {
        tracing::warn!("a password reset was not mailed, because too many requests for one wait");
        return Ok(Response::empty(202).no_store());
    };
    // In a task of its own, so that the response time does not reveal whether there is an account.
    actix_web::rt::spawn(async move {
        if let Err(problem) = mail_reset(&app, email).await {
            tracing::error!(detail = problem.detail, "a password reset could not be mailed");
        }
        drop(turn);
    });
    Ok(Response::empty(202).no_store())
}

/// Mails a reset to an account. Anybody can ask for one for any address, so the writer is used only if there is one to mail.
async fn mail_reset(app: &Arc<App>, email: String) -> Result<(), Problem> {
    if !app.mailer.is_configured() {
        return Ok(());
    }
    let asked = email.clone();
    let read = move |c: &mut Db| {
        let found = open_account(c, &asked)?;
        let is_mailed = |account: &AccountRow| one_time_tokens::is_issuable(c, &account.id);
        Ok::<_, Problem>(found.as_ref().map(is_mailed).transpose()?.unwrap_or(false))
    };
    if !app.database.read(read).await? {
        return Ok(());
    }
    let here = Arc::clone(app);
    let issue = move |c: &mut Db| {
        if let Some(account) = open_account(c, &email)? {
            enqueue(c, &here, &account, (Purpose::Reset, MailKind::PasswordReset))?;
        }
        Ok::<_, Problem>(())
    };
    app.database.write(issue).await
}

fn open_account(connection: &mut Db, email: &str) -> QueryResult<Option<AccountRow>> {
    Ok(accounts::by_email(connection, email)?.filter(|account| account.active))
}

async fn confirm(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&NEW_PASSWORD, &body(&request)?, &request.app.site)?;
    let token = form.text("token");
    let presented_token = token.clone();
    // Read only for the rules of the new password, which is hashed outside the transaction; the token is
    // checked again, and used up, in the transaction that sets the password.
    let account = request.app.database.read(move |c| one_time_tokens::account(c, &presented_token)).await?;
    let hash = new_hash(&request.app, &account.email, form.text("new_password"), "/new_password").await?;
    let (id, client_address) =
        (request.id.clone(), client_address(&request.http, &request.app.config.server.trusted_proxies));
    let set = move |c: &mut Db| {
        let account = one_time_tokens::set_password(c, &id, &token, hash)?;
        // Access to the mailbox proves ownership of the account, so the failed attempts of others no longer
        // delay it.
        Ok::<_, Problem>(Attempt::of_source(&account.email, &client_address).reset_all(c)?)
    };
    request.app.database.write_content(set).await?;
    Ok(Response::empty(204).no_store())
}
