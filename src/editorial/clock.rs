//! What happens at its moment, without anybody asking: plans and releases that are due.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::app::App;
use crate::content::Site;
use crate::database::{Db, now};
use crate::jobs::BackgroundJob;
use crate::problem::Problem;

use super::{releases, schedule};

/// How often the clock looks for plans that it does not know of. Those it knows, it does on time.
const LOOK: Duration = Duration::from_millis(250);
/// The most plans in one transaction: other writes come in between.
const BATCH: i64 = 100;

/// Runs for as long as the application does.
pub async fn run(app: Weak<App>, job: Arc<BackgroundJob>) {
    loop {
        let Some(app) = app.upgrade() else { return };
        job.begin();
        let wait = match tick(&app).await {
            Ok(next) => {
                job.succeed();
                next
            }
            Err(problem) => {
                tracing::error!(detail = problem.detail, "the clock could not look; it tries again");
                job.fail("plans and releases that are due cannot be carried out");
                LOOK
            }
        };
        drop(app);
        actix_web::rt::time::sleep(wait).await;
    }
}

/// Does what is due, and says how long to wait for the next look.
async fn tick(app: &Arc<App>) -> Result<Duration, Problem> {
    let look = |c: &mut Db| Ok::<_, Problem>((schedule::next(c)?, releases::next(c)?));
    let (plan, release) = app.database.read(look).await?;
    let Some(due_at) = plan.into_iter().chain(release).min() else { return Ok(LOOK) };
    let moment = now();
    if due_at > moment {
        return Ok(LOOK.min(Duration::from_micros(due_at.abs_diff(moment))));
    }
    let site = Arc::clone(&app.site);
    let count = app.database.write_content(move |c| run_due(c, &site, moment, BATCH)).await?;
    tracing::info!(count, "what was scheduled was done");
    Ok(Duration::ZERO)
}

/// Does what was due at `moment` (µs), in the order of its moments, at most `limit` plans of it; says
/// how much it did.
pub fn run_due(connection: &mut Db, site: &Site, moment: i64, limit: i64) -> Result<usize, Problem> {
    let release = releases::next(connection)?.filter(|at| *at <= moment);
    let plans = schedule::run_due(connection, site, release.unwrap_or(moment), limit)?;
    // What was due before the release is done before it.
    let all_done = plans < usize::try_from(limit).unwrap_or(usize::MAX);
    let released = release.is_some() && all_done && releases::run_due(connection, site, moment)?;
    Ok(plans + usize::from(released))
}
