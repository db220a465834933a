//! The endpoints, by resource. Each file has the routes of its resource: their handlers, and their descriptions in
//! the OpenAPI document.

pub mod accounts;
pub mod audit;
pub mod batch;
pub mod bulk;
pub mod changes;
pub mod contact;
pub mod content;
mod demo_pictures;
mod docs;
pub mod feeds;
mod filter_parameters;
mod health;
pub mod imports;
mod layout;
pub mod mail;
pub mod mcp;
pub mod newsletter;
pub mod openapi;
mod page_editor;
pub mod page_versions;
pub mod pages;
pub mod parameters;
pub mod permissions_page;
pub mod preview_links;
mod query_values;
pub mod redirects;
pub mod releases;
pub mod request_bodies;
mod schemas;
pub mod search;
mod site;
pub mod sitemap;

use crate::content_types::{ContentType, MENU, REDIRECT};
use crate::http::route::Route;

/// Returns every route of the API, in the order of the OpenAPI document.
pub fn routes() -> Vec<Route> {
    let mut routes = health::routes();
    routes.push(demo_pictures::route());
    routes.extend(page_editor::routes());
    routes.extend(accounts::administration::routes());
    routes.extend(accounts::sessions::routes());
    routes.extend(accounts::cookies::routes());
    routes.extend(accounts::invitations::routes());
    routes.extend(accounts::two_factor::routes());
    routes.extend(accounts::oidc::routes());
    routes.extend(accounts::api_keys::routes());
    routes.extend(audit::routes());
    routes.extend(releases::routes());
    routes.extend(bulk::routes());
    routes.extend(batch::routes());
    routes.extend(imports::routes());
    routes.extend(mail::routes());
    routes.extend(newsletter::routes());
    routes.extend(contact::routes());
    routes.extend(preview_links::routes());
    routes.push(content::editing_state::inbox_route());
    routes.push(content::references::broken_route());
    routes.push(content::translation_tasks::route());
    routes.extend(feeds::routes());
    routes.extend(sitemap::routes());
    routes.extend(pages::routes());
    routes.extend(page_versions::routes());
    routes.extend(redirects::routes());
    routes.push(schemas::route());
    routes.extend(changes::routes());
    routes.extend(search::routes());
    routes.extend(mcp::routes());
    routes.push(layout::route());
    routes.extend(site::routes());
    for resource in crate::content_types::with_lists() {
        let reads = content::items::routes(resource).into_iter();
        routes.extend(reads.map(|route| if is_for_editors(resource, &route) { route.for_editors() } else { route }));
        routes.extend(content::lifecycle::routes(resource));
        routes.extend(content::duplicate::routes(resource));
        routes.extend(content::external_ids::routes(resource));
        routes.extend(content::merge::routes(resource));
        routes.extend(content::history::routes(resource));
        routes.push(content::editing_state::route(resource));
        routes.push(content::references::route(resource));
        routes.extend(content::review::routes(resource));
        routes.extend(content::translations::routes(resource));
    }
    routes
}

/// Returns whether frontends have a better read than this one: the layout has the menus with addresses, and redirects are
/// read as a list or by the paths that they take.
fn is_for_editors(resource: &'static ContentType, read: &Route) -> bool {
    let is_one = read.path == content::items::item_path(resource);
    resource.kind == MENU.kind || (resource.kind == REDIRECT.kind && is_one)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    /// An item whose slug is a segment of another address could not be reached by it.
    #[test]
    fn fixed_segments_are_those_of_the_routes() {
        let routes = routes();
        for content_type in crate::content_types::with_lists() {
            let below = format!("/api/v1/{}/", content_type.collection);
            let segments = routes.iter().filter_map(|route| route.path.strip_prefix(&below)?.split('/').next());
            let fixed: BTreeSet<&str> = segments.filter(|segment| !segment.starts_with('{')).collect();
            assert_eq!(fixed, content_type.fixed_segments().collect(), "{}", content_type.collection);
        }
    }

    /// The constructors of a route require its access and its handler; this requires what they do not.
    #[test]
    fn every_route_is_described() {
        let mut operation_ids = HashSet::new();
        for route in routes() {
            let name = format!("{} {}", route.method, route.path);
            let is_identifier = route.operation_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
            assert!(!route.operation_id.is_empty() && is_identifier, "{name}: operation_id");
            assert!(operation_ids.insert(route.operation_id), "{name}: operation_id is not unique");
            assert!(!route.tag.is_empty(), "{name}: tag");
            assert!(!route.summary.is_empty() && !route.summary.ends_with('.'), "{name}: summary");
            assert!(route.description.ends_with('.'), "{name}: description");
            assert!(!route.responses.is_empty(), "{name}: responds");
        }
    }
}
