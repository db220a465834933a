//! New revisions of series. A revision with a higher `SEQUENCE` replaces the one before as a whole (RFC 5546, section 2.1.5),
//! and a series that is moved has occurrences with other ids: without this, both would be there. Among revisions with the
//! same `SEQUENCE` the one with the later stamp is newer; many programs write the time of the export there, so what such a
//! revision does not have is not withdrawn, but missing.

use chrono::{DateTime, NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::Db;
use crate::database::schema::{items, sources as sources_table};
use crate::items::sources::{self, Source};
use crate::transfer::missing_records::is_withdrawn;
use crate::transfer::record::{RevisedOccurrence, SourceRevision, series_of};

/// Kind of the items that have revisions.
pub const KIND: &str = "event";
/// Greatest number of earlier occurrences that are compared.
const MOST: i64 = 20_000;
/// Length of the number at the beginning of a revision.
const SEQUENCE: usize = 10;

/// An occurrence that a new revision does not have.
struct GoneOccurrence {
    /// The record of the earlier revision.
    source: Source,
    /// Its start (UTC); a date is its midnight.
    start: NaiveDateTime,
}

/// What becomes of the occurrences that a new revision does not have.
#[derive(Default)]
pub struct Replacement {
    /// Those that become another one: the record and its new source.
    pub moved: Vec<(Source, String)>,
    /// Those whose new occurrence does not follow, so that they stay as they are.
    pub left: Vec<Source>,
    /// Those that nothing stands for any more.
    pub gone: Vec<Source>,
}

impl Replacement {
    /// Returns the records of all of them.
    pub fn all(self) -> impl Iterator<Item = Source> {
        self.moved.into_iter().map(|(row, _)| row).chain(self.left).chain(self.gone)
    }
}

/// Returns the newest revision in which an event or a series was imported; empty if it was not, or has none.
///
/// # Errors
/// Fails if a query fails.
pub fn find_newest(connection: &mut Db, identity: &str) -> QueryResult<String> {
    let series = sources::find(connection, "series", &series_of(identity))?;
    let event = sources::find(connection, KIND, identity)?;
    Ok(series.into_iter().chain(event).map(|row| row.revision).max().unwrap_or_default())
}

/// Returns whether a newer revision of an event or a series than this one was imported. If this is a newer one, the series
/// has it from now on.
///
/// # Errors
/// Fails if a statement fails.
pub fn is_outdated(connection: &mut Db, (identity, number): (&str, &str)) -> QueryResult<bool> {
    if find_newest(connection, identity)?.as_str() > number {
        return Ok(!number.is_empty());
    }
    raise(connection, identity, number)?;
    Ok(false)
}

/// Sets the revision of a series that was imported, unless it has a newer one.
///
/// # Errors
/// Fails if a statement fails.
pub fn raise(connection: &mut Db, identity: &str, number: &str) -> QueryResult<()> {
    match sources::find(connection, "series", &series_of(identity))? {
        Some(row) if row.revision.as_str() < number => {
            sources::keep(connection, &Source { revision: number.to_owned(), ..row })
        }
        _ => Ok(()),
    }
}

fn sequence(revision: &str) -> &str {
    revision.get(..SEQUENCE).unwrap_or("0000000000")
}

/// Returns the records of an event, and of the occurrences of a series.
///
/// # Errors
/// Fails if the query fails.
pub fn records_of(connection: &mut Db, identity: &str) -> QueryResult<Vec<Source>> {
    // The sign that follows a slash.
    let (prefix, end) = (format!("{identity}/"), format!("{identity}0"));
    let within = sources_table::source.gt(&prefix).and(sources_table::source.lt(&end));
    sources_table::table
        .filter(sources_table::kind.eq(KIND))
        .filter(within.or(sources_table::source.eq(identity)))
        .order(sources_table::source)
        .limit(MOST)
        .select(Source::as_select())
        .load(connection)
}

/// Returns the records of earlier revisions that a revision does not have.
fn find_gone(connection: &mut Db, revision: &SourceRevision) -> QueryResult<Vec<GoneOccurrence>> {
    let prefix = format!("{}/", revision.identity);
    let rows = records_of(connection, &revision.identity)?;
    let has = |row: &Source| revision.occurrences.iter().any(|one| one.source == row.source);
    let mut gone = Vec::new();
    for row in rows {
        let key = row.source.strip_prefix(&prefix);
        let may_have = key.zip(revision.beyond.as_deref()).is_some_and(|(key, after)| key > after);
        // What has no id as an occurrence is an event of its own with the same UID.
        let is_part = key.is_none() || row.record_ids().recurrence_id.is_some();
        let is_earlier = row.revision < revision.number;
        if !is_earlier || !is_part || may_have || is_withdrawn(&row) || has(&row) {
            continue;
        }
        let start = match key.and_then(start_of) {
            Some(start) => start,
            None => start_of_item(connection, &row.item_id)?,
        };
        gone.push(GoneOccurrence { source: row, start });
    }
    Ok(gone)
}

/// Returns the start of an occurrence (UTC) by the last part of its source; a date is its midnight.
pub fn start_of(key: &str) -> Option<NaiveDateTime> {
    let date = |text: &str| chrono::NaiveDate::parse_from_str(text, "%Y%m%d").ok();
    let time = || NaiveDateTime::parse_from_str(key, "%Y%m%dT%H%M%SZ").ok();
    date(key).map(|day| day.and_time(chrono::NaiveTime::MIN)).or_else(time)
}

fn start_of_item(connection: &mut Db, id: &str) -> QueryResult<NaiveDateTime> {
    let start: Option<i64> = items::table.find(id).select(items::starts_at).first(connection).optional()?;
    Ok(start.and_then(DateTime::from_timestamp_micros).unwrap_or_default().naive_utc())
}

/// Divides what is gone: each new occurrence takes the item of the nearest one that is gone, so that its address stays, unless
/// another occurrence of the series is nearer.
///
/// # Errors
/// Fails if a query fails.
pub fn changes(connection: &mut Db, revision: &SourceRevision) -> QueryResult<Replacement> {
    let mut changes = Replacement::default();
    let before = find_newest(connection, &revision.identity)?;
    if before > revision.number {
        return Ok(changes);
    }
    let mut gone = find_gone(connection, revision)?;
    if gone.is_empty() {
        return Ok(changes);
    }
    let starts: Vec<NaiveDateTime> = revision.occurrences.iter().map(|one| one.start).collect();
    let between = starts.windows(2).map(|pair| (pair[1] - pair[0]).abs()).filter(|gap| *gap > TimeDelta::zero()).min();
    for RevisedOccurrence { source, start, is_sent } in &revision.occurrences {
        let distance = |one: &GoneOccurrence| (one.start - *start).abs();
        let near = |one: &GoneOccurrence| between.is_none_or(|gap| distance(one) < gap);
        let nearest = gone.iter().enumerate().filter(|(_, one)| near(one)).min_by_key(|(_, one)| distance(one));
        let Some(place) = nearest.map(|(place, _)| place) else { continue };
        if sources::find(connection, KIND, source)?.is_some() {
            continue;
        }
        let taken = gone.remove(place).source;
        if *is_sent { changes.moved.push((taken, source.clone())) } else { changes.left.push(taken) }
    }
    let replaces = |row: &Source| sequence(before.as_str().max(&row.revision)) < sequence(&revision.number);
    changes.gone = gone.into_iter().map(|one| one.source).filter(replaces).collect();
    Ok(changes)
}

/// Gives a record another source. Its next import takes it, whatever it was before.
///
/// # Errors
/// Fails if a statement fails.
pub fn rename(connection: &mut Db, row: Source, source: String) -> QueryResult<()> {
    sources::forget(connection, &row.kind, &row.source)?;
    sources::keep(connection, &Source { source, fingerprint: String::new(), ..row })
}
