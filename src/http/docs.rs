//! The reading room: Swagger UI from within the binary, and the pages of problem kinds.

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa_swagger_ui::Config;

use super::route::{Answer, Request, parameter};
use crate::auth::permissions::{Role, TABLE};
use crate::problem::{Kind, Problem};

/// The media type of pages.
pub const HTML: &str = "text/html; charset=utf-8";

/// Scripts and styles of the reading room come from here alone.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; \
     form-action 'self'; frame-ancestors 'none'";
/// Pages of text need nothing at all.
const POLICY_OF_TEXT: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static CONFIG: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("/api/openapi.json").try_it_out_enabled(true).persist_authorization(false)));

/// `{file}` of the reading room.
pub fn file_parameter() -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Za-z0-9._-]+$"));
    parameter("file", ParameterIn::Path, schema, "Name of the file.", json!("index.html"))
}

/// `{code}` of a kind of problem.
pub fn code_parameter() -> Parameter {
    let codes: Vec<&str> = Kind::ALL.iter().map(|kind| kind.code()).collect();
    let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes));
    parameter("code", ParameterIn::Path, schema, "The last part of a problem's `type`.", json!("invalid"))
}

/// The first page. Its files are below this address, which has no slash at its end.
pub async fn first_page(_: Request) -> Result<Answer, Problem> {
    let page = page("index.html")?;
    let text = String::from_utf8_lossy(&page.body).replacen("<head>", "<head><base href=\"/docs/\">", 1);
    Ok(Answer { body: text.into(), ..page })
}

/// A file.
pub async fn file(request: Request) -> Result<Answer, Problem> {
    page(request.path("file"))
}

fn page(name: &str) -> Result<Answer, Problem> {
    match utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)) {
        Ok(Some(file)) => Ok(Answer::json(200, file.bytes.into_owned())
            .typed(media_type(name))
            .header("content-security-policy", POLICY)
            .header("cache-control", "public, max-age=3600")),
        _ => Err(Problem::not_found("file")),
    }
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

/// All kinds of problems, and the permission table.
pub async fn problems(_: Request) -> Result<Answer, Problem> {
    let mut page = String::from("<h1>Kinds of problems</h1><dl>");
    for kind in Kind::ALL {
        let _ = write!(
            page,
            "<dt><a href=\"/problems/{0}\">{0}</a> ({1})</dt><dd>{2}</dd>",
            kind.code(),
            kind.status(),
            kind.about()
        );
    }
    page.push_str("</dl><h1>Permissions</h1><table><tr><th>area</th><th>action</th>");
    for role in Role::ALL {
        let _ = write!(page, "<th>{}</th>", role.word());
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

/// One kind of problem.
pub async fn problem(request: Request) -> Result<Answer, Problem> {
    let kind = Kind::ALL.iter().find(|kind| kind.code() == request.path("code"));
    let kind = kind.ok_or_else(|| Problem::not_found("kind of problem"))?;
    Ok(html(&format!("<h1>{}</h1><p>Status {}.</p><p>{}</p>", kind.title(), kind.status(), kind.about())))
}

fn html(body: &str) -> Answer {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Plenary</title><body>{body}</body></html>"
    );
    Answer::json(200, page)
        .typed(HTML)
        .header("content-security-policy", POLICY_OF_TEXT)
        .header("cache-control", "public, max-age=3600")
}
