//! The second factor: time-based one-time passwords (RFC 6238), and recovery codes for a lost device.

use diesel::prelude::*;
use diesel::result::QueryResult;
use rand::seq::IndexedRandom;
use totp_rs::{Builder, Secret, Totp};

use super::accounts::AccountRow;
use super::sessions::hash;
use crate::database::schema::{accounts, recovery_codes};
use crate::database::{Db, now};
use crate::microseconds::SECOND;

/// Number of recovery codes of an account.
const CODES: usize = 10;
/// Letters and digits of recovery codes, without those that are easily confused.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// Returns a new secret of 160 bits, as RFC 4226 recommends, in base32 (RFC 4648, section 6).
pub fn new_secret() -> String {
    let bytes: [u8; 20] = rand::random();
    Secret::new_stack(bytes).to_base32()
}

/// Returns the code generator of an account: SHA-1, six digits, steps of thirty seconds, and one step of
/// tolerance. These are the parameters that all authenticator apps support.
fn codes(secret: &str, email: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret).ok()?;
    let account = email.replace(':', "");
    Builder::new().with_secret(secret).with_account_name(account).with_issuer(Some("Plenary")).build().ok()
}

/// Returns the `otpauth://` URL that authenticator apps read from a QR code.
pub fn url(secret: &str, email: &str) -> Option<String> {
    codes(secret, email)?.to_url().ok()
}

/// Returns whether a code is a currently valid time-based code or a recovery code, and uses it up.
///
/// # Errors
/// Returns an error if a statement fails.
pub fn check(connection: &mut Db, account: &AccountRow, code: &str) -> QueryResult<bool> {
    let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_lowercase();
    if let Some(step) = step_of(account, &code) {
        // The condition is part of the update, so of two concurrent requests with one code only the first
        // succeeds.
        let place = accounts::table.find(&account.id).filter(accounts::totp_step.lt(step));
        return Ok(diesel::update(place).set(accounts::totp_step.eq(step)).execute(connection)? > 0);
    }
    let place = recovery_codes::table.find((&account.id, hash(&code)));
    Ok(diesel::delete(place).execute(connection)? > 0)
}

/// Returns the time step of a code, if the code is valid at present.
fn step_of(account: &AccountRow, code: &str) -> Option<i64> {
    let seconds = u64::try_from(now() / SECOND).ok()?;
    let step = codes(&account.totp_secret, &account.email)?.check(code, seconds)?;
    i64::try_from(step).ok()
}

/// Starts the set-up of a second factor: stores its secret without requiring codes yet.
///
/// # Errors
/// Returns an error if the statement fails.
pub fn begin(connection: &mut Db, account_id: &str, secret: &str) -> QueryResult<()> {
    diesel::update(accounts::table.find(account_id))
        .set((accounts::totp_secret.eq(secret), accounts::totp_step.eq(0)))
        .execute(connection)
        .map(drop)
}

/// Activates the second factor: from now on logging in requires a code. Returns new recovery codes, which
/// replace earlier ones and cannot be recovered later, since only their hashes are stored.
///
/// # Errors
/// Returns an error if a statement fails.
pub fn activate(connection: &mut Db, account_id: &str) -> QueryResult<Vec<String>> {
    diesel::update(accounts::table.find(account_id)).set(accounts::totp_active.eq(true)).execute(connection)?;
    diesel::delete(recovery_codes::table.filter(recovery_codes::account_id.eq(account_id))).execute(connection)?;
    let made: Vec<String> = (0..CODES).map(|_| recovery_code()).collect();
    for code in &made {
        let row =
            (recovery_codes::account_id.eq(account_id), recovery_codes::code_hash.eq(hash(&code.replace('-', ""))));
        diesel::insert_into(recovery_codes::table).values(row).execute(connection)?;
    }
    Ok(made)
}

/// Removes the second factor and the recovery codes of an account.
///
/// # Errors
/// Returns an error if a statement fails.
pub fn end(connection: &mut Db, account_id: &str) -> QueryResult<()> {
    let columns = (accounts::totp_active.eq(false), accounts::totp_secret.eq(""), accounts::totp_step.eq(0));
    diesel::update(accounts::table.find(account_id)).set(columns).execute(connection)?;
    diesel::delete(recovery_codes::table.filter(recovery_codes::account_id.eq(account_id)))
        .execute(connection)
        .map(drop)
}

/// Returns a new recovery code: three groups of five characters, 74 bits.
fn recovery_code() -> String {
    let mut random = rand::rng();
    let letters: Vec<u8> = (0..15).filter_map(|_| ALPHABET.choose(&mut random).copied()).collect();
    let groups: Vec<String> = letters.chunks(5).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_recovery_codes_are_long_enough() {
        assert_eq!(new_secret().len(), 32);
        let code = recovery_code();
        assert_eq!((code.len(), code.matches('-').count()), (17, 2));
        assert_ne!(code, recovery_code());
        assert!(url(&new_secret(), "anna@example.org").is_some_and(|url| url.starts_with("otpauth://totp/")));
    }
}
