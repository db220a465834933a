//! Tables of all events, streamed: they are written page by page while they are sent, so that their size takes no
//! memory.

use std::sync::Arc;

use actix_web::web::Bytes;
use futures_util::stream::try_unfold;

use crate::api::content::items::read_page;
use crate::api::feeds::formats::{FeedFormat, MAX_FEED_ITEMS};
use crate::api::feeds::lists::{parse_items, with_feed};
use crate::api::feeds::queries::{FeedQuery, parse_list};
use crate::api::preview_links::ReadView;
use crate::content_types::ContentType;
use crate::delivery::query::ListQuery;
use crate::delivery::query::cursor::Cursor;
use crate::feeds::OtherPages;
use crate::feeds::table::{csv, csv_part};
use crate::http::request::Request;
use crate::http::response::{Response, StreamBody};
use crate::problem::Problem;

/// Returns whether a table without a limit has more events than one page, so that it is streamed. Smaller ones are
/// cached, and have an entity tag.
///
/// # Errors
/// 400 if a parameter is invalid, 503 if the database is not available.
pub async fn has_more_than_one_page(
    content_type: &'static ContentType,
    request: &Request,
    view: &ReadView,
) -> Result<bool, Problem> {
    if request.query("limit").is_some() || request.query("cursor").is_some() {
        return Ok(false);
    }
    let mut query = parse_list(content_type, FeedFormat::Csv, request, view.at)?.list;
    (query.offset, query.limit, query.shape.full) = (MAX_FEED_ITEMS, 1, false);
    Ok(!read_page(&request.app, content_type, view, query).await?.items.is_empty())
}

/// A table that is being sent.
struct Table {
    content_type: &'static ContentType,
    request: Request,
    view: ReadView,
    locale: String,
    is_strict: bool,
    /// The query of the next page; `None` after the last one.
    next: Option<ListQuery>,
    is_first: bool,
}

/// Responds with a table of all events that meet a query. No cache stores it: it has no dependencies by which it
/// could be purged before it is complete.
///
/// The pages are read one after the other, so an event that changes meanwhile may be in the table in its old or its new
/// form, at its old or its new place. No event that does not change is missing or twice.
pub fn stream_table(
    content_type: &'static ContentType,
    request: Request,
    view: ReadView,
    query: FeedQuery,
) -> Response {
    let FeedQuery { list, locale, is_strict, .. } = query;
    let language = locale.clone();
    let table = Table { content_type, request, view, locale, is_strict, next: Some(list), is_first: true };
    let stream = try_unfold(table, |mut table| async move {
        let Some(query) = table.next.take() else { return Ok(None) };
        let part = table.part(query).await.map_err(|problem| {
            tracing::warn!(detail = %problem.detail, "a table could not be completed");
            // The connection is closed before the end of the body, by which the client knows.
            actix_web::error::ErrorInternalServerError("the table could not be completed")
        })?;
        Ok::<_, actix_web::Error>(Some((Bytes::from(part), table)))
    });
    let response = Response { stream: Some(StreamBody(Box::pin(stream))), ..Response::empty(200) };
    response.with_content_type(FeedFormat::Csv.media_type()).header("content-language", language).no_store()
}

impl Table {
    /// Returns the lines of the next page, and sets the query of the one after it.
    async fn part(&mut self, query: ListQuery) -> Result<String, Problem> {
        let (app, view) = (Arc::clone(&self.request.app), self.view.clone());
        let following = ListQuery { offset: 0, ..query.clone() };
        let page = read_page(&app, self.content_type, &view, query).await?;
        self.next = page
            .next
            .as_deref()
            .and_then(|next| Cursor::decode(next, &app.site_key))
            .map(|cursor| ListQuery { cursor: Some(cursor), ..following });
        let items = parse_items(page.items.iter().map(|item| &*item.object), self.is_strict)?;
        let write = if std::mem::take(&mut self.is_first) { csv } else { csv_part };
        let feed = (items, self.locale.clone(), OtherPages::default());
        Ok(with_feed(&self.request, &view, feed, write).await?.0)
    }
}
