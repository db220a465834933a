//! Imports and their reports as the API returns them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::content::local_time::utc_text;
use crate::problem::Problem;
use crate::transfer::Report;
use crate::transfer::import_jobs::{ImportJob, ImportOptions, ImportStatus, MOST_LINES};
use crate::transfer::report::NoteGroup;

/// An import.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ImportJob)]
pub struct ImportBody {
    /// Id of the import.
    #[schema(format = "uuid")]
    pub id: String,
    /// `queued`, `running`, `succeeded` (whatever the report says), `failed` or `cancelled`.
    pub status: String,
    /// Name of the file.
    pub filename: String,
    /// Format of the file.
    pub format: String,
    /// Whether it only reports what would happen.
    pub dry_run: bool,
    /// Id of the account that asked for it.
    #[schema(required = true, format = "uuid")]
    pub created_by: Option<String>,
    /// Time of the request.
    #[schema(format = "date-time")]
    pub created_at: String,
    /// Time at which it began.
    #[schema(required = true, format = "date-time")]
    pub started_at: Option<String>,
    /// Time of its end.
    #[schema(required = true, format = "date-time")]
    pub ended_at: Option<String>,
    /// Size of the file, in bytes.
    pub bytes: i64,
    /// Number of bytes that are read; a file that is read again begins at 0.
    pub bytes_read: i64,
    /// Code of the reason why it failed.
    #[schema(required = true)]
    pub failure: Option<String>,
    /// Explanation of the failure.
    #[schema(required = true)]
    pub detail: Option<String>,
    /// Report of what is written so far; null in lists.
    #[schema(required = true)]
    pub report: Option<ImportReport>,
}

/// The report of an import.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportReport {
    /// `all_taken`, `some_refused` or `nothing_recognised`; null until it has succeeded.
    #[schema(required = true)]
    pub verdict: Option<String>,
    /// Numbers of records, by outcome and kind.
    pub counts: Vec<ImportCount>,
    /// Notes, by code and property.
    pub notes: Vec<ImportNote>,
    /// Records that were not imported or, in a dry run, would be; at most 1,000.
    pub lines: Vec<ImportLine>,
    /// Number of further such records.
    pub lines_left_out: i64,
}

/// Number of records of one kind with one outcome.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportCount {
    /// Outcome.
    #[schema(example = "created")]
    pub outcome: String,
    /// Kind of content, or `record`.
    #[schema(example = "event")]
    pub kind: String,
    /// Number of records.
    pub count: u64,
}

/// Notes of one code on one property.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportNote {
    /// Code of the notes.
    pub code: String,
    /// Property of the file, or JSON Pointer of the field.
    pub subject: String,
    /// Number of notes.
    pub count: u64,
    /// Place of the first one in the file.
    pub first: String,
    /// Explanation of the first one.
    pub message: String,
}

/// A record in the report of an import.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportLine {
    /// Line or path within the file.
    pub place: String,
    /// Outcome.
    pub outcome: String,
    /// Kind of content, or empty.
    #[serde(default)]
    #[schema(required = true)]
    pub kind: String,
    /// Title or name, or empty.
    #[serde(default)]
    #[schema(required = true)]
    pub what: String,
    /// Violations of rules.
    #[serde(default)]
    #[schema(required = true)]
    pub faults: Vec<ImportFault>,
}

/// A violation in the report of an import.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportFault {
    /// JSON Pointer of the field.
    pub pointer: String,
    /// Code of the rule.
    pub code: String,
    /// Explanation.
    pub message: String,
}

/// A list of imports.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportList {
    /// Imports, newest first.
    pub data: Vec<ImportBody>,
}

/// Returns an import without its report.
pub fn to_api(job: ImportJob) -> ImportBody {
    let time = |at: i64| (at > 0).then(|| utc_text(at));
    let options: ImportOptions = serde_json::from_str(&job.options).unwrap_or_default();
    ImportBody {
        dry_run: options.dry_run,
        created_at: utc_text(job.created_at),
        started_at: time(job.started_at),
        ended_at: time(job.ended_at),
        failure: Some(job.failure).filter(|code| !code.is_empty()),
        detail: Some(job.detail).filter(|detail| !detail.is_empty()),
        report: None,
        id: job.id,
        status: job.status,
        filename: job.file,
        format: job.format,
        created_by: job.created_by,
        bytes: job.bytes,
        bytes_read: job.bytes_read,
    }
}

/// Returns an import with its report.
///
/// # Errors
/// 500 if the stored report cannot be read.
pub fn to_api_with_report(job: ImportJob, lines: &[String]) -> Result<ImportBody, Problem> {
    let report = if job.report.is_empty() { None } else { Some(report(&job, lines)?) };
    Ok(ImportBody { report, ..to_api(job) })
}

fn report(job: &ImportJob, lines: &[String]) -> Result<ImportReport, Problem> {
    let stored = Report::from_json(&job.report).map_err(|error| Problem::internal(&error))?;
    let verdict = (job.status == ImportStatus::Succeeded.name()).then(|| stored.verdict().word().to_owned());
    let counts = stored.counts.iter().flat_map(|(outcome, kinds)| {
        let count = |(kind, count): (&&str, &u64)| ImportCount {
            outcome: outcome.word().to_owned(),
            kind: (*kind).to_owned(),
            count: *count,
        };
        kinds.iter().map(count).collect::<Vec<_>>()
    });
    Ok(ImportReport {
        verdict,
        counts: counts.collect(),
        notes: stored.notes.into_values().map(note).collect(),
        lines: lines.iter().filter_map(|stored| line(stored)).collect(),
        lines_left_out: (job.line_count - MOST_LINES).max(0),
    })
}

fn note(group: NoteGroup) -> ImportNote {
    let NoteGroup { code, subject, count, first, message } = group;
    ImportNote { code, subject, count, first, message }
}

/// Returns a stored line. It names its file, as all lines of the import do.
fn line(stored: &str) -> Option<ImportLine> {
    let mut members: Map<String, Value> = serde_json::from_str(stored).ok()?;
    members.shift_remove("file");
    serde_json::from_value(Value::Object(members)).ok()
}
