//! The job that carries out imports which were asked for over HTTP, one at a time on all nodes together.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::app::App;
use crate::database::Db;
use crate::jobs::BackgroundJob;
use crate::problem::Problem;
use crate::transfer::import_jobs::{self, Claim, ImportJob};

/// Interval at which a node looks for imports.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Interval at which imports that ended long ago are deleted.
const PURGE_INTERVAL: Duration = Duration::from_secs(60);

/// Carries out imports until the application ends. The weak reference does not keep the application alive.
pub async fn run(app: Weak<App>, job: Arc<BackgroundJob>) {
    let mut purged: Option<Instant> = None;
    loop {
        let Some(app) = app.upgrade() else { return };
        job.begin();
        let is_due = purged.is_none_or(|at| at.elapsed() >= PURGE_INTERVAL);
        let looked = claim_next(&app, is_due).await;
        match looked {
            Ok(claimed) => {
                job.succeed();
                if is_due {
                    purged = Some(Instant::now());
                }
                // The round ends before: an import may take longer than a round may.
                if let Some((claim, import)) = claimed {
                    import_jobs::run(&app, &claim, &import).await;
                    continue;
                }
            }
            Err(problem) => {
                tracing::warn!(detail = problem.detail, "imports could not be looked for");
                job.fail("imports are not carried out");
            }
        }
        drop(app);
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Deletes what is old, if that is due, and claims the import that is next. The look is a read, so that an idle node takes
/// nothing from the writer.
async fn claim_next(app: &App, purges: bool) -> Result<Option<(Claim, ImportJob)>, Problem> {
    let (days, seconds) = (app.config.imports.keep_days, 2 * app.config.imports.upload_seconds + 60);
    let find = move |c: &mut Db| Ok::<_, Problem>(!import_jobs::load_expired(c, days, seconds)?.is_empty());
    if purges && app.database.read(find).await? {
        app.database.write(move |c| Ok::<_, Problem>(import_jobs::delete_expired(c, days, seconds)?)).await?;
    }
    if !app.database.read(|c| Ok::<_, Problem>(import_jobs::is_due(c)?)).await? {
        return Ok(None);
    }
    app.database.write(|c| Ok::<_, Problem>(import_jobs::claim(c)?)).await
}
