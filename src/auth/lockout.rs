//! Failed log-ins: after a few, an address has to wait, and longer each time, whether there is an
//! account behind it or not.

use diesel::prelude::*;

use super::sessions::hash;
use crate::database::schema::login_failures;
use crate::database::{Db, now};

/// Failures that cost nothing.
const FREE: i64 = 5;
/// The first wait, in seconds; it doubles with each further failure.
const FIRST_WAIT: i64 = 30;
/// The longest wait, in seconds.
const LONGEST_WAIT: i64 = 3_600;
/// After so many seconds without a failure, counting begins anew.
const FORGET: i64 = 86_400;

/// Seconds that this address still has to wait.
pub fn wait(connection: &mut Db, email: &str) -> QueryResult<Option<u64>> {
    let until: Option<i64> =
        login_failures::table.find(hash(email)).select(login_failures::locked_until).first(connection).optional()?;
    let left = until.unwrap_or(0) - now();
    Ok(u64::try_from(left).ok().filter(|micros| *micros > 0).map(|micros| micros / 1_000_000 + 1))
}

/// Counts a failure.
pub fn failed(connection: &mut Db, email: &str) -> QueryResult<()> {
    let key = hash(email);
    let at = now();
    let earlier: Option<(i64, i64)> = login_failures::table
        .find(&key)
        .select((login_failures::failures, login_failures::last_at))
        .first(connection)
        .optional()?;
    let failures = match earlier {
        Some((count, last)) if at - last < FORGET * 1_000_000 => count + 1,
        _ => 1,
    };
    let doublings = u32::try_from((failures - FREE).clamp(0, 20)).unwrap_or(0);
    let wait = if failures < FREE { 0 } else { (FIRST_WAIT << doublings).min(LONGEST_WAIT) };
    let columns = (
        login_failures::failures.eq(failures),
        login_failures::last_at.eq(at),
        login_failures::locked_until.eq(if wait == 0 { 0 } else { at + wait * 1_000_000 }),
    );
    if earlier.is_some() {
        diesel::update(login_failures::table.find(&key)).set(columns).execute(connection)?;
    } else {
        diesel::insert_into(login_failures::table)
            .values((login_failures::email_hash.eq(&key), columns))
            .execute(connection)?;
    }
    Ok(())
}

/// Forgets the failures of an address whose owner has shown the password.
pub fn succeeded(connection: &mut Db, email: &str) -> QueryResult<()> {
    diesel::delete(login_failures::table.find(hash(email))).execute(connection).map(drop)
}
