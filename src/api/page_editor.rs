//! The editor in the page: a script that websites load, and the page on which it lets a person log in.
//!
//! All of them are files of this program, written for browsers as they are. See `docs/decisions/0047-editing-in-the-page.md`.

use std::sync::{Arc, OnceLock};

use actix_web::http::header::HeaderMap;
use serde::Serialize;
use serde_json::json;
use url::Url;
use utoipa::ToSchema;
use utoipa::openapi::SchemaFormat;
use utoipa::openapi::path::ParameterIn;

use crate::api::docs::HTML;
use crate::api::openapi::response::constant;
use crate::api::openapi::schemas::{reference, text};
use crate::api::parameters::{IF_NONE_MATCH, query};
use crate::api::query_values::short_text;
use crate::config::Config;
use crate::content::values;
use crate::content::violation::Violations;
use crate::delivery::cache::cached_response::CachedResponse;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, Route, parameter};
use crate::http::session_cookie;
use crate::problem::{Problem, ProblemKind};

/// Media type of scripts (RFC 9239).
const SCRIPT: &str = "text/javascript; charset=utf-8";
/// How long the files are cached.
const CACHED: &str = "public, max-age=300";
/// Content Security Policy of the log-in page: it loads and asks this server alone, and no page shows it in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Greatest length of an address to return to, in characters.
const MAX_ADDRESS: usize = 2_000;

/// What the log-in page of the editor needs to know.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditorLogIn {
    /// OpenID provider at which editors can log in; `null` if none sends browsers back to this page.
    #[schema(required)]
    pub provider: Option<LogInProvider>,
    /// The `return_to` of the request, to which its page leads after the log-in.
    #[schema(format = "uri", required)]
    pub return_to: Option<String>,
}

/// An OpenID provider, as a log-in page offers it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogInProvider {
    /// Name of the provider.
    #[schema(example = "Example ID")]
    pub name: String,
    /// Redirect URI with which the log-in is begun.
    #[schema(format = "uri")]
    pub redirect_uri: String,
}

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
        Route::get("/edit/log-in", Access::Open, log_in)
            .operation_id("getPageEditorLogInPage")
            .tag(TAG)
            .summary("Get the log-in page of the editor")
            .description("Returns the page on which editors log in, and to which the OpenID provider sends them back.")
            .responds_as(200, "The page.", HTML, text(), &["Cache-Control"])
            .of_another_protocol()
            .any_query(),
        Route::get("/edit/log-in.json", Access::Open, log_in_settings)
            .operation_id("getPageEditorLogIn")
            .tag(TAG)
            .summary("Get the ways to log in to the editor")
            .description(
                "Returns the OpenID provider that the log-in page of the editor offers: the configured one, if \
                 `oidc.redirect_uris` has the address of that page. Fails with 400 if `return_to` is not an address of \
                 `public_url` or of one of `cors.credential_origins`.",
            )
            .parameters([query(
                "return_to",
                text().max_length(Some(MAX_ADDRESS)).format(Some(SchemaFormat::Custom("uri".to_owned()))),
                "Address of the page from which the editor comes.",
                json!("http://127.0.0.1:8080/docs"),
            )])
            .responds(200, "The ways to log in.", reference("EditorLogIn"), &[]),
        Route::get("/edit/{name}", Access::Open, log_in_file)
            .operation_id("getPageEditorFile")
            .tag(TAG)
            .summary("Get a file of the editor's log-in")
            .description("Returns the script or the style of the log-in page of the editor. Fails with 404 for other names.")
            .parameters([parameter("name", ParameterIn::Path, file, "Name of the file.", json!("log-in.js"))])
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
        std::future::ready(Ok(Response::from_cached(Some(key), Arc::clone(prepared.get_or_init(make)))))
    }
}

/// Serves the log-in page. Its address may have a code of the provider, which no cache and no other site needs to see.
async fn log_in(request: Request) -> Result<Response, Problem> {
    let is_plain = request.http.query_string().is_empty();
    Ok(Response::json_text(200, include_str!("page_editor/log-in.html"))
        .with_content_type(HTML)
        .header("content-security-policy", POLICY)
        .header("referrer-policy", "no-referrer")
        .header("cache-control", if is_plain { CACHED } else { "private, no-store" }))
}

async fn log_in_file(request: Request) -> Result<Response, Problem> {
    let (media_type, text) = match request.path("name") {
        "log-in.js" => (SCRIPT, include_str!("page_editor/log-in.js")),
        "log-in.css" => ("text/css; charset=utf-8", include_str!("page_editor/log-in.css")),
        _ => return Err(Problem::not_found("file")),
    };
    Ok(Response::json_text(200, text)
        .with_content_type(media_type)
        .header("content-security-policy", POLICY)
        .header("cache-control", CACHED))
}

async fn log_in_settings(request: Request) -> Result<Response, Problem> {
    let (config, headers) = (&request.app.config, request.http.headers());
    let return_to = short_text(&request, "return_to", MAX_ADDRESS)?;
    let return_to = return_to.map(|address| own_page(config, headers, &address)).transpose();
    let return_to =
        return_to.map_err(|(code, message)| Problem::bad_request(Violations::one("?return_to", code, message)))?;
    let redirect_uri = config.editor_redirect_uri().map(str::to_owned);
    let provider = config.oidc.provider_name().zip(redirect_uri);
    let provider = provider.map(|(name, redirect_uri)| LogInProvider { name, redirect_uri });
    Ok(Response::json(200, &EditorLogIn { provider, return_to })?.no_store())
}

/// Returns the address of a page whose origin may use the cookie of a session. The log-in leads to no other page, so that
/// nobody is led away from the site by a link to it.
fn own_page(config: &Config, headers: &HeaderMap, address: &str) -> Result<String, (&'static str, String)> {
    let address = values::url(address)?;
    let origin = Url::parse(&address).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    if session_cookie::is_own_origin(config, headers, &origin) {
        return Ok(address);
    }
    let message = format!("pages of \"{origin}\" may not use the session: it is not in cors.credential_origins");
    Err(("not_configured", message))
}
