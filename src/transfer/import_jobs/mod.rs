//! Imports that a server was asked for: rows of `imports`, each with its file, its progress and its report. One node at
//! a time carries one out. See `docs/decisions/0033-imports-over-http.md`.

mod claim;
mod options;
mod reception;
mod run;
mod starter;
mod stored_file;

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::schema::{import_lines, import_parts, imports};
use crate::database::{Db, now};
use crate::journal::{self, Author, NewEntry};
use crate::microseconds::{DAY, SECOND};
use crate::problem::{Problem, ProblemKind};
use crate::transfer::listener::ImportPosition;

pub use claim::{Claim, claim, is_due};
pub use options::ImportOptions;
pub use reception::{NewImport, ReceivedFile, Reception, ReceptionLimits};
pub use run::run;
use starter::Starter;

/// Greatest number of lines of a report that are kept.
pub const MOST_LINES: i64 = 1_000;
/// The kind of journal entries about imports.
const KIND: &str = "import";

/// The state of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportStatus {
    /// Its file is still being received.
    Receiving,
    /// It waits for a node.
    Queued,
    /// A node carries it out, or will take it over.
    Running,
    /// It was carried out to its end, whatever its report says.
    Succeeded,
    /// It could not be carried out to its end.
    Failed,
    /// Somebody ended it.
    Cancelled,
}

impl ImportStatus {
    /// Returns the name of the state in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            ImportStatus::Receiving => "receiving",
            ImportStatus::Queued => "queued",
            ImportStatus::Running => "running",
            ImportStatus::Succeeded => "succeeded",
            ImportStatus::Failed => "failed",
            ImportStatus::Cancelled => "cancelled",
        }
    }
}

/// The states of imports that have not ended.
const OPEN: [&str; 3] = ["receiving", "queued", "running"];

/// The reason why an import could not be carried out to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportFailure {
    /// The file would turn items of its source into other ones.
    OtherSource,
    /// The file cannot be read.
    Unreadable,
    /// The import took longer than is allowed.
    TimedOut,
    /// Every node that carried the import out failed.
    Interrupted,
    /// Another version of the program began the import.
    ProgramChanged,
    /// Who asked for the import may not import any more.
    Forbidden,
}

impl ImportFailure {
    /// Returns the name of the reason in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            ImportFailure::OtherSource => "other_source",
            ImportFailure::Unreadable => "unreadable",
            ImportFailure::TimedOut => "timed_out",
            ImportFailure::Interrupted => "interrupted",
            ImportFailure::ProgramChanged => "program_changed",
            ImportFailure::Forbidden => "forbidden",
        }
    }
}

/// A row of `imports`.
#[derive(Debug, Clone, Default, Queryable, Selectable, Insertable)]
#[diesel(table_name = imports)]
pub struct ImportJob {
    /// UUIDv7.
    pub id: String,
    /// Name of an [`ImportStatus`].
    pub status: String,
    /// Name of the file.
    pub file: String,
    /// Name of the format.
    pub format: String,
    /// [`ImportOptions`] as JSON.
    pub options: String,
    /// Size of the file, in bytes.
    pub bytes: i64,
    /// Time of the request (µs since 1970).
    pub created_at: i64,
    /// Id of the account that asked for the import.
    pub created_by: Option<String>,
    /// Id of the API key that was used instead of a session.
    pub via: Option<String>,
    /// Time at which a node first began (µs since 1970), or 0.
    pub started_at: i64,
    /// Time of the end (µs since 1970), or 0.
    pub ended_at: i64,
    /// Id of the node that carries the import out.
    pub node: String,
    /// Time from which another node may take the import over (µs since 1970).
    pub lease_until: i64,
    /// Number of times that a node took the import since it last made progress.
    pub attempts: i64,
    /// Version of the program that counted `entries`.
    pub program: String,
    /// [`ImportPosition::pass`].
    pub pass: i64,
    /// [`ImportPosition::entries`].
    pub entries: i64,
    /// Number of bytes of the file that were read in the present pass.
    pub bytes_read: i64,
    /// The report so far, as JSON; empty before the first record.
    pub report: String,
    /// Number of lines of the report, those beyond [`MOST_LINES`] included.
    pub line_count: i64,
    /// Name of an [`ImportFailure`]; empty if there is none.
    pub failure: String,
    /// Explanation of the failure.
    pub detail: String,
}

impl ImportJob {
    /// Returns how far the import is.
    pub fn position(&self) -> ImportPosition {
        ImportPosition { pass: self.pass, entries: self.entries }
    }
}

/// Returns the newest imports.
///
/// # Errors
/// Fails if the query fails.
pub fn load_newest(connection: &mut Db, limit: i64) -> QueryResult<Vec<ImportJob>> {
    imports::table
        .filter(imports::status.ne(ImportStatus::Receiving.name()))
        .order(imports::id.desc())
        .limit(limit)
        .select(ImportJob::as_select())
        .load(connection)
}

/// Returns an import.
///
/// # Errors
/// 404 if there is none with this id.
pub fn by_id(connection: &mut Db, id: &str) -> Result<ImportJob, Problem> {
    let found: Option<ImportJob> = imports::table
        .find(id)
        .filter(imports::status.ne(ImportStatus::Receiving.name()))
        .select(ImportJob::as_select())
        .first(connection)
        .optional()?;
    found.ok_or_else(|| Problem::not_found("import"))
}

/// Returns the lines of the report of an import, as JSON.
///
/// # Errors
/// Fails if the query fails.
pub fn lines(connection: &mut Db, id: &str) -> QueryResult<Vec<String>> {
    import_lines::table
        .filter(import_lines::import_id.eq(id))
        .order(import_lines::position)
        .select(import_lines::line)
        .load(connection)
}

/// Cancels an import. What it wrote stays; a node that carries it out writes nothing more.
///
/// # Errors
/// 404 if there is none with this id, 409 if it has ended.
pub fn cancel(connection: &mut Db, author: &Author, id: &str) -> Result<ImportJob, Problem> {
    let job = by_id(connection, id)?;
    if !OPEN.contains(&job.status.as_str()) {
        return Err(Problem::new(
            ProblemKind::Conflict,
            format!("the import has ended already: it has {}", job.status),
        ));
    }
    end(connection, id, ImportStatus::Cancelled, None)?;
    let job = by_id(connection, id)?;
    record(connection, author, "cancel", &job)?;
    Ok(job)
}

/// Appends an entry about an import to the journal, for the audit log.
fn record(connection: &mut Db, author: &Author, action: &str, job: &ImportJob) -> QueryResult<()> {
    let more = serde_json::json!({
        "file": job.file, "format": job.format, "bytes": job.bytes, "status": job.status,
        "options": serde_json::from_str::<serde_json::Value>(&job.options).unwrap_or_default(),
    });
    let entry = NewEntry { action, kind: KIND, id: &job.id, version: 0, snapshot: more.to_string(), changed: &[] };
    journal::append(connection, author, entry)
}

/// Ends an import: its file is deleted, its report stays.
fn end(connection: &mut Db, id: &str, status: ImportStatus, failure: Option<(ImportFailure, &str)>) -> QueryResult<()> {
    let (failure, detail) = failure.map_or(("", ""), |(failure, detail)| (failure.name(), detail));
    diesel::update(imports::table.find(id))
        .set((
            imports::status.eq(status.name()),
            imports::ended_at.eq(now()),
            imports::failure.eq(failure),
            imports::detail.eq(detail),
        ))
        .execute(connection)?;
    diesel::delete(import_parts::table.filter(import_parts::import_id.eq(id))).execute(connection).map(drop)
}

/// Returns the ids of imports that ended more than `days` ago, and of files that were not received to their end within
/// `seconds`.
///
/// # Errors
/// Fails if a query fails.
pub fn load_expired(connection: &mut Db, days: u32, seconds: u64) -> QueryResult<Vec<String>> {
    let stalled = now() - i64::try_from(seconds).unwrap_or_default() * SECOND;
    let of = |status: ImportStatus| imports::table.filter(imports::status.eq(status.name())).select(imports::id);
    let mut ids: Vec<String> = of(ImportStatus::Receiving).filter(imports::created_at.lt(stalled)).load(connection)?;
    let old = now() - i64::from(days) * DAY;
    for status in [ImportStatus::Succeeded, ImportStatus::Failed, ImportStatus::Cancelled] {
        ids.extend(of(status).filter(imports::ended_at.lt(old)).load::<String>(connection)?);
    }
    Ok(ids)
}

/// Deletes what [`load_expired`] returns.
///
/// # Errors
/// Fails if a statement fails.
pub fn delete_expired(connection: &mut Db, days: u32, seconds: u64) -> QueryResult<()> {
    for id in load_expired(connection, days, seconds)? {
        diesel::delete(imports::table.find(id)).execute(connection)?;
    }
    Ok(())
}
