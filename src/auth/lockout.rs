//! Rate limiting of failed log-ins. After a few failures further attempts have to wait, longer each time,
//! whether an account with the e-mail address exists or not.
//!
//! An attempt is counted as failed before its password is compared, and the count is withdrawn if it
//! succeeds. Counting only after the comparison would let any number of concurrent attempts through.
//!
//! The counters are chosen so that a stranger cannot lock the owner of an account out. A device that has
//! logged in before, and presents the device token that it received then, has a counter of its own. All other
//! attempts are counted by e-mail address and source together and, with a higher limit, by e-mail address
//! alone, which bounds attackers with many sources. See `docs/decisions/0019-failed-log-ins.md`.

use std::hash::{DefaultHasher, Hash, Hasher};

use diesel::prelude::*;
use tokio::sync::{Mutex, MutexGuard};

use super::sessions::hash;
use crate::database::schema::login_failures;
use crate::database::{Db, now};
use crate::microseconds::SECOND;
use crate::signed_token;

/// Time without a failure (µs) after which a counter starts again at zero.
const RESET_AFTER: i64 = 86_400_000_000;
/// Validity of a device token (µs) from the last log-in or refresh.
const DEVICE_LIFETIME: i64 = 180 * 86_400_000_000;
/// Characters of the e-mail address's digest in a device token.
const ADDRESS: usize = 16;
const DEVICE: &str = "device";

/// A limit: the number of failures that have no consequence, then the first and the longest wait in seconds.
#[derive(Debug, Clone, Copy)]
struct Limit {
    free: i64,
    first_wait: i64,
    longest_wait: i64,
}

/// The limit for one device, or for one source with one e-mail address.
const PER_SOURCE_LIMIT: Limit = Limit { free: 5, first_wait: 30, longest_wait: 3_600 };
/// The limit for one e-mail address over all sources without a device token.
const PER_ADDRESS_LIMIT: Limit = Limit { free: 50, first_wait: 30, longest_wait: 900 };

impl Limit {
    /// Returns the wait (µs) after this number of failures; it doubles with each failure.
    fn wait(self, failures: i64) -> i64 {
        if failures < self.free {
            return 0;
        }
        let doublings = u32::try_from((failures - self.free).min(20)).unwrap_or(0);
        (self.first_wait << doublings).min(self.longest_wait) * SECOND
    }
}

#[derive(Debug, Clone)]
struct Counter {
    key: String,
    limit: Limit,
}

/// An attempt to prove one's identity by a password or a code, with the counters of its failures.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The counters, the most specific first.
    counters: Vec<Counter>,
}

impl Attempt {
    /// An attempt by a session, or by a device that has logged in with this e-mail address before.
    pub fn of_device(email: &str, device: &str) -> Self {
        Self { counters: vec![Counter { key: hash(&format!("device\n{email}\n{device}")), limit: PER_SOURCE_LIMIT }] }
    }

    /// An attempt without a device token, counted by its source.
    pub fn of_source(email: &str, source: &str) -> Self {
        let one = Counter { key: hash(&format!("source\n{email}\n{source}")), limit: PER_SOURCE_LIMIT };
        Self { counters: vec![one, Counter { key: hash(email), limit: PER_ADDRESS_LIMIT }] }
    }

    /// Returns the seconds after which the attempt is allowed; `None` if it is allowed now.
    ///
    /// # Errors
    /// Returns an error if the query fails.
    pub fn wait(&self, connection: &mut Db) -> QueryResult<Option<u64>> {
        let keys = self.counters.iter().map(|counter| counter.key.as_str());
        let until: Vec<i64> = login_failures::table
            .filter(login_failures::email_hash.eq_any(keys))
            .select(login_failures::locked_until)
            .load(connection)?;
        let left = until.into_iter().max().unwrap_or(0) - now();
        Ok((left > 0).then_some(left / SECOND + 1).and_then(|seconds| u64::try_from(seconds).ok()))
    }

    /// Counts the attempt as failed, or returns the seconds after which it is allowed. The transaction must
    /// be committed before the password or code is compared, or concurrent attempts would not see each other.
    ///
    /// # Errors
    /// Returns an error if a statement fails.
    pub fn begin(&self, connection: &mut Db) -> QueryResult<Option<u64>> {
        if let Some(seconds) = self.wait(connection)? {
            return Ok(Some(seconds));
        }
        self.counters.iter().try_for_each(|counter| counter.add(connection))?;
        Ok(None)
    }

    /// Writes the time of the failure again. The only purpose is to cost as much time as the journal entry
    /// that a failure on an existing account causes.
    ///
    /// # Errors
    /// Returns an error if the statement fails.
    pub fn touch(&self, connection: &mut Db) -> QueryResult<()> {
        let keys = self.counters.iter().map(|counter| counter.key.as_str());
        let counted = login_failures::table.filter(login_failures::email_hash.eq_any(keys));
        diesel::update(counted).set(login_failures::last_at.eq(now())).execute(connection).map(drop)
    }

    /// Withdraws the attempt from its counters, since nothing was compared, or the outcome is neither a
    /// failure nor a success.
    ///
    /// # Errors
    /// Returns an error if a statement fails.
    pub fn withdraw(&self, connection: &mut Db) -> QueryResult<()> {
        self.counters.iter().try_for_each(|counter| counter.take_back(connection))
    }

    /// Resets the counter of this device or source. The count over all sources loses only this attempt: one
    /// success says nothing about the failures of other sources.
    ///
    /// # Errors
    /// Returns an error if a statement fails.
    pub fn succeed(&self, connection: &mut Db) -> QueryResult<()> {
        let Some((one, all)) = self.counters.split_first() else { return Ok(()) };
        diesel::delete(login_failures::table.find(&one.key)).execute(connection)?;
        all.iter().try_for_each(|counter| counter.take_back(connection))
    }

    /// Resets all counters of the attempt, after the owner of the account has proved the identity in another
    /// way.
    ///
    /// # Errors
    /// Returns an error if the statement fails.
    pub fn reset_all(&self, connection: &mut Db) -> QueryResult<()> {
        let keys = self.counters.iter().map(|counter| counter.key.as_str());
        let counted = login_failures::table.filter(login_failures::email_hash.eq_any(keys));
        diesel::delete(counted).execute(connection).map(drop)
    }

    /// Returns the index of the lock that serialises attempts with the same most specific counter.
    fn place(&self) -> usize {
        let mut hasher = DefaultHasher::new();
        self.counters.first().map(|counter| counter.key.as_str()).hash(&mut hasher);
        usize::try_from(hasher.finish() % TURNS as u64).unwrap_or(0)
    }
}

impl Counter {
    fn find(&self, connection: &mut Db) -> QueryResult<Option<(i64, i64)>> {
        let columns = (login_failures::failures, login_failures::last_at);
        login_failures::table.find(&self.key).select(columns).first(connection).optional()
    }

    fn add(&self, connection: &mut Db) -> QueryResult<()> {
        let (at, earlier) = (now(), self.find(connection)?);
        let failures = earlier.filter(|(_, last)| at - last < RESET_AFTER).map_or(0, |(failures, _)| failures) + 1;
        let wait = self.limit.wait(failures);
        let columns = (
            login_failures::failures.eq(failures),
            login_failures::last_at.eq(at),
            login_failures::locked_until.eq(if wait == 0 { 0 } else { at + wait }),
        );
        if earlier.is_some() {
            return diesel::update(login_failures::table.find(&self.key)).set(columns).execute(connection).map(drop);
        }
        let row = (login_failures::email_hash.eq(&self.key), columns);
        diesel::insert_into(login_failures::table).values(row).execute(connection).map(drop)
    }

    fn take_back(&self, connection: &mut Db) -> QueryResult<()> {
        let Some((failures, _)) = self.find(connection)? else { return Ok(()) };
        let place = login_failures::table.find(&self.key);
        if failures <= 1 {
            return diesel::delete(place).execute(connection).map(drop);
        }
        // The attempt was allowed, so no wait was in force before it was counted.
        let columns = (login_failures::failures.eq(failures - 1), login_failures::locked_until.eq(0));
        diesel::update(place).set(columns).execute(connection).map(drop)
    }
}

/// Deletes counters that have no effect any more. Returns how many were deleted.
///
/// # Errors
/// Returns an error if the statement fails.
pub fn delete_expired(connection: &mut Db) -> QueryResult<usize> {
    let at = now();
    let old = login_failures::last_at.lt(at - RESET_AFTER).and(login_failures::locked_until.lt(at));
    diesel::delete(login_failures::table.filter(old)).execute(connection)
}

/// Returns a device token, which identifies the device at its next log-in with this e-mail address.
pub fn device_token(site_key: &[u8], email: &str, session: &str) -> String {
    let payload = format!("{}{}:{session}", address(email), now());
    signed_token::seal(site_key, DEVICE, payload.as_bytes())
}

/// Returns the device that a token names, if the token was issued for this e-mail address and has not
/// expired.
pub fn device(site_key: &[u8], email: &str, token: &str) -> Option<String> {
    let payload = String::from_utf8(signed_token::open(site_key, DEVICE, token)?).ok()?;
    let (given_at, device) = payload.strip_prefix(&address(email))?.split_once(':')?;
    let age = now() - given_at.parse::<i64>().ok()?;
    (age < DEVICE_LIFETIME).then(|| device.to_owned())
}

/// Returns the digest that stands for an e-mail address in a device token, so that the token does not
/// disclose it.
fn address(email: &str) -> String {
    hash(email).chars().take(ADDRESS).collect()
}

/// Number of locks by which attempts are serialised.
const TURNS: usize = 256;

/// Locks that serialise the attempts of one device, or of one source with one e-mail address.
///
/// Each attempt counts as failed until it succeeds. Without these locks, concurrent log-ins with the right
/// password, as scripts make them, would be refused because of each other.
pub struct AttemptLocks([Mutex<()>; TURNS]);

impl Default for AttemptLocks {
    fn default() -> Self {
        Self([const { Mutex::const_new(()) }; TURNS])
    }
}

impl AttemptLocks {
    /// Waits for the lock of this attempt.
    pub async fn take(&self, attempt: &Attempt) -> MutexGuard<'_, ()> {
        self.0[attempt.place()].lock().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let seconds = |failures| PER_SOURCE_LIMIT.wait(failures) / SECOND;
        assert_eq!([0, 4, 5, 6, 7, 11, 12, 1_000].map(seconds), [0, 0, 30, 60, 120, 1_920, 3_600, 3_600]);
        assert_eq!(PER_ADDRESS_LIMIT.wait(49), 0);
        assert_eq!(PER_ADDRESS_LIMIT.wait(1_000_000) / SECOND, 900);
    }

    #[test]
    fn a_device_is_known_for_its_address_only() {
        let key = [7; 32];
        let token = device_token(&key, "anna@example.org", "session");
        assert_eq!(device(&key, "anna@example.org", &token).as_deref(), Some("session"));
        assert_eq!(device(&key, "bram@example.org", &token), None);
        assert_eq!(device(&[8; 32], "anna@example.org", &token), None);
        assert_eq!(device(&key, "anna@example.org", "made-up"), None);
    }
}
