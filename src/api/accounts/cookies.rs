//! Endpoints of sessions of browsers, which a cookie carries instead of tokens.

use serde::Serialize;
use utoipa::ToSchema;

use super::session_steps::{end_session, log_in, next_token};
use crate::api::accounts::oidc::finish_login;
use crate::api::openapi::schemas::{example_of, reference};
use crate::api::request_bodies::{LOGIN, OIDC_FINISH};
use crate::auth::accounts::{Account, AccountRow};
use crate::auth::lockout;
use crate::auth::sessions::{RefreshToken, SessionKind};
use crate::content::local_time::utc_text;
use crate::database::now;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, Route};
use crate::http::session_cookie::{self, DEVICE, SESSION};
use crate::microseconds::SECOND;
use crate::problem::{Problem, ProblemKind};

/// Time for which a browser keeps its device token, in seconds.
const DEVICE_SECONDS: i64 = 31_536_000;

/// A session of a browser.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CookieSession {
    /// Time at which the cookie expires unless it is renewed, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub expires_at: String,
    /// Time at which the session ends however often the cookie is renewed, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub ends_at: String,
    /// Account of the session.
    pub account: Account,
}

/// Returns the routes of sessions of browsers.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Authentication";
    const HEADERS: &[&str] = &["Set-Cookie"];
    vec![
        Route::post("/api/v1/auth/cookie", Access::Open, begin)
            .operation_id("beginCookieSession")
            .tag(TAG)
            .summary("Log in with a cookie")
            .description(
                "Begins a session of a browser: a cookie that scripts cannot read, with at most the rights of an editor. It \
                 counts where an account is required and in reads with `view=draft`, in requests of pages of `public_url` \
                 and `cors.credential_origins`. Fails like a log-in with tokens, and with 403 when a page of another origin \
                 asks.",
            )
            .request_body(JSON, reference("LoginInput"), example_of(&LOGIN))
            .responds(200, "The session.", reference("CookieSession"), HEADERS)
            .problems(&[
                ProblemKind::BadCredentials,
                ProblemKind::SecondFactorRequired,
                ProblemKind::Forbidden,
                ProblemKind::TooManyAttempts,
            ]),
        Route::post("/api/v1/auth/cookie/oidc", Access::Open, begin_with_provider)
            .operation_id("beginProviderCookieSession")
            .tag(TAG)
            .summary("Finish a log-in at the OpenID provider with a cookie")
            .description(
                "Exchanges the code and state of the redirect for a session of a browser. Fails like a finish with tokens, \
                 and with 403 when a page of another origin asks.",
            )
            .request_body(JSON, reference("ProviderLoginFinishInput"), example_of(&OIDC_FINISH))
            .responds(200, "The session.", reference("CookieSession"), HEADERS)
            .problems(&[ProblemKind::NotFound, ProblemKind::Unauthorized, ProblemKind::Forbidden]),
        Route::post("/api/v1/auth/cookie/renew", Access::Open, renew)
            .operation_id("renewCookieSession")
            .tag(TAG)
            .summary("Renew the cookie")
            .description(
                "Replaces the cookie by a new one. The old one is accepted for ten more seconds, and ends its session when \
                 it is renewed later. Fails with 401 when the cookie is not valid, and with 403 when a page of another \
                 origin asks.",
            )
            .responds(200, "The session.", reference("CookieSession"), HEADERS)
            .problems(&[ProblemKind::Unauthorized, ProblemKind::Forbidden]),
        Route::delete("/api/v1/auth/cookie", Access::Open, end)
            .operation_id("endCookieSession")
            .tag(TAG)
            .summary("Log out with a cookie")
            .description(
                "Ends the session of the cookie, if there is one, and deletes the cookie. Fails with 403 when a page of \
                 another origin asks.",
            )
            .responds_empty(204, "The session has ended.", HEADERS)
            .problems(&[ProblemKind::Forbidden]),
    ]
}

fn kind(request: &Request) -> SessionKind {
    let auth = &request.app.config.auth;
    SessionKind::Cookie { minutes: auth.cookie_minutes, hours: auth.cookie_hours }
}

/// Returns the value of a cookie of a request.
fn cookie(request: &Request, name: &str) -> String {
    session_cookie::find(&request.app.config, request.http.headers(), name).unwrap_or_default().to_owned()
}

/// Refuses a request that would set a cookie for a page of another site: a person would act under an account that an attacker
/// has chosen.
fn require_own_site(request: &Request) -> Result<(), Problem> {
    // All of these routes write, whatever their method.
    session_cookie::require_own_site(&request.app.config, &actix_web::http::Method::POST, request.http.headers())?;
    session_cookie::set(&request.app.config, SESSION, "", 0).map(drop)
}

async fn begin(request: Request) -> Result<Response, Problem> {
    require_own_site(&request)?;
    let (account, issued) = log_in(&request, kind(&request), cookie(&request, DEVICE)).await?;
    session(&request, &account, &issued)
}

async fn begin_with_provider(request: Request) -> Result<Response, Problem> {
    require_own_site(&request)?;
    let (account, issued) = finish_login(&request, kind(&request)).await?;
    session(&request, &account, &issued)
}

async fn renew(request: Request) -> Result<Response, Problem> {
    require_own_site(&request)?;
    let (account, issued) = next_token(&request, kind(&request), cookie(&request, SESSION)).await?;
    session(&request, &account, &issued)
}

async fn end(request: Request) -> Result<Response, Problem> {
    require_own_site(&request)?;
    end_session(&request, kind(&request), cookie(&request, SESSION)).await?;
    let removal = session_cookie::set(&request.app.config, SESSION, "", 0)?;
    Ok(Response::empty(204).no_store().header("set-cookie", removal))
}

fn session(request: &Request, account: &AccountRow, issued: &RefreshToken) -> Result<Response, Problem> {
    let (config, seconds) = (&request.app.config, (issued.expires_at - now()) / SECOND);
    let device = lockout::device_token(&request.app.site_key, &account.email, &issued.session);
    let body = CookieSession {
        expires_at: utc_text(issued.expires_at),
        ends_at: utc_text(kind(request).ends_at(issued.begun_at)),
        account: account.to_api(),
    };
    Ok(Response::json(200, &body)?
        .no_store()
        .header("set-cookie", session_cookie::set(config, SESSION, &issued.token, seconds)?)
        .header("set-cookie", session_cookie::set(config, DEVICE, &device, DEVICE_SECONDS)?))
}
