//! Changes as they happen. One task of the node reads the journal and tells all who listen, so that a
//! listener costs no more than a place in a channel; whoever falls behind, or comes back, reads for
//! itself until it has caught up.

use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::stream::{Stream, unfold};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::changes::{self, Changes, Token};
use crate::app::App;
use crate::jobs::BackgroundJob;
use crate::problem::Problem;

/// How often the journal is looked at while somebody listens.
const PAUSE: Duration = Duration::from_millis(200);
/// How often a sign of life is given, in pauses: proxies close what is silent.
const SIGN_OF_LIFE: u32 = 75;
/// Batches that a listener may be behind before it has to read for itself.
const BEHIND: usize = 64;
/// Entries of the journal in a batch.
const BATCH: i64 = 500;

/// Something to be told to all.
#[derive(Debug, Clone)]
enum News {
    /// What changed between two entries of the journal, as it is sent; empty where the public saw nothing.
    Batch {
        from: i64,
        to: i64,
        text: Bytes,
    },
    SignOfLife,
    /// The server is about to stop.
    End,
}

/// Where listeners come together.
pub struct Live {
    sender: broadcast::Sender<News>,
}

impl Default for Live {
    fn default() -> Self {
        Self { sender: broadcast::channel(BEHIND).0 }
    }
}

/// Follows the journal while somebody listens, until the application ends.
pub async fn run(app: Weak<App>, job: Arc<BackgroundJob>) {
    let (mut position, mut silence) = (None, 0);
    loop {
        tokio::time::sleep(PAUSE).await;
        let Some(app) = app.upgrade() else { return };
        if app.live.sender.receiver_count() == 0 {
            position = None;
            job.succeed();
            continue;
        }
        silence += 1;
        if silence >= SIGN_OF_LIFE {
            silence = 0;
            let _ = app.live.sender.send(News::SignOfLife);
        }
        job.begin();
        match step(&app, position).await {
            Ok(further) => {
                position = Some(further);
                job.succeed();
            }
            Err(problem) => {
                tracing::warn!(detail = problem.detail, "the journal cannot be read for listeners");
                job.fail("listeners cannot be told of changes");
            }
        }
    }
}

/// Lets all listeners go when the process is told to end, so that it need not wait for them.
pub async fn end_with_process(app: Weak<App>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    if let Some(app) = app.upgrade() {
        let _ = app.live.sender.send(News::End);
    }
}

async fn step(app: &App, position: Option<i64>) -> Result<i64, Problem> {
    let Some(from) = position else {
        let head = app.database.read(|c| Ok::<_, Problem>(crate::journal::head(c)?)).await?;
        // Who listened before it was followed from here on reads for itself what it has missed.
        let _ = app.live.sender.send(News::Batch { from: head, to: head, text: Bytes::new() });
        return Ok(head);
    };
    let found = read(app, from).await?;
    let to = found.token.sequence;
    if to > from {
        let text = event(&found, &app.site_key);
        let _ = app.live.sender.send(News::Batch { from, to, text });
    }
    Ok(to)
}

async fn read(app: &App, since: i64) -> Result<Changes, Problem> {
    let site = Arc::clone(&app.site);
    app.database.read(move |c| Ok::<_, Problem>(changes::since(c, &site, since, BATCH)?)).await
}

/// A batch as a server-sent event (WHATWG HTML, section 9.2); nothing where there is nothing to tell.
fn event(found: &Changes, key: &[u8]) -> Bytes {
    match found.changes.is_empty() {
        true => Bytes::new(),
        // JSON has no line breaks outside of strings, and none within them.
        false => format!("event: changes\nid: {}\ndata: {}\n\n", found.token.encode(key), found.body(key)).into(),
    }
}

/// Where a listener is.
struct Listener {
    app: Weak<App>,
    news: broadcast::Receiver<News>,
    position: i64,
    /// It has read all that came before it began to listen.
    current: bool,
    /// To be sent before anything else.
    greeting: Option<Bytes>,
}

/// What is sent to a listener that has everything up to this entry of the journal.
pub fn listen(app: &Arc<App>, position: i64) -> impl Stream<Item = Result<Bytes, actix_web::Error>> + use<> {
    let token = Token { sequence: position, after: None }.encode(&app.site_key);
    let greeting = Bytes::from(format!("event: ready\nid: {token}\ndata: {{\"next\":\"{token}\"}}\n\n"));
    let news = app.live.sender.subscribe();
    let listener = Listener { app: Arc::downgrade(app), news, position, current: false, greeting: Some(greeting) };
    unfold(listener, |mut listener| async move {
        let text = listener.next().await?;
        Some((Ok(text), listener))
    })
}

impl Listener {
    /// What to send next; none when it is over.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        loop {
            let text = if self.current { self.heard().await? } else { self.catch_up().await? };
            if !text.is_empty() {
                return Some(text);
            }
        }
    }

    async fn catch_up(&mut self) -> Option<Bytes> {
        let app = self.app.upgrade()?;
        // Who cannot be told the truth is let go: it comes back with what it had.
        let found = read(&app, self.position).await.ok()?;
        (self.position, self.current) = (found.token.sequence, !found.more);
        Some(event(&found, &app.site_key))
    }

    async fn heard(&mut self) -> Option<Bytes> {
        match self.news.recv().await {
            Ok(News::Batch { to, .. }) if to <= self.position => Some(Bytes::new()),
            Ok(News::Batch { from, to, text }) if from <= self.position => {
                self.position = to;
                Some(text)
            }
            Ok(News::SignOfLife) => Some(Bytes::from_static(b": still here\n\n")),
            Ok(News::End) | Err(RecvError::Closed) => None,
            Ok(News::Batch { .. }) | Err(RecvError::Lagged(_)) => {
                self.current = false;
                Some(Bytes::new())
            }
        }
    }
}
