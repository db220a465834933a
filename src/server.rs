//! The HTTP server: all routes on actix-web, with limits for slow clients and for the number of connections.

use std::any::Any;
use std::collections::{BTreeMap, HashSet};
use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use actix_service::apply_fn_factory;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{RequestHead, Response, Server, Service, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, Payload};
use actix_web::{App as ActixApp, HttpRequest, HttpResponse, HttpServer};
use futures_util::future::{Either, ready};
use futures_util::{FutureExt, TryFutureExt};
use matchit::Params;
use socket2::SockRef;

use crate::api::openapi::response;
use crate::app::App;
use crate::background;
use crate::http::cross_origin::{cors, credential_origin, permit_credentials};
use crate::http::pipeline;
use crate::http::pipeline::Endpoint;
use crate::http::route::{REST_OF_PATH, Route};
use crate::http::unread_body::close_after_response;

/// Creates the server on this listener and starts its background jobs. The server begins to serve when the
/// returned future is awaited, and shuts down gracefully on SIGTERM and SIGINT.
///
/// # Errors
/// Fails if the listener cannot be used or a thread cannot be started.
pub fn server(app: Arc<App>, listener: TcpListener) -> std::io::Result<Server> {
    let table = Arc::new(Table::new(response::routes(&app)));
    let settings = app.config.server.clone();
    let shared_app = Arc::clone(&app);
    background::start(&app)?;
    let stall_timeout = Duration::from_secs(settings.stall_seconds);
    let factory = move || {
        let (app, table) = (Arc::clone(&shared_app), Arc::clone(&table));
        let (outer_app, early_app, early_table) = (Arc::clone(&app), Arc::clone(&app), Arc::clone(&table));
        let permit = move |request: ServiceRequest, service: &_| {
            let origin = credential_origin(&outer_app.config.cors, request.headers());
            with_credentials(origin, Service::call(service, request))
        };
        let web_app = ActixApp::new().wrap(cors(&app.config.cors)).wrap_fn(permit).default_service(web::to(
            move |http: HttpRequest, payload: Payload| {
                let (app, table) = (Arc::clone(&app), Arc::clone(&table));
                async move { table.serve_catching_panics(&app, http, payload).await }
            },
        ));
        // Hits of the cache do not go through actix-web, which would take longer than they do (docs/decisions/0051).
        apply_fn_factory(web_app, move |request: actix_http::Request, service: &_| {
            match early_table.serve_early(&early_app, request.head()) {
                Some(response) => Either::Left(ready(Ok(response.into()))),
                None => Either::Right(Service::call(service, request).map_ok(box_response)),
            }
        })
    };
    Ok(HttpServer::new(factory)
        .workers(worker_count(settings.workers))
        .max_connections(settings.max_connections)
        .keep_alive(Duration::from_secs(settings.keep_alive_seconds))
        .client_request_timeout(Duration::from_secs(settings.request_timeout_seconds))
        .shutdown_timeout(settings.shutdown_seconds)
        .on_connect(move |connection, _| limit_stalls(connection, stall_timeout))
        // A client that closes its side counts as gone, so that its waiting writes are cancelled before they
        // start (see `database::job`). With half-closed connections they would still be carried out.
        .h1_allow_half_closed(false)
        .listen(listener)?
        .run())
}

/// Returns the number of threads that serve requests: as many as configured, and by default one for each processor.
fn worker_count(configured: usize) -> usize {
    match configured {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        count => count,
    }
}

/// Converts a response of actix-web into one of the server below it.
fn box_response<B: MessageBody + 'static>(response: ServiceResponse<B>) -> Response<BoxBody> {
    response.map_into_boxed_body().into()
}

/// Permits the pages of an origin, if there is one, to use credentials with a response.
async fn with_credentials<B>(
    origin: Option<HeaderValue>,
    response: impl Future<Output = Result<ServiceResponse<B>, actix_web::Error>>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut response = response.await?;
    if let Some(origin) = origin {
        permit_credentials(origin, response.headers_mut());
    }
    Ok(response)
}

/// Makes the operating system close a connection whose client acknowledges nothing of what was sent for the
/// duration of `timeout`, so that the memory of the response is released.
fn limit_stalls(connection: &dyn Any, timeout: Duration) {
    #[cfg(target_os = "linux")]
    if let Some(stream) = connection.downcast_ref::<TcpStream>()
        && let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(timeout))
    {
        tracing::debug!(%error, "the stall timeout of a connection could not be set");
    }
}

/// The routing table: routes by path and method.
struct Table {
    paths: matchit::Router<PathEntry>,
}

/// The routes of one path, and the methods that it supports as the value of `Allow`.
struct PathEntry {
    endpoints: Vec<Endpoint>,
    allow: String,
}

impl Table {
    /// Creates the table of these routes. A path with `GET` supports `HEAD` too.
    ///
    /// # Panics
    /// Panics if two paths are ambiguous. Paths are constants, so this fails at the first start of a faulty
    /// build.
    fn new(routes: Vec<Route>) -> Self {
        let mut by_path: BTreeMap<String, Vec<Endpoint>> = BTreeMap::new();
        let rest = format!("/{REST_OF_PATH}");
        let with_rest: HashSet<String> =
            routes.iter().filter_map(|route| route.path.strip_suffix(&rest)).map(str::to_owned).collect();
        for route in routes {
            // A rest of a path is never empty, so its absence after the slash is the path without it.
            if with_rest.contains(&route.path) {
                by_path.entry(format!("{}/", route.path)).or_default().push(Endpoint::new(route.clone()));
            }
            by_path.entry(route.path.replace(REST_OF_PATH, "{*path}")).or_default().push(Endpoint::new(route));
        }
        let mut paths = matchit::Router::new();
        for (path, endpoints) in by_path {
            let mut allowed: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.route.method.as_str()).collect();
            if allowed.contains(&"GET") {
                allowed.push("HEAD");
            }
            let allow = allowed.join(", ");
            #[expect(clippy::expect_used, reason = "the paths of routes are constants")]
            paths.insert(path, PathEntry { endpoints, allow }).expect("the paths of routes are distinct");
        }
        Self { paths }
    }

    /// Serves a request. A panic of its handler results in 500 and does not affect other requests.
    async fn serve_catching_panics(&self, app: &Arc<App>, http: HttpRequest, payload: Payload) -> HttpResponse {
        let request = http.clone();
        match AssertUnwindSafe(self.serve(app, http, payload)).catch_unwind().await {
            Ok(response) => response,
            Err(_) => pipeline::handler_panicked(app, &request),
        }
    }

    async fn serve(&self, app: &Arc<App>, http: HttpRequest, mut payload: Payload) -> HttpResponse {
        let response = self.dispatch(app, &http, &mut payload).await;
        close_after_response(response, &http, payload)
    }

    async fn dispatch(&self, app: &Arc<App>, http: &HttpRequest, payload: &mut Payload) -> HttpResponse {
        match self.find(http.head()) {
            Ok((endpoint, path_parameters)) => endpoint.serve(app, http, path_parameters, payload).await,
            Err(allow) => pipeline::not_found(app, http, allow),
        }
    }

    /// Returns the endpoint of a request, with the parameters of its path.
    ///
    /// # Errors
    /// No route serves the request; the methods that its path supports, if there is such a path.
    fn find<'a>(&'a self, head: &'a RequestHead) -> Result<(&'a Endpoint, Params<'a, 'a>), Option<&'a str>> {
        let found = self.paths.at(head.uri.path()).map_err(|_| None)?;
        let method = if head.method == Method::HEAD { &Method::GET } else { &head.method };
        let endpoint = found.value.endpoints.iter().find(|endpoint| endpoint.route.method == *method);
        Ok((endpoint.ok_or(Some(found.value.allow.as_str()))?, found.params))
    }

    /// Serves a request from the cache before actix-web gets it. `None` if the cache has no response, or one that needs the
    /// middleware. After a panic the handler serves the request.
    fn serve_early(&self, app: &App, head: &RequestHead) -> Option<HttpResponse> {
        if pipeline::needs_middleware(app, &head.headers) {
            return None;
        }
        let (endpoint, _) = self.find(head).ok()?;
        catch_unwind(AssertUnwindSafe(|| endpoint.serve_cached(app, head))).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest;
    use actix_web::body::to_bytes;
    use actix_web::test::TestRequest;

    use super::*;
    use crate::config::Config;
    use crate::http::request::Request;
    use crate::http::response::Response;
    use crate::http::route::Access;
    use crate::problem::Problem;

    async fn panics(_: Request) -> Result<Response, Problem> {
        panic!("a panic that the test wants")
    }

    #[test]
    fn a_handler_that_panics_costs_its_request_a_500() {
        let folder = tempfile::tempdir().unwrap();
        let database_url = folder.path().join("plenary.db").display().to_string();
        let config = Config { database_url, ..Config::default() };
        actix_web::rt::System::new().block_on(async {
            let app = App::start(config).await.unwrap();
            let table = Table::new(vec![Route::get("/panics", Access::Open, panics).operation_id("panics")]);
            let (http, mut payload) = TestRequest::get().uri("/panics").to_http_parts();
            let payload = Payload::from_request(&http, &mut payload).await.unwrap();
            let response = table.serve_catching_panics(&app, http, payload).await;
            assert_eq!(response.status(), 500);
            let problem: serde_json::Value =
                serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap();
            assert_eq!(problem["instance"], "/panics");
        });
    }
}
