//! The HTTP server: routes on actix-web, with limits for slow and many clients.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::dev::Server;
use actix_web::http::Method;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{App as ActixApp, HttpRequest, HttpServer};

use super::route::Route;
use super::{content_api, door, openapi};
use crate::app::App;

/// The routes of a site, with everything that the document says of them.
pub fn routes(app: &App) -> Vec<Route> {
    content_api::with_site(super::routes(), &app.site)
}

/// The OpenAPI document of this server; made once.
pub fn document(app: &App) -> String {
    let make = || openapi::to_json(&openapi::document(&routes(app), &app.site, &app.config.public_url));
    app.document.get_or_init(make).clone()
}

/// The server on this listener, not yet running. It ends gracefully on SIGTERM and SIGINT.
pub fn server(app: Arc<App>, listener: TcpListener) -> std::io::Result<Server> {
    let routes: Vec<Arc<Route>> = routes(&app).into_iter().map(Arc::new).collect();
    let settings = app.config.server.clone();
    let workers = match settings.workers {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        given => given,
    };
    let shared = Arc::clone(&app);
    let factory = move || {
        let app = Arc::clone(&shared);
        ActixApp::new()
            .wrap(cors(&app.config.cors.allowed_origins))
            .configure(|service| register(service, &app, &routes))
            .default_service(web::to(move |http: HttpRequest| {
                let app = Arc::clone(&app);
                async move { door::nobody(&app, &http, None) }
            }))
    };
    Ok(HttpServer::new(factory)
        .workers(workers)
        .max_connections(settings.max_connections)
        .keep_alive(Duration::from_secs(settings.keep_alive_seconds))
        .client_request_timeout(Duration::from_secs(settings.request_timeout_seconds))
        .shutdown_timeout(settings.shutdown_seconds)
        .listen(listener)?
        .run())
}

/// Puts every route at its path; other methods of a path get 405 with what it allows.
fn register(service: &mut ServiceConfig, app: &Arc<App>, routes: &[Arc<Route>]) {
    let mut by_path: BTreeMap<&str, Vec<&Arc<Route>>> = BTreeMap::new();
    for route in routes {
        by_path.entry(&route.path).or_default().push(route);
    }
    for (path, routes) in by_path {
        let mut resource = web::resource(path);
        let mut allowed: Vec<String> = routes.iter().map(|r| r.method.to_string()).collect();
        for route in routes {
            resource = resource.route(handler(route.method.clone(), app, route));
            if route.method == Method::GET {
                resource = resource.route(handler(Method::HEAD, app, route));
                allowed.push("HEAD".into());
            }
        }
        let (app, allow) = (Arc::clone(app), allowed.join(", "));
        service.service(resource.default_service(web::to(move |http: HttpRequest| {
            let response = door::nobody(&app, &http, Some(&allow));
            async move { response }
        })));
    }
}

fn handler(method: Method, app: &Arc<App>, route: &Arc<Route>) -> actix_web::Route {
    let (app, route) = (Arc::clone(app), Arc::clone(route));
    web::method(method)
        .to(move |http: HttpRequest, payload: Payload| door::pass(Arc::clone(&app), Arc::clone(&route), http, payload))
}

fn cors(origins: &[String]) -> Cors {
    let exposed = ["etag", "link", "location", "x-request-id", "retry-after", "idempotency-replayed"];
    let cors = Cors::default().allow_any_method().allow_any_header().expose_headers(exposed).max_age(3_600);
    if origins.iter().any(|origin| origin == "*") {
        return cors.send_wildcard().allow_any_origin();
    }
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
