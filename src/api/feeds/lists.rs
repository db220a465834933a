//! Feeds of lists of events and sessions.

use serde_json::Value;

use crate::api::content::items::{cached_or_compute, link_header, negotiate, page_address, read_page};
use crate::api::feeds::formats::FeedFormat;
use crate::api::feeds::queries::{FeedQuery, parse_list};
use crate::api::feeds::whole_table::{has_more_than_one_page, stream_table};
use crate::api::preview_links::{ReadView, read_view};
use crate::content_types::ContentType;
use crate::database::Db;
use crate::delivery::cache::cached_response::{FreshResponse, ReadOutcome};
use crate::delivery::identities::identities;
use crate::delivery::list_items::Page;
use crate::delivery::revisions::revisions;
use crate::delivery::viewer::Viewer;
use crate::feeds::calendar::calendar_of_sessions;
use crate::feeds::identities::Identities;
use crate::feeds::revisions::Revisions;
use crate::feeds::{Feed, INCLUDED, INCLUDED_WITH_SESSIONS, OtherPages};
use crate::http::preconditions::entity_tag as etag;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::problem::Problem;

/// Returns the view of a feed: that of the public, even if the caller is an editor. Subscribers send no
/// token, so a feed must show an editor what subscribers get.
///
/// # Errors
/// As [`read_view`]; 400 if the viewer holds a preview link of one item.
async fn public_view(request: &Request) -> Result<ReadView, Problem> {
    let view = read_view(request).await?;
    view.require_list_access()?;
    Ok(ReadView { viewer: Viewer::Public, ..view })
}

/// Responds with a feed of events.
///
/// # Errors
/// 400 if a parameter is invalid, 503 if the database is not available.
pub async fn events(
    content_type: &'static ContentType,
    feed_format: FeedFormat,
    mut request: Request,
) -> Result<Response, Problem> {
    negotiate(&mut request);
    let view = public_view(&request).await?;
    let mut query = parse_list(content_type, feed_format, &request, view.at)?;
    query.list.shape.include = INCLUDED.to_vec();
    if feed_format == FeedFormat::Csv && has_more_than_one_page(content_type, &request, &view).await? {
        return Ok(stream_table(content_type, request, view, query));
    }
    respond(content_type, &request, (&view, query), |feed| (feed_format.media_type(), feed_format.write(feed))).await
}

/// Responds with a calendar of sessions.
///
/// # Errors
/// 400 if a parameter is invalid, 503 if the database is not available.
pub async fn sessions(content_type: &'static ContentType, mut request: Request) -> Result<Response, Problem> {
    negotiate(&mut request);
    let view = public_view(&request).await?;
    let mut query = parse_list(content_type, FeedFormat::Calendar, &request, view.at)?;
    query.list.shape.include = INCLUDED_WITH_SESSIONS.to_vec();
    let media_type = FeedFormat::Calendar.media_type();
    respond(content_type, &request, (&view, query), |feed| (media_type, calendar_of_sessions(feed))).await
}

/// Responds with the feed of a page, from the cache of this node or as `write` returns it, with its media type.
async fn respond(
    content_type: &'static ContentType,
    request: &Request,
    (view, query): (&ReadView, FeedQuery),
    write: impl FnOnce(&Feed<'_>) -> (&'static str, String),
) -> Result<Response, Problem> {
    let FeedQuery { list, locale, is_strict, expires_at } = query;
    let compute = async {
        let page = read_page(&request.app, content_type, view, list).await?;
        let items = parse_items(page.items.iter().map(|item| &*item.object), is_strict)?;
        let link = link_header(request, &page);
        let pages = other_pages(request, &page);
        let ((media_type, body), _) = with_feed(request, view, (items, locale, pages), write).await?;
        let fresh = FreshResponse::new(media_type, body, |body| etag(0, body), page.dependencies);
        Ok(ReadOutcome::Found(FreshResponse { expires_at, link, ..fresh }))
    };
    cached_or_compute(request, view, compute).await
}

/// Parses items, given as JSON objects of the API; `is_strict` leaves out those without a title in the language.
///
/// # Errors
/// 500 if one is no JSON.
pub fn parse_items<'a>(objects: impl Iterator<Item = &'a str>, is_strict: bool) -> Result<Vec<Value>, Problem> {
    let parse = |object| serde_json::from_str(object).map_err(|error| Problem::internal(&error));
    let mut items: Vec<Value> = objects.map(parse).collect::<Result<_, _>>()?;
    items.retain(|item| !is_strict || item["title"].is_string());
    Ok(items)
}

/// Runs `write` on the feed of these items, in a language, with the addresses of its other pages. Returns the items
/// too.
///
/// # Errors
/// 503 if the database is not available.
pub async fn with_feed<T>(
    request: &Request,
    view: &ReadView,
    (items, locale, pages): (Vec<Value>, String, OtherPages),
    write: impl FnOnce(&Feed<'_>) -> T,
) -> Result<(T, Vec<Value>), Problem> {
    let read = move |c: &mut Db| Ok((revisions(c, &items)?, identities(c, &items)?, items));
    let (revisions, identities, items): (Revisions, Identities, Vec<Value>) =
        view.read(&request.app, false, |_| Ok(None), read).await?;
    let public_url = request.app.config.base_url();
    let query = request.http.query_string();
    let mark = if query.is_empty() { "" } else { "?" };
    let feed = Feed {
        site: &request.app.site,
        own_url: &format!("{public_url}{}{mark}{query}", request.http.path()),
        list_url: &format!("{public_url}/api/v1/events{mark}{query}"),
        public_url,
        locale: &locale,
        pages,
        items: &items,
        revisions: &revisions,
        identities: &identities,
    };
    Ok((write(&feed), items))
}

/// Returns the addresses of the other pages of a feed.
fn other_pages(request: &Request, page: &Page) -> OtherPages {
    let public_url = request.app.config.base_url();
    let address =
        |cursor: Option<&String>| format!("{public_url}{}", page_address(request, cursor.map(String::as_str)));
    OtherPages {
        first: address(None),
        next: page.next.as_ref().map(|cursor| address(Some(cursor))),
        previous: page.previous.as_ref().map(|cursor| address(Some(cursor))),
    }
}
