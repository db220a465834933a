//! Subscribers as a CSV table (RFC 4180): what is exported can be imported elsewhere, with the proof of consent.

use std::collections::{HashMap, HashSet};

use diesel::result::QueryResult;

use super::subscribers::{
    Subscriber, SubscriberFilter, SubscriberStatus, insert_all, list, suppressed, topics_of, with_emails,
};
use crate::content::local_time::{instant, utc_text};
use crate::content::{Site, values};
use crate::database::{Db, new_id, now};
use crate::items::{Among, ids_of};
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
    let mut topics: HashMap<String, Vec<String>> = HashMap::new();
    for (id, topic) in topics_of(connection, &ids)? {
        topics.entry(id).or_default().push(topic);
    }
    for row in &rows {
        let own = topics.remove(&row.id).unwrap_or_default().join(" ");
        let _ = out.write_record(record(row, own).map(escaped));
    }
    Ok((out.into_inner().unwrap_or_default(), rows.last().map(|row| row.id.clone())))
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
fn escaped(cell: String) -> String {
    let is_number = cell.parse::<i64>().is_ok();
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number { format!("'{cell}") } else { cell }
}

/// What became of the rows of a table.
#[derive(Debug, Clone, Default)]
pub struct SubscriberImport {
    /// Number of rows that became subscribers.
    pub created: i64,
    /// Number of rows whose address is subscribed already, and which changed nothing.
    pub unchanged: i64,
    /// Number of rows whose address unsubscribed, bounced or was erased, and which changed nothing.
    pub suppressed: i64,
    /// Rows that were refused, with the number of the line and the reason.
    pub refused: Vec<(u64, String)>,
}

/// A row of a table that can be imported: the subscriber and the topics as they are named.
type ImportedRow = (Subscriber, Vec<String>);

/// The rows of a table that was read.
#[derive(Debug, Clone, Default)]
pub struct SubscriberTable {
    rows: Vec<ImportedRow>,
    refused: Vec<(u64, String)>,
}

/// Reads a table of subscribers. Each row needs a proof of consent: text, time, and where it was given.
///
/// # Errors
/// Returns what is wrong with the table as a whole.
pub fn read(site: &Site, table: &[u8]) -> Result<SubscriberTable, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(table);
    let header = reader.headers().map_err(|error| error.to_string())?;
    let header: Vec<String> = header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
    for needed in ["email", "consent_text", "consented_at", "proof"] {
        if !header.iter().any(|name| name == needed) {
            let wanted = "it needs email, consent_text, consented_at and proof";
            return Err(format!("the table has no column \"{needed}\"; {wanted}"));
        }
    }
    let (mut table, mut seen) = (SubscriberTable::default(), HashSet::new());
    for (number, row) in reader.records().enumerate() {
        let line = number as u64 + 2;
        let row = row.map_err(|error| error.to_string()).and_then(|row| {
            let cells = header.iter().cloned().zip(row.iter().map(unescaped)).collect();
            subscriber(site, &cells)
        });
        match row {
            Ok(row) if !seen.insert(row.0.email.clone()) => {
                table.refused.push((line, "email: an earlier row has this address".to_owned()));
            }
            Ok(row) => table.rows.push(row),
            Err(reason) => table.refused.push((line, reason)),
        }
    }
    Ok(table)
}

/// Removes the apostrophe with which [`escaped`] marks a text.
fn unescaped(cell: &str) -> String {
    let bare = cell.strip_prefix('\'').filter(|bare| bare.starts_with(['=', '+', '-', '@']));
    bare.unwrap_or(cell).to_owned()
}

/// Stores the subscribers of a table, 500 at a time by a few statements. An address that is subscribed, or that left, is left
/// alone.
///
/// # Errors
/// Fails if a statement fails.
pub fn import(connection: &mut Db, site_key: &[u8], table: SubscriberTable) -> QueryResult<SubscriberImport> {
    let mut outcome = SubscriberImport { refused: table.refused, ..SubscriberImport::default() };
    for part in table.rows.chunks(500) {
        let emails: Vec<&str> = part.iter().map(|(row, _)| row.email.as_str()).collect();
        let (known, left) = (with_emails(connection, &emails)?, suppressed(connection, site_key, &emails)?);
        let named: Vec<&str> = part.iter().flat_map(|(_, topics)| topics.iter().map(String::as_str)).collect();
        let topics: HashMap<String, String> =
            ids_of(connection, "topic", &named, Among::Present)?.into_iter().collect();
        let mut new = Vec::new();
        for (row, own) in part {
            if left.contains(&row.email) {
                outcome.suppressed += 1;
            } else if known.contains(&row.email) {
                outcome.unchanged += 1;
            } else {
                let own = own.iter().filter_map(|name| topics.get(&name.to_ascii_lowercase()).cloned()).collect();
                new.push((row, own));
            }
        }
        outcome.created += new.len() as i64;
        insert_all(connection, &new)?;
    }
    Ok(outcome)
}

/// Returns the subscriber of a row.
fn subscriber(site: &Site, cells: &HashMap<String, String>) -> Result<ImportedRow, String> {
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
        tag => values::language(tag).map_err(|(_, message)| format!("locale: {message}"))?,
    };
    let consent_text =
        values::text(&cell("consent_text").into(), 2_000, true).map_err(|(_, why)| format!("consent_text: {why}"))?;
    let topics = cell("topics").split([' ', ';', ',']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let row = Subscriber {
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
    Ok((row, topics))
}
