//! Claims of nodes on imports. A claim is a lease in the row of the import; every write of the import renews it in its own
//! transaction, and is rolled back if the import has another node, or has ended. So two nodes never write for one import,
//! and what the row says is what is written.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::{ImportFailure, ImportJob, ImportStatus, MOST_LINES, end};
use crate::database::schema::{import_lines, imports};
use crate::database::{Db, new_id, now};
use crate::microseconds::SECOND;
use crate::problem::{Problem, ProblemKind};
use crate::transfer::listener::ImportPosition;
use crate::transfer::report::Report;

/// Time for which a node has an import without renewing its claim (µs).
const LEASE: i64 = 20_000_000;
/// Time from a fault of the program to the next attempt (µs).
const PAUSE: i64 = SECOND;
/// Number of times that nodes begin an import without making progress.
const MOST_ATTEMPTS: i64 = 5;
/// Version of the program. Another one may find other entries in a file.
const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// The claim of this node on an import.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Id of the import.
    pub id: String,
    node: String,
}

/// What an import has written with the present transaction.
pub struct ImportProgress<'a> {
    /// How far the import is.
    pub position: ImportPosition,
    /// Number of bytes that were read in the present pass.
    pub bytes_read: i64,
    /// The report so far.
    pub report: &'a Report,
    /// Lines that are new in the report, as JSON, without those beyond [`MOST_LINES`].
    pub lines: &'a [String],
    /// Number of all lines.
    pub line_count: i64,
}

/// Returns whether an import waits for a node.
///
/// # Errors
/// Fails if the query fails.
pub fn is_due(connection: &mut Db) -> QueryResult<bool> {
    Ok(find_next(connection, now())?.is_some())
}

/// Returns the import that is next: one whose node does not renew its claim, else the oldest that waits. None while
/// a node is at work, so that imports do not take the writer from everybody else.
fn find_next(connection: &mut Db, now: i64) -> QueryResult<Option<ImportJob>> {
    let of = |status: ImportStatus| {
        imports::table.filter(imports::status.eq(status.name())).order(imports::id).select(ImportJob::as_select())
    };
    match of(ImportStatus::Running).first(connection).optional()? {
        Some(running) => Ok(Some(running).filter(|running| running.lease_until <= now)),
        None => of(ImportStatus::Queued).first(connection).optional(),
    }
}

/// Claims the import that is next, if there is one.
///
/// # Errors
/// Fails if a statement fails.
pub fn claim(connection: &mut Db) -> QueryResult<Option<(Claim, ImportJob)>> {
    let now = now();
    while let Some(mut job) = find_next(connection, now)? {
        if let Some((failure, detail)) = final_failure(&job) {
            end(connection, &job.id, ImportStatus::Failed, Some((failure, detail)))?;
            continue;
        }
        job.node = new_id();
        job.started_at = if job.started_at == 0 { now } else { job.started_at };
        diesel::update(imports::table.find(&job.id))
            .set((
                imports::status.eq(ImportStatus::Running.name()),
                imports::node.eq(&job.node),
                imports::lease_until.eq(now + LEASE),
                imports::started_at.eq(job.started_at),
                imports::attempts.eq(job.attempts + 1),
            ))
            .execute(connection)?;
        return Ok(Some((Claim { id: job.id.clone(), node: job.node.clone() }, job)));
    }
    Ok(None)
}

/// Returns why an import cannot go on, if it cannot.
fn final_failure(job: &ImportJob) -> Option<(ImportFailure, &'static str)> {
    if job.attempts >= MOST_ATTEMPTS {
        let detail = "the import was begun several times and did not end; the log of the server has the reasons";
        return Some((ImportFailure::Interrupted, detail));
    }
    let is_other = job.position() != ImportPosition::default() && job.program != PROGRAM;
    let detail =
        "the server was updated during the import; send the file again: what is written already stays as it is";
    is_other.then_some((ImportFailure::ProgramChanged, detail))
}

impl Claim {
    /// Renews the claim. Returns whether the node still has the import.
    ///
    /// # Errors
    /// Fails if the statement fails.
    pub fn renew(&self, connection: &mut Db, bytes_read: i64) -> QueryResult<bool> {
        let own = imports::table
            .find(&self.id)
            .filter(imports::node.eq(&self.node).and(imports::status.eq(ImportStatus::Running.name())));
        let changes = (imports::lease_until.eq(now() + LEASE), imports::bytes_read.eq(bytes_read));
        diesel::update(own).set(changes).execute(connection).map(|rows| rows > 0)
    }

    /// Gives the import back, so that a node takes it up soon.
    ///
    /// # Errors
    /// Fails if the statement fails.
    pub fn release(&self, connection: &mut Db) -> QueryResult<()> {
        let own = imports::table.find(&self.id).filter(imports::node.eq(&self.node));
        diesel::update(own).set(imports::lease_until.eq(now() + PAUSE)).execute(connection).map(drop)
    }

    /// Stores what was written within the present transaction.
    ///
    /// # Errors
    /// Fails with `Conflict` if the node does not have the import any more, so that the transaction is rolled back, and if
    /// a statement fails.
    pub fn save(&self, connection: &mut Db, progress: &ImportProgress<'_>) -> Result<(), Problem> {
        self.require(connection, progress.bytes_read)?;
        let report = serde_json::to_string(progress.report).map_err(|error| Problem::internal(&error))?;
        diesel::update(imports::table.find(&self.id))
            .set((
                imports::attempts.eq(0),
                imports::program.eq(PROGRAM),
                imports::pass.eq(progress.position.pass),
                imports::entries.eq(progress.position.entries),
                imports::report.eq(report),
                imports::line_count.eq(progress.line_count),
            ))
            .execute(connection)?;
        let kept = progress.line_count.min(MOST_LINES);
        let first = kept - i64::try_from(progress.lines.len()).unwrap_or_default();
        for (line, position) in progress.lines.iter().zip(first..) {
            let row = (
                import_lines::import_id.eq(&self.id),
                import_lines::position.eq(position),
                import_lines::line.eq(line),
            );
            diesel::insert_into(import_lines::table).values(row).execute(connection)?;
        }
        Ok(())
    }

    /// Ends the import.
    ///
    /// # Errors
    /// Fails as [`Claim::save`] does.
    pub fn end(
        &self,
        connection: &mut Db,
        status: ImportStatus,
        failure: Option<(ImportFailure, &str)>,
    ) -> Result<(), Problem> {
        let found: i64 = imports::table.find(&self.id).select(imports::bytes_read).first(connection)?;
        self.require(connection, found)?;
        Ok(end(connection, &self.id, status, failure)?)
    }

    fn require(&self, connection: &mut Db, bytes_read: i64) -> Result<(), Problem> {
        match self.renew(connection, bytes_read)? {
            true => Ok(()),
            false => {
                Err(Problem::new(ProblemKind::Conflict, "the import has ended, or another node has taken it over"))
            }
        }
    }
}
