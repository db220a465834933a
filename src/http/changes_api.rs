//! What changed since: for those who keep a copy of what the public sees.

use std::sync::Arc;

use actix_web::http::Method;
use serde_json::json;
use utoipa::openapi::path::ParameterIn;

use super::openapi::schemas::{reference, text};
use super::parameters::{number, query, whole};
use super::route::{Access, Answer, Request, Route, Streamed, parameter};
use crate::content::fault::Faults;
use crate::database::Db;
use crate::database::position::Position;
use crate::delivery::changes::{self, Token};
use crate::delivery::live::listen;
use crate::problem::{Kind, Problem};

/// Entries of the journal, or items of the first copy, in one answer.
const USUAL: i64 = 200;
const MOST: i64 = 1_000;

/// All routes of this room.
pub fn routes() -> Vec<Route> {
    let limit = whole(1, MOST).default(Some(json!(USUAL)));
    vec![
        Route::new(Method::GET, "/api/v1/changes", "listChanges", list)
            .about(
                "Sync",
                "What changed",
                "Without `since`, a first copy of all that the public sees, page by page; then what changed after it. \
                 Ask on at once while `more` is true, and later with the last `next`: it is good for ever, unless the \
                 history itself goes back, as when a backup is restored. Then the answer is 410: forget the copy and begin \
                 anew without `since` (RFC 6578, section 3.2). What is told twice is told alike. Items that are not public \
                 any more arrive as deletions. When what items show of others changes, such as the name of a speaker, they \
                 are told again; but not where more than 2,000 refer to one item.",
            )
            .access(Access::Open)
            .parameters([
                query("since", text().min_length(Some(1)).max_length(Some(300)), "`next` of the last answer.", json!("kXo1b2N1cnNvcg")),
                query("limit", limit, "The most changes that are looked at.", json!(USUAL)),
            ])
            .answers(200, "Changes.", reference("Changes"), &["Cache-Control"])
            .problems(&[Kind::InvalidSyncToken]),
        Route::new(Method::GET, "/api/v1/changes/live", "listenToChanges", live)
            .about(
                "Sync",
                "Changes as they happen",
                "Server-sent events. `ready` comes first, with the token from which on everything will be told: that of \
                 `since` or `Last-Event-ID`, or of now. Each `changes` has the same data as the list of changes, within a \
                 second after they happened, and its token as its id; so browsers come back without missing anything. \
                 `reset` comes last, when the history went back: forget the copy and begin anew without a token.",
            )
            .access(Access::Open)
            .parameters([
                query("since", text().min_length(Some(1)).max_length(Some(300)), "`next` of an answer, once the first copy is complete.", json!("kXo1b2N1cnNvcg")),
                parameter("Last-Event-ID", ParameterIn::Header, text(), "The id of the last event that was received; it goes before `since`.", json!("kXo1b2N1cnNvcg")),
            ])
            .answers_as(200, "Events, until one side ends it.", Some(("text/event-stream", text().into())), &["Cache-Control"])
            .problems(&[Kind::InvalidSyncToken]),
    ]
}

fn token(given: &str, place: &str, key: &[u8]) -> Result<Token, Problem> {
    Token::decode(given, key).ok_or_else(|| {
        let message = "this is no token of this server; begin anew without it";
        Problem::bad_request(Faults::one(place, "not_a_token", message))
    })
}

/// The journal does not have the entry that a token stands for.
fn begin_anew() -> Problem {
    Problem::new(Kind::InvalidSyncToken, "the history went back since this token was given; begin anew without it")
}

async fn list(request: Request) -> Result<Answer, Problem> {
    let limit = number(&request, "limit", MOST)?.unwrap_or(USUAL);
    let key = request.app.site_key.clone();
    let token = request.query("since").map(|given| token(given, "?since", &key)).transpose()?;
    let site = Arc::clone(&request.app.site);
    let read = move |c: &mut Db| {
        Ok::<_, Problem>(match token {
            Some(Token { position, after: None }) => changes::since(c, &site, position, limit)?,
            token => changes::copy(c, &site, token, limit)?,
        })
    };
    let found = request.app.database.read(read).await?.ok_or_else(begin_anew)?;
    Ok(Answer::json(200, found.body(&key)).header("cache-control", "no-cache"))
}

async fn live(request: Request) -> Result<Answer, Problem> {
    let key = &request.app.site_key;
    let given = match (request.header("last-event-id").filter(|id| !id.is_empty()), request.query("since")) {
        (Some(id), _) => Some((id, "Last-Event-ID")),
        (None, since) => since.map(|since| (since, "?since")),
    };
    let position = match given {
        Some((given, place)) => match token(given, place, key)? {
            Token { position, after: None } => position,
            Token { .. } => {
                let message = "the first copy is not complete yet: go on with the list of changes";
                return Err(Problem::bad_request(Faults::one(place, "not_complete", message)));
            }
        },
        None => request.app.database.read(|c| Ok::<_, Problem>(Position::newest(c)?)).await?,
    };
    if !request.app.database.read(move |c| Ok::<_, Problem>(position.holds(c)?)).await? {
        return Err(begin_anew());
    }
    let stream = Streamed(Box::pin(listen(&request.app, position)?));
    let answer = Answer { stream: Some(stream), ..Answer::empty(200).typed("text/event-stream") };
    // Proxies must hand on what comes as it comes.
    Ok(answer.header("cache-control", "no-cache, no-transform").header("x-accel-buffering", "no"))
}
