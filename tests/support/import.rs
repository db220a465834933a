//! Imports and their reports.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use plenary::transfer::import::ImportError;
use plenary::transfer::read::{HORIZON, Settings};
use plenary::transfer::{Options, Outcome, Report, ReportLine, export, import};
use serde_json::Value;

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
            name: String::new(),
            file: path.file_name().unwrap().to_string_lossy().into_owned(),
            event: None,
            time_zone: "Europe/Brussels".into(),
            is_zone_known: false,
            beside: Vec::new(),
            locale: "en".into(),
            mapping: None,
            horizon: HORIZON,
        },
        status: "published",
        overwrite: false,
        dry_run: false,
        replace: false,
        withdraw_missing: false,
    }
}

/// Imports a file and collects the lines of the report.
pub fn bring(app: &TestApp, path: &Path, options: &Options) -> Said {
    try_to_bring(app, path, options).expect("the import ends")
}

/// Imports a file, which may be refused as a whole.
pub fn try_to_bring(app: &TestApp, path: &Path, options: &Options) -> Result<Said, ImportError> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&lines);
    let tell = move |line: &ReportLine| heard.lock().unwrap().push(line.clone());
    let report = app.block_on(import(&app.app, path, options, &indicatif::ProgressBar::hidden(), tell))?;
    let lines = Arc::try_unwrap(lines).map_or_else(|l| l.lock().unwrap().clone(), |l| l.into_inner().unwrap());
    Ok(Said { report, lines })
}

/// Imports a text as a file with this name, in a folder of its own.
pub fn bring_text(app: &TestApp, name: &str, text: &str) -> Said {
    bring_bytes(app, name, text.as_bytes(), |_| {})
}

/// Imports bytes as a file with this name, with other options than those of [`options`].
pub fn bring_bytes(app: &TestApp, name: &str, bytes: &[u8], change: impl FnOnce(&mut Options)) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let mut options = options(&path);
    change(&mut options);
    bring(app, &path, &options)
}

/// Writes the export to a file in a folder.
pub fn write_export(app: &TestApp, folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let file = std::fs::File::create(&path).unwrap();
    app.block_on(export::write(&app.app.database, std::io::BufWriter::new(file))).unwrap();
    path
}

/// Returns all items of a list, page by page.
pub fn all(app: &TestApp, list: &str) -> Vec<Value> {
    let client = app.visitor();
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client
            .get(&format!("{list}{}limit=100{cursor}", if list.contains('?') { "&" } else { "?" }))
            .expect(200)
            .json();
        items.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["page"]["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

/// Returns the export.
pub fn export_text(app: &TestApp) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::read_to_string(write_export(app, folder.path(), "all.jsonl")).unwrap()
}

/// Returns a value without the members that are null, at any depth.
pub fn strip_nulls(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let members = object.iter().filter(|(_, member)| !member.is_null());
            members.map(|(name, member)| (name.clone(), strip_nulls(member))).collect::<serde_json::Map<_, _>>().into()
        }
        Value::Array(list) => list.iter().map(strip_nulls).collect(),
        other => other.clone(),
    }
}
