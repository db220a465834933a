//! The jobs that a server starts beside its answers to requests.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use actix_web::rt;

use crate::app::App;
use crate::database::DatabaseError;
use crate::database::storage::StorageProbe;
use crate::database::touched::Followed;
use crate::jobs::BackgroundJob;
use crate::{delivery, editorial, search};

/// How often a node looks whether another one wrote.
const WATCH: Duration = Duration::from_millis(500);
/// A round of a job that takes longer than this is told of as hanging.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same for the search index, which may have to be made anew.
const LONG_PATIENCE: Duration = Duration::from_secs(3_600);

/// Starts all of them; they end with the application.
///
/// # Errors
/// When a thread cannot be started.
pub fn start(app: &Arc<App>) -> std::io::Result<()> {
    let jobs = app.database.jobs();
    let job = |name| jobs.add(name, PATIENCE);
    let app = || Arc::downgrade(app);
    spawn(job("journal-watch"), app(), watch);
    spawn(job("storage"), app(), probe_storage);
    spawn(job("scheduler"), app(), editorial::clock::run);
    spawn(job("cdn-purge"), app(), delivery::purge::run);
    spawn(job("change-feed"), app(), delivery::live::run);
    rt::spawn(delivery::live::end_with_process(app()));
    search::follow::start(app(), jobs.add("search-indexer", LONG_PATIENCE))
}

/// Starts a job on this thread that is started again when it panics.
pub fn spawn<F: Future<Output = ()> + 'static>(
    job: Arc<BackgroundJob>,
    app: Weak<App>,
    run: impl Fn(Weak<App>, Arc<BackgroundJob>) -> F + 'static,
) {
    let own = Arc::clone(&job);
    rt::spawn(job.supervise(move || run(Weak::clone(&app), Arc::clone(&own))));
}

/// Notices what other nodes write, so that no answer is kept for longer than [`WATCH`] after it.
async fn watch(app: Weak<App>, job: Arc<BackgroundJob>) {
    let mut followed = Followed::default();
    loop {
        rt::time::sleep(WATCH).await;
        let Some(app) = app.upgrade() else { return };
        job.begin();
        let begun = Instant::now();
        let news = app.database.read(move |c| Ok::<_, DatabaseError>(followed.look(c)?)).await;
        match news {
            Ok((further, touched)) => {
                followed = further;
                touched.note(app.database.ledger());
                app.credentials.looked(begun);
                app.database.ledger().see();
                job.succeed();
            }
            // What is kept is given out further, with its age (see `hand_out`), but not for ever.
            Err(error) => {
                tracing::warn!(%error, "the journal cannot be watched");
                app.database.ledger().go_blind();
                let longest = Duration::from_secs(app.config.server.stale_answer_seconds);
                if app.database.ledger().age().is_some_and(|age| age > longest) {
                    app.database.ledger().note_everything();
                }
                job.fail("the journal cannot be read");
            }
        }
    }
}

/// Tells whether the storage takes writes, once one has failed.
async fn probe_storage(app: Weak<App>, job: Arc<BackgroundJob>) {
    let mut probe = StorageProbe::default();
    loop {
        rt::time::sleep(WATCH).await;
        let Some(app) = app.upgrade() else { return };
        probe.look(&app.database, &job).await;
    }
}
