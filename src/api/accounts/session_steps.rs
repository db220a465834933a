//! How a session begins with a password, continues and ends, whether tokens or a cookie carry it.

use serde_json::json;

use super::verification::{self, verifier};
use crate::api::request_bodies::{Form, LOGIN};
use crate::auth::accounts::AccountRow;
use crate::auth::audit_log;
use crate::auth::login::Verification;
use crate::auth::sessions::{self, RefreshOutcome, RefreshToken, SessionKind};
use crate::database::Db;
use crate::http::body::json as body;
use crate::http::request::Request;
use crate::journal::Author;
use crate::problem::{Problem, ProblemKind};

/// Begins a session of this kind with the credentials in the body of a request. `device` is the device token, if the body has
/// none.
///
/// # Errors
/// 400 or 422 if the body is not valid, 401 if the credentials are wrong or incomplete, 429 after too many failures.
pub async fn log_in(
    request: &Request,
    kind: SessionKind,
    device: String,
) -> Result<(AccountRow, RefreshToken), Problem> {
    let form = Form::read(&LOGIN, &body(request)?, &request.app.site)?;
    let device = form.get("device_token").unwrap_or(device);
    let credentials =
        verification::for_login(request, &form.text("email"), form.text("password"), form.get("code"), &device);
    let new_session = verification::new_session(request, kind, "password");
    let begin = move |c: &mut Db, account: AccountRow| {
        let issued = new_session.begin(c, &account)?;
        Ok((account, issued))
    };
    match verifier(request).check(credentials, begin).await? {
        Verification::Done(begun) => Ok(begun),
        Verification::WrongPassword => {
            Err(Problem::new(ProblemKind::BadCredentials, "the e-mail address or the password is wrong"))
        }
        Verification::WrongCode => {
            Err(Problem::new(ProblemKind::BadCredentials, "the code is wrong or was used before"))
        }
        Verification::CodeMissing => {
            Err(Problem::new(ProblemKind::SecondFactorRequired, "this account requires a code of its second factor"))
        }
    }
}

/// Uses a token up and issues the next one of its session.
///
/// # Errors
/// 401 if the token is not valid.
pub async fn next_token(
    request: &Request,
    kind: SessionKind,
    token: String,
) -> Result<(AccountRow, RefreshToken), Problem> {
    let (id, site_key) = (request.id.clone(), request.app.site_key.clone());
    let refresh = move |c: &mut Db| {
        let refreshed = sessions::refresh(c, &site_key, &token, kind)?;
        // A reuse is not returned as an error here: that would roll back the transaction, which has ended the
        // session.
        if let RefreshOutcome::Reused(account) = &refreshed {
            let author = Author { request_id: id, ..Author::default() };
            audit_log::append(c, &author, "token_reuse", account, &json!({}))?;
        }
        Ok::<_, Problem>(refreshed)
    };
    match request.app.database.write_content(refresh).await? {
        RefreshOutcome::Next(account, issued) => Ok((*account, issued)),
        RefreshOutcome::Reused(_) | RefreshOutcome::Refused => Err(sessions::refusal()),
    }
}

/// Ends the session of a token, if it has one.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn end_session(request: &Request, kind: SessionKind, token: String) -> Result<(), Problem> {
    let request_id = request.id.clone();
    let end = move |c: &mut Db| {
        let Some((account, session)) = sessions::log_out(c, &token, kind)? else { return Ok(()) };
        let author = Author { account_id: Some(account.clone()), request_id, ..Author::default() };
        Ok::<_, Problem>(audit_log::append(c, &author, "logout", &account, &json!({"session": session}))?)
    };
    request.app.database.write_content(end).await
}
