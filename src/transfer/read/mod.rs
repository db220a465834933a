//! Readers, one module per format. A reader sends records as it finds them and never holds more than one, so
//! memory does not grow with the file. What it cannot interpret it reports with its position, and reads on.

mod conferences;
mod csv;
mod export;
mod frab_xml;
mod ics;
mod ics_lines;
mod ics_times;
mod json_stream;
mod schedule;
mod schedule_json;

use std::io::{BufRead, Read};
use std::path::Path;

use serde_json::Value;

use super::record::{Exported, ImportEntry, Record};
use crate::content::values::{self, RuleViolation};
use crate::content::violation::Violation;

pub use csv::Mapping;

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
    /// A programme in JSON: frab's schedule.json, or pretalx's
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
            "json" => match first_character(path)? {
                Some('[') => Ok(ImportFormat::Conferences),
                Some('{') => Ok(ImportFormat::ScheduleJson),
                _ => Err(format!("{}: the file is neither a JSON array nor a JSON object", path.display())),
            },
            _ => {
                Err(format!("{}: the format cannot be determined from the name; give it with --format", path.display()))
            }
        }
    }
}

fn first_character(path: &Path) -> Result<Option<char>, String> {
    let mut start = [0; 1_024];
    let with_path = |e: std::io::Error| format!("{}: {e}", path.display());
    let count = std::fs::File::open(path).map_err(with_path)?.read(&mut start).map_err(with_path)?;
    let text = String::from_utf8_lossy(&start[..count]);
    Ok(text.trim_start_matches('\u{feff}').trim_start().chars().next())
}

/// The settings of a reader.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of the source, for files that do not name it themselves.
    pub name: String,
    /// Slug of the event that a programme belongs to; an event is created if it is `None`.
    pub event: Option<String>,
    /// IANA time zone of times that name none.
    pub time_zone: String,
    /// Mapping of the columns of a CSV file to fields.
    pub mapping: Option<Mapping>,
}

/// The error that the import has ended and no entry is received any more.
#[derive(Debug)]
pub struct Closed;

/// The channel to which a reader sends its entries.
pub struct Sink(flume::Sender<ImportEntry>);

impl Sink {
    /// Creates a sink that sends to a channel.
    pub fn new(sender: flume::Sender<ImportEntry>) -> Self {
        Self(sender)
    }

    fn send(&self, entry: ImportEntry) -> Result<(), Closed> {
        self.0.send(entry).map_err(|_| Closed)
    }

    fn record(&self, record: Record) -> Result<(), Closed> {
        self.send(ImportEntry::Record(Box::new(record)))
    }

    fn exported(&self, place: String, item: Exported) -> Result<(), Closed> {
        self.send(ImportEntry::Exported { place, item: Box::new(item) })
    }

    fn broken(&self, place: impl Into<String>, code: &str, message: impl Into<String>) -> Result<(), Closed> {
        let fault = Violation { pointer: String::new(), code: code.to_owned(), message: message.into() };
        self.send(ImportEntry::Broken { place: place.into(), fault })
    }

    fn note(&self, place: &str, field: &str, code: &str, message: impl Into<String>) -> Result<(), Closed> {
        let fault = Violation { pointer: field.to_owned(), code: code.to_owned(), message: message.into() };
        self.send(ImportEntry::Note { place: place.to_owned(), fault })
    }
}

/// Reads a file to its end, or until the import has ended.
pub fn read(format: ImportFormat, input: Box<dyn BufRead>, settings: &Settings, sink: &Sink) {
    // The only error is that the import has ended, so nobody is left to report it to.
    let _ = match format {
        ImportFormat::Export => export::read(input, sink),
        ImportFormat::Csv => csv::read(input, settings, sink),
        ImportFormat::Ics => ics::read(input, settings, sink),
        ImportFormat::FrabXml => frab_xml::read(input, settings, sink),
        ImportFormat::ScheduleJson => schedule_json::read(input, settings, sink),
        ImportFormat::Conferences => conferences::read(input, settings, sink),
    };
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
