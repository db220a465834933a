//! Credentials as requests present them.

use crate::auth::accounts;
use crate::auth::lockout::{self, Attempt};
use crate::auth::login::{NewSession, PresentedCredentials, SecondFactorCode, Verifier};
use crate::auth::sessions::SessionKind;
use crate::http::client_address::client_address;
use crate::http::request::Request;
use crate::problem::Problem;

/// Returns what verifies the credentials of a request.
pub fn verifier(request: &Request) -> Verifier<'_> {
    let app = &request.app;
    Verifier { database: &app.database, hasher: &app.hasher, locks: &app.attempt_locks, request_id: &request.id }
}

/// Returns the credentials of a log-in. Failures are counted by the device if its token is valid for the
/// e-mail address, else by the source of the request.
pub fn for_login(
    request: &Request,
    email: &str,
    password: String,
    code: Option<String>,
    device: &str,
) -> PresentedCredentials {
    let email = accounts::normal_email(email);
    let attempt = match lockout::device(&request.app.site_key, &email, device) {
        Some(device) => Attempt::of_device(&email, &device),
        None => Attempt::of_source(&email, &client_address(&request.http, &request.app.config.server.trusted_proxies)),
    };
    PresentedCredentials { email, password, code: SecondFactorCode::Asked(code), attempt }
}

/// Returns the credentials with which a logged-in user confirms the identity. Failures are counted by the
/// session, as those of a device.
///
/// # Errors
/// 401 if the request is anonymous, 404 if the account does not exist any more.
pub async fn for_confirmation(
    request: &Request,
    password: String,
    code: SecondFactorCode,
) -> Result<PresentedCredentials, Problem> {
    let actor = request.actor()?;
    let (id, session) = (actor.account_id.clone(), actor.session.clone().unwrap_or_default());
    let email = request.app.database.read(move |c| accounts::by_id(c, &id)).await?.email;
    let attempt = Attempt::of_device(&email, &session);
    Ok(PresentedCredentials { email, password, code, attempt })
}

/// Prepares a session for a user who was authenticated by the method `by`, which the audit log records.
pub fn new_session(request: &Request, kind: SessionKind, by: &'static str) -> NewSession {
    NewSession {
        kind,
        agent: request.header("user-agent").unwrap_or_default().to_owned(),
        request_id: request.id.clone(),
        by,
    }
}
