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
    agent: String,
    begun_at: i64,
}

/// What began with a log-in: a family of refresh tokens.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// When it was begun (µs).
    pub begun_at: i64,
    /// When it was last refreshed (µs).
    pub refreshed_at: i64,
    /// When it ends (µs).
    pub expires_at: i64,
    /// The program that began it.
    pub agent: String,
}

/// Longest name of a program that is kept, in characters.
const MAX_AGENT: usize = 200;

/// The sessions of an account that have not ended, the newest first.
pub fn all(connection: &mut Db, account_id: &str) -> QueryResult<Vec<Session>> {
    let live = refresh_tokens::used_at.eq(0).and(refresh_tokens::expires_at.gt(now()));
    let rows: Vec<Row> = refresh_tokens::table
        .filter(refresh_tokens::account_id.eq(account_id).and(live))
        .order(refresh_tokens::family_id.desc())
        .select(Row::as_select())
        .load(connection)?;
    let session = |row: Row| Session {
        id: row.family_id,
        begun_at: if row.begun_at > 0 { row.begun_at } else { row.created_at },
        refreshed_at: row.created_at,
        expires_at: row.expires_at,
        agent: row.agent,
    };
    Ok(rows.into_iter().map(session).collect())
}

/// Ends one session of an account; says whether there was one.
pub fn end_one(connection: &mut Db, account_id: &str, id: &str) -> QueryResult<bool> {
    let own = refresh_tokens::account_id.eq(account_id).and(refresh_tokens::family_id.eq(id));
    diesel::delete(refresh_tokens::table.filter(own)).execute(connection).map(|rows| rows > 0)
}

/// What a refresh came to. A reuse must be committed (it ends the family), so it is no error here.
pub enum Refreshed {
    /// The account, and the next token.
    Next(Box<AccountRow>, String),
    /// The token of this account was used before; its family has ended.
    Reused(String),
    /// The token is unknown or ended.
    Refused,
}

/// A new secret of 256 bits, as base64url.
pub fn new_secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// The stored form of a secret with enough randomness of its own: a plain hash.
pub fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}

/// Begins a family for an account, with a program of this name, and gives its first token.
pub fn begin(connection: &mut Db, account_id: &str, days: u32, agent: &str) -> QueryResult<String> {
    let agent: String = agent.chars().filter(|c| !c.is_control()).take(MAX_AGENT).collect();
    issue(connection, account_id, &new_id(), days, agent, now())
}

fn issue(
    connection: &mut Db,
    account_id: &str,
    family_id: &str,
    days: u32,
    agent: String,
    begun_at: i64,
) -> QueryResult<String> {
    let token = new_secret();
    let at = now();
    let row = Row {
        token_hash: hash(&token),
        family_id: family_id.to_owned(),
        account_id: account_id.to_owned(),
        created_at: at,
        expires_at: at + i64::from(days) * 86_400_000_000,
        used_at: 0,
        agent,
        begun_at,
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
        return Ok(Refreshed::Reused(row.account_id));
    }
    let account = accounts::by_id(connection, &row.account_id)?;
    if row.expires_at < now() || !account.active {
        return Ok(Refreshed::Refused);
    }
    diesel::update(refresh_tokens::table.find(&row.token_hash))
        .set(refresh_tokens::used_at.eq(now()))
        .execute(connection)?;
    let next = issue(connection, &row.account_id, &row.family_id, days, row.agent, row.begun_at)?;
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
