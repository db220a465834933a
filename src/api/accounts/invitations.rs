//! Endpoints of invitations and password resets, which use one-time tokens sent by mail.

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

/// Mails an invitation to an account. Does nothing if a token was mailed to it less than a minute ago.
///
/// # Errors
/// 503 if the database is not available. Failures of the mail server are logged, not returned.
pub async fn invite(app: &App, account: &AccountRow) -> Result<(), Problem> {
    let id = account.id.clone();
    let issue = move |c: &mut Db| Ok::<_, Problem>(one_time_tokens::issue(c, &id, Purpose::Invitation)?);
    if let Some(token) = app.database.write(issue).await? {
        mail_invitation(app, account, &token);
    }
    Ok(())
}

fn mail_invitation(app: &App, account: &AccountRow, token: &str) {
    let text = format!(
        "Dear {},\n\nyou are invited to {}. Please choose your password within a week:\n\n{}\n",
        account.name,
        app.config.public_url,
        app.mailer.shown(token)
    );
    app.mailer.send(&account.email, "Your account", text);
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
    let (author, actor, id) = (author(&request)?, request.actor()?.clone(), account.id.clone());
    // Within a minute of the last mail no token is issued; the audit log has an entry for what is sent only.
    let issue = move |c: &mut Db| {
        confirm_actor(c, &actor, Some((Area::Accounts, Action::Manage)))?;
        let token = one_time_tokens::issue(c, &id, Purpose::Invitation)?;
        if token.is_some() {
            audit_log::append(c, &author, "invite", &id, &json!({}))?;
        }
        Ok::<_, Problem>(token)
    };
    if let Some(token) = request.app.database.write(issue).await? {
        mail_invitation(&request.app, &account, &token);
    }
    Ok(Response::empty(202).no_store())
}

async fn request_reset(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&PASSWORD_RESET, &body(&request)?, &request.app.site)?;
    let (app, email) = (std::sync::Arc::clone(&request.app), accounts::normal_email(&form.text("email")));
    // In a task of its own, so that the response time does not reveal whether there is an account.
    actix_web::rt::spawn(async move {
        if let Err(problem) = send_reset_mail(&app, email).await {
            tracing::error!(detail = problem.detail, "a password reset could not be mailed");
        }
    });
    Ok(Response::empty(202).no_store())
}

async fn send_reset_mail(app: &App, email: String) -> Result<(), Problem> {
    if !app.mailer.is_configured() {
        return Ok(());
    }
    let issue = move |c: &mut Db| {
        let Some(account) = accounts::by_email(c, &email)?.filter(|account| account.active) else { return Ok(None) };
        let token = one_time_tokens::issue(c, &account.id, Purpose::Reset)?;
        Ok::<_, Problem>(token.map(|token| (account, token)))
    };
    if let Some((account, token)) = app.database.write(issue).await? {
        let text = format!(
            "Dear {},\n\na new password was requested for your account at {}. If you requested it, choose one within \
             an hour:\n\n{}\n\nIf you did not, no action is needed.\n",
            account.name,
            app.config.public_url,
            app.mailer.shown(&token)
        );
        app.mailer.send(&account.email, "Your password", text);
    }
    Ok(())
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
