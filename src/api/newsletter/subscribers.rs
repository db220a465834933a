//! Endpoints of subscribers for administrators: list, export, import, erasure.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::TAG;
use crate::api::content::lifecycle::author;
use crate::api::openapi::schemas::{one_of, reference, text};
use crate::api::parameters::{id_of_row, number, page_limit, path_id, query};
use crate::api::query_values::{row_id, short_text, word};
use crate::auth::permissions::{Action, Area};
use crate::content::local_time::utc_text;
use crate::content::violation::Violations;
use crate::database::Db;
use crate::http::body::require_media_type;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, Route};
use crate::journal::{self, NewEntry};
use crate::mail::outbox::normal_address;
use crate::newsletter::subscribers::{self, Subscriber, SubscriberFilter, SubscriberStatus};
use crate::newsletter::table;
use crate::problem::{Problem, ProblemKind};

const ACCESS: Access = Access::May(Area::Newsletter, Action::Manage);
/// Greatest number of subscribers in a page.
const MOST_LISTED: i64 = 100;
/// Number of subscribers that an export reads at a time.
const EXPORT_PART: i64 = 1_000;
/// Path of the export.
const EXPORT: &str = "/api/v1/newsletter/subscribers/export";
/// Media type of tables.
const CSV: &str = "text/csv";

/// A subscriber with the proof of consent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Subscriber)]
pub struct SubscriberBody {
    /// Id of the subscriber.
    #[schema(format = "uuid")]
    pub id: String,
    /// Address.
    #[schema(format = "email")]
    pub email: String,
    /// Name; empty if none was given.
    pub name: String,
    /// Language of the newsletter.
    #[schema(example = "nl")]
    pub locale: String,
    /// `confirmed`, `unsubscribed` or `bounced`.
    #[schema(example = "confirmed")]
    pub status: String,
    /// Ids of the topics that interest the subscriber; an empty list stands for all topics.
    pub topics: Vec<String>,
    /// Version of the text that was consented to; -1 for a text of another system.
    #[schema(minimum = -1)]
    pub consent_version: i64,
    /// The text that was consented to.
    pub consent_text: String,
    /// Language of the text.
    pub consent_locale: String,
    /// Time of the consent.
    #[schema(format = "date-time")]
    pub consented_at: String,
    /// Time of the confirmation.
    #[schema(format = "date-time")]
    pub confirmed_at: String,
    /// `sign_up`, or what an import named as proof.
    pub proof: String,
    /// Time since which nothing is mailed; null while issues are.
    #[schema(required = true, format = "date-time")]
    pub ended_at: Option<String>,
}

/// A page of subscribers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriberPage {
    /// Subscribers, in the order of their ids.
    pub data: Vec<SubscriberBody>,
    /// Value of `after` for the next page; null on the last page.
    #[schema(required = true, format = "uuid")]
    pub next: Option<String>,
}

/// Outcome of an import of subscribers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriberImportReport {
    /// Number of rows that became subscribers.
    #[schema(minimum = 0)]
    pub created: i64,
    /// Number of rows whose address is subscribed already; they changed nothing.
    #[schema(minimum = 0)]
    pub unchanged: i64,
    /// Number of rows whose address unsubscribed, bounced or was erased; they changed nothing.
    #[schema(minimum = 0)]
    pub suppressed: i64,
    /// Rows that were refused.
    pub refused: Vec<RefusedRow>,
}

/// A row of a table that was refused.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefusedRow {
    /// Number of the row, as spreadsheets show it; the header is the first, and blank lines are rows.
    #[schema(minimum = 1)]
    pub row: u64,
    /// Why it was refused.
    pub message: String,
}

/// Returns the routes of subscribers.
pub fn routes() -> Vec<Route> {
    const PATH: &str = "/api/v1/newsletter/subscribers";
    vec![
        Route::get(PATH, ACCESS, get_page)
            .operation_id("listSubscribers")
            .tag(TAG)
            .summary("List subscribers")
            .description("Returns one page of subscribers with what they consented to. Fails with 400 when a filter is invalid.")
            .parameters([
                query("status", one_of("SubscriberStatus", &SubscriberStatus::NAMES), "Only subscribers in this state.", json!("confirmed")),
                query("email", text().min_length(Some(1)).max_length(Some(254)), "Only the subscriber with this address.", json!("anna@example.org")),
                id_of_row("after", "Only subscribers after this one: `next` of the previous page."),
                page_limit(MOST_LISTED, 20),
            ])
            .responds(200, "One page of subscribers.", reference("SubscriberPage"), &[]),
        Route::get(EXPORT, ACCESS, export)
            .operation_id("exportSubscribers")
            .tag(TAG)
            .summary("Export subscribers")
            .description(
                "Returns up to 1,000 subscribers with their consent as a CSV table. `Link` has the address of the next part. Fails \
                 with 400 when `after` is not an id.",
            )
            .parameters([id_of_row("after", "Only subscribers after this one, as `Link` of the previous part has it.")])
            .responds_as(200, "The table.", CSV, text(), &["Link"]),
        Route::post(format!("{PATH}/import"), ACCESS, import)
            .operation_id("importSubscribers")
            .tag(TAG)
            .summary("Import subscribers")
            .description(
                "Imports the subscribers of a CSV table, each with a proof of consent: the columns `email`, `consent_text`, \
                 `consented_at` and `proof` (where and how it was given), and optionally `name`, `locale`, `topics` (ids or slugs, \
                 separated by spaces, commas or semicolons) and the other columns of the export. Rows with an unknown topic \
                 or language are refused. Addresses that are subscribed, or that left, are left alone. Fails with 422 when \
                 a column is missing, unknown or repeated.",
            )
            .request_body(CSV, text(), json!("email,consent_text,consented_at,proof\r\n"))
            .responds(200, "What became of the rows.", reference("SubscriberImportReport"), &[]),
        Route::get(format!("{PATH}/{{id}}"), ACCESS, get)
            .operation_id("getSubscriber")
            .tag(TAG)
            .summary("Get a subscriber")
            .description("Returns a subscriber with what was consented to. Fails with 404 when there is no such subscriber.")
            .parameters([path_id()])
            .responds(200, "The subscriber.", reference("Subscriber"), &[])
            .problems(&[ProblemKind::NotFound]),
        Route::delete(format!("{PATH}/{{id}}"), ACCESS, erase)
            .operation_id("eraseSubscriber")
            .tag(TAG)
            .summary("Erase a subscriber")
            .description(
                "Erases what is known of a subscriber, also in the log of mails. A keyed digest of the address stays, so that no \
                 import subscribes it again. Fails with 404 when there is no such subscriber.",
            )
            .parameters([path_id()])
            .responds_empty(204, "The subscriber is erased.", &[])
            .problems(&[ProblemKind::NotFound]),
    ]
}

fn load_bodies(connection: &mut Db, rows: Vec<Subscriber>) -> Result<Vec<SubscriberBody>, Problem> {
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let topics = subscribers::topics_of(connection, &ids)?;
    let body = |row: Subscriber| SubscriberBody {
        topics: topics.iter().filter(|(id, _)| *id == row.id).map(|(_, topic)| topic.clone()).collect(),
        consented_at: utc_text(row.consented_at),
        confirmed_at: utc_text(row.confirmed_at),
        ended_at: (row.ended_at > 0).then(|| utc_text(row.ended_at)),
        id: row.id,
        email: row.email,
        name: row.name,
        locale: row.locale,
        status: row.status,
        consent_version: row.consent_version,
        consent_text: row.consent_text,
        consent_locale: row.consent_locale,
        proof: row.proof,
    };
    Ok(rows.into_iter().map(body).collect())
}

async fn get_page(request: Request) -> Result<Response, Problem> {
    let limit = number(&request, "limit", MOST_LISTED)?.unwrap_or(20);
    let filter = SubscriberFilter {
        status: word(&request, "status", &SubscriberStatus::NAMES)?.map(str::to_owned),
        email: short_text(&request, "email", 254)?.map(|given| normal_address(&given).unwrap_or(given)),
        after: row_id(&request, "after")?,
    };
    let read = move |c: &mut Db| {
        let mut rows = subscribers::list(c, &filter, limit + 1)?;
        let has_more = rows.len() as i64 > limit;
        rows.truncate(usize::try_from(limit).unwrap_or_default());
        let next = rows.last().filter(|_| has_more).map(|row| row.id.clone());
        Ok::<_, Problem>(SubscriberPage { data: load_bodies(c, rows)?, next })
    };
    let page = request.app.database.read(read).await?;
    Ok(Response::json(200, &page)?.no_store())
}

async fn get(request: Request) -> Result<Response, Problem> {
    let id = request.path("id").to_owned();
    let read = move |c: &mut Db| {
        let rows = subscribers::by_id(c, &id)?.into_iter().collect();
        Ok::<_, Problem>(load_bodies(c, rows)?.pop())
    };
    let found = request.app.database.read(read).await?.ok_or_else(|| Problem::not_found("subscriber"))?;
    Ok(Response::json(200, &found)?.no_store())
}

async fn export(request: Request) -> Result<Response, Problem> {
    let after = row_id(&request, "after")?;
    let read = move |c: &mut Db| {
        let (bytes, last) = table::part(c, after, EXPORT_PART)?;
        let rest = SubscriberFilter { after: last.clone(), ..SubscriberFilter::default() };
        let has_more = last.is_some() && !subscribers::list(c, &rest, 1)?.is_empty();
        Ok::<_, Problem>((bytes, last.filter(|_| has_more)))
    };
    let (bytes, next) = request.app.database.read(read).await?;
    let response = Response { body: bytes.into(), ..Response::empty(200) }.with_content_type(CSV).no_store();
    let response = response.header("content-disposition", "attachment; filename=\"subscribers.csv\"");
    Ok(match next {
        Some(next) => response.header("link", format!("<{EXPORT}?after={next}>; rel=\"next\"")),
        None => response,
    })
}

async fn import(request: Request) -> Result<Response, Problem> {
    require_media_type(&request, &[CSV])?;
    let (app, body, author) = (Arc::clone(&request.app), request.body.clone(), author(&request)?);
    let read = table::read(&app.site, &body);
    let rows = read.map_err(|why| Problem::invalid(Violations::one("", "not_valid", why)))?;
    let write = move |c: &mut Db| {
        let outcome = table::import(c, app.subscriber_context(), rows)?;
        let numbers =
            json!({"created": outcome.created, "unchanged": outcome.unchanged, "suppressed": outcome.suppressed});
        let snapshot = numbers.to_string();
        let entry =
            NewEntry { action: "import", kind: "newsletter", id: "subscribers", version: 0, snapshot, changed: &[] };
        journal::append(c, &author, entry)?;
        Ok::<_, Problem>(outcome)
    };
    let outcome = request.app.database.write_content(write).await?;
    let refused = outcome.refused.into_iter().map(|(row, message)| RefusedRow { row, message }).collect();
    let report = SubscriberImportReport {
        created: outcome.created,
        unchanged: outcome.unchanged,
        suppressed: outcome.suppressed,
        refused,
    };
    Ok(Response::json(200, &report)?.no_store())
}

async fn erase(request: Request) -> Result<Response, Problem> {
    let (id, app, author) = (request.path("id").to_owned(), Arc::clone(&request.app), author(&request)?);
    let erase = move |c: &mut Db| {
        let row = subscribers::by_id(c, &id)?.ok_or_else(|| Problem::not_found("subscriber"))?;
        subscribers::erase(c, app.subscriber_context(), &row)?;
        // The entry names the id alone: it is kept for longer than the person.
        let snapshot = "{}".to_owned();
        journal::append(
            c,
            &author,
            NewEntry { action: "erase", kind: "newsletter", id: &id, version: 0, snapshot, changed: &[] },
        )?;
        Ok::<_, Problem>(())
    };
    request.app.database.write_content(erase).await?;
    Ok(Response::empty(204).no_store())
}
