//! Endpoint of the sitemap of the website.

use std::sync::Arc;

use serde_json::json;

use crate::api::content::items::cached_or_compute;
use crate::api::openapi::schemas::text;
use crate::api::parameters::{IF_NONE_MATCH, integer_between, number, query};
use crate::api::preview_links::ReadView;
use crate::content_types::ALL;
use crate::database::Db;
use crate::delivery::cache::absence_cache::Absence;
use crate::delivery::cache::cached_response::{FreshResponse, ReadOutcome};
use crate::delivery::cache::dependencies::Dependencies;
use crate::delivery::sitemap::{entries, sitemaps};
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
                "Returns the sitemap of the website's pages (sitemaps.org): those of events, and of all content types \
                 for which a setting such as `site.speaker_url` has the address, with their translations if that \
                 contains `{locale}`. With more than 5,000 items it is an index, and `page` selects one of its \
                 sitemaps. Fails with 404 when there is none with this number.",
            )
            .parameters([
                query("page", integer_between(1, MAX_SITEMAPS), "Number of a sitemap of the index, from 1.", json!(1)),
                IF_NONE_MATCH.clone(),
            ])
            .responds_as(200, "The sitemap.", XML, text(), &["ETag", "Cache-Control"])
            .responds_empty(304, "The client already has the current representation.", &[])
            .problems(&[ProblemKind::NotFound]),
    ]
}

async fn get(request: Request) -> Result<Response, Problem> {
    let page = number(&request, "page", MAX_SITEMAPS)?;
    let view = ReadView::for_public();
    let compute = async {
        let (site, public_url) = (Arc::clone(&request.app.site), request.app.config.base_url().to_owned());
        let read = move |c: &mut Db| {
            let sitemaps = sitemaps(c, &site)?;
            let sitemap_url = format!("{public_url}/api/v1/sitemap.xml");
            if page.is_none() && sitemaps.len() > 1 {
                let pages = (1..=sitemaps.len()).map(|page| format!("{sitemap_url}?page={page}"));
                return Ok::<_, Problem>(Some(index(&pages.collect::<Vec<_>>())));
            }
            let number = usize::try_from(page.unwrap_or(1)).unwrap_or(usize::MAX);
            let Some(parts) = sitemaps.get(number - 1) else { return Ok(None) };
            let mut all = Vec::new();
            for part in parts {
                all.extend(entries(c, &site, *part)?);
            }
            Ok(Some(sitemap(&site, &public_url, &all)))
        };
        // The pages of all items show others, whose changes are theirs.
        let dependencies = Dependencies::on_kinds(ALL.map(|content_type| content_type.kind));
        Ok(match request.app.database.read(read).await? {
            Some(body) => ReadOutcome::Found(FreshResponse::new(XML, body, |body| etag(0, body), dependencies)),
            None => ReadOutcome::Absent(Absence::Missing("sitemap"), dependencies),
        })
    };
    cached_or_compute(&request, &view, compute).await
}
