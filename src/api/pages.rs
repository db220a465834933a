//! Endpoints that find pages by their path.

use std::sync::Arc;

use serde_json::json;
use utoipa::openapi::path::ParameterIn;

use crate::api::content::items::{cached_or_compute, media_type, negotiate, not_found_response};
use crate::api::openapi::page_view;
use crate::api::openapi::schemas::text;
use crate::api::parameters::IF_NONE_MATCH;
use crate::api::preview_links::{read_view, restrict_to_link};
use crate::content::LocaleMode;
use crate::content::violation::Violations;
use crate::content_types::PATH;
use crate::content_types::pages::PAGE;
use crate::database::Db;
use crate::delivery::Shape;
use crate::delivery::cache::absence_cache::Absence;
use crate::delivery::cache::cached_response::{FreshResponse, ReadOutcome};
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::list_items::ListContext;
use crate::delivery::page_by_path::{PageView, PathTarget, page_view, resolve};
use crate::delivery::query::parser::QueryParser;
use crate::http::preconditions::entity_tag as etag;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, ParameterSet, Route, parameter};
use crate::items::paths::MAX_PATH;
use crate::problem::{Problem, ProblemKind};

/// Address of the home page.
const HOME_PATH: &str = "/api/v1/pages/by-path";

/// Returns the routes of pages by path.
pub fn routes() -> Vec<Route> {
    let route = |path: &str| {
        Route::get(path, Access::Public, get)
            .tag(PAGE.title_plural)
            .parameter_set(ParameterSet::Place)
            .parameters([IF_NONE_MATCH.clone()])
            .responds(200, "The page.", page_view::page_view(), &["ETag", "Cache-Control"])
            .responds_empty(304, "The client already has the current representation.", &[])
            .problems(&[ProblemKind::NotFound])
    };
    let about = "Path of the page; slashes between its segments may be percent-encoded.";
    let path = parameter(
        PATH,
        ParameterIn::Path,
        text().min_length(Some(1)).max_length(Some(MAX_PATH)),
        about,
        json!("about/team"),
    );
    vec![
        route(HOME_PATH)
            .operation_id("getHomePage")
            .summary("Get the home page")
            .description("Returns the page with the role `home`, whose path is empty. Fails with 404 when there is none."),
        route(&format!("{HOME_PATH}/{{{PATH}}}"))
            .operation_id("getWebPageByPath")
            .summary("Get a page by its path")
            .description(
                "Returns the page with this path in the language of the request, with the items of its blocks, the pages \
                 above and directly below it, and its paths in all languages. A former path, and the path in another \
                 language, redirect to the present one. Fails with 404 when the caller sees no such page.",
            )
            .parameters([path])
            .responds_empty(308, "The page has another path now; `Location` is its address.", &["Location"]),
    ]
}

/// Responds with the page that has the path of the request.
async fn get(mut request: Request) -> Result<Response, Problem> {
    negotiate(&mut request);
    let view = read_view(&request).await?;
    let mut violations = Violations::new();
    let site = &request.app.site;
    let mut parser = QueryParser { content_type: &PAGE, site, viewer: &view.viewer, violations: &mut violations };
    let mut shape = parser.shape(&request.query_pairs, true);
    if shape.view.locale == LocaleMode::All {
        violations.add("?locale", "not_allowed", "a page by its path has one language; read it by its id for all");
    }
    if !violations.is_empty() {
        return Err(Problem::bad_request(violations));
    }
    shape.include = PAGE.fields.iter().filter(|field| field.blocks().is_some()).map(|field| field.name).collect();
    let media_type = media_type(&shape);
    let (app, given, is_public) = (Arc::clone(&request.app), request.path(PATH).to_owned(), view.is_public());
    let compute = async {
        let since = app.database.invalidation_clock().now();
        let here = Arc::clone(&app);
        let read = move |c: &mut Db| {
            let cache = here.item_cache.scope_since(since).only_if(is_public);
            look_up(c, here.list_context(cache), shape, &given)
        };
        Ok(match view.read_item(&app, read).await? {
            PathOutcome::Found(PageView { body, version, dependencies, depends_on_now }) => {
                let fresh = FreshResponse::new(media_type, body, |body| etag(version, body), dependencies);
                ReadOutcome::Found(fresh).with_expiry(depends_on_now)
            }
            PathOutcome::Moved(path) => {
                let query = request.http.query_string();
                let mark = if query.is_empty() { "" } else { "?" };
                let slash = if path.is_empty() { "" } else { "/" };
                let location = format!("{HOME_PATH}{slash}{path}{mark}{query}");
                ReadOutcome::Absent(Absence::Moved(location), Dependencies::on_kinds(PAGE.visible_by()))
            }
            PathOutcome::Absent => not_found_response(&PAGE),
        })
    };
    cached_or_compute(&request, &view, compute).await
}

/// Reads what is under a path.
fn look_up(connection: &mut Db, list: ListContext<'_>, mut shape: Shape, given: &str) -> Result<PathOutcome, Problem> {
    let locale = match &shape.view.locale {
        LocaleMode::One(locale) => locale.clone(),
        LocaleMode::All => list.site.default_locale().to_owned(),
    };
    Ok(match resolve(connection, (&list.site.locales, &locale), &shape.viewer, given)? {
        PathTarget::Absent => PathOutcome::Absent,
        PathTarget::Moved(path) => PathOutcome::Moved(path),
        PathTarget::Page(id) => {
            restrict_to_link(connection, &PAGE, &id, &mut shape)?;
            page_view(connection, list, &shape, &id)?.map_or(PathOutcome::Absent, PathOutcome::Found)
        }
    })
}

/// Outcome of looking up a path.
enum PathOutcome {
    Found(PageView),
    Moved(String),
    Absent,
}
