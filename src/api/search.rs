//! Endpoint of the full-text search over all content types.

use std::sync::Arc;

use serde_json::{Value, json};
use utoipa::openapi::Required;

use crate::api::content::items::{cached_or_compute, negotiate};
use crate::api::openapi::schemas::{enumeration, reference};
use crate::api::parameters::{IF_NONE_MATCH, TEXT, comma_separated, fallback, number, page_limit, page_offset};
use crate::api::preview_links::ReadView;
use crate::api::query_values::kinds_of_collections;
use crate::content::violation::{Violations, unknown_name_message};
use crate::content_types::{ALL, COLLECTION, PATH};
use crate::database::Db;
use crate::delivery::cache::cached_response::{FreshResponse, ReadOutcome};
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::query::parser::NO_FALLBACK;
use crate::delivery::search_all::{self, SearchRequest, SearchResult};
use crate::http::preconditions::entity_tag as etag;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, ParameterSet, Route};
use crate::problem::Problem;
use crate::search::{SEARCH_INDEX, SearchQuery};

/// Default number of hits per response.
const DEFAULT_LIMIT: i64 = 20;
/// Maximum number of hits per response.
const MAX_LIMIT: i64 = 100;
/// Maximum offset: every hit before it has to be ranked and checked for visibility.
const MAX_OFFSET: i64 = 1_000;

/// Returns the route of the search.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/search", Access::Public, search)
            .operation_id("search")
            .tag("Search")
            .summary("Search all content")
            .description(
                "Returns the published items of all content types that match a full-text query, best match first: \
                 those with every word, in the given or an inflected form. If nothing matches, words with a spelling \
                 error are accepted. Accents are ignored. The index follows writes within a second. Fails with 400 \
                 when `q` is missing or too long, or another parameter is invalid.",
            )
            .parameter_set(ParameterSet::Language)
            .parameters([
                {
                    let mut parameter = TEXT.clone();
                    parameter.required = Required::True;
                    parameter
                },
                comma_separated(
                    "collections",
                    enumeration(COLLECTION),
                    "Collections to search; by default all.",
                    json!(["events"]),
                ),
                page_limit(MAX_LIMIT, DEFAULT_LIMIT),
                page_offset(MAX_OFFSET),
                fallback(),
            ])
            .parameters([IF_NONE_MATCH.clone()])
            .responds(200, "The hits.", reference("SearchResults"), &["ETag", "Cache-Control"])
            .responds_empty(304, "The client already has the current representation.", &[]),
    ]
}

/// The parameters of a search.
struct SearchParameters {
    search_query: SearchQuery,
    kinds: Vec<&'static str>,
    limit: usize,
    offset: usize,
    locale: String,
    falls_back: bool,
}

fn parse_search_parameters(request: &Request) -> Result<SearchParameters, Problem> {
    let mut violations = Violations::new();
    let search_query = match request.query("q").map(SearchQuery::parse) {
        Some(Ok(search_query)) => Some(search_query),
        Some(Err((code, message))) => {
            violations.add("?q", code, message);
            None
        }
        None => {
            violations.add("?q", "required", "a text to search for is required");
            None
        }
    };
    let kinds = kinds_of_collections(request, |of| !of.is_without_page(), &mut violations);
    let site = &request.app.site;
    let locale = match request.query("locale").map(|name| site.locale(name).ok_or(name)) {
        None => site.default_locale().to_owned(),
        Some(Ok(locale)) => locale.to_owned(),
        Some(Err(name)) => {
            violations.add(
                "?locale",
                "not_allowed",
                unknown_name_message("value", name, site.locales.iter().map(String::as_str)),
            );
            String::new()
        }
    };
    let falls_back = falls_back(request, &mut violations);
    let offset = match request.query("offset").map(|text| text.parse().ok().filter(|n| (0..=MAX_OFFSET).contains(n))) {
        None => 0,
        Some(Some(offset)) => offset,
        Some(None) => {
            violations.add("?offset", "out_of_range", format!("a whole number between 0 and {MAX_OFFSET}"));
            0
        }
    };
    let Some(search_query) = search_query.filter(|_| violations.is_empty()) else {
        return Err(Problem::bad_request(violations));
    };
    let limit = number(request, "limit", MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT) as usize;
    Ok(SearchParameters { search_query, kinds, limit, offset: offset as usize, locale, falls_back })
}

/// Parses whether texts of other languages stand for those that are missing in the requested one.
fn falls_back(request: &Request, violations: &mut Violations) -> bool {
    let given = request.query("fallback");
    if given.is_some_and(|value| value != NO_FALLBACK) {
        let message = unknown_name_message("value", given.unwrap_or_default(), [NO_FALLBACK]);
        violations.add("?fallback", "not_allowed", message);
    }
    given.is_none()
}

async fn search(mut request: Request) -> Result<Response, Problem> {
    negotiate(&mut request);
    let parameters = parse_search_parameters(&request)?;
    // The search finds public items only, for every caller; so its responses are cached even if a token is
    // sent.
    let view = ReadView::for_public();
    let compute = async {
        let app = Arc::clone(&request.app);
        let read = move |c: &mut Db| {
            let SearchParameters { search_query, kinds, limit, offset, locale, falls_back } = parameters;
            // One result more than requested tells whether there are more.
            let end = offset + limit;
            let (query, kinds, locale) = (&search_query, &kinds[..], &locale[..]);
            let search = SearchRequest { query, kinds, locale, falls_back, limit: end + 1 };
            let mut results = search_all::search(c, &app.site, &app.search, search)?;
            let more = results.len() > end;
            results.truncate(end);
            Ok::<_, Problem>((results.split_off(offset.min(results.len())), more))
        };
        let (results, more) = request.app.database.read(read).await?;
        // The index follows the journal with a delay, so a cached response also expires when the index
        // changes: until then it may lack an item that the database already has.
        let dependencies = Dependencies::on_kinds(ALL.iter().map(|resource| resource.kind).chain([SEARCH_INDEX]));
        let body = json!({"data": results.into_iter().map(result_to_json).collect::<Vec<Value>>(), "more": more});
        Ok(ReadOutcome::Found(FreshResponse::new(JSON, body.to_string(), |body| etag(0, body), dependencies)))
    };
    cached_or_compute(&request, &view, compute).await
}

fn result_to_json(result: SearchResult) -> Value {
    let mut hit = json!({
        "collection": result.content_type.collection,
        "id": result.reference["id"],
        "slug": result.reference["slug"],
        "label": result.reference[result.content_type.label].as_str().unwrap_or_default(),
        "highlight": result.highlight,
    });
    if let Some(path) = result.reference.get(PATH) {
        hit[PATH] = path.clone();
    }
    if let Some((name, parent)) = result.parent {
        hit[name] = parent;
    }
    hit
}
