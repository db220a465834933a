//! The journal: every write of content, in order, with who did it and the item as it became.
//!
//! Writers take turns (see `database::writer`), so sequence numbers have neither gaps nor late
//! comers: whoever has read up to a number has seen all that came before.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::schema::{journal, journal_head};
use crate::database::{Db, now};
use crate::items::Item;

/// Who writes, and within which request.
#[derive(Debug, Clone)]
pub struct Author {
    /// The account; none for the command line.
    pub account_id: Option<String>,
    /// The request.
    pub request_id: String,
}

#[derive(Insertable)]
#[diesel(table_name = journal)]
struct Entry<'a> {
    sequence: i64,
    at: i64,
    actor: Option<&'a str>,
    action: &'a str,
    kind: &'a str,
    item_id: &'a str,
    version: i64,
    request_id: &'a str,
    snapshot: String,
}

/// Appends what was done to an item; must run within the transaction that did it.
pub fn append(connection: &mut Db, author: &Author, action: &str, item: &Item) -> QueryResult<()> {
    diesel::update(journal_head::table.find(1))
        .set(journal_head::sequence.eq(journal_head::sequence + 1))
        .execute(connection)?;
    let sequence = journal_head::table.find(1).select(journal_head::sequence).first(connection)?;
    // The content is JSON already; around it only values that need no escaping but the slug's, which are plain.
    let snapshot = format!(
        "{{\"slug\":\"{}\",\"status\":\"{}\",\"published_at\":{},\"trashed_at\":{},\"content\":{}}}",
        item.slug, item.status, item.published_at, item.trashed_at, item.content
    );
    let entry = Entry {
        sequence,
        at: now(),
        actor: author.account_id.as_deref(),
        action,
        kind: &item.kind,
        item_id: &item.id,
        version: item.version,
        request_id: &author.request_id,
        snapshot,
    };
    diesel::insert_into(journal::table).values(&entry).execute(connection)?;
    Ok(())
}
