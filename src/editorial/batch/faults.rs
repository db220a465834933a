//! The faults of the entries of a request with many writes, as one problem.

use std::collections::BTreeMap;

use diesel::result::Error as DieselError;

use super::plan::{BatchPlan, PlannedEntry};
use crate::content::violation::{Violation, Violations};
use crate::problem::{Problem, ProblemKind};

/// The refusal of an entry.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) problem: Problem,
    /// The member of the entry that is at fault, where the problem does not tell.
    pub(super) member: Option<&'static str>,
}

/// The error of the writes of a batch.
#[derive(Debug)]
pub(super) enum RunError {
    /// Entries were refused, by their indexes; those without a reason were not tried.
    Refused(BTreeMap<usize, Option<Refusal>>),
    /// The database failed.
    Failed(Problem),
}

impl From<Problem> for RunError {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl From<DieselError> for RunError {
    fn from(error: DieselError) -> Self {
        Self::Failed(error.into())
    }
}

impl RunError {
    /// Returns the problem of a batch: every fault, with its place in the request.
    pub(super) fn of_batch(self, plan: &BatchPlan) -> Problem {
        match self {
            Self::Failed(problem) => problem,
            Self::Refused(refused) => {
                let mut faults = Violations::new();
                for (index, refusal) in &refused {
                    refusal.iter().for_each(|refusal| refusal.note(&plan.entries[*index], &mut faults));
                }
                Problem::invalid(faults)
            }
        }
    }

    /// Returns the problem of a request that is the last entry, in whose content the others are nested. What it
    /// is refused for itself counts more than what is wrong with its content.
    pub(super) fn of_single(self, plan: &BatchPlan) -> Problem {
        match self {
            Self::Failed(problem) => problem,
            Self::Refused(mut refused) => match refused.remove(&(plan.entries.len() - 1)).flatten() {
                Some(own) if refused.is_empty() || own.problem.kind != ProblemKind::Invalid => own.problem,
                own => {
                    refused.insert(plan.entries.len() - 1, own);
                    Self::Refused(refused).of_batch(plan)
                }
            },
        }
    }
}

impl Refusal {
    /// Adds the problem of an entry to the violations of the whole request. Violations of the content point into
    /// it, others at the member that they concern.
    fn note(&self, planned: &PlannedEntry, faults: &mut Violations) {
        let (entry, problem) = (planned.place.entry.as_str(), &self.problem);
        match (self.member, &planned.place.content, problem.kind) {
            (Some(member), ..) => note(faults, format!("{entry}/{member}"), problem),
            (None, Some(content), _) if !problem.errors.is_empty() => {
                for error in &problem.errors {
                    faults.add(format!("{content}{}", error.pointer), &error.code, error.message.as_str());
                }
            }
            (None, _, ProblemKind::PreconditionFailed) => {
                faults.add(format!("{entry}/version"), code(problem.kind), stale_message(problem));
            }
            (None, _, ProblemKind::NotFound) => note(faults, format!("{entry}/id"), problem),
            (None, None, ProblemKind::Conflict) => {
                let parts: Vec<String> =
                    std::iter::once(problem.detail.clone()).chain(problem.errors.iter().map(text)).collect();
                faults.add(entry, code(problem.kind), parts.join("; "));
            }
            _ => note(faults, entry.to_owned(), problem),
        }
    }
}

/// Returns the detail of a 412 with the places that others changed.
fn stale_message(problem: &Problem) -> String {
    let current = problem.current.as_deref();
    let list = |places: &[String], about: &str| match places.is_empty() {
        true => String::new(),
        false => format!("; {about}: {}", places.join(", ")),
    };
    let changed = current.map_or(String::new(), |current| list(&current.changed, "changed since"));
    let conflicts = current.map_or(String::new(), |current| list(&current.conflicts, "in conflict"));
    format!("{}{changed}{conflicts}", problem.detail)
}

/// Adds the problem of one write to the violations of the whole request, all of them at one place.
pub fn note(faults: &mut Violations, place: String, problem: &Problem) {
    if problem.errors.is_empty() {
        return faults.add(place, code(problem.kind), problem.detail.as_str());
    }
    for error in &problem.errors {
        faults.add(place.as_str(), &error.code, text(error));
    }
}

/// Returns the message of a violation, with its place in the write.
fn text(error: &Violation) -> String {
    match error.pointer.is_empty() {
        true => error.message.clone(),
        false => format!("{}: {}", error.pointer, error.message),
    }
}

/// Returns the error code for a kind of problem.
fn code(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::NotFound => "not_found",
        ProblemKind::PreconditionFailed => "changed_meanwhile",
        ProblemKind::Forbidden => "forbidden",
        _ => "conflict",
    }
}
