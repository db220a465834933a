//! What is to happen to single items at a moment: rows of `schedules`, and what is done when they are due.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::checks::Together;
use super::life::{self, Operation, Pen};
use super::plan::{Plan, PlanId};
use super::review;
use crate::content::Site;
use crate::database::Db;
use crate::database::schema::schedules;
use crate::journal::Author;
use crate::problem::Problem;

/// The word of the operation that publishes.
pub const PUBLISH: &str = "publish";
/// The word of the operation that unpublishes.
pub const UNPUBLISH: &str = "unpublish";

/// What the journal calls a plan that was refused.
const FAILED: &str = "schedule_failed";

/// A row of `schedules`.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = schedules)]
pub struct Schedule {
    /// The item.
    pub item_id: String,
    /// [`PUBLISH`] or [`UNPUBLISH`].
    pub operation: String,
    /// When (µs).
    pub due_at: i64,
    /// The account that wanted it.
    pub actor: Option<String>,
}

/// Sets what is to happen to an item, in the place of an earlier plan.
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

/// What is planned for an item, the earliest first.
pub fn of(connection: &mut Db, item_id: &str) -> QueryResult<Vec<Schedule>> {
    schedules::table
        .filter(schedules::item_id.eq(item_id))
        .order((schedules::due_at, schedules::operation))
        .select(Schedule::as_select())
        .load(connection)
}

/// Forgets all plans for an item; says how many those were.
pub fn forget(connection: &mut Db, item_id: &str) -> QueryResult<usize> {
    diesel::delete(schedules::table.filter(schedules::item_id.eq(item_id))).execute(connection)
}

/// Forgets one plan; says whether there was one.
pub fn forget_one(connection: &mut Db, item_id: &str, operation: &str) -> QueryResult<bool> {
    let row = schedules::table.find((item_id, operation));
    diesel::delete(row).execute(connection).map(|rows| rows > 0)
}

/// The plans for single items that are due at `moment` (µs), the earliest first.
pub fn due(connection: &mut Db, moment: i64, limit: i64) -> QueryResult<Vec<Plan>> {
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

/// Whoever planned it does it.
fn author(plan: Schedule) -> Author {
    let (account_id, due_at) = (plan.actor, Some(plan.due_at));
    Author { account_id, due_at, request_id: "schedule".to_owned(), ..Author::default() }
}

/// Takes the step that is planned for an item, and forgets the plan in the same transaction: writers take
/// turns, so of several nodes one does it. What is no plan any more was done or withdrawn.
pub fn attempt(connection: &mut Db, site: &Site, item_id: &str, operation: &str) -> Result<(), Problem> {
    let Some(plan) = find(connection, item_id, operation)? else { return Ok(()) };
    forget_one(connection, item_id, operation)?;
    let item = life::load(connection, item_id)?;
    let mut author = author(plan);
    let step = if operation == PUBLISH { Operation::Publish } else { Operation::Unpublish };
    if step == Operation::Unpublish && item.status == "draft" {
        // It was never published, or somebody was faster: there is nothing to be taken down.
        author.reason = Some("the item is not published".to_owned());
        let pen = Pen { site, author: &author, role: None };
        return life::noted(connection, pen, item, Operation::Unschedule.word()).map(drop);
    }
    let pen = Pen { site, author: &author, role: None };
    life::apply(connection, pen, item, step, &Together::new()).map(drop)
}

/// Tells why a plan was refused: the item is a draft again, the journal has the reason, and whoever it
/// belongs to learns of it in their inbox.
pub fn report(connection: &mut Db, site: &Site, item_id: &str, operation: &str, reason: String) -> Result<(), Problem> {
    let Some(plan) = find(connection, item_id, operation)? else { return Ok(()) };
    forget_one(connection, item_id, operation)?;
    let item = life::load(connection, item_id)?;
    let why = format!("What was scheduled did not happen: {reason}");
    let author = Author { reason: Some(reason), ..author(plan) };
    let pen = Pen { site, author: &author, role: None };
    let item = match operation == PUBLISH && item.stage == "scheduled" {
        true => life::restage(connection, pen, item, FAILED, "draft")?,
        false => life::noted(connection, pen, item, FAILED)?,
    };
    let system = Author { account_id: None, ..author.clone() };
    review::comment(connection, &system, &item, None, &why)?;
    Ok(())
}
