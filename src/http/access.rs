//! Who may use a route: authentication by tokens, API keys and cookies, and the permissions that the route requires.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderValue};

use crate::app::App;
use crate::auth::actor::Actor;
use crate::auth::permissions::is_permitted;
use crate::auth::provider_tokens;
use crate::http::route::{Access, Route};
use crate::http::session_cookie;
use crate::problem::{Problem, ProblemKind};

/// Returns the authenticated actor, if any, after checking that it may use the route.
///
/// An invalid token is refused even where none is required: the client assumes that it is logged in, and must
/// learn that it is not. A token is chosen by the program that sends it, and a cookie is not, so with a token a cookie is not
/// looked at.
///
/// # Errors
/// 401 if the token or cookie is not valid or the route requires one, 403 if it does not permit the use of the route, 503 if
/// the database or the OpenID provider does not answer.
pub async fn authenticate(app: &Arc<App>, route: &Route, http: &HttpRequest) -> Result<Option<Actor>, Problem> {
    if route.access == Access::Open {
        return Ok(None);
    }
    let actor = match http.headers().get(header::AUTHORIZATION) {
        None => actor_of_cookie(app, route, http).await?,
        Some(value) => {
            let token = value.to_str().ok().and_then(|v| {
                let (scheme, token) = v.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
            });
            let found = match token {
                Some(token) => actor_of(app, route, token).await?,
                None => None,
            };
            Some(found.ok_or_else(|| refusal("the access token or API key is invalid or expired"))?)
        }
    };
    require_access(route, actor.as_ref())?;
    Ok(actor)
}

/// Returns the actor of the cookie of a session, if there is one that counts for the route.
///
/// # Errors
/// 401 if the cookie is not valid, 401 or 403 if a page of another site sent the request, 403 if the route changes the
/// account itself.
async fn actor_of_cookie(app: &Arc<App>, route: &Route, http: &HttpRequest) -> Result<Option<Actor>, Problem> {
    let found = session_cookie::find(&app.config, http.headers(), session_cookie::SESSION);
    let Some(value) = found.filter(|_| session_cookie::counts(route, http.query_string())) else { return Ok(None) };
    session_cookie::require_own_site(&app.config, http.method(), http.headers())?;
    let actor = app.credentials.cookie_actor(&app.database, value).await?;
    let actor = actor.ok_or_else(|| refusal("the session of the cookie has ended; log in again"))?;
    if route.access == Access::Session {
        let detail = "this operation requires an access token; the cookie of a session is not accepted";
        return Err(Problem::new(ProblemKind::Forbidden, detail));
    }
    Ok(Some(actor))
}

/// Returns the actor that a token authenticates: a token or API key of this server, or, where the route is a protected
/// resource, an access token of the OpenID provider.
async fn actor_of(app: &Arc<App>, route: &Route, token: &str) -> Result<Option<Actor>, Problem> {
    let own = app.credentials.actor(&app.tokens, &app.database, token).await?;
    if own.is_some() || route.resource_metadata.is_none() {
        return Ok(own);
    }
    provider_tokens::actor(&app.oidc, &app.database, token, &resource(app, &route.path)).await
}

/// Returns the identifier of a route as an OAuth resource: its address (RFC 8707, section 2).
pub fn resource(app: &App, path: &str) -> String {
    format!("{}{path}", app.config.base_url())
}

/// Returns the challenge of a 401 by a protected resource, which names the document with its OpenID provider (RFC 9728,
/// section 5.1). `None` if the problem is another one, or no provider is configured.
pub fn challenge(app: &App, route: &Route, problem: &Problem) -> Option<HeaderValue> {
    let path = route.resource_metadata.filter(|_| problem.kind.status() == 401 && app.oidc.is_configured())?;
    let public_url = app.config.base_url();
    HeaderValue::from_str(&format!("Bearer realm=\"plenary\", resource_metadata=\"{public_url}{path}\"")).ok()
}

fn refusal(detail: &str) -> Problem {
    Problem::new(ProblemKind::Unauthorized, detail)
}

/// Refuses a client that may not use a route.
///
/// # Errors
/// 401 if the route requires authentication and there is none, 403 if the role or the API key does not permit its use.
pub fn require_access(route: &Route, actor: Option<&Actor>) -> Result<(), Problem> {
    require_role(route.access, actor)?;
    match actor {
        Some(Actor { key: Some(key), .. })
            if !route.collections_in_body && !is_in_collections(&key.collections, &route.path) =>
        {
            let detail = format!("this API key is restricted to {}", key.collections.join(", "));
            Err(Problem::new(ProblemKind::Forbidden, detail))
        }
        _ => Ok(()),
    }
}

/// Refuses a client without the authentication and the role that a route requires, whatever its collection.
///
/// # Errors
/// 401 if authentication is required and there is none, 403 if the role does not suffice.
pub fn require_role(access: Access, actor: Option<&Actor>) -> Result<(), Problem> {
    match (access, actor) {
        (Access::LoggedIn | Access::Session | Access::May(..), None) => {
            Err(refusal("this operation requires an access token or an API key"))
        }
        (Access::May(area, action), Some(actor)) if !is_permitted(actor.role, area, action) => {
            let detail = format!("the role {} may not do this ({area:?}: {action:?})", actor.role.name());
            Err(Problem::new(ProblemKind::Forbidden, detail))
        }
        (Access::Session, Some(Actor { key: Some(_), .. })) => {
            Err(Problem::new(ProblemKind::Forbidden, "this operation requires a session; API keys are not accepted"))
        }
        _ => Ok(()),
    }
}

/// Returns whether a path belongs to one of these collections. An empty list does not restrict the path.
fn is_in_collections(collections: &[String], path: &str) -> bool {
    let collection = path.strip_prefix("/api/v1/").and_then(|rest| rest.split(['/', '.']).next());
    collections.is_empty() || collections.iter().any(|own| Some(own.as_str()) == collection)
}
