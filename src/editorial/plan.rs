//! Plans: what is to happen at a moment, to one item (`schedule`) or to several at once (`releases`). Each
//! is carried out in a savepoint of its own: whatever goes wrong with one leaves the others alone.

use diesel::result::QueryResult;

use super::{releases, schedule};
use crate::content::Site;
use crate::database::Db;
use crate::database::connection::Part;
use crate::problem::{Kind, Problem};

/// Names a plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PlanId {
    /// A step with one item.
    Item {
        /// The item.
        item_id: String,
        /// [`schedule::PUBLISH`] or [`schedule::UNPUBLISH`].
        operation: String,
    },
    /// A release, by its id.
    Release(String),
}

/// A plan and its moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// When it is due (µs).
    pub due_at: i64,
    /// Which it is.
    pub id: PlanId,
}

/// How a plan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanOutcome {
    /// It was carried out, or somebody had done or withdrawn it meanwhile.
    Done,
    /// It was refused: nothing of it happened, its editors are told why, and it is no plan any more.
    Failed,
    /// Nothing happened, for a reason that is not its own (a cancelled statement), or that could not even be
    /// told: it is still a plan, to be tried again later.
    Retry,
}

/// The plans that are due at `moment` (µs), the earliest first; at one moment, single items come before
/// releases.
pub fn due(connection: &mut Db, moment: i64, limit: i64) -> QueryResult<Vec<Plan>> {
    let mut plans = schedule::due(connection, moment, limit)?;
    plans.extend(releases::due(connection, moment, limit)?);
    plans.sort_by_key(|plan| (plan.due_at, matches!(plan.id, PlanId::Release(_))));
    plans.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(plans)
}

/// Carries out a plan, or tells its editors why that was refused.
///
/// # Errors
/// Fails only where the transaction itself is lost, such as with its connection.
pub fn carry_out(connection: &mut Db, site: &Site, plan: &Plan) -> QueryResult<PlanOutcome> {
    let refused = match connection.in_part(Part::PLAN, |c| attempt(c, site, plan))? {
        Ok(()) => return Ok(PlanOutcome::Done),
        Err(problem) => problem,
    };
    // What is public must not stay so because of a fault of ours.
    let own_fault = refused.kind != Kind::Unavailable && !(refused.kind == Kind::Internal && plan.takes_down());
    if !own_fault {
        tracing::error!(plan = ?plan.id, detail = refused.detail, "a plan could not be carried out; it is tried again");
        return Ok(PlanOutcome::Retry);
    }
    match connection.in_part(Part::PLAN, |c| report(c, site, plan, &refused))? {
        Ok(()) => Ok(PlanOutcome::Failed),
        Err(problem) => {
            tracing::error!(plan = ?plan.id, detail = problem.detail, "that a plan failed could not be written down");
            Ok(PlanOutcome::Retry)
        }
    }
}

impl Plan {
    fn takes_down(&self) -> bool {
        matches!(&self.id, PlanId::Item { operation, .. } if operation == schedule::UNPUBLISH)
    }
}

/// Carries out a plan. What it did is to be dropped where it fails.
pub fn attempt(connection: &mut Db, site: &Site, plan: &Plan) -> Result<(), Problem> {
    match &plan.id {
        PlanId::Item { item_id, operation } => schedule::attempt(connection, site, item_id, operation),
        PlanId::Release(id) => releases::attempt(connection, site, id),
    }
}

/// Tells the editors of a plan why it was refused, and forgets it.
fn report(connection: &mut Db, site: &Site, plan: &Plan, refused: &Problem) -> Result<(), Problem> {
    let faults: Vec<String> = refused.errors.iter().map(|e| format!("{}: {}", e.pointer, e.message)).collect();
    let reason = if faults.is_empty() { refused.detail.clone() } else { faults.join("; ") };
    tracing::warn!(plan = ?plan.id, reason, "what was planned did not happen");
    match &plan.id {
        PlanId::Item { item_id, operation } => schedule::report(connection, site, item_id, operation, reason),
        PlanId::Release(id) => releases::report(connection, id, reason, &refused.errors),
    }
}
