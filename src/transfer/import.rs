//! The course of an import, from its file to its report.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use diesel::prelude::*;
use diesel::result::{Error as DieselError, QueryResult};
use indicatif::ProgressBar;
use serde_json::Value;
use thiserror::Error;

use crate::app::App;
use crate::database::sandbox::TemporaryTables;
use crate::database::schema::items as stored_items;
use crate::database::{DatabaseError, Db, now};
use crate::items::{self, Item, ItemScope};
use crate::journal::Author;
use crate::problem::{Problem, ProblemKind};
use crate::transfer::course::{ImportExecution, ImportTarget};
use crate::transfer::import_file::{FileReader, LocalFile, ReaderThread};
use crate::transfer::importer::{ImportPolicy, Importer};
use crate::transfer::listener::{ImportPosition, Listener};
use crate::transfer::missing_records::SeenRecords;
use crate::transfer::read::{ImportFormat, Settings};
use crate::transfer::report::{Report, ReportLine};
use crate::transfer::survey::Survey;
use crate::transfer::work::{EntryStep, Work};

/// Number of records per transaction. Other writers get their turn between two transactions.
pub(super) const CHUNK: usize = 100;

/// The options of an import.
#[derive(Debug, Clone)]
pub struct Options {
    /// Format of the file; detected from its name and first bytes if it is `None`.
    pub format: Option<ImportFormat>,
    /// Settings of the reader.
    pub settings: Settings,
    /// Status of new items.
    pub status: &'static str,
    /// Whether records overwrite edits that were made since the last import.
    pub overwrite: bool,
    /// Whether the import only reports what it would do.
    pub dry_run: bool,
    /// Whether the file is imported even if it would turn items of its source into other ones.
    pub replace: bool,
    /// Whether items that the source had and has no more are cancelled, or not public any more.
    pub withdraw_missing: bool,
}

/// The error that ended an import.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, std::io::Error),
    /// The format of the file is unknown.
    #[error("{0}")]
    Format(String),
    /// The reader of the file failed near this byte. What was imported before stays.
    #[error("{}: the program failed while it read the file, at most {} bytes from its start. What it read before is imported, \
             and nothing is taken for missing. This is a fault of the program; please report it", .0.display(), .1)]
    Reader(PathBuf, u64),
    /// Who asked for the import may not import any more.
    #[error("{0}. What was imported before stays")]
    Forbidden(String),
    /// The database failed.
    #[error("{0}")]
    Database(String),
    /// The program failed. What was imported before stays.
    #[error("{0}")]
    Program(String),
    /// The file would turn items of its source into other ones; nothing was imported.
    #[error("{}: {}. Nothing was imported. If this is meant, import it with --replace; if it is another source, give \
             it another name with --name", .0.display(), .1)]
    OtherSource(PathBuf, String),
    /// There is no event with the given id or slug; nothing was imported.
    #[error("--event: there is no event \"{0}\". Nothing was imported")]
    NoEvent(String),
}

impl From<Problem> for ImportError {
    fn from(problem: Problem) -> Self {
        match problem.kind {
            ProblemKind::Unauthorized | ProblemKind::Forbidden => ImportError::Forbidden(problem.detail),
            ProblemKind::Internal => ImportError::Program(problem.detail),
            _ => ImportError::Database(problem.detail),
        }
    }
}

impl From<DatabaseError> for ImportError {
    fn from(error: DatabaseError) -> Self {
        ImportError::Database(error.to_string())
    }
}

impl From<DieselError> for ImportError {
    fn from(error: DieselError) -> Self {
        DatabaseError::from(error).into()
    }
}

/// An import that is ready to be carried out, or to be continued.
pub struct Import {
    /// The file and its reader.
    pub reader: FileReader,
    /// The options, whose format and settings the reader has.
    pub options: Options,
    /// The author of all writes.
    pub author: Author,
    /// What is told of the course of the import.
    pub listener: Box<dyn Listener>,
    /// How far the import is already, with the report of that.
    pub begun: (ImportPosition, Report),
}

/// Imports a file of this machine. `tell` is called with the outcome of every record. Other writers wait while a dry
/// run lasts.
///
/// # Errors
/// Fails if the file cannot be opened, its format is unknown, or the database fails. Records before the
/// failing chunk stay imported.
pub async fn import<F>(
    app: &App,
    path: &Path,
    options: &Options,
    progress: &ProgressBar,
    tell: F,
) -> Result<Report, ImportError>
where
    F: FnMut(&ReportLine) + Send + 'static,
{
    std::fs::File::open(path).map_err(|error| ImportError::File(path.to_owned(), error))?;
    let format = match options.format {
        Some(format) => format,
        None => ImportFormat::detect(path).map_err(ImportError::Format)?,
    };
    let (file, settings) = (Arc::new(LocalFile(path.to_owned())), options.settings.clone());
    let import = Import {
        reader: FileReader { file, format, settings, progress: progress.clone() },
        options: options.clone(),
        author: Author { request_id: format!("import-{}", crate::database::new_id()), ..Author::default() },
        listener: Box::new(tell),
        begun: Default::default(),
    };
    let import = meet_event(app, import).await?;
    survey(app, &import).await?;
    if options.dry_run {
        return dry_run(app, import).await;
    }
    Ok(ImportExecution::new(app, import, ImportTarget::Stored).run().await?.0.report)
}

/// Carries out an import that a server was asked for. Its listener stores its progress and its end. A dry run writes to
/// tables of its own, so that no other writer waits.
///
/// # Errors
/// Fails as [`import`] does, and if the listener ends the import.
pub async fn serve(app: &App, import: Import) -> Result<Report, ImportError> {
    let import = meet_event(app, import).await?;
    survey(app, &import).await?;
    let ground = if import.options.dry_run {
        ImportTarget::Beside(Box::new(app.database.sandbox(TemporaryTables::OnDisk)?))
    } else {
        ImportTarget::Stored
    };
    let (mut work, ground) = ImportExecution::new(app, import, ground).run().await?;
    if matches!(ground, ImportTarget::Stored) {
        return Ok(work.report);
    }
    let done = app.database.write_content_long(move |c| {
        work.finish(c)?;
        Ok::<_, ImportError>(work.report)
    });
    done.await
}

/// Returns whether there is an event with an id or slug, to which a programme can belong.
///
/// # Errors
/// Fails if the query fails.
pub fn event_exists(connection: &mut Db, id_or_slug: &str) -> QueryResult<bool> {
    Ok(!items::ids_of(connection, "event", &[id_or_slug], ItemScope::Present)?.is_empty())
}

/// Requires that the event exists to which the programme belongs, before anything is written. Times that name no zone are in
/// that of the event, unless another one was named.
async fn meet_event(app: &App, mut import: Import) -> Result<Import, ImportError> {
    let Some(event) = import.options.settings.event.clone() else { return Ok(import) };
    let name = event.clone();
    let found = app.database.read(move |c| {
        let ids = items::ids_of(c, "event", &[&name], ItemScope::Present)?;
        let Some((_, id)) = ids.first() else { return Ok(None) };
        Ok::<_, DatabaseError>(Some(stored_items::table.find(id).select(Item::as_select()).first(c)?))
    });
    let Some(item): Option<Item> = found.await? else {
        let has_begun = import.begun.0 != ImportPosition::default();
        return if has_begun { Ok(import) } else { Err(ImportError::NoEvent(event)) };
    };
    let zone = item.content().get("time_zone").and_then(Value::as_str).map(str::to_owned);
    let settings = &mut import.reader.settings;
    if let Some(zone) = zone.filter(|_| !settings.is_zone_known) {
        (settings.time_zone, settings.is_zone_known) = (zone, true);
    }
    Ok(import)
}

/// Looks at the file before it is imported.
///
/// # Errors
/// Fails with [`ImportError::OtherSource`] if something speaks against the import.
async fn survey(app: &App, import: &Import) -> Result<(), ImportError> {
    if import.options.replace || import.begun.0 != ImportPosition::default() {
        return Ok(());
    }
    let reading = open(&import.reader)?;
    let mut survey = Survey::new(chrono::Utc::now().timestamp_micros(), import.options.settings.source(None));
    loop {
        let Some(chunk) = reading.next_entries(CHUNK).await else {
            end(reading, &import.reader)?;
            break;
        };
        let looked = app.database.read(move |c| {
            for entry in &chunk {
                if !survey.look(c, entry)? {
                    return Ok::<_, DatabaseError>((survey, false));
                }
            }
            Ok((survey, true))
        });
        let goes_on;
        (survey, goes_on) = looked.await?;
        if !goes_on {
            break;
        }
    }
    require_whole(&import.reader)?;
    let objection = app.database.read(move |c| Ok::<_, DatabaseError>(survey.objection(c)?));
    match objection.await? {
        Some(objection) => Err(ImportError::OtherSource(import.reader.file.path(), objection)),
        None => Ok(()),
    }
}

pub(super) fn open(reader: &FileReader) -> Result<ReaderThread, ImportError> {
    reader.read().map_err(|error| ImportError::File(reader.file.path(), error))
}

/// Ends a reading after its last entry.
///
/// # Errors
/// Fails if there are no more entries because the reader failed: what it would have read is not missing.
pub(super) fn end(reading: ReaderThread, reader: &FileReader) -> Result<(), ImportError> {
    if reading.end() { Ok(()) } else { Err(ImportError::Reader(reader.file.path(), reader.progress.position())) }
}

/// Refuses to go on with a file that could not be read to its end.
pub(super) fn require_whole(reader: &FileReader) -> Result<(), ImportError> {
    if reader.file.is_interrupted() {
        return Err(ImportError::Database("the file could not be read to its end".to_owned()));
    }
    Ok(())
}

pub(super) fn prepare(app: &App, import: Import) -> (FileReader, Work) {
    let Import { reader, options, author, listener, begun: (position, report) } = import;
    let policy = ImportPolicy { status: options.status, overwrite: options.overwrite };
    let work = Work {
        importer: Importer::new(Arc::clone(&app.site), author, policy),
        file: reader.file.path().file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        report,
        listener,
        incomplete: false,
        seen: SeenRecords::default(),
        withdraw_missing: options.withdraw_missing,
        position,
    };
    (reader, work)
}

/// The end of a dry run. Both cases are errors of the transaction, which is therefore always rolled back.
enum DryRunEnd {
    Well(Box<Report>),
    Badly(ImportError),
}

impl<E: Into<ImportError>> From<E> for DryRunEnd {
    fn from(error: E) -> Self {
        DryRunEnd::Badly(error.into())
    }
}

/// Runs one step over all entries, within the current transaction.
fn rehearse(work: &mut Work, connection: &mut Db, reader: &FileReader, step: EntryStep) -> Result<(), ImportError> {
    let reading = open(reader)?;
    while let Some(entry) = reading.next_blocking() {
        step(work, connection, entry)?;
    }
    end(reading, reader)
}

/// Imports a file in a single transaction and rolls it back. Several transactions would not do: later records
/// depend on earlier ones, which must not be kept.
async fn dry_run(app: &App, import: Import) -> Result<Report, ImportError> {
    let (reader, mut work) = prepare(app, import);
    let rehearsal = app.database.write_content_long(move |c| {
        rehearse(&mut work, c, &reader, Work::take)?;
        if work.incomplete {
            rehearse(&mut work, c, &reader, Work::complete)?;
        }
        let absent = work.seen.find_absent(c, now())?;
        work.report_missing(c, absent)?;
        Err::<(), _>(DryRunEnd::Well(Box::new(work.report)))
    });
    match rehearsal.await {
        Err(DryRunEnd::Well(report)) => Ok(*report),
        Err(DryRunEnd::Badly(error)) => Err(error),
        Ok(()) => Err(ImportError::Database("the dry run was committed".to_owned())),
    }
}
