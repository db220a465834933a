//! What is to happen to single items at a moment: rows of `schedules`, and what is done when they are due.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::checks::Together;
use super::life::{self, Operation, Pen};
use super::review;
use crate::content::Site;
use crate::database::Db;
use crate::database::schema::{items, schedules};
use crate::items::Item;
use crate::journal::Author;
use crate::problem::{Kind, Problem};

/// The word of the operation that publishes.
pub const PUBLISH: &str = "publish";
/// The word of the operation that unpublishes.
pub const UNPUBLISH: &str = "unpublish";

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

/// When the next plan is due (µs).
pub fn next(connection: &mut Db) -> QueryResult<Option<i64>> {
    schedules::table.order(schedules::due_at).select(schedules::due_at).first(connection).optional()
}

/// Does what was due at `moment` (µs), at most `limit` plans of it, the earliest first; says how many
/// it did. Writers take turns, and a plan is forgotten in the transaction that does it: of several
/// nodes, one does it.
pub fn run_due(connection: &mut Db, site: &Site, moment: i64, limit: i64) -> Result<usize, Problem> {
    let due: Vec<(Schedule, Item)> = schedules::table
        .inner_join(items::table)
        .filter(schedules::due_at.le(moment))
        .order((schedules::due_at, schedules::item_id))
        .limit(limit)
        .select((Schedule::as_select(), Item::as_select()))
        .load(connection)?;
    let count = due.len();
    let mut seen: Vec<String> = Vec::with_capacity(count);
    for (plan, item) in due {
        // One item can be due twice: then it is not any more what was read.
        let item = if seen.contains(&plan.item_id) { life::load(connection, &plan.item_id)? } else { item };
        seen.push(plan.item_id.clone());
        run(connection, site, plan, item)?;
    }
    Ok(count)
}

fn run(connection: &mut Db, site: &Site, plan: Schedule, item: Item) -> Result<(), Problem> {
    forget_one(connection, &plan.item_id, &plan.operation)?;
    let due_at = Some(plan.due_at);
    let author = Author { account_id: plan.actor, request_id: "schedule".to_owned(), due_at, ..Author::default() };
    let pen = Pen { site, author: &author, role: None };
    let operation = if plan.operation == PUBLISH { Operation::Publish } else { Operation::Unpublish };
    match life::apply(connection, pen, item, operation, &Together::new()) {
        Ok(_) => Ok(()),
        // Somebody was faster, or withdrew it, or it is not complete any more: it stays as it is.
        Err(problem) if matches!(problem.kind, Kind::Conflict | Kind::Invalid) => {
            let item = life::load(connection, &plan.item_id)?;
            failed(connection, site, &author, item, &problem)
        }
        Err(problem) => Err(problem),
    }
}

/// A plan that could not be carried out: the item is a draft again, and the journal says why.
fn failed(connection: &mut Db, site: &Site, author: &Author, item: Item, problem: &Problem) -> Result<(), Problem> {
    let faults: Vec<String> = problem.errors.iter().map(|e| format!("{}: {}", e.pointer, e.message)).collect();
    let reason = if faults.is_empty() { problem.detail.clone() } else { faults.join("; ") };
    tracing::warn!(item = item.id, reason, "what was scheduled could not be done");
    let author = Author { reason: Some(reason), ..author.clone() };
    let pen = Pen { site, author: &author, role: None };
    let item = match item.stage == "scheduled" {
        true => life::restage(connection, pen, item, "schedule_failed", "draft")?,
        false => life::noted(connection, pen, item, "schedule_failed")?,
    };
    // Whoever it belongs to learns of it in their inbox.
    let system = Author { account_id: None, ..author.clone() };
    let why = format!("What was scheduled did not happen: {}", author.reason.as_deref().unwrap_or_default());
    review::comment(connection, &system, &item, None, &why)?;
    Ok(())
}
