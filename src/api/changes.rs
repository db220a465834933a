//! Endpoints of the change feed, from which clients keep a copy of the public content up to date.

use std::sync::Arc;

use serde_json::json;
use utoipa::openapi::path::ParameterIn;

use crate::api::openapi::schemas::{reference, text};
use crate::api::parameters::{integer_between, number, query};
use crate::content::violation::Violations;
use crate::database::Db;
use crate::database::position::Position;
use crate::delivery::change_stream::listen;
use crate::delivery::changes::{self, Token};
use crate::http::request::Request;
use crate::http::response::{Response, StreamBody};
use crate::http::route::{Access, Route, parameter};
use crate::problem::{Problem, ProblemKind};

/// Default number of journal entries, or of items of the first copy, per response.
const DEFAULT_LIMIT: i64 = 200;
/// Maximum number of journal entries, or of items of the first copy, per response.
const MAX_LIMIT: i64 = 1_000;

/// Returns the routes of the change feed.
pub fn routes() -> Vec<Route> {
    let limit = integer_between(1, MAX_LIMIT).default(Some(json!(DEFAULT_LIMIT)));
    vec![
        Route::get("/api/v1/changes", Access::Open, list)
            .operation_id("listChanges")
            .for_delivery()
            .tag("Sync")
            .summary("List changes")
            .description(
                "Returns the public items that changed since the token in `since`, as upserts and deletions, and the \
                 token for the next request in `next`. Without `since`, the first requests return a copy of all public \
                 items, page by page; the changes made meanwhile follow. Clients repeat the request at once while \
                 `more` is true, and later with the last `next`. An item that is no longer public is a deletion. A \
                 change may come more than once. An item also comes when a part of another one that it shows changes, \
                 such as the name of a speaker, unless more than 2,000 items refer to that. Tokens do not expire. Fails \
                 with 400 when the token is not one of this server, and with 410 when the history was reset, as by \
                 restoring a backup: begin again without `since` (RFC 6578, section 3.2).",
            )
            .parameters([
                query(
                    "since",
                    text().min_length(Some(1)).max_length(Some(300)),
                    "Token of the last response, from its `next`.",
                    json!("kXo1b2N1cnNvcg"),
                ),
                query(
                    "limit",
                    limit,
                    "Maximum number of journal entries to read, or of items while the first copy is made.",
                    json!(DEFAULT_LIMIT),
                ),
            ])
            .responds(200, "The changes.", reference("Changes"), &["Cache-Control"])
            .problems(&[ProblemKind::InvalidSyncToken]),
        Route::get("/api/v1/changes/live", Access::Open, stream)
            .operation_id("listenToChanges")
            .for_delivery()
            .tag("Sync")
            .summary("Stream changes")
            .description(
                "Returns changes as server-sent events within a second after they happen. The first event, `ready`, \
                 has the token from which the stream begins: that of `Last-Event-ID` or `since`, or the present one. \
                 Each `changes` event has the data of the list of changes, and its token as its id, so that a browser \
                 that reconnects misses nothing. A `reset` event ends the stream when the history was reset: the \
                 client then begins again without a token. A client that reads too slowly is disconnected. Fails with \
                 400 when the token is not one of this server or its first copy is not complete, with 410 when the \
                 history was reset since the token was issued, and with 503 when the server has its maximum number of \
                 listeners.",
            )
            .parameters([
                query(
                    "since",
                    text().min_length(Some(1)).max_length(Some(300)),
                    "Token of a response, from its `next`, once the first copy is complete.",
                    json!("kXo1b2N1cnNvcg"),
                ),
                parameter(
                    "Last-Event-ID",
                    ParameterIn::Header,
                    text(),
                    "Id of the last event that was received; takes precedence over `since`.",
                    json!("kXo1b2N1cnNvcg"),
                ),
            ])
            .responds_as(
                200,
                "The event stream, until one side closes it.",
                "text/event-stream",
                text(),
                &["Cache-Control"],
            )
            .problems(&[ProblemKind::InvalidSyncToken]),
    ]
}

/// Decodes a token of the change feed; 400 if it was not signed with the key of this site.
fn token(text: &str, location: &str, key: &[u8]) -> Result<Token, Problem> {
    Token::decode(text, key).ok_or_else(|| {
        let message = "this is not a token of this server; begin again without it";
        Problem::bad_request(Violations::one(location, "not_a_token", message))
    })
}

/// Returns the problem of a token whose entry is not in the journal: the history was reset since it was issued.
fn history_reset() -> Problem {
    Problem::new(
        ProblemKind::InvalidSyncToken,
        "the history was reset since this token was issued; begin again without it",
    )
}

async fn list(request: Request) -> Result<Response, Problem> {
    let limit = number(&request, "limit", MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    let key = request.app.site_key.clone();
    let token = request.query("since").map(|text| token(text, "?since", &key)).transpose()?;
    let site = Arc::clone(&request.app.site);
    let read = move |c: &mut Db| {
        Ok::<_, Problem>(match token {
            Some(Token { position, after: None }) => changes::load_changes(c, &site, position, limit)?,
            token => changes::copy(c, &site, token, limit)?,
        })
    };
    let changes = request.app.database.read(read).await?.ok_or_else(history_reset)?;
    Ok(Response::json_text(200, changes.body(&key)).header("cache-control", "no-cache"))
}

async fn stream(request: Request) -> Result<Response, Problem> {
    let key = &request.app.site_key;
    let resumption = match (request.header("last-event-id").filter(|id| !id.is_empty()), request.query("since")) {
        (Some(id), _) => Some((id, "Last-Event-ID")),
        (None, since) => since.map(|since| (since, "?since")),
    };
    let position = match resumption {
        Some((text, location)) => match token(text, location, key)? {
            Token { position, after: None } => position,
            Token { .. } => {
                let message = "the first copy is not complete yet; continue with the list of changes";
                return Err(Problem::bad_request(Violations::one(location, "not_complete", message)));
            }
        },
        // Changes between this read and the beginning of the stream are not lost: every listener first reads
        // the journal from its position, and only then follows the broadcast.
        None => request.app.database.read(|c| Ok::<_, Problem>(Position::find_newest(c)?)).await?,
    };
    if !request.app.database.read(move |c| Ok::<_, Problem>(position.holds(c)?)).await? {
        return Err(history_reset());
    }
    let stream = StreamBody(Box::pin(listen(
        &request.app.change_stream,
        position,
        request.app.config.server.change_stream_listeners,
    )?));
    let response = Response { stream: Some(stream), ..Response::empty(200).with_content_type("text/event-stream") };
    // Tells proxies to forward events as they arrive: a proxy that buffers or compresses the stream would
    // delay them.
    Ok(response.header("cache-control", "no-cache, no-transform").header("x-accel-buffering", "no"))
}
