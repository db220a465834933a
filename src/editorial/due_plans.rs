//! The plans that are due: they are carried out in the order of their times, a number of them in one transaction.
//! The scheduler does it when the time has come, a preview in its sandbox before that.

use diesel::result::QueryResult;

use super::plan::{self, PlanId, PlanOutcome};
use crate::content::Site;
use crate::database::{DatabaseError, Db};
use crate::problem::Problem;

/// Maximum number of plans in one transaction. Other writes wait for a transaction to end, and Postgres
/// caches at most 64 savepoints of a transaction: with more, every snapshot has to search for them.
pub const BATCH: i64 = 50;

/// Returns the due time (µs) of the next plan outside of `skip`.
///
/// # Errors
///
/// Fails if the query fails.
pub fn next_due_time(connection: &mut Db, skip: &[PlanId]) -> QueryResult<Option<i64>> {
    let plans = plan::load_due(connection, i64::MAX, skip.len() as i64 + 1)?;
    Ok(plans.into_iter().find(|plan| !skip.contains(&plan.id)).map(|plan| plan.due_at))
}

/// The outcome of a transaction of plans.
#[derive(Debug, Default)]
pub struct Batch {
    /// Number of plans that ended, whether carried out or refused.
    pub ended: usize,
    /// The plans that are to be repeated.
    pub retry: Vec<PlanId>,
}

/// Carries out the plans that are due at `moment` (µs), at most `limit` of them, in the order of their due
/// times. Returns how many ended, whether carried out or refused.
///
/// The order matters: a publication and an unpublication of one item that are both overdue must leave it
/// unpublished.
///
/// # Errors
///
/// Fails only if the transaction itself is lost.
pub fn run_due(connection: &mut Db, site: &Site, moment: i64, limit: i64) -> Result<usize, Problem> {
    Ok(run_batch(connection, site, moment, limit, &[])?.ended)
}

/// Does the same without the plans in `skip`.
///
/// # Errors
///
/// Fails only if the transaction itself is lost.
pub fn run_batch(
    connection: &mut Db,
    site: &Site,
    moment: i64,
    limit: i64,
    skip: &[PlanId],
) -> Result<Batch, DatabaseError> {
    let mut batch = Batch::default();
    let plans = plan::load_due(connection, moment, limit.saturating_add(skip.len() as i64))?;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    for plan in plans.into_iter().filter(|plan| !skip.contains(&plan.id)).take(most) {
        match plan::carry_out(connection, site, &plan)? {
            PlanOutcome::Done | PlanOutcome::Failed => batch.ended += 1,
            PlanOutcome::Retry => batch.retry.push(plan.id.clone()),
        }
        // A release can have hundreds of steps, so it ends the transaction to let other writes in.
        if matches!(plan.id, PlanId::Release(_)) {
            break;
        }
    }
    Ok(batch)
}
