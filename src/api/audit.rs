//! Endpoints of the audit log: the actions of all accounts, with their time and the API key that was used.

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::api::content::history::{Person, before_parameter, limit, page_parameters};
use crate::api::openapi::schemas::{reference, text};
use crate::api::parameters::query;
use crate::auth::permissions::{Action, Area};
use crate::content::local_time::{instant_in_query, utc_text};
use crate::content::violation::Violations;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, Route};
use crate::journal::audit::{self, AuditFilter};
use crate::journal::history::JournalEntry;
use crate::problem::Problem;

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditEntry {
    /// Sequence number of the entry; numbers have no gaps and follow the order of the actions.
    #[schema(minimum = 1)]
    pub sequence: i64,
    /// Time of the action, RFC 3339, UTC.
    #[schema(format = "date-time")]
    pub at: String,
    /// Account that acted; null for the command line and the scheduler.
    #[schema(required = true)]
    pub actor: Option<Person>,
    /// Id of the API key that was used; null for a session.
    #[schema(required = true, format = "uuid")]
    pub via: Option<String>,
    /// Action, such as `create`, `publish` or `login`.
    #[schema(example = "publish")]
    pub action: String,
    /// Type of the object: a content type, `account`, `batch`, `release`, `import`, `preview_link`,
    /// `assignment`, `newsletter`, `newsletter_issue`, `contact_form`, `contact_message` or `site`.
    #[schema(example = "event")]
    pub kind: String,
    /// Id of the object.
    pub id: String,
    /// Version that the action gave the object; 0 for objects without versions.
    #[schema(minimum = 0)]
    pub version: i64,
    /// Reason that was given for the action; null if none was given.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// JSON Pointers (RFC 6901) to the parts of the content that changed.
    pub changed: Vec<String>,
    /// Id of the request that acted.
    pub request_id: String,
    /// Id of the batch of which the action was a part; null for a single one.
    #[schema(required = true, format = "uuid")]
    pub batch: Option<String>,
}

/// A page of the audit log, newest entries first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditPage {
    /// Entries of the page.
    pub data: Vec<AuditEntry>,
    /// Value of `before` for the next page, with older entries; null on the last page.
    #[schema(required = true)]
    pub next: Option<i64>,
}

/// Maximum number of entries of an export.
const MAX_EXPORTED_ENTRIES: i64 = 10_000;
/// Media type of JSON Lines: one JSON value per line.
const JSON_LINES: &str = "application/jsonl";

/// Returns the routes of the audit log.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Audit";
    let read = Access::May(Area::Audit, Action::Read);
    let word = || text().min_length(Some(1)).max_length(Some(64)).pattern(Some("^[0-9A-Za-z_-]+$"));
    let moment =
        |name: &str, about: &str| query(name, text().max_length(Some(40)), about, json!("2026-11-01T00:00:00Z"));
    let filters = || {
        [
            query("actor", word(), "Only actions of this account (id).", json!("01890a5d-ac96-774b-bcce-b302099a8057")),
            query(
                "kind",
                word(),
                "Only actions on this type of object: a content type, `account`, `release`, …",
                json!("event"),
            ),
            query(
                "item",
                word(),
                "Only actions on the object with this id.",
                json!("01890a5d-ac96-774b-bcce-b302099a8057"),
            ),
            query("action", word(), "Only this action.", json!("publish")),
            query(
                "batch",
                word(),
                "Only actions of the batch with this id.",
                json!("01890a5d-ac96-774b-bcce-b302099a8057"),
            ),
            moment(
                "since",
                "Only actions at this moment or later: local time of the site, or RFC 3339 with a UTC offset.",
            ),
            moment("until", "Only actions before this moment: local time of the site, or RFC 3339 with a UTC offset."),
            before_parameter(),
        ]
    };
    vec![
        Route::get("/api/v1/audit", read, list)
            .operation_id("listAudit")
            .tag(TAG)
            .summary("List audit entries")
            .description(
                "Returns one page of the audit log, newest first: the actions on content, accounts, sessions, API \
                 keys, releases and preview links that match all filters. Fails with 400 when a filter is invalid.",
            )
            .parameters(filters())
            .parameters([limit()])
            .responds(200, "One page of the audit log.", reference("AuditPage"), &[]),
        Route::get("/api/v1/audit/export", read, export)
            .operation_id("exportAudit")
            .tag(TAG)
            .summary("Export audit entries")
            .description(
                "Returns the entries that match all filters as JSON Lines, one entry per line, newest first; at most \
                 10,000. A further export with the sequence number of the last entry as `before` continues it. Fails \
                 with 400 when a filter is invalid.",
            )
            .parameters(filters())
            .responds_as(200, "The entries as JSON Lines.", JSON_LINES, text(), &[]),
    ]
}

fn to_api(entry: JournalEntry) -> AuditEntry {
    AuditEntry {
        changed: entry.places(),
        sequence: entry.sequence,
        at: utc_text(entry.at),
        actor: entry.actor.map(|id| Person { id, name: entry.actor_name }),
        via: entry.via,
        action: entry.action,
        kind: entry.kind,
        id: entry.item_id,
        version: entry.version,
        reason: entry.reason,
        request_id: entry.request_id,
        batch: entry.batch,
    }
}

/// Reads the filters from the query parameters.
fn parse_filter(request: &Request) -> Result<AuditFilter, Problem> {
    let (before, limit) = page_parameters(request)?;
    let mut violations = Violations::new();
    let mut filter = AuditFilter { before, limit, ..AuditFilter::default() };
    for (name, value) in &request.query_pairs {
        let is_word = (1..=64).contains(&value.len())
            && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if matches!(name.as_str(), "actor" | "kind" | "item" | "action" | "batch") && !is_word {
            violations.add(format!("?{name}"), "not_a_word", "1 to 64 letters, digits, hyphens and underscores");
        }
        let word = || Some(value.clone());
        let mut moment = || match instant_in_query(value, request.app.site.time_zone) {
            Ok(at) => Some(at.timestamp_micros()),
            Err((code, message)) => {
                violations.add(format!("?{name}"), code, message);
                None
            }
        };
        match name.as_str() {
            "actor" => filter.actor = word(),
            "kind" => filter.kind = word(),
            "item" => filter.item_id = word(),
            "action" => filter.action = word(),
            "since" => filter.from = moment(),
            "batch" => filter.batch = word(),
            "until" => filter.until = moment(),
            _ => {}
        }
    }
    if violations.is_empty() { Ok(filter) } else { Err(Problem::bad_request(violations)) }
}

async fn list(request: Request) -> Result<Response, Problem> {
    let filter = parse_filter(&request)?;
    let limit = filter.limit;
    let entries = request.app.database.read(move |c| Ok::<_, Problem>(audit::entries(c, &filter)?)).await?;
    let next = entries.last().map(|last| last.sequence).filter(|_| entries.len() as i64 == limit);
    Ok(Response::json(200, &AuditPage { data: entries.into_iter().map(to_api).collect(), next })?.no_store())
}

async fn export(request: Request) -> Result<Response, Problem> {
    let filter = AuditFilter { limit: MAX_EXPORTED_ENTRIES, ..parse_filter(&request)? };
    let entries = request.app.database.read(move |c| Ok::<_, Problem>(audit::entries(c, &filter)?)).await?;
    let mut lines = Vec::with_capacity(entries.len() * 256);
    for entry in entries {
        serde_json::to_writer(&mut lines, &to_api(entry)).map_err(|error| Problem::internal(&error))?;
        lines.push(b'\n');
    }
    Ok(Response::json_text(200, lines).with_content_type(JSON_LINES).no_store())
}
