//! The scheduler: a background job that carries out plans when they are due.
//!
//! Every node runs it. A plan is carried out exactly once nevertheless: it is deleted in the transaction that
//! carries it out, and only one write transaction runs at a time on all nodes together.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::app::App;
use crate::database::now;
use crate::editorial::due_plans::{BATCH, Batch, next_due_time, run_batch};
use crate::editorial::plan::PlanId;
use crate::jobs::BackgroundJob;
use crate::microseconds::{MINUTE, SECOND};
use crate::problem::Problem;

/// Interval at which the scheduler looks for new plans. The next known plan is waited for exactly, so the
/// interval only bounds the delay of plans that are made for sooner than that.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Maximum interval between looks while the database cannot be reached.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(8);
/// First delay of a plan that could not be carried out for a reason outside the plan (µs). The delay doubles
/// with each attempt, up to [`MAX_DELAY`].
const FIRST_DELAY: i64 = SECOND;
/// Maximum delay between attempts (µs).
const MAX_DELAY: i64 = MINUTE;

/// Runs the scheduler until the application ends. The weak reference does not keep the application alive.
pub async fn run(app: Weak<App>, job: Arc<BackgroundJob>) {
    let (mut delays, mut wait) = (RetryDelays::default(), POLL_INTERVAL);
    loop {
        let Some(app) = app.upgrade() else { return };
        job.begin();
        wait = match tick(&app, &mut delays).await {
            Ok(next) => {
                job.succeed();
                next
            }
            Err(problem) => {
                tracing::error!(
                    detail = problem.detail,
                    "scheduler could not look for scheduled steps that are due, will retry"
                );
                job.fail("scheduled steps and releases that are due cannot be carried out");
                (2 * wait).clamp(POLL_INTERVAL, MAX_POLL_INTERVAL)
            }
        };
        drop(app);
        actix_web::rt::time::sleep(wait).await;
    }
}

/// Carries out the plans that are due and returns how long to wait until the next look.
///
/// The look is a read: a write transaction is begun only if a plan is due, so an idle scheduler takes nothing
/// from the writer. The transaction looks again, since another node may have been faster.
async fn tick(app: &Arc<App>, delays: &mut RetryDelays) -> Result<Duration, Problem> {
    let time = now();
    let waiting = delays.waiting_plans(time);
    let skip = waiting.clone();
    let Some(due_at) = app.database.read(move |c| Ok::<_, Problem>(next_due_time(c, &skip)?)).await? else {
        return Ok(POLL_INTERVAL);
    };
    if due_at > time {
        return Ok(POLL_INTERVAL.min(Duration::from_micros(due_at.abs_diff(time))));
    }
    let site = Arc::clone(&app.site);
    let Batch { ended, retry } =
        app.database.write_content(move |c| run_batch(c, &site, time, BATCH, &waiting)).await?;
    tracing::info!(ended, retry = retry.len(), "scheduled steps were carried out");
    retry.into_iter().for_each(|plan| delays.record(plan, time));
    Ok(Duration::ZERO)
}

/// Plans whose next attempt is delayed. Each node keeps its own in memory; a restart makes every plan due for
/// an attempt at once, and a plan that fails on one node may succeed on another.
#[derive(Debug, Default)]
struct RetryDelays(HashMap<PlanId, Delay>);

#[derive(Debug)]
struct Delay {
    /// Time of the next attempt (µs).
    until: i64,
    /// Length of the delay (µs).
    length: i64,
}

impl RetryDelays {
    /// Returns the plans that must wait at `time`. Entries that were not attempted for two maximum delays
    /// after their time are dropped: their plans were carried out by another node, or withdrawn.
    fn waiting_plans(&mut self, time: i64) -> Vec<PlanId> {
        self.0.retain(|_, delay| delay.until + 2 * MAX_DELAY > time);
        self.0.iter().filter(|(_, delay)| delay.until > time).map(|(plan, _)| plan.clone()).collect()
    }

    /// Delays a plan after a failed attempt at `time`.
    fn record(&mut self, plan: PlanId, time: i64) {
        let previous = self.0.get(&plan).map(|delay| delay.length);
        let length = previous.map_or(FIRST_DELAY, |length| (2 * length).min(MAX_DELAY));
        self.0.insert(plan, Delay { until: time + length, length });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_cannot_be_carried_out_is_tried_ever_less_often() {
        let (mut delays, plan) = (RetryDelays::default(), PlanId::Release("r".to_owned()));
        let (mut time, mut tries) = (0, 0);
        while time < 3_600_000_000 {
            if delays.waiting_plans(time).is_empty() {
                tries += 1;
                delays.record(plan.clone(), time);
            }
            time += 250_000;
        }
        assert!((60..70).contains(&tries), "{tries} in an hour");
        assert!(delays.waiting_plans(time + 10 * MAX_DELAY).is_empty() && delays.0.is_empty());
    }
}
