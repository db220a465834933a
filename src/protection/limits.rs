//! Quotas of visitors: how many forms a network sends in an hour, and how many mails forms send to an address in a day. Keys
//! are keyed digests, so that no table has the address of a visitor.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;
use diesel::result::QueryResult;
use quick_cache::sync::Cache;

use crate::config::ProtectionConfig;
use crate::database::mail_schema::visitor_counts;
use crate::database::{Db, now};
use crate::microseconds::HOUR;
use crate::signed_token;

/// A number of requests within a window of time.
#[derive(Debug, Clone)]
pub struct Quota {
    key: String,
    most: i64,
    /// Length of the window (µs).
    window: i64,
}

impl Quota {
    /// Returns the quota of an hour.
    pub fn per_hour(key: String, most: u32) -> Self {
        Self { key, most: most.into(), window: HOUR }
    }

    /// Returns the quota of a day.
    pub fn per_day(key: String, most: u32) -> Self {
        Self { key, most: most.into(), window: 24 * HOUR }
    }

    /// Returns the time at which the quota begins anew (µs), if it is used up; none if it is not.
    ///
    /// # Errors
    /// Fails if the query fails.
    pub fn used_up_until(&self, connection: &mut Db) -> QueryResult<Option<i64>> {
        let columns = (visitor_counts::requests, visitor_counts::ends_at);
        let found: Option<(i64, i64)> =
            visitor_counts::table.find(&self.key).select(columns).first(connection).optional()?;
        Ok(found.filter(|(requests, ends_at)| *ends_at > now() && *requests >= self.most).map(|(_, ends_at)| ends_at))
    }

    /// Counts a request. Returns the time at which the quota begins anew (µs), if it is used up and the request does not
    /// count.
    ///
    /// # Errors
    /// Fails if a statement fails.
    pub fn take(&self, connection: &mut Db) -> QueryResult<Option<i64>> {
        let at = now();
        let columns = (visitor_counts::requests, visitor_counts::ends_at);
        let place = visitor_counts::table.find(&self.key);
        let found: Option<(i64, i64)> = place.select(columns).first(connection).optional()?;
        match found {
            None => {
                let row = (
                    visitor_counts::key.eq(&self.key),
                    visitor_counts::requests.eq(1),
                    visitor_counts::ends_at.eq(at + self.window),
                );
                diesel::insert_into(visitor_counts::table).values(row).execute(connection)?;
            }
            Some((_, ends_at)) if ends_at <= at => {
                let row = (visitor_counts::requests.eq(1), visitor_counts::ends_at.eq(at + self.window));
                diesel::update(place).set(row).execute(connection)?;
            }
            Some((requests, ends_at)) if requests >= self.most => return Ok(Some(ends_at)),
            Some((requests, _)) => {
                diesel::update(place).set(visitor_counts::requests.eq(requests + 1)).execute(connection)?;
            }
        }
        Ok(None)
    }
}

/// Maximum number of quotas in memory.
const MAX_USED_UP: usize = 4_096;

/// The quotas that this node has seen used up, so that a flood of refused forms reads nothing from the database.
pub struct UsedUpQuotas(Cache<String, i64>);

impl Default for UsedUpQuotas {
    fn default() -> Self {
        Self(Cache::new(MAX_USED_UP))
    }
}

impl UsedUpQuotas {
    /// Returns the time at which the quota begins anew (µs), if it is known to be used up.
    pub fn blocked_until(&self, quota: &Quota) -> Option<i64> {
        self.0.get(&quota.key).filter(|ends_at| *ends_at > now())
    }

    /// Adds a quota that is used up until this time (µs). It cannot become free before.
    pub fn add(&self, quota: &Quota, ends_at: i64) {
        self.0.insert(quota.key.clone(), ends_at);
    }
}

/// Returns the key of the network of an address.
pub fn network_key(config: &ProtectionConfig, key: &[u8], address: Option<IpAddr>) -> String {
    let network = match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => format!("4:{:x}", address.to_bits() >> (32 - config.ipv4_prefix)),
        Some(IpAddr::V6(address)) => format!("6:{:x}", address.to_bits() >> (128 - config.ipv6_prefix)),
        None => "none".to_owned(),
    };
    keyed_digest(key, "network", &network)
}

/// Returns the key of an e-mail address.
pub fn address_key(key: &[u8], address: &str) -> String {
    keyed_digest(key, "address", address)
}

/// Returns a digest that nobody computes without the key of the site.
pub fn keyed_digest(key: &[u8], purpose: &str, text: &str) -> String {
    let digest = signed_token::derive(key, &format!("visitor-{purpose}"), text.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.unwrap_or_default())
}

/// Deletes the counts of windows that have ended.
///
/// # Errors
/// Fails if the statement fails.
pub fn delete_expired(connection: &mut Db) -> QueryResult<usize> {
    diesel::delete(visitor_counts::table.filter(visitor_counts::ends_at.lt(now()))).execute(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_used_up_until_its_window_ends() {
        let (quotas, quota) = (UsedUpQuotas::default(), |key: &str| Quota::per_hour(key.to_owned(), 20));
        let later = now() + HOUR;
        quotas.add(&quota("one"), later);
        quotas.add(&quota("ended"), now() - 1);
        assert_eq!(["one", "ended", "other"].map(|key| quotas.blocked_until(&quota(key))), [Some(later), None, None]);
    }

    #[test]
    fn neighbours_are_one_network() {
        let config = ProtectionConfig::default();
        let key_of = |text: &str| network_key(&config, b"key", Some(text.parse().unwrap()));
        assert_eq!(key_of("203.0.113.7"), key_of("203.0.113.200"));
        assert_ne!(key_of("203.0.113.7"), key_of("203.0.114.7"));
        assert_eq!(key_of("::ffff:203.0.113.7"), key_of("203.0.113.9"));
        assert_eq!(key_of("2001:db8:1:2::1"), key_of("2001:db8:1:ffff::1"));
        assert_ne!(key_of("2001:db8:1::1"), key_of("2001:db8:2::1"));
        assert_ne!(network_key(&config, b"other", None), network_key(&config, b"key", None));
    }
}
