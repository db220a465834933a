//! Readers, one module per format. A reader sends records as it finds them and never holds more than one, so
//! memory does not grow with the file. What it cannot interpret it reports with its position, and reads on.

#[cfg(test)]
mod bound_tests;
mod conferences;
mod csv;
mod export;
mod frab_xml;
mod ics;
mod input;
mod iso_time;
mod json_stream;
mod map_addresses;
mod online_places;
mod online_words;
mod open_event;
mod plain_text;
mod programme;
mod schedule_json;
mod sink;
mod unknown_place;
mod web_address;
mod whereabouts;
mod yaml_stream;
mod yes_no;

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::transfer::survey::name_in;

use crate::hex::hex;
pub use csv::Mapping;
pub use input::Input;
pub use sink::{Sink, SinkClosed};
use web_address::{address_below, web_address};

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
    /// A programme of Open Event (Eventyay): JSON:API, or a file of its export
    OpenEvent,
    /// A list of conferences in JSON or YAML
    Conferences,
}

impl ImportFormat {
    /// Returns the format of a file, by its extension and, for JSON, its first character.
    ///
    /// # Errors
    /// Returns a message if the format cannot be determined or the file cannot be read.
    pub fn detect(path: &Path) -> Result<Self, String> {
        let with_path = |message: &dyn std::fmt::Display| format!("{}: {message}", path.display());
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let start =
            if extension == "json" { first_characters(path).map_err(|e| with_path(&e))? } else { String::new() };
        match Self::of_extension(&extension, &start) {
            Some(format) => Ok(format),
            None if extension == "json" => {
                Err(with_path(&"nothing was recognised: the file is neither a JSON array nor a JSON object"))
            }
            None => Err(with_path(&"the format cannot be determined from the name; give it with --format")),
        }
    }

    /// Returns the format of a file, by its extension in lower case and, for JSON, its first characters.
    pub fn of_extension(extension: &str, start: &str) -> Option<Self> {
        match extension {
            "jsonl" | "ndjson" => Some(ImportFormat::Export),
            "csv" | "tsv" => Some(ImportFormat::Csv),
            "ics" | "ical" | "ifb" | "vcs" => Some(ImportFormat::Ics),
            "xml" => Some(ImportFormat::FrabXml),
            "yaml" | "yml" => Some(ImportFormat::Conferences),
            "json" => match start.trim_start_matches('\u{feff}').trim_start() {
                text if is_open_event(text) => Some(ImportFormat::OpenEvent),
                text if is_programme_list(text) => Some(ImportFormat::ScheduleJson),
                text if text.starts_with('[') => Some(ImportFormat::Conferences),
                text if text.starts_with('{') => Some(ImportFormat::ScheduleJson),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Returns whether JSON that begins with a text is that of Open Event.
fn is_open_event(start: &str) -> bool {
    let has = |name: &str| start.contains(&format!("\"{name}\""));
    let is_document = has("attributes") && (has("type") || has("relationships"));
    let own = ["short_abstract", "long_abstract", "short_biography", "long_biography", "microlocation"];
    // The widget of pretalx has types of sessions too, within an object.
    let is_part = (has("name") && (has("floor") || has("length"))) || (has("color") && has("font_color"));
    let is_list = own.iter().any(|name| has(name))
        || (start.starts_with('[') && !has("startDate") && (has("session_type") || is_part));
    // The file of the event, and a file with all lists, are objects.
    let is_event = has("name")
        && ["start_time", "starts_at"].iter().any(|name| has(name))
        && ["location_name", "organizer_name", "identifier", "ticket_url", "social_links"].iter().any(|name| has(name));
    is_document || is_list || (start.starts_with('{') && is_event)
}

/// Returns whether JSON that begins with a text is an array of parts of a programme: groups of sessions, which are the view
/// Sessions of Sessionize, or entries of a page of pretalx.
fn is_programme_list(start: &str) -> bool {
    let has = |name: &&str| start.contains(&format!("\"{name}\""));
    let is_entry = || {
        let of_pretalx =
            ["submission_type", "content_locale", "speakers", "slot", "slots", "state", "biography", "avatar_url"];
        (has(&"code") && of_pretalx.iter().any(has)) || (has(&"submission") && has(&"room"))
    };
    start.starts_with('[') && (has(&"groupId") || is_entry())
}

fn first_characters(path: &Path) -> std::io::Result<String> {
    let mut start = [0; 1_024];
    let count = std::fs::File::open(path)?.read(&mut start)?;
    Ok(text_of_start(&start[..count]))
}

/// Returns the first bytes of a file as text, in the encoding that its byte order mark says.
pub fn text_of_start(bytes: &[u8]) -> String {
    encoding_rs::UTF_8.decode(bytes).0.into_owned()
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
    /// Whether somebody named that zone, or it is the one of the event; else it is that of the site.
    pub is_zone_known: bool,
    /// Files of this machine that describe one event together with the file: those of an export of Open Event, with the file
    /// itself. Empty if the file stands alone.
    pub beside: Vec<PathBuf>,
    /// Default locale of the site, for texts in several languages whose field has one.
    pub locale: String,
    /// Mapping of the columns of a CSV file to fields.
    pub mapping: Option<Mapping>,
    /// Number of days from today up to which recurring events are imported.
    pub horizon: u32,
}

impl Settings {
    /// Returns the name of the source: the one that is given, else what the file says of itself, else the name of the
    /// file. A given name may be one that other programs show, with the kind of the records.
    pub fn source(&self, says: Option<String>) -> String {
        let given = Some(name_in(&self.name).to_owned()).filter(|name| !name.is_empty());
        let stem = || self.file.rsplit_once('.').map_or(self.file.as_str(), |(stem, _)| stem).to_owned();
        bounded_name(given.or(says).unwrap_or_else(stem))
    }
}

/// Greatest length of the name of a source, and of the id of a record in it, in bytes.
const LONGEST_NAME: usize = 1_000;

/// Returns a name or an id as it is stored: of one that is too long the beginning and a hash of the whole.
fn bounded_name(name: String) -> String {
    if name.len() <= LONGEST_NAME {
        return name;
    }
    let hash = hex(&Sha256::digest(&name)[..16]);
    let start: String = name.chars().take(100).collect();
    format!("{start}~{hash}")
}

/// Reads a file to its end, or until the import has ended.
pub fn read(format: ImportFormat, input: Box<dyn Input>, settings: &Settings, sink: &Sink) {
    let done = match format {
        ImportFormat::Export => export::read(input, sink),
        ImportFormat::Csv => csv::read(input, settings, sink),
        ImportFormat::Ics => ics::read(input, settings, sink),
        ImportFormat::FrabXml => frab_xml::read(input, settings, sink),
        ImportFormat::ScheduleJson => schedule_json::read(input, settings, sink),
        ImportFormat::OpenEvent => open_event::read(input, settings, sink),
        ImportFormat::Conferences => conferences::read(input, settings, sink),
    };
    // The only error is that the import has ended, so nobody is left to report it to.
    let _ = done.and_then(|()| sink.finish());
}

/// Returns a JSON string that is not blank, trimmed, or a number, as text.
fn text_of(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_told_apart() {
        let (longest, long) = ("é".repeat(LONGEST_NAME / 2), "é".repeat(LONGEST_NAME));
        assert_eq!(bounded_name(longest.clone()), longest);
        let (one, other) = (bounded_name(format!("{long}1")), bounded_name(format!("{long}2")));
        assert!(one != other && one.starts_with(&"é".repeat(100)) && one.len() == 233, "{one}");
        assert_eq!(bounded_name(format!("{long}1")), one);
    }
}
