//! Request bodies that are not read to their end, because the response is known before.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::ConnectionType;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::{FutureExt, StreamExt};

/// A response body that keeps the request body alive until it has been sent.
struct BodyWithRequest {
    body: BoxBody,
    _request: Payload,
}

impl MessageBody for BodyWithRequest {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.get_mut().body.as_pin_mut().poll_next(context)
    }
}

/// Largest unread body that is drained, in bytes: reading it costs less than a new connection.
const MAX_DRAINED_BYTES: u64 = 64 * 1024;

/// Returns whether a request announces a body (RFC 9112, section 6.3).
pub fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING)
}

/// Closes the connection after the response if the request has a long body that has not been received
/// completely. The response announces this with `Connection: close` (RFC 9112, section 9.6), so that the
/// client sends no further request on it.
///
/// The response holds the rest of the request body on purpose. If that were dropped before the response is
/// sent, actix-http would drain a chunked body for as long as the client sends, to keep the connection open.
pub fn close_after_response(mut response: HttpResponse, http: &HttpRequest, mut payload: Payload) -> HttpResponse {
    let length = http.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let is_long =
        http.headers().contains_key(TRANSFER_ENCODING) || length.is_some_and(|length| length > MAX_DRAINED_BYTES);
    if !is_long || matches!(payload.next().now_or_never(), Some(None)) {
        return response;
    }
    response.head_mut().set_connection_type(ConnectionType::Close);
    response.map_body(|_, body| BoxBody::new(BodyWithRequest { body, _request: payload }))
}
