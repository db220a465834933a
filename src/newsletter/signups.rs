//! Sign-ups. A sign-up is stored and mailed in the same way whether the address is subscribed or not, so that nobody learns
//! that; the mail tells its reader alone.

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::json;

use super::consent;
use super::events::{self, EventKind};
use super::subscribers::{self, Subscriber, SubscriberContext, SubscriberStatus};
use crate::config::Config;
use crate::content::Site;
use crate::database::mail_schema::{newsletter_signups, newsletter_suppressions};
use crate::database::{Db, new_id, now};
use crate::mail::outbox::{MailKind, MailRow};
use crate::microseconds::DAY;
use crate::problem::Problem;
use crate::protection::limits::{Quota, address_key, keyed_digest};

/// A row of `newsletter_signups`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = newsletter_signups)]
pub struct Signup {
    /// UUIDv7.
    pub id: String,
    /// Address, in lower case.
    pub email: String,
    /// Name, or empty.
    pub name: String,
    /// Language of the newsletter.
    pub locale: String,
    /// Ids of topics, as a JSON array.
    pub topics: String,
    /// Version of the text that was consented to.
    pub consent_version: i64,
    /// The text that was consented to.
    pub consent_text: String,
    /// Time of the sign-up (µs since 1970).
    pub created_at: i64,
}

/// What a visitor asks for.
#[derive(Debug, Clone)]
pub struct NewSignup {
    /// Address, in lower case.
    pub email: String,
    /// Name, or empty.
    pub name: String,
    /// Language of the newsletter.
    pub locale: String,
    /// Ids of topics.
    pub topics: Vec<String>,
    /// Version of the text that was consented to, with the text.
    pub consent: (i64, String),
}

/// Stores a sign-up and the mail that asks for its confirmation. Beyond the limit of mails to an address, the sign-up is
/// stored and nothing is mailed.
///
/// # Errors
/// Fails if a statement fails.
pub fn add(connection: &mut Db, config: &Config, site_key: &[u8], new: NewSignup) -> QueryResult<()> {
    let row = Signup {
        id: new_id(),
        email: new.email,
        name: new.name,
        locale: new.locale,
        topics: serde_json::to_string(&new.topics).unwrap_or_default(),
        consent_version: new.consent.0,
        consent_text: new.consent.1,
        created_at: now(),
    };
    diesel::insert_into(newsletter_signups::table).values(&row).execute(connection)?;
    let quota = Quota::per_day(address_key(site_key, &row.email), config.protection.address_per_day);
    if quota.take(connection)?.is_none() {
        let data = json!({"signup": row.id});
        MailRow::new(&config.mail, MailKind::NewsletterConfirmation, &row.email, &row.locale, &data)
            .enqueue(connection)?;
    }
    Ok(())
}

/// Returns a sign-up that was not confirmed yet.
///
/// # Errors
/// Fails if the query fails.
pub fn by_id(connection: &mut Db, id: &str) -> QueryResult<Option<Signup>> {
    newsletter_signups::table.find(id).select(Signup::as_select()).first(connection).optional()
}

/// Returns the language of the newest sign-up of an address, if there is one.
fn newest_locale(connection: &mut Db, email: &str) -> QueryResult<Option<String>> {
    newsletter_signups::table
        .filter(newsletter_signups::email.eq(email))
        .order((newsletter_signups::created_at.desc(), newsletter_signups::id.desc()))
        .select(newsletter_signups::locale)
        .first(connection)
        .optional()
}

/// Confirms a sign-up: the address is subscribed, with what was asked for. The language of mails is that of the newest sign-up
/// of the address, also if an earlier one is confirmed. Returns the subscriber; none if there is no such
/// sign-up (any more). A repetition of the request finds the subscriber by the id that both have.
///
/// # Errors
/// Fails if a statement fails.
pub fn confirm(
    connection: &mut Db,
    site: &Site,
    context: SubscriberContext<'_>,
    id: &str,
) -> Result<Option<Subscriber>, Problem> {
    let Some(signup) = by_id(connection, id)? else {
        return Ok(
            subscribers::by_id(connection, id)?.filter(|found| found.status == SubscriberStatus::Confirmed.name())
        );
    };
    let at = now();
    let earlier = subscribers::by_email(connection, &signup.email)?;
    // The language of the text that was shown, which is another one if there was none in the visitor's.
    let shown = consent::by_version(connection, site, signup.consent_version)?;
    let consent_locale = shown.map_or_else(|| signup.locale.clone(), |shown| shown.in_locale(site, &signup.locale).0);
    let row = Subscriber {
        id: earlier.as_ref().map_or(signup.id, |found| found.id.clone()),
        email: signup.email.clone(),
        name: signup.name,
        consent_locale,
        locale: newest_locale(connection, &signup.email)?.unwrap_or(signup.locale),
        status: SubscriberStatus::Confirmed.name().to_owned(),
        consent_version: signup.consent_version,
        consent_text: signup.consent_text,
        consented_at: signup.created_at,
        confirmed_at: at,
        proof: "sign_up".to_owned(),
        bounces: 0,
        created_at: earlier.as_ref().map_or(at, |found| found.created_at),
        updated_at: at,
        ended_at: 0,
    };
    let topics: Vec<String> = serde_json::from_str(&signup.topics).unwrap_or_default();
    subscribers::save(connection, &row, earlier.is_some(), Some(&topics))?;
    diesel::delete(newsletter_signups::table.filter(newsletter_signups::email.eq(&signup.email)))
        .execute(connection)?;
    // Whoever subscribes again wants mails again.
    let suppression = suppression_key(context.site_key, &row.email);
    diesel::delete(newsletter_suppressions::table.find(suppression)).execute(connection)?;
    events::record(connection, context, EventKind::Confirmed, &[&row])?;
    Ok(Some(row))
}

/// Returns the key of an address that no import may subscribe again.
pub fn suppression_key(site_key: &[u8], email: &str) -> String {
    keyed_digest(site_key, "suppression", email)
}

/// Deletes the sign-ups that were not confirmed in time.
///
/// # Errors
/// Fails if the statement fails.
pub fn delete_old(connection: &mut Db, keep_days: u32) -> QueryResult<usize> {
    let old = newsletter_signups::created_at.lt(now() - i64::from(keep_days) * DAY);
    diesel::delete(newsletter_signups::table.filter(old)).execute(connection)
}

/// Deletes the sign-ups of an address.
///
/// # Errors
/// Fails if the statement fails.
pub fn erase(connection: &mut Db, email: &str) -> QueryResult<()> {
    diesel::delete(newsletter_signups::table.filter(newsletter_signups::email.eq(email))).execute(connection).map(drop)
}
