//! The whole journal, for those who must know who did what: content, accounts, log-ins, keys.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::history::{Told, with_accounts};
use crate::database::Db;
use crate::database::schema::journal;

/// Which entries are wanted; what is none is not asked.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of this account.
    pub actor: Option<String>,
    /// About this kind: `event`, `account`, …
    pub kind: Option<String>,
    /// About this item or account.
    pub item_id: Option<String>,
    /// This was done.
    pub action: Option<String>,
    /// At this moment (µs) or later.
    pub from: Option<i64>,
    /// Before this moment (µs).
    pub until: Option<i64>,
    /// With a smaller number than this.
    pub before: i64,
    /// At most so many.
    pub limit: i64,
}

/// The entries that are wanted, the newest first.
pub fn entries(connection: &mut Db, wanted: &Wanted) -> QueryResult<Vec<Told>> {
    let mut query = with_accounts()
        .filter(journal::sequence.lt(wanted.before))
        .order(journal::sequence.desc())
        .limit(wanted.limit)
        .select(Told::as_select())
        .into_boxed();
    if let Some(actor) = &wanted.actor {
        query = query.filter(journal::actor.eq(actor));
    }
    if let Some(kind) = &wanted.kind {
        query = query.filter(journal::kind.eq(kind));
    }
    if let Some(item_id) = &wanted.item_id {
        query = query.filter(journal::item_id.eq(item_id));
    }
    if let Some(action) = &wanted.action {
        query = query.filter(journal::action.eq(action));
    }
    if let Some(from) = wanted.from {
        query = query.filter(journal::at.ge(from));
    }
    if let Some(until) = wanted.until {
        query = query.filter(journal::at.lt(until));
    }
    query.load(connection)
}
