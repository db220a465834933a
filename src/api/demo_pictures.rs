//! Endpoint of the pictures of the demo content.

use serde_json::json;
use utoipa::openapi::path::ParameterIn;

use crate::api::openapi::schemas::text;
use crate::demo::pictures::picture;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, Route, parameter};
use crate::problem::{Problem, ProblemKind};

const SVG: &str = "image/svg+xml";
/// Content Security Policy of a picture that is opened as a page: it runs and loads nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// Returns the route of the pictures.
pub fn route() -> Route {
    let schema = text().pattern(Some("^[a-z]+\\.svg$"));
    let file =
        parameter("name", ParameterIn::Path, schema, "Name of a picture of the demo content.", json!("rivers.svg"));
    Route::get("/demo/{name}", Access::Open, get)
        .operation_id("getDemoPicture")
        .tag("Operations")
        .summary("Get a picture of the demo content")
        .description(
            "Returns a picture to which the demo content refers. Fails with 404 when there is no such picture.",
        )
        .parameters([file])
        .responds_as(200, "The picture.", SVG, text(), &["Cache-Control"])
        .problems(&[ProblemKind::NotFound])
}

async fn get(request: Request) -> Result<Response, Problem> {
    let svg = picture(request.path("name")).ok_or_else(|| Problem::not_found("picture"))?;
    Ok(Response::json_text(200, svg)
        .with_content_type(SVG)
        .header("content-security-policy", POLICY)
        .header("cache-control", "public, max-age=86400"))
}
