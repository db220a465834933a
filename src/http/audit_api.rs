//! The audit: who did what, when, and with which key.

use actix_web::http::Method;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::history_api::{Person, before, limit, page_of};
use super::openapi::schemas::{reference, text};
use super::parameters::query;
use super::route::{Access, Answer, Request, Route};
use crate::auth::permissions::{Action, Area};
use crate::content::fault::Faults;
use crate::content::moment::{instant_in_query, utc_text};
use crate::journal::audit::{self, Wanted};
use crate::journal::history::Told;
use crate::problem::Problem;

/// An entry of the journal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// Its number: without gaps, in the order in which things were done.
    #[schema(minimum = 1)]
    pub sequence: i64,
    /// When.
    #[schema(format = "date-time")]
    pub at: String,
    /// Who; null for the command line and the clock.
    #[schema(required = true)]
    pub actor: Option<Person>,
    /// The API key that was used instead of a session.
    #[schema(required = true, format = "uuid")]
    pub via: Option<String>,
    /// What was done.
    #[schema(example = "publish")]
    pub action: String,
    /// To what: a kind of content, `account`, `release`, `preview_link`, `assignment`, `site`.
    #[schema(example = "event")]
    pub kind: String,
    /// To which.
    pub id: String,
    /// The version that it has since; 0 where there are none.
    #[schema(minimum = 0)]
    pub version: i64,
    /// Why, if that was said.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// The places of the content that changed.
    pub changed: Vec<String>,
    /// The request that did it.
    pub request_id: String,
}

/// A page of the audit, the newest entries first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditPage {
    /// The entries.
    pub data: Vec<AuditEntry>,
    /// For `before`, to get those before these; null at the end.
    #[schema(required = true)]
    pub next: Option<i64>,
}

/// The most entries of one export.
const MOST_EXPORTED: i64 = 10_000;
/// One JSON value a line (the media type of JSON Lines).
const JSON_LINES: &str = "application/jsonl";

/// All routes of this room.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Audit";
    let read = Access::May(Area::Audit, Action::Read);
    let word = || text().min_length(Some(1)).max_length(Some(64)).pattern(Some("^[0-9A-Za-z_-]+$"));
    let moment =
        |name: &str, about: &str| query(name, text().max_length(Some(40)), about, json!("2026-11-01T00:00:00Z"));
    let filters = || {
        [
            query("actor", word(), "Done by this account (id).", json!("01890a5d-ac96-774b-bcce-b302099a8057")),
            query("kind", word(), "Done to this: a kind of content, `account`, `release`, …", json!("event")),
            query("item", word(), "Done to this item or account (id).", json!("01890a5d-ac96-774b-bcce-b302099a8057")),
            query("action", word(), "What was done.", json!("publish")),
            moment("from", "At this moment or later."),
            moment("until", "Before this moment."),
            before(),
        ]
    };
    vec![
        Route::new(Method::GET, "/api/v1/audit", "listAudit", list)
            .about(TAG, "Who did what", "The journal of content, accounts, log-ins and keys, the newest first.")
            .access(read)
            .parameters(filters())
            .parameters([limit()])
            .answers(200, "A page.", reference("AuditPage"), &[]),
        Route::new(Method::GET, "/api/v1/audit/export", "exportAudit", export)
            .about(
                TAG,
                "Export the audit",
                "One entry a line (JSON Lines), the newest first, at most 10,000; `before` goes on from the last.",
            )
            .access(read)
            .parameters(filters())
            .answers_as(200, "The entries.", Some((JSON_LINES, super::openapi::schemas::text().into())), &[]),
    ]
}

fn shown(told: Told) -> AuditEntry {
    AuditEntry {
        changed: told.places(),
        sequence: told.sequence,
        at: utc_text(told.at),
        actor: told.actor.map(|id| Person { id, name: told.actor_name }),
        via: told.via,
        action: told.action,
        kind: told.kind,
        id: told.item_id,
        version: told.version,
        reason: told.reason,
        request_id: told.request_id,
    }
}

/// The filters of the query.
fn wanted(request: &Request) -> Result<Wanted, Problem> {
    let (before, limit) = page_of(request)?;
    let mut faults = Faults::new();
    let mut wanted = Wanted { before, limit, ..Wanted::default() };
    for (name, value) in &request.pairs {
        let is_word = (1..=64).contains(&value.len())
            && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if matches!(name.as_str(), "actor" | "kind" | "item" | "action") && !is_word {
            faults.add(format!("?{name}"), "not_a_word", "1 to 64 letters, digits, hyphens and underscores");
        }
        let word = || Some(value.clone());
        let mut moment = || match instant_in_query(value, request.app.site.time_zone) {
            Ok(at) => Some(at.timestamp_micros()),
            Err((code, message)) => {
                faults.add(format!("?{name}"), code, message);
                None
            }
        };
        match name.as_str() {
            "actor" => wanted.actor = word(),
            "kind" => wanted.kind = word(),
            "item" => wanted.item_id = word(),
            "action" => wanted.action = word(),
            "from" => wanted.from = moment(),
            "until" => wanted.until = moment(),
            _ => {}
        }
    }
    if faults.is_empty() { Ok(wanted) } else { Err(Problem::bad_request(faults)) }
}

async fn list(request: Request) -> Result<Answer, Problem> {
    let wanted = wanted(&request)?;
    let limit = wanted.limit;
    let told = request.app.database.read(move |c| Ok::<_, Problem>(audit::entries(c, &wanted)?)).await?;
    let next = told.last().map(|last| last.sequence).filter(|_| told.len() as i64 == limit);
    Ok(Answer::of(200, &AuditPage { data: told.into_iter().map(shown).collect(), next })?.private())
}

async fn export(request: Request) -> Result<Answer, Problem> {
    let wanted = Wanted { limit: MOST_EXPORTED, ..wanted(&request)? };
    let told = request.app.database.read(move |c| Ok::<_, Problem>(audit::entries(c, &wanted)?)).await?;
    let mut lines = Vec::with_capacity(told.len() * 256);
    for entry in told {
        serde_json::to_writer(&mut lines, &shown(entry)).map_err(|error| Problem::internal(&error))?;
        lines.push(b'\n');
    }
    Ok(Answer::json(200, lines).typed(JSON_LINES).private())
}
