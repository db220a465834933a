//! What happens at its moment, without anybody asking: plans that are due.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use diesel::result::QueryResult;

use super::plan::{self, PlanId, PlanOutcome};
use crate::app::App;
use crate::content::Site;
use crate::database::{DatabaseError, Db, now};
use crate::jobs::BackgroundJob;
use crate::problem::Problem;

/// How often the clock looks for plans that it does not know of. Those it knows, it does on time.
const LOOK: Duration = Duration::from_millis(250);
/// The longest time between looks while the database cannot be reached.
const LONGEST_LOOK: Duration = Duration::from_secs(8);
/// The most plans in one transaction: other writes come in between, and Postgres keeps no more than 64
/// savepoints of a transaction at hand (its snapshots get slow beyond).
const BATCH: i64 = 50;
/// How long a plan waits that could not be carried out for a fault that is not its own (µs); twice as long
/// each time, up to [`LONGEST_DELAY`].
const FIRST_DELAY: i64 = 1_000_000;
const LONGEST_DELAY: i64 = 60_000_000;

/// Runs for as long as the application does.
pub async fn run(app: Weak<App>, job: Arc<BackgroundJob>) {
    let (mut put_off, mut wait) = (PutOff::default(), LOOK);
    loop {
        let Some(app) = app.upgrade() else { return };
        job.begin();
        wait = match tick(&app, &mut put_off).await {
            Ok(next) => {
                job.succeed();
                next
            }
            Err(problem) => {
                tracing::error!(detail = problem.detail, "the clock could not look; it tries again");
                job.fail("plans and releases that are due cannot be carried out");
                (2 * wait).clamp(LOOK, LONGEST_LOOK)
            }
        };
        drop(app);
        actix_web::rt::time::sleep(wait).await;
    }
}

/// Does what is due, and says how long to wait for the next look.
async fn tick(app: &Arc<App>, put_off: &mut PutOff) -> Result<Duration, Problem> {
    let moment = now();
    let waiting = put_off.waiting(moment);
    let skip = waiting.clone();
    let Some(due_at) = app.database.read(move |c| Ok::<_, Problem>(next(c, &skip)?)).await? else { return Ok(LOOK) };
    if due_at > moment {
        return Ok(LOOK.min(Duration::from_micros(due_at.abs_diff(moment))));
    }
    let site = Arc::clone(&app.site);
    let Batch { ended, retry } =
        app.database.write_content(move |c| run_batch(c, &site, moment, BATCH, &waiting)).await?;
    tracing::info!(ended, retry = retry.len(), "what was planned was done");
    retry.into_iter().for_each(|plan| put_off.note(plan, moment));
    Ok(Duration::ZERO)
}

/// When the next plan is due (µs) that is none of these.
fn next(connection: &mut Db, skip: &[PlanId]) -> QueryResult<Option<i64>> {
    let plans = plan::due(connection, i64::MAX, skip.len() as i64 + 1)?;
    Ok(plans.into_iter().find(|plan| !skip.contains(&plan.id)).map(|plan| plan.due_at))
}

/// Plans that are tried again later. Each node remembers its own: whichever is first carries a plan out.
#[derive(Debug, Default)]
struct PutOff(HashMap<PlanId, Delay>);

/// Until when a plan waits (µs), and for how long it did.
#[derive(Debug)]
struct Delay {
    until: i64,
    length: i64,
}

impl PutOff {
    /// The plans that are to wait at this moment. What was not tried again for long is no plan any more.
    fn waiting(&mut self, moment: i64) -> Vec<PlanId> {
        self.0.retain(|_, delay| delay.until + 2 * LONGEST_DELAY > moment);
        self.0.iter().filter(|(_, delay)| delay.until > moment).map(|(plan, _)| plan.clone()).collect()
    }

    fn note(&mut self, plan: PlanId, moment: i64) {
        let earlier = self.0.get(&plan).map(|delay| delay.length);
        let length = earlier.map_or(FIRST_DELAY, |length| (2 * length).min(LONGEST_DELAY));
        self.0.insert(plan, Delay { until: moment + length, length });
    }
}

/// What became of some plans.
#[derive(Debug, Default)]
struct Batch {
    /// How many are no plans any more.
    ended: usize,
    /// Those that are to be tried again later.
    retry: Vec<PlanId>,
}

/// Carries out what was due at `moment` (µs) in the order of its moments, at most `limit` plans; says how
/// many are no plans any more, be it that they were done or that they failed.
///
/// # Errors
/// Fails only where the transaction itself is lost.
pub fn run_due(connection: &mut Db, site: &Site, moment: i64, limit: i64) -> Result<usize, Problem> {
    Ok(run_batch(connection, site, moment, limit, &[])?.ended)
}

fn run_batch(
    connection: &mut Db,
    site: &Site,
    moment: i64,
    limit: i64,
    skip: &[PlanId],
) -> Result<Batch, DatabaseError> {
    let mut batch = Batch::default();
    let plans = plan::due(connection, moment, limit.saturating_add(skip.len() as i64))?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    for plan in plans.into_iter().filter(|plan| !skip.contains(&plan.id)).take(most) {
        match plan::carry_out(connection, site, &plan)? {
            PlanOutcome::Done | PlanOutcome::Failed => batch.ended += 1,
            PlanOutcome::Retry => batch.retry.push(plan.id.clone()),
        }
        // A release is long: other writes come in between.
        if matches!(plan.id, PlanId::Release(_)) {
            break;
        }
    }
    Ok(batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_cannot_be_carried_out_is_tried_ever_less_often() {
        let (mut put_off, plan) = (PutOff::default(), PlanId::Release("r".to_owned()));
        let (mut moment, mut tries) = (0, 0);
        while moment < 3_600_000_000 {
            if put_off.waiting(moment).is_empty() {
                tries += 1;
                put_off.note(plan.clone(), moment);
            }
            moment += 250_000;
        }
        assert!((60..70).contains(&tries), "{tries} in an hour");
        assert!(put_off.waiting(moment + 10 * LONGEST_DELAY).is_empty() && put_off.0.is_empty());
    }
}
