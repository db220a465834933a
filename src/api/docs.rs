//! The documentation that the server itself serves: Swagger UI, embedded in the binary, and the pages of the
//! problem types.

use std::fmt::Write;
use std::io::Read;
use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa_swagger_ui::{Config, SwaggerFile};

use crate::api::openapi::schemas::one_of;
use crate::auth::permissions::{Role, TABLE};
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::parameter;
use crate::problem::{Problem, ProblemKind};

/// Media type of HTML pages.
pub const HTML: &str = "text/html; charset=utf-8";

/// Content Security Policy of Swagger UI, whose scripts and styles all come from this server.
const SWAGGER_POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; \
     form-action 'self'; frame-ancestors 'none'";
/// Content Security Policy of the pages of text, which load nothing.
const TEXT_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The configuration with which the library fills its own start script, which [`INITIALIZER`] replaces.
static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| Arc::new(Config::from("/api/openapi.json")));

/// Name of the script that starts Swagger UI.
const INITIALIZER: &str = "swagger-initializer.js";
/// The script: the library's own one can only name the documents, not prepare them.
const INITIALIZER_SCRIPT: &str = include_str!("docs.js");

/// Returns the path parameter `{name}` of the files of Swagger UI.
pub fn file_parameter() -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Za-z0-9._-]+$"));
    parameter("name", ParameterIn::Path, schema, "Name of a file of Swagger UI.", json!("index.html"))
}

/// Returns the path parameter `{code}` of a problem type.
pub fn code_parameter() -> Parameter {
    let codes: Vec<&str> = ProblemKind::ALL.iter().map(|kind| kind.code()).collect();
    let mut schema = one_of("ProblemCode", &codes);
    // Clients generate the type of a problem from the code, status and title of each.
    let types = ProblemKind::ALL.iter().map(|kind| {
        let (code, status, title) = (kind.code(), kind.status(), kind.title());
        json!({"code": code, "status": status, "title": title})
    });
    if let RefOr::T(Schema::Object(codes)) = &mut schema {
        let types: Vec<Value> = types.collect();
        codes.extensions = Some(ExtensionsBuilder::new().add("x-problem-types", types).build());
    }
    parameter("code", ParameterIn::Path, schema, "Last segment of a problem's `type`.", json!("invalid"))
}

/// Serves the start page of Swagger UI. `/docs` has no trailing slash, so the page needs a base URL for the
/// relative addresses of its files.
///
/// # Errors
/// 404 if the page is missing from the binary.
pub async fn first_page(_: Request) -> Result<Response, Problem> {
    let page = page("index.html")?;
    let text = String::from_utf8_lossy(&page.body).replacen("<head>", "<head><base href=\"/docs/\">", 1);
    Ok(Response { body: text.into(), ..page })
}

/// Serves a file of Swagger UI.
///
/// # Errors
/// 404 if there is no file with this name.
pub async fn file(request: Request) -> Result<Response, Problem> {
    page(request.path("name"))
}

fn page(name: &str) -> Result<Response, Problem> {
    let bytes = match utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)) {
        Ok(Some(_)) if name == INITIALIZER => INITIALIZER_SCRIPT.as_bytes().to_vec(),
        Ok(Some(file)) => content(file)?,
        _ => return Err(Problem::not_found("file")),
    };
    Ok(Response::json_text(200, bytes)
        .with_content_type(media_type(name))
        .header("content-security-policy", SWAGGER_POLICY)
        .header("cache-control", "public, max-age=3600"))
}

/// Returns the content of a file, without the gzip in which the binary holds it: the pipeline chooses a content coding
/// by what the client accepts, as for every other response.
fn content(file: SwaggerFile<'_>) -> Result<Vec<u8>, Problem> {
    if !file.gzpipped {
        return Ok(file.bytes.into_owned());
    }
    let mut content = Vec::new();
    flate2::read::GzDecoder::new(&*file.bytes).read_to_end(&mut content).map_err(|error| Problem::internal(&error))?;
    Ok(content)
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => HTML,
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("png") => "image/png",
        Some("map" | "json") => "application/json",
        _ => "application/octet-stream",
    }
}

/// Serves the page that lists all problem types and the permission table.
///
/// # Errors
/// Never fails; the signature is that of every handler.
pub async fn problems(_: Request) -> Result<Response, Problem> {
    let mut page = String::from("<h1>Problem types</h1><dl>");
    for kind in ProblemKind::ALL {
        let _ = write!(
            page,
            "<dt><a href=\"/problems/{0}\">{0}</a> ({1})</dt><dd>{2}</dd>",
            kind.code(),
            kind.status(),
            kind.explanation()
        );
    }
    page.push_str("</dl><h1>Permissions</h1><table><tr><th>area</th><th>action</th>");
    for role in Role::ALL {
        let _ = write!(page, "<th>{}</th>", role.name());
    }
    for (area, action, roles) in TABLE {
        let _ = write!(page, "</tr><tr><td>{area:?}</td><td>{action:?}</td>");
        for role in Role::ALL {
            page.push_str(if roles.contains(&role) { "<td>yes</td>" } else { "<td>no</td>" });
        }
    }
    page.push_str("</tr></table>");
    Ok(html(&page))
}

/// Serves the page of one problem type.
///
/// # Errors
/// 404 if no problem type has this code.
pub async fn problem(request: Request) -> Result<Response, Problem> {
    let kind = ProblemKind::ALL.iter().find(|kind| kind.code() == request.path("code"));
    let kind = kind.ok_or_else(|| Problem::not_found("problem type"))?;
    Ok(html(&format!("<h1>{}</h1><p>Status {}.</p><p>{}</p>", kind.title(), kind.status(), kind.explanation())))
}

fn html(body: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Plenary</title><body>{body}</body></html>"
    );
    Response::json_text(200, page)
        .with_content_type(HTML)
        .header("content-security-policy", TEXT_POLICY)
        .header("cache-control", "public, max-age=3600")
}
