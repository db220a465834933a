//! Imports and their reports.

use std::path::Path;
use std::sync::{Arc, Mutex};

use plenary::transfer::read::Settings;
use plenary::transfer::{Options, Outcome, Report, ReportLine, import};

use super::app::TestApp;

/// The report of an import with all its lines.
pub struct Said {
    pub report: Report,
    pub lines: Vec<ReportLine>,
}

impl Said {
    pub fn lines(&self, outcome: Outcome) -> impl Iterator<Item = &ReportLine> {
        self.lines.iter().filter(move |line| line.outcome == outcome)
    }

    /// Returns the codes of all violations and notes in lines with this outcome.
    pub fn codes(&self, outcome: Outcome) -> Vec<&str> {
        self.lines(outcome).flat_map(|l| &l.faults).map(|f| f.code.as_str()).collect()
    }
}

/// Returns the default options of the command line, except that new items are published.
pub fn options(path: &Path) -> Options {
    Options {
        format: None,
        settings: Settings {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            event: None,
            time_zone: "Europe/Brussels".into(),
            mapping: None,
        },
        status: "published",
        overwrite: false,
        dry_run: false,
    }
}

/// Imports a file and collects the lines of the report.
pub fn bring(app: &TestApp, path: &Path, options: &Options) -> Said {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&lines);
    let tell = move |line: &ReportLine| heard.lock().unwrap().push(line.clone());
    let report = app
        .block_on(import(&app.app, path, options, &indicatif::ProgressBar::hidden(), tell))
        .expect("the import ends");
    Said {
        report,
        lines: Arc::try_unwrap(lines).map_or_else(|l| l.lock().unwrap().clone(), |l| l.into_inner().unwrap()),
    }
}
