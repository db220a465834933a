//! Endpoints of a provider that sends the newsletter: its reports of subscribers, and the events of which it is told.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::TAG;
use crate::api::mail::status_code;
use crate::api::openapi::schemas::{example_of, one_of, reference, text};
use crate::api::parameters::{id_of_row, number, page_limit, query};
use crate::api::query_values::{row_id, word};
use crate::api::request_bodies::Form;
use crate::auth::permissions::{Action, Area};
use crate::content::field::{Enumeration, Field, FieldType};
use crate::content::local_time::utc_text;
use crate::content::violation::Violations;
use crate::database::{Db, now};
use crate::http::body;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, Route, parameter};
use crate::mail::outbox::normal_address;
use crate::microseconds::SECOND;
use crate::newsletter::events::{self, EventKind, EventStatus, SubscriberEvent};
use crate::newsletter::reports::{self, REPORT_KINDS, SubscriberReport};
use crate::problem::{Problem, ProblemKind};
use crate::webhook_signature::{ID, SIGNATURE, TIMESTAMP, WebhookHeaders, WebhookSecret};

/// Greatest number of events in a page.
const MOST_LISTED: i64 = 100;
/// Greatest length of the id of a report.
const MOST_CHARACTERS: usize = 200;

/// Fields of the body of a provider's report.
pub static REPORT: [Field; 5] = [
    Field::new("email", FieldType::Email, "Address of the subscriber.", r#""anna@example.org""#).required(),
    Field::new(
        "kind",
        FieldType::OneOf(&Enumeration { schema: "SubscriberReportKind", words: &REPORT_KINDS }),
        "Whether the person unsubscribed or complained, or a mail came back for good, or for now.",
        r#""unsubscribed""#,
    )
    .required(),
    Field::new(
        "occurred_at",
        FieldType::Instant,
        "Time at which it happened; by default now. A report from before the last confirmation has no effect.",
        r#""2027-03-01T09:00:00Z""#,
    ),
    Field::new(
        "status",
        FieldType::Line { max: 20 },
        "Enhanced status code (RFC 3463) of a mail that came back.",
        r#""5.1.1""#,
    ),
    Field::new("diagnostic", FieldType::Line { max: 500 }, "Explanation of the other server.", r#""no such user""#),
];

/// An event of a subscriber of which the provider is told. It does not say who the subscriber is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubscriberEvent)]
pub struct EventBody {
    /// Id of the event, which is `webhook-id` of each attempt.
    #[schema(format = "uuid")]
    pub id: String,
    /// Type of the event.
    #[serde(rename = "type")]
    #[schema(example = "subscriber.confirmed")]
    pub kind: String,
    /// Id of the subscriber.
    #[schema(format = "uuid")]
    pub subscriber: String,
    /// `queued`, `sent`, `failed` or `dropped` (a later event says more).
    #[schema(example = "sent")]
    pub status: String,
    /// Number of attempts.
    #[schema(minimum = 0)]
    pub attempts: i64,
    /// Status of the last response, or why there was none; empty before the first attempt.
    #[schema(example = "204 No Content")]
    pub detail: String,
    /// Time at which it happened.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// Time of the next attempt; null at the end.
    #[schema(required = true, format = "date-time")]
    pub due_at: Option<String>,
    /// Time of the end; null before.
    #[schema(required = true, format = "date-time")]
    pub ended_at: Option<String>,
}

/// A page of events, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriberEventPage {
    /// Events of the page.
    pub data: Vec<EventBody>,
    /// Value of `before` for the next page, with older events; null on the last page.
    #[schema(required = true, format = "uuid")]
    pub next: Option<String>,
}

/// Returns the routes of the provider.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/newsletter/events", Access::May(Area::Newsletter, Action::Manage), list)
            .operation_id("listSubscriberEvents")
            .tag(TAG)
            .summary("List events of subscribers")
            .description(
                "Returns one page of the events of which the provider's webhook is told (`newsletter.webhook_url`), newest \
                 first. Fails with 400 when a filter is invalid.",
            )
            .parameters([
                query("status", one_of("SubscriberEventStatus", &EventStatus::NAMES), "Only events in this state.", json!("failed")),
                id_of_row("before", "Only older events than this one: `next` of the previous page."),
                page_limit(MOST_LISTED, 20),
            ])
            .responds(200, "One page of events.", reference("SubscriberEventPage"), &[]),
        Route::post("/api/v1/newsletter/reports", Access::Open, report)
            .operation_id("reportSubscriber")
            .tag(TAG)
            .summary("Report an unsubscription, a complaint or a bounce")
            .description(
                "Notes that a subscriber unsubscribed or complained at the provider that sends the newsletter, or cannot be \
                 reached. The request is signed by Standard Webhooks with the setting `newsletter.report_secret`. A report that \
                 was taken before, or about an address without a subscriber, is accepted and has no effect. Fails with 401 when \
                 the signature is wrong or older than five minutes, or no secret is configured, and with 400 when `webhook-id` is \
                 missing or too long.",
            )
            .parameters([
                header_parameter((ID, MOST_CHARACTERS), "Id of the report, the same at each attempt.", json!("msg_2f9a")),
                header_parameter((TIMESTAMP, 20), "Time of the attempt, in seconds since 1970.", json!("1835542800")),
                header_parameter((SIGNATURE, 1_000), "Signatures of id, time and body, separated by spaces.", json!("v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=")),
            ])
            .request_body(JSON, reference("SubscriberReportInput"), example_of(&REPORT))
            .responds_empty(204, "The report is taken.", &[])
            .problems(&[ProblemKind::Unauthorized]),
    ]
}

fn header_parameter((name, most): (&'static str, usize), about: &str, example: Value) -> Parameter {
    let schema = text().min_length(Some(1)).max_length(Some(most));
    let mut parameter = parameter(name, ParameterIn::Header, schema, about, example);
    parameter.required = Required::True;
    parameter
}

fn to_api(event: SubscriberEvent) -> EventBody {
    let kind = EventKind::TYPES.into_iter().find(|name| name.ends_with(&format!(".{}", event.kind)));
    EventBody {
        kind: kind.unwrap_or_default().to_owned(),
        created_at: utc_text(event.created_at),
        due_at: (event.ended_at == 0).then(|| utc_text(event.due_at)),
        ended_at: (event.ended_at > 0).then(|| utc_text(event.ended_at)),
        id: event.id,
        subscriber: event.subscriber_id,
        status: event.status,
        attempts: event.attempts,
        detail: event.detail,
    }
}

async fn list(request: Request) -> Result<Response, Problem> {
    let limit = number(&request, "limit", MOST_LISTED)?.unwrap_or(20);
    let status = word(&request, "status", &EventStatus::NAMES)?;
    let before = row_id(&request, "before")?;
    let read = move |c: &mut Db| Ok::<_, Problem>(events::list(c, status, before.as_deref(), limit + 1)?);
    let mut rows = request.app.database.read(read).await?;
    let has_more = rows.len() as i64 > limit;
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    let next = rows.last().filter(|_| has_more).map(|row| row.id.clone());
    let page = SubscriberEventPage { data: rows.into_iter().map(to_api).collect(), next };
    Ok(Response::json(200, &page)?.no_store())
}

/// Returns the id of a report that the provider signed.
fn verified_id(request: &Request) -> Result<String, Problem> {
    let secret = WebhookSecret::parse(&request.app.config.newsletter.report_secret);
    let header = |name: &str| request.header(name).unwrap_or_default();
    let headers = WebhookHeaders { id: header(ID), timestamp: header(TIMESTAMP), signature: header(SIGNATURE) };
    let is_signed = secret.is_some_and(|secret| secret.verifies(headers, &request.body, now() / SECOND));
    if !is_signed {
        let detail = "the report is not signed with the secret of the settings within the last five minutes";
        return Err(Problem::new(ProblemKind::Unauthorized, detail));
    }
    let refused = |code: &str, message: String| Err(Problem::bad_request(Violations::one(ID, code, message)));
    match headers.id.len() {
        0 => refused("required", "a report needs an id, by which it is taken once".to_owned()),
        1..=MOST_CHARACTERS => Ok(headers.id.to_owned()),
        _ => refused("too_long", format!("must have at most {MOST_CHARACTERS} characters")),
    }
}

async fn report(request: Request) -> Result<Response, Problem> {
    let id = verified_id(&request)?;
    let form = Form::read(&REPORT, &body::json(&request)?, &request.app.site)?;
    let occurred_at = form.time("occurred_at").unwrap_or_else(now);
    let notice = SubscriberReport::notice(&form.text("kind"), status_code(&form)?, form.text("diagnostic"));
    let email = normal_address(&form.text("email")).unwrap_or_default();
    let report = SubscriberReport { id, email, notice, occurred_at };
    let app = Arc::clone(&request.app);
    let take = move |c: &mut Db| Ok::<_, Problem>(reports::take(c, app.subscriber_context(), &report)?);
    request.app.database.write(take).await?;
    Ok(Response::empty(204).no_store())
}
