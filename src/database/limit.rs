//! The bound on waiting times for the database.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

/// Longest wait while the database is known not to respond, so that requests do not pile up behind it.
const SHORT: Duration = Duration::from_secs(1);

/// The bound on waits for a group of threads, with their current load.
#[derive(Debug, Clone)]
pub struct Limit {
    patience: Option<Duration>,
    threads: usize,
    /// Start times of the running tasks, the oldest first.
    running: Arc<Mutex<Vec<Instant>>>,
    /// Start of the current failure, during which no transaction can be started.
    failing: Arc<Mutex<Option<Instant>>>,
}

/// A guard of a running task, which ends when the guard is dropped.
#[derive(Debug)]
pub struct TaskGuard<'a> {
    limit: &'a Limit,
    begun: Instant,
}

impl Drop for TaskGuard<'_> {
    fn drop(&mut self) {
        let mut running = self.limit.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = running.iter().position(|begun| *begun == self.begun) {
            running.remove(place);
        }
    }
}

impl Limit {
    /// Creates a bound for a group of `threads` threads. Without `patience`, waits are unbounded.
    pub fn new(patience: Option<Duration>, threads: usize) -> Self {
        Self { patience, threads, running: Arc::default(), failing: Arc::default() }
    }

    /// Records the start of a task.
    pub fn begin(&self) -> TaskGuard<'_> {
        let begun = Instant::now();
        self.running.lock().unwrap_or_else(PoisonError::into_inner).push(begun);
        TaskGuard { limit: self, begun }
    }

    /// Records whether a transaction could be started.
    pub fn note(&self, could_begin: bool) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        *failing = if could_begin { None } else { failing.or_else(|| Some(Instant::now())) };
    }

    /// Returns the running time of the oldest task, or the time since transactions cannot be started if that is
    /// longer; none while the threads are idle.
    pub fn busy_time(&self) -> Option<Duration> {
        let failing = *self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        failing.into_iter().chain(running.first().copied()).min().map(|since| since.elapsed())
    }

    /// Waits for a result. Returns none if it does not arrive in time.
    ///
    /// # Errors
    ///
    /// The inner result is an error if the sender was dropped.
    pub async fn wait<T>(&self, answer: &mut oneshot::Receiver<T>) -> Option<Result<T, oneshot::error::RecvError>> {
        let Some(patience) = self.patience else { return Some(answer.await) };
        let patience = if self.is_stuck(patience) { SHORT.min(patience) } else { patience };
        tokio::time::timeout(patience, answer).await.ok()
    }

    /// Returns whether all threads have been busy for longer than `patience`, or no transaction could be started for
    /// longer.
    fn is_stuck(&self, patience: Duration) -> bool {
        let failing = *self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        if failing.is_some_and(|since| since.elapsed() > patience) {
            return true;
        }
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.len() >= self.threads && running.last().is_some_and(|begun| begun.elapsed() > patience)
    }
}
