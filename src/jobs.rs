//! The background jobs of a node: threads and tasks that run for as long as the server does.
//!
//! A job that panics is restarted. A job that fails, or whose round does not end in time, is reported by
//! `/readyz` and by the metrics. See `docs/decisions/0020-a-node-that-runs-on.md`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use serde::Serialize;
use utoipa::ToSchema;

/// Delay before a job is restarted after a panic, so that a job that panics immediately does not occupy a core.
const PAUSE: Duration = Duration::from_millis(100);

/// The background jobs of one node.
#[derive(Debug, Default)]
pub struct Jobs(Mutex<Vec<Arc<BackgroundJob>>>);

/// A background job and its state.
#[derive(Debug)]
pub struct BackgroundJob {
    name: &'static str,
    /// The longest duration of a round that is not a failure.
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Start of the current round; `None` between two rounds.
    begun: Option<Instant>,
    restarts: u64,
    /// Start and explanation of the current failure.
    failure: Option<(Instant, &'static str)>,
}

/// A background job that is failing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobFailure {
    /// Name of the job.
    #[schema(example = "writer")]
    pub job: &'static str,
    /// Explanation of the failure.
    #[schema(example = "the disk of the database is full")]
    pub detail: &'static str,
    /// Duration of the failure, in seconds.
    #[schema(minimum = 0, example = 12)]
    pub seconds: u64,
}

/// The state of a background job, for metrics.
#[derive(Debug)]
pub struct JobStatus {
    /// Name of the job.
    pub job: &'static str,
    /// Number of restarts after a panic.
    pub restarts: u64,
    /// The current failure, if the job is failing.
    pub failure: Option<JobFailure>,
}

impl Jobs {
    /// Adds a job. A round that takes longer than `patience` counts as a failure.
    pub fn add(&self, name: &'static str, patience: Duration) -> Arc<BackgroundJob> {
        let job = Arc::new(BackgroundJob { name, patience, state: Mutex::default() });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&job));
        job
    }

    /// Returns the state of every job, in the order in which they were added.
    pub fn status(&self) -> Vec<JobStatus> {
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.iter().map(|job| job.status()).collect()
    }

    /// Returns the current failures of all jobs.
    pub fn failures(&self) -> Vec<JobFailure> {
        self.status().into_iter().filter_map(|status| status.failure).collect()
    }
}

impl BackgroundJob {
    /// Records the start of a round.
    pub fn begin(&self) {
        self.state().begun = Some(Instant::now());
    }

    /// Records the successful end of the round.
    pub fn succeed(&self) {
        let mut state = self.state();
        state.begun = None;
        state.failure = None;
    }

    /// Records the failure of the round. `/readyz` shows the detail to anonymous clients, so it must not
    /// contain anything internal.
    pub fn fail(&self, detail: &'static str) {
        let mut state = self.state();
        state.begun = None;
        // Consecutive failures count as one, so that its duration shows for how long the job has not worked.
        let since = state.failure.map_or_else(Instant::now, |(since, _)| since);
        state.failure = Some((since, detail));
    }

    /// Returns whether the last round failed.
    pub fn is_failing(&self) -> bool {
        self.state().failure.is_some()
    }

    /// Runs a task until it returns, and restarts it after a panic.
    pub async fn supervise<F: Future<Output = ()>>(self: Arc<Self>, task: impl Fn() -> F) {
        while AssertUnwindSafe(task()).catch_unwind().await.is_err() {
            self.note_restart();
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Runs a task on the current thread until it returns, and calls it again after a panic. Its state is as
    /// the panic left it.
    pub fn supervise_thread(&self, mut task: impl FnMut()) {
        while catch_unwind(AssertUnwindSafe(&mut task)).is_err() {
            self.note_restart();
            std::thread::sleep(PAUSE);
        }
    }

    fn note_restart(&self) {
        tracing::error!(job = self.name, "a background job panicked and is restarted");
        self.fail("the job panicked and was restarted");
        self.state().restarts += 1;
    }

    fn status(&self) -> JobStatus {
        let state = self.state();
        let overdue = state.begun.filter(|begun| begun.elapsed() > self.patience).map(|begun| (begun, "the job hangs"));
        let failure = overdue.or(state.failure).map(|(since, detail)| JobFailure {
            job: self.name,
            detail,
            seconds: since.elapsed().as_secs(),
        });
        JobStatus { job: self.name, restarts: state.restarts, failure }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lowers the priority of the current thread, and of those that it starts, to a niceness between 1 and 19. Only on
/// Linux: elsewhere the niceness is that of the whole process.
pub fn lower_priority(niceness: i32) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, niceness) {
        tracing::debug!(%error, niceness, "the priority of a thread could not be lowered");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = niceness;
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_task_that_panics_is_started_again() {
        let jobs = Jobs::default();
        let (job, runs) = (jobs.add("task", LONG), Cell::new(0));
        let task = || async {
            runs.set(runs.get() + 1);
            assert!(runs.get() > 2, "a panic");
            assert_eq!(jobs.failures()[0].detail, "the job panicked and was restarted");
            job.succeed();
        };
        actix_web::rt::System::new().block_on(Arc::clone(&job).supervise(task));
        assert_eq!((runs.get(), jobs.status()[0].restarts), (3, 2));
        assert_eq!(jobs.failures(), []);
    }

    #[test]
    fn a_thread_goes_on_where_the_panic_left_its_state() {
        let (jobs, mut runs) = (Jobs::default(), 0);
        jobs.add("thread", LONG).supervise_thread(|| {
            runs += 1;
            assert!(runs > 1, "a panic");
        });
        assert_eq!((runs, jobs.status()[0].restarts), (2, 1));
    }

    #[test]
    fn a_round_that_does_not_end_is_a_failure() {
        let jobs = Jobs::default();
        let job = jobs.add("round", Duration::ZERO);
        assert_eq!(jobs.failures(), []);
        job.begin();
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(jobs.failures()[0].detail, "the job hangs");
        job.fail("the disk is full");
        assert_eq!((job.is_failing(), jobs.failures()[0].detail), (true, "the disk is full"));
        job.succeed();
        assert_eq!(jobs.failures(), []);
    }
}
