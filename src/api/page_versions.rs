//! Endpoints of the public versions of pages, such as earlier terms of use.

use std::sync::Arc;

use serde_json::{Value, json};
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::api::content::items::{cached_or_compute, item_path, media_type, negotiate, not_found_response};
use crate::api::openapi::page_view::{version_list, version_view};
use crate::api::parameters::{IF_NONE_MATCH, MAX_NUMBER, body_format, integer_between, path_id_or_slug};
use crate::api::preview_links::ReadView;
use crate::app::App;
use crate::content::LocaleMode;
use crate::content::local_time::utc_text;
use crate::content::violation::Violations;
use crate::content_types::pages::PAGE;
use crate::database::Db;
use crate::delivery::cache::absence_cache::Absence;
use crate::delivery::cache::cached_response::{FreshResponse, ReadOutcome};
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::page_versions::{self, PublicPageVersion, VersionedPage};
use crate::delivery::query::parser::QueryParser;
use crate::delivery::{ReadContext, Shape};
use crate::http::handler::HandlerResult;
use crate::http::preconditions::entity_tag as etag;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, ParameterSet, Route, parameter};
use crate::items::Item;
use crate::items::imported_versions::PublicPeriod;
use crate::problem::{Problem, ProblemKind};

/// Returns the routes of the public versions of pages.
pub fn routes() -> Vec<Route> {
    let path = format!("{}/versions", item_path(&PAGE));
    let route = |path: &str, handler: fn(Request) -> HandlerResult| {
        Route::get(path, Access::Public, handler)
            .tag(PAGE.title_plural)
            .parameter_set(ParameterSet::Language)
            .responds_empty(304, "The client already has the current representation.", &[])
            .responds_empty(308, "The page has another slug now; `Location` is its address.", &["Location"])
            .problems(&[ProblemKind::NotFound])
    };
    vec![
        route(&path, |request| Box::pin(list(request)))
            .operation_id("listWebPageVersions")
            .summary("List the public versions of a page")
            .description(
                "Returns when visitors saw which version of a page whose versions are public (`public_versions`), the newest \
                 first; at most 200. A text that was taken down for a time is one version with several `periods`. Fails with 404 when there is no such page, or its versions are not public.",
            )
            .parameters([path_id_or_slug(), IF_NONE_MATCH.clone()])
            .responds(200, "The versions.", version_list(), &["ETag", "Cache-Control"]),
        route(&format!("{path}/{{version}}"), |request| Box::pin(get(request)))
            .operation_id("getWebPageVersion")
            .summary("Get a public version of a page")
            .description(
                "Returns the page as visitors saw it, without the languages that were hidden then. The items to which its \
                 blocks refer, and the path, are those of today. Fails with 404 when there is no such page or version, or \
                 its versions are not public.",
            )
            .parameters([path_id_or_slug(), version(), body_format(), IF_NONE_MATCH.clone()])
            .responds(200, "The version.", version_view(), &["ETag", "Cache-Control"]),
    ]
}

fn version() -> Parameter {
    parameter("version", ParameterIn::Path, integer_between(1, MAX_NUMBER), "Version of the page.", json!(3))
}

async fn list(request: Request) -> Result<Response, Problem> {
    respond(request, |connection, found| {
        let versions = page_versions::versions(connection, &found.item.id)?;
        let entry = |version: &PublicPageVersion| {
            let mut entry = times(version);
            entry["title"] = page_versions::title((&found.app.site, &found.shape), &found.item, version);
            entry
        };
        let body = json!({"data": versions.iter().map(entry).collect::<Vec<Value>>()}).to_string();
        let fresh = FreshResponse::new(JSON, body, |body| etag(found.item.version, body), dependencies(&found.item));
        Ok(ReadOutcome::Found(fresh))
    })
    .await
}

async fn get(request: Request) -> Result<Response, Problem> {
    let wanted: Option<i64> = request.path("version").parse().ok();
    respond(request, move |connection, found| {
        let versions = page_versions::versions(connection, &found.item.id)?;
        let Some(version) = versions.iter().find(|version| Some(version.version) == wanted) else {
            return Ok(ReadOutcome::Absent(Absence::Missing("version"), dependencies(&found.item)));
        };
        let page = page_versions::render(connection, (&found.app.site, &found.shape), &found.item, version)?;
        let mut body = times(version);
        body["page"] = serde_json::from_str(&page.object).unwrap_or_default();
        let mut all = dependencies(&found.item);
        all.add(&page.dependencies);
        let media_type = media_type(&found.shape);
        Ok(ReadOutcome::Found(FreshResponse::new(
            media_type,
            body.to_string(),
            |body| etag(version.version, body),
            all,
        )))
    })
    .await
}

/// A page whose versions are public, with the form in which they are shown.
struct PublicPage {
    app: Arc<App>,
    item: Item,
    shape: Shape,
}

/// Responds with what `read` makes of the page of the request. Versions are for visitors, so editors get what they get.
async fn respond(
    mut request: Request,
    read: impl FnOnce(&mut Db, PublicPage) -> Result<ReadOutcome, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    negotiate(&mut request);
    let view = ReadView::for_public();
    let (app, mut violations) = (Arc::clone(&request.app), Violations::new());
    let mut parser =
        QueryParser { content_type: &PAGE, site: &app.site, viewer: &view.viewer, violations: &mut violations };
    let mut shape = parser.shape(&request.query_pairs, true);
    if shape.view.locale == LocaleMode::All {
        violations.add("?locale", "not_allowed", "a version of a page is shown in one language");
    }
    if !violations.is_empty() {
        return Err(Problem::bad_request(violations));
    }
    shape.include = PAGE.fields.iter().filter(|field| field.blocks().is_some()).map(|field| field.name).collect();
    let (key, tail) = (request.path("id_or_slug").to_owned(), tail(&request));
    let compute = async {
        let here = Arc::clone(&app);
        let read = move |connection: &mut Db| {
            let context = ReadContext { content_type: &PAGE, site: &here.site, shape: &shape };
            match page_versions::find(connection, context, &key)? {
                VersionedPage::Page(item) => {
                    let found = PublicPage { app: Arc::clone(&here), item: *item, shape: shape.clone() };
                    read(connection, found)
                }
                VersionedPage::Moved(slug) => {
                    let location = format!("/api/v1/{}/{slug}/{tail}", PAGE.collection);
                    Ok(ReadOutcome::Absent(Absence::Moved(location), Dependencies::on_kinds(PAGE.visible_by())))
                }
                VersionedPage::Absent => Ok(not_found_response(&PAGE)),
            }
        };
        app.database.read(read).await
    };
    cached_or_compute(&request, &view, compute).await
}

/// Returns what follows the slug in the address of the request.
fn tail(request: &Request) -> String {
    let query = request.http.query_string();
    let version = request.path("version");
    let slash = if version.is_empty() { "" } else { "/" };
    let mark = if query.is_empty() { "" } else { "?" };
    format!("versions{slash}{version}{mark}{query}")
}

fn period(period: &PublicPeriod) -> Value {
    json!({"from": utc_text(period.from), "until": period.until.map(utc_text)})
}

fn times(version: &PublicPageVersion) -> Value {
    json!({
        "version": version.version,
        "from": utc_text(version.public_from()),
        "until": version.public_until().map(utc_text),
        "periods": version.periods.iter().rev().map(period).collect::<Vec<Value>>(),
    })
}

/// Returns what the versions of a page depend on: the page, and those above it, without which it is not public.
fn dependencies(item: &Item) -> Dependencies {
    let mut all = Dependencies::on_kinds(PAGE.visible_by());
    all.add_item(PAGE.kind, &item.id);
    all
}
