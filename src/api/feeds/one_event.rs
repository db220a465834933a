//! Calendars, programmes and JSON-LD of one event.

use std::sync::Arc;

use crate::api::content::items::{cached_or_compute, collection_path, item_response, negotiate, not_found_response};
use crate::api::feeds::formats::FeedFormat;
use crate::api::feeds::lists::{parse_items, with_feed};
use crate::api::feeds::queries::{FeedQuery, parse};
use crate::api::preview_links::{ReadView, read_view, restrict_to_link};
use crate::content_types::ContentType;
use crate::database::Db;
use crate::delivery::ReadContext;
use crate::delivery::cache::absence_cache::Absence;
use crate::delivery::cache::cached_response::ReadOutcome;
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::get_item::{ItemLookup, find_item};
use crate::delivery::viewer::Viewer;
use crate::feeds::{Feed, OtherPages};
use crate::http::request::Request;
use crate::http::response::Response;
use crate::problem::Problem;

/// Responds with the event in the path, in a format.
///
/// # Errors
/// 400 if a parameter is invalid, 404 if no such event is public, 503 if the database is not available.
pub async fn get(
    content_type: &'static ContentType,
    feed_format: FeedFormat,
    mut request: Request,
) -> Result<Response, Problem> {
    negotiate(&mut request);
    let view = item_view(&request).await?;
    let FeedQuery { mut list, locale, .. } = parse(content_type, &request, &view.viewer, &request.query_pairs)?;
    list.shape.include = feed_format.included_with_event();
    let compute = async {
        let (app, key) = (Arc::clone(&request.app), request.path("id_or_slug").to_owned());
        let read = move |c: &mut Db| {
            restrict_to_link(c, content_type, &key, &mut list.shape)?;
            let context = ReadContext { content_type, site: &app.site, shape: &list.shape };
            Ok(find_item(c, context, &key)?)
        };
        let (item, version) = match view.read_item(&request.app, read).await? {
            ItemLookup::Found { item, version } => (item, version),
            ItemLookup::Moved(slug) => return Ok(redirect_to_slug(content_type, &request, &slug)),
            ItemLookup::Absent => return Ok(not_found_response(content_type)),
        };
        let items = parse_items(std::iter::once(item.object.as_str()), false)?;
        let write = |feed: &Feed<'_>| feed_format.write_one(feed, &feed.items[0]);
        let (body, _) = with_feed(&request, &view, (items, locale, OtherPages::default()), write).await?;
        Ok(item_response(feed_format.media_type(), body, version, item.dependencies))
    };
    cached_or_compute(&request, &view, compute).await
}

/// Returns the view of one event as a feed: that of the public, or of the holder of a preview link.
async fn item_view(request: &Request) -> Result<ReadView, Problem> {
    let view = read_view(request).await?;
    match view.viewer {
        Viewer::Link { .. } => Ok(view),
        Viewer::Public | Viewer::Editor { .. } => Ok(ReadView { viewer: Viewer::Public, ..view }),
    }
}

/// Returns the redirect to the same format under the present slug of the event.
fn redirect_to_slug(content_type: &'static ContentType, request: &Request, slug: &str) -> ReadOutcome {
    let name = request.http.path().rsplit('/').next().unwrap_or_default();
    let query = request.http.query_string();
    let mark = if query.is_empty() { "" } else { "?" };
    let location = format!("{}/{slug}/{name}{mark}{query}", collection_path(content_type));
    ReadOutcome::Absent(Absence::Moved(location), Dependencies::on_kinds(content_type.visible_by()))
}
