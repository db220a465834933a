//! The OpenAPI document as a response of this server.

use std::sync::Arc;

use actix_web::http::header::{CACHE_CONTROL, HeaderValue, VARY};

use super::DocumentView;
use super::form_schemas::form_schemas;
use crate::api::content::items;
use crate::app::App;
use crate::delivery::cache::cached_response::{CachedResponse, FreshResponse};
use crate::delivery::cache::dependencies::Dependencies;
use crate::http::preconditions::entity_tag;
use crate::http::response::{JSON, JSON_SCHEMA};
use crate::http::route::Route;

/// Returns all routes of a site, complete with the parameters that depend on it.
pub fn routes(app: &App) -> Vec<Route> {
    items::with_site_parameters(crate::api::routes(), &app.site, DocumentView::All)
}

/// Returns a view of the OpenAPI document of this server as a cached response. It is generated once.
pub fn document(app: &App, view: DocumentView) -> Arc<CachedResponse> {
    let make = || constant(app, JSON, super::document(&app.site, &app.config.public_url, view).to_string());
    let place = match view {
        DocumentView::All => &app.document,
        DocumentView::Delivery => &app.delivery_document,
    };
    Arc::clone(place.get_or_init(make))
}

/// Returns the JSON Schema at an address of this server as a cached response. All are generated once.
pub fn form_schema(app: &App, address: &str) -> Option<Arc<CachedResponse>> {
    let make = || {
        let schemas = form_schemas(&app.site, app.config.base_url()).into_iter();
        schemas.map(|(address, schema)| (address, constant(app, JSON_SCHEMA, schema.to_string()))).collect()
    };
    app.form_schemas.get_or_init(make).get(address).cloned()
}

/// Returns the response with a text that stays the same while the server runs.
pub fn constant(app: &App, media_type: &'static str, text: String) -> Arc<CachedResponse> {
    let fresh = FreshResponse::new(media_type, text, |body| entity_tag(0, body), Dependencies::default());
    let headers = [(CACHE_CONTROL, "public, max-age=60"), (VARY, "Accept-Encoding")];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    Arc::new(fresh.into_cached(headers, 0, app.response_cache.body_memory()))
}
