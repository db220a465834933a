//! The log of mails: what is shown of it, how long it is kept, and groups of mails.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::mail_schema::{mail_domain_seconds, mails};
use crate::database::{Db, now};
use crate::mail::outbox::{MailRow, MailStatus};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 1_440 * MINUTE;
/// Time in which mails that were held must be sent (µs).
const RESUMED_LIFETIME: i64 = 2 * DAY;

/// What the log is filtered by.
#[derive(Debug, Clone, Default)]
pub struct MailFilter {
    /// Name of a state.
    pub status: Option<String>,
    /// Name of a kind.
    pub kind: Option<String>,
    /// Address of the recipient.
    pub recipient: Option<String>,
    /// Id before which the page begins, for older mails.
    pub before: Option<String>,
}

/// Returns a page of the log, newest first.
///
/// # Errors
/// Fails if the query fails.
pub fn list(connection: &mut Db, filter: &MailFilter, limit: i64) -> QueryResult<Vec<MailRow>> {
    let mut query = mails::table.into_boxed();
    if let Some(status) = &filter.status {
        query = query.filter(mails::status.eq(status.clone()));
    }
    if let Some(kind) = &filter.kind {
        query = query.filter(mails::kind.eq(kind.clone()));
    }
    if let Some(recipient) = &filter.recipient {
        query = query.filter(mails::recipient.eq(recipient.clone()));
    }
    if let Some(before) = &filter.before {
        query = query.filter(mails::id.lt(before.clone()));
    }
    query.order(mails::id.desc()).limit(limit).select(MailRow::as_select()).load(connection)
}

/// Deletes the log's entries that are older than it keeps them, and counts of earlier minutes.
///
/// # Errors
/// Fails if a statement fails.
pub fn delete_old(connection: &mut Db, keep_days: u32) -> QueryResult<usize> {
    let at = now();
    let past = mail_domain_seconds::table.filter(mail_domain_seconds::second.lt((at - 2 * MINUTE) / SECOND));
    diesel::delete(past).execute(connection)?;
    let old = mails::ended_at.gt(0).and(mails::ended_at.lt(at - i64::from(keep_days) * DAY));
    diesel::delete(mails::table.filter(old)).execute(connection)
}

/// Returns an entry of the log, if there is one with this id.
///
/// # Errors
/// Fails if the query fails.
pub fn by_id(connection: &mut Db, id: &str) -> QueryResult<Option<MailRow>> {
    mails::table.find(id).select(MailRow::as_select()).first(connection).optional()
}

/// Takes an address out of the log, and drops the mails to it that wait.
///
/// # Errors
/// Fails if a statement fails.
pub fn forget_recipient(connection: &mut Db, recipient: &str) -> QueryResult<()> {
    let own = || mails::table.filter(mails::recipient.eq(recipient));
    let waiting = own().filter(mails::ended_at.eq(0));
    let end = (mails::status.eq(MailStatus::Dropped.name()), mails::ended_at.eq(now()), mails::data.eq(""));
    diesel::update(waiting).set(end).execute(connection)?;
    diesel::update(own()).set((mails::recipient.eq(""), mails::detail.eq(""))).execute(connection).map(drop)
}

/// Holds the mails of a group that were not sent yet, or lets them go on.
///
/// # Errors
/// Fails if the statement fails.
pub fn hold(connection: &mut Db, group_id: &str, is_held: bool) -> QueryResult<()> {
    let (from, to) = match is_held {
        true => (MailStatus::Queued, MailStatus::Held),
        false => (MailStatus::Held, MailStatus::Queued),
    };
    let own = mails::table.filter(mails::group_id.eq(group_id).and(mails::status.eq(from.name())));
    // A mail that a node is sending is sent to its end.
    let own = own.filter(mails::lease_until.le(now()));
    let held: Vec<String> = own.select(mails::id).load(connection)?;
    // The time in which they were held does not count.
    let expires_at = now() + RESUMED_LIFETIME;
    for ids in held.chunks(500) {
        let rows = mails::table.filter(mails::id.eq_any(ids));
        diesel::update(rows)
            .set((mails::status.eq(to.name()), mails::expires_at.eq(expires_at)))
            .execute(connection)?;
    }
    Ok(())
}

/// Drops the mails of a group that were not sent yet.
///
/// # Errors
/// Fails if the statement fails.
pub fn drop_group(connection: &mut Db, group_id: &str) -> QueryResult<()> {
    let waiting = mails::table.filter(mails::group_id.eq(group_id).and(mails::ended_at.eq(0)));
    let waiting = waiting.filter(mails::lease_until.le(now()));
    let end = (mails::status.eq(MailStatus::Dropped.name()), mails::ended_at.eq(now()), mails::data.eq(""));
    diesel::update(waiting).set(end).execute(connection).map(drop)
}

/// Counts the mails of a group by state.
///
/// # Errors
/// Fails if the query fails.
pub fn counts(connection: &mut Db, group_id: &str) -> QueryResult<Vec<(String, i64)>> {
    let own = mails::table.filter(mails::group_id.eq(group_id)).group_by(mails::status);
    own.select((mails::status, diesel::dsl::count_star())).load(connection)
}
