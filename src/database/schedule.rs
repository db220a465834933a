//! A deterministic scheduler for tests of concurrent code. Of its threads one runs at a time. At each scheduling
//! point, a seeded generator decides whether the thread continues or which other one does, so that a failing
//! interleaving can be repeated with its seed.
//!
//! Memory is sequentially consistent under this scheduler; it does not test weak memory orders. `loom` would, but not
//! with thousands of slots and with futures (docs/decisions/0014).

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread::{JoinHandle, Thread};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// Probability that a thread continues at a point: long runs of one thread with rare switches find most faults.
const GOES_ON: f64 = 0.9;
/// The number that stands for no running thread.
const NOBODY: usize = usize::MAX;

thread_local! {
    static OWN: RefCell<Option<(Arc<Turns>, usize)>> = const { RefCell::new(None) };
}

/// Returns whether this thread belongs to a schedule.
pub fn is_scheduled() -> bool {
    OWN.with_borrow(Option::is_some)
}

/// Marks a point at which the schedule may switch to another thread.
pub fn point() {
    OWN.with_borrow(|own| own.iter().for_each(|(turns, number)| turns.point(*number)));
}

/// Switches to another thread, since this one waits for something.
pub fn pause() {
    OWN.with_borrow(|own| own.iter().for_each(|(turns, number)| turns.give(*number)));
}

/// Polls a future to completion and switches to another thread while it is pending.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => pause(),
        }
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// A set of threads that is reused for several interleavings.
pub struct Interleaving {
    turns: Arc<Turns>,
    workers: Vec<(mpsc::Sender<Job>, JoinHandle<()>)>,
    over: mpsc::Receiver<bool>,
}

impl Interleaving {
    /// Starts `threads` threads whose interleavings are determined by `seed`.
    pub fn new(seed: u64, threads: usize) -> Self {
        let (tell, over) = mpsc::channel();
        let turns = Arc::new(Turns {
            running: AtomicUsize::new(NOBODY),
            state: Mutex::new(State { rng: StdRng::seed_from_u64(seed), alive: Vec::new(), threads: Vec::new() }),
        });
        let workers: Vec<_> = (0..threads).map(|number| worker(number, &turns, tell.clone())).collect();
        turns.state().threads = workers.iter().map(|(_, handle)| handle.thread().clone()).collect();
        Self { turns, workers, over }
    }

    /// Runs the jobs to completion, each on a thread of its own.
    ///
    /// # Panics
    ///
    /// Panics if a job panics or if there are more jobs than threads.
    pub fn run(&self, jobs: Vec<Job>) {
        let count = jobs.len();
        assert!(count <= self.workers.len(), "there are threads for all");
        self.turns.state().alive = (0..count).collect();
        for (job, (sender, _)) in jobs.into_iter().zip(&self.workers) {
            sender.send(job).expect("the thread waits for work");
        }
        self.turns.start();
        for _ in 0..count {
            assert!(self.over.recv().expect("the threads are there"), "a thread failed");
        }
    }
}

impl Drop for Interleaving {
    fn drop(&mut self) {
        for (sender, handle) in self.workers.drain(..) {
            drop(sender);
            let _ = handle.join();
        }
    }
}

fn worker(number: usize, turns: &Arc<Turns>, over: mpsc::Sender<bool>) -> (mpsc::Sender<Job>, JoinHandle<()>) {
    let (sender, jobs) = mpsc::channel::<Job>();
    let turns = Arc::clone(turns);
    let run = move || {
        OWN.set(Some((Arc::clone(&turns), number)));
        for job in jobs {
            turns.wait(number);
            let outcome = catch_unwind(AssertUnwindSafe(job));
            turns.end(number);
            if over.send(outcome.is_ok()).is_err() {
                return;
            }
        }
    };
    (sender, std::thread::spawn(run))
}

/// The state that the threads of a schedule share.
struct Turns {
    /// Number of the thread that runs.
    running: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    rng: StdRng,
    /// Numbers of the threads whose jobs have not ended.
    alive: Vec<usize>,
    threads: Vec<Thread>,
}

impl Turns {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, number: usize) {
        while self.running.load(Ordering::SeqCst) != number {
            std::thread::park();
        }
    }

    fn start(&self) {
        let mut state = self.state();
        state.hand_on(&self.running, None);
    }

    fn point(&self, number: usize) {
        if !self.state().rng.random_bool(GOES_ON) {
            self.give(number);
        }
    }

    fn give(&self, number: usize) {
        self.state().hand_on(&self.running, Some(number));
        self.wait(number);
    }

    fn end(&self, number: usize) {
        let mut state = self.state();
        state.alive.retain(|alive| *alive != number);
        state.hand_on(&self.running, None);
    }
}

impl State {
    /// Chooses the next thread: any but `from`, unless that is the only one left.
    fn hand_on(&mut self, running: &AtomicUsize, from: Option<usize>) {
        let others: Vec<usize> = self.alive.iter().copied().filter(|number| Some(*number) != from).collect();
        let next = others.choose(&mut self.rng).copied().or(from).unwrap_or(NOBODY);
        running.store(next, Ordering::SeqCst);
        if let Some(thread) = self.threads.get(next) {
            thread.unpark();
        }
    }
}
