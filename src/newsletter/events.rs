//! Events of subscribers of which a provider's webhook is told. An event is a row that is written in the transaction that
//! causes it; what it says is composed when it is sent, so that it has nothing of a person who was erased meanwhile, except
//! the address that the provider is to erase. The events of an address are sent in their order.

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Bool, Text};

use super::subscribers::{Subscriber, SubscriberContext};
use crate::config::MailConfig;
use crate::database::insert::{insert_rows, stored_row};
use crate::database::mail_schema::subscriber_events;
use crate::database::statement::Term;
use crate::database::{Db, new_id, now};
use crate::mail::claims::retry_delay;
use crate::microseconds::{DAY, HOUR};
use crate::protection::limits::keyed_digest;

/// Greatest number of characters of a detail.
const MOST_CHARACTERS: usize = 300;

/// What happened to a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The address was subscribed.
    Confirmed,
    /// Name, language or topics were changed.
    Changed,
    /// Nothing is to be mailed any more: the subscriber left, or mails came back.
    Unsubscribed,
    /// What is known of the person was erased.
    Erased,
}

impl EventKind {
    /// Names of all kinds, as a provider is told them.
    pub const TYPES: [&str; 4] =
        ["subscriber.confirmed", "subscriber.changed", "subscriber.unsubscribed", "subscriber.erased"];

    /// Returns the name of the kind in the database.
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Confirmed => "confirmed",
            EventKind::Changed => "changed",
            EventKind::Unsubscribed => "unsubscribed",
            EventKind::Erased => "erased",
        }
    }
}

/// The state of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventStatus {
    /// It waits for its (next) attempt.
    Queued,
    /// The provider took it.
    Sent,
    /// It was given up.
    Failed,
    /// A later event of the subscriber says more.
    Dropped,
}

impl EventStatus {
    /// Names of all states.
    pub const NAMES: [&str; 4] = ["queued", "sent", "failed", "dropped"];

    /// Returns the name of the state in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            EventStatus::Queued => "queued",
            EventStatus::Sent => "sent",
            EventStatus::Failed => "failed",
            EventStatus::Dropped => "dropped",
        }
    }
}

/// A row of `subscriber_events`.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = subscriber_events)]
pub struct SubscriberEvent {
    /// UUIDv7, by which the provider recognises an event that comes twice.
    pub id: String,
    /// Name of an [`EventKind`].
    pub kind: String,
    /// Id of the subscriber.
    pub subscriber_id: String,
    /// Keyed digest of the address.
    pub address_hash: String,
    /// Address of a subscriber who was erased, until the event was sent.
    pub email: String,
    /// Name of an [`EventStatus`].
    pub status: String,
    /// Number of attempts.
    pub attempts: i64,
    /// Time of the next attempt (µs since 1970).
    pub due_at: i64,
    /// Time at which the event is given up (µs since 1970).
    pub expires_at: i64,
    /// Time until which a node sends it (µs since 1970).
    pub lease_until: i64,
    /// Time at which it happened (µs since 1970).
    pub created_at: i64,
    /// Time of the end (µs since 1970), or 0.
    pub ended_at: i64,
    /// Status of the last response, or why there was none.
    pub detail: String,
}

stored_row!(SubscriberEvent, subscriber_events, {
    id: Text,
    kind: Text,
    subscriber_id: Text,
    address_hash: Text,
    email: Text,
    status: Text,
    attempts: BigInt,
    due_at: BigInt,
    expires_at: BigInt,
    lease_until: BigInt,
    created_at: BigInt,
    ended_at: BigInt,
    detail: Text,
});

/// Stores the same event of some subscribers, if a webhook is configured.
///
/// # Errors
/// Fails if a statement fails.
pub fn record(
    connection: &mut Db,
    context: SubscriberContext<'_>,
    kind: EventKind,
    subscribers: &[&Subscriber],
) -> QueryResult<()> {
    if context.config.newsletter.webhook_url.is_empty() {
        return Ok(());
    }
    let at = now();
    let event = |subscriber: &&Subscriber| SubscriberEvent {
        id: new_id(),
        kind: kind.name().to_owned(),
        subscriber_id: subscriber.id.clone(),
        address_hash: keyed_digest(context.site_key, "subscriber-event", &subscriber.email),
        email: if kind == EventKind::Erased { subscriber.email.clone() } else { String::new() },
        status: EventStatus::Queued.name().to_owned(),
        attempts: 0,
        due_at: at,
        expires_at: at + i64::from(context.config.mail.retry_hours) * HOUR,
        lease_until: 0,
        created_at: at,
        ended_at: 0,
        detail: String::new(),
    };
    let rows: Vec<SubscriberEvent> = subscribers.iter().map(event).collect();
    insert_rows(connection, &rows)
}

/// The condition that no earlier event of the same address waits.
const IS_NEXT: Term<Bool> = Term::new(
    "NOT EXISTS (SELECT 1 FROM subscriber_events earlier WHERE earlier.address_hash = subscriber_events.address_hash \
     AND earlier.ended_at = 0 AND earlier.id < subscriber_events.id)",
);

/// Returns some events that are due, the oldest first, at most one of an address.
///
/// # Errors
/// Fails if the query fails.
pub fn due_events(connection: &mut Db, most: i64) -> QueryResult<Vec<SubscriberEvent>> {
    let at = now();
    subscriber_events::table
        .filter(subscriber_events::status.eq(EventStatus::Queued.name()))
        .filter(subscriber_events::due_at.le(at).and(subscriber_events::lease_until.le(at)))
        .filter(IS_NEXT)
        .order(subscriber_events::id)
        .limit(most)
        .select(SubscriberEvent::as_select())
        .load(connection)
}

/// Claims some events that are due for this node, for a time (µs).
///
/// # Errors
/// Fails if a statement fails.
pub fn claim(connection: &mut Db, most: i64, lease: i64) -> QueryResult<Vec<SubscriberEvent>> {
    let events = due_events(connection, most)?;
    lease_until(connection, &events, now() + lease)?;
    Ok(events)
}

/// Gives back events that this node claimed and did not send.
///
/// # Errors
/// Fails if the statement fails.
pub fn release(connection: &mut Db, events: &[SubscriberEvent]) -> QueryResult<()> {
    lease_until(connection, events, 0)
}

fn lease_until(connection: &mut Db, events: &[SubscriberEvent], until: i64) -> QueryResult<()> {
    let ids = events.iter().map(|event| &event.id);
    diesel::update(subscriber_events::table.filter(subscriber_events::id.eq_any(ids)))
        .set(subscriber_events::lease_until.eq(until))
        .execute(connection)
        .map(drop)
}

/// Stores the outcome of an attempt: the event has ended in this state, or it is tried again after a time that grows as that of
/// mails does, until it is given up.
///
/// # Errors
/// Fails if the statement fails.
pub fn finish(
    connection: &mut Db,
    config: &MailConfig,
    event: &SubscriberEvent,
    end: Option<EventStatus>,
    detail: &str,
) -> QueryResult<()> {
    let (at, attempts) = (now(), event.attempts + 1);
    let next = at + retry_delay(config, attempts);
    let end = end.or((next > event.expires_at).then_some(EventStatus::Failed));
    let detail: String = detail.chars().filter(|c| !c.is_control()).take(MOST_CHARACTERS).collect();
    let place = subscriber_events::table.find(&event.id);
    let common = (
        subscriber_events::attempts.eq(attempts),
        subscriber_events::lease_until.eq(0),
        subscriber_events::detail.eq(detail),
    );
    match end {
        Some(status) => {
            let end = (
                subscriber_events::status.eq(status.name()),
                subscriber_events::ended_at.eq(at),
                subscriber_events::email.eq(""),
            );
            diesel::update(place).set((common, end)).execute(connection).map(drop)
        }
        None => diesel::update(place).set((common, subscriber_events::due_at.eq(next))).execute(connection).map(drop),
    }
}

/// Returns a page of events, newest first: those in a state, and older than one.
///
/// # Errors
/// Fails if the query fails.
pub fn list(
    connection: &mut Db,
    status: Option<&str>,
    before: Option<&str>,
    limit: i64,
) -> QueryResult<Vec<SubscriberEvent>> {
    let mut query = subscriber_events::table.into_boxed();
    if let Some(status) = status {
        query = query.filter(subscriber_events::status.eq(status.to_owned()));
    }
    if let Some(before) = before {
        query = query.filter(subscriber_events::id.lt(before.to_owned()));
    }
    query.order(subscriber_events::id.desc()).limit(limit).select(SubscriberEvent::as_select()).load(connection)
}

/// Ends the events that wait for longer than they are tried, and deletes those that ended longer ago than the log of mails is
/// kept.
///
/// # Errors
/// Fails if a statement fails.
pub fn delete_old(connection: &mut Db, keep_days: u32) -> QueryResult<usize> {
    let at = now();
    let waiting = subscriber_events::status.eq(EventStatus::Queued.name());
    let overdue = subscriber_events::expires_at.lt(at).and(subscriber_events::lease_until.le(at));
    let end = (
        subscriber_events::status.eq(EventStatus::Failed.name()),
        subscriber_events::ended_at.eq(at),
        subscriber_events::email.eq(""),
    );
    diesel::update(subscriber_events::table.filter(waiting.and(overdue))).set(end).execute(connection)?;
    let bound = at - i64::from(keep_days) * DAY;
    let old = subscriber_events::ended_at.gt(0).and(subscriber_events::ended_at.lt(bound));
    diesel::delete(subscriber_events::table.filter(old)).execute(connection)
}
