//! Endpoints that read content: lists and single items of every content type.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use actix_web::http::header::{self, HeaderName, HeaderValue};
use serde_json::Value;

use crate::api::openapi::DocumentView;
use crate::api::openapi::item_schemas::{ItemForm, PARTIAL_ITEM, PARTIAL_PAGE};
use crate::api::openapi::schemas::{Locales, reference};
use crate::api::parameters::{self, IF_NONE_MATCH, path_id_or_slug};
use crate::api::preview_links::{ReadView, read_view, restrict_to_link};
use crate::api::site::expires_at as new_year;
use crate::app::App;
use crate::content::violation::Violations;
use crate::content::{LocaleMode, Site};
use crate::content_types::ContentType;
use crate::database::Db;
use crate::delivery::cache::absence_cache::{Absence, CachedAbsence};
use crate::delivery::cache::cache_tags::{self, PUBLIC_CACHE};
use crate::delivery::cache::cached_response::{FreshResponse, ReadOutcome, time_dependent_expiry};
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::cache::list_parts::{ListParts, list_body};
use crate::delivery::cache::response_cache::{CacheKey, CacheLookup};
use crate::delivery::get_item::{ItemLookup, find_item};
use crate::delivery::list_items::{Page, page, single_query_page};
use crate::delivery::query::ListQuery;
use crate::delivery::query::parser::QueryParser;
use crate::delivery::{ReadContext, Shape, stored_queries};
use crate::http::cached_response::{absence_response, cache_key, negotiated_locale};
use crate::http::preconditions::entity_tag as etag;
use crate::http::request::Request;
use crate::http::response::{ALL_LOCALES, JSON, PARTIAL, Response};
use crate::http::route::{Access, ParameterSet, Route};
use crate::problem::{Problem, ProblemKind};

/// Returns the noun of a content type with its indefinite article, for summaries: "an event", "a speaker".
pub fn with_article(resource: &ContentType) -> String {
    let article = if resource.noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {}", resource.noun)
}

/// Returns the collection name in camel case for operation ids, such as `EventTypes`.
fn plural(resource: &ContentType) -> String {
    resource.collection.split('-').map(|part| format!("{}{}", part[..1].to_uppercase(), &part[1..])).collect()
}

/// Adds to each route the query parameters of a view whose values depend on the site's languages.
pub fn with_site_parameters(mut routes: Vec<Route>, site: &Site, view: DocumentView) -> Vec<Route> {
    for route in &mut routes {
        route.parameters.extend(match route.parameter_set {
            ParameterSet::Own => Vec::new(),
            ParameterSet::List(resource) => parameters::list_parameters(resource, site, view),
            ParameterSet::One(resource) => parameters::item_parameters(resource, site, view),
            ParameterSet::Feed(resource) => parameters::feed_parameters(resource, site, view),
            ParameterSet::FeedOfOne => parameters::item_feed_parameters(site, view),
            ParameterSet::Place => parameters::place_parameters(site, view),
            ParameterSet::Language => parameters::language_parameters(site),
            ParameterSet::Translation => vec![parameters::translation_parameter(site)],
            ParameterSet::Step => parameters::step_parameters(site),
            ParameterSet::Content => parameters::write_parameters(site),
        });
    }
    routes
}

/// Returns the path of the collection of a content type.
pub fn collection_path(resource: &ContentType) -> String {
    format!("/api/v1/{}", resource.collection)
}

/// Returns the path template of a single item of a content type.
pub fn item_path(resource: &ContentType) -> String {
    format!("/api/v1/{}/{{id_or_slug}}", resource.collection)
}

/// Returns the read routes of a content type: the list and the single item.
pub fn routes(resource: &'static ContentType) -> Vec<Route> {
    let collection = resource.collection.replace('-', " ");
    let schema = resource.schema;
    let all_locales = ItemForm { content_type: resource, locales: Locales::All };
    vec![
        Route::get(collection_path(resource), Access::Public, move |r| list(resource, r))
            .operation_id(format!("list{}", plural(resource)))
            .tag(resource.title_plural)
            .summary(format!("List {collection}"))
            .description(format!(
                "Returns a page of the published {collection}, short without `detail=full`; editors may ask for others. \
                 Fails with 400 when a parameter is invalid or the query too expensive."
            ))
            .parameter_set(ParameterSet::List(resource))
            .parameters([IF_NONE_MATCH.clone()])
            .responds(
                200,
                "One page of the list.",
                reference(&format!("{schema}Page")),
                &["ETag", "Link", "Cache-Control"],
            )
            .or_media_type(ALL_LOCALES, reference(&all_locales.page_name()))
            .or_media_type(PARTIAL, reference(PARTIAL_PAGE))
            .responds_empty(304, "The client already has the current representation.", &[]),
        Route::get(item_path(resource), Access::Public, move |r| get(resource, r))
            .operation_id(format!("get{schema}"))
            .tag(resource.title_plural)
            .summary(format!("Get {}", with_article(resource)))
            .description(
                "Returns one item; a former slug redirects to the current one. Fails with 404 when the caller sees no \
                 such item.",
            )
            .parameter_set(ParameterSet::One(resource))
            .parameters([path_id_or_slug(), IF_NONE_MATCH.clone()])
            .responds(200, "The item.", reference(schema), &["ETag", "Cache-Control"])
            .or_media_type(ALL_LOCALES, reference(&all_locales.name()))
            .or_media_type(PARTIAL, reference(PARTIAL_ITEM))
            .responds_empty(304, "The client already has the current representation.", &[])
            .responds_empty(308, "The item has another slug now; `Location` is its address.", &["Location"])
            .problems(&[ProblemKind::NotFound]),
    ]
}

/// Records the locale negotiated by `Accept-Language` and adds it to the query parameters, so that the rest
/// of the request handles it like `locale=`.
pub fn negotiate(request: &mut Request) {
    request.negotiated = negotiated_locale(&request.http, &request.app.site);
    request.query_pairs.extend(request.negotiated.iter().map(|locale| ("locale".to_owned(), locale.clone())));
}

async fn list(content_type: &'static ContentType, mut request: Request) -> Result<Response, Problem> {
    negotiate(&mut request);
    let view = read_view(&request).await?;
    view.require_list_access()?;
    let mut violations = Violations::new();
    let site = &request.app.site;
    let mut parser = QueryParser { content_type, site, viewer: &view.viewer, violations: &mut violations };
    let mut query = parser.list(&request.query_pairs, &request.app.site_key);
    if !violations.is_empty() {
        return Err(Problem::bad_request(violations));
    }
    query.at = view.at;
    let expires_at = expires_at(&query);
    let compute = async {
        let (limit, media_type) = (query.limit, media_type(&query.shape));
        let page = read_page(&request.app, content_type, &view, query).await?;
        let link = link_header(&request, &page);
        let end = end_of_body(&page, limit);
        let parts = Some(ListParts::new(&page.items, &end));
        let body = list_body(&page.items, &end);
        let fresh = FreshResponse::new(media_type, body, |body| etag(0, body), page.dependencies);
        Ok(ReadOutcome::Found(FreshResponse { link, expires_at, parts, ..fresh }))
    };
    cached_or_compute(&request, &view, compute).await
}

/// Reads the page that a list query asks for.
///
/// Public reads use the cached items of this node. They first try [`single_query_page`], which needs a single statement
/// and no transaction, and fall back to [`page`] in a read transaction.
///
/// # Errors
/// 400 if the query is too expensive, 503 if the database or the preview of a future moment is not available.
pub async fn read_page(
    app: &Arc<App>,
    content_type: &'static ContentType,
    view: &ReadView,
    query: ListQuery,
) -> Result<Page, Problem> {
    // The time is taken before the read begins: items that change during the read are then already out of
    // date when they enter the cache. Taken afterwards, a stale item could be cached as current.
    let (since, public, query) = (app.database.invalidation_clock().now(), view.is_public(), Arc::new(query));
    let on_this_thread = public && query.is_index_walk();
    let (fast_app, fast_query) = (Arc::clone(app), Arc::clone(&query));
    let fast_path = move |c: &mut Db| {
        let cache = fast_app.item_cache.scope_since(since).only_if(public);
        single_query_page(c, content_type, fast_app.list_context(cache), &fast_query)
    };
    let here = Arc::clone(app);
    let read = move |c: &mut Db| {
        let cache = here.item_cache.scope_since(since).only_if(public);
        page(c, content_type, here.list_context(cache), &query)
    };
    view.read(app, on_this_thread, fast_path, read).await
}

/// Returns the response of a read, from the cache of this node or from `compute`, whose result is then cached.
///
/// Only responses that are the same for every client are cached: public ones, and public previews of a future
/// moment. Responses for editors and holders of item links are computed on each request.
///
/// # Errors
/// 404 if `compute` finds no item, 503 if slow clients already hold too many bytes of responses, and the
/// errors of `compute`.
pub async fn cached_or_compute(
    request: &Request,
    view: &ReadView,
    compute: impl Future<Output = Result<ReadOutcome, Problem>>,
) -> Result<Response, Problem> {
    let compute = async {
        check_response_memory(&request.app)?;
        // Taken before the read, so that a change during the read makes the new entry out of date at once.
        let since = request.app.database.invalidation_clock().now();
        Ok::<_, Problem>(match compute.await? {
            ReadOutcome::Found(fresh) => {
                let headers = headers(request, view, &fresh);
                let memory = request.app.response_cache.body_memory();
                CacheLookup::Found(Arc::new(fresh.into_cached(headers, since, memory)))
            }
            ReadOutcome::Absent(absence, dependencies) => {
                CacheLookup::Absent(Arc::new(CachedAbsence::new(absence, dependencies, since)))
            }
        })
    };
    let cache = &request.app.response_cache;
    let cache_key = match (view.viewer.is_public(), view.at) {
        (true, None) => Some(cache_key(&request.app, &request.http, request.negotiated.as_deref())),
        (true, Some(at)) => Some(preview_cache_key(request, at).await?),
        (false, _) => None,
    };
    // Cached public responses are served before a handler runs, previews are not: so only they are looked up
    // here.
    let ready = cache_key.filter(|_| view.at.is_some()).and_then(|cache_key| cache.find(cache_key));
    let lookup = match (ready, cache_key) {
        (Some(cached), _) => CacheLookup::Found(cached),
        (None, Some(cache_key)) => cache.find_or_compute(cache_key, compute).await?,
        (None, None) => compute.await?,
    };
    match lookup {
        CacheLookup::Found(cached) => Ok(Response::from_cached(cache_key, cached)),
        CacheLookup::Absent(found) => absence_response(&request.app, &found, view.is_public()),
    }
}

/// Returns the cache key of a preview of a future moment: the address and the generation of the overlay that
/// shows the moment. All moments between two scheduled changes share a generation, and so their cached
/// responses; a change of the overlay's content gives a new generation, and so new keys.
async fn preview_cache_key(request: &Request, at: i64) -> Result<CacheKey, Problem> {
    let generation = request.app.previews.generation(at).await?.to_string();
    let negotiated = request.negotiated.as_deref().unwrap_or_default();
    let (path, query) = (request.http.path(), request.http.query_string());
    Ok(request.app.response_cache.key(&[path, query, negotiated, "at", &generation]))
}

/// Returns an error while clients that read slowly hold more response bytes in memory than the settings
/// allow: a new response would add to them.
fn check_response_memory(app: &App) -> Result<(), Problem> {
    let server = &app.config.server;
    let allowed = server.response_cache_bytes.saturating_add(server.response_buffer_bytes);
    match app.response_cache.body_memory().bytes() <= allowed {
        true => Ok(()),
        false => Err(Problem::new(ProblemKind::Unavailable, "too many responses are being sent").retry_after(5)),
    }
}

/// Returns the response with one item, in any media type.
pub fn item_response(media_type: &'static str, body: String, version: i64, dependencies: Dependencies) -> ReadOutcome {
    ReadOutcome::Found(FreshResponse::new(media_type, body, |body| etag(version, body), dependencies))
}

/// Lets a response that names the year expire with it.
fn until_new_year(outcome: ReadOutcome, site: &Site) -> ReadOutcome {
    match outcome {
        ReadOutcome::Found(fresh) => ReadOutcome::Found(FreshResponse { expires_at: new_year(site), ..fresh }),
        absent => absent,
    }
}

/// Returns the absence of an item. It depends on the whole content type, since an item that is created,
/// published or renamed can end it.
pub fn not_found_response(content_type: &'static ContentType) -> ReadOutcome {
    ReadOutcome::Absent(Absence::Missing(content_type.noun), Dependencies::on_kinds(content_type.visible_by()))
}

/// Returns the media type of a response. Items with a sparse fieldset or without texts of fallback languages, and items
/// with the texts of all locales, have types of their own, so that clients know which schema to expect.
pub fn media_type(shape: &Shape) -> &'static str {
    match (shape.fields.is_some(), &shape.view.locale) {
        (true, _) => PARTIAL,
        (false, LocaleMode::All) => ALL_LOCALES,
        (false, LocaleMode::One(_)) if !shape.view.falls_back => PARTIAL,
        (false, LocaleMode::One(_)) => JSON,
    }
}

/// Returns when the response to a list query expires even if no content changes: a query that depends on the
/// current time (`when=upcoming`) has another result soon after. `None` if it does not depend on the time.
pub fn expires_at(query: &ListQuery) -> Option<Instant> {
    query.depends_on_now().then(time_dependent_expiry)
}

/// Returns the body of a page from the bracket behind its last item.
fn end_of_body(page: &Page, limit: i64) -> String {
    // Cursors are base64url: nothing in them needs escaping.
    let cursor = |c: &Option<String>| c.as_ref().map_or("null".to_owned(), |c| format!("\"{c}\""));
    let total = page.total.map_or(String::new(), |total| format!(",\"total\":{total}"));
    let highlights: serde_json::Map<String, Value> =
        page.highlights.iter().map(|(id, text)| (id.clone(), text.as_str().into())).collect();
    let highlights = match highlights.is_empty() {
        true => String::new(),
        false => format!(",\"highlights\":{}", Value::Object(highlights)),
    };
    let facets = match page.facets.is_empty() {
        true => String::new(),
        false => format!(",\"facets\":{}", Value::Object(page.facets.clone())),
    };
    format!(
        "]{highlights}{facets},\"page\":{{\"next\":{},\"prev\":{},\"limit\":{limit}{total}}}}}",
        cursor(&page.next),
        cursor(&page.previous)
    )
}

/// Returns the address of a page of the requested list, without the address of the server: of that with a cursor, or of
/// the first one.
pub fn page_address(request: &Request, cursor: Option<&str>) -> String {
    let others = request.query_pairs.iter().filter(|(name, _)| name != "cursor" && name != "offset");
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(others).extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
    let query = query.finish();
    format!("{}{}{query}", request.http.path(), if query.is_empty() { "" } else { "?" })
}

/// Returns the value of the `Link` header with the next and the previous page (RFC 8288).
pub fn link_header(request: &Request, page: &Page) -> Option<String> {
    let first = page_address(request, None);
    let mark = if first.contains('?') { '&' } else { '?' };
    // Cursors are base64url: nothing in them needs escaping.
    let link = |cursor: &String, rel: &str| format!("<{first}{mark}cursor={cursor}>; rel=\"{rel}\"");
    let next = page.next.as_ref().map(|cursor| link(cursor, "next"));
    let previous = page.previous.as_ref().map(|cursor| link(cursor, "prev"));
    let all: Vec<String> = next.into_iter().chain(previous).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Responds with the item in the path.
///
/// # Errors
/// 400 if a parameter is invalid, 404 if the caller sees no such item, 503 if the database is not available.
pub async fn get(content_type: &'static ContentType, mut request: Request) -> Result<Response, Problem> {
    negotiate(&mut request);
    let view = read_view(&request).await?;
    let mut violations = Violations::new();
    let site = &request.app.site;
    let mut parser = QueryParser { content_type, site, viewer: &view.viewer, violations: &mut violations };
    let shape = parser.shape(&request.query_pairs, true);
    if !violations.is_empty() {
        return Err(Problem::bad_request(violations));
    }
    let compute = compute_item(content_type, &request, &view, shape);
    cached_or_compute(&request, &view, compute).await
}

/// Reads the item in the path, in this shape.
async fn compute_item(
    content_type: &'static ContentType,
    request: &Request,
    view: &ReadView,
    mut shape: Shape,
) -> Result<ReadOutcome, Problem> {
    let media_type = media_type(&shape);
    let key = request.path("id_or_slug").to_owned();
    let (app, is_public) = (Arc::clone(&request.app), view.is_public());
    let since = app.database.invalidation_clock().now();
    let read = move |c: &mut Db| {
        restrict_to_link(c, content_type, &key, &mut shape)?;
        let context = ReadContext { content_type, site: &app.site, shape: &shape };
        let mut found = find_item(c, context, &key)?;
        let is_expanded = stored_queries::is_wanted(content_type, &shape);
        let mut depends_on_now = false;
        if let ItemLookup::Found { item, .. } = &mut found
            && is_expanded
        {
            let cache = app.item_cache.scope_since(since).only_if(is_public);
            let list = app.list_context(cache);
            let filled = stored_queries::fill(c, list, (content_type, &shape), &mut item.object)?;
            item.dependencies.add(&filled.dependencies);
            depends_on_now = filled.depends_on_now;
        }
        Ok((found, depends_on_now))
    };
    let (found, depends_on_now) = view.read_item(&request.app, read).await?;
    Ok(match found {
        ItemLookup::Found { item, version } => {
            let found = item_response(media_type, item.object, version, item.dependencies).with_expiry(depends_on_now);
            if content_type.is_singleton() { until_new_year(found, &request.app.site) } else { found }
        }
        ItemLookup::Moved(slug) => {
            let query = request.http.query_string();
            let mark = if query.is_empty() { "" } else { "?" };
            let location = format!("{}/{slug}{mark}{query}", collection_path(content_type));
            ReadOutcome::Absent(Absence::Moved(location), Dependencies::on_kinds(content_type.visible_by()))
        }
        ItemLookup::Absent => not_found_response(content_type),
    })
}

/// Returns the headers of a response other than `Content-Type` and `ETag`. Values that many responses have in
/// common are static or shared, so that cached responses take little memory.
fn headers(request: &Request, view: &ReadView, fresh: &FreshResponse) -> Vec<(HeaderName, HeaderValue)> {
    let is_in_address = request.query_pairs.iter().any(|(name, _)| name == "locale") && request.negotiated.is_none();
    let vary = match is_in_address {
        true => "Authorization, Accept-Encoding",
        false => "Authorization, Accept-Language, Accept-Encoding",
    };
    let site = &request.app.site;
    let language = request.query("locale").map_or(Some(site.default_locale()), |locale| site.locale(locale));
    let cache = if view.is_public() { PUBLIC_CACHE } else { "private, no-store" };
    let own = |value: &str| HeaderValue::from_str(value).ok();
    let tags = if view.is_public() { cache_tags::tags(&request.app.config.cdn, &fresh.dependencies) } else { None };
    let headers_by_name = [
        (header::VARY, Some(HeaderValue::from_static(vary))),
        (header::CONTENT_LANGUAGE, language.and_then(|language| request.app.languages.get(language).cloned())),
        (header::CACHE_CONTROL, Some(HeaderValue::from_static(cache))),
        (header::LINK, fresh.link.as_deref().and_then(own)),
    ];
    let tags = tags.map(|(name, value)| (HeaderName::from_static(name), own(&value)));
    headers_by_name.into_iter().chain(tags).filter_map(|(name, value)| Some((name, value?))).collect()
}
