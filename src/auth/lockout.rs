//! Failed log-ins: after a few one has to wait, and longer each time, whether there is an account behind the
//! address or not. An attempt is counted before it is tried, and taken back if it succeeds, so that attempts that
//! come at once are no more than those that are allowed.
//!
//! Whom a failure makes wait is chosen so that a stranger cannot keep the owner of an address out: a device that
//! has logged in before (it shows the token that it was given then) is counted by itself; everybody else by
//! address and source together, and, with more patience, by address, against those who have many sources. See
//! `docs/decisions/0019-failed-log-ins.md`.

use std::hash::{DefaultHasher, Hash, Hasher};

use diesel::prelude::*;
use tokio::sync::{Mutex, MutexGuard};

use super::sessions::hash;
use crate::database::schema::login_failures;
use crate::database::{Db, now};
use crate::signed;

/// After so many µs without a failure, counting begins anew.
const FORGET: i64 = 86_400_000_000;
/// A device is known for so long (µs) after its last log-in or refresh.
const DEVICE_LIFETIME: i64 = 180 * 86_400_000_000;
/// Bytes of the digest of an address that a device's token has.
const ADDRESS: usize = 16;
const DEVICE: &str = "device";

/// How many failures cost nothing, and what the next ones cost, in seconds.
#[derive(Debug, Clone, Copy)]
struct Limit {
    free: i64,
    first_wait: i64,
    longest_wait: i64,
}

/// Failures of a device, or of one source with one address.
const ONE: Limit = Limit { free: 5, first_wait: 30, longest_wait: 3_600 };
/// Failures with one address, from all sources that are not known.
const ALL: Limit = Limit { free: 50, first_wait: 30, longest_wait: 900 };

impl Limit {
    /// The wait (µs) after so many failures.
    fn wait(self, failures: i64) -> i64 {
        if failures < self.free {
            return 0;
        }
        let doublings = u32::try_from((failures - self.free).min(20)).unwrap_or(0);
        (self.first_wait << doublings).min(self.longest_wait) * 1_000_000
    }
}

#[derive(Debug, Clone)]
struct Counter {
    key: String,
    limit: Limit,
}

/// Somebody who shows a password or a code, and where failures are counted.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The narrowest first.
    counters: Vec<Counter>,
}

impl Attempt {
    /// By a session or a device that has logged in with this address before.
    pub fn of_device(email: &str, device: &str) -> Self {
        Self { counters: vec![Counter { key: hash(&format!("device\n{email}\n{device}")), limit: ONE }] }
    }

    /// By anybody else.
    pub fn of_source(email: &str, source: &str) -> Self {
        let one = Counter { key: hash(&format!("source\n{email}\n{source}")), limit: ONE };
        Self { counters: vec![one, Counter { key: hash(email), limit: ALL }] }
    }

    /// Seconds that it has to wait before it may be tried.
    pub fn wait(&self, connection: &mut Db) -> QueryResult<Option<u64>> {
        let keys = self.counters.iter().map(|counter| counter.key.as_str());
        let until: Vec<i64> = login_failures::table
            .filter(login_failures::email_hash.eq_any(keys))
            .select(login_failures::locked_until)
            .load(connection)?;
        let left = until.into_iter().max().unwrap_or(0) - now();
        Ok(u64::try_from(left).ok().filter(|left| *left > 0).map(|left| left / 1_000_000 + 1))
    }

    /// Counts it as failed, unless it has to wait: then this gives the seconds. Must be committed before the
    /// attempt is tried.
    pub fn begin(&self, connection: &mut Db) -> QueryResult<Option<u64>> {
        if let Some(seconds) = self.wait(connection)? {
            return Ok(Some(seconds));
        }
        self.counters.iter().try_for_each(|counter| counter.add(connection))?;
        Ok(None)
    }

    /// Writes down once more that it has failed, which changes nothing.
    pub fn touch(&self, connection: &mut Db) -> QueryResult<()> {
        let keys = self.counters.iter().map(|counter| counter.key.as_str());
        let counted = login_failures::table.filter(login_failures::email_hash.eq_any(keys));
        diesel::update(counted).set(login_failures::last_at.eq(now())).execute(connection).map(drop)
    }

    /// Takes it back: it was not tried, or is no failure and no success.
    pub fn withdraw(&self, connection: &mut Db) -> QueryResult<()> {
        self.counters.iter().try_for_each(|counter| counter.take_back(connection))
    }

    /// Forgets the failures of this device or source. What all sources did stays: it says nothing of them.
    pub fn succeed(&self, connection: &mut Db) -> QueryResult<()> {
        let Some((one, all)) = self.counters.split_first() else { return Ok(()) };
        diesel::delete(login_failures::table.find(&one.key)).execute(connection)?;
        all.iter().try_for_each(|counter| counter.take_back(connection))
    }

    /// Forgets all failures that it would be counted with: its owner has shown to be the owner in another way.
    pub fn forgive(&self, connection: &mut Db) -> QueryResult<()> {
        let keys = self.counters.iter().map(|counter| counter.key.as_str());
        let counted = login_failures::table.filter(login_failures::email_hash.eq_any(keys));
        diesel::delete(counted).execute(connection).map(drop)
    }

    /// What attempts take turns by.
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
        let failures = earlier.filter(|(_, last)| at - last < FORGET).map_or(0, |(failures, _)| failures) + 1;
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
        // It was allowed to be tried, so nobody was waiting before it.
        let columns = (login_failures::failures.eq(failures - 1), login_failures::locked_until.eq(0));
        diesel::update(place).set(columns).execute(connection).map(drop)
    }
}

/// Forgets failures that count no more. Returns how many.
pub fn forget_old(connection: &mut Db) -> QueryResult<usize> {
    let at = now();
    let old = login_failures::last_at.lt(at - FORGET).and(login_failures::locked_until.lt(at));
    diesel::delete(login_failures::table.filter(old)).execute(connection)
}

/// What a device is given when it logs in, so that it is known the next time.
pub fn device_token(site_key: &[u8], email: &str, session: &str) -> String {
    let payload = format!("{}{}:{session}", address(email), now());
    signed::seal(site_key, DEVICE, payload.as_bytes())
}

/// The device that such a token names, if it was given for this address and is not too old.
pub fn device(site_key: &[u8], email: &str, token: &str) -> Option<String> {
    let payload = String::from_utf8(signed::open(site_key, DEVICE, token)?).ok()?;
    let (given_at, device) = payload.strip_prefix(&address(email))?.split_once(':')?;
    let age = now() - given_at.parse::<i64>().ok()?;
    (age < DEVICE_LIFETIME).then(|| device.to_owned())
}

/// An address within a device's token: nobody reads there whose it is.
fn address(email: &str) -> String {
    hash(email).chars().take(ADDRESS).collect()
}

/// Places at which attempts take turns.
const TURNS: usize = 256;

/// One attempt of a device, or of a source with an address, is tried at a time: many right ones at once are not
/// refused because each is counted until it succeeds.
pub struct Turns([Mutex<()>; TURNS]);

impl Default for Turns {
    fn default() -> Self {
        Self([const { Mutex::const_new(()) }; TURNS])
    }
}

impl Turns {
    /// Waits until it is this attempt's turn.
    pub async fn take(&self, attempt: &Attempt) -> MutexGuard<'_, ()> {
        self.0[attempt.place()].lock().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let seconds = |failures| ONE.wait(failures) / 1_000_000;
        assert_eq!([0, 4, 5, 6, 7, 11, 12, 1_000].map(seconds), [0, 0, 30, 60, 120, 1_920, 3_600, 3_600]);
        assert_eq!(ALL.wait(49), 0);
        assert_eq!(ALL.wait(1_000_000) / 1_000_000, 900);
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
