//! The second factor: codes by time (RFC 6238), and recovery codes for when the device is lost.

use diesel::prelude::*;
use diesel::result::QueryResult;
use rand::seq::IndexedRandom;
use totp_rs::{Builder, Secret, Totp};

use super::accounts::AccountRow;
use super::sessions::hash;
use crate::database::schema::{accounts, recovery_codes};
use crate::database::{Db, now};

/// How many recovery codes an account gets.
const CODES: usize = 10;
/// Letters and digits that are not taken for each other.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// A new secret, in base32 (RFC 4648, section 6): 160 bits, as RFC 4226 advises.
pub fn new_secret() -> String {
    let bytes: [u8; 20] = rand::random();
    Secret::new_stack(bytes).to_base32()
}

/// The codes of an account: SHA-1, six digits, thirty seconds, one step of patience, which is what all
/// programs for phones know.
fn codes(secret: &str, email: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret).ok()?;
    let account = email.replace(':', "");
    Builder::new().with_secret(secret).with_account_name(account).with_issuer(Some("Plenary")).build().ok()
}

/// What a phone reads as a QR code.
pub fn url(secret: &str, email: &str) -> Option<String> {
    codes(secret, email)?.to_url().ok()
}

/// Whether this is a code of now, or a recovery code; either is used up.
pub fn check(connection: &mut Db, account: &AccountRow, code: &str) -> QueryResult<bool> {
    let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_lowercase();
    if let Some(step) = step_of(account, &code) {
        // Two requests at once with one code: one of them is late.
        let place = accounts::table.find(&account.id).filter(accounts::totp_step.lt(step));
        return Ok(diesel::update(place).set(accounts::totp_step.eq(step)).execute(connection)? > 0);
    }
    let place = recovery_codes::table.find((&account.id, hash(&code)));
    Ok(diesel::delete(place).execute(connection)? > 0)
}

/// The time step of a code that is right now.
fn step_of(account: &AccountRow, code: &str) -> Option<i64> {
    let seconds = u64::try_from(now() / 1_000_000).ok()?;
    let step = codes(&account.totp_secret, &account.email)?.check(code, seconds)?;
    i64::try_from(step).ok()
}

/// Begins: the secret is stored, and not asked for yet.
pub fn begin(connection: &mut Db, account_id: &str, secret: &str) -> QueryResult<()> {
    diesel::update(accounts::table.find(account_id))
        .set((accounts::totp_secret.eq(secret), accounts::totp_step.eq(0)))
        .execute(connection)
        .map(drop)
}

/// From now on codes are asked for; gives the recovery codes, which are shown once.
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

/// No codes are asked for any more.
pub fn end(connection: &mut Db, account_id: &str) -> QueryResult<()> {
    let columns = (accounts::totp_active.eq(false), accounts::totp_secret.eq(""), accounts::totp_step.eq(0));
    diesel::update(accounts::table.find(account_id)).set(columns).execute(connection)?;
    diesel::delete(recovery_codes::table.filter(recovery_codes::account_id.eq(account_id)))
        .execute(connection)
        .map(drop)
}

/// Three groups of five: 74 bits.
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
