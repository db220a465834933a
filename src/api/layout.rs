//! Endpoint of the layout, which has what all pages of the website have in common.

use std::sync::Arc;

use crate::api::content::items::{cached_or_compute, negotiate};
use crate::api::openapi::layout_schemas::LAYOUT;
use crate::api::openapi::schemas::reference;
use crate::api::parameters::IF_NONE_MATCH;
use crate::api::preview_links::{ReadView, read_view};
use crate::api::site::instant_at;
use crate::content::LocaleMode;
use crate::content::violation::{Violations, unknown_name_message};
use crate::content_types::SITE_SETTINGS;
use crate::database::{Db, now};
use crate::delivery::cache::cached_response::{FreshResponse, ReadOutcome};
use crate::delivery::layout::{LayoutContext, layout};
use crate::delivery::query::parser::QueryParser;
use crate::delivery::viewer::Viewer;
use crate::http::preconditions::entity_tag as etag;
use crate::http::request::Request;
use crate::http::response::{JSON, Response};
use crate::http::route::{Access, ParameterSet, Route};
use crate::problem::Problem;

/// Returns the route of the layout.
pub fn route() -> Route {
    Route::get("/api/v1/layout", Access::Public, get)
        .operation_id("getLayout")
        .tag(SITE_SETTINGS.title_plural)
        .summary("Get the layout")
        .description(
            "Returns what all pages of the website have in common: the settings of the site, the menus by their slugs, with \
             addresses, and the announcements that are due, the latest first. Links to items that are not public are left \
             out, with all below them.",
        )
        .parameter_set(ParameterSet::FeedOfOne)
        .parameters([IF_NONE_MATCH.clone()])
        .responds(200, "The layout.", reference(LAYOUT), &["ETag", "Cache-Control"])
        .responds_empty(304, "The client already has the current representation.", &[])
}

async fn get(mut request: Request) -> Result<Response, Problem> {
    negotiate(&mut request);
    let view = layout_view(&request).await?;
    let (site, mut violations) = (Arc::clone(&request.app.site), Violations::new());
    let mut parser =
        QueryParser { content_type: &SITE_SETTINGS, site: &site, viewer: &view.viewer, violations: &mut violations };
    let mut shape = parser.shape(&request.query_pairs, true);
    // Of a preview link, only the item itself is shown with its newest text.
    (shape.draft, shape.view.unpublished) = (false, false);
    let locale = match &shape.view.locale {
        LocaleMode::One(locale) => locale.clone(),
        LocaleMode::All => {
            let known = site.locales.iter().map(String::as_str);
            violations.add("?locale", "not_allowed", unknown_name_message("value", "*", known));
            String::new()
        }
    };
    if !violations.is_empty() {
        return Err(Problem::bad_request(violations));
    }
    let moment = view.at;
    let compute = async {
        let read = move |c: &mut Db| {
            let context =
                LayoutContext { site: &site, shape: &shape, locale: &locale, now: moment.unwrap_or_else(now) };
            Ok::<_, Problem>(layout(c, context)?)
        };
        let layout = view.read(&request.app, false, |_| Ok(None), read).await?;
        let expires_at = instant_at(layout.changes_at, moment.unwrap_or_else(now));
        let fresh = FreshResponse::new(JSON, layout.object, |body| etag(0, body), layout.dependencies);
        Ok(ReadOutcome::Found(FreshResponse { expires_at, ..fresh }))
    };
    cached_or_compute(&request, &view, compute).await
}

/// Returns the view of a layout: that of the public, also for editors, or of the holder of a preview link.
async fn layout_view(request: &Request) -> Result<ReadView, Problem> {
    let view = read_view(request).await?;
    match view.viewer {
        Viewer::Link { .. } => Ok(view),
        Viewer::Public | Viewer::Editor { .. } => Ok(ReadView { viewer: Viewer::Public, ..view }),
    }
}
