//! Events as a CSV table (RFC 4180), for spreadsheets.

use serde_json::Value;

use super::{Feed, address_line, attendance_mode, date_precision, dates, list, object, text};

const COLUMNS: [&str; 19] = [
    "id",
    "slug",
    "title",
    "type",
    "summary",
    "starts_at",
    "ends_at",
    "time_zone",
    "all_day",
    "date_precision",
    "attendance_mode",
    "event_status",
    "venue",
    "topics",
    "speakers",
    "partners",
    "languages",
    "url",
    "updated_at",
];

/// Returns the table with a header line.
pub fn csv(feed: &Feed<'_>) -> String {
    lines(Some(COLUMNS.map(str::to_owned)).into_iter().chain(records(feed)))
}

/// Returns the lines of a further part of a table, without a header line.
pub fn csv_part(feed: &Feed<'_>) -> String {
    lines(records(feed))
}

fn records<'a>(feed: &'a Feed<'_>) -> impl Iterator<Item = [String; COLUMNS.len()]> + 'a {
    feed.items.iter().map(move |event| COLUMNS.map(|name| escape_formula(&cell(feed, event, name))))
}

fn lines(records: impl Iterator<Item = [String; COLUMNS.len()]>) -> String {
    let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for record in records {
        // Writing to a `Vec` cannot fail.
        let _ = out.write_record(record);
    }
    String::from_utf8(out.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn cell(feed: &Feed<'_>, event: &Value, name: &str) -> String {
    let names = |values: &mut dyn Iterator<Item = &Value>| {
        let names: Vec<String> = values.filter_map(|value| text(value, "name")).map(entry).collect();
        names.join("; ")
    };
    match name {
        "type" => event.get("type").and_then(|kind| text(kind, "name")).unwrap_or_default().to_owned(),
        "starts_at" => dates::start(event).unwrap_or_default().to_owned(),
        "ends_at" => dates::end(event).unwrap_or_default().to_owned(),
        "date_precision" => date_precision(event).unwrap_or_default().to_owned(),
        "attendance_mode" => attendance_mode(event).unwrap_or_default().to_owned(),
        "venue" => object(event, "venue").map_or_else(String::new, address_line),
        "topics" => names(&mut list(event, "topics").iter()),
        "speakers" => names(&mut list(event, "speakers").iter().filter_map(|link| link.get("speaker"))),
        "partners" => names(&mut list(event, "partners").iter().filter_map(|link| link.get("partner"))),
        "languages" => {
            let tags: Vec<&str> = list(event, "languages").iter().filter_map(Value::as_str).collect();
            tags.join("; ")
        }
        "url" => feed.page(event),
        _ => match event.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        },
    }
}

/// Returns an entry of a list within a cell. One with the separator or a quote within it is in quotes, and a quote within it
/// is doubled, as RFC 4180 has it for cells.
fn entry(name: &str) -> String {
    if name.contains([';', '"']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() }
}

/// Prefixes a cell that begins like a formula with an apostrophe, which makes it a text. Spreadsheets would
/// otherwise execute it (OWASP, "CSV Injection"). A cell that has such an apostrophe as a part of it gets another one, so that
/// a reader knows which is which.
fn escape_formula(cell: &str) -> String {
    match cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}
