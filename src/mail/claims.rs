//! Claims of nodes on mails, and the outcomes of attempts to send them. A claim is a lease in the row of the mail.

use std::collections::HashMap;
use std::time::Duration;

use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::BigInt;

use crate::config::MailConfig;
use crate::database::mail_schema::{mail_domain_seconds, mails};
use crate::database::statement::Term;
use crate::database::{Backend, Db, now};
use crate::mail::outbox::{MailEnd, MailRow, MailStatus};
use crate::microseconds::{MINUTE, SECOND};

/// Priority from which on the limit for domains counts; more urgent mails are single ones, for which somebody waits.
const LIMITED_FROM: i64 = 2;

/// Returns whether a node has a mail to send: one that is due, and whose domain has not had its share of the last minute.
///
/// # Errors
/// Fails if a query fails.
pub fn is_due(connection: &mut Db, config: &MailConfig) -> QueryResult<bool> {
    let at = now();
    // Most of the time no mail waits at all, and the limit does not matter.
    if !has_due(connection, at, Vec::new())? {
        return Ok(false);
    }
    let full = full_domains(config, &of_last_minute(connection, config, at)?);
    Ok(full.is_empty() || has_due(connection, at, full)?)
}

fn has_due(connection: &mut Db, at: i64, full: Vec<String>) -> QueryResult<bool> {
    Ok(due_mails(at, full).select(mails::id).first::<String>(connection).optional()?.is_some())
}

/// Returns the mails that are due, without those to full domains for which the limit counts.
fn due_mails(at: i64, full: Vec<String>) -> mails::BoxedQuery<'static, Backend> {
    mails::table
        .filter(mails::status.eq(MailStatus::Queued.name()))
        .filter(mails::due_at.le(at).and(mails::lease_until.le(at)))
        .filter(mails::priority.lt(LIMITED_FROM).or(mails::domain.ne_all(full)))
        .into_boxed()
}

/// Returns the domains that had their share of the last minute.
fn full_domains(config: &MailConfig, counts: &HashMap<String, i64>) -> Vec<String> {
    let is_full = |count: &i64| *count >= i64::from(config.domain_per_minute);
    counts.iter().filter(|(_, count)| is_full(count)).map(|(domain, _)| domain.clone()).collect()
}

/// Claims mails that are due, the most urgent first, for a node. A claim that another node did not renew leaves it unknown
/// whether that node sent the mail, which is counted. Mails beyond the limit of their domain wait.
///
/// # Errors
/// Fails if a statement fails.
pub fn claim(connection: &mut Db, config: &MailConfig, node: &str, most: i64) -> QueryResult<Vec<MailRow>> {
    let at = now();
    let counts = of_last_minute(connection, config, at)?;
    let due =
        due_mails(at, full_domains(config, &counts)).order((mails::priority, mails::due_at, mails::id)).limit(most);
    let mut rows: Vec<MailRow> = due.select(MailRow::as_select()).load(connection)?;
    within_limits(connection, config, &mut rows, &counts, at)?;
    for row in &mut rows {
        row.doubts += i64::from(!row.node.is_empty());
        node.clone_into(&mut row.node);
        let claim = (mails::node.eq(node), mails::lease_until.eq(at + lease(config)), mails::doubts.eq(row.doubts));
        diesel::update(mails::table.find(&row.id)).set(claim).execute(connection)?;
    }
    Ok(rows)
}

/// Returns how long a claim holds (µs): longer than the conversation about one mail can take.
fn lease(config: &MailConfig) -> i64 {
    let seconds = config.timeout_seconds.saturating_mul(10);
    i64::try_from(Duration::from_secs(seconds).as_micros()).unwrap_or(i64::MAX / 2)
}

/// Returns how many mails each domain got in the last minute. The second in which it began counts as a whole.
fn of_last_minute(connection: &mut Db, config: &MailConfig, at: i64) -> QueryResult<HashMap<String, i64>> {
    if config.domain_per_minute == 0 {
        return Ok(HashMap::new());
    }
    let total = Term::<BigInt>::new("CAST(SUM(mail_domain_seconds.mails) AS BIGINT)");
    let rows: Vec<(String, i64)> = mail_domain_seconds::table
        .filter(mail_domain_seconds::second.ge((at - MINUTE) / SECOND))
        .group_by(mail_domain_seconds::domain)
        .select((mail_domain_seconds::domain, total))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Counts the mails to each domain, and leaves out what is beyond the limit. `counts` are those of the last minute.
fn within_limits(
    connection: &mut Db,
    config: &MailConfig,
    rows: &mut Vec<MailRow>,
    counts: &HashMap<String, i64>,
    at: i64,
) -> QueryResult<()> {
    if config.domain_per_minute == 0 {
        return Ok(());
    }
    let mut added: HashMap<String, i64> = HashMap::new();
    rows.retain(|row| {
        let before = counts.get(&row.domain).copied().unwrap_or(0);
        let count = added.entry(row.domain.clone()).or_default();
        let fits = row.priority < LIMITED_FROM || before + *count < i64::from(config.domain_per_minute);
        *count += i64::from(fits);
        fits
    });
    let second = at / SECOND;
    for (domain, count) in added.into_iter().filter(|(_, count)| *count > 0) {
        let place = mail_domain_seconds::table.find((&domain, second));
        let sum = mail_domain_seconds::mails.eq(mail_domain_seconds::mails + count);
        if diesel::update(place).set(sum).execute(connection)? > 0 {
            continue;
        }
        let row = (
            mail_domain_seconds::domain.eq(&domain),
            mail_domain_seconds::second.eq(second),
            mail_domain_seconds::mails.eq(count),
        );
        diesel::insert_into(mail_domain_seconds::table).values(row).execute(connection)?;
    }
    Ok(())
}

/// The outcome of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The server took the mail.
    Taken,
    /// The server refused it for good.
    Refused,
    /// The server refused it for now, or the connection ended before the mail was sent.
    Deferred,
    /// The connection ended after the mail was sent and before the server said whether it took it.
    InDoubt,
    /// The reason of the mail is gone.
    Dropped,
    /// The mail cannot be composed.
    Unsendable,
}

/// The outcome of an attempt, with the reply.
#[derive(Debug, Clone)]
pub struct SendResult {
    /// The outcome.
    pub outcome: SendOutcome,
    /// Code of the reply, or a word for why there is none.
    pub code: String,
    /// Text of the reply.
    pub detail: String,
}

impl SendResult {
    /// Creates a result. Of a text of several lines, which may come from another server, one bounded line is kept.
    pub fn new(outcome: SendOutcome, code: impl Into<String>, detail: &str) -> Self {
        let line: String = detail.split_whitespace().collect::<Vec<_>>().join(" ");
        let detail = line.chars().filter(|c| !c.is_control()).take(500).collect();
        Self { outcome, code: code.into(), detail }
    }
}

/// Stores the outcome of an attempt, and renews the node's claims on its other mails. Returns whether the mail was still
/// claimed by the node. A mail that was held or dropped during the attempt stays so, unless the server took or refused it.
///
/// # Errors
/// Fails if a statement fails.
pub fn finish(connection: &mut Db, config: &MailConfig, mail: &MailRow, result: &SendResult) -> QueryResult<bool> {
    let at = now();
    let attempts = mail.attempts + 1;
    let next = at + retry_delay(config, attempts);
    let own = mails::table.find(&mail.id).filter(mails::node.eq(&mail.node));
    let stored: Option<MailRow> = own.select(MailRow::as_select()).first(connection).optional()?;
    if let Some(stored) = &stored {
        let detail = stored.kept_detail(&result.detail);
        let changes = (
            mails::attempts.eq(attempts),
            mails::doubts.eq(mail.doubts + i64::from(result.outcome == SendOutcome::InDoubt)),
            mails::node.eq(""),
            mails::lease_until.eq(0),
            mails::code.eq(&result.code),
            mails::detail.eq(detail),
        );
        let place = mails::table.find(&mail.id);
        match end_of(stored, result, next) {
            Some(status) => diesel::update(place).set((changes, MailEnd::new(status))).execute(connection)?,
            None => diesel::update(place).set((changes, mails::due_at.eq(next))).execute(connection)?,
        };
    }
    let others = mails::table.filter(mails::node.eq(&mail.node));
    diesel::update(others).set(mails::lease_until.eq(at + lease(config))).execute(connection)?;
    Ok(stored.is_some())
}

/// Returns the state in which an attempt ends a mail, as it is stored now; none if it does not. `next` is the time of the next
/// attempt.
fn end_of(stored: &MailRow, result: &SendResult, next: i64) -> Option<MailStatus> {
    let waits = stored.status == MailStatus::Queued.name();
    match result.outcome {
        SendOutcome::Taken => Some(MailStatus::Sent),
        SendOutcome::Refused | SendOutcome::Unsendable => Some(MailStatus::Failed),
        SendOutcome::Dropped => Some(MailStatus::Dropped),
        SendOutcome::Deferred | SendOutcome::InDoubt => {
            (waits && next > stored.expires_at).then_some(MailStatus::Failed)
        }
    }
}

/// Gives up the node's claims on mails that were held or dropped before the node tried them.
///
/// # Errors
/// Fails if the statement fails.
pub fn give_up(connection: &mut Db, node: &str) -> QueryResult<()> {
    let changes = (mails::node.eq(""), mails::lease_until.eq(0));
    diesel::update(mails::table.filter(mails::node.eq(node))).set(changes).execute(connection).map(drop)
}

/// Gives up the node's claims on mails that it did not try, such as when the server cannot be reached.
///
/// # Errors
/// Fails if the statement fails.
pub fn release(connection: &mut Db, node: &str, reason: &SendResult) -> QueryResult<()> {
    let changes =
        (mails::node.eq(""), mails::lease_until.eq(0), mails::code.eq(&reason.code), mails::detail.eq(&reason.detail));
    diesel::update(mails::table.filter(mails::node.eq(node))).set(changes).execute(connection).map(drop)
}

/// Returns the delay after this number of attempts (µs): four times as long each time, up to the greatest one, and up to a
/// fourth longer or shorter, so that mails that failed together are not tried together.
pub fn retry_delay(config: &MailConfig, attempts: i64) -> i64 {
    let exponent = u32::try_from((attempts - 1).clamp(0, 12)).unwrap_or(0);
    let seconds = i64::from(config.retry_seconds).saturating_mul(4_i64.pow(exponent));
    let delay = seconds.min(config.retry_max_seconds.into()) * SECOND;
    delay * 3 / 4 + rand::random_range(0..=delay / 2)
}

/// Ends the mails that waited too long for a server that cannot be reached.
///
/// # Errors
/// Fails if the statement fails.
pub fn give_up_expired(connection: &mut Db) -> QueryResult<usize> {
    let at = now();
    let expired = mails::table
        .filter(mails::status.eq(MailStatus::Queued.name()))
        .filter(mails::expires_at.lt(at).and(mails::lease_until.le(at)));
    diesel::update(expired).set(MailEnd::new(MailStatus::Failed)).execute(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_differ() {
        let config = MailConfig::default();
        for (attempts, seconds) in [(1, 15), (2, 60), (3, 240), (4, 960), (5, 3_840), (6, 14_400), (60, 14_400)] {
            for _ in 0..100 {
                let delay = retry_delay(&config, attempts) / SECOND;
                assert!((seconds * 3 / 4..=seconds * 5 / 4).contains(&delay), "{attempts}: {delay}");
            }
        }
        assert!((0..100).map(|_| retry_delay(&config, 9)).collect::<std::collections::HashSet<_>>().len() > 90);
    }
}
