//! Endpoints of the settings of the site. They are one item with the slug `settings` in the collection `site`: what other
//! items have below their address, it has below `/site/settings`; `/site` itself stands for it in reads and updates.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::Method;

use crate::api::content::{editing_state, history, items, lifecycle, references, review, translations};
use crate::api::openapi::item_schemas::PARTIAL_ITEM;
use crate::api::openapi::schemas::reference;
use crate::api::parameters::IF_NONE_MATCH;
use crate::content::Site;
use crate::content::local_time::next_year;
use crate::content_types::SITE_SETTINGS;
use crate::database::now;
use crate::editorial::lifecycle::Operation;
use crate::editorial::site_settings::ensure;
use crate::http::request::Request;
use crate::http::response::{ALL_LOCALES, PARTIAL};
use crate::http::route::{Access, ParameterSet, Route};
use crate::items::unsaved_site::SITE_SLUG;

/// Address of the settings.
const PATH: &str = "/api/v1/site";

/// Returns the routes of the settings: those of an item that is neither created nor taken down.
pub fn routes() -> Vec<Route> {
    let resource = &SITE_SETTINGS;
    let is_of_list = |route: &Route| route.path == items::collection_path(resource);
    let mut routes: Vec<Route> = std::iter::once(get()).chain(update()).collect();
    let one = items::routes(resource).into_iter().filter(|route| !is_of_list(route));
    routes.extend(one.map(Route::for_editors));
    routes.extend(lifecycle::routes(resource).into_iter().filter(|route| !is_of_list(route) && !takes_down(route)));
    routes.extend(history::routes(resource));
    routes.push(editing_state::route(resource));
    routes.push(references::route(resource));
    routes.extend(review::routes(resource));
    routes.extend(translations::routes(resource));
    routes.into_iter().map(on_stored).collect()
}

/// Returns whether the operation of a route takes an item down, or takes that back.
fn takes_down(route: &Route) -> bool {
    let mut steps = Operation::WITHOUT_PARAMETERS.into_iter();
    let is_step = |step: &Operation| step.takes_down() || *step == Operation::Restore;
    route.method == Method::DELETE
        || steps.any(|step| is_step(&step) && route.path.ends_with(&format!("/{}", step.name())))
}

/// Makes a route that needs the stored settings store them before.
fn on_stored(mut route: Route) -> Route {
    if route.access == Access::Public {
        return route;
    }
    let inner = route.handler;
    route.handler = Arc::new(move |request: Request| {
        let inner = Arc::clone(&inner);
        Box::pin(async move {
            ensure(&request.app.database, &request.app.site, &request.id).await?;
            inner(request).await
        })
    });
    route
}

fn get() -> Route {
    Route::get(PATH, Access::Public, |mut request: Request| async move {
        name_item(&mut request);
        items::get(&SITE_SETTINGS, request).await
    })
    .operation_id("getSite")
    .tag(SITE_SETTINGS.title_plural)
    .summary("Get the settings of the site")
    .description(
        "Returns the settings. Until they are first changed, they have the name in the configuration and nothing else.",
    )
    .parameter_set(ParameterSet::One(&SITE_SETTINGS))
    .parameters([IF_NONE_MATCH.clone()])
    .responds(200, "The settings.", reference(SITE_SETTINGS.schema), &["ETag", "Cache-Control"])
    .or_media_type(ALL_LOCALES, reference("SiteSettingsAllLocales"))
    .or_media_type(PARTIAL, reference(PARTIAL_ITEM))
    .responds_empty(304, "The client already has the current representation.", &[])
}

/// Returns the update of the item under the short address.
fn update() -> Option<Route> {
    let mut routes = lifecycle::routes(&SITE_SETTINGS).into_iter();
    let mut route = routes.find(|route| route.method == Method::PATCH)?;
    route.path = PATH.to_owned();
    route.parameters.retain(|parameter| parameter.name != "id_or_slug");
    let inner = Arc::clone(&route.handler);
    route.handler = Arc::new(move |mut request: Request| {
        name_item(&mut request);
        inner(request)
    });
    Some(route.operation_id("updateSite").summary("Update the settings of the site"))
}

/// Names the item for which the address stands.
fn name_item(request: &mut Request) {
    request.parameters.push(("id_or_slug".to_owned(), SITE_SLUG.to_owned()));
}

/// Returns when the settings change by themselves: at the begin of the next year.
pub fn expires_at(site: &Site) -> Option<Instant> {
    instant_at(next_year(now(), site.time_zone), now())
}

/// Returns the monotonic instant of a moment; `now` is the present one (both µs since 1970).
pub fn instant_at(moment: i64, now: i64) -> Option<Instant> {
    let micros = u64::try_from(moment.saturating_sub(now)).unwrap_or(0);
    Instant::now().checked_add(Duration::from_micros(micros))
}
