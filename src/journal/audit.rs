//! Queries over the whole journal for the audit log: content, accounts, log-ins and API keys.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::history::{JournalEntry, with_accounts};
use crate::database::Db;
use crate::database::schema::journal;

/// The conditions of an audit query; those that are `None` do not apply.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// The id of the account that acted.
    pub actor: Option<String>,
    /// The kind of the subject: `event`, `account`, …
    pub kind: Option<String>,
    /// The id of the item or account.
    pub item_id: Option<String>,
    /// The action, such as `publish`.
    pub action: Option<String>,
    /// The id of the batch of which the action was a part.
    pub batch: Option<String>,
    /// Earliest time (µs), inclusive.
    pub from: Option<i64>,
    /// Latest time (µs), exclusive.
    pub until: Option<i64>,
    /// Upper bound of the sequence number, exclusive: the cursor of keyset pagination.
    pub before: i64,
    /// Maximum number of entries.
    pub limit: i64,
}

/// Returns the entries that meet the conditions, newest first.
///
/// # Errors
///
/// Fails if the query fails.
pub fn entries(connection: &mut Db, filter: &AuditFilter) -> QueryResult<Vec<JournalEntry>> {
    let mut query = with_accounts()
        .filter(journal::sequence.lt(filter.before))
        .order(journal::sequence.desc())
        .limit(filter.limit)
        .select(JournalEntry::as_select())
        .into_boxed();
    if let Some(actor) = &filter.actor {
        query = query.filter(journal::actor.eq(actor));
    }
    if let Some(kind) = &filter.kind {
        query = query.filter(journal::kind.eq(kind));
    }
    if let Some(item_id) = &filter.item_id {
        query = query.filter(journal::item_id.eq(item_id));
    }
    if let Some(action) = &filter.action {
        query = query.filter(journal::action.eq(action));
    }
    if let Some(batch) = &filter.batch {
        query = query.filter(journal::batch.eq(batch));
    }
    if let Some(from) = filter.from {
        query = query.filter(journal::at.ge(from));
    }
    if let Some(until) = filter.until {
        query = query.filter(journal::at.lt(until));
    }
    query.load(connection)
}
