//! Subscribers as a CSV table (RFC 4180): what is exported can be imported elsewhere, with the proof of consent.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::subscribers::{
    Subscriber, SubscriberContext, SubscriberFilter, SubscriberStatus, insert_all, list, suppressed_emails, topics_of,
    with_emails,
};
use crate::content::local_time::{instant, utc_text};
use crate::content::violation::unknown_name_message;
use crate::content::{Site, values};
use crate::database::schema::items;
use crate::database::{Db, new_id, now};
use crate::items::{ItemScope, ids_of};
use crate::mail::outbox::normal_address;

/// Columns of the table.
pub const COLUMNS: [&str; 11] = [
    "email",
    "name",
    "locale",
    "topics",
    "status",
    "consented_at",
    "confirmed_at",
    "consent_version",
    "consent_locale",
    "consent_text",
    "proof",
];
/// Greatest number of characters of a message.
const MOST_CHARACTERS: usize = 300;
/// Version of a consent to a text of another system.
pub const OTHER_TEXT: i64 = -1;

/// Returns the table's next part, of the subscribers after an id, and the id of the last one; none at the end.
///
/// # Errors
/// Fails if a query fails.
pub fn part(connection: &mut Db, after: Option<String>, limit: i64) -> QueryResult<(Vec<u8>, Option<String>)> {
    let mut out = writer();
    if after.is_none() {
        // Writing to a vector cannot fail.
        let _ = out.write_record(COLUMNS);
    }
    let rows = list(connection, &SubscriberFilter { after, ..SubscriberFilter::default() }, limit)?;
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let mut topics = topic_slugs(connection, &ids)?;
    for row in &rows {
        let own = topics.remove(&row.id).unwrap_or_default().join(" ");
        let _ = out.write_record(record(row, own).map(escape_cell));
    }
    Ok((out.into_inner().unwrap_or_default(), rows.last().map(|row| row.id.clone())))
}

/// Returns the slugs of the topics of subscribers, by the ids of the subscribers.
///
/// # Errors
/// Fails if a query fails.
pub fn topic_slugs(connection: &mut Db, ids: &[String]) -> QueryResult<HashMap<String, Vec<String>>> {
    let links = topics_of(connection, ids)?;
    let slugs = slugs_of(connection, &links)?;
    let mut topics: HashMap<String, Vec<String>> = HashMap::new();
    for (id, topic) in links {
        topics.entry(id).or_default().extend(slugs.get(&topic).cloned());
    }
    Ok(topics)
}

/// Returns the slugs of topics by their ids, since another site has other ids.
fn slugs_of(connection: &mut Db, links: &[(String, String)]) -> QueryResult<HashMap<String, String>> {
    let ids: HashSet<&String> = links.iter().map(|(_, topic)| topic).collect();
    let present = items::table.filter(items::trashed_at.eq(0)).filter(items::id.eq_any(ids));
    Ok(present.select((items::id, items::slug)).load::<(String, String)>(connection)?.into_iter().collect())
}

fn writer() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new())
}

fn record(row: &Subscriber, topics: String) -> [String; COLUMNS.len()] {
    let time = |at: i64| if at > 0 { utc_text(at) } else { String::new() };
    [
        row.email.clone(),
        row.name.clone(),
        row.locale.clone(),
        topics,
        row.status.clone(),
        time(row.consented_at),
        time(row.confirmed_at),
        row.consent_version.to_string(),
        row.consent_locale.clone(),
        row.consent_text.clone(),
        row.proof.clone(),
    ]
}

/// Prefixes a cell that a spreadsheet would take for a formula with an apostrophe (OWASP, "CSV Injection"). A negative
/// number is none.
fn escape_cell(cell: String) -> String {
    let is_number = cell.parse::<i64>().is_ok();
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number { format!("'{cell}") } else { cell }
}

/// Outcome of an import of subscribers.
#[derive(Debug, Clone, Default)]
pub struct SubscriberImport {
    /// Number of rows that became subscribers.
    pub created: i64,
    /// Number of rows whose address is subscribed already, and which changed nothing.
    pub unchanged: i64,
    /// Number of rows whose address unsubscribed, bounced or was erased, and which changed nothing.
    pub suppressed: i64,
    /// Rows that were refused, with the number of the row and the reason.
    pub refused: Vec<(u64, String)>,
}

/// A row of a table that can be imported.
#[derive(Debug, Clone)]
struct ImportedRow {
    /// Number of the row, as spreadsheets count: the header is the first, and blank lines are rows.
    number: u64,
    subscriber: Subscriber,
    /// Topics as they are named.
    topics: Vec<String>,
}

/// The rows of a table that was read.
#[derive(Debug, Clone, Default)]
pub struct SubscriberTable {
    rows: Vec<ImportedRow>,
    refused: Vec<(u64, String)>,
}

/// Returns the character between the columns of a table: the comma, semicolon or tab that is most frequent in the first row.
/// Spreadsheets write semicolons where the comma is the sign of decimals.
fn delimiter_of(table: &[u8]) -> u8 {
    let count = |wanted: u8| table.iter().take_while(|byte| **byte != b'\n').filter(|byte| **byte == wanted).count();
    [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// Reads a table of subscribers. Each row needs a proof of consent: text, time, and where it was given.
///
/// # Errors
/// Returns what is wrong with the table as a whole.
pub fn read(site: &Site, table: &[u8]) -> Result<SubscriberTable, String> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter_of(table)).flexible(true).trim(csv::Trim::All).from_reader(table);
    let header = reader.headers().map_err(|_| "the first row is not valid UTF-8".to_owned())?;
    let header: Vec<String> = header.iter().map(|name| name.trim_start_matches('\u{feff}').to_lowercase()).collect();
    for (position, name) in header.iter().enumerate() {
        if !COLUMNS.contains(&name.as_str()) {
            return Err(cut_message(unknown_name_message("column", name, COLUMNS)));
        }
        if header.iter().take(position).any(|earlier| earlier == name) {
            return Err(format!("the table has the column \"{name}\" twice"));
        }
    }
    for needed in ["email", "consent_text", "consented_at", "proof"] {
        if !header.iter().any(|name| name == needed) {
            let wanted = "it needs email, consent_text, consented_at and proof";
            return Err(format!("the table has no column \"{needed}\"; {wanted}"));
        }
    }
    let (mut rows, mut seen) = (SubscriberTable::default(), HashSet::new());
    let mut number = 1 + blank_lines(table, Some(&csv::Position::new()));
    for row in reader.records() {
        let position = row.as_ref().map_or_else(csv::Error::position, csv::StringRecord::position);
        number += 1 + blank_lines(table, position);
        let row = row.map_err(|_| "the row is not valid UTF-8".to_owned()).and_then(|row| {
            let cells = header.iter().cloned().zip(row.iter().map(unescape_cell)).collect();
            imported_row(site, number, &cells)
        });
        match row {
            Ok(row) if !seen.insert(row.subscriber.email.clone()) => {
                rows.refused.push((number, "email: an earlier row has this address".to_owned()));
            }
            Ok(row) => rows.rows.push(row),
            Err(reason) => rows.refused.push((number, cut_message(reason))),
        }
    }
    Ok(rows)
}

/// Returns the number of blank lines at a position, at which a reader begins to look for a row. Spreadsheets show each as an
/// empty row.
fn blank_lines(table: &[u8], position: Option<&csv::Position>) -> u64 {
    let begin = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(table.len());
    let (before, rest) = table.split_at(begin.min(table.len()));
    // The reader may leave the second byte of a line end for the next row.
    let rest = if before.ends_with(b"\r") { rest.strip_prefix(b"\n").unwrap_or(rest) } else { rest };
    let blank: Vec<u8> = rest.iter().copied().take_while(|byte| matches!(byte, b'\r' | b'\n')).collect();
    let ends = blank.iter().filter(|byte| **byte == b'\n').count();
    let ends_alone = blank.iter().enumerate().filter(|(at, byte)| **byte == b'\r' && blank.get(at + 1) != Some(&b'\n'));
    (ends + ends_alone.count()) as u64
}

/// Cuts a message which quotes the table.
fn cut_message(message: String) -> String {
    match message.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message,
    }
}

/// Removes the apostrophe with which [`escape_cell`] marks a text.
fn unescape_cell(cell: &str) -> String {
    let bare = cell.strip_prefix('\'').filter(|bare| bare.starts_with(['=', '+', '-', '@']));
    bare.unwrap_or(cell).to_owned()
}

/// Stores the subscribers of a table, 500 at a time by a few statements. An address that is subscribed, or that left, is left
/// alone.
///
/// # Errors
/// Fails if a statement fails.
pub fn import(
    connection: &mut Db,
    context: SubscriberContext<'_>,
    table: SubscriberTable,
) -> QueryResult<SubscriberImport> {
    let mut outcome = SubscriberImport { refused: table.refused, ..SubscriberImport::default() };
    for part in table.rows.chunks(500) {
        let emails: Vec<&str> = part.iter().map(|row| row.subscriber.email.as_str()).collect();
        let (known, left) =
            (with_emails(connection, &emails)?, suppressed_emails(connection, context.site_key, &emails)?);
        let named: Vec<&str> = part.iter().flat_map(|row| row.topics.iter().map(String::as_str)).collect();
        let topics: HashMap<String, String> =
            ids_of(connection, "topic", &named, ItemScope::Present)?.into_iter().collect();
        let mut new = Vec::new();
        for ImportedRow { number, subscriber, topics: own } in part {
            let id = |name: &String| topics.get(&name.to_ascii_lowercase());
            if let Some(unknown) = own.iter().find(|name| id(name).is_none()) {
                let reason = format!("topics: there is no topic \"{unknown}\"");
                outcome.refused.push((*number, cut_message(reason)));
            } else if left.contains(&subscriber.email) {
                outcome.suppressed += 1;
            } else if known.contains(&subscriber.email) {
                outcome.unchanged += 1;
            } else {
                new.push((subscriber, own.iter().filter_map(id).cloned().collect()));
            }
        }
        outcome.created += new.len() as i64;
        insert_all(connection, context, &new)?;
    }
    outcome.refused.sort_by_key(|(number, _)| *number);
    Ok(outcome)
}

/// Returns the subscriber of a row.
fn imported_row(site: &Site, number: u64, cells: &HashMap<String, String>) -> Result<ImportedRow, String> {
    let cell = |name: &str| cells.get(name).map(String::as_str).unwrap_or_default();
    let line = |name: &str, max: usize| {
        values::text(&cell(name).into(), max, false).map_err(|(_, message)| format!("{name}: {message}"))
    };
    let email = normal_address(cell("email")).ok_or_else(|| format!("email: \"{}\" is no address", cell("email")))?;
    if !matches!(cell("status"), "" | "confirmed") {
        return Err(format!("status: \"{}\" is not confirmed", cell("status")));
    }
    let consented_at =
        instant(cell("consented_at"), site.time_zone).map_err(|(_, message)| format!("consented_at: {message}"))?;
    let at = now();
    if consented_at.timestamp_micros() > at {
        return Err("consented_at: this time is in the future".to_owned());
    }
    let locale = match cell("locale") {
        "" => site.default_locale().to_owned(),
        tag => site.locale(tag).map(str::to_owned).ok_or_else(|| format!("locale: {}", site.unknown_locale(tag)))?,
    };
    let consent_text =
        values::text(&cell("consent_text").into(), 2_000, true).map_err(|(_, why)| format!("consent_text: {why}"))?;
    let topics = cell("topics").split([' ', ';', ',']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let subscriber = Subscriber {
        id: new_id(),
        email,
        name: if cell("name").is_empty() { String::new() } else { line("name", 200)? },
        consent_locale: if cell("consent_locale").is_empty() { locale.clone() } else { line("consent_locale", 35)? },
        locale,
        status: SubscriberStatus::Confirmed.name().to_owned(),
        consent_version: OTHER_TEXT,
        consent_text,
        consented_at: consented_at.timestamp_micros(),
        confirmed_at: at,
        proof: line("proof", 500)?,
        bounces: 0,
        created_at: at,
        updated_at: at,
        ended_at: 0,
    };
    Ok(ImportedRow { number, subscriber, topics })
}
