//! Tokens that were mailed: each is good once, for setting a password.

use diesel::prelude::*;
use serde_json::json;

use super::accounts::{self, AccountRow};
use super::sessions::{self, hash, new_secret};
use super::told;
use crate::content::fault::Faults;
use crate::database::schema::mailed_tokens;
use crate::database::{Db, now};
use crate::journal::Author;
use crate::problem::Problem;

/// For what a token was mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A new account.
    Invitation,
    /// A forgotten password.
    Reset,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Purpose::Invitation => "invitation",
            Purpose::Reset => "reset",
        }
    }

    /// For so long a token is good (µs): a week, or an hour.
    fn lifetime(self) -> i64 {
        match self {
            Purpose::Invitation => 7 * 86_400_000_000,
            Purpose::Reset => 3_600_000_000,
        }
    }
}

/// No second mail is sent within this time (µs).
const PAUSE: i64 = 60_000_000;

/// A new token for an account; none, if one was made a moment ago. Earlier ones are good no more.
pub fn issue(connection: &mut Db, account_id: &str, purpose: Purpose) -> QueryResult<Option<String>> {
    let own = mailed_tokens::table.filter(mailed_tokens::account_id.eq(account_id));
    let last: Option<i64> =
        own.order(mailed_tokens::created_at.desc()).select(mailed_tokens::created_at).first(connection).optional()?;
    let at = now();
    if last.is_some_and(|last| at - last < PAUSE) {
        return Ok(None);
    }
    forget(connection, account_id)?;
    let token = new_secret();
    let row = (
        mailed_tokens::token_hash.eq(hash(&token)),
        mailed_tokens::account_id.eq(account_id),
        mailed_tokens::purpose.eq(purpose.word()),
        mailed_tokens::created_at.eq(at),
        mailed_tokens::expires_at.eq(at + purpose.lifetime()),
    );
    diesel::insert_into(mailed_tokens::table).values(row).execute(connection)?;
    Ok(Some(token))
}

/// The account of a token that is good.
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
    account
        .ok_or_else(|| Problem::invalid(Faults::one("/token", "not_valid", "this token is not valid, or not any more")))
}

/// Sets the password of a token's account, which uses the token up and ends all sessions; gives the account.
pub fn set_password(
    connection: &mut Db,
    request_id: &str,
    token: &str,
    password_hash: String,
) -> Result<AccountRow, Problem> {
    let mut row = account(connection, token)?;
    row.password_hash = password_hash;
    forget(connection, &row.id)?;
    sessions::end_all(connection, &row.id)?;
    let author = Author { account_id: Some(row.id.clone()), request_id: request_id.to_owned(), ..Author::default() };
    told::append(connection, &author, "password_reset", &row.id, &json!({}))?;
    accounts::save(connection, row)
}

/// Forgets the tokens of an account.
pub fn forget(connection: &mut Db, account_id: &str) -> QueryResult<()> {
    diesel::delete(mailed_tokens::table.filter(mailed_tokens::account_id.eq(account_id))).execute(connection).map(drop)
}

/// Forgets tokens that nobody can use any more.
pub fn forget_ended(connection: &mut Db) -> QueryResult<usize> {
    diesel::delete(mailed_tokens::table.filter(mailed_tokens::expires_at.lt(now()))).execute(connection)
}
