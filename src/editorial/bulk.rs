//! Steps in the lives of many items, in one transaction: all of them or none, or each by itself.

use super::checks::Together;
use super::life::{self, Operation, Pen};
use super::operations::find;
use super::write::changed_meanwhile;
use crate::content::fault::Faults;
use crate::database::Db;
use crate::database::connection::Part;
use crate::items::Item;
use crate::problem::{Kind, Problem};
use crate::resources::Resource;

/// The most steps of one request, or items of one release.
pub const MOST_STEPS: usize = 500;

/// One step of many.
#[derive(Debug, Clone)]
pub struct Step {
    /// Where it stands in the list by which faults name it.
    pub place: usize,
    /// The kind of the item.
    pub resource: &'static Resource,
    /// Its id or slug.
    pub key: String,
    /// The version that it must have; without one, any.
    pub version: Option<i64>,
    /// The step.
    pub operation: Operation,
}

/// Takes all steps; if one is refused, the problem names all that are by their places in the list of
/// this name, and nothing may be kept of those that were taken.
pub fn all(connection: &mut Db, pen: Pen<'_>, list: &str, steps: &[Step]) -> Result<Vec<Item>, Problem> {
    let together = together(connection, steps)?;
    let mut faults = Faults::new();
    let mut done = Vec::with_capacity(steps.len());
    for step in steps {
        // What is refused leaves no trace by which the next one would be judged.
        match connection.in_part(Part::STEP, |c| one(c, pen, step, &together))? {
            Ok(item) => done.push(item),
            Err(problem) if problem.kind.status() < 500 => {
                note(&mut faults, format!("/{list}/{}", step.place), &problem);
            }
            Err(problem) => return Err(problem),
        }
    }
    if faults.is_empty() { Ok(done) } else { Err(Problem::invalid(faults)) }
}

/// Takes each step that can be taken, and nothing of the others.
pub fn each(connection: &mut Db, pen: Pen<'_>, steps: &[Step]) -> Result<Vec<Result<Item, Problem>>, Problem> {
    let mut outcomes = Vec::with_capacity(steps.len());
    for step in steps {
        outcomes.push(connection.in_part(Part::STEP, |c| one(c, pen, step, &Together::new()))?);
    }
    Ok(outcomes)
}

/// Whether all steps could be taken now; nothing is kept.
pub fn try_all(connection: &mut Db, pen: Pen<'_>, list: &str, steps: &[Step]) -> Result<(), Problem> {
    connection.begin_part(Part::PLAN)?;
    let outcome = all(connection, pen, list, steps);
    connection.drop_part(Part::PLAN)?;
    outcome.map(drop)
}

fn one(connection: &mut Db, pen: Pen<'_>, step: &Step, together: &Together) -> Result<Item, Problem> {
    let item = find(connection, step.resource, &step.key)?;
    if step.version.is_some_and(|version| version != item.latest()) {
        return Err(changed_meanwhile(&item));
    }
    life::apply(connection, pen, item, step.operation, together)
}

/// The items that are published by these steps: they may refer to each other.
fn together(connection: &mut Db, steps: &[Step]) -> Result<Together, Problem> {
    let mut ids = Together::new();
    for step in steps.iter().filter(|step| step.operation == Operation::Publish) {
        match find(connection, step.resource, &step.key) {
            Ok(item) => drop(ids.insert(item.id)),
            Err(problem) if problem.kind == Kind::NotFound => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(ids)
}

fn note(faults: &mut Faults, place: String, problem: &Problem) {
    if problem.errors.is_empty() {
        return faults.add(place, code(problem.kind), problem.detail.as_str());
    }
    for error in &problem.errors {
        faults.add(place.as_str(), &error.code, format!("{}: {}", error.pointer, error.message));
    }
}

/// The kind of a problem as the code of a fault.
fn code(kind: Kind) -> &'static str {
    match kind {
        Kind::NotFound => "not_found",
        Kind::PreconditionFailed => "changed_meanwhile",
        Kind::Forbidden => "forbidden",
        _ => "conflict",
    }
}
