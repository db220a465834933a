//! Request bodies that are not read to their ends, since the answer is known before.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};

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

/// Lets the connection end after the answer, where the request's body has not come to its end by then.
///
/// Where that body is dropped before the answer is sent, actix-http reads a chunked one for as long as it goes on, to
/// keep the connection; where it is still held, the connection ends.
pub fn end_with_answer(response: HttpResponse, http: &HttpRequest, payload: Payload) -> HttpResponse {
    let length = http.headers().get(CONTENT_LENGTH);
    let has_body = http.headers().contains_key(TRANSFER_ENCODING) || length.is_some_and(|length| length != "0");
    match has_body {
        true => response.map_body(|_, body| BoxBody::new(Holding { body, _request: payload })),
        false => response,
    }
}
