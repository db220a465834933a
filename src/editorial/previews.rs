//! The site at moments that lie ahead, beside all else: each of a few threads keeps an [`Overlay`] in a sandbox
//! of its own and reads there. Neither making one nor reading it takes anything from the writer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use tokio::sync::oneshot;

use super::overlay::{Overlay, Span};
use crate::content::Site;
use crate::database::metrics::counter;
use crate::database::{Database, DatabaseError, Db, sandbox};
use crate::problem::{Kind, Problem};

/// The most overlays that are kept at a time.
const MOST: usize = 4;
/// An overlay that nobody looks at for so long is forgotten.
const IDLE: Duration = Duration::from_secs(300);
/// Reads of one overlay that may wait.
const QUEUE: usize = 256;
/// The longest that a read waits, while an overlay is made and others are read.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often an overlay is made anew that writes overtake meanwhile; after that, the read sees the state in
/// which it was made.
const TRIES: usize = 3;
/// While the database is written to, a thread rests this many times as long as it worked: previews then take at most
/// a fifth of one core, however many ask for them, and writes keep their pace.
const REST: u32 = 4;
/// The longest rest after one read.
const MAX_REST: Duration = Duration::from_millis(50);

/// What is known of the overlay of a thread.
#[derive(Debug, Clone, Copy)]
struct Shown {
    span: Span,
    generation: u64,
    /// The time of the ledger at which it was last found right.
    right_at: u64,
}

/// What threads and callers share of one overlay.
type State = Arc<Mutex<Option<Shown>>>;

static MADE: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("plenary_previews_made_total", "Times that the site at a moment was worked out anew from its plans.")
});

type Job = Box<dyn FnOnce(&mut Session) + Send>;

/// A thread with its overlay, as callers know it.
struct Slot {
    queue: flume::Sender<Job>,
    state: State,
    /// The beginning of the span that it was last sent for.
    wanted: i64,
    used_at: Instant,
}

/// The overlays of this node.
pub struct Previews {
    database: Database,
    site: Arc<Site>,
    slots: Mutex<Vec<Slot>>,
    /// One overlay is made at a time, so that no more than one core is taken for it.
    making: Arc<Mutex<()>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Previews {
    /// None yet.
    pub fn new(database: &Database, site: &Arc<Site>) -> Self {
        let (database, site) = (database.clone(), Arc::clone(site));
        Self { database, site, slots: Mutex::default(), making: Arc::default() }
    }

    /// Reads the site as the public will see it at `moment` (µs).
    ///
    /// # Errors
    /// Fails as `read` does, where too many plans are due by then, and where too much is waiting.
    pub async fn read<T: Send + 'static>(
        &self,
        moment: i64,
        read: impl FnOnce(&mut Db) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let Some(queue) = self.route(moment).await? else { return self.database.read(read).await };
        send(&queue, move |session| session.read(moment, |connection, _| read(connection))).await
    }

    /// Names what the site is at `moment`, as far as plans decide it: equal numbers mean equal overlays, 0
    /// none.
    ///
    /// # Errors
    /// Fails where too many plans are due by then, and where too much is waiting.
    pub async fn generation(&self, moment: i64) -> Result<u64, Problem> {
        let now = self.database.ledger().now();
        let known = locked(&self.slots).iter().find_map(|slot| slot.shown(moment)).filter(|s| s.right_at == now);
        if let Some(shown) = known {
            return Ok(shown.generation);
        }
        let Some(queue) = self.route(moment).await? else { return Ok(0) };
        send(&queue, move |session| session.read(moment, |_, generation| Ok(generation))).await
    }

    /// The thread that shows a moment; none where no plan is due by then.
    async fn route(&self, moment: i64) -> Result<Option<flume::Sender<Job>>, Problem> {
        if let Some(slot) = locked(&self.slots).iter_mut().find(|slot| slot.shown(moment).is_some()) {
            slot.used_at = Instant::now();
            return Ok(Some(slot.queue.clone()));
        }
        let span = self.database.read_item(move |c| Ok::<_, Problem>(Span::around(c, moment)?)).await?;
        span.map(|span| self.slot_for(span.from)).transpose()
    }

    /// The thread that is to show the span that begins here: one that does, a new one, or that which was used
    /// the longest ago.
    fn slot_for(&self, from: i64) -> Result<flume::Sender<Job>, Problem> {
        let mut slots = locked(&self.slots);
        let place = match slots.iter().position(|slot| slot.wanted == from) {
            Some(place) => place,
            None if slots.len() < MOST => {
                slots.push(self.begin(from)?);
                slots.len() - 1
            }
            None => (0..slots.len()).min_by_key(|place| slots[*place].used_at).unwrap_or_default(),
        };
        let slot = &mut slots[place];
        (slot.wanted, slot.used_at) = (from, Instant::now());
        Ok(slot.queue.clone())
    }

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
    fn shown(&self, moment: i64) -> Option<Shown> {
        locked(&self.state).filter(|shown| shown.span.contains(moment))
    }
}

/// Has a thread do this, unless nobody waits for it any more when its turn comes.
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
        Err(_) => Err(Problem::new(Kind::Unavailable, "the site at this moment is being worked out").retry_after(5)),
    }
}

/// A sandbox with an overlay, on its thread.
struct Session {
    database: Database,
    site: Arc<Site>,
    making: Arc<Mutex<()>>,
    state: State,
    connection: Option<Db>,
    overlay: Option<(Overlay, u64)>,
    /// The time of the ledger after the last read.
    seen_at: u64,
}

impl Session {
    /// Rests after a read that took this long, if something was written since the one before it. A lower priority
    /// of the thread would not do: on Postgres the work is done by another process.
    fn give_way(&mut self, took: Duration) {
        let now = self.database.ledger().now();
        if self.seen_at != now {
            self.seen_at = now;
            std::thread::sleep((took * REST).min(MAX_REST));
        }
    }

    /// Reads with the overlay of a moment, in one state of the database; `read` is told its generation.
    fn read<T>(&mut self, moment: i64, read: impl FnOnce(&mut Db, u64) -> Result<T, Problem>) -> Result<T, Problem> {
        let mut outcome = self.open(moment);
        if outcome.as_ref().is_err_and(|problem| problem.kind.status() >= 500) {
            // The database closed the connection meanwhile, or made it of no use.
            outcome = self.open(moment);
        }
        let (generation, lasts) = outcome?;
        let Some(connection) = self.connection.as_mut() else { return Err(DatabaseError::Gone.into()) };
        let outcome = read(connection, generation);
        if connection.rollback().is_err() || !lasts {
            self.forget();
        }
        outcome
    }

    /// Begins a transaction with the right overlay: its generation, and whether it stays after that.
    fn open(&mut self, moment: i64) -> Result<(u64, bool), Problem> {
        let opened = self.try_open(moment);
        if opened.is_err() {
            self.forget();
        }
        opened
    }

    fn try_open(&mut self, moment: i64) -> Result<(u64, bool), Problem> {
        for _ in 0..TRIES {
            if let Some(generation) = self.reopen(moment)? {
                return Ok((generation, true));
            }
            self.make(moment)?;
            self.connection()?.commit()?;
        }
        // Writes overtake it again and again: this is the state in which it was made.
        match self.reopen(moment)? {
            Some(generation) => Ok((generation, true)),
            None => Ok((self.make(moment)?, false)),
        }
    }

    /// Begins a transaction with the overlay that is there, if it is right for this moment.
    fn reopen(&mut self, moment: i64) -> Result<Option<u64>, Problem> {
        let right_at = self.database.ledger().now();
        let Some((mut overlay, generation)) = self.overlay.take() else { return Ok(None) };
        let connection = self.connection()?;
        connection.begin_read()?;
        if !overlay.is_right(connection, moment)? {
            connection.rollback()?;
            *locked(&self.state) = None;
            return Ok(None);
        }
        *locked(&self.state) = Some(Shown { span: overlay.span(), generation, right_at });
        self.overlay = Some((overlay, generation));
        Ok(Some(generation))
    }

    /// Makes an overlay in a transaction of its own, which stays open.
    fn make(&mut self, moment: i64) -> Result<u64, Problem> {
        static GENERATION: AtomicU64 = AtomicU64::new(1);
        let making = Arc::clone(&self.making);
        let _one_by_one = locked(&making);
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

    fn connection(&mut self) -> Result<&mut Db, DatabaseError> {
        if self.connection.is_none() {
            self.connection = Some(self.database.sandbox()?);
        }
        self.connection.as_mut().ok_or(DatabaseError::Gone)
    }

    /// Gives back what it holds.
    fn forget(&mut self) {
        *locked(&self.state) = None;
        (self.overlay, self.connection) = (None, None);
    }
}
