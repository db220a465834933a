//! How long anybody waits for the database.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// How long is waited while the database is known not to answer: nobody waits for what others waited for in vain.
const SHORT: Duration = Duration::from_secs(1);

/// The bound on waits for one or several threads, and since when they are busy.
#[derive(Debug, Clone)]
pub struct Limit {
    patience: Option<Duration>,
    threads: usize,
    /// When each of the tasks that run now was begun, the oldest first.
    running: Arc<Mutex<Vec<Instant>>>,
    /// Since when nothing could be begun.
    failing: Arc<Mutex<Option<Instant>>>,
}

/// A task that runs; ends when it is dropped.
#[derive(Debug)]
pub struct Running<'a> {
    limit: &'a Limit,
    begun: Instant,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut running = self.limit.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = running.iter().position(|begun| *begun == self.begun) {
            running.remove(place);
        }
    }
}

impl Limit {
    /// With this bound, for so many threads; without one, waits take as long as they take.
    pub fn new(patience: Option<Duration>, threads: usize) -> Self {
        Self { patience, threads, running: Arc::default(), failing: Arc::default() }
    }

    /// Notes that a task begins.
    pub fn begin(&self) -> Running<'_> {
        let begun = Instant::now();
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push(begun);
        Running { limit: self, begun }
    }

    /// Notes whether what came could be begun at all.
    pub fn note(&self, could_begin: bool) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        *failing = if could_begin { None } else { failing.or_else(|| Some(Instant::now())) };
    }

    /// How long the oldest task that runs has been running, or nothing could be begun.
    pub fn busy(&self) -> Option<Duration> {
        let failing = *self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        failing.into_iter().chain(running.first().copied()).min().map(|since| since.elapsed())
    }

    /// Waits for an answer; none when it does not come in time.
    pub async fn wait<T>(&self, answer: &mut oneshot::Receiver<T>) -> Option<Result<T, oneshot::error::RecvError>> {
        let Some(patience) = self.patience else { return Some(answer.await) };
        let patience = if self.is_stuck(patience) { SHORT.min(patience) } else { patience };
        tokio::time::timeout(patience, answer).await.ok()
    }

    /// Whether all threads have been running longer than this, or nothing could be begun for longer.
    fn is_stuck(&self, patience: Duration) -> bool {
        let failing = *self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        if failing.is_some_and(|since| since.elapsed() > patience) {
            return true;
        }
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.len() >= self.threads && running.last().is_some_and(|begun| begun.elapsed() > patience)
    }
}
