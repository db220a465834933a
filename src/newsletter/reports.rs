//! Reports of a provider that sends the newsletter: who unsubscribed there, complained, or cannot be reached.

use diesel::prelude::*;
use diesel::result::QueryResult;

use super::subscribers::{self, SubscriberContext};
use crate::database::mail_schema::subscriber_reports;
use crate::database::{Db, now};
use crate::mail::bounce::{BounceKind, BounceNotice};

/// Time for which the id of a report is kept (µs): longer than providers repeat one.
const KEPT: i64 = 7 * 86_400_000_000;

/// Names of what a report says.
pub const REPORT_KINDS: [&str; 4] = ["unsubscribed", "permanent", "transient", "complaint"];

/// A report about one address.
#[derive(Debug, Clone)]
pub struct SubscriberReport {
    /// Id that the provider gave it.
    pub id: String,
    /// Address, in lower case.
    pub email: String,
    /// What the provider noticed; none if the person unsubscribed.
    pub notice: Option<BounceNotice>,
    /// Time at which it happened (µs since 1970).
    pub occurred_at: i64,
}

impl SubscriberReport {
    /// Returns what a kind of report with this status code says of mails; none if it is that the person unsubscribed.
    pub fn notice(kind: &str, status: String, diagnostic: String) -> Option<BounceNotice> {
        BounceKind::from_name(kind).map(|kind| BounceNotice { kind, status, diagnostic })
    }
}

/// Takes note of a report. One that was taken before has no effect, and neither has one about an address that has no
/// subscriber, or that was confirmed after it.
///
/// # Errors
/// Fails if a statement fails.
pub fn take(connection: &mut Db, context: SubscriberContext<'_>, report: &SubscriberReport) -> QueryResult<()> {
    let known = subscriber_reports::table.find(&report.id).select(subscriber_reports::id).first::<String>(connection);
    // Writers of all nodes take turns, so no other one inserts the row in between.
    if known.optional()?.is_some() {
        return Ok(());
    }
    let row = (subscriber_reports::id.eq(&report.id), subscriber_reports::expires_at.eq(now() + KEPT));
    diesel::insert_into(subscriber_reports::table).values(row).execute(connection)?;
    let Some(subscriber) = subscribers::by_email(connection, &report.email)? else { return Ok(()) };
    if subscriber.confirmed_at > report.occurred_at {
        return Ok(());
    }
    match &report.notice {
        Some(notice) => subscribers::take_notice(connection, context, &subscriber, notice),
        None => subscribers::unsubscribe(connection, context, &subscriber),
    }
}

/// Deletes the ids of reports that are not repeated any more.
///
/// # Errors
/// Fails if the statement fails.
pub fn delete_expired(connection: &mut Db) -> QueryResult<usize> {
    diesel::delete(subscriber_reports::table.filter(subscriber_reports::expires_at.lt(now()))).execute(connection)
}
