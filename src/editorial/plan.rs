//! Plans: changes that are due at a time, of one item (`schedule`) or of several together (`releases`).
//!
//! Each plan is carried out in a savepoint of its own. On Postgres a failed statement makes every later one
//! in the transaction fail until a savepoint is rolled back, so without one a single plan that breaks a
//! foreign key would end the transaction of all plans that are due, and it would do so at every attempt. The
//! savepoint also undoes the first half of a step whose second half fails.
//!
//! A plan ends either as carried out or as refused with the reason recorded. Failures of the database as a
//! whole are neither: they leave the plan as it is, to be repeated later.

use diesel::result::QueryResult;

use super::{releases, schedule};
use crate::content::Site;
use crate::database::Db;
use crate::database::connection::Savepoint;
use crate::problem::{Problem, ProblemKind};

/// The identity of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PlanId {
    /// A step with one item.
    Item {
        item_id: String,
        /// [`schedule::PUBLISH`] or [`schedule::UNPUBLISH`].
        operation: String,
    },
    /// A release, by its id.
    Release(String),
}

/// A plan with the time at which it is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Due time (µs).
    pub due_at: i64,
    /// The identity of the plan.
    pub id: PlanId,
}

/// The outcome of an attempt to carry out a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanOutcome {
    /// The plan was carried out, or an editor or another node had carried it out or withdrawn it before.
    Done,
    /// The plan was refused: the content is unchanged, the reason is recorded for editors, and the plan is
    /// gone.
    Failed,
    /// The attempt failed for a reason outside the plan, such as a cancelled statement, or its failure could
    /// not be recorded. The plan still stands.
    Retry,
}

/// Returns the plans that are due at `moment` (µs), earliest first; of plans with the same time, those of
/// single items come before releases. At most `limit` plans are returned.
///
/// # Errors
///
/// Fails if a query fails.
pub fn load_due(connection: &mut Db, moment: i64, limit: i64) -> QueryResult<Vec<Plan>> {
    let mut plans = schedule::load_due(connection, moment, limit)?;
    plans.extend(releases::load_due(connection, moment, limit)?);
    plans.sort_by_key(|plan| (plan.due_at, matches!(plan.id, PlanId::Release(_))));
    plans.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(plans)
}

/// Carries out a plan, or records for its editors why it was refused.
///
/// The attempt and the record of its failure are two savepoints: the first is rolled back as a whole before
/// the second begins, so a refused publication leaves the item and its working draft exactly as they were.
///
/// # Errors
///
/// Fails only if the transaction itself is lost, for example with its connection.
pub fn carry_out(connection: &mut Db, site: &Site, plan: &Plan) -> QueryResult<PlanOutcome> {
    let refused = match connection.with_savepoint(Savepoint::PLAN, |c| attempt(c, site, plan))? {
        Ok(()) => return Ok(PlanOutcome::Done),
        Err(problem) => problem,
    };
    // An unavailable database is no fault of the plan, so the plan is repeated. So is a plan that takes an item
    // down and fails with an internal error: if it were given up, the item would stay public because of an error
    // in Plenary.
    let own_fault = match refused.kind {
        ProblemKind::Unavailable => false,
        ProblemKind::Internal => !plan.takes_down(connection)?,
        _ => true,
    };
    if !own_fault {
        tracing::error!(plan = ?plan.id, detail = refused.detail, "scheduled step could not be carried out, will retry");
        return Ok(PlanOutcome::Retry);
    }
    match connection.with_savepoint(Savepoint::PLAN, |c| report(c, site, plan, &refused))? {
        Ok(()) => Ok(PlanOutcome::Failed),
        Err(problem) => {
            tracing::error!(plan = ?plan.id, detail = problem.detail, "failure of a scheduled step could not be recorded, will retry");
            Ok(PlanOutcome::Retry)
        }
    }
}

impl Plan {
    fn takes_down(&self, connection: &mut Db) -> QueryResult<bool> {
        match &self.id {
            PlanId::Item { operation, .. } => Ok(operation == schedule::UNPUBLISH),
            PlanId::Release(id) => releases::takes_down(connection, id),
        }
    }
}

/// Carries out a plan without a savepoint. If it fails, the caller must roll back what it did.
///
/// # Errors
///
/// Fails if a step of the plan is refused, and if a statement fails.
pub fn attempt(connection: &mut Db, site: &Site, plan: &Plan) -> Result<(), Problem> {
    match &plan.id {
        PlanId::Item { item_id, operation } => schedule::attempt(connection, site, item_id, operation),
        PlanId::Release(id) => releases::attempt(connection, site, id),
    }
}

/// Records for the editors of a plan why it was refused, and ends the plan.
fn report(connection: &mut Db, site: &Site, plan: &Plan, refused: &Problem) -> Result<(), Problem> {
    let faults: Vec<String> = refused.errors.iter().map(|e| format!("{}: {}", e.pointer, e.message)).collect();
    let reason = if faults.is_empty() { refused.detail.clone() } else { faults.join("; ") };
    tracing::warn!(plan = ?plan.id, reason, "scheduled step was refused");
    match &plan.id {
        PlanId::Item { item_id, operation } => schedule::report(connection, site, item_id, operation, reason),
        PlanId::Release(id) => releases::report(connection, id, reason, &refused.errors),
    }
}
