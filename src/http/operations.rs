//! What the person who runs the server looks at: health, readiness, metrics, the document.

use actix_web::http::Method;
use diesel::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::openapi::schemas::reference;
use super::route::{Access, Answer, Request, Route};
use super::{docs, metrics};
use crate::database::schema::settings;
use crate::problem::{Kind, Problem};

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
}

const HEALTHY: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };

fn text() -> RefOr<Schema> {
    RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::String).build()))
}

/// All routes of this room.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Operations";
    vec![
        Route::new(Method::GET, "/healthz", "getHealth", |_| async { Answer::of(200, &HEALTHY).map(Answer::private) })
            .about(TAG, "Is the process alive?", "Answers without asking the database.")
            .answers(200, "It is.", reference("Health"), &[]),
        Route::new(Method::GET, "/readyz", "getReadiness", ready)
            .about(TAG, "Can it serve?", "Asks the database.")
            .answers(200, "It can.", reference("Health"), &[]),
        Route::new(Method::GET, "/metrics", "getMetrics", |_| async { metrics::exposition() })
            .about(TAG, "Metrics", "In the text format of Prometheus.")
            .answers_as(200, "The metrics.", Some((metrics::TEXT, text())), &[]),
        Route::new(Method::GET, "/api/openapi.json", "getOpenApi", document)
            .about(TAG, "This document", "OpenAPI 3.1, exactly what this server does.")
            .answers_as(200, "The document.", Some(("application/json", any_object())), &["Cache-Control"]),
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

async fn ready(request: Request) -> Result<Answer, Problem> {
    let asked = request.app.database.read(|c| {
        settings::table.select(settings::name).first::<String>(c).optional()?;
        Ok::<_, Problem>(())
    });
    match asked.await {
        Ok(()) => Answer::of(200, &HEALTHY).map(Answer::private),
        Err(_) => Err(Problem::new(Kind::Unavailable, "the database does not answer").retry_after(2)),
    }
}

async fn document(request: Request) -> Result<Answer, Problem> {
    let document = super::server::document(&request.app);
    Ok(Answer::json(200, document).header("cache-control", "public, max-age=60"))
}
