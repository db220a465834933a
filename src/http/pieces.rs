//! Bodies that are handed to the connection piece by piece. A whole one would be copied for each connection at once,
//! and kept for as long as its client takes none of it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

/// The most that is handed over at a time.
const PIECE: usize = 65_536;

/// The rest of a body.
struct Pieces(Bytes);

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(piece(&mut self.get_mut().0).map(Ok))
    }
}

/// Takes the next piece of a text; none when all of it is taken.
fn piece(rest: &mut Bytes) -> Option<Bytes> {
    (!rest.is_empty()).then(|| rest.split_to(rest.len().min(PIECE)))
}

/// A body that is handed over in pieces; whole where it is small.
pub fn in_pieces(bytes: Bytes) -> BoxBody {
    if bytes.len() <= PIECE { BoxBody::new(bytes) } else { BoxBody::new(Pieces(bytes)) }
}
