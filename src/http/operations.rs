//! What the person who runs the server looks at: health, readiness, metrics, the document.

use std::time::Duration;

use actix_web::http::Method;
use diesel::prelude::*;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::openapi::schemas::reference;
use super::parameters::{IF_NONE_MATCH, one_of, query};
use super::route::{Access, Answer, Request, Route};
use super::{docs, metrics};
use crate::content::fault::Faults;
use crate::database::schema::settings;
use crate::jobs::JobFailure;
use crate::problem::{Kind, Problem};
use crate::time_zone::rules;

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Always `ok`; otherwise the answer is a problem.
    #[schema(example = "ok")]
    pub status: &'static str,
    /// The program's version.
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    /// The rules of time zones in use.
    pub time_zone_rules: ZoneRulesInUse,
}

/// A release of the time zone database.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneRulesInUse {
    /// Its name.
    #[schema(example = "2026f")]
    pub release: String,
    /// Where it was found: `system` or `built-in`.
    #[schema(example = "system")]
    pub source: &'static str,
}

fn healthy() -> Health {
    let rules = rules::current();
    let time_zone_rules = ZoneRulesInUse { release: rules.release.clone(), source: rules.source() };
    Health { status: "ok", version: env!("CARGO_PKG_VERSION"), time_zone_rules }
}

/// Whether the server can serve, and what is wrong.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Readiness {
    /// `ok`, or `degraded` where something is wrong that does not keep it from serving.
    #[schema(pattern = "^(ok|degraded)$", example = "ok")]
    pub status: &'static str,
    /// The program's version.
    #[schema(example = "0.1.0")]
    pub version: &'static str,
    /// What is wrong; empty when nothing is.
    pub failures: Vec<JobFailure>,
}

/// How long the database may take for the question whether it answers.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a server can be asked to be ready for.
const SCOPES: [&str; 2] = ["all", "reads"];
/// The jobs without which nothing can be written.
const WRITE_JOBS: [&str; 2] = ["writer", "storage"];

fn text() -> RefOr<Schema> {
    RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::String).build()))
}

/// All routes of this room.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Operations";
    vec![
        Route::new(Method::GET, "/healthz", "getHealth", |_| async {
            Answer::of(200, &healthy()).map(Answer::private)
        })
        .about(TAG, "Is the process alive?", "Answers without asking the database.")
        .answers(200, "It is.", reference("Health"), &[]),
        Route::new(Method::GET, "/readyz", "getReadiness", ready)
            .about(
                TAG,
                "Can it serve?",
                "Asks the database. 503 when it does not answer, or when nothing can be written: writes fail, or have been \
                 waiting for more than 3 s. A balancer of the public's reads asks with `scope=reads`, so that reads go on while writes cannot. What else is wrong stands in \
                 the answer.",
            )
            .parameters([query("scope", one_of(&SCOPES), "What it is to serve.", json!("reads"))])
            .answers(200, "It can.", reference("Readiness"), &[]),
        Route::new(Method::GET, "/metrics", "getMetrics", |request| async move {
            metrics::exposition(request.app.database.jobs())
        })
        .about(TAG, "Metrics", "In the text format of Prometheus.")
        .answers_as(200, "The metrics.", Some((metrics::TEXT, text())), &[]),
        Route::new(Method::GET, "/api/openapi.json", "getOpenApi", document)
            .about(TAG, "This document", "OpenAPI 3.1, exactly what this server does.")
            .parameters([IF_NONE_MATCH.clone()])
            .answers_as(200, "The document.", Some(("application/json", any_object())), &["ETag", "Cache-Control"])
            .answers_as(304, "The client has it already.", None, &[]),
        Route::new(Method::GET, "/docs", "getDocs", docs::first_page)
            .about(TAG, "Reading room", "This document, readable; everything comes from the program itself.")
            .answers_as(200, "Its first page.", Some((docs::HTML, text())), &["Cache-Control"]),
        Route::new(Method::GET, "/docs/{file}", "getDocsFile", docs::file)
            .about(TAG, "Files of the reading room", "Pages, scripts and styles.")
            .parameters([docs::file_parameter()])
            .answers_as(200, "The file.", Some(("*/*", text())), &["Cache-Control"])
            .problems(&[Kind::NotFound]),
        Route::new(Method::GET, "/problems", "listProblems", docs::problems)
            .about(TAG, "Kinds of problems", "What the `type` of an error answer leads to, and who may do what.")
            .answers_as(200, "The page.", Some((docs::HTML, text())), &[]),
        Route::new(Method::GET, "/problems/{code}", "getProblem", docs::problem)
            .about(TAG, "One kind of problem", "What the `type` of an error answer leads to.")
            .parameters([docs::code_parameter()])
            .answers_as(200, "The page.", Some((docs::HTML, text())), &[])
            .problems(&[Kind::NotFound]),
    ]
    .into_iter()
    .map(|route| route.access(Access::Open))
    .collect()
}

fn any_object() -> RefOr<Schema> {
    RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::Object).build()))
}

/// For so long writes may wait for the lock of the writers, or a commit for the disk, in a sound database.
const LONGEST_WRITE: Duration = Duration::from_secs(3);

async fn ready(request: Request) -> Result<Answer, Problem> {
    let scope = request.query("scope").unwrap_or(SCOPES[0]);
    if !SCOPES.contains(&scope) {
        let message = format!("one of {}", SCOPES.join(", "));
        return Err(Problem::bad_request(Faults::one("?scope", "not_allowed", message)));
    }
    let unready = |detail: String| Err(Problem::new(Kind::Unavailable, detail).retry_after(2));
    let asked = request.app.database.read(|c| {
        settings::table.select(settings::name).first::<String>(c).optional()?;
        Ok::<_, Problem>(())
    });
    if !matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(()))) {
        return unready("the database does not answer".to_owned());
    }
    let failures = request.app.database.jobs().failures();
    let all = scope == "all";
    if let Some(failure) = failures.iter().find(|failure| all && WRITE_JOBS.contains(&failure.job)) {
        let detail = format!("nothing can be written: {}: {}", failure.job, failure.detail);
        return unready(detail);
    }
    if let Some(waited) = request.app.database.writes_wait().filter(|waited| all && *waited > LONGEST_WRITE) {
        return unready(format!("writes have been waiting for the database for {} s", waited.as_secs()));
    }
    let status = if failures.is_empty() { "ok" } else { "degraded" };
    Answer::of(200, &Readiness { status, version: env!("CARGO_PKG_VERSION"), failures }).map(Answer::private)
}

async fn document(request: Request) -> Result<Answer, Problem> {
    let place = request.app.answers.place(&["the OpenAPI document"]);
    Ok(Answer::kept(Some(place), super::server::document(&request.app)))
}
