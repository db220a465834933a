//! Refresh tokens: each is good for one refresh, which gives the next of its family. One that comes
//! a second time was stolen, or its thief is the other one: the whole family ends.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;
use sha2::{Digest, Sha256};

use super::accounts::{self, AccountRow};
use crate::database::schema::refresh_tokens;
use crate::database::{Db, new_id, now};
use crate::problem::{Kind, Problem};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = refresh_tokens)]
struct Row {
    token_hash: String,
    family_id: String,
    account_id: String,
    created_at: i64,
    expires_at: i64,
    used_at: i64,
}

/// What a refresh came to. A reuse must be committed (it ends the family), so it is no error here.
pub enum Refreshed {
    /// The account, and the next token.
    Next(Box<AccountRow>, String),
    /// The token is unknown, ended, or was used before.
    Refused,
}

/// The stored form of a secret with enough randomness of its own: a plain hash.
pub fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}

/// Begins a family for an account and gives its first token.
pub fn begin(connection: &mut Db, account_id: &str, days: u32) -> QueryResult<String> {
    issue(connection, account_id, &new_id(), days)
}

fn issue(connection: &mut Db, account_id: &str, family_id: &str, days: u32) -> QueryResult<String> {
    let secret: [u8; 32] = rand::random();
    let token = URL_SAFE_NO_PAD.encode(secret);
    let at = now();
    let row = Row {
        token_hash: hash(&token),
        family_id: family_id.to_owned(),
        account_id: account_id.to_owned(),
        created_at: at,
        expires_at: at + i64::from(days) * 86_400_000_000,
        used_at: 0,
    };
    diesel::insert_into(refresh_tokens::table).values(&row).execute(connection)?;
    Ok(token)
}

/// Uses a token up and gives the next.
pub fn refresh(connection: &mut Db, token: &str, days: u32) -> Result<Refreshed, Problem> {
    let place = refresh_tokens::table.find(hash(token));
    let Some(row) = place.select(Row::as_select()).first(connection).optional()? else { return Ok(Refreshed::Refused) };
    if row.used_at != 0 {
        tracing::warn!(account = row.account_id, "a used refresh token came again; its family is revoked");
        end_family(connection, &row.family_id)?;
        return Ok(Refreshed::Refused);
    }
    let account = accounts::by_id(connection, &row.account_id)?;
    if row.expires_at < now() || !account.active {
        return Ok(Refreshed::Refused);
    }
    diesel::update(refresh_tokens::table.find(&row.token_hash))
        .set(refresh_tokens::used_at.eq(now()))
        .execute(connection)?;
    let next = issue(connection, &row.account_id, &row.family_id, days)?;
    Ok(Refreshed::Next(Box::new(account), next))
}

/// Ends the family of a token, known or not.
pub fn log_out(connection: &mut Db, token: &str) -> QueryResult<()> {
    let family: Option<String> =
        refresh_tokens::table.find(hash(token)).select(refresh_tokens::family_id).first(connection).optional()?;
    family.map_or(Ok(()), |family| end_family(connection, &family))
}

fn end_family(connection: &mut Db, family: &str) -> QueryResult<()> {
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::family_id.eq(family))).execute(connection).map(drop)
}

/// Ends all families of an account: its password changed, or it was closed.
pub fn end_all(connection: &mut Db, account_id: &str) -> QueryResult<()> {
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::account_id.eq(account_id)))
        .execute(connection)
        .map(drop)
}

/// Forgets tokens that nobody can use any more.
pub fn forget_ended(connection: &mut Db) -> QueryResult<usize> {
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::expires_at.lt(now()))).execute(connection)
}

/// The problem of a refresh token that is no good.
pub fn refused() -> Problem {
    Problem::new(Kind::Unauthorised, "this refresh token is not valid, or not any more; log in again")
}
