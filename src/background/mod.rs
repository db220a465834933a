//! The background jobs of a server: journal watch, storage probe, scheduler, CDN purge, change feed, imports,
//! newsletter, its webhook, mail, uses of redirects, search indexer.

pub mod cdn_purge;
mod change_feed;
mod import_runner;
mod mail_content;
mod mail_sender;
mod newsletter_sender;
pub mod redirect_hits;
mod scheduler;
mod search_indexer;
mod webhook_sender;

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use actix_web::rt;

use crate::app::App;
use crate::database::DatabaseError;
use crate::database::journal_tail::JournalTail;
use crate::database::storage::StorageProbe;
use crate::jobs::BackgroundJob;

/// Interval at which a node polls the journal for the writes of other nodes.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Duration after which an unfinished round of a job is reported as a failure.
const ROUND_TIMEOUT: Duration = Duration::from_secs(60);
/// [`ROUND_TIMEOUT`] of the search indexer, which may have to rebuild the whole index in one round.
const INDEXER_ROUND_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Starts all background jobs. They end when the application is dropped, of which they hold weak references
/// only.
///
/// # Errors
/// Fails if a thread cannot be started.
pub fn start(app: &Arc<App>) -> std::io::Result<()> {
    let (jobs, config) = (app.database.jobs(), &app.config);
    let job = |name| jobs.add(name, ROUND_TIMEOUT);
    let app = || Arc::downgrade(app);
    spawn(job("journal-watch"), app(), watch_journal);
    spawn(job("storage"), app(), probe_storage);
    spawn(job("scheduler"), app(), scheduler::run);
    spawn(job("cdn-purge"), app(), cdn_purge::run);
    spawn(job("change-feed"), app(), change_feed::run);
    spawn(job("imports"), app(), import_runner::run);
    spawn(job("newsletter"), app(), newsletter_sender::run);
    spawn(job("redirect-hits"), app(), redirect_hits::run);
    // A round ends with each event.
    let patience = Duration::from_secs(2 * config.mail.timeout_seconds).max(ROUND_TIMEOUT);
    spawn(jobs.add("newsletter-webhook", patience), app(), webhook_sender::run);
    // A round ends with each mail; each step of one may take as long as the settings say.
    let patience = Duration::from_secs(10 * config.mail.timeout_seconds).max(ROUND_TIMEOUT);
    for name in mail_sender::NAMES.into_iter().take(config.mail.connections) {
        spawn(jobs.add(name, patience), app(), mail_sender::run);
    }
    rt::spawn(change_feed::disconnect_on_shutdown(app()));
    search_indexer::start(app(), jobs.add("search-indexer", INDEXER_ROUND_TIMEOUT))
}

/// Spawns a job on the runtime of the current thread and restarts it when it panics.
pub fn spawn<F: Future<Output = ()> + 'static>(
    job: Arc<BackgroundJob>,
    app: Weak<App>,
    run: impl Fn(Weak<App>, Arc<BackgroundJob>) -> F + 'static,
) {
    let supervised_job = Arc::clone(&job);
    rt::spawn(job.supervise(move || run(Weak::clone(&app), Arc::clone(&supervised_job))));
}

/// Polls the journal for the writes of other nodes and invalidates cached responses that depend on them, so
/// that no response is served from the cache for longer than about [`POLL_INTERVAL`] after such a write.
async fn watch_journal(app: Weak<App>, job: Arc<BackgroundJob>) {
    let mut tail = JournalTail::default();
    loop {
        rt::time::sleep(POLL_INTERVAL).await;
        let Some(app) = app.upgrade() else { return };
        job.begin();
        // The time is taken before the read: a write that commits during the read may be missing from its
        // result.
        let start = Instant::now();
        let result = app.database.read(move |c| Ok::<_, DatabaseError>(tail.look(c)?)).await;
        match result {
            Ok((next, touched)) => {
                tail = next;
                // Invalidate first. The two calls below declare the cached credentials and responses as
                // current, which they are only after the changes of this read have been recorded.
                touched.record_in(app.database.invalidation_clock());
                app.credentials.note_journal_read(start);
                app.database.invalidation_clock().journal_read();
                job.succeed();
            }
            // While the database does not respond, cached responses are served with an `Age` header (see
            // `http::cached_response`), up to the configured age. Then all of them are invalidated at once.
            Err(error) => {
                tracing::warn!(%error, "the journal could not be polled");
                app.database.invalidation_clock().journal_unreadable();
                let max_age = Duration::from_secs(app.config.server.stale_response_seconds);
                if app.database.invalidation_clock().staleness(Instant::now()).is_some_and(|age| age > max_age) {
                    app.database.invalidation_clock().record_all();
                }
                job.fail("the journal cannot be read");
            }
        }
    }
}

/// Probes whether the storage accepts writes again after one has failed.
async fn probe_storage(app: Weak<App>, job: Arc<BackgroundJob>) {
    let mut probe = StorageProbe::default();
    loop {
        rt::time::sleep(POLL_INTERVAL).await;
        let Some(app) = app.upgrade() else { return };
        probe.look(&app.database, &job).await;
    }
}
