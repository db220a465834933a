//! One attempt to write an entry, and what a report says of it.

use crate::content::offsets::RenewedTime;
use crate::content::violation::{Violation, Violations};
use crate::database::Db;
use crate::database::connection::Savepoint;
use crate::problem::{Problem, ProblemKind};
use crate::transfer::report::{Outcome, ReportLine};

/// Runs `work` within a savepoint, which is rolled back if `work` is refused. The violations are then the
/// inner error. A failure of the database is the outer error, which ends the import: the transaction cannot
/// be continued after it.
pub fn in_savepoint<T>(
    connection: &mut Db,
    work: impl FnOnce(&mut Db) -> Result<T, Problem>,
) -> Result<Result<T, Vec<Violation>>, Problem> {
    connection.set_savepoint(Savepoint::RECORD)?;
    match work(connection) {
        Ok(done) => {
            connection.release_savepoint(Savepoint::RECORD)?;
            Ok(Ok(done))
        }
        Err(problem) if matches!(problem.kind, ProblemKind::Internal | ProblemKind::Unavailable) => Err(problem),
        Err(problem) => {
            connection.rollback_to_savepoint(Savepoint::RECORD)?;
            let whole =
                Violation { pointer: String::new(), code: problem.kind.code().to_owned(), message: problem.detail };
            Ok(Err(if problem.errors.is_empty() { vec![whole] } else { problem.errors }))
        }
    }
}

/// Returns the report lines of an outcome. An unchanged supporting record gets none.
pub fn report_lines(line: ReportLine, outcome: Result<Outcome, Vec<Violation>>, supporting: bool) -> Vec<ReportLine> {
    match outcome {
        Ok(Outcome::Unchanged) if supporting => Vec::new(),
        Ok(outcome) => vec![ReportLine { outcome, ..line }],
        Err(faults) => vec![ReportLine { outcome: Outcome::Refused, faults, ..line }],
    }
}

/// Returns the report lines of an outcome, with one for each note.
pub fn noted_lines(line: &ReportLine, outcome: Result<(Outcome, Vec<Violation>), Vec<Violation>>) -> Vec<ReportLine> {
    let (outcome, notes) = match outcome {
        Ok((outcome, notes)) => (Ok(outcome), notes),
        Err(faults) => (Err(faults), Vec::new()),
    };
    let mut lines = report_lines(line.clone(), outcome, false);
    lines.extend(notes.into_iter().map(|fault| ReportLine { faults: vec![fault], ..line.clone() }));
    lines
}

/// Returns the problem of a record that cannot be repaired.
pub fn invalid_record(faults: Vec<Violation>) -> Problem {
    let mut all = Violations::new();
    for fault in faults {
        all.add(fault.pointer, &fault.code, fault.message);
    }
    Problem::invalid(all)
}

/// Returns the note on a time that was exported under other time zone rules.
pub fn other_rules(time: RenewedTime) -> Violation {
    let message = format!(
        "\"{}\" was written with other rules of its time zone; with the rules here, the same local time is \"{}\"",
        time.before, time.after
    );
    Violation { pointer: time.pointer, code: "other_rules".to_owned(), message }
}
