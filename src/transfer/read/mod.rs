//! Readers, one module per format. A reader sends records as it finds them and never holds more than one, so
//! memory does not grow with the file. What it cannot interpret it reports with its position, and reads on.

mod conferences;
mod csv;
mod export;
mod frab_xml;
mod ics;
mod input;
mod json_stream;
mod plain_text;
mod programme;
mod schedule_json;
mod sink;

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::content::values::{self, RuleViolation};

pub use csv::Mapping;
pub use input::Input;
pub use sink::{Closed, Sink};

/// Number of days from today up to which recurring events are imported, unless another one is given.
pub const HORIZON: u32 = 365;

/// A format that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ImportFormat {
    /// Plenary's own export: JSON Lines
    Export,
    /// Comma-separated values, with a mapping
    Csv,
    /// iCalendar (RFC 5545)
    Ics,
    /// A programme in frab's XML (also called pentabarf)
    FrabXml,
    /// A programme in JSON: frab's schedule.json, pretalx's, or that of Sessionize
    ScheduleJson,
    /// A list of conferences in JSON
    Conferences,
}

impl ImportFormat {
    /// Returns the format of a file, by its extension and, for JSON, its first character.
    ///
    /// # Errors
    /// Returns a message if the format cannot be determined or the file cannot be read.
    pub fn detect(path: &Path) -> Result<Self, String> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        match extension.as_str() {
            "jsonl" | "ndjson" => Ok(ImportFormat::Export),
            "csv" | "tsv" => Ok(ImportFormat::Csv),
            "ics" | "ical" | "ifb" => Ok(ImportFormat::Ics),
            "xml" => Ok(ImportFormat::FrabXml),
            "json" => match first_characters(path)? {
                // The view Sessions of Sessionize is an array of groups.
                text if text.starts_with('[') && text.contains("\"groupId\"") => Ok(ImportFormat::ScheduleJson),
                text if text.starts_with('[') => Ok(ImportFormat::Conferences),
                text if text.starts_with('{') => Ok(ImportFormat::ScheduleJson),
                _ => Err(format!("{}: the file is neither a JSON array nor a JSON object", path.display())),
            },
            _ => {
                Err(format!("{}: the format cannot be determined from the name; give it with --format", path.display()))
            }
        }
    }
}

fn first_characters(path: &Path) -> Result<String, String> {
    let mut start = [0; 1_024];
    let with_path = |e: std::io::Error| format!("{}: {e}", path.display());
    let count = std::fs::File::open(path).map_err(with_path)?.read(&mut start).map_err(with_path)?;
    let text = String::from_utf8_lossy(&start[..count]);
    Ok(text.trim_start_matches('\u{feff}').trim_start().to_owned())
}

/// The settings of a reader.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of the source. If it is empty, the file names it itself, and else it is [`Settings::file`].
    pub name: String,
    /// Name of the file with its extension, for files that do not name their source themselves.
    pub file: String,
    /// Slug of the event that a programme belongs to; an event is created if it is `None`.
    pub event: Option<String>,
    /// IANA time zone of times that name none.
    pub time_zone: String,
    /// Mapping of the columns of a CSV file to fields.
    pub mapping: Option<Mapping>,
    /// Number of days from today up to which recurring events are imported.
    pub horizon: u32,
}

impl Settings {
    /// Returns the name of the source: the one that is given, else what the file says of itself, else the name of the
    /// file.
    pub fn source(&self, says: Option<String>) -> String {
        let given = Some(self.name.clone()).filter(|name| !name.is_empty());
        let stem = || self.file.rsplit_once('.').map_or(self.file.as_str(), |(stem, _)| stem).to_owned();
        given.or(says).unwrap_or_else(stem)
    }
}

/// Reads a file to its end, or until the import has ended.
pub fn read(format: ImportFormat, input: Box<dyn Input>, settings: &Settings, sink: &Sink) {
    let done = match format {
        ImportFormat::Export => export::read(input, sink),
        ImportFormat::Csv => csv::read(input, settings, sink),
        ImportFormat::Ics => ics::read(input, settings, sink),
        ImportFormat::FrabXml => frab_xml::read(input, settings, sink),
        ImportFormat::ScheduleJson => schedule_json::read(input, settings, sink),
        ImportFormat::Conferences => conferences::read(input, settings, sink),
    };
    // The only error is that the import has ended, so nobody is left to report it to.
    let _ = done.and_then(|()| sink.finish());
}

/// Parses a URL as people write it: one that lacks only its scheme gets `https`.
fn web_address(given: &str) -> Result<String, RuleViolation> {
    let given = given.trim();
    values::url(given).or_else(|wrong| {
        let host = given.split(['/', '?', '#']).next().unwrap_or_default();
        let is_host = host.contains('.') && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
        if is_host { values::url(&format!("https://{given}")) } else { Err(wrong) }
    })
}

/// Returns a JSON string that is not blank, trimmed, or a number, as text.
fn text_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
