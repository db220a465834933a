//! What changed since: for those who keep a copy of what the public sees.

use std::sync::Arc;

use actix_web::http::Method;
use serde_json::json;

use super::openapi::schemas::{reference, text};
use super::parameters::{number, query, whole};
use super::route::{Access, Answer, Request, Route};
use crate::content::fault::Faults;
use crate::database::Db;
use crate::delivery::changes::{self, Change, Changes, Token};
use crate::problem::Problem;

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
                 Ask on at once while `more` is true, and later with the last `next`: it is good for ever. What is told \
                 twice is told alike. Items that are not public any more arrive as deletions.",
            )
            .access(Access::Open)
            .parameters([
                query("since", text().min_length(Some(1)).max_length(Some(300)), "`next` of the last answer.", json!("kXo1b2N1cnNvcg")),
                query("limit", limit, "The most changes that are looked at.", json!(USUAL)),
            ])
            .answers(200, "Changes.", reference("Changes"), &["Cache-Control"]),
    ]
}

async fn list(request: Request) -> Result<Answer, Problem> {
    let limit = number(&request, "limit", MOST)?.unwrap_or(USUAL);
    let key = request.app.site_key.clone();
    let given = request.query("since");
    let token = match given.map(|text| Token::decode(text, &key)) {
        None => None,
        Some(Some(token)) => Some(token),
        Some(None) => {
            let mut faults = Faults::new();
            faults.add("?since", "not_a_token", "this is no token of this server; begin anew without it");
            return Err(Problem::bad_request(faults));
        }
    };
    let site = Arc::clone(&request.app.site);
    let read = move |c: &mut Db| {
        Ok::<_, Problem>(match token {
            Some(Token { sequence, after: None }) => changes::since(c, &site, sequence, limit)?,
            token => changes::copy(c, &site, token, limit)?,
        })
    };
    let found = request.app.database.read(read).await?;
    Ok(Answer::json(200, body(&found, &key)).header("cache-control", "no-cache"))
}

fn body(found: &Changes, key: &[u8]) -> String {
    let entries: Vec<String> = found
        .changes
        .iter()
        .map(|change| match change {
            Change::Here { resource, object } => {
                format!("{{\"collection\":\"{}\",\"operation\":\"upsert\",\"item\":{object}}}", resource.collection)
            }
            Change::Gone { resource, id } => {
                format!("{{\"collection\":\"{}\",\"operation\":\"delete\",\"id\":\"{id}\"}}", resource.collection)
            }
        })
        .collect();
    // Tokens are base64url: nothing in them needs escaping.
    format!("{{\"data\":[{}],\"next\":\"{}\",\"more\":{}}}", entries.join(","), found.token.encode(key), found.more)
}
