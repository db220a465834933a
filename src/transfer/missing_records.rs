//! What a source had and has no more.

use std::collections::{BTreeSet, HashMap, HashSet};

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::content_types::ContentType;
use crate::database::Db;
use crate::database::schema::items;
use crate::editorial::write::{self, ItemWrite};
use crate::editorial::write_context::WriteContext;
use crate::items::Item;
use crate::items::sources::{self, Source};
use crate::problem::Problem;
use crate::transfer::record::{ImportEntry, Record};
use crate::transfer::revisions;
use crate::transfer::survey::hash_of;

/// Fingerprints of a record whose item was withdrawn, so that the record is taken again when it returns: one whose item
/// stayed as public as it was, and one whose item was public and is so again when it returns.
pub const WITHDRAWN: [&str; 2] = ["withdrawn", "withdrawn from the public"];
/// The kinds that are missed. Speakers, venues and topics stay: other items refer to them.
pub const MISSED: [&str; 2] = ["event", "session"];
/// Number of sources per query.
const CHUNK: i64 = 500;

/// The records that an import has seen.
#[derive(Debug, Default)]
pub struct SeenRecords {
    records: HashSet<u64>,
    origins: BTreeSet<String>,
    /// Events of which this site may have given out the programme that the file is.
    own_events: BTreeSet<String>,
    /// Records that the file may have and that were not read: the rest of their sources is greater than the text. By
    /// the hash of the beginning of the sources.
    beyond: HashMap<u64, String>,
    /// Revisions in which the file has events and series, by the hash of their identities.
    revisions: HashMap<u64, String>,
    whole: bool,
    broken: bool,
}

/// A record that a source of the file had and that is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsentRecord {
    /// Number of records that are not in the file and come before this one, whatever became of them.
    pub number: i64,
    pub kind: &'static str,
    pub source: String,
}

/// What is missing of a source.
pub struct AbsentItem {
    /// The record.
    pub source: Source,
    /// Its item.
    pub item: Item,
    /// Title of the item.
    pub title: String,
}

impl SeenRecords {
    /// Remembers an entry.
    pub fn remember(&mut self, entry: &ImportEntry) {
        match entry {
            ImportEntry::Record(record) => self.remember_record(record),
            ImportEntry::Whole => self.whole = true,
            ImportEntry::Broken { record: None, .. } => self.broken = true,
            ImportEntry::Broken { record: Some((kind, source)), .. } | ImportEntry::Present { kind, source } => {
                self.remember_source(kind, source);
            }
            ImportEntry::Beyond { prefix, after } => {
                let known = self.beyond.entry(hash_of("", prefix)).or_insert_with(|| after.clone());
                if *after < *known {
                    known.clone_from(after);
                }
            }
            ImportEntry::Revision(revision) => {
                self.revisions.insert(hash_of("", &revision.identity), revision.number.clone());
            }
            ImportEntry::Exported { .. }
            | ImportEntry::ExportedForm { .. }
            | ImportEntry::ExportedIssue { .. }
            | ImportEntry::Cancellation(_)
            | ImportEntry::Note { .. }
            | ImportEntry::LeftOut(_) => {}
        }
    }

    fn remember_record(&mut self, record: &Record) {
        self.remember_source(record.kind, &record.source);
        if let Some(shared) = &record.same_as {
            self.remember_source(record.kind, shared);
        }
        if let Some(event) = record.own_event.as_ref().filter(|event| !self.own_events.contains(*event)) {
            self.own_events.insert(event.clone());
        }
        if !record.origin.is_empty() && !self.origins.contains(&record.origin) {
            self.origins.insert(record.origin.clone());
        }
    }

    fn remember_source(&mut self, kind: &str, source: &str) {
        if MISSED.contains(&kind) {
            self.records.insert(hash_of(kind, source));
        }
    }

    /// Returns whether the file was read to its end without a part that might be any record.
    pub fn is_complete(&self) -> bool {
        self.whole && !self.broken
    }

    /// Returns the records that the sources of the file had and that are not in it, whose items are not over and not
    /// withdrawn already. Nothing is missing from a programme of this site: others brought its sessions, under the ids that they
    /// have elsewhere.
    ///
    /// # Errors
    /// Fails if a query fails.
    pub fn find_absent(&self, connection: &mut Db, now: i64) -> QueryResult<Vec<AbsentRecord>> {
        let mut absent = Vec::new();
        for event in &self.own_events {
            let found: Option<String> = items::table.find(event).select(items::id).first(connection).optional()?;
            if found.is_some() {
                return Ok(absent);
            }
        }
        let mut number = 0;
        for (origin, kind) in self.origins.iter().flat_map(|origin| MISSED.map(|kind| (origin, kind))) {
            self.each_absent(connection, (kind, origin), |connection, source| {
                let own = number;
                number += 1;
                if let Some(AbsentItem { source, .. }) = self.find_missing(connection, source, now)? {
                    absent.push(AbsentRecord { number: own, kind, source: source.source });
                }
                Ok(())
            })?;
        }
        Ok(absent)
    }

    /// Returns the number of records of one kind and source that are missing; see [`SeenRecords::find_absent`].
    ///
    /// # Errors
    /// Fails if a query fails.
    pub fn missing_count(&self, connection: &mut Db, (kind, origin): (&str, &str), now: i64) -> QueryResult<usize> {
        let mut count = 0;
        self.each_absent(connection, (kind, origin), |connection, source| {
            count += usize::from(self.find_missing(connection, source, now)?.is_some());
            Ok(())
        })?;
        Ok(count)
    }

    /// Passes each record of one kind and source that is not in the file to `work`, in the order of their identifiers. None
    /// is missing from a file that was not read to its end or is a part of its source.
    fn each_absent(
        &self,
        connection: &mut Db,
        (kind, origin): (&str, &str),
        mut work: impl FnMut(&mut Db, Source) -> QueryResult<()>,
    ) -> QueryResult<()> {
        if !self.whole {
            return Ok(());
        }
        let mut after = String::new();
        loop {
            let rows = sources::of_origin(connection, (kind, origin), &after, CHUNK)?;
            let Some(last) = rows.last() else { return Ok(()) };
            after.clone_from(&last.source);
            rows.into_iter().filter(|row| !self.is_there(row)).try_for_each(|row| work(connection, row))?;
        }
    }

    /// Returns what is missing with a record that is not in the file; `None` if nothing is.
    fn find_missing(&self, connection: &mut Db, source: Source, now: i64) -> QueryResult<Option<AbsentItem>> {
        let is_missing = !is_withdrawn(&source)
            && !self.has_older_revision(connection, &source)?
            && self.is_last_of_item(connection, &source)?;
        if is_missing { item_of(connection, source, now) } else { Ok(None) }
    }

    /// Returns whether the file has a record, or may have it.
    fn is_there(&self, row: &Source) -> bool {
        let source = row.source.as_str();
        let is_beyond = |(slash, _): (usize, &str)| {
            let (prefix, rest) = source.split_at(slash + 1);
            self.beyond.get(&hash_of("", prefix)).is_some_and(|after| rest > after.as_str())
        };
        self.records.contains(&hash_of(&row.kind, source)) || source.match_indices('/').any(is_beyond)
    }

    /// Returns whether the file has an older revision of the event or series to which a record belongs: it says nothing of
    /// what is newer.
    fn has_older_revision(&self, connection: &mut Db, row: &Source) -> QueryResult<bool> {
        let series = row.source.rsplit_once('/').map(|(identity, _)| identity);
        for identity in series.into_iter().chain([row.source.as_str()]) {
            if let Some(number) = self.revisions.get(&hash_of("", identity))
                && *number < revisions::find_newest(connection, identity)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether nothing else that is still there describes the item of a record, so that it is missing with
    /// this record. Of several missing records of one item only the first counts.
    fn is_last_of_item(&self, connection: &mut Db, source: &Source) -> QueryResult<bool> {
        let all = sources::of_items(connection, std::slice::from_ref(&source.item_id))?;
        let is_there =
            |other: &Source| self.is_there(other) || (other.origin != source.origin && !other.origin.is_empty());
        let first = all.iter().find(|other| other.origin == source.origin);
        Ok(!all.iter().any(is_there) && first.is_some_and(|first| first.source == source.source))
    }
}

/// Returns whether the item of a record is withdrawn.
pub fn is_withdrawn(source: &Source) -> bool {
    WITHDRAWN.contains(&source.fingerprint.as_str())
}

/// Returns whether the item of a record is withdrawn and was public before.
pub fn was_public(source: &Source) -> bool {
    source.fingerprint == WITHDRAWN[1]
}

/// Returns the item of a record that its source has no more, if it is not over.
///
/// # Errors
/// Fails if a query fails.
pub fn item_of(connection: &mut Db, source: Source, now: i64) -> QueryResult<Option<AbsentItem>> {
    let ahead = items::table.find(&source.item_id).filter(items::trashed_at.eq(0).and(items::ends_at.ge(now)));
    let item: Option<Item> = ahead.select(Item::as_select()).first(connection).optional()?;
    Ok(item.and_then(|item| {
        let content_type = ContentType::of_kind(&item.kind)?;
        let text = item.content();
        let title = text.get(content_type.label)?;
        let title = title.as_object().and_then(|map| map.values().next()).unwrap_or(title);
        Some(AbsentItem { title: title.as_str().unwrap_or_default().to_owned(), source, item })
    }))
}

/// Withdraws the item of a missing record: an event is cancelled, so that calendars show it; any other item is not
/// public any more.
///
/// # Errors
/// Fails with `Conflict` if the item has a working draft, and if a statement fails.
pub fn withdraw(connection: &mut Db, context: WriteContext<'_>, missing: AbsentItem) -> Result<(), Problem> {
    let AbsentItem { source, item, .. } = missing;
    let Some(content_type) = ContentType::of_kind(&item.kind) else { return Ok(()) };
    let (mut content, mut status, mut mark) = (item.content(), None, WITHDRAWN[0]);
    if content_type.kind == "event" {
        content.insert("event_status".to_owned(), "cancelled".into());
    } else if item.status == "published" {
        (status, mark) = (Some("draft".to_owned()), WITHDRAWN[1]);
    }
    let writing = ItemWrite { status, ..ItemWrite::of(content_type, content) };
    let item = write::update(connection, context, item, writing)?;
    let state = Source { fingerprint: mark.to_owned(), version: item.version, ..source };
    Ok(sources::keep(connection, &state)?)
}
