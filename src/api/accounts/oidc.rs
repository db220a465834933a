//! Endpoints of the log-in at an OpenID provider.

use diesel::prelude::*;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::verification;
use crate::api::accounts::administration::tokens;
use crate::api::openapi::schemas::{example_of, reference};
use crate::api::request_bodies::{Form, OIDC_BEGIN, OIDC_FINISH};
use crate::auth::accounts::{self, AccountRow};
use crate::auth::audit_log;
use crate::auth::oidc::Identity;
use crate::auth::permissions::Role;
use crate::auth::sessions::{RefreshToken, SessionKind};
use crate::content::violation::Violations;
use crate::database::schema::identities;
use crate::database::{Db, now};
use crate::http::body::json as body;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, Route};
use crate::journal::Author;
use crate::problem::{Problem, ProblemKind};

/// A log-in that was begun at the OpenID provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderLogin {
    /// URL of the provider's log-in page, which redirects to `redirect_uri` with `code` and `state`.
    #[schema(format = "uri")]
    pub authorization_url: String,
    /// State of the log-in. Clients must keep it and reject a redirect with another state.
    pub state: String,
}

/// Returns the routes of the log-in at an OpenID provider.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Authentication";
    vec![
        Route::post("/api/v1/auth/oidc/begin", Access::Open, begin)
            .operation_id("beginProviderLogin")
            .tag(TAG)
            .summary("Begin a log-in at the OpenID provider")
            .description(
                "Begins an authorization code flow with PKCE (RFC 7636) and returns the URL to which the browser is \
                 sent. The log-in must be finished within ten minutes. Fails with 404 when no provider is configured, \
                 with 422 when `redirect_uri` is not one of the configured URIs, and with 503 when the provider cannot \
                 be reached.",
            )
            .request_body(JSON, reference("ProviderLoginStartInput"), example_of(&OIDC_BEGIN))
            .responds(200, "The URL of the provider and the state.", reference("ProviderLogin"), &[])
            .problems(&[ProblemKind::NotFound]),
        Route::post("/api/v1/auth/oidc/finish", Access::Open, finish)
            .operation_id("finishProviderLogin")
            .tag(TAG)
            .summary("Finish a log-in at the OpenID provider")
            .description(
                "Exchanges the code and state of the redirect for the tokens of a session. An account is found by the \
                 identity at the provider, otherwise by its verified e-mail address; if there is none, it is created \
                 if the setting `oidc.default_role` names a role. Fails with 404 when no provider is configured, with \
                 401 when the provider does not confirm the log-in, and with 403 when the person has no active \
                 account.",
            )
            .request_body(JSON, reference("ProviderLoginFinishInput"), example_of(&OIDC_FINISH))
            .responds(200, "The tokens of the session.", reference("Tokens"), &[])
            .problems(&[ProblemKind::NotFound, ProblemKind::Unauthorized, ProblemKind::Forbidden]),
    ]
}

fn require_provider(request: &Request) -> Result<(), Problem> {
    if request.app.oidc.is_configured() {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::NotFound, "no OpenID provider is configured"))
}

async fn begin(request: Request) -> Result<Response, Problem> {
    require_provider(&request)?;
    let form = Form::read(&OIDC_BEGIN, &body(&request)?, &request.app.site)?;
    let redirect_uri = form.text("redirect_uri");
    // The form has normalised the URL of the request, so the configured ones are normalised before the
    // comparison.
    let known = &request.app.config.oidc.redirect_uris;
    let is_known = |uri: &&String| crate::content::values::url(uri).as_deref() == Ok(redirect_uri.as_str());
    let Some(redirect_uri) = known.iter().find(is_known) else {
        return Err(Problem::invalid(Violations::one(
            "/redirect_uri",
            "not_configured",
            "this URL is not one of oidc.redirect_uris",
        )));
    };
    let (authorization_url, state) = request.app.oidc.begin(redirect_uri.clone()).await?;
    Ok(Response::json(200, &ProviderLogin { authorization_url, state })?.no_store())
}

async fn finish(request: Request) -> Result<Response, Problem> {
    let days = request.app.config.auth.refresh_token_days;
    let (account, issued) = finish_login(&request, SessionKind::Bearer { days }).await?;
    tokens(&request.app, &account, issued)
}

/// Begins a session of this kind with the code and state in the body of a request.
///
/// # Errors
/// 404 if no provider is configured, 401 if it does not confirm the log-in, 403 if the person has no active account.
pub async fn finish_login(request: &Request, kind: SessionKind) -> Result<(AccountRow, RefreshToken), Problem> {
    require_provider(request)?;
    let form = Form::read(&OIDC_FINISH, &body(request)?, &request.app.site)?;
    let identity = request.app.oidc.finish(form.text("code"), &form.text("state")).await?;
    let (id, default_role) = (request.id.clone(), Role::from_name(&request.app.config.oidc.default_role));
    let new_session = verification::new_session(request, kind, "oidc");
    let begin = move |c: &mut Db| {
        // The session is begun in the transaction that finds the account active: closing the account at the
        // same time either comes first, or ends the session.
        let found = account(c, &id, &identity, default_role)?.filter(|account| account.active);
        let Some(account) = found else { return Ok(None) };
        let issued = new_session.begin(c, &account)?;
        Ok::<_, Problem>(Some((account, issued)))
    };
    request.app.database.write_content_once(begin).await?.ok_or_else(|| {
        Problem::new(
            ProblemKind::Forbidden,
            "there is no active account for this identity; ask an administrator for one",
        )
    })
}

/// Returns the account of an identity that the provider has confirmed: the account that is linked to it,
/// otherwise the account with its verified e-mail address, otherwise a new one if `default_role` is
/// configured. The latter two are linked to the identity, which from then on decides, even if the address
/// changes at the provider.
fn account(
    connection: &mut Db,
    request_id: &str,
    identity: &Identity,
    default_role: Option<Role>,
) -> Result<Option<AccountRow>, Problem> {
    let known: Option<String> = identities::table
        .find((&identity.iss, &identity.sub))
        .select(identities::account_id)
        .first(connection)
        .optional()?;
    if let Some(id) = known {
        return Ok(Some(accounts::by_id(connection, &id)?));
    }
    // An address that the provider has not verified may belong to another person, who must not get this
    // account.
    let Some(email) = identity.email.as_deref().filter(|_| identity.email_verified) else { return Ok(None) };
    let author = Author { request_id: request_id.to_owned(), ..Author::default() };
    let account = match (accounts::by_email(connection, email)?, default_role) {
        (Some(account), _) => account,
        (None, None) => return Ok(None),
        (None, Some(role)) => {
            let name = identity.name.as_deref().unwrap_or(email);
            let row = accounts::insert(connection, email, name, role, String::new())?;
            audit_log::append(connection, &author, "create", &row.id, &json!({"email": row.email, "role": row.role}))?;
            row
        }
    };
    let row = (
        identities::issuer.eq(&identity.iss),
        identities::subject.eq(&identity.sub),
        identities::account_id.eq(&account.id),
        identities::created_at.eq(now()),
    );
    diesel::insert_into(identities::table).values(row).execute(connection)?;
    audit_log::append(connection, &author, "identity_link", &account.id, &json!({"issuer": identity.iss}))?;
    Ok(Some(account))
}
