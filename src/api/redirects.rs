//! Endpoints of redirects besides those that every kind of content has: resolution of a path, the list for servers at the
//! edge, and the uses.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::path::ParameterIn;

use crate::api::content::items::{cached_or_compute, collection_path};
use crate::api::openapi::schemas::{one_of, reference, text};
use crate::api::parameters::{IF_NONE_MATCH, number, page_limit, page_offset, query};
use crate::api::preview_links::ReadView;
use crate::api::query_values::{locale, number_between, word};
use crate::auth::permissions::{Action, Area};
use crate::content::local_time::utc_text;
use crate::content::path_pattern::{MAX_SITE_PATH, SitePath};
use crate::content::violation::Violations;
use crate::content_types::redirects::{HITS, RESOLVE, SOURCE};
use crate::content_types::{ALL, ContentType, REDIRECT};
use crate::database::{Db, now};
use crate::delivery::cache::cached_response::{FreshResponse, ReadOutcome};
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::query::{DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET};
use crate::delivery::redirects::addresses::PageItem;
use crate::delivery::redirects::hits::{self, UseOrder};
use crate::delivery::redirects::rule_list::rule_list;
use crate::delivery::redirects::{
    Resolution, ResolutionContext, header_value, query_of, resolve as resolve_path, with_query,
};
use crate::http::preconditions::entity_tag as etag;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, ParameterSet, Route, parameter};
use crate::items::rows::parse_content;
use crate::problem::{Problem, ProblemKind};

const TEXT: &str = "text/plain; charset=utf-8";
/// Orders of the list of uses.
const ORDERS: [&str; 3] = ["most", "least", "latest"];

/// Where a path of the website leads.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PathResolution {
    /// `present` (an item has this address: no redirect), `redirect`, or `gone`.
    pub outcome: &'static str,
    /// Status for the reader: 200, the status of the redirect, or 410.
    #[schema(value_type = i32, minimum = 200, maximum = 410)]
    pub status: i64,
    /// Address to which the reader is redirected: a path of the website or a URL, with the query of the path, encoded for
    /// the header `Location`; null without a redirect.
    #[schema(required = true, example = "/programme")]
    pub location: Option<String>,
    /// Ids of the redirects that were followed; none where an item had the address before.
    #[schema(format = "uuid")]
    pub redirects: Vec<String>,
    /// Item that has the address, or had it; null if the path is known by redirects.
    #[schema(required = true)]
    pub item: Option<ResolvedItem>,
}

/// An item to which an address belongs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolvedItem {
    /// Collection of the item.
    #[schema(example = "pages")]
    pub collection: &'static str,
    /// Id of the item.
    #[schema(format = "uuid")]
    pub id: String,
}

/// A redirect with its uses.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedirectUseBody {
    /// Id of the redirect.
    #[schema(format = "uuid")]
    pub id: String,
    /// Source of the redirect.
    #[schema(example = "/old-programme")]
    pub source: String,
    /// Status of the item: `draft`, `published` or `archived`.
    #[schema(example = "published")]
    pub status: String,
    /// Number of uses that are stored.
    #[schema(minimum = 0)]
    pub hits: i64,
    /// Time of the last use; null if there was none.
    #[schema(required = true, format = "date-time")]
    pub last_hit_at: Option<String>,
}

/// A page of redirects with their uses.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedirectUseList {
    /// Redirects of the page.
    pub data: Vec<RedirectUseBody>,
    /// Whether further ones follow.
    pub more: bool,
}

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    vec![resolve_route(), list_route(), uses_route()]
}

/// Returns the address of an operation beside the items.
fn operation_path(segment: &str) -> String {
    format!("{}/{segment}", collection_path(&REDIRECT))
}

fn resolve_route() -> Route {
    let about = "Path of the website, with its query if there is one.";
    let schema = text().min_length(Some(1)).max_length(Some(MAX_SITE_PATH)).pattern(Some("^/"));
    let mut path = parameter("path", ParameterIn::Query, schema, about, json!("/old-programme?day=2"));
    path.required = utoipa::openapi::Required::True;
    Route::get(operation_path(RESOLVE), Access::Public, resolve)
        .operation_id("resolvePath")
        .tag(REDIRECT.title_plural)
        .summary("Resolve a path of the website")
        .description(
            "Returns where a path leads: an item that has this address now, else the redirect of the path, of the longest \
             prefix, or of the first pattern, else the present address of the item that had it. The language is `locale`, \
             else that which the path names. Not cached, since uses are counted (not of `HEAD`). Fails with 404 when nothing is known of the path.",
        )
        .parameters([path])
        .parameter_set(ParameterSet::Language)
        .responds(200, "Where the path leads.", reference("PathResolution"), &["Cache-Control"])
        .problems(&[ProblemKind::NotFound])
        .for_delivery()
}

fn list_route() -> Route {
    Route::get("/api/v1/redirects.txt", Access::Public, list)
        .operation_id("getRedirectList")
        .tag(REDIRECT.title_plural)
        .summary("Get the redirects as a text")
        .description(
            "Returns the public redirects as servers at the edge read them (`_redirects`): a line for each with source, \
             destination and status, in the order in which they count. Comments have what this form cannot express, and what \
             would hide a page.",
        )
        .parameters([IF_NONE_MATCH.clone()])
        .responds_as(200, "The list.", TEXT, text(), &["ETag", "Cache-Control"])
        .responds_empty(304, "The client already has the current representation.", &[])
        .for_delivery()
}

fn uses_route() -> Route {
    let about = "Which redirects come first: those used most, least (never, at first), or latest.";
    Route::get(operation_path(HITS), Access::May(Area::Content, Action::Read), uses)
        .operation_id("listRedirectHits")
        .tag(REDIRECT.title_plural)
        .summary("List the uses of redirects")
        .description(
            "Returns how often each redirect was used to resolve a path, and when last. Nodes count in memory, and store \
             their counts every few seconds. Fails with 400 when a parameter is invalid.",
        )
        .parameters([
            query("order", one_of("RedirectUseOrder", &ORDERS), about, json!("most")),
            page_limit(MAX_LIMIT, DEFAULT_LIMIT),
            page_offset(MAX_OFFSET),
        ])
        .responds(200, "One page of redirects.", reference("RedirectUseList"), &[])
}

/// Responds with where the path of the request leads, and counts the redirects that lead there.
async fn resolve(request: Request) -> Result<Response, Problem> {
    let locale = locale(&request)?;
    let given = match request.query("path") {
        Some(path) => path.to_owned(),
        None => return Err(invalid_path("required", "the path to resolve is required".to_owned())),
    };
    let Some(path) = SitePath::parse(&given) else {
        return Err(invalid_path("not_a_path", format!("\"{given}\" is no path of the website")));
    };
    let app = Arc::clone(&request.app);
    let since = app.database.invalidation_clock().now();
    let read = move |c: &mut Db| {
        let patterns = app.redirect_patterns.get(c, app.database.invalidation_clock(), since)?;
        let context = ResolutionContext { site: &app.site, patterns: &patterns, locale: locale.as_deref() };
        Ok::<_, Problem>(resolve_path(c, context, &path)?)
    };
    let resolution = request.app.database.read_item(read).await?;
    let body = body(resolution, &given).ok_or_else(|| Problem::not_found("address"))?;
    // A client that asks for the headers alone does not learn where the path leads.
    if !request.http.is_head() {
        request.app.redirect_hits.count(body.redirects.clone(), now());
    }
    Ok(Response::json(200, &body)?.no_store())
}

fn invalid_path(code: &str, message: String) -> Problem {
    Problem::bad_request(Violations::one("?path", code, message))
}

/// Returns the body of the response; `None` if nothing is known of the path.
fn body(resolution: Resolution, given: &str) -> Option<PathResolution> {
    let item = |item: PageItem| {
        let collection = ContentType::of_kind(item.kind).map_or("", |known| known.collection);
        ResolvedItem { collection, id: item.id }
    };
    Some(match resolution {
        Resolution::Absent => return None,
        Resolution::Present(found) => PathResolution {
            outcome: "present",
            status: 200,
            location: None,
            redirects: Vec::new(),
            item: Some(item(found)),
        },
        Resolution::Gone(redirects) => {
            PathResolution { outcome: "gone", status: 410, location: None, redirects, item: None }
        }
        Resolution::Redirect(found) => PathResolution {
            outcome: "redirect",
            status: found.status,
            location: Some(header_value(with_query(found.location, query_of(given)))),
            redirects: found.used,
            item: found.item.map(item),
        },
    })
}

/// Responds with the list for servers at the edge.
async fn list(request: Request) -> Result<Response, Problem> {
    let view = ReadView::for_public();
    let compute = async {
        let site = Arc::clone(&request.app.site);
        let body = request.app.database.read(move |c| Ok::<_, Problem>(rule_list(c, &site)?)).await?;
        // An item of any kind can be a target, or lie above one.
        let dependencies = Dependencies::on_kinds(ALL.map(|content_type| content_type.kind));
        Ok(ReadOutcome::Found(FreshResponse::new(TEXT, body, |body| etag(0, body), dependencies)))
    };
    cached_or_compute(&request, &view, compute).await
}

async fn uses(request: Request) -> Result<Response, Problem> {
    let limit = number(&request, "limit", MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    let offset = number_between(&request, "offset", (0, MAX_OFFSET))?.unwrap_or(0);
    let order = match word(&request, "order", &ORDERS)? {
        Some("least") => UseOrder::Least,
        Some("latest") => UseOrder::Latest,
        _ => UseOrder::Most,
    };
    let read = move |c: &mut Db| Ok::<_, Problem>(hits::list(c, order, (limit + 1, offset))?);
    let mut rows = request.app.database.read(read).await?;
    let limit = usize::try_from(limit).unwrap_or(0);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let body = |row: hits::RedirectUse| RedirectUseBody {
        source: parse_content(&row.content).get(SOURCE).and_then(|text| text.as_str()).unwrap_or_default().to_owned(),
        id: row.id,
        status: row.status,
        hits: row.hits.unwrap_or(0),
        last_hit_at: row.last_hit_at.map(utc_text),
    };
    let list = RedirectUseList { data: rows.into_iter().map(body).collect(), more };
    Ok(Response::json(200, &list)?.no_store())
}
