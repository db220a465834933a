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

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Nullable, Text};
use serde::Serialize;

use crate::database::insert::Rows;
use crate::database::schema::journal;
use crate::database::statement::Term;
use crate::database::{Db, Dialect, now};
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
pub struct NewEntry<'a> {
    /// The action, such as `publish`.
    pub action: &'a str,
    /// The kind of the subject: a kind of content, `account`, `release`, …
    pub kind: &'a str,
    /// The id of the subject.
    pub id: &'a str,
    /// The version that the action produced; 0 where there are no versions.
    pub version: i64,
    /// The state after the action, as JSON.
    pub snapshot: String,
    /// JSON Pointers of the changed values.
    pub changed: &'a [String],
}

/// What an entry about an item records beside the item.
#[derive(Debug, Default)]
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
    append(connection, author, item_entry(item, &entry))
}

/// Appends entries about several items, in their order, as [`append_item`] does for one.
///
/// # Errors
///
/// Fails if a statement fails.
pub fn append_items<'a>(
    connection: &mut Db,
    author: &Author,
    mut entries: impl ExactSizeIterator<Item = (&'a Item, ItemEntry<'a>)>,
) -> QueryResult<()> {
    // One statement for all saves round trips to Postgres. SQLite has none, and takes three times as long for a large
    // text out of a list in JSON as for a parameter.
    if entries.len() < 2 || connection.dialect() == Dialect::Sqlite {
        return entries.try_for_each(|(item, entry)| append_item(connection, author, item, entry));
    }
    let at = now();
    // See `append` on the numbers. They are looked up first here, which takes one statement for all entries.
    let last = newest_sequence(connection)?;
    let rows = entries.zip(last + 1..).map(|((item, entry), sequence)| {
        let entry = item_entry(item, &entry);
        JournalRow {
            sequence,
            at,
            actor: author.account_id.as_deref(),
            action: entry.action,
            kind: entry.kind,
            item_id: entry.id,
            version: entry.version,
            request_id: &author.request_id,
            snapshot: entry.snapshot,
            reason: author.reason.as_deref(),
            changed: places(entry.changed),
            via: author.via.as_deref(),
            batch: author.batch.as_deref(),
        }
    });
    JournalRow::STORED.insert(connection, &rows.collect::<Vec<_>>())
}

/// A row of `journal`.
#[derive(Debug, Serialize)]
struct JournalRow<'a> {
    sequence: i64,
    at: i64,
    actor: Option<&'a str>,
    action: &'a str,
    kind: &'a str,
    item_id: &'a str,
    version: i64,
    request_id: &'a str,
    snapshot: String,
    reason: Option<&'a str>,
    changed: String,
    via: Option<&'a str>,
    batch: Option<&'a str>,
}

impl JournalRow<'_> {
    const STORED: Rows = Rows {
        table: "journal",
        columns: &[
            ("sequence", "bigint"),
            ("at", "bigint"),
            ("actor", "text"),
            ("action", "text"),
            ("kind", "text"),
            ("item_id", "text"),
            ("version", "bigint"),
            ("request_id", "text"),
            ("snapshot", "text"),
            ("reason", "text"),
            ("changed", "text"),
            ("via", "text"),
            ("batch", "text"),
        ],
    };
}

/// Returns an entry about an item with its snapshot.
fn item_entry<'a>(item: &'a Item, entry: &ItemEntry<'a>) -> NewEntry<'a> {
    let ItemEntry { action, draft, changed } = *entry;
    // The snapshot is composed as text, since `content` is JSON already and parsing it again would cost every
    // write. All other values need no escaping: slugs have only letters, digits and hyphens, and status and
    // stage are fixed words.
    let draft =
        draft.map_or("null".to_owned(), |(slug, content)| format!("{{\"slug\":\"{slug}\",\"content\":{content}}}"));
    let snapshot = format!(
        "{{\"slug\":\"{}\",\"status\":\"{}\",\"stage\":\"{}\",\"published_at\":{},\"shown_at\":{},\"trashed_at\":{},\"translations\":{},\"draft\":{draft},\"content\":{}}}",
        item.slug,
        item.status,
        item.stage,
        item.published_at,
        item.shown_at,
        item.trashed_at,
        item.translations,
        item.content
    );
    NewEntry { action, kind: &item.kind, id: &item.id, version: item.latest(), snapshot, changed }
}

/// Returns the JSON Pointers of changed values as they are stored.
fn places(changed: &[String]) -> String {
    serde_json::to_string(changed).unwrap_or_else(|_| "[]".to_owned())
}

/// Appends an entry. It must run within the transaction of the write that the entry records.
///
/// # Errors
///
/// Fails if the statement fails.
pub fn append(connection: &mut Db, author: &Author, entry: NewEntry<'_>) -> QueryResult<()> {
    let changed = places(entry.changed);
    // `max + 1` is safe only because write transactions exclude each other on all nodes: no other writer can
    // take the same number or commit a lower one later. A sequence of the database would leave gaps where a
    // transaction is rolled back.
    let values = diesel::select((
        Term::<BigInt>::new("(SELECT coalesce(max(sequence), 0) + 1 FROM journal)"),
        now().into_sql::<BigInt>(),
        author.account_id.as_deref().into_sql::<Nullable<Text>>(),
        entry.action.into_sql::<Text>(),
        entry.kind.into_sql::<Text>(),
        entry.id.into_sql::<Text>(),
        entry.version.into_sql::<BigInt>(),
        author.request_id.as_str().into_sql::<Text>(),
        entry.snapshot.into_sql::<Text>(),
        author.reason.as_deref().into_sql::<Nullable<Text>>(),
        changed.into_sql::<Text>(),
        author.via.as_deref().into_sql::<Nullable<Text>>(),
        author.batch.as_deref().into_sql::<Nullable<Text>>(),
    ));
    let columns = (
        journal::sequence,
        journal::at,
        journal::actor,
        journal::action,
        journal::kind,
        journal::item_id,
        journal::version,
        journal::request_id,
        journal::snapshot,
        journal::reason,
        journal::changed,
        journal::via,
        journal::batch,
    );
    diesel::insert_into(journal::table).values(values).into_columns(columns).execute(connection)?;
    Ok(())
}
