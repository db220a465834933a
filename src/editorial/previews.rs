//! Previews of the site at future times.
//!
//! Each of a few threads keeps one [`Overlay`] in a sandbox of its own and serves reads from it. Neither
//! building an overlay nor reading it takes a lock or a turn of the writer, so no write waits for a preview.
//! Reads of the same span share an overlay, since carrying out its plans is what costs; the first read waits
//! for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use tokio::sync::oneshot;

use super::overlay::{Overlay, PlanSpan};
use crate::content::Site;
use crate::database::sandbox::{self, TemporaryTables};
use crate::database::{Address, Database, DatabaseError, Db};
use crate::jobs::lower_priority;
use crate::metrics::counter;
use crate::problem::{Problem, ProblemKind};

/// Maximum number of overlays, and so of threads.
const MAX_SLOTS: usize = 4;
/// Time without a read after which an overlay is dropped.
const IDLE: Duration = Duration::from_secs(300);
/// Maximum number of reads that wait for one overlay.
const QUEUE: usize = 256;
/// Maximum time that a read waits, including the time in which the overlay is built.
const PATIENCE: Duration = Duration::from_secs(30);
/// Number of times that an overlay is rebuilt because writes made it invalid while it was built. After that,
/// the read sees the state in which the overlay was built.
const TRIES: usize = 3;
/// While the database is written to, a thread rests this many times as long as it worked: previews then take at most
/// a fifth of one core, however many ask for them, and writes keep their pace.
const REST: u32 = 4;
/// The longest rest after one read.
const MAX_REST: Duration = Duration::from_millis(50);
/// Priority of the threads on SQLite, where they do the work of the database. On Postgres another process does it, and
/// a lower priority would only delay what comes back.
const NICENESS: i32 = 10;

/// A valid overlay of a thread, as callers see it.
#[derive(Debug, Clone, Copy)]
struct ValidOverlay {
    span: PlanSpan,
    generation: u64,
    /// Time of the invalidation clock at which the overlay was last found valid.
    right_at: u64,
}

/// The state of one overlay, shared by its thread and by callers.
type State = Arc<Mutex<Option<ValidOverlay>>>;

static MADE: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_previews_made_total", "Number of times that a preview of the site at a future time was built.")
});

type Job = Box<dyn FnOnce(&mut Session) + Send>;

/// A preview thread, as callers see it.
struct Slot {
    queue: flume::Sender<Job>,
    state: State,
    /// Start of the span that was last requested from the thread.
    wanted: i64,
    used_at: Instant,
}

/// The overlays of this node.
pub struct Previews {
    database: Database,
    site: Arc<Site>,
    slots: Mutex<Vec<Slot>>,
    /// Held while an overlay is built: one at a time, so that building takes no more than one core.
    making: Arc<Mutex<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Previews {
    /// Creates an empty set of overlays. Threads are started when they are needed.
    pub fn new(database: &Database, site: &Arc<Site>) -> Self {
        let (database, site) = (database.clone(), Arc::clone(site));
        Self { database, site, slots: Mutex::default(), making: Arc::default() }
    }

    /// Runs `read` on the site as the public will see it at `moment` (µs). Without a plan that is due by
    /// then, that is the stored site, and an ordinary reader serves it.
    ///
    /// # Errors
    ///
    /// Fails as `read` does; with `BadRequest` if too many plans are due by then; and with `Unavailable` if
    /// too many reads wait, the wait takes too long, or the database fails.
    pub async fn read<T: Send + 'static>(
        &self,
        moment: i64,
        read: impl FnOnce(&mut Db) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let Some(queue) = self.route(moment).await? else { return self.database.read(read).await };
        send(&queue, move |session| session.read(moment, |connection, _| read(connection))).await
    }

    /// Returns the generation of the overlay for `moment` (µs), which cached responses have in their keys:
    /// equal numbers mean the same overlay, and 0 means that no plan is due by then.
    ///
    /// # Errors
    ///
    /// Fails as [`Previews::read`] does.
    pub async fn generation(&self, moment: i64) -> Result<u64, Problem> {
        let now = self.database.invalidation_clock().now();
        // While the invalidation clock stands still, nothing was written since the overlay was found valid,
        // so its thread need not be asked.
        let known = lock(&self.slots).iter().find_map(|slot| slot.valid_overlay(moment)).filter(|s| s.right_at == now);
        if let Some(shown) = known {
            return Ok(shown.generation);
        }
        let Some(queue) = self.route(moment).await? else { return Ok(0) };
        send(&queue, move |session| session.read(moment, |_, generation| Ok(generation))).await
    }

    /// Returns the queue of the thread that serves `moment`, or `None` if no plan is due by then.
    async fn route(&self, moment: i64) -> Result<Option<flume::Sender<Job>>, Problem> {
        if let Some(slot) = lock(&self.slots).iter_mut().find(|slot| slot.valid_overlay(moment).is_some()) {
            slot.used_at = Instant::now();
            return Ok(Some(slot.queue.clone()));
        }
        let span = self.database.read_item(move |c| Ok::<_, Problem>(PlanSpan::find(c, moment)?)).await?;
        span.map(|span| self.slot_for(span.from)).transpose()
    }

    /// Returns the queue of the thread for the span that begins at `from`: the one that was requested for it
    /// already, else a new one, else the least recently used one.
    fn slot_for(&self, from: i64) -> Result<flume::Sender<Job>, Problem> {
        let mut slots = lock(&self.slots);
        let place = match slots.iter().position(|slot| slot.wanted == from) {
            Some(place) => place,
            None if slots.len() < MAX_SLOTS => {
                slots.push(self.begin(from)?);
                slots.len() - 1
            }
            None => (0..slots.len()).min_by_key(|place| slots[*place].used_at).unwrap_or_default(),
        };
        let slot = &mut slots[place];
        (slot.wanted, slot.used_at) = (from, Instant::now());
        Ok(slot.queue.clone())
    }

    /// Starts a preview thread. It ends when its slot is dropped, and gives its connection back when it is
    /// idle.
    fn begin(&self, from: i64) -> Result<Slot, Problem> {
        let (queue, jobs) = flume::bounded::<Job>(QUEUE);
        let state = State::default();
        let mut session = Session {
            database: self.database.clone(),
            site: Arc::clone(&self.site),
            making: Arc::clone(&self.making),
            state: Arc::clone(&state),
            connection: None,
            overlay: None,
            seen_at: 0,
        };
        let work = move || {
            if matches!(session.database.address(), Address::Sqlite(_)) {
                lower_priority(NICENESS);
            }
            loop {
                match jobs.recv_timeout(IDLE) {
                    Ok(job) => {
                        let begun = Instant::now();
                        job(&mut session);
                        session.give_way(begun.elapsed());
                    }
                    Err(flume::RecvTimeoutError::Timeout) => session.forget(),
                    Err(flume::RecvTimeoutError::Disconnected) => return,
                }
            }
        };
        std::thread::Builder::new().name("preview".to_owned()).spawn(work).map_err(|e| Problem::internal(&e))?;
        Ok(Slot { queue, state, wanted: from, used_at: Instant::now() })
    }
}

impl Slot {
    /// Returns the thread's overlay if it is valid for `moment`, as far as is known without asking the
    /// database.
    fn valid_overlay(&self, moment: i64) -> Option<ValidOverlay> {
        lock(&self.state).filter(|shown| shown.span.contains(moment))
    }
}

/// Runs `work` on a preview thread and waits for the result. A job whose caller has given up by its turn is
/// skipped. A job that panics drops the overlay, whose connection may be in the middle of anything, and
/// leaves the thread running.
async fn send<T: Send + 'static>(
    queue: &flume::Sender<Job>,
    work: impl FnOnce(&mut Session) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let (answer, wait) = oneshot::channel();
    let job: Job = Box::new(move |session| {
        if answer.is_closed() {
            return;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| work(session))).unwrap_or_else(|_| {
            session.forget();
            Err(DatabaseError::Gone.into())
        });
        let _ = answer.send(outcome);
    });
    queue.try_send(job).map_err(|_| Problem::from(DatabaseError::Overloaded))?;
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(answered) => answered.unwrap_or_else(|_| Err(DatabaseError::Gone.into())),
        Err(_) => {
            Err(Problem::new(ProblemKind::Unavailable, "the preview for this time is still being built").retry_after(5))
        }
    }
}

/// The sandbox and overlay of a preview thread.
struct Session {
    database: Database,
    site: Arc<Site>,
    making: Arc<Mutex<()>>,
    state: State,
    connection: Option<Db>,
    overlay: Option<(Overlay, u64)>,
    /// The time of the invalidation clock after the last read.
    seen_at: u64,
}

impl Session {
    /// Rests after a read that took `took`, if the database was written to since the read before it.
    fn give_way(&mut self, took: Duration) {
        let now = self.database.invalidation_clock().now();
        if self.seen_at != now {
            self.seen_at = now;
            std::thread::sleep((took * REST).min(MAX_REST));
        }
    }

    /// Runs `read` with the overlay for `moment`, in one read transaction. `read` also gets the generation of
    /// the overlay.
    fn read<T>(&mut self, moment: i64, read: impl FnOnce(&mut Db, u64) -> Result<T, Problem>) -> Result<T, Problem> {
        let mut outcome = self.open(moment);
        if outcome.as_ref().is_err_and(|problem| problem.kind.status() >= 500) {
            // The connection may have been idle for minutes, and the database may have closed it. `open` has
            // dropped it, so the second attempt uses a new one.
            outcome = self.open(moment);
        }
        let (generation, lasts) = outcome?;
        let Some(connection) = self.connection.as_mut() else { return Err(DatabaseError::Gone.into()) };
        let outcome = read(connection, generation);
        // The overlay was committed to the temporary tables before, so the rollback ends only the read. An
        // overlay that was built in this transaction does not last, and goes with it.
        if connection.rollback().is_err() || !lasts {
            self.forget();
        }
        outcome
    }

    /// Begins a read transaction with a valid overlay. Returns its generation, and whether it lasts beyond
    /// the transaction.
    fn open(&mut self, moment: i64) -> Result<(u64, bool), Problem> {
        let opened = self.try_open(moment);
        if opened.is_err() {
            self.forget();
        }
        opened
    }

    /// Does the work of [`Session::open`], which cleans up if it fails.
    ///
    /// A new overlay is committed and then checked again in the read transaction that follows, since writes
    /// may have come between the two.
    fn try_open(&mut self, moment: i64) -> Result<(u64, bool), Problem> {
        for _ in 0..TRIES {
            if let Some(generation) = self.reopen(moment)? {
                return Ok((generation, true));
            }
            self.make(moment)?;
            self.connection()?.commit()?;
        }
        // Under steady writes to the planned items no overlay would ever be found valid. The last one is read
        // in the transaction in which it is built, where it is right by definition, and dropped afterwards.
        match self.reopen(moment)? {
            Some(generation) => Ok((generation, true)),
            None => Ok((self.make(moment)?, false)),
        }
    }

    /// Begins a read transaction with the present overlay, if it is valid for `moment`.
    fn reopen(&mut self, moment: i64) -> Result<Option<u64>, Problem> {
        // The clock is read before the transaction begins. A write that comes in between is then newer than
        // `right_at`, and the overlay is checked again, although it need not be; the other way round, it
        // would be taken for valid without having seen the write.
        let right_at = self.database.invalidation_clock().now();
        let Some((mut overlay, generation)) = self.overlay.take() else { return Ok(None) };
        let connection = self.connection()?;
        connection.begin_read()?;
        if !overlay.is_right(connection, moment)? {
            connection.rollback()?;
            *lock(&self.state) = None;
            return Ok(None);
        }
        *lock(&self.state) = Some(ValidOverlay { span: overlay.span(), generation, right_at });
        self.overlay = Some((overlay, generation));
        Ok(Some(generation))
    }

    /// Builds an overlay in a new transaction, which stays open.
    fn make(&mut self, moment: i64) -> Result<u64, Problem> {
        static GENERATION: AtomicU64 = AtomicU64::new(1);
        let making = Arc::clone(&self.making);
        let _one_by_one = lock(&making);
        let site = Arc::clone(&self.site);
        let connection = self.connection()?;
        sandbox::clear(connection)?;
        connection.begin_read()?;
        let overlay = Overlay::make(connection, &site, moment)?;
        MADE.inc();
        let generation = GENERATION.fetch_add(1, Ordering::Relaxed);
        self.overlay = Some((overlay, generation));
        Ok(generation)
    }

    /// Returns the sandbox's connection, and opens it if there is none.
    fn connection(&mut self) -> Result<&mut Db, DatabaseError> {
        if self.connection.is_none() {
            self.connection = Some(self.database.sandbox(TemporaryTables::InMemory)?);
        }
        self.connection.as_mut().ok_or(DatabaseError::Gone)
    }

    /// Drops the overlay and the connection, which holds the temporary tables.
    fn forget(&mut self) {
        *lock(&self.state) = None;
        (self.overlay, self.connection) = (None, None);
    }
}
