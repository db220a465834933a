//! Operations on one's own sessions.

use actix_web::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use super::credentials::confirm;
use super::sessions::{self, Session};
use super::told;
use crate::content::moment::utc_text;
use crate::database::Db;
use crate::http::desk_api::author;
use crate::http::openapi::schemas::reference;
use crate::http::parameters::path_id;
use crate::http::route::{Access, Answer, Request, Route};
use crate::problem::{Kind, Problem};

/// A session: what began with a log-in and goes on by refreshing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LoginSession)]
pub struct SessionBody {
    /// Its id.
    #[schema(format = "uuid")]
    pub id: String,
    /// When it was begun.
    #[schema(format = "date-time")]
    pub begun_at: String,
    /// When its tokens were last refreshed.
    #[schema(format = "date-time")]
    pub refreshed_at: String,
    /// When it ends, unless it is refreshed.
    #[schema(format = "date-time")]
    pub expires_at: String,
    /// The program that began it (`User-Agent`).
    pub agent: String,
}

/// The sessions of an account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionList {
    /// The sessions, the newest first.
    pub data: Vec<SessionBody>,
}

/// All routes of this room.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Authentication";
    vec![
        Route::new(Method::GET, "/api/v1/auth/sessions", "listMySessions", list)
            .about(TAG, "List my sessions", "Where I am logged in.")
            .access(Access::Session)
            .answers(200, "The sessions.", reference("SessionList"), &[]),
        Route::new(Method::DELETE, "/api/v1/auth/sessions/{id}", "endMySession", end)
            .about(
                TAG,
                "End one of my sessions",
                "It cannot be refreshed any more, and its access tokens are no good; on other nodes within a second.",
            )
            .access(Access::Session)
            .parameters([path_id()])
            .answers_as(204, "Ended.", None, &[])
            .problems(&[Kind::NotFound]),
    ]
}

fn shown(session: Session) -> SessionBody {
    SessionBody {
        id: session.id,
        begun_at: utc_text(session.begun_at),
        refreshed_at: utc_text(session.refreshed_at),
        expires_at: utc_text(session.expires_at),
        agent: session.agent,
    }
}

async fn list(request: Request) -> Result<Answer, Problem> {
    let account = request.actor()?.account_id.clone();
    let all = request.app.database.read(move |c| Ok::<_, Problem>(sessions::all(c, &account)?)).await?;
    Ok(Answer::of(200, &SessionList { data: all.into_iter().map(shown).collect() })?.private())
}

async fn end(request: Request) -> Result<Answer, Problem> {
    let (author, id, actor) = (author(&request)?, request.path("id").to_owned(), request.actor()?.clone());
    let write = move |c: &mut Db| {
        confirm(c, &actor, None)?;
        if !sessions::end_one(c, &actor.account_id, &id)? {
            return Err(Problem::not_found("session"));
        }
        Ok(told::append(c, &author, "session_end", &actor.account_id, &serde_json::json!({"session": id}))?)
    };
    request.app.database.write_content(write).await?;
    Ok(Answer::empty(204).private())
}
