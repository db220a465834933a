//! The OpenAPI document as a response of this server.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, HeaderValue, VARY};

use super::DocumentView;
use crate::api::content::items;
use crate::app::App;
use crate::delivery::cache::cached_response::{CachedResponse, FreshResponse};
use crate::delivery::cache::dependencies::Dependencies;
use crate::http::preconditions::entity_tag;
use crate::http::response::JSON;
use crate::http::route::Route;

/// Returns all routes of a site, complete with the parameters that depend on it.
pub fn routes(app: &App) -> Vec<Route> {
    items::with_site_parameters(crate::api::routes(), &app.site, DocumentView::All)
}

/// Returns a view of the OpenAPI document of this server as a cached response. It is generated once.
pub fn document(app: &App, view: DocumentView) -> Arc<CachedResponse> {
    let make = || {
        let text = super::document(&app.site, &app.config.public_url, view).to_string();
        let fresh = FreshResponse::new(JSON, text, |body| entity_tag(0, body), Dependencies::default());
        let headers = [(CACHE_CONTROL, "public, max-age=60"), (VARY, "Accept-Encoding")];
        Arc::new(fresh.into_cached(
            headers.map(|(name, value)| (name, HeaderValue::from_static(value))),
            0,
            app.response_cache.body_memory(),
        ))
    };
    let place = match view {
        DocumentView::All => &app.document,
        DocumentView::Delivery => &app.delivery_document,
    };
    Arc::clone(place.get_or_init(make))
}
