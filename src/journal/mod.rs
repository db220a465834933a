//! The journal: every write of content, in order, with who did it and the item as it became.
//!
//! Writers take turns (see `database::writer`), so sequence numbers have neither gaps nor late
//! comers: whoever has read up to a number has seen all that came before.

pub mod audit;
pub mod diff;
pub mod history;

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::database::schema::journal;
use crate::database::statement::Term;
use crate::database::{Db, now};
use crate::items::Item;

pub use crate::database::touched::head;

/// Who writes, and within which request.
#[derive(Debug, Clone, Default)]
pub struct Author {
    /// The account; none for the command line and the clock.
    pub account_id: Option<String>,
    /// The request.
    pub request_id: String,
    /// Why, if that was said.
    pub reason: Option<String>,
    /// The key that was used instead of a session.
    pub via: Option<String>,
    /// When it was to be done (µs), where it was planned: what is published then is so since that moment.
    pub due_at: Option<i64>,
}

/// Something that was done.
#[derive(Debug)]
pub struct Entry<'a> {
    /// What: `publish`.
    pub action: &'a str,
    /// To an item of this kind, or to an account.
    pub kind: &'a str,
    /// To which.
    pub id: &'a str,
    /// The version that it has since; 0 where there are none.
    pub version: i64,
    /// What it became, as JSON.
    pub snapshot: String,
    /// The places of the content that changed (JSON Pointers).
    pub changed: &'a [String],
}

/// Appends what was done to an item; must run within the transaction that did it. `draft` is its
/// working draft, if there is one: slug and content.
pub fn append_item(
    connection: &mut Db,
    author: &Author,
    action: &str,
    item: &Item,
    draft: Option<(&str, &str)>,
    changed: &[String],
) -> QueryResult<()> {
    // Contents are JSON already; around them are only values that need no escaping: slugs are plain.
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
    let version = item.latest();
    append(connection, author, Entry { action, kind: &item.kind, id: &item.id, version, snapshot, changed })
}

/// Appends an entry; must run within the transaction that did what it tells.
pub fn append(connection: &mut Db, author: &Author, entry: Entry<'_>) -> QueryResult<()> {
    let changed = serde_json::to_string(entry.changed).unwrap_or_else(|_| "[]".to_owned());
    // Writers take turns: the next number is free.
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
    );
    diesel::insert_into(journal::table).values(values).into_columns(columns).execute(connection)?;
    Ok(())
}
