//! What a source had and has no more.

use std::collections::{BTreeSet, HashSet};

use diesel::prelude::*;

use crate::content_types::ContentType;
use crate::database::Db;
use crate::database::schema::items;
use crate::editorial::slugs::SlugsByLocale;
use crate::editorial::write::{self, ItemWrite};
use crate::editorial::write_context::WriteContext;
use crate::items::Item;
use crate::items::sources::{self, Source};
use crate::problem::Problem;
use crate::transfer::record::{ImportEntry, Record};
use crate::transfer::survey::hash_of;

/// Fingerprint of a record whose item was withdrawn, so that the record is taken again when it returns.
pub const WITHDRAWN: &str = "withdrawn";
/// The kinds that are missed. Speakers, venues and topics stay: other items refer to them.
const MISSED: [&str; 2] = ["event", "session"];
/// Number of sources per query.
const CHUNK: i64 = 500;

/// The records that an import has seen.
#[derive(Debug, Default)]
pub struct Seen {
    records: HashSet<u64>,
    origins: BTreeSet<String>,
    whole: bool,
    broken: bool,
}

/// What is missing of a source.
pub struct Missing {
    /// The record.
    pub source: Source,
    /// Its item.
    pub item: Item,
    /// Title of the item.
    pub title: String,
}

impl Seen {
    /// Remembers an entry.
    pub fn remember(&mut self, entry: &ImportEntry) {
        match entry {
            ImportEntry::Record(record) => self.remember_record(record),
            ImportEntry::Whole => self.whole = true,
            ImportEntry::Broken { .. } => self.broken = true,
            ImportEntry::Exported { .. } | ImportEntry::Note { .. } | ImportEntry::LeftOut(_) => {}
        }
    }

    fn remember_record(&mut self, record: &Record) {
        if MISSED.contains(&record.kind) {
            let sources = [Some(&record.source), record.same_as.as_ref()];
            self.records.extend(sources.into_iter().flatten().map(|source| hash_of(record.kind, source)));
        }
        if !record.origin.is_empty() && !self.origins.contains(&record.origin) {
            self.origins.insert(record.origin.clone());
        }
    }

    /// Returns whether the file had everything of its source, as far as is known.
    pub fn is_complete(&self) -> bool {
        self.whole && !self.broken
    }

    /// Returns the records that the sources of the file had and that are not in it, whose items are not over and not
    /// withdrawn already. Nothing is missing from a file that was not read to its end.
    ///
    /// # Errors
    /// Fails if a query fails.
    pub fn missing(&self, connection: &mut Db, now: i64) -> Result<Vec<Missing>, Problem> {
        let mut missing = Vec::new();
        if !self.whole {
            return Ok(missing);
        }
        for (origin, kind) in self.origins.iter().flat_map(|origin| MISSED.map(|kind| (origin, kind))) {
            let mut after = String::new();
            loop {
                let rows = sources::of_origin(connection, (kind, origin), &after, CHUNK)?;
                let Some(last) = rows.last() else { break };
                after.clone_from(&last.source);
                let gone = rows.into_iter().filter(|row| {
                    row.fingerprint != WITHDRAWN && !self.records.contains(&hash_of(&row.kind, &row.source))
                });
                for source in gone {
                    if self.is_last_of_item(connection, &source)? {
                        missing.extend(item_of(connection, source, now)?);
                    }
                }
            }
        }
        Ok(missing)
    }

    /// Returns whether nothing else that is still there describes the item of a record, so that it is missing with
    /// this record. Of several missing records of one item only the first counts.
    fn is_last_of_item(&self, connection: &mut Db, source: &Source) -> Result<bool, Problem> {
        let all = sources::of_items(connection, std::slice::from_ref(&source.item_id))?;
        let is_there = |other: &Source| {
            self.records.contains(&hash_of(&other.kind, &other.source))
                || (other.origin != source.origin && !other.origin.is_empty())
        };
        let first = all.iter().find(|other| other.origin == source.origin);
        Ok(!all.iter().any(is_there) && first.is_some_and(|first| first.source == source.source))
    }
}

fn item_of(connection: &mut Db, source: Source, now: i64) -> Result<Option<Missing>, Problem> {
    let ahead = items::table.find(&source.item_id).filter(items::trashed_at.eq(0).and(items::ends_at.ge(now)));
    let item: Option<Item> = ahead.select(Item::as_select()).first(connection).optional()?;
    Ok(item.and_then(|item| {
        let content_type = ContentType::of_kind(&item.kind)?;
        let text = item.content();
        let title = text.get(content_type.label)?;
        let title = title.as_object().and_then(|map| map.values().next()).unwrap_or(title);
        Some(Missing { title: title.as_str().unwrap_or_default().to_owned(), source, item })
    }))
}

/// Withdraws the item of a missing record: an event is cancelled, so that calendars show it; any other item is not
/// public any more.
///
/// # Errors
/// Fails with `Conflict` if the item has a working draft, and if a statement fails.
pub fn withdraw(connection: &mut Db, context: WriteContext<'_>, missing: Missing) -> Result<(), Problem> {
    let Missing { source, item, .. } = missing;
    let Some(content_type) = ContentType::of_kind(&item.kind) else { return Ok(()) };
    let (mut content, mut status) = (item.content(), None);
    if content_type.kind == "event" {
        content.insert("event_status".to_owned(), "cancelled".into());
    } else if item.status == "published" {
        status = Some("draft".to_owned());
    }
    let writing = ItemWrite { content_type, slug: None, locale: None, slugs: SlugsByLocale::new(), status, content };
    let item = write::update(connection, context, item, writing)?;
    let state = Source { fingerprint: WITHDRAWN.to_owned(), version: item.version, ..source };
    Ok(sources::keep(connection, &state)?)
}
