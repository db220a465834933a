//! The commands `plenary import` and `plenary export`.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{print_error, report as report_line};
use crate::app::{App, StartError};
use crate::content::violation::Violation;
use crate::time_zone::Zone;
use crate::transfer::import::ImportError;
use crate::transfer::read::{HORIZON, ImportFormat, Mapping, Settings};
use crate::transfer::report::NoteGroup;
use crate::transfer::{self, Options, Outcome, Report, ReportLine, Verdict, export, export_ics};

/// Arguments of `plenary import`.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// Files to import, in this order
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Format of the files; detected from name and content if omitted
    #[arg(long)]
    format: Option<ImportFormat>,
    /// Mapping of the columns of a CSV file to fields (TOML; see docs/import.md)
    #[arg(long)]
    mapping: Option<PathBuf>,
    /// Name of the source; defaults to what the file says of itself, else to the name of the file
    #[arg(long)]
    name: Option<String>,
    /// Slug of the event that a programme belongs to; an event is created if omitted
    #[arg(long)]
    event: Option<String>,
    /// IANA time zone of times that name none; defaults to that of the event (--event), else to the site's
    #[arg(long)]
    time_zone: Option<String>,
    /// Status of new items
    #[arg(long, value_enum, default_value_t = NewStatus::Draft)]
    status: NewStatus,
    /// Import records even if an editor changed the item since the last import
    #[arg(long)]
    overwrite: bool,
    /// Import a file even if it would turn items of its source into other ones
    #[arg(long)]
    replace: bool,
    /// Withdraw what the source had and has no more: events are cancelled, sessions are drafts again
    #[arg(long, value_enum, value_name = "WHAT")]
    withdraw: Option<Withdrawal>,
    /// Import the occurrences of recurring events up to this number of days from today
    #[arg(long, value_name = "DAYS", default_value_t = HORIZON)]
    horizon: u32,
    /// Report what would happen and change nothing; other writers wait meanwhile
    #[arg(long)]
    dry_run: bool,
    /// Append the outcome of every record to this file, as JSON Lines
    #[arg(long)]
    report: Option<PathBuf>,
}

/// The status of new items.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum NewStatus {
    /// Visible to editors only
    Draft,
    /// Visible to everybody
    Published,
}

/// The records that an import withdraws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Withdrawal {
    /// Items that are not over and whose records the source has no more
    Missing,
}

/// Arguments of `plenary export`.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// Format: `jsonl` is all content, for a later import; `ics` is a calendar of the published events
    #[arg(long, value_enum, default_value_t = ExportFormat::Jsonl)]
    format: ExportFormat,
    /// File to write; defaults to standard output
    #[arg(long, short)]
    output: Option<PathBuf>,
}

/// A format of exports.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ExportFormat {
    /// JSON Lines
    Jsonl,
    /// iCalendar
    Ics,
}

/// Imports files one after the other. Returns the worst result of all files. A file that is refused, or cannot be read, keeps
/// no other one from being imported.
///
/// # Errors
/// Fails if an argument is not valid, or the database fails. Files before the failing one are imported.
pub async fn import(app: &App, arguments: ImportArguments) -> Result<Verdict, StartError> {
    let mapping = arguments.mapping.as_deref().map(Mapping::load).transpose()?;
    let time_zone = match &arguments.time_zone {
        Some(name) => crate::content::values::zone(name).map_err(|(_, message)| format!("--time-zone: {message}"))?,
        None => app.site.time_zone,
    };
    let mut worst = Verdict::AllTaken;
    for path in &arguments.files {
        let mut options = options(&arguments, path, time_zone, mapping.as_ref());
        app.site.default_locale().clone_into(&mut options.settings.locale);
        let progress = progress_bar();
        let start = Instant::now();
        let listener = listener(&arguments, &progress)?;
        let outcome = transfer::import(app, path, &options, &progress, listener).await;
        progress.finish_and_clear();
        let verdict = match outcome {
            Ok(report) => {
                summary(path, &report, start.elapsed(), arguments.dry_run);
                report.verdict()
            }
            // There is nothing to read in this file; the next ones have their turn.
            Err(ImportError::Format(reason)) => {
                print_error(&reason);
                Verdict::NothingRecognised
            }
            // This file is refused as a whole; the next ones have their turn.
            Err(error @ (ImportError::File(..) | ImportError::OtherSource(..) | ImportError::Reader(..))) => {
                print_error(&error.to_string());
                if let Some(mut file) = report_file(&arguments)? {
                    append(&mut file, &refusal_line(path, &error));
                }
                Verdict::SomeRefused
            }
            Err(error) => return Err(error.into()),
        };
        worst = worst.max(verdict);
    }
    Ok(worst)
}

fn options(arguments: &ImportArguments, path: &Path, time_zone: Zone, mapping: Option<&Mapping>) -> Options {
    Options {
        format: arguments.format,
        settings: Settings {
            name: arguments.name.clone().unwrap_or_default(),
            file: path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            event: arguments.event.clone(),
            time_zone: time_zone.name().to_owned(),
            is_zone_known: arguments.time_zone.is_some(),
            beside: sibling_files(arguments, path),
            locale: String::new(),
            mapping: mapping.cloned(),
            horizon: arguments.horizon,
        },
        status: match arguments.status {
            NewStatus::Draft => "draft",
            NewStatus::Published => "published",
        },
        overwrite: arguments.overwrite,
        dry_run: arguments.dry_run,
        replace: arguments.replace,
        withdraw_missing: arguments.withdraw == Some(Withdrawal::Missing),
    }
}

/// Returns the files of Open Event in the folder of one of them, if there are several among the files to import.
fn sibling_files(arguments: &ImportArguments, path: &Path) -> Vec<PathBuf> {
    let is_one = |path: &Path| {
        arguments.format.map_or_else(|| ImportFormat::detect(path), Ok).is_ok_and(|it| it == ImportFormat::OpenEvent)
    };
    let same_folder = |other: &&PathBuf| other.parent() == path.parent();
    if arguments.files.iter().filter(same_folder).count() < 2 || !is_one(path) {
        return Vec::new();
    }
    arguments.files.iter().filter(same_folder).filter(|path| is_one(path)).cloned().collect()
}

fn progress_bar() -> ProgressBar {
    let target =
        if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = "{bar:32} {bytes}/{total_bytes}  {bytes_per_sec}  {msg} records  {eta} left";
    let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(None, target).with_style(style)
}

/// Opens the report file, if there is one.
fn report_file(arguments: &ImportArguments) -> Result<Option<BufWriter<File>>, StartError> {
    let Some(path) = &arguments.report else { return Ok(None) };
    let file = File::options().create(true).append(true).open(path);
    let file = file.map_err(|error| format!("--report: {}: {error}", path.display()))?;
    Ok(Some(BufWriter::new(file)))
}

/// Appends a line to the report file. An error is ignored: a report that cannot be written is no reason to stop the import
/// halfway.
fn append(file: &mut BufWriter<File>, line: &ReportLine) {
    let _ = serde_json::to_writer(&mut *file, line).map_err(std::io::Error::from).and_then(|()| file.write_all(b"\n"));
}

/// Returns the callback for the outcome of each record. It appends to the report file, and prints the records
/// that were not imported or, in a dry run, also those that would change something.
fn listener(
    arguments: &ImportArguments,
    progress: &ProgressBar,
) -> Result<impl FnMut(&ReportLine) + Send + 'static, StartError> {
    let mut file = report_file(arguments)?;
    let (dry_run, progress, mut count) = (arguments.dry_run, progress.clone(), 0_u64);
    Ok(move |line: &ReportLine| {
        count += u64::from(line.outcome != Outcome::Note);
        if count.is_multiple_of(100) {
            progress.set_message(count.to_string());
        }
        if let Some(file) = &mut file {
            append(file, line);
        }
        if line.is_notable(dry_run) {
            progress.suspend(|| report_line(&line_text(line)));
        }
    })
}

/// Returns the line of a file that is refused as a whole.
fn refusal_line(path: &Path, error: &ImportError) -> ReportLine {
    let code = match error {
        ImportError::OtherSource(..) => "other_source",
        _ => "unreadable",
    };
    let fault = Violation { pointer: String::new(), code: code.to_owned(), message: error.to_string() };
    let file = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let (place, what) = (String::new(), file.clone());
    ReportLine { file, place, outcome: Outcome::Refused, kind: "", what, faults: vec![fault] }
}

fn line_text(line: &ReportLine) -> String {
    let mut text = format!("{:9} {:10} {} {}", line.outcome.word(), line.kind, line.place, line.what);
    if line.outcome == Outcome::Kept {
        text.push_str("  (changed here since the last import; --overwrite imports the record)");
    }
    if line.outcome == Outcome::Missing {
        text.push_str("  (the source has it no more; --withdraw missing withdraws it)");
    }
    for fault in &line.faults {
        text.push_str(&format!("\n          {} {}: {}", fault.pointer, fault.code, fault.message));
    }
    text
}

fn summary(path: &Path, report: &Report, duration: Duration, dry_run: bool) {
    report_line(&format!("{}{}:", path.display(), if dry_run { " (nothing was changed)" } else { "" }));
    for (outcome, kinds) in &report.counts {
        let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        report_line(&format!("  {:9} {}", outcome.word(), kinds.join(", ")));
    }
    for group in report.notes.values() {
        let NoteGroup { code, subject, count, first, message } = group;
        let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
        report_line(&format!("  {code} {subject}, {times}, first at {first}: {message}"));
    }
    if report.verdict() == Verdict::NothingRecognised {
        report_line("  nothing was recognised: no record was found in this file");
    }
    let records = report.records();
    let rate = records as f64 / duration.as_secs_f64().max(0.001);
    report_line(&format!("  {records} records in {:.1} s ({rate:.0}/s)", duration.as_secs_f64()));
}

/// Exports content to a file or to standard output, and prints the number of items to standard error.
///
/// # Errors
/// Fails if the output cannot be written or the database fails.
pub async fn export(app: &App, arguments: ExportArguments) -> Result<(), StartError> {
    let out: Box<dyn Write + Send> = match &arguments.output {
        Some(path) => Box::new(File::create(path).map_err(|e| format!("--output: {}: {e}", path.display()))?),
        None => Box::new(std::io::stdout()),
    };
    let out = BufWriter::with_capacity(65_536, out);
    let count = match arguments.format {
        ExportFormat::Jsonl => export::write(&app.database, out).await?,
        ExportFormat::Ics => export_ics::write(&app.database, &app.site, app.config.base_url(), out).await?,
    };
    print_error(&format!("{count} items written"));
    Ok(())
}
