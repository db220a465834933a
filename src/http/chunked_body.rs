//! Response bodies that are passed to the connection in chunks.
//!
//! actix-http copies what it is given into the write buffer of the connection. A large body passed as a whole
//! would therefore be held once more for each connection, for as long as its client does not read.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

/// Largest chunk, in bytes. It bounds what a connection holds of a response that its client does not read. A usual page
/// of a list fits (20 events with speakers and partners, whole, are 93 KB): each further chunk is one more system call,
/// which made such pages 8 % slower.
const CHUNK: usize = 131_072;

/// The part of a body that has not been passed on yet.
struct ChunkedBody(Bytes);

impl MessageBody for ChunkedBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(next_chunk(&mut self.get_mut().0).map(Ok))
    }
}

/// Takes the next chunk from `rest`; `None` at the end.
fn next_chunk(rest: &mut Bytes) -> Option<Bytes> {
    (!rest.is_empty()).then(|| rest.split_to(rest.len().min(CHUNK)))
}

/// Returns a body that is passed on in chunks, or as a whole if it fits into one.
pub fn into_body(bytes: Bytes) -> BoxBody {
    if bytes.len() <= CHUNK { BoxBody::new(bytes) } else { BoxBody::new(ChunkedBody(bytes)) }
}
