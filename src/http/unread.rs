//! Request bodies that are not read to their ends, since the answer is known before.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::ConnectionType;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::{FutureExt, StreamExt};

/// The body of an answer that holds the request's.
struct Holding {
    body: BoxBody,
    _request: Payload,
}

impl MessageBody for Holding {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.get_mut().body.as_pin_mut().poll_next(context)
    }
}

/// A body of so many bytes is read and forgotten, which costs less than a new connection.
const FORGOTTEN: u64 = 64 * 1024;

/// Ends the connection after the answer, where the request's body is long and has not come to its end by then. The
/// answer says so (RFC 9112, section 9.6), so that the client sends nothing further on it.
///
/// Where that body is dropped before the answer is sent, actix-http reads a chunked one for as long as it goes on, to
/// keep the connection; where it is still held, the connection ends.
pub fn end_with_answer(mut response: HttpResponse, http: &HttpRequest, mut payload: Payload) -> HttpResponse {
    let length = http.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let is_long = http.headers().contains_key(TRANSFER_ENCODING) || length.is_some_and(|length| length > FORGOTTEN);
    if !is_long || matches!(payload.next().now_or_never(), Some(None)) {
        return response;
    }
    response.head_mut().set_connection_type(ConnectionType::Close);
    response.map_body(|_, body| BoxBody::new(Holding { body, _request: payload }))
}
