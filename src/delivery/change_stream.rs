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
const MAX_BATCHES_BEHIND: usize = 16;
/// Maximum number of journal entries in a broadcast batch.
const BATCH: i64 = 100;
/// Maximum number of journal entries that a listener reads at a time while it catches up. Few, since their
/// changes are held in memory for this listener alone.
const CATCH_UP_BATCH: i64 = 10;
/// Maximum number of bytes that are passed to a connection at a time.
const MAX_PIECE_BYTES: usize = 16_384;

/// A message to all listeners.
#[derive(Debug, Clone)]
enum StreamMessage {
    /// Changes between two journal entries, as they are sent; empty if the public sees none of them.
    Batch { from: Position, to: Position, text: Bytes },
    /// The journal has another history than before, as after a restore, so what listeners have is not part of
    /// it.
    Reset,
    /// A keep-alive comment.
    KeepAlive,
    /// The server is about to stop.
    End,
}

/// The broadcast channel of a node, and the number of its listeners.
struct Channel {
    sender: broadcast::Sender<StreamMessage>,
    listeners: Arc<AtomicUsize>,
}

impl Default for Channel {
    fn default() -> Self {
        Self { sender: broadcast::channel(MAX_BATCHES_BEHIND).0, listeners: Arc::default() }
    }
}

impl Channel {
    /// Reserves a place for a listener, if there are fewer than `limit`.
    fn reserve(&self, limit: usize) -> Option<ListenerSlot> {
        let one_more = |count| (count < limit).then_some(count + 1);
        self.listeners.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).ok()?;
        Some(ListenerSlot(Arc::clone(&self.listeners)))
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
        let _ = self.channel.sender.send(StreamMessage::KeepAlive);
    }

    /// Disconnects all listeners.
    pub fn end(&self) {
        let _ = self.channel.sender.send(StreamMessage::End);
    }

    /// Sends the changes after `position` to all listeners, or, without a position, tells them where the journal ends.
    /// Returns the new position, `None` if the history is another one, and whether there are more changes.
    ///
    /// # Errors
    ///
    /// Fails if the journal cannot be read.
    pub async fn broadcast(&self, position: Option<Position>) -> Result<(Option<Position>, bool), Problem> {
        let Some(from) = position else {
            let newest = self.database.read(|c| Ok::<_, Problem>(Position::find_newest(c)?)).await?;
            // Listeners that are not at this position read for themselves what they have missed.
            let _ = self.channel.sender.send(StreamMessage::Batch { from: newest, to: newest, text: Bytes::new() });
            return Ok((Some(newest), false));
        };
        let Some(changes) = self.read(from, BATCH).await? else {
            let _ = self.channel.sender.send(StreamMessage::Reset);
            return Ok((None, false));
        };
        let to = changes.token.position;
        if to != from {
            let text = event(&changes, &self.key);
            let _ = self.channel.sender.send(StreamMessage::Batch { from, to, text });
        }
        Ok((Some(to), changes.more))
    }

    async fn read(&self, since: Position, limit: i64) -> Result<Option<Changes>, Problem> {
        let site = Arc::clone(&self.site);
        self.database.read(move |c| Ok::<_, Problem>(changes::load_changes(c, &site, since, limit)?)).await
    }
}

/// Place of a listener, which is freed when dropped.
struct ListenerSlot(Arc<AtomicUsize>);

impl Drop for ListenerSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Returns a batch as a server-sent event (WHATWG HTML, section 9.2); empty if it has no changes.
fn event(batch: &Changes, key: &[u8]) -> Bytes {
    match batch.changes.is_empty() {
        true => Bytes::new(),
        // JSON has no line breaks outside of strings, and escapes those within them.
        false => format!("event: changes\nid: {}\ndata: {}\n\n", batch.token.encode(key), batch.body(key)).into(),
    }
}

/// Event that asks a listener to start over.
const RESET: &[u8] = b"event: reset\ndata: {}\n\n";

/// State of a listener.
struct Listener {
    stream: Weak<ChangeStream>,
    messages: broadcast::Receiver<StreamMessage>,
    position: Position,
    /// The listener was asked to start over, so the stream ends.
    ended: bool,
    /// The listener has read everything from before it subscribed.
    current: bool,
    /// Rest of the last text, which is still to be sent.
    rest: Bytes,
    _seat: ListenerSlot,
}

/// Returns the events for a listener that has everything up to this journal entry.
///
/// # Errors
///
/// Returns 503 if there are `limit` listeners already.
pub fn listen(
    stream: &Arc<ChangeStream>,
    position: Position,
    limit: usize,
) -> Result<impl Stream<Item = Result<Bytes, actix_web::Error>> + use<>, Problem> {
    let full = || Problem::new(ProblemKind::Unavailable, "the maximum number of listeners is reached").retry_after(5);
    let seat = stream.channel.reserve(limit).ok_or_else(full)?;
    let token = Token { position, after: None }.encode(&stream.key);
    let greeting = Bytes::from(format!("event: ready\nid: {token}\ndata: {{\"next\":\"{token}\"}}\n\n"));
    let messages = stream.channel.sender.subscribe();
    let stream = Arc::downgrade(stream);
    let listener = Listener { stream, messages, position, ended: false, current: false, rest: greeting, _seat: seat };
    Ok(unfold(listener, |mut listener| async move {
        let text = listener.next().await?;
        Some((Ok(text), listener))
    }))
}

impl Listener {
    /// Returns what is sent next, or `None` at the end of the stream.
    async fn next(&mut self) -> Option<Bytes> {
        while self.rest.is_empty() {
            if self.ended {
                return None;
            }
            self.rest = if self.current { self.receive().await? } else { self.catch_up().await? };
        }
        let piece = self.rest.len().min(MAX_PIECE_BYTES);
        Some(self.rest.split_to(piece))
    }

    async fn catch_up(&mut self) -> Option<Bytes> {
        let stream = self.stream.upgrade()?;
        // Subscribed before the journal is read: a batch that is broadcast meanwhile is received, not lost.
        self.messages = stream.channel.sender.subscribe();
        // If the journal cannot be read the stream ends, and the client reconnects with its last position.
        let Some(changes) = stream.read(self.position, CATCH_UP_BATCH).await.ok()? else { return Some(self.reset()) };
        (self.position, self.current) = (changes.token.position, !changes.more);
        Some(event(&changes, &stream.key))
    }

    async fn receive(&mut self) -> Option<Bytes> {
        match self.messages.recv().await {
            Ok(StreamMessage::Batch { to, .. }) if to.sequence < self.position.sequence || to == self.position => {
                Some(Bytes::new())
            }
            Ok(StreamMessage::Batch { from, to, text }) if from == self.position => {
                self.position = to;
                Some(text)
            }
            Ok(StreamMessage::Reset) => Some(self.reset()),
            Ok(StreamMessage::KeepAlive) => Some(Bytes::from_static(b": keep-alive\n\n")),
            // A listener that is too slow is disconnected, and reconnects with the id of the last event.
            Ok(StreamMessage::End) | Err(RecvError::Closed | RecvError::Lagged(_)) => None,
            // The batch does not follow on what this listener has, so it reads the journal itself.
            Ok(StreamMessage::Batch { .. }) => {
                self.current = false;
                Some(Bytes::new())
            }
        }
    }

    fn reset(&mut self) -> Bytes {
        self.ended = true;
        Bytes::from_static(RESET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener(channel: &Channel) -> Listener {
        let seat = channel.reserve(2).expect("there is room");
        let messages = channel.sender.subscribe();
        let (stream, position, rest) = (Weak::new(), Position::default(), Bytes::new());
        Listener { stream, messages, position, ended: false, current: true, rest, _seat: seat }
    }

    fn send(channel: &Channel, from: i64, text: &str) {
        let at = |number| if number == 0 { Position::default() } else { Position::of(number, 0, "", 0) };
        let _ = channel.sender.send(StreamMessage::Batch {
            from: at(from),
            to: at(from + 1),
            text: Bytes::from(text.to_owned()),
        });
    }

    #[test]
    fn listeners_have_seats() {
        let channel = Channel::default();
        let (one, _two) = (listener(&channel), listener(&channel));
        assert!(channel.reserve(2).is_none());
        drop(one);
        assert_eq!(channel.listeners.load(Ordering::SeqCst), 1);
        assert!(channel.reserve(2).is_some());
    }

    #[actix_web::test]
    async fn a_listener_that_falls_behind_is_let_go() {
        let channel = Channel::default();
        let (mut quick, mut slow) = (listener(&channel), listener(&channel));
        let long = "x".repeat(MAX_PIECE_BYTES + 1);
        for number in 0..=MAX_BATCHES_BEHIND as i64 {
            send(&channel, number, &long);
            for size in [MAX_PIECE_BYTES, 1] {
                assert_eq!(quick.next().await.map(|piece| piece.len()), Some(size));
            }
        }
        assert_eq!(slow.next().await, None);
    }
}
