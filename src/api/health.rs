//! Endpoints for operators: health, readiness, metrics, and the API documentation.

use std::time::Duration;

use diesel::prelude::*;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use crate::api::docs;
use crate::api::openapi::DocumentView;
use crate::api::openapi::schemas::{json_document, one_of, reference};
use crate::api::parameters::{IF_NONE_MATCH, query};
use crate::content::violation::Violations;
use crate::database::schema::settings;
use crate::http::metrics;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, Route};
use crate::jobs::JobFailure;
use crate::problem::{Problem, ProblemKind};
use crate::time_zone::rules;

/// The health of the process.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    pub status: &'static str,
    /// Version of the program.
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    /// Time zone rules in use.
    pub time_zone_rules: ZoneRulesInUse,
}

/// A release of the time zone database.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneRulesInUse {
    /// Name of the release.
    #[schema(example = "2026f")]
    pub release: String,
    /// Source of the release: `system` (files of the machine) or `built-in`.
    #[schema(example = "system")]
    pub source: &'static str,
}

fn health() -> Health {
    let rules = rules::current_rules();
    let time_zone_rules = ZoneRulesInUse { release: rules.release.clone(), source: rules.source() };
    Health { status: "ok", version: env!("CARGO_PKG_VERSION"), time_zone_rules }
}

/// The readiness of the server, with the failures of its background jobs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Readiness {
    /// `ok`, or `degraded` if there are failures that do not prevent the server from serving requests.
    #[schema(pattern = "^(ok|degraded)$", example = "ok")]
    pub status: &'static str,
    /// Version of the program.
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    /// Present failures of background jobs; empty if there are none.
    pub failures: Vec<JobFailure>,
}

/// Maximum response time of the database in the readiness check.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(5);
/// The values of `scope`: all requests, or reads only.
const SCOPES: [&str; 2] = ["all", "reads"];
/// The background jobs whose failure makes all writes fail.
const WRITE_JOBS: [&str; 2] = ["writer", "storage"];

fn text() -> RefOr<Schema> {
    RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::String).build()))
}

/// Tag of the routes of the server itself.
const TAG: &str = "Operations";

/// Returns the routes for operators.
pub fn routes() -> Vec<Route> {
    let mut routes = state_routes();
    routes.extend(documentation_routes());
    routes
}

/// Returns the routes with the state of the server.
fn state_routes() -> Vec<Route> {
    vec![
        Route::get("/healthz", Access::Open, |_| async { Response::json(200, &health()).map(Response::no_store) })
            .operation_id("getHealth")
            .tag(TAG)
            .summary("Check the health of the process")
            .description("Returns 200 as long as the process can answer requests. The database is not queried.")
            .responds(200, "The process is alive.", reference("Health"), &[]),
        Route::get("/readyz", Access::Open, readiness)
            .operation_id("getReadiness")
            .tag(TAG)
            .summary("Check whether the server is ready")
            .description(
                "Returns 200 when the server can serve requests, with the failures of background jobs that do not \
                 prevent it. Fails with 503 when the database does not answer within 5 s, or when nothing can be \
                 written: the writer or its storage fails, or writes have been waiting for more than 3 s. With \
                 `scope=reads`, writes are not considered, so that a load balancer keeps a node for reads while it \
                 cannot write.",
            )
            .parameters([query(
                "scope",
                one_of("ReadinessScope", &SCOPES),
                "Requests that the server must be ready for: `all` (default) or `reads`.",
                json!("reads"),
            )])
            .responds(200, "The server is ready.", reference("Readiness"), &[]),
        Route::get("/metrics", Access::Open, |request: Request| async move {
            metrics::exposition(request.app.database.jobs())
        })
        .operation_id("getMetrics")
        .tag(TAG)
        .summary("Get metrics")
        .description("Returns the metrics of this node in the text format of Prometheus.")
        .responds_as(200, "The metrics.", metrics::TEXT, text(), &[]),
    ]
}

/// Returns the route of a view of the OpenAPI document, without its description.
fn document_route(path: &str, view: DocumentView) -> Route {
    Route::get(path, Access::Open, move |request: Request| async move { document(&request, view) })
        .tag(TAG)
        .parameters([IF_NONE_MATCH.clone()])
        .responds_as(200, "The document.", "application/json", json_document(), &["ETag", "Cache-Control"])
        .responds_empty(304, "The client already has the current representation.", &[])
}

/// Returns the routes with the documentation of the API.
fn documentation_routes() -> Vec<Route> {
    vec![
        document_route("/api/openapi.json", DocumentView::All)
            .operation_id("getOpenApi")
            .summary("Get the OpenAPI document")
            .description(
                "Returns the OpenAPI 3.1 document of this server, with the parameters and fields of its configuration.",
            ),
        document_route("/api/openapi-delivery.json", DocumentView::Delivery)
            .operation_id("getDeliveryOpenApi")
            .summary("Get the OpenAPI document for frontends")
            .description(
                "Returns the part of the OpenAPI 3.1 document that frontends need: the operations that read published \
                 content.",
            ),
        Route::get("/docs", Access::Open, docs::first_page)
            .operation_id("getDocs")
            .tag(TAG)
            .summary("Show the API documentation")
            .description("Returns the OpenAPI document as a web page. All its files are served by this server.")
            .responds_as(200, "The first page.", docs::HTML, text(), &["Cache-Control"]),
        Route::get("/docs/{name}", Access::Open, docs::file)
            .operation_id("getDocsFile")
            .tag(TAG)
            .summary("Get a file of the API documentation")
            .description(
                "Returns a page, script or style sheet of the API documentation. Fails with 404 when there is no such \
                 file.",
            )
            .parameters([docs::file_parameter()])
            .responds_as(200, "The file.", "*/*", text(), &["Cache-Control"])
            .problems(&[ProblemKind::NotFound]),
        Route::get("/problems", Access::Open, docs::problems)
            .operation_id("listProblems")
            .tag(TAG)
            .summary("List the problem types")
            .description(
                "Returns a web page with all problem types (RFC 9457) of this API and the table of permissions.",
            )
            .responds_as(200, "The page.", docs::HTML, text(), &[]),
        Route::get("/problems/{code}", Access::Open, docs::problem)
            .operation_id("getProblem")
            .tag(TAG)
            .summary("Show a problem type")
            .description(
                "Returns the web page of a problem type, to which the `type` of a problem links. Fails with 404 when \
                 there is no such type.",
            )
            .parameters([docs::code_parameter()])
            .responds_as(200, "The page.", docs::HTML, text(), &[])
            .problems(&[ProblemKind::NotFound]),
    ]
}

/// Maximum time that writes wait for the lock of the writers, or a commit for the disk, while the database is
/// healthy.
const MAX_WRITE_WAIT: Duration = Duration::from_secs(3);

async fn readiness(request: Request) -> Result<Response, Problem> {
    let scope = request.query("scope").unwrap_or(SCOPES[0]);
    if !SCOPES.contains(&scope) {
        let message = format!("one of {}", SCOPES.join(", "));
        return Err(Problem::bad_request(Violations::one("?scope", "not_allowed", message)));
    }
    let unready = |detail: String| Err(Problem::new(ProblemKind::Unavailable, detail).retry_after(2));
    let query = request.app.database.read(|c| {
        settings::table.select(settings::name).first::<String>(c).optional()?;
        Ok::<_, Problem>(())
    });
    if !matches!(tokio::time::timeout(DATABASE_TIMEOUT, query).await, Ok(Ok(()))) {
        return unready("the database does not answer".to_owned());
    }
    let failures = request.app.database.jobs().failures();
    let all = scope == "all";
    if let Some(failure) = failures.iter().find(|failure| all && WRITE_JOBS.contains(&failure.job)) {
        let detail = format!("nothing can be written: {}: {}", failure.job, failure.detail);
        return unready(detail);
    }
    if let Some(wait) = request.app.database.writes_wait().filter(|wait| all && *wait > MAX_WRITE_WAIT) {
        return unready(format!("writes have been waiting for the database for {} s", wait.as_secs()));
    }
    let status = if failures.is_empty() { "ok" } else { "degraded" };
    Response::json(200, &Readiness { status, version: env!("CARGO_PKG_VERSION"), failures }).map(Response::no_store)
}

fn document(request: &Request, view: DocumentView) -> Result<Response, Problem> {
    let key = request.app.response_cache.key(&["the OpenAPI document", view.name()]);
    Ok(Response::from_cached(Some(key), crate::api::openapi::response::document(&request.app, view)))
}
