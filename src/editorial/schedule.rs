//! Scheduled publications and unpublications of single items: the rows of `schedules`, and their execution.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::plan::{Plan, PlanId};
use super::review;
use crate::content::Site;
use crate::content::local_time::utc_text;
use crate::content::violation::Violations;
use crate::database::Db;
use crate::database::schema::schedules;
use crate::editorial::lifecycle::{self, Operation};
use crate::editorial::publication_checks::PublishedIds;
use crate::editorial::write_context::WriteContext;
use crate::journal::Author;
use crate::problem::Problem;

/// The `operation` of a scheduled publication.
pub const PUBLISH: &str = "publish";
/// The `operation` of a scheduled unpublication.
pub const UNPUBLISH: &str = "unpublish";

/// The journal's action for a plan that was refused when it was due.
const FAILED: &str = "schedule_failed";

/// A row of `schedules`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schedules)]
pub struct Schedule {
    pub item_id: String,
    /// [`PUBLISH`] or [`UNPUBLISH`].
    pub operation: String,
    /// Due time (µs).
    pub due_at: i64,
    /// The id of the account that made the plan.
    pub actor: Option<String>,
}

/// Schedules an operation with an item, in place of an earlier plan for the same operation.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn set(connection: &mut Db, item_id: &str, operation: &str, due_at: i64, actor: Option<&str>) -> QueryResult<()> {
    forget_one(connection, item_id, operation)?;
    let row = Schedule {
        item_id: item_id.to_owned(),
        operation: operation.to_owned(),
        due_at,
        actor: actor.map(str::to_owned),
    };
    diesel::insert_into(schedules::table).values(&row).execute(connection).map(drop)
}

/// Refuses a plan that, together with the present one for the other operation, ends the publication before it begins: the
/// item would then be public for good, although it is to be unpublished. `None` stands for a plan that stays.
///
/// # Errors
///
/// Fails with `Invalid` if the order is wrong, and if the query fails.
pub fn require_order(
    connection: &mut Db,
    item_id: &str,
    publish_at: Option<i64>,
    unpublish_at: Option<i64>,
) -> Result<(), Problem> {
    let mut at = |given: Option<i64>, operation: &str| match given {
        Some(at) => Ok(Some(at)),
        None => find(connection, item_id, operation).map(|plan| plan.map(|plan| plan.due_at)),
    };
    let (from, until) = (at(publish_at, PUBLISH)?, at(unpublish_at, UNPUBLISH)?);
    match from.zip(until) {
        Some((from, until)) if until <= from => {
            let (from, until) = (utc_text(from), utc_text(until));
            let message = format!("the item would be unpublished at {until}, before it is published at {from}");
            Err(Problem::invalid(Violations::one("/unpublish_at", "before_start", message)))
        }
        _ => Ok(()),
    }
}

/// Returns the plans for an item, earliest first.
///
/// # Errors
///
/// Fails if the query fails.
pub fn load_schedules(connection: &mut Db, item_id: &str) -> QueryResult<Vec<Schedule>> {
    schedules::table
        .filter(schedules::item_id.eq(item_id))
        .order((schedules::due_at, schedules::operation))
        .select(Schedule::as_select())
        .load(connection)
}

/// Deletes all plans for an item and returns their number.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn forget(connection: &mut Db, item_id: &str) -> QueryResult<usize> {
    diesel::delete(schedules::table.filter(schedules::item_id.eq(item_id))).execute(connection)
}

/// Deletes the plan for one operation and returns whether there was one.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn forget_one(connection: &mut Db, item_id: &str, operation: &str) -> QueryResult<bool> {
    let row = schedules::table.find((item_id, operation));
    diesel::delete(row).execute(connection).map(|rows| rows > 0)
}

/// Returns the plans for single items that are due at `moment` (µs), earliest first, at most `limit` of them.
///
/// # Errors
///
/// Fails if the query fails.
pub fn load_due(connection: &mut Db, moment: i64, limit: i64) -> QueryResult<Vec<Plan>> {
    let rows: Vec<Schedule> = schedules::table
        .filter(schedules::due_at.le(moment))
        .order((schedules::due_at, schedules::item_id, schedules::operation))
        .limit(limit)
        .select(Schedule::as_select())
        .load(connection)?;
    let plan = |Schedule { item_id, operation, due_at, .. }| Plan { due_at, id: PlanId::Item { item_id, operation } };
    Ok(rows.into_iter().map(plan).collect())
}

fn find(connection: &mut Db, item_id: &str, operation: &str) -> QueryResult<Option<Schedule>> {
    schedules::table.find((item_id, operation)).select(Schedule::as_select()).first(connection).optional()
}

/// Returns the author under whom a plan is carried out: the account that made it.
fn author(plan: Schedule) -> Author {
    let (account_id, due_at) = (plan.actor, Some(plan.due_at));
    Author { account_id, due_at, request_id: "schedule".to_owned(), ..Author::default() }
}

/// Carries out a plan and deletes it in the same transaction. Since write transactions of all nodes exclude
/// each other, a plan is carried out exactly once; one that no longer exists was carried out by another node
/// or withdrawn, and nothing happens.
///
/// # Errors
///
/// Fails if the step is refused, as [`lifecycle::apply`] does, and if a statement fails.
pub fn attempt(connection: &mut Db, site: &Site, item_id: &str, operation: &str) -> Result<(), Problem> {
    let Some(plan) = find(connection, item_id, operation)? else { return Ok(()) };
    forget_one(connection, item_id, operation)?;
    let item = lifecycle::load(connection, item_id)?;
    let mut author = author(plan);
    let step = if operation == PUBLISH { Operation::Publish } else { Operation::Unpublish };
    if step == Operation::Unpublish && item.status == "draft" {
        // The publication was refused, or an editor has unpublished the item. Refusing the plan would leave a
        // failure in the author's inbox, although the wanted state is reached.
        author.reason = Some("the item is not published".to_owned());
        let context = WriteContext::without_role(site, &author);
        return lifecycle::bump_version(connection, context, item, Operation::Unschedule.name()).map(drop);
    }
    let context = WriteContext::without_role(site, &author);
    lifecycle::apply(connection, context, item, step, &PublishedIds::new()).map(drop)
}

/// Records why a plan was refused and deletes the plan: a text that was to be published is a draft again, the
/// journal has the reason, and a comment on the item brings it to the inbox of the item's author and
/// assignee.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn report(connection: &mut Db, site: &Site, item_id: &str, operation: &str, reason: String) -> Result<(), Problem> {
    let Some(plan) = find(connection, item_id, operation)? else { return Ok(()) };
    forget_one(connection, item_id, operation)?;
    let item = lifecycle::load(connection, item_id)?;
    let why = format!("The scheduled step was not carried out: {reason}");
    let author = Author { reason: Some(reason), ..author(plan) };
    let context = WriteContext::without_role(site, &author);
    let item = match operation == PUBLISH && item.stage == "scheduled" {
        true => lifecycle::set_stage(connection, context, item, FAILED, "draft")?,
        false => lifecycle::bump_version(connection, context, item, FAILED)?,
    };
    // The comment has no author: the inbox lists only comments by others, and the account that made the plan
    // must see it too.
    let system = Author { account_id: None, ..author.clone() };
    review::comment(connection, &system, &item, None, &why)?;
    Ok(())
}
