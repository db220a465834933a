//! The log of mails: what is shown of it, how long it is kept, and groups of mails.

use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::database::mail_schema::{mail_domain_seconds, mails};
use crate::database::{Db, now};
use crate::mail::outbox::{MailEnd, MailKind, MailRow, MailStatus};
use crate::microseconds::{DAY, MINUTE, SECOND};

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
    diesel::update(own().filter(mails::ended_at.eq(0))).set(MailEnd::new(MailStatus::Dropped)).execute(connection)?;
    diesel::update(own()).set((mails::recipient.eq(""), mails::detail.eq(""))).execute(connection).map(drop)
}

/// Takes the recipients of the mails of a kind in these groups out of the log, and drops those mails that wait. Other mails to
/// the same addresses stay.
///
/// # Errors
/// Fails if a statement fails.
pub fn forget_recipients_in(connection: &mut Db, group_ids: &[String], kind: MailKind) -> QueryResult<()> {
    let own = || mails::table.filter(mails::group_id.eq_any(group_ids).and(mails::kind.eq(kind.name())));
    diesel::update(own().filter(mails::ended_at.eq(0))).set(MailEnd::new(MailStatus::Dropped)).execute(connection)?;
    diesel::update(own()).set((mails::recipient.eq(""), mails::detail.eq(""))).execute(connection).map(drop)
}

/// Holds the mails of a group that have not ended, or lets them go on. A mail that a node has claimed is held too: the node
/// looks at it again before it sends it.
///
/// # Errors
/// Fails if the statement fails.
pub fn hold(connection: &mut Db, group_id: &str, is_held: bool) -> QueryResult<()> {
    let (from, to) = match is_held {
        true => (MailStatus::Queued, MailStatus::Held),
        false => (MailStatus::Held, MailStatus::Queued),
    };
    let own = mails::table.filter(mails::group_id.eq(group_id).and(mails::status.eq(from.name())));
    // The time in which they were held does not count.
    let change = (mails::status.eq(to.name()), mails::expires_at.eq(now() + RESUMED_LIFETIME));
    diesel::update(own).set(change).execute(connection).map(drop)
}

/// Drops the mails of a group that have not ended. If a node is sending one of them, its outcome is stored all the same.
///
/// # Errors
/// Fails if the statement fails.
pub fn drop_group(connection: &mut Db, group_id: &str) -> QueryResult<()> {
    let waiting = mails::table.filter(mails::group_id.eq(group_id).and(mails::ended_at.eq(0)));
    diesel::update(waiting).set(MailEnd::new(MailStatus::Dropped)).execute(connection).map(drop)
}

/// Returns whether a mail is to be sent: it was neither held nor dropped since a node claimed it.
///
/// # Errors
/// Fails if the query fails.
pub fn is_wanted(connection: &mut Db, id: &str) -> QueryResult<bool> {
    let status: Option<String> = mails::table.find(id).select(mails::status).first(connection).optional()?;
    Ok(status.as_deref() == Some(MailStatus::Queued.name()))
}

/// Returns whether the last mail before this one, of the same kind and to the same address, arrived as far as the log knows: the
/// server took it, and it did not come back.
///
/// # Errors
/// Fails if the query fails.
pub fn has_arrived_before(connection: &mut Db, mail: &MailRow) -> QueryResult<bool> {
    let taken = [MailStatus::Sent.name(), MailStatus::Bounced.name()];
    let earlier = mails::table
        .filter(mails::recipient.eq(&mail.recipient).and(mails::id.lt(&mail.id)))
        .filter(mails::kind.eq(&mail.kind).and(mails::status.eq_any(taken)));
    let last = earlier.order(mails::id.desc()).select(mails::status);
    let status: Option<String> = last.first(connection).optional()?;
    Ok(status.as_deref() == Some(MailStatus::Sent.name()))
}

/// Returns whether a group has mails that wait or are held.
///
/// # Errors
/// Fails if the query fails.
pub fn has_waiting(connection: &mut Db, group_id: &str) -> QueryResult<bool> {
    let waits = [MailStatus::Queued.name(), MailStatus::Held.name()];
    let waiting = mails::table.filter(mails::group_id.eq(group_id).and(mails::status.eq_any(waits)));
    Ok(waiting.select(mails::id).first::<String>(connection).optional()?.is_some())
}

/// Counts the mails of groups by group and state.
///
/// # Errors
/// Fails if the query fails.
pub fn counts(connection: &mut Db, group_ids: &[&str]) -> QueryResult<Vec<(String, String, i64)>> {
    let own = mails::table.filter(mails::group_id.eq_any(group_ids)).group_by((mails::group_id, mails::status));
    own.select((mails::group_id, mails::status, diesel::dsl::count_star())).load(connection)
}
