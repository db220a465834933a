//! The journal: every write of content, in order, with who did it and the item as it became.
//!
//! Writers take turns (see `database::writer`), so sequence numbers have neither gaps nor late
//! comers: whoever has read up to a number has seen all that came before.

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Nullable, Text};

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

/// The number of the newest entry.
pub fn head(connection: &mut Db) -> QueryResult<i64> {
    journal_head::table.find(1).select(journal_head::sequence).first(connection)
}

/// Appends what was done to an item; must run within the transaction that did it.
pub fn append(connection: &mut Db, author: &Author, action: &str, item: &Item) -> QueryResult<()> {
    diesel::update(journal_head::table.find(1))
        .set(journal_head::sequence.eq(journal_head::sequence + 1))
        .execute(connection)?;
    // The content is JSON already; around it only values that need no escaping but the slug's, which are plain.
    let snapshot = format!(
        "{{\"slug\":\"{}\",\"status\":\"{}\",\"published_at\":{},\"trashed_at\":{},\"content\":{}}}",
        item.slug, item.status, item.published_at, item.trashed_at, item.content
    );
    // One statement takes the new number and uses it.
    let entry = journal_head::table.find(1).select((
        journal_head::sequence,
        now().into_sql::<BigInt>(),
        author.account_id.as_deref().into_sql::<Nullable<Text>>(),
        action.into_sql::<Text>(),
        item.kind.as_str().into_sql::<Text>(),
        item.id.as_str().into_sql::<Text>(),
        item.version.into_sql::<BigInt>(),
        author.request_id.as_str().into_sql::<Text>(),
        snapshot.into_sql::<Text>(),
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
    );
    diesel::insert_into(journal::table).values(entry).into_columns(columns).execute(connection)?;
    Ok(())
}
