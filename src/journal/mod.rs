//! The journal: an append-only record of every write, with its author and a snapshot of the result.
//!
//! Only one write transaction runs at a time, on all nodes together (see `database::writer` and
//! `Db::begin_write`). So entries become visible in the order of their sequence numbers and without gaps: a
//! reader that has read up to a number has seen every earlier entry. Change feeds, the search index and
//! cache invalidation on other nodes rely on this. With concurrent writers, an entry could be committed after
//! one with a higher number, and readers that had passed that number would miss it.

pub mod audit;
pub mod diff;
pub mod history;
pub mod snapshot;

use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use crate::database::compressed_text;
use crate::database::insert::{RowValues, StoredRow, insert_rows};
use crate::database::schema::journal;
use crate::database::{Db, now};
use crate::items::Item;

pub use crate::database::journal_tail::newest_sequence;

/// The author of a write and the request that it belongs to.
#[derive(Debug, Clone, Default)]
pub struct Author {
    /// The id of the account; none for the command line and for Plenary itself.
    pub account_id: Option<String>,
    /// The id of the request, or the name of the job.
    pub request_id: String,
    /// The reason that the author gave.
    pub reason: Option<String>,
    /// The API key that was used instead of a session.
    pub via: Option<String>,
    /// The time for which the write was planned (µs), if it was. A planned publication counts as published
    /// since then, whenever the scheduler carried it out, so that a preview can show the same time
    /// beforehand.
    pub due_at: Option<i64>,
    /// The id of the batch of which the write is a part, if it is part of one.
    pub batch: Option<String>,
}

/// An entry to be appended.
#[derive(Debug)]
pub struct NewEntry<'a, S = String> {
    /// The action, such as `publish`.
    pub action: &'a str,
    /// The kind of the subject: a kind of content, `account`, `release`, …
    pub kind: &'a str,
    /// The id of the subject.
    pub id: &'a str,
    /// The version that the action produced; 0 where there are no versions.
    pub version: i64,
    /// The state after the action, as JSON, or in its stored form.
    pub snapshot: S,
    /// JSON Pointers of the changed values.
    pub changed: &'a [String],
}

/// What an entry about an item records beside the item.
#[derive(Debug, Default, Clone, Copy)]
pub struct ItemEntry<'a> {
    /// The action, such as `publish`.
    pub action: &'a str,
    /// The slug and content of the working draft that the item has after the action.
    pub draft: Option<(&'a str, &'a str)>,
    /// JSON Pointers of the changed values.
    pub changed: &'a [String],
}

/// Appends an entry about an item with a snapshot of the item and its working draft.
///
/// It must run within the transaction of the write, after it: an entry without its write, or a write
/// without its entry, would leave caches, the search index and consumers of changes out of date for good.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn append_item(connection: &mut Db, author: &Author, item: &Item, entry: ItemEntry<'_>) -> QueryResult<()> {
    insert_rows(connection, &[row_of_item(author, item, &entry)])
}

/// Returns the rows of entries about several items, in their order. They must be inserted within the transaction, before
/// any other entry.
///
/// # Errors
///
/// Fails if the query fails.
pub fn rows_of_items<'a>(
    connection: &mut Db,
    author: &'a Author,
    entries: impl Iterator<Item = (&'a Item, ItemEntry<'a>)>,
) -> QueryResult<Vec<JournalRow<'a>>> {
    // See `NextEntry` on the numbers.
    let last = newest_sequence(connection)?;
    Ok(entries
        .zip(last + 1..)
        .map(|((item, entry), number)| JournalRow::new(number, author, item_entry(item, &entry)))
        .collect())
}

/// Returns the row of an entry about an item, which gets the next number when it is inserted.
pub fn row_of_item<'a>(author: &'a Author, item: &'a Item, entry: &ItemEntry<'a>) -> NextEntry<'a> {
    NextEntry(JournalRow::new(0, author, item_entry(item, entry)))
}

/// A row of `journal`.
#[derive(Debug)]
pub struct JournalRow<'a> {
    sequence: i64,
    at: i64,
    actor: Option<&'a str>,
    action: &'a str,
    kind: &'a str,
    item_id: &'a str,
    version: i64,
    request_id: &'a str,
    snapshot: Vec<u8>,
    reason: Option<&'a str>,
    changed: String,
    via: Option<&'a str>,
    batch: Option<&'a str>,
}

impl<'a> JournalRow<'a> {
    fn new(sequence: i64, author: &'a Author, entry: NewEntry<'a, Vec<u8>>) -> Self {
        let NewEntry { action, kind, id, version, snapshot, changed } = entry;
        Self {
            sequence,
            at: now(),
            actor: author.account_id.as_deref(),
            action,
            kind,
            item_id: id,
            version,
            request_id: &author.request_id,
            snapshot,
            reason: author.reason.as_deref(),
            changed: serde_json::to_string(changed).unwrap_or_else(|_| "[]".to_owned()),
            via: author.via.as_deref(),
            batch: author.batch.as_deref(),
        }
    }

    /// Adds all values but the number.
    fn add_rest<'b>(&'b self, row: &mut RowValues<'_, '_, 'b>) -> QueryResult<()> {
        row.add::<BigInt, _>(&self.at)?;
        row.add::<Nullable<Text>, _>(&self.actor)?;
        row.add::<Text, _>(self.action)?;
        row.add::<Text, _>(self.kind)?;
        row.add::<Text, _>(self.item_id)?;
        row.add::<BigInt, _>(&self.version)?;
        row.add::<Text, _>(self.request_id)?;
        row.add::<Binary, _>(&self.snapshot)?;
        row.add::<Nullable<Text>, _>(&self.reason)?;
        row.add::<Text, _>(&self.changed)?;
        row.add::<Nullable<Text>, _>(&self.via)?;
        row.add::<Nullable<Text>, _>(&self.batch)
    }
}

impl StoredRow for JournalRow<'_> {
    type Id = journal::table;
    const TABLE: &'static str = "journal";
    const COLUMNS: &'static [&'static str] = &[
        "sequence",
        "at",
        "actor",
        "action",
        "kind",
        "item_id",
        "version",
        "request_id",
        "snapshot",
        "reason",
        "changed",
        "via",
        "batch",
    ];

    fn add_values<'b>(&'b self, row: &mut RowValues<'_, '_, 'b>) -> QueryResult<()> {
        row.add::<BigInt, _>(&self.sequence)?;
        self.add_rest(row)
    }
}

/// A row that gets the next number when it is inserted.
///
/// `max + 1` is safe only because write transactions exclude each other on all nodes: no other writer can take the same
/// number or commit a lower one later. A sequence of the database would leave gaps where a transaction is rolled back.
#[derive(Debug)]
pub struct NextEntry<'a>(JournalRow<'a>);

impl StoredRow for NextEntry<'_> {
    type Id = NextEntry<'static>;
    const TABLE: &'static str = "journal";
    const COLUMNS: &'static [&'static str] = JournalRow::COLUMNS;

    fn add_values<'b>(&'b self, row: &mut RowValues<'_, '_, 'b>) -> QueryResult<()> {
        row.add_sql("(SELECT coalesce(max(sequence), 0) + 1 FROM journal)");
        self.0.add_rest(row)
    }
}

/// Returns an entry about an item with its snapshot.
fn item_entry<'a>(item: &'a Item, entry: &ItemEntry<'a>) -> NewEntry<'a, Vec<u8>> {
    let ItemEntry { action, draft, changed } = *entry;
    // The snapshot is composed as text, since parsing `content` again would cost every write. All other values need no escaping: slugs have only letters, digits and hyphens, and status and
    // stage are fixed words.
    let draft =
        draft.map_or("null".to_owned(), |(slug, content)| format!("{{\"slug\":\"{slug}\",\"content\":{content}}}"));
    let head = format!(
        "{{\"slug\":\"{}\",\"status\":\"{}\",\"stage\":\"{}\",\"published_at\":{},\"shown_at\":{},\"live\":{},\"trashed_at\":{},\"translations\":{},\"draft\":{draft},\"content\":",
        item.slug,
        item.status,
        item.stage,
        item.published_at,
        item.shown_at,
        item.live,
        item.trashed_at,
        item.translations
    );
    let snapshot = snapshot::of_parts(&head, &item.content);
    NewEntry { action, kind: &item.kind, id: &item.id, version: item.latest_version(), snapshot, changed }
}

/// Appends an entry. It must run within the transaction of the write that the entry records.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn append(connection: &mut Db, author: &Author, entry: NewEntry<'_>) -> QueryResult<()> {
    let NewEntry { action, kind, id, version, snapshot, changed } = entry;
    let snapshot = compressed_text::compress(&snapshot);
    let entry = NewEntry { action, kind, id, version, snapshot, changed };
    insert_rows(connection, &[NextEntry(JournalRow::new(0, author, entry))])
}
