//! Subscribers: who they are, what they consented to, what interests them, and how they leave.

use std::collections::{BTreeSet, HashMap, HashSet};

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Text};

use super::events::{self, EventKind};
use super::signups;
use crate::config::Config;
use crate::database::insert::{insert_rows, stored_row};
use crate::database::mail_schema::{newsletter_suppressions, subscriber_topics, subscribers};
use crate::database::{Db, now};
use crate::mail::bounce::{BounceKind, BounceNotice};
use crate::mail::log::{forget_recipient, has_arrived_before};
use crate::mail::outbox::{MailKind, MailRow};
use crate::microseconds::DAY;

/// Number of mails that come back for good, one after the other, after which nothing is mailed to an address.
const MOST_BOUNCES: i64 = 3;

/// What a change of a subscriber needs besides the database.
#[derive(Clone, Copy)]
pub struct SubscriberContext<'a> {
    /// Configuration, which says whether a provider is told of changes.
    pub config: &'a Config,
    /// Secret key of the site.
    pub site_key: &'a [u8],
}

/// The state of a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriberStatus {
    /// The subscriber gets issues.
    Confirmed,
    /// The subscriber wants no issues any more.
    Unsubscribed,
    /// Mails to the address do not arrive.
    Bounced,
}

impl SubscriberStatus {
    /// Names of all states.
    pub const NAMES: [&str; 3] = ["confirmed", "unsubscribed", "bounced"];

    /// Returns the name of the state in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            SubscriberStatus::Confirmed => "confirmed",
            SubscriberStatus::Unsubscribed => "unsubscribed",
            SubscriberStatus::Bounced => "bounced",
        }
    }
}

/// A row of `subscribers`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = subscribers)]
pub struct Subscriber {
    /// UUIDv7.
    pub id: String,
    /// Address, in lower case.
    pub email: String,
    /// Name, or empty.
    pub name: String,
    /// Language of the newsletter.
    pub locale: String,
    /// Name of a [`SubscriberStatus`].
    pub status: String,
    /// Version of the text that was consented to; -1 if an import names another text.
    pub consent_version: i64,
    /// The text that was consented to.
    pub consent_text: String,
    /// Language of the text.
    pub consent_locale: String,
    /// Time of the consent (µs since 1970).
    pub consented_at: i64,
    /// Time of the confirmation (µs since 1970).
    pub confirmed_at: i64,
    /// `sign_up`, or what an import names as proof.
    pub proof: String,
    /// Number of mails that came back for good, one after the other, since the last confirmation.
    pub bounces: i64,
    /// Time of the first confirmation (µs since 1970).
    pub created_at: i64,
    /// Time of the last change (µs since 1970).
    pub updated_at: i64,
    /// Time since which nothing is mailed (µs since 1970), or 0.
    pub ended_at: i64,
}

stored_row!(Subscriber, subscribers, {
    id: Text,
    email: Text,
    name: Text,
    locale: Text,
    status: Text,
    consent_version: BigInt,
    consent_text: Text,
    consent_locale: Text,
    consented_at: BigInt,
    confirmed_at: BigInt,
    proof: Text,
    bounces: BigInt,
    created_at: BigInt,
    updated_at: BigInt,
    ended_at: BigInt,
});

/// A topic of interest.
struct TopicLink<'a> {
    subscriber_id: &'a str,
    topic_id: &'a str,
}

stored_row!(TopicLink<'_>, subscriber_topics, {
    subscriber_id: Text,
    topic_id: Text,
});

/// Returns the subscriber with this id.
///
/// # Errors
/// Fails if the query fails.
pub fn by_id(connection: &mut Db, id: &str) -> QueryResult<Option<Subscriber>> {
    subscribers::table.find(id).select(Subscriber::as_select()).first(connection).optional()
}

/// Returns the subscriber with this address.
///
/// # Errors
/// Fails if the query fails.
pub fn by_email(connection: &mut Db, email: &str) -> QueryResult<Option<Subscriber>> {
    subscribers::table.filter(subscribers::email.eq(email)).select(Subscriber::as_select()).first(connection).optional()
}

/// Stores a subscriber, and topics if they are given.
///
/// # Errors
/// Fails if a statement fails.
pub fn save(connection: &mut Db, row: &Subscriber, exists: bool, topics: Option<&[String]>) -> QueryResult<()> {
    if exists {
        diesel::update(subscribers::table.find(&row.id)).set(row).execute(connection)?;
    } else {
        diesel::insert_into(subscribers::table).values(row).execute(connection)?;
    }
    let Some(topics) = topics else { return Ok(()) };
    diesel::delete(subscriber_topics::table.filter(subscriber_topics::subscriber_id.eq(&row.id)))
        .execute(connection)?;
    let mut topics = topics.to_vec();
    topics.sort_unstable();
    topics.dedup();
    for topic in topics {
        let link = (subscriber_topics::subscriber_id.eq(&row.id), subscriber_topics::topic_id.eq(topic));
        diesel::insert_into(subscriber_topics::table).values(link).execute(connection)?;
    }
    Ok(())
}

/// Stores changed preferences of a subscriber, with topics if they are given.
///
/// # Errors
/// Fails if a statement fails.
pub fn change(
    connection: &mut Db,
    context: SubscriberContext<'_>,
    row: &Subscriber,
    topics: Option<&[String]>,
) -> QueryResult<()> {
    save(connection, row, true, topics)?;
    match row.status == SubscriberStatus::Confirmed.name() {
        true => events::record(connection, context, EventKind::Changed, &[row]),
        false => Ok(()),
    }
}

/// Returns the topics of subscribers, as pairs of subscriber and topic.
///
/// # Errors
/// Fails if the query fails.
pub fn topics_of(connection: &mut Db, ids: &[String]) -> QueryResult<Vec<(String, String)>> {
    let own = subscriber_topics::table.filter(subscriber_topics::subscriber_id.eq_any(ids));
    let ordered = own.order((subscriber_topics::subscriber_id, subscriber_topics::topic_id));
    ordered.select((subscriber_topics::subscriber_id, subscriber_topics::topic_id)).load(connection)
}

/// What subscribers are filtered by.
#[derive(Debug, Clone, Default)]
pub struct SubscriberFilter {
    /// Name of a state.
    pub status: Option<String>,
    /// Address.
    pub email: Option<String>,
    /// Id after which the page begins.
    pub after: Option<String>,
}

/// Returns a page of subscribers, in the order of their ids.
///
/// # Errors
/// Fails if the query fails.
pub fn list(connection: &mut Db, filter: &SubscriberFilter, limit: i64) -> QueryResult<Vec<Subscriber>> {
    let mut query = subscribers::table.into_boxed();
    if let Some(status) = &filter.status {
        query = query.filter(subscribers::status.eq(status.clone()));
    }
    if let Some(email) = &filter.email {
        query = query.filter(subscribers::email.eq(email.clone()));
    }
    if let Some(after) = &filter.after {
        query = query.filter(subscribers::id.gt(after.clone()));
    }
    query.order(subscribers::id).limit(limit).select(Subscriber::as_select()).load(connection)
}

/// Ends a subscription: the address is not mailed, and no import subscribes it again. What was consented to is kept for a
/// time, since it must be possible to show why mails were sent.
///
/// # Errors
/// Fails if a statement fails.
pub fn unsubscribe(connection: &mut Db, context: SubscriberContext<'_>, subscriber: &Subscriber) -> QueryResult<()> {
    end(connection, context, subscriber, SubscriberStatus::Unsubscribed)
}

fn end(
    connection: &mut Db,
    context: SubscriberContext<'_>,
    subscriber: &Subscriber,
    status: SubscriberStatus,
) -> QueryResult<()> {
    if subscriber.status != SubscriberStatus::Confirmed.name() {
        return Ok(());
    }
    let at = now();
    let changes = (subscribers::status.eq(status.name()), subscribers::updated_at.eq(at), subscribers::ended_at.eq(at));
    diesel::update(subscribers::table.find(&subscriber.id)).set(changes).execute(connection)?;
    events::record(connection, context, EventKind::Unsubscribed, &[subscriber])?;
    suppress(connection, context.site_key, &subscriber.email, status.name())
}

fn suppress(connection: &mut Db, site_key: &[u8], email: &str, reason: &str) -> QueryResult<()> {
    let key = signups::suppression_key(site_key, email);
    let place = newsletter_suppressions::table.find(&key);
    if place.select(newsletter_suppressions::reason).first::<String>(connection).optional()?.is_some() {
        return Ok(());
    }
    let row = (
        newsletter_suppressions::address_hash.eq(key),
        newsletter_suppressions::reason.eq(reason),
        newsletter_suppressions::created_at.eq(now()),
    );
    diesel::insert_into(newsletter_suppressions::table).values(row).execute(connection).map(drop)
}

/// Returns those of some addresses that unsubscribed, bounced or were erased.
///
/// # Errors
/// Fails if the query fails.
pub fn suppressed_emails(connection: &mut Db, site_key: &[u8], emails: &[&str]) -> QueryResult<HashSet<String>> {
    let keys: HashMap<String, &str> =
        emails.iter().map(|email| (signups::suppression_key(site_key, email), *email)).collect();
    let found = newsletter_suppressions::table.filter(newsletter_suppressions::address_hash.eq_any(keys.keys()));
    let found: Vec<String> = found.select(newsletter_suppressions::address_hash).load(connection)?;
    Ok(found.iter().filter_map(|key| keys.get(key)).map(|email| (*email).to_owned()).collect())
}

/// Returns those of some addresses that have a subscriber.
///
/// # Errors
/// Fails if the query fails.
pub fn with_emails(connection: &mut Db, emails: &[&str]) -> QueryResult<HashSet<String>> {
    let found = subscribers::table.filter(subscribers::email.eq_any(emails)).select(subscribers::email);
    Ok(found.load::<String>(connection)?.into_iter().collect())
}

/// Stores new subscribers with the ids of their topics, by a few statements.
///
/// # Errors
/// Fails if a statement fails.
pub fn insert_all(
    connection: &mut Db,
    context: SubscriberContext<'_>,
    rows: &[(&Subscriber, Vec<String>)],
) -> QueryResult<()> {
    let people: Vec<&Subscriber> = rows.iter().map(|(row, _)| *row).collect();
    insert_rows(connection, &people)?;
    let mut links = Vec::new();
    for (row, topics) in rows {
        for topic in topics.iter().collect::<BTreeSet<_>>() {
            links.push(TopicLink { subscriber_id: &row.id, topic_id: topic });
        }
    }
    insert_rows(connection, &links)?;
    events::record(connection, context, EventKind::Confirmed, &people)
}

/// Erases a subscriber: the row, sign-ups, and the address in the log of mails. A keyed digest of the address stays, so that
/// no import subscribes it again.
///
/// # Errors
/// Fails if a statement fails.
pub fn erase(connection: &mut Db, context: SubscriberContext<'_>, subscriber: &Subscriber) -> QueryResult<()> {
    suppress(connection, context.site_key, &subscriber.email, "erased")?;
    events::record(connection, context, EventKind::Erased, &[subscriber])?;
    diesel::delete(subscriber_topics::table.filter(subscriber_topics::subscriber_id.eq(&subscriber.id)))
        .execute(connection)?;
    diesel::delete(subscribers::table.find(&subscriber.id)).execute(connection)?;
    signups::erase(connection, &subscriber.email)?;
    forget_recipient(connection, &subscriber.email)
}

/// Takes note of a mail that came back, if it was an issue of the newsletter and not from before the last confirmation. The count
/// of bounces begins anew if the issue before it arrived.
///
/// # Errors
/// Fails if a statement fails.
pub fn record_bounce(
    connection: &mut Db,
    context: SubscriberContext<'_>,
    mail: &MailRow,
    notice: &BounceNotice,
) -> QueryResult<()> {
    if mail.kind != MailKind::NewsletterIssue.name() {
        return Ok(());
    }
    let found = by_email(connection, &mail.recipient)?.filter(|found| found.confirmed_at <= mail.created_at);
    let Some(mut subscriber) = found else { return Ok(()) };
    if has_arrived_before(connection, mail)? {
        subscriber.bounces = 0;
    }
    take_notice(connection, context, &subscriber, notice)
}

/// Takes note of what is said of mails to a subscriber: an address that is wrong, that complained, or that refused several mails
/// for good gets no more issues.
///
/// # Errors
/// Fails if a statement fails.
pub fn take_notice(
    connection: &mut Db,
    context: SubscriberContext<'_>,
    subscriber: &Subscriber,
    notice: &BounceNotice,
) -> QueryResult<()> {
    if notice.kind == BounceKind::Transient {
        return Ok(());
    }
    let bounces = subscriber.bounces + 1;
    diesel::update(subscribers::table.find(&subscriber.id))
        .set(subscribers::bounces.eq(bounces))
        .execute(connection)?;
    if notice.is_bad_address() || bounces >= MOST_BOUNCES {
        end(connection, context, subscriber, SubscriberStatus::Bounced)?;
    }
    Ok(())
}

/// Deletes the subscribers who left longer ago than their consent is kept.
///
/// # Errors
/// Fails if a statement fails.
pub fn delete_old(connection: &mut Db, keep_days: u32) -> QueryResult<usize> {
    let bound = now() - i64::from(keep_days) * DAY;
    let old = subscribers::table.filter(subscribers::ended_at.gt(0).and(subscribers::ended_at.lt(bound)));
    let ids: Vec<String> = old.select(subscribers::id).limit(10_000).load(connection)?;
    for part in ids.chunks(500) {
        diesel::delete(subscriber_topics::table.filter(subscriber_topics::subscriber_id.eq_any(part)))
            .execute(connection)?;
        diesel::delete(subscribers::table.filter(subscribers::id.eq_any(part))).execute(connection)?;
    }
    Ok(ids.len())
}
