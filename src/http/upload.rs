//! Bodies that are not read before the handler is called: it gets them as they arrive, so that a large file is never held
//! in memory.

use std::pin::pin;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::{Bytes, Payload};
use futures_util::future::{Either, select};
use futures_util::{Stream, StreamExt};
use thiserror::Error;

use crate::config::ImportsConfig;
use crate::content::violation::Violations;
use crate::http::response::Response;
use crate::problem::{Problem, ProblemKind};

/// Number of pieces of a body that may wait for the handler.
const AHEAD: usize = 2;
/// Greatest size of what surrounds a file in a body, in bytes: the boundaries, headers and other parts of a form.
pub const ENVELOPE: usize = 131_072;

/// The failure of a body on its way.
#[derive(Debug, Clone, Error)]
#[error("{}", .0.detail)]
pub struct UploadError(pub Problem);

/// A piece of a body, or why there are no more.
type Piece = Result<Bytes, UploadError>;

/// The body of a request as it arrives.
pub struct Upload(flume::Receiver<Piece>);

impl Upload {
    /// Returns the pieces of the body.
    pub fn into_stream(self) -> impl Stream<Item = Piece> + Send + 'static {
        self.0.into_stream()
    }
}

/// Calls a handler with the body of a request, and passes the body on while the handler is at work.
///
/// # Errors
/// 413 if the request announces a body that is too large, and the problem of the handler.
pub async fn serve<F>(
    config: &ImportsConfig,
    http: &HttpRequest,
    payload: &mut Payload,
    handler: impl FnOnce(Upload) -> F,
) -> Result<Response, Problem>
where
    F: Future<Output = Result<Response, Problem>>,
{
    let most = config.max_bytes + ENVELOPE;
    let announced = http.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(too_large(config.max_bytes));
    }
    let (sender, receiver) = flume::bounded(AHEAD);
    let passing = pin!(async {
        let timeout = Duration::from_secs(config.upload_seconds);
        if tokio::time::timeout(timeout, pass(payload, most, &sender)).await.is_err() {
            let detail = format!("the file did not arrive within {} s", timeout.as_secs());
            // The receiver is gone if the handler has ended.
            let _ = sender.send_async(Err(UploadError(Problem::new(ProblemKind::Timeout, detail)))).await;
        }
        drop(sender);
    });
    match select(pin!(handler(Upload(receiver))), passing).await {
        Either::Left((response, _)) => response,
        Either::Right(((), handling)) => handling.await,
    }
}

/// Passes pieces on until the body ends or fails, or nobody waits for them.
async fn pass(payload: &mut Payload, most: usize, sender: &flume::Sender<Piece>) {
    let mut length = 0;
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| {
            UploadError(Problem::bad_request(Violations::one("", "malformed_body", "the body is incomplete")))
        });
        length += piece.as_ref().map_or(0, Bytes::len);
        let piece = if length > most { Err(UploadError(too_large(most - ENVELOPE))) } else { piece };
        let is_last = piece.is_err();
        if sender.send_async(piece).await.is_err() || is_last {
            return;
        }
    }
}

fn too_large(most: usize) -> Problem {
    Problem::new(ProblemKind::TooLarge, format!("the body may have at most {most} bytes"))
}
