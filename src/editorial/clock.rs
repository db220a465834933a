//! What happens at its moment, without anybody asking: plans and releases that are due.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::app::App;
use crate::database::{Db, now};
use crate::problem::Problem;

use super::schedule;

/// How often the clock looks for plans that it does not know of. Those it knows, it does on time.
const LOOK: Duration = Duration::from_millis(250);
/// The most plans in one transaction: other writes come in between.
const BATCH: i64 = 100;

/// Runs for as long as the application does.
pub async fn run(app: Weak<App>) {
    loop {
        let Some(app) = app.upgrade() else { return };
        let wait = match tick(&app).await {
            Ok(next) => next,
            Err(problem) => {
                tracing::error!(detail = problem.detail, "the clock could not look; it tries again");
                LOOK
            }
        };
        drop(app);
        actix_web::rt::time::sleep(wait).await;
    }
}

/// Does what is due, and says how long to wait for the next look.
async fn tick(app: &Arc<App>) -> Result<Duration, Problem> {
    let next = app.database.read(|c| Ok::<_, Problem>(schedule::next(c)?)).await?;
    let Some(due_at) = next else { return Ok(LOOK) };
    let moment = now();
    if due_at > moment {
        return Ok(LOOK.min(Duration::from_micros(due_at.abs_diff(moment))));
    }
    let site = Arc::clone(&app.site);
    let done = move |c: &mut Db| schedule::run_due(c, &site, moment, BATCH);
    let count = app.database.write_content(done).await?;
    tracing::info!(count, "what was scheduled was done");
    Ok(Duration::ZERO)
}
