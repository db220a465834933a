//! The work of a node on an import that it has claimed.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use futures_util::future::{Either, select};
use indicatif::ProgressBar;

use super::claim::{Claim, ImportProgress};
use super::stored_file::StoredFile;
use super::{ImportFailure, ImportJob, ImportOptions, ImportStatus, MOST_LINES, Starter};
use crate::app::App;
use crate::database::{Db, now};
use crate::journal::Author;
use crate::microseconds::MINUTE;
use crate::problem::Problem;
use crate::transfer::import::{Import, ImportError, serve};
use crate::transfer::import_file::FileReader;
use crate::transfer::listener::{ImportPosition, Listener};
use crate::transfer::read::ImportFormat;
use crate::transfer::report::{Report, ReportLine};

/// Interval at which a claim is renewed, whatever the import does meanwhile.
const RENEWAL: Duration = Duration::from_secs(4);
/// Number of times that the program may fail without making progress.
const MOST_FAULTS: i64 = 3;

/// Carries out an import, until it ends or the node loses it. A failure of the database is no end: a node takes the import
/// up again when the claim has expired.
pub async fn run(app: &App, claim: &Claim, job: &ImportJob) {
    let progress = ProgressBar::hidden();
    let import = match prepare(app, claim, job, &progress) {
        Ok(import) => import,
        Err(reason) => return fail(app, claim, ImportFailure::Unreadable, &reason).await,
    };
    let ends = job.started_at + i64::from(app.config.imports.max_minutes) * MINUTE;
    let outcome = {
        let work = Box::pin(serve(app, import));
        match select(work, pin!(watch(app, claim, (job, ends), &progress))).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(((), _)) => return,
        }
    };
    match outcome {
        Ok(report) => tracing::info!(import = claim.id, verdict = ?report.verdict(), "an import ended"),
        Err(ImportError::OtherSource(_, objection)) => {
            let detail = format!(
                "{objection}. Nothing was imported. If this is meant, send it with replace=true; if it is another source, \
                 give it another name"
            );
            fail(app, claim, ImportFailure::OtherSource, &detail).await;
        }
        Err(error @ (ImportError::Reader(..) | ImportError::NoEvent(_))) => {
            fail(app, claim, ImportFailure::Unreadable, &error.to_string()).await;
        }
        Err(error @ ImportError::Forbidden(_)) => fail(app, claim, ImportFailure::Forbidden, &error.to_string()).await,
        Err(ImportError::Format(reason)) => fail(app, claim, ImportFailure::Unreadable, &reason).await,
        Err(ImportError::Program(_)) if job.attempts + 1 >= MOST_FAULTS => {
            let detail = "the program failed repeatedly at the same place, which is a fault of the program; its log has the \
                          reason. What was imported before stays";
            fail(app, claim, ImportFailure::Interrupted, detail).await;
        }
        Err(ImportError::Program(_)) => release(app, claim).await,
        Err(error @ (ImportError::File(..) | ImportError::Database(_))) => {
            tracing::warn!(import = claim.id, %error, "an import was interrupted");
        }
    }
}

fn prepare(app: &App, claim: &Claim, job: &ImportJob, progress: &ProgressBar) -> Result<Import, String> {
    let format = ImportFormat::from_str(&job.format, false)?;
    let given: ImportOptions = serde_json::from_str(&job.options).map_err(|error| error.to_string())?;
    let options = given.for_import(&job.file, format, &app.site, now() - job.created_at)?;
    let file = StoredFile {
        database: app.database.clone(),
        id: job.id.clone(),
        name: job.file.clone(),
        bytes: u64::try_from(job.bytes).unwrap_or_default(),
        interrupted: Arc::default(),
    };
    let settings = options.settings.clone();
    let listener = JobListener {
        claim: claim.clone(),
        starter: Starter::of(job),
        is_dry_run: options.dry_run,
        line_count: job.line_count,
        lines: Vec::new(),
        position: job.position(),
        progress: progress.clone(),
    };
    Ok(Import {
        reader: FileReader { file: Arc::new(file), format, settings, progress: progress.clone() },
        options,
        author: Author {
            account_id: job.created_by.clone(),
            request_id: format!("import-{}", job.id),
            via: job.via.clone(),
            ..Author::default()
        },
        listener: Box::new(listener),
        begun: (job.position(), Report::from_json(&job.report)?),
    })
}

/// Renews the claim until the node has lost the import, or its time is over.
async fn watch(app: &App, claim: &Claim, (job, ends): (&ImportJob, i64), progress: &ProgressBar) {
    loop {
        // A survey or a rehearsal may write nothing for long.
        let starter = Starter::of(job);
        if let Err(problem) = app.database.read(move |c| starter.require(c)).await
            && let error @ ImportError::Forbidden(_) = ImportError::from(problem)
        {
            return fail(app, claim, ImportFailure::Forbidden, &error.to_string()).await;
        }
        tokio::time::sleep(RENEWAL).await;
        if now() > ends {
            let minutes = app.config.imports.max_minutes;
            let detail = format!("the import took more than {minutes} minutes; what is written stays");
            return fail(app, claim, ImportFailure::TimedOut, &detail).await;
        }
        let (own, read) = (claim.clone(), bytes_read(progress));
        match app.database.write(move |c| Ok::<_, Problem>(own.renew(c, read)?)).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(problem) => tracing::warn!(detail = problem.detail, "the claim on an import could not be renewed"),
        }
    }
}

/// A reader may look at the file twice.
fn bytes_read(progress: &ProgressBar) -> i64 {
    i64::try_from(progress.position().min(progress.length().unwrap_or_default())).unwrap_or(i64::MAX)
}

/// Gives an import back at once, so that it does not keep the next ones waiting.
async fn release(app: &App, claim: &Claim) {
    tracing::warn!(import = claim.id, "the program failed during an import, which is begun again");
    let own = claim.clone();
    if let Err(problem) = app.database.write(move |c| Ok::<_, Problem>(own.release(c)?)).await {
        tracing::warn!(detail = problem.detail, "the claim on an import could not be given back");
    }
}

async fn fail(app: &App, claim: &Claim, failure: ImportFailure, detail: &str) {
    tracing::warn!(import = claim.id, failure = failure.name(), detail, "an import failed");
    let (own, detail) = (claim.clone(), detail.to_owned());
    let end = move |c: &mut Db| own.end(c, ImportStatus::Failed, Some((failure, &detail)));
    if let Err(problem) = app.database.write(end).await {
        tracing::warn!(detail = problem.detail, "the failure of an import could not be stored");
    }
}

/// Stores the progress of an import with what it writes.
struct JobListener {
    claim: Claim,
    starter: Starter,
    is_dry_run: bool,
    /// Number of lines of the report, with those of the present transaction.
    line_count: i64,
    /// Lines of the present transaction, as JSON.
    lines: Vec<String>,
    position: ImportPosition,
    progress: ProgressBar,
}

impl JobListener {
    fn save(&mut self, connection: &mut Db, report: &Report) -> Result<(), Problem> {
        self.starter.require(connection)?;
        let progress = ImportProgress {
            position: self.position,
            bytes_read: bytes_read(&self.progress),
            report,
            lines: &self.lines,
            line_count: self.line_count,
        };
        self.claim.save(connection, &progress)?;
        self.lines.clear();
        Ok(())
    }
}

impl Listener for JobListener {
    fn line(&mut self, line: &ReportLine) {
        if !line.is_notable(self.is_dry_run) {
            return;
        }
        self.line_count += 1;
        if self.line_count <= MOST_LINES {
            // An empty text instead of a line keeps the positions right.
            self.lines.push(serde_json::to_string(line).unwrap_or_default());
        }
    }

    fn checkpoint(&mut self, connection: &mut Db, position: ImportPosition, report: &Report) -> Result<(), Problem> {
        self.position = position;
        self.save(connection, report)
    }

    fn finish(&mut self, connection: &mut Db, report: &Report) -> Result<(), Problem> {
        self.save(connection, report)?;
        self.claim.end(connection, ImportStatus::Succeeded, None)
    }
}
