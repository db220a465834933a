//! Live stream of changes. One task of the node reads the journal and broadcasts to all listeners, so that a
//! listener costs no more than a place in a channel. A listener that comes back reads the journal itself
//! until it has caught up; one that falls behind is disconnected.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use actix_web::web::Bytes;
use futures_util::stream::{Stream, unfold};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::content::Site;
use crate::database::Database;
use crate::database::position::Position;
use crate::delivery::changes::{self, Changes, Token};
use crate::problem::{Problem, ProblemKind};

/// Maximum number of batches that a listener may be behind before it is disconnected.
const BEHIND: usize = 16;
/// Maximum number of journal entries in a broadcast batch.
const BATCH: i64 = 100;
/// Maximum number of journal entries that a listener reads at a time while it catches up. Few, since their
/// changes are held in memory for this listener alone.
const OWN_BATCH: i64 = 10;
/// Maximum number of bytes that are passed to a connection at a time.
const PIECE: usize = 16_384;

/// A message to all listeners.
#[derive(Debug, Clone)]
enum News {
    /// Changes between two journal entries, as they are sent; empty if the public sees none of them.
    Batch { from: Position, to: Position, text: Bytes },
    /// The journal has another history than before, as after a restore, so what listeners have is not part of
    /// it.
    Reset,
    /// A keep-alive comment.
    SignOfLife,
    /// The server is about to stop.
    End,
}

/// The broadcast channel of a node, and the number of its listeners.
struct Channel {
    sender: broadcast::Sender<News>,
    listeners: Arc<AtomicUsize>,
}

impl Default for Channel {
    fn default() -> Self {
        Self { sender: broadcast::channel(BEHIND).0, listeners: Arc::default() }
    }
}

impl Channel {
    /// Reserves a place for a listener, if there are fewer than `most`.
    fn seat(&self, most: usize) -> Option<Seat> {
        let one_more = |count| (count < most).then_some(count + 1);
        self.listeners.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).ok()?;
        Some(Seat(Arc::clone(&self.listeners)))
    }
}

/// The live stream of a node.
pub struct ChangeStream {
    database: Database,
    site: Arc<Site>,
    /// Signs the tokens of events.
    key: Vec<u8>,
    channel: Channel,
}

impl ChangeStream {
    /// Creates a stream without listeners, whose tokens are signed with `key`.
    pub fn new(database: &Database, site: &Arc<Site>, key: &[u8]) -> Self {
        let (database, site, key) = (database.clone(), Arc::clone(site), key.to_vec());
        Self { database, site, key, channel: Channel::default() }
    }

    /// Returns the number of listeners.
    pub fn listeners(&self) -> usize {
        self.channel.listeners.load(Ordering::SeqCst)
    }

    /// Sends a keep-alive comment to all listeners.
    pub fn keep_alive(&self) {
        let _ = self.channel.sender.send(News::SignOfLife);
    }

    /// Disconnects all listeners.
    pub fn end(&self) {
        let _ = self.channel.sender.send(News::End);
    }

    /// Sends the changes after `position` to all listeners, or, without a position, tells them where the journal ends.
    /// Returns the new position, `None` if the history is another one, and whether there are more changes.
    ///
    /// # Errors
    ///
    /// Fails if the journal cannot be read.
    pub async fn broadcast(&self, position: Option<Position>) -> Result<(Option<Position>, bool), Problem> {
        let Some(from) = position else {
            let newest = self.database.read(|c| Ok::<_, Problem>(Position::newest(c)?)).await?;
            // Listeners that are not at this position read for themselves what they have missed.
            let _ = self.channel.sender.send(News::Batch { from: newest, to: newest, text: Bytes::new() });
            return Ok((Some(newest), false));
        };
        let Some(found) = self.read(from, BATCH).await? else {
            let _ = self.channel.sender.send(News::Reset);
            return Ok((None, false));
        };
        let to = found.token.position;
        if to != from {
            let text = event(&found, &self.key);
            let _ = self.channel.sender.send(News::Batch { from, to, text });
        }
        Ok((Some(to), found.more))
    }

    async fn read(&self, since: Position, limit: i64) -> Result<Option<Changes>, Problem> {
        let site = Arc::clone(&self.site);
        self.database.read(move |c| Ok::<_, Problem>(changes::since(c, &site, since, limit)?)).await
    }
}

/// Place of a listener, which is freed when dropped.
struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Returns a batch as a server-sent event (WHATWG HTML, section 9.2); empty if it has no changes.
fn event(found: &Changes, key: &[u8]) -> Bytes {
    match found.changes.is_empty() {
        true => Bytes::new(),
        // JSON has no line breaks outside of strings, and escapes those within them.
        false => format!("event: changes\nid: {}\ndata: {}\n\n", found.token.encode(key), found.body(key)).into(),
    }
}

/// Event that asks a listener to start over.
const RESET: &[u8] = b"event: reset\ndata: {}\n\n";

/// State of a listener.
struct Listener {
    stream: Weak<ChangeStream>,
    news: broadcast::Receiver<News>,
    position: Position,
    /// The listener was asked to start over, so the stream ends.
    over: bool,
    /// The listener has read everything from before it subscribed.
    current: bool,
    /// Rest of the last text, which is still to be sent.
    rest: Bytes,
    _seat: Seat,
}

/// Returns the events for a listener that has everything up to this journal entry.
///
/// # Errors
///
/// Returns 503 if there are `most` listeners already.
pub fn listen(
    stream: &Arc<ChangeStream>,
    position: Position,
    most: usize,
) -> Result<impl Stream<Item = Result<Bytes, actix_web::Error>> + use<>, Problem> {
    let full = || Problem::new(ProblemKind::Unavailable, "the maximum number of listeners is reached").retry_after(5);
    let seat = stream.channel.seat(most).ok_or_else(full)?;
    let token = Token { position, after: None }.encode(&stream.key);
    let greeting = Bytes::from(format!("event: ready\nid: {token}\ndata: {{\"next\":\"{token}\"}}\n\n"));
    let news = stream.channel.sender.subscribe();
    let stream = Arc::downgrade(stream);
    let listener = Listener { stream, news, position, over: false, current: false, rest: greeting, _seat: seat };
    Ok(unfold(listener, |mut listener| async move {
        let text = listener.next().await?;
        Some((Ok(text), listener))
    }))
}

impl Listener {
    /// Returns what is sent next, or `None` at the end of the stream.
    async fn next(&mut self) -> Option<Bytes> {
        while self.rest.is_empty() {
            if self.over {
                return None;
            }
            self.rest = if self.current { self.heard().await? } else { self.catch_up().await? };
        }
        let piece = self.rest.len().min(PIECE);
        Some(self.rest.split_to(piece))
    }

    async fn catch_up(&mut self) -> Option<Bytes> {
        let stream = self.stream.upgrade()?;
        // Subscribed before the journal is read: a batch that is broadcast meanwhile is received, not lost.
        self.news = stream.channel.sender.subscribe();
        // If the journal cannot be read the stream ends, and the client reconnects with its last position.
        let Some(found) = stream.read(self.position, OWN_BATCH).await.ok()? else { return Some(self.reset()) };
        (self.position, self.current) = (found.token.position, !found.more);
        Some(event(&found, &stream.key))
    }

    async fn heard(&mut self) -> Option<Bytes> {
        match self.news.recv().await {
            Ok(News::Batch { to, .. }) if to.sequence < self.position.sequence || to == self.position => {
                Some(Bytes::new())
            }
            Ok(News::Batch { from, to, text }) if from == self.position => {
                self.position = to;
                Some(text)
            }
            Ok(News::Reset) => Some(self.reset()),
            Ok(News::SignOfLife) => Some(Bytes::from_static(b": keep-alive\n\n")),
            // A listener that is too slow is disconnected, and reconnects with the id of the last event.
            Ok(News::End) | Err(RecvError::Closed | RecvError::Lagged(_)) => None,
            // The batch does not follow on what this listener has, so it reads the journal itself.
            Ok(News::Batch { .. }) => {
                self.current = false;
                Some(Bytes::new())
            }
        }
    }

    fn reset(&mut self) -> Bytes {
        self.over = true;
        Bytes::from_static(RESET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(channel: &Channel) -> Listener {
        let seat = channel.seat(2).expect("there is room");
        let news = channel.sender.subscribe();
        let (stream, position, rest) = (Weak::new(), Position::default(), Bytes::new());
        Listener { stream, news, position, over: false, current: true, rest, _seat: seat }
    }

    fn tell(channel: &Channel, from: i64, text: &str) {
        let at = |number| if number == 0 { Position::default() } else { Position::of(number, 0, "", 0) };
        let _ =
            channel.sender.send(News::Batch { from: at(from), to: at(from + 1), text: Bytes::from(text.to_owned()) });
    }

    #[test]
    fn listeners_have_seats() {
        let channel = Channel::default();
        let (one, _two) = (listener(&channel), listener(&channel));
        assert!(channel.seat(2).is_none());
        drop(one);
        assert_eq!(channel.listeners.load(Ordering::SeqCst), 1);
        assert!(channel.seat(2).is_some());
    }

    #[actix_web::test]
    async fn a_listener_that_falls_behind_is_let_go() {
        let channel = Channel::default();
        let (mut quick, mut slow) = (listener(&channel), listener(&channel));
        let long = "x".repeat(PIECE + 1);
        for number in 0..=BEHIND as i64 {
            tell(&channel, number, &long);
            for size in [PIECE, 1] {
                assert_eq!(quick.next().await.map(|piece| piece.len()), Some(size));
            }
        }
        assert_eq!(slow.next().await, None);
    }
}
