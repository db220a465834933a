//! The HTTP interface: the server, the request pipeline, all routes, and the OpenAPI document.

pub mod audit_api;
pub mod background;
pub mod body;
pub mod bulk_api;
pub mod changes_api;
pub mod conditions;
pub mod content_api;
pub mod desk_api;
pub mod desk_state_api;
mod docs;
mod door;
pub mod feeds_api;
mod hand_out;
pub mod history_api;
mod metrics;
pub mod openapi;
mod operations;
pub mod parameters;
pub mod permissions_page;
mod pieces;
pub mod preview_api;
pub mod releases_api;
pub mod review_api;
pub mod route;
pub mod search_api;
pub mod server;
pub mod sitemap_api;
pub mod source;
pub mod translations_api;
mod unread;

use route::Route;

/// Returns all routes of the API, without the parameters that depend on the site.
pub fn routes() -> Vec<Route> {
    let mut routes = operations::routes();
    routes.extend(crate::auth::api::routes());
    routes.extend(crate::auth::sessions_api::routes());
    routes.extend(crate::auth::mailed_api::routes());
    routes.extend(crate::auth::second_factor_api::routes());
    routes.extend(crate::auth::oidc_api::routes());
    routes.extend(crate::auth::keys_api::routes());
    routes.extend(audit_api::routes());
    routes.extend(releases_api::routes());
    routes.extend(bulk_api::routes());
    routes.extend(preview_api::routes());
    routes.push(desk_state_api::inbox_route());
    routes.extend(feeds_api::routes());
    routes.extend(sitemap_api::routes());
    routes.extend(changes_api::routes());
    routes.extend(search_api::routes());
    for resource in crate::resources::ALL {
        routes.extend(content_api::routes(resource));
        routes.extend(desk_api::routes(resource));
        routes.extend(history_api::routes(resource));
        routes.push(desk_state_api::route(resource));
        routes.extend(review_api::routes(resource));
        routes.extend(translations_api::routes(resource));
    }
    routes
}
