//! One-time tokens sent by mail, with which an invited person or one who forgot the password sets a new
//! password.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;
use serde_json::json;

use crate::auth::accounts::{self, AccountRow};
use crate::auth::audit_log;
use crate::auth::sessions::{self, hash, new_secret};
use crate::content::violation::Violations;
use crate::database::schema::mailed_tokens;
use crate::database::{Db, now};
use crate::journal::Author;
use crate::microseconds::{DAY, HOUR, MINUTE};
use crate::problem::Problem;
use crate::signed_token;

/// The purpose of a mailed token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Setting the first password of a new account.
    Invitation,
    /// Replacing a forgotten password.
    Reset,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Purpose::Invitation => "invitation",
            Purpose::Reset => "reset",
        }
    }

    /// Returns the validity of a token (µs): a week for an invitation, an hour for a reset.
    fn lifetime(self) -> i64 {
        match self {
            Purpose::Invitation => 7 * DAY,
            Purpose::Reset => HOUR,
        }
    }
}

/// What the secrets of mailed tokens are derived for.
const MAILED: &str = "mailed-token";
/// Least time between two mails to one account (µs).
const PAUSE: i64 = MINUTE;

/// Issues a token for an account and invalidates earlier ones. Returns the seed of the token, which [`token`] derives
/// from it when the mail is sent, so that no table has the token itself. Returns `None` if one was issued within
/// [`PAUSE`], so that strangers cannot flood a mailbox by asking for resets.
///
/// # Errors
/// Returns an error if a statement fails.
pub fn issue(connection: &mut Db, site_key: &[u8], account_id: &str, purpose: Purpose) -> QueryResult<Option<String>> {
    if !is_issuable(connection, account_id)? {
        return Ok(None);
    }
    forget(connection, account_id)?;
    let at = now();
    let seed = new_secret();
    let row = (
        mailed_tokens::token_hash.eq(hash(&token(site_key, &seed))),
        mailed_tokens::account_id.eq(account_id),
        mailed_tokens::purpose.eq(purpose.word()),
        mailed_tokens::created_at.eq(at),
        mailed_tokens::expires_at.eq(at + purpose.lifetime()),
    );
    diesel::insert_into(mailed_tokens::table).values(row).execute(connection)?;
    Ok(Some(seed))
}

/// Returns whether [`issue`] issues a token for an account now: none was issued within [`PAUSE`].
///
/// # Errors
/// Returns an error if the query fails.
pub fn is_issuable(connection: &mut Db, account_id: &str) -> QueryResult<bool> {
    let own = mailed_tokens::table.filter(mailed_tokens::account_id.eq(account_id));
    let last: Option<i64> =
        own.order(mailed_tokens::created_at.desc()).select(mailed_tokens::created_at).first(connection).optional()?;
    Ok(last.is_none_or(|last| now() - last >= PAUSE))
}

/// Returns the token of a seed.
pub fn token(site_key: &[u8], seed: &str) -> String {
    signed_token::derive(site_key, MAILED, seed.as_bytes())
        .map_or_else(String::new, |secret| URL_SAFE_NO_PAD.encode(secret))
}

/// Returns the open account to which a valid token belongs.
///
/// # Errors
/// 422 if the token is unknown or expired, or its account is closed.
pub fn account(connection: &mut Db, token: &str) -> Result<AccountRow, Problem> {
    let found: Option<String> = mailed_tokens::table
        .find(hash(token))
        .filter(mailed_tokens::expires_at.gt(now()))
        .select(mailed_tokens::account_id)
        .first(connection)
        .optional()?;
    let account = match found {
        Some(id) => Some(accounts::by_id(connection, &id)?).filter(|account| account.active),
        None => None,
    };
    account.ok_or_else(|| {
        Problem::invalid(Violations::one("/token", "not_valid", "the token is not valid or has expired"))
    })
}

/// Sets the password of a token's account. The token is used up, and all sessions of the account end. Returns
/// the saved account.
///
/// # Errors
/// 422 if the token is unknown or expired, or its account is closed.
pub fn set_password(
    connection: &mut Db,
    request_id: &str,
    token: &str,
    password_hash: String,
) -> Result<AccountRow, Problem> {
    let row = account(connection, token)?;
    let author = Author { account_id: Some(row.id.clone()), request_id: request_id.to_owned(), ..Author::default() };
    replace_password(connection, &author, "password_reset", row, password_hash)
}

/// Gives an account another password, and ends what was given under the earlier one. `action` is the name of the entry in
/// the audit log. Returns the saved account.
///
/// # Errors
/// Fails if a statement fails.
pub fn replace_password(
    connection: &mut Db,
    author: &Author,
    action: &str,
    mut row: AccountRow,
    password_hash: String,
) -> Result<AccountRow, Problem> {
    row.password_hash = password_hash;
    end_access(connection, &row.id)?;
    audit_log::append(connection, author, action, &row.id, &json!({}))?;
    accounts::save(connection, row)
}

/// Ends the sessions of an account, and makes the tokens that were mailed to it invalid: whoever has one could set a
/// password again.
///
/// # Errors
/// Fails if a statement fails.
pub fn end_access(connection: &mut Db, account_id: &str) -> QueryResult<()> {
    forget(connection, account_id)?;
    sessions::revoke_all(connection, account_id)
}

/// Deletes all tokens of an account.
fn forget(connection: &mut Db, account_id: &str) -> QueryResult<()> {
    diesel::delete(mailed_tokens::table.filter(mailed_tokens::account_id.eq(account_id))).execute(connection).map(drop)
}

/// Deletes expired tokens. Returns how many were deleted.
///
/// # Errors
/// Returns an error if the statement fails.
pub fn delete_expired(connection: &mut Db) -> QueryResult<usize> {
    diesel::delete(mailed_tokens::table.filter(mailed_tokens::expires_at.lt(now()))).execute(connection)
}
