//! Handlers: the functions that serve the requests of a route.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::auth::actor::Actor;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::problem::{Problem, without_names};

/// The future of a handler.
pub type HandlerResult = Pin<Box<dyn Future<Output = Result<Response, Problem>>>>;
/// The function that serves the requests of a route.
pub type Handler = Arc<dyn Fn(Request) -> HandlerResult + Send + Sync>;

/// An asynchronous function that can serve the requests of a route.
pub trait IntoHandler {
    /// Converts the function into the form that a route keeps.
    fn into_handler(self) -> Handler;
}

impl<F, Fut> IntoHandler for F
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, Problem>> + 'static,
{
    fn into_handler(self) -> Handler {
        Arc::new(move |request| Box::pin(self(request)))
    }
}

/// Returns the response of a handler. A restricted actor's problem names nothing that it may not see.
///
/// # Errors
/// The problem of the handler.
pub async fn call(handler: &Handler, request: Request) -> Result<Response, Problem> {
    let is_restricted = request.actor.as_ref().is_some_and(Actor::is_restricted);
    let mut result = handler(request).await;
    if let Err(problem) = &mut result
        && is_restricted
    {
        without_names(&mut problem.errors);
    }
    result
}
