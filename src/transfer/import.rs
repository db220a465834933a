//! The course of an import, from its file to its report.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use diesel::result::Error as DieselError;
use indicatif::ProgressBar;
use thiserror::Error;

use crate::app::App;
use crate::content::violation::Violation;
use crate::content_types::ContentType;
use crate::database::{DatabaseError, Db};
use crate::journal::Author;
use crate::problem::Problem;
use crate::transfer::attempt::in_savepoint;
use crate::transfer::importer::{ImportPolicy, Importer};
use crate::transfer::missing::{Missing, Seen, withdraw};
use crate::transfer::read::{self, ImportFormat, Settings, Sink};
use crate::transfer::record::ImportEntry;
use crate::transfer::report::{Outcome, Report, ReportLine};
use crate::transfer::restore;
use crate::transfer::survey::Survey;

/// Number of records per transaction. Other writers get their turn between two transactions.
const CHUNK: usize = 100;
/// Number of entries that a reader may be ahead of the database; it bounds the memory of an import.
const AHEAD: usize = 256;

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
    /// The database failed.
    #[error("{0}")]
    Database(String),
    /// The file would turn items of its source into other ones; nothing was imported.
    #[error("{}: {}. Nothing was imported. If this is meant, import it with --replace; if it is another source, give \
             it another name with --name", .0.display(), .1)]
    OtherSource(PathBuf, String),
}

/// Imports a file. `tell` is called with the outcome of every record.
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
    let format = match options.format {
        Some(format) => format,
        None => ImportFormat::detect(path).map_err(ImportError::Format)?,
    };
    let policy = ImportPolicy { status: options.status, overwrite: options.overwrite };
    let author = Author { request_id: format!("import-{}", crate::database::new_id()), ..Author::default() };
    let work = Work {
        importer: Importer::new(Arc::clone(&app.site), author, policy),
        file: path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned()),
        report: Report::default(),
        tell: Box::new(tell),
        incomplete: false,
        seen: Seen::default(),
        withdraw_missing: options.withdraw_missing,
    };
    let source =
        Source { path: path.to_owned(), format, settings: options.settings.clone(), progress: progress.clone() };
    if !options.replace
        && let Some(objection) = survey(app, &source).await?
    {
        return Err(ImportError::OtherSource(source.path, objection));
    }
    if options.dry_run { dry_run(app, work, source).await } else { carry_out(app, work, source).await }
}

/// Looks at the file before it is imported. Returns what speaks against the import, if anything does.
async fn survey(app: &App, source: &Source) -> Result<Option<String>, ImportError> {
    let entries = source.open()?;
    let mut survey = Survey::new(chrono::Utc::now().timestamp_micros());
    while let Ok(first) = entries.recv_async().await {
        let chunk: Vec<ImportEntry> = std::iter::once(first).chain(entries.try_iter().take(CHUNK - 1)).collect();
        let looked = app.database.read(move |c| {
            for entry in &chunk {
                if !survey.look(c, entry)? {
                    return Ok::<_, DatabaseError>((survey, false));
                }
            }
            Ok((survey, true))
        });
        let goes_on;
        (survey, goes_on) = looked.await.map_err(|error| ImportError::Database(error.to_string()))?;
        if !goes_on {
            break;
        }
    }
    Ok(survey.objection())
}

/// A file to import, which can be read more than once.
struct Source {
    path: PathBuf,
    format: ImportFormat,
    settings: Settings,
    progress: ProgressBar,
}

impl Source {
    /// Starts a reader on a thread of its own, and returns the channel of its entries.
    fn open(&self) -> Result<flume::Receiver<ImportEntry>, ImportError> {
        let file = File::open(&self.path).map_err(|e| ImportError::File(self.path.clone(), e))?;
        let length = file.metadata().map_or(0, |m| m.len());
        self.progress.set_length(length);
        self.progress.set_position(0);
        let input = BufReader::with_capacity(65_536, self.progress.wrap_read(file));
        let (sender, entries) = flume::bounded(AHEAD);
        let (format, settings) = (self.format, self.settings.clone());
        std::thread::spawn(move || read::read(format, Box::new(input), &settings, &Sink::new(sender)));
        Ok(entries)
    }
}

/// The state of an import between its transactions.
struct Work {
    importer: Importer,
    file: String,
    report: Report,
    tell: Box<dyn FnMut(&ReportLine) + Send>,
    /// Whether items must be completed with references to others of their own kind.
    incomplete: bool,
    seen: Seen,
    withdraw_missing: bool,
}

impl Work {
    /// Applies an entry in the first pass.
    fn take(&mut self, connection: &mut Db, entry: ImportEntry) -> Result<(), Problem> {
        self.seen.remember(&entry);
        match &entry {
            ImportEntry::Exported { item, .. } => self.incomplete |= restore::needs_completion(item),
            ImportEntry::LeftOut(groups) => groups.iter().for_each(|group| self.report.add(group.clone())),
            ImportEntry::Record(_) | ImportEntry::Broken { .. } | ImportEntry::Note { .. } | ImportEntry::Whole => {}
        }
        for line in self.importer.apply(connection, &self.file, entry)? {
            self.say(&line);
        }
        Ok(())
    }

    /// Completes an exported item in the second pass.
    fn complete(&mut self, connection: &mut Db, entry: ImportEntry) -> Result<(), Problem> {
        let ImportEntry::Exported { place, item } = entry else { return Ok(()) };
        if !restore::needs_completion(&item) {
            return Ok(());
        }
        let faults = self.importer.complete(connection, &item)?;
        if !faults.is_empty() {
            let (file, what) = (self.file.clone(), item.slug.clone());
            self.say(&ReportLine { file, place, outcome: Outcome::Note, kind: "", what, faults });
        }
        Ok(())
    }

    /// Reports what the source had and has no more, and withdraws it if this is asked for. A part of the file that
    /// cannot be read may be such a record, so nothing is withdrawn then.
    fn look_for_missing(&mut self, connection: &mut Db) -> Result<(), Problem> {
        let withdraws = self.withdraw_missing && self.seen.is_complete();
        for missing in self.seen.missing(connection, chrono::Utc::now().timestamp_micros())? {
            let kind = ContentType::of_kind(&missing.item.kind).map_or("", |content_type| content_type.kind);
            let (file, place, what) = (self.file.clone(), missing.source.source.clone(), missing.title.clone());
            let outcome = if withdraws { Outcome::Withdrawn } else { Outcome::Missing };
            let mut line = ReportLine { file, place, outcome, kind, what, faults: Vec::new() };
            if withdraws && let Err(faults) = self.withdraw(connection, missing)? {
                line = ReportLine { outcome: Outcome::Missing, faults, ..line };
            }
            self.say(&line);
        }
        Ok(())
    }

    fn withdraw(&self, connection: &mut Db, missing: Missing) -> Result<Result<(), Vec<Violation>>, Problem> {
        in_savepoint(connection, |c| withdraw(c, self.importer.context(), missing))
    }

    /// Counts and reports a line.
    fn say(&mut self, line: &ReportLine) {
        self.report.count(line);
        (self.tell)(line);
    }
}

type Step = fn(&mut Work, &mut Db, ImportEntry) -> Result<(), Problem>;

/// Imports a file in several transactions. Items of Plenary's own export may refer to later ones of their own
/// kind, so these references need a second pass over the file, when all items exist.
async fn carry_out(app: &App, mut work: Work, source: Source) -> Result<Report, ImportError> {
    work = pass(app, work, source.open()?, Work::take).await?;
    if work.incomplete {
        work = pass(app, work, source.open()?, Work::complete).await?;
    }
    let done = app.database.write_content_long(move |c| {
        work.look_for_missing(c)?;
        Ok::<_, Problem>(work.report)
    });
    done.await.map_err(|problem| ImportError::Database(problem.detail))
}

/// Runs one step over all entries, [`CHUNK`] in each transaction.
async fn pass(
    app: &App,
    mut work: Work,
    entries: flume::Receiver<ImportEntry>,
    step: Step,
) -> Result<Work, ImportError> {
    while let Ok(first) = entries.recv_async().await {
        let chunk: Vec<ImportEntry> = std::iter::once(first).chain(entries.try_iter().take(CHUNK - 1)).collect();
        let done = app.database.write_content_long(move |c| {
            for entry in chunk {
                step(&mut work, c, entry)?;
            }
            Ok::<_, Problem>(work)
        });
        work = done.await.map_err(|problem| ImportError::Database(problem.detail))?;
    }
    Ok(work)
}

/// The end of a dry run. Both cases are errors of the transaction, which is therefore always rolled back.
enum DryRunEnd {
    Well(Box<Report>),
    Badly(String),
}

impl From<DatabaseError> for DryRunEnd {
    fn from(error: DatabaseError) -> Self {
        DryRunEnd::Badly(error.to_string())
    }
}

impl From<DieselError> for DryRunEnd {
    fn from(error: DieselError) -> Self {
        DryRunEnd::Badly(error.to_string())
    }
}

impl From<Problem> for DryRunEnd {
    fn from(problem: Problem) -> Self {
        DryRunEnd::Badly(problem.detail)
    }
}

/// Imports a file in a single transaction and rolls it back. Several transactions would not do: later records
/// depend on earlier ones, which must not be kept.
async fn dry_run(app: &App, mut work: Work, source: Source) -> Result<Report, ImportError> {
    let rehearsal = app.database.write_content_long(move |c| {
        let open = || source.open().map_err(|error| DryRunEnd::Badly(error.to_string()));
        for entry in &open()? {
            work.take(c, entry)?;
        }
        if work.incomplete {
            for entry in &open()? {
                work.complete(c, entry)?;
            }
        }
        work.look_for_missing(c)?;
        Err::<(), _>(DryRunEnd::Well(Box::new(work.report)))
    });
    match rehearsal.await {
        Err(DryRunEnd::Well(report)) => Ok(*report),
        Err(DryRunEnd::Badly(error)) => Err(ImportError::Database(error)),
        Ok(()) => Err(ImportError::Database("the dry run was committed".to_owned())),
    }
}
