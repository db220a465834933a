//! The editor in the page: a script that websites load, and the page on which it lets a person log in.
//!
//! All of them are files of this program, written for browsers as they are. See `docs/decisions/0047-editing-in-the-page.md`.

use std::sync::{Arc, OnceLock};

use serde_json::json;
use utoipa::openapi::path::ParameterIn;

use crate::api::docs::HTML;
use crate::api::openapi::response::constant;
use crate::api::openapi::schemas::text;
use crate::api::parameters::IF_NONE_MATCH;
use crate::delivery::cache::cached_response::CachedResponse;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, Route, parameter};
use crate::problem::{Problem, ProblemKind};

/// Media type of scripts (RFC 9239).
const SCRIPT: &str = "text/javascript; charset=utf-8";
/// Content Security Policy of the log-in page: it loads and asks this server alone, and no page shows it in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Returns the routes of the editor in the page.
pub fn routes() -> Vec<Route> {
    const TAG: &str = "Operations";
    let file = text().pattern(Some("^[a-z.-]+$"));
    vec![
        Route::get("/edit.js", Access::Open, script())
            .operation_id("getPageEditor")
            .tag(TAG)
            .summary("Get the editor in the page")
            .description(
                "Returns a JavaScript module with which editors change the texts of a website in its pages. It finds them \
                 by the attributes `data-plenary`.",
            )
            .parameters([IF_NONE_MATCH.clone()])
            .responds_as(200, "The script.", SCRIPT, text(), &["ETag", "Cache-Control"])
            .responds_empty(304, "The client already has the current representation.", &[]),
        Route::get("/edit/{name}", Access::Open, log_in)
            .operation_id("getPageEditorFile")
            .tag(TAG)
            .summary("Get a file of the editor's log-in")
            .description("Returns the log-in page of the editor, its script or its style. Fails with 404 for other names.")
            .parameters([parameter("name", ParameterIn::Path, file, "Name of the file.", json!("log-in"))])
            .responds_as(200, "The file.", "*/*", text(), &["Cache-Control"])
            .problems(&[ProblemKind::NotFound]),
    ]
}

/// Returns the handler of the script, which is prepared once.
fn script() -> impl Fn(Request) -> std::future::Ready<Result<Response, Problem>> + Send + Sync + 'static {
    let prepared: OnceLock<Arc<CachedResponse>> = OnceLock::new();
    move |request: Request| {
        let app = &request.app;
        let key = app.response_cache.key(&["the editor in the page"]);
        let make = || constant(app, SCRIPT, include_str!("page_editor/edit.js").to_owned());
        std::future::ready(Ok(Response::cached(Some(key), Arc::clone(prepared.get_or_init(make)))))
    }
}

async fn log_in(request: Request) -> Result<Response, Problem> {
    let (media_type, text) = match request.path("name") {
        "log-in" => (HTML, include_str!("page_editor/log-in.html")),
        "log-in.js" => (SCRIPT, include_str!("page_editor/log-in.js")),
        "log-in.css" => ("text/css; charset=utf-8", include_str!("page_editor/log-in.css")),
        _ => return Err(Problem::not_found("file")),
    };
    Ok(Response::json(200, text)
        .with_content_type(media_type)
        .header("content-security-policy", POLICY)
        .header("cache-control", "public, max-age=300"))
}
