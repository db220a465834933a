//! Endpoint of the sitemap of the website's event pages.

use std::sync::Arc;

use serde_json::json;

use crate::api::content::items::cached_or_compute;
use crate::api::openapi::schemas::text;
use crate::api::parameters::{IF_NONE_MATCH, number, query, whole};
use crate::api::preview_links::ReadView;
use crate::database::Db;
use crate::delivery::cache::absence_cache::Absence;
use crate::delivery::cache::cached_response::{FreshResponse, ReadOutcome};
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::sitemap::{count, entries};
use crate::feeds::sitemap::{index, sitemap};
use crate::http::preconditions::entity_tag as etag;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::route::{Access, Route};
use crate::problem::{Problem, ProblemKind};

const XML: &str = "application/xml";
/// Maximum number of sitemaps in an index (sitemaps.org).
const MAX_SITEMAPS: i64 = 50_000;

/// Returns the route of the sitemap.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/sitemap.xml", Access::Public, get)
            .operation_id("getSitemap")
            .tag("Events")
            .summary("Get the sitemap")
            .description(
                "Returns the sitemap of the website's event pages for search engines (sitemaps.org). Each page is \
                 listed with its translations if the setting `site.event_url` contains `{locale}`. If there are more \
                 than 5,000 events, a sitemap index is returned, and `page` selects one of its sitemaps. Fails with \
                 404 when there is no sitemap with this number.",
            )
            .parameters([
                query("page", whole(1, MAX_SITEMAPS), "Number of a sitemap of the index, from 1.", json!(1)),
                IF_NONE_MATCH.clone(),
            ])
            .responds_as(200, "The sitemap.", XML, text(), &["ETag", "Cache-Control"])
            .responds_empty(304, "The client already has the current representation.", &[])
            .problems(&[ProblemKind::NotFound]),
    ]
}

async fn get(request: Request) -> Result<Response, Problem> {
    let page = number(&request, "page", MAX_SITEMAPS)?;
    let view = ReadView::public();
    let compute = async {
        let (site, public_url) = (Arc::clone(&request.app.site), request.app.config.public_url.clone());
        let read = move |c: &mut Db| {
            let sitemaps = count(c)?;
            let sitemap_url = format!("{}/api/v1/sitemap.xml", public_url.trim_end_matches('/'));
            match page {
                None if sitemaps > 1 => {
                    let pages: Vec<String> = (1..=sitemaps).map(|page| format!("{sitemap_url}?page={page}")).collect();
                    Ok::<_, Problem>(Some(index(&pages)))
                }
                Some(page) if page > sitemaps.max(1) => Ok(None),
                page => Ok(Some(sitemap(&site, &public_url, &entries(c, &site, page.unwrap_or(1))?))),
            }
        };
        let dependencies = Dependencies::on_kinds(["event"]);
        Ok(match request.app.database.read(read).await? {
            Some(body) => ReadOutcome::Found(FreshResponse::new(XML, body, |body| etag(0, body), dependencies)),
            None => ReadOutcome::Absent(Absence::Missing("sitemap"), dependencies),
        })
    };
    cached_or_compute(&request, &view, compute).await
}
