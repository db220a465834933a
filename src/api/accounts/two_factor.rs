//! Endpoints with which an account sets up and ends its second factor.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::verification::{self, verifier};
use crate::api::content::lifecycle::author;
use crate::api::openapi::schemas::{example_of, reference};
use crate::api::request_bodies::{CONFIRM_FACTOR, END_FACTOR, Form, PASSWORD_CONFIRMATION};
use crate::auth::accounts::{self, AccountRow};
use crate::auth::credentials::reauthorize as confirm_actor;
use crate::auth::login::{SecondFactorCode, into_confirmed};
use crate::auth::{audit_log, second_factor, sessions};
use crate::content::violation::Violations;
use crate::database::Db;
use crate::http::body::json as body;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, Route};
use crate::problem::{Problem, ProblemKind};

/// A second factor that is set up but not active yet.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorSetup {
    /// Secret in base32, for manual entry in an authenticator app.
    pub secret: String,
    /// Secret as an `otpauth://` URI, for a QR code.
    pub url: String,
}

/// Recovery codes for the loss of the device.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecoveryCodeList)]
pub struct RecoveryCodes {
    /// Recovery codes; each can be used once. They are returned by this response only.
    pub recovery_codes: Vec<String>,
}

/// Returns the routes of the second factor.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Authentication";
    vec![
        Route::post("/api/v1/auth/second-factor", Access::Session, begin)
            .operation_id("beginSecondFactor")
            .tag(TAG)
            .summary("Set up a second factor")
            .description(
                "Creates the secret of a second factor with time-based codes (RFC 6238) and returns it. The factor \
                 becomes active when a code is confirmed. Fails with 409 when a second factor is active already, with \
                 422 when the password is wrong, and with 429 after too many failed attempts.",
            )
            .request_body(JSON, reference("PasswordConfirmationInput"), example_of(&PASSWORD_CONFIRMATION))
            .responds(200, "The secret.", reference("SecondFactorSetup"), &[])
            .problems(&[ProblemKind::Conflict, ProblemKind::TooManyAttempts]),
        Route::post("/api/v1/auth/second-factor/confirm", Access::Session, confirm)
            .operation_id("confirmSecondFactor")
            .tag(TAG)
            .summary("Confirm the second factor")
            .description(
                "Activates the second factor with a code of it, so that every later log-in requires a code; ends the \
                 other sessions of the account and returns the recovery codes. Fails with 409 when no second factor \
                 waits for confirmation, and with 422 when the code is wrong.",
            )
            .request_body(JSON, reference("SecondFactorConfirmationInput"), example_of(&CONFIRM_FACTOR))
            .responds(200, "The recovery codes.", reference("RecoveryCodeList"), &[])
            .problems(&[ProblemKind::Conflict]),
        Route::post("/api/v1/auth/second-factor/end", Access::Session, end)
            .operation_id("endSecondFactor")
            .tag(TAG)
            .summary("End the second factor")
            .description(
                "Removes the second factor and the recovery codes of the account, and ends its other sessions. Fails \
                 with 409 when there is no second factor, with 422 when the password or the code is wrong, and with \
                 429 after too many failed attempts.",
            )
            .request_body(JSON, reference("SecondFactorRemovalInput"), example_of(&END_FACTOR))
            .responds_empty(204, "The second factor is removed.", &[])
            .problems(&[ProblemKind::Conflict, ProblemKind::TooManyAttempts]),
    ]
}

async fn begin(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&PASSWORD_CONFIRMATION, &body(&request)?, &request.app.site)?;
    let credentials =
        verification::for_confirmation(&request, form.text("current_password"), SecondFactorCode::NotAsked).await?;
    let secret = second_factor::new_secret();
    let url = second_factor::url(&secret, &credentials.email)
        .ok_or_else(|| Problem::internal(&"the otpauth URI of a second factor could not be made"))?;
    let (actor, stored) = (request.actor()?.clone(), secret.clone());
    let store = move |c: &mut Db, account: AccountRow| {
        confirm_actor(c, &actor, None)?;
        if account.totp_active {
            return Err(Problem::new(ProblemKind::Conflict, "a second factor is active already"));
        }
        Ok(second_factor::begin(c, &account.id, &stored)?)
    };
    into_confirmed(verifier(&request).check(credentials, store).await?)?;
    Ok(Response::json(200, &SecondFactorSetup { secret, url })?.no_store())
}

async fn confirm(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&CONFIRM_FACTOR, &body(&request)?, &request.app.site)?;
    let (author, code, actor) = (author(&request)?, form.text("code"), request.actor()?.clone());
    let write = move |c: &mut Db| {
        confirm_actor(c, &actor, None)?;
        let account = accounts::by_id(c, &actor.account_id)?;
        if account.totp_active || account.totp_secret.is_empty() {
            return Err(Problem::new(ProblemKind::Conflict, "there is no second factor to confirm"));
        }
        if !second_factor::check(c, &account, &code)? {
            return Err(Problem::invalid(Violations::one("/code", "wrong", "the code is wrong or not valid now")));
        }
        audit_log::append(c, &author, "second_factor_begin", &account.id, &json!({}))?;
        // The other sessions were begun without a code, so they may belong to someone who knows only the
        // password.
        sessions::revoke_others(c, &account.id, actor.session.as_deref().unwrap_or_default())?;
        Ok(second_factor::activate(c, &account.id)?)
    };
    let recovery_codes = request.app.database.write_content(write).await?;
    Ok(Response::json(200, &RecoveryCodes { recovery_codes })?.no_store())
}

async fn end(request: Request) -> Result<Response, Problem> {
    let form = Form::read(&END_FACTOR, &body(&request)?, &request.app.site)?;
    let credentials = verification::for_confirmation(
        &request,
        form.text("current_password"),
        SecondFactorCode::Asked(form.get("code")),
    )
    .await?;
    let (author, actor) = (author(&request)?, request.actor()?.clone());
    let end = move |c: &mut Db, account: AccountRow| {
        confirm_actor(c, &actor, None)?;
        if !account.totp_active {
            return Err(Problem::new(ProblemKind::Conflict, "there is no second factor"));
        }
        audit_log::append(c, &author, "second_factor_end", &account.id, &json!({}))?;
        sessions::revoke_others(c, &account.id, actor.session.as_deref().unwrap_or_default())?;
        Ok(second_factor::end(c, &account.id)?)
    };
    into_confirmed(verifier(&request).check(credentials, end).await?)?;
    Ok(Response::empty(204).no_store())
}
