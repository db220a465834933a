//! Plenary's own export: JSON Lines, one item per line.

use std::io::{BufRead, Read};

use serde::Deserialize;

use super::{Input, Sink, SinkClosed};
use crate::transfer::record::{ExportedForm, ExportedIssue, ExportedItem};
use crate::transfer::report::{CONTACT_FORM, NEWSLETTER_ISSUE};

/// Greatest length of a line, in bytes; no item is that long. It bounds the memory for a malformed file.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Reads all lines of an export.
///
/// # Errors
/// Returns [`SinkClosed`] if the import has ended.
pub fn read(mut input: Box<dyn Input>, sink: &Sink) -> Result<(), SinkClosed> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let place = format!("line {number}");
        match input.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(count) if count as u64 == LONGEST => {
                return sink.report_broken(place, "too_long", "the line is longer than any item can be");
            }
            Ok(_) if line.iter().all(u8::is_ascii_whitespace) => {}
            Ok(_) => match entry(&line) {
                Ok(Line::Item(item)) => sink.send_exported(place, *item)?,
                Ok(Line::Form(form)) => sink.exported_form(place, *form)?,
                Ok(Line::Issue(issue)) => sink.exported_issue(place, *issue)?,
                Err(error) => sink.report_broken(place, "malformed_item", error.to_string())?,
            },
            Err(error) => return sink.report_broken(place, "unreadable", error.to_string()),
        }
    }
    Ok(())
}

/// What a line has.
enum Line {
    Item(Box<ExportedItem>),
    Form(Box<ExportedForm>),
    Issue(Box<ExportedIssue>),
}

/// The member of a line that says what it has.
#[derive(Deserialize)]
struct LineKind {
    kind: String,
}

fn entry(line: &[u8]) -> serde_json::Result<Line> {
    // A line without a readable kind is an item's, whose reader says what is wrong.
    let kind = serde_json::from_slice(line).map_or_else(|_| String::new(), |LineKind { kind }| kind);
    match kind.as_str() {
        CONTACT_FORM => serde_json::from_slice(line).map(Line::Form),
        NEWSLETTER_ISSUE => serde_json::from_slice(line).map(Line::Issue),
        _ => serde_json::from_slice(line).map(Line::Item),
    }
}
