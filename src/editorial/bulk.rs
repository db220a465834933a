//! Workflow steps with many items in one transaction, either all or none of them, or each independently.
//!
//! Each step runs in a savepoint, in both modes: on Postgres a failed statement would make every later step
//! fail, and a refused step must leave no trace by which the next one is judged.

use diesel::result::QueryResult;

use super::write::precondition_failed;
use crate::content::violation::Violations;
use crate::content_types::ContentType;
use crate::database::Db;
use crate::database::connection::Savepoint;
use crate::delivery::viewer::Viewer;
use crate::editorial::batch::note;
use crate::editorial::editor::find;
use crate::editorial::lifecycle::{self, Operation};
use crate::editorial::publication_checks::{PublishedIds, find_unpublished, refuse_references_to};
use crate::editorial::references;
use crate::editorial::wide_redirects::RedirectMemo;
use crate::editorial::write_context::WriteContext;
use crate::items::Item;
use crate::problem::{Problem, ProblemKind};

/// Maximum number of steps of one request, and of items of one release.
pub const MOST_STEPS: usize = 500;

/// One workflow step with one item.
#[derive(Debug, Clone)]
pub struct Step {
    /// Index in the list that the client sent, from 0, by which errors name the step.
    pub place: usize,
    /// The kind of the item.
    pub content_type: &'static ContentType,
    /// The id or slug of the item.
    pub key: String,
    /// The version that the item must have; `None` accepts any.
    pub version: Option<i64>,
    pub operation: Operation,
    /// Whether an item is moved to the trash although something uses it.
    pub keep_references: bool,
}

impl Step {
    /// Checks that nothing uses the item, if the step moves it to the trash and no use is accepted.
    fn require_unused(&self, connection: &mut Db, item: &Item) -> Result<(), Problem> {
        match self.operation == Operation::Trash && !self.keep_references {
            // Keys that are restricted to some collections do not come here.
            true => references::require_unused(connection, item, &Viewer::editor()),
            false => Ok(()),
        }
    }
}

/// The outcome of one step.
#[derive(Debug)]
pub struct StepOutcome {
    /// The id of the item; `None` if there is no such item.
    pub item_id: Option<String>,
    /// The item after the step, or the reason for which it was refused.
    pub result: Result<Item, Problem>,
}

/// Takes all steps. If any is refused, the remaining ones are tried nevertheless, so that the problem names
/// every refused step, by pointers into the list `list`. The caller must then roll back: the steps that
/// succeeded are still in the transaction.
///
/// # Errors
///
/// Fails with `Invalid` if any step is refused, and if the database fails.
pub fn apply_all(
    connection: &mut Db,
    context: WriteContext<'_>,
    list: &str,
    steps: &[Step],
) -> Result<Vec<Item>, Problem> {
    let together = published_ids(connection, steps)?;
    let mut faults = Violations::new();
    let mut done = Vec::with_capacity(steps.len());
    let memo = RedirectMemo::default();
    let context = WriteContext { redirects: Some(&memo), ..context };
    for step in steps {
        match step_outcome(connection, context, step, Some(&together))?.result {
            Ok(item) => done.push(item),
            Err(problem) if problem.kind.status() < 500 => {
                note(&mut faults, format!("/{list}/{}", step.place), &problem);
            }
            Err(problem) => return Err(problem),
        }
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let unpublished = find_unpublished(connection, context.site, &together)?;
    // Items that go together may refer to each other.
    for (step, item) in steps.iter().zip(&done) {
        let checked = refuse_references_to(context.site, step.content_type, item, &unpublished);
        match checked.and_then(|()| step.require_unused(connection, item)) {
            Err(problem) if problem.kind.status() < 500 => {
                note(&mut faults, format!("/{list}/{}", step.place), &problem);
            }
            outcome => outcome?,
        }
    }
    if faults.is_empty() { Ok(done) } else { Err(Problem::invalid(faults)) }
}

/// Takes each step independently: a refused step has no effect and does not affect the others. Items of
/// different steps do not count as published together, since either step may be refused.
///
/// # Errors
///
/// Fails only if the transaction is lost; the outcome of each step is in the result.
pub fn apply_each(connection: &mut Db, context: WriteContext<'_>, steps: &[Step]) -> Result<Vec<StepOutcome>, Problem> {
    let mut outcomes = Vec::with_capacity(steps.len());
    let memo = RedirectMemo::default();
    let context = WriteContext { redirects: Some(&memo), ..context };
    for step in steps {
        outcomes.push(step_outcome(connection, context, step, None)?);
    }
    Ok(outcomes)
}

/// Checks whether all steps could be taken now, by taking them in a savepoint that is rolled back.
///
/// # Errors
///
/// Fails as [`apply_all`] does.
pub fn try_all(connection: &mut Db, context: WriteContext<'_>, list: &str, steps: &[Step]) -> Result<(), Problem> {
    connection.with_rollback(Savepoint::PLAN, |c| apply_all(c, context, list, steps))?.map(drop)
}

/// Takes one step in a savepoint, with an item that must be at the step's version. `together` holds the items that are
/// published in the same transaction; `None` if the step is independent of all others.
fn step_outcome(
    connection: &mut Db,
    context: WriteContext<'_>,
    step: &Step,
    together: Option<&PublishedIds>,
) -> QueryResult<StepOutcome> {
    let mut item_id = None;
    let take = |c: &mut Db| {
        let item = find(c, step.content_type, &step.key)?;
        item_id = Some(item.id.clone());
        if step.version.is_some_and(|version| version != item.latest_version()) {
            return Err(precondition_failed(&item));
        }
        let item = lifecycle::apply(c, context, item, step.operation, together.unwrap_or(&PublishedIds::new()))?;
        if together.is_none() {
            step.require_unused(c, &item)?;
        }
        Ok(item)
    };
    let result = connection.with_savepoint(Savepoint::STEP, take)?;
    if let (Err(_), Some(memo)) = (&result, context.redirects) {
        memo.forget();
    }
    Ok(StepOutcome { item_id, result })
}

/// Returns the ids of the items that these steps publish. They may refer to each other.
fn published_ids(connection: &mut Db, steps: &[Step]) -> Result<PublishedIds, Problem> {
    let mut ids = PublishedIds::new();
    for step in steps.iter().filter(|step| step.operation == Operation::Publish) {
        match find(connection, step.content_type, &step.key) {
            Ok(item) => drop(ids.insert(item.id)),
            Err(problem) if problem.kind == ProblemKind::NotFound => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(ids)
}
