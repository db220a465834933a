//! The HTTP server: routes on actix-web, with limits for slow and many clients.

use std::any::Any;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use actix_cors::Cors;
use actix_web::dev::Server;
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, VARY};
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, Payload};
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer};
use futures_util::FutureExt;
use socket2::SockRef;

use super::conditions::tag;
use super::door::Entrance;
use super::route::{JSON, Route};
use super::unread::end_with_answer;
use super::{background, content_api, door, openapi};
use crate::app::App;
use crate::config::CorsConfig;
use crate::delivery::dependencies::Dependencies;
use crate::delivery::kept::{Kept, Made};

/// The routes of a site, with everything that the document says of them.
pub fn routes(app: &App) -> Vec<Route> {
    content_api::with_site(super::routes(), &app.site)
}

/// The OpenAPI document of this server; made once.
pub fn document(app: &App) -> Arc<Kept> {
    let make = || {
        let document = openapi::document(&routes(app), &app.site, &app.config.public_url);
        let text = openapi::to_json(&document, &app.site);
        let made = Made::new(JSON, text, |body| tag(0, body), Dependencies::default());
        let headers = [(CACHE_CONTROL, "public, max-age=60"), (VARY, "Accept-Encoding")];
        Arc::new(made.keep(headers.map(|(name, value)| (name, HeaderValue::from_static(value))), 0, app.answers.held()))
    };
    Arc::clone(app.document.get_or_init(make))
}

/// The server on this listener, not yet running. It ends gracefully on SIGTERM and SIGINT.
pub fn server(app: Arc<App>, listener: TcpListener) -> std::io::Result<Server> {
    let table = Arc::new(Table::new(routes(&app)));
    let settings = app.config.server.clone();
    let workers = match settings.workers {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        given => given,
    };
    let shared = Arc::clone(&app);
    background::start(&app)?;
    let patience = Duration::from_secs(settings.stall_seconds);
    let factory = move || {
        let (app, table) = (Arc::clone(&shared), Arc::clone(&table));
        ActixApp::new().wrap(cors(&app.config.cors)).default_service(web::to(
            move |http: HttpRequest, payload: Payload| {
                let (app, table) = (Arc::clone(&app), Arc::clone(&table));
                async move { table.serve_or_fail(&app, http, payload).await }
            },
        ))
    };
    Ok(HttpServer::new(factory)
        .workers(workers)
        .max_connections(settings.max_connections)
        .keep_alive(Duration::from_secs(settings.keep_alive_seconds))
        .client_request_timeout(Duration::from_secs(settings.request_timeout_seconds))
        .shutdown_timeout(settings.shutdown_seconds)
        .on_connect(move |connection, _| limit_stalls(connection, patience))
        // Whoever closes its side is gone: what it asked for and has not begun is not done (see `database::job`).
        .h1_allow_half_closed(false)
        .listen(listener)?
        .run())
}

/// Lets the system end a connection whose client takes nothing of what was sent for so long; what the connection
/// holds is given back then.
fn limit_stalls(connection: &dyn Any, patience: Duration) {
    #[cfg(target_os = "linux")]
    if let Some(stream) = connection.downcast_ref::<TcpStream>()
        && let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(patience))
    {
        tracing::debug!(%error, "a connection without a limit for stalls");
    }
}

/// Finds routes by path and method.
struct Table {
    paths: matchit::Router<Place>,
}

/// What is at a path: the entrances of its routes, and the methods that it knows.
struct Place {
    entrances: Vec<Entrance>,
    allow: String,
}

impl Table {
    /// Of all routes; `GET` answers to `HEAD` as well. Two routes cannot be at the same place, and
    /// the paths are constants: a clash shows at the first start.
    fn new(routes: Vec<Route>) -> Self {
        let mut by_path: BTreeMap<String, Vec<Entrance>> = BTreeMap::new();
        for route in routes {
            by_path.entry(route.path.clone()).or_default().push(Entrance::new(route));
        }
        let mut paths = matchit::Router::new();
        for (path, entrances) in by_path {
            let mut allowed: Vec<&str> = entrances.iter().map(|entrance| entrance.route.method.as_str()).collect();
            if allowed.contains(&"GET") {
                allowed.push("HEAD");
            }
            let allow = allowed.join(", ");
            paths.insert(path, Place { entrances, allow }).expect("the paths of routes are distinct");
        }
        Self { paths }
    }

    /// A handler that panics costs its own request an answer of 500, and nobody else anything.
    async fn serve_or_fail(&self, app: &Arc<App>, http: HttpRequest, payload: Payload) -> HttpResponse {
        let again = http.clone();
        match AssertUnwindSafe(self.serve(app, http, payload)).catch_unwind().await {
            Ok(response) => response,
            Err(_) => door::failed(app, &again),
        }
    }

    async fn serve(&self, app: &Arc<App>, http: HttpRequest, mut payload: Payload) -> HttpResponse {
        let response = self.answer(app, &http, &mut payload).await;
        end_with_answer(response, &http, payload)
    }

    async fn answer(&self, app: &Arc<App>, http: &HttpRequest, payload: &mut Payload) -> HttpResponse {
        let Ok(found) = self.paths.at(http.path()) else { return door::nobody(app, http, None) };
        let method = if *http.method() == Method::HEAD { &Method::GET } else { http.method() };
        let Some(entrance) = found.value.entrances.iter().find(|entrance| entrance.route.method == *method) else {
            return door::nobody(app, http, Some(&found.value.allow));
        };
        entrance.pass(app, http, found.params, payload).await
    }
}

fn cors(config: &CorsConfig) -> Cors {
    let exposed = ["etag", "link", "location", "x-request-id", "retry-after", "idempotency-replayed"];
    let cors = Cors::default().allow_any_method().allow_any_header().expose_headers(exposed).max_age(3_600);
    if config.allows_any() {
        // The answer is the same for all, so that caches need not tell them apart.
        return cors.send_wildcard().allow_any_origin().disable_vary_header();
    }
    config.allowed_origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest;
    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;

    use super::*;
    use crate::config::Config;
    use crate::http::route::{Access, Answer, Request};
    use crate::problem::Problem;

    async fn panics(_: Request) -> Result<Answer, Problem> {
        panic!("a panic that the test wants")
    }

    #[test]
    fn a_handler_that_panics_costs_its_request_a_500() {
        let folder = tempfile::tempdir().unwrap();
        let database_url = folder.path().join("plenary.db").display().to_string();
        let config = Config { database_url, ..Config::default() };
        actix_web::rt::System::new().block_on(async {
            let app = App::start(config).await.unwrap();
            let table = Table::new(vec![Route::new(Method::GET, "/panics", "panics", panics).access(Access::Open)]);
            let (http, mut payload) = TestRequest::get().uri("/panics").to_http_parts();
            let payload = Payload::from_request(&http, &mut payload).await.unwrap();
            let response = table.serve_or_fail(&app, http, payload).await;
            assert_eq!(response.status(), 500);
            let problem: serde_json::Value =
                serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap();
            assert_eq!(problem["instance"], "/panics");
        });
    }
}
