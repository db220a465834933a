//! Endpoints with which an account lists and ends its own sessions.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::content::lifecycle::author;
use crate::api::openapi::schemas::reference;
use crate::api::parameters::path_id;
use crate::auth::audit_log;
use crate::auth::credentials::reauthorize;
use crate::auth::sessions::{self, Session};
use crate::content::local_time::utc_text;
use crate::database::Db;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, Route};
use crate::problem::{Problem, ProblemKind};

/// A session, which begins with a log-in and continues by refreshing its tokens.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LoginSession)]
pub struct SessionBody {
    /// Id of the session.
    #[schema(format = "uuid")]
    pub id: String,
    /// Time of the log-in, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub begun_at: String,
    /// Time at which the tokens were last refreshed, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub refreshed_at: String,
    /// Time of expiry unless the tokens are refreshed, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub expires_at: String,
    /// `User-Agent` of the program that logged in.
    pub agent: String,
}

/// A list of the sessions of an account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionList {
    /// Sessions, newest first.
    pub data: Vec<SessionBody>,
}

/// Returns the routes of sessions.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Authentication";
    vec![
        Route::get("/api/v1/auth/sessions", Access::Session, list)
            .operation_id("listMySessions")
            .tag(TAG)
            .summary("List my sessions")
            .description("Returns the active sessions of the calling account, newest first.")
            .responds(200, "The sessions.", reference("SessionList"), &[]),
        Route::delete("/api/v1/auth/sessions/{id}", Access::Session, end)
            .operation_id("endMySession")
            .tag(TAG)
            .summary("End one of my sessions")
            .description(
                "Ends a session of the calling account. Its refresh token and access tokens are invalid at once, on \
                 other nodes within a second. Fails with 404 when the account has no such session.",
            )
            .parameters([path_id()])
            .responds_empty(204, "The session has ended.", &[])
            .problems(&[ProblemKind::NotFound]),
    ]
}

fn to_api(session: Session) -> SessionBody {
    SessionBody {
        id: session.id,
        begun_at: utc_text(session.begun_at),
        refreshed_at: utc_text(session.refreshed_at),
        expires_at: utc_text(session.expires_at),
        agent: session.agent,
    }
}

async fn list(request: Request) -> Result<Response, Problem> {
    let account = request.actor()?.account_id.clone();
    let all = request.app.database.read(move |c| Ok::<_, Problem>(sessions::all(c, &account)?)).await?;
    Ok(Response::json(200, &SessionList { data: all.into_iter().map(to_api).collect() })?.no_store())
}

async fn end(request: Request) -> Result<Response, Problem> {
    let (author, id, actor) = (author(&request)?, request.path("id").to_owned(), request.actor()?.clone());
    let write = move |c: &mut Db| {
        reauthorize(c, &actor, None)?;
        if !sessions::revoke(c, &actor.account_id, &id)? {
            return Err(Problem::not_found("session"));
        }
        Ok(audit_log::append(c, &author, "session_end", &actor.account_id, &serde_json::json!({"session": id}))?)
    };
    request.app.database.write_content(write).await?;
    Ok(Response::empty(204).no_store())
}
