//! Sessions: families of refresh tokens. Each token is good for one refresh, which gives the next of its family.
//! One that comes again later was stolen, or its thief is the other one: the whole family ends.
//!
//! Two tabs of a browser share a token and refresh at the same moment; so for [`LEEWAY`] the second is given what
//! the first was given, the same token and not one beside it. A family stays one chain: whoever steals a token
//! within that time shares the next one with its owner, and is found out when the later of them uses it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;
use sha2::{Digest, Sha256};

use super::accounts::{self, AccountRow};
use crate::database::schema::refresh_tokens;
use crate::database::{Db, new_id, now};
use crate::problem::{Kind, Problem};
use crate::signed;

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

/// For so long (µs) after its use a token gives again what it gave.
const LEEWAY: i64 = 10_000_000;
/// A token that is followed by so many within that time is no second tab's.
const MOST_STEPS: usize = 16;
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

/// A session that goes on, and the token for its next refresh.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The session.
    pub session: String,
    /// The refresh token.
    pub token: String,
}

/// What a refresh came to. A reuse must be committed (it ends the family), so it is no error here.
pub enum Refreshed {
    /// The account, and the next token.
    Next(Box<AccountRow>, Issued),
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
pub fn begin(connection: &mut Db, account_id: &str, days: u32, agent: &str) -> QueryResult<Issued> {
    let agent = agent.chars().filter(|c| !c.is_control()).take(MAX_AGENT).collect();
    let at = now();
    let (session, token) = (new_id(), new_secret());
    let row = Row {
        token_hash: hash(&token),
        family_id: session.clone(),
        account_id: account_id.to_owned(),
        created_at: at,
        expires_at: expires(at, days),
        used_at: 0,
        agent,
        begun_at: at,
    };
    diesel::insert_into(refresh_tokens::table).values(&row).execute(connection)?;
    Ok(Issued { session, token })
}

fn expires(at: i64, days: u32) -> i64 {
    at + i64::from(days) * 86_400_000_000
}

fn find(connection: &mut Db, token: &str) -> QueryResult<Option<Row>> {
    refresh_tokens::table.find(hash(token)).select(Row::as_select()).first(connection).optional()
}

/// The token after this one. It is computed, so that it can be given again though only its hash is stored.
fn successor(site_key: &[u8], token: &str) -> Result<String, Problem> {
    let next = signed::derive(site_key, "refresh", token.as_bytes());
    next.map(|next| URL_SAFE_NO_PAD.encode(next)).ok_or_else(|| Problem::internal(&"no refresh token could be made"))
}

/// Uses a token up and gives the next; for a moment gives the same next one again.
///
/// # Errors
/// Fails if the database does.
pub fn refresh(connection: &mut Db, site_key: &[u8], token: &str, days: u32) -> Result<Refreshed, Problem> {
    let (mut token, mut steps) = (token.to_owned(), 0);
    let Some(mut row) = find(connection, &token)? else { return Ok(Refreshed::Refused) };
    while row.used_at != 0 {
        if (now() - row.used_at).abs() > LEEWAY || steps == MOST_STEPS {
            tracing::warn!(account = row.account_id, "a used refresh token came again; its family is revoked");
            end_family(connection, &row.family_id)?;
            return Ok(Refreshed::Reused(row.account_id));
        }
        token = successor(site_key, &token)?;
        row = match find(connection, &token)? {
            Some(next) => next,
            // It was used before tokens were computed of each other.
            None => return Ok(Refreshed::Refused),
        };
        steps += 1;
    }
    let account = accounts::by_id(connection, &row.account_id)?;
    if row.expires_at < now() || !account.active {
        return Ok(Refreshed::Refused);
    }
    let session = row.family_id.clone();
    if steps == 0 {
        token = use_up(connection, row, successor(site_key, &token)?, days)?;
    }
    Ok(Refreshed::Next(Box::new(account), Issued { session, token }))
}

/// Marks a token as used and stores the next one, which it gives.
fn use_up(connection: &mut Db, row: Row, next: String, days: u32) -> QueryResult<String> {
    let at = now();
    diesel::update(refresh_tokens::table.find(&row.token_hash))
        .set(refresh_tokens::used_at.eq(at))
        .execute(connection)?;
    let row = Row { token_hash: hash(&next), created_at: at, expires_at: expires(at, days), used_at: 0, ..row };
    diesel::insert_into(refresh_tokens::table).values(&row).execute(connection)?;
    Ok(next)
}

/// Ends the family of a token; gives its account and the session, if there was one.
pub fn log_out(connection: &mut Db, token: &str) -> QueryResult<Option<(String, String)>> {
    let Some(row) = find(connection, token)? else { return Ok(None) };
    end_family(connection, &row.family_id)?;
    Ok(Some((row.account_id, row.family_id)))
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

/// Ends all families of an account but one: what logging in wants has changed, and the session that changed it
/// has shown all of it.
pub fn end_others(connection: &mut Db, account_id: &str, session: &str) -> QueryResult<()> {
    let others = refresh_tokens::account_id.eq(account_id).and(refresh_tokens::family_id.ne(session));
    diesel::delete(refresh_tokens::table.filter(others)).execute(connection).map(drop)
}

/// Forgets tokens that nobody can use any more.
pub fn forget_ended(connection: &mut Db) -> QueryResult<usize> {
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::expires_at.lt(now()))).execute(connection)
}

/// The problem of a refresh token that is no good.
pub fn refused() -> Problem {
    Problem::new(Kind::Unauthorised, "this refresh token is not valid, or not any more; log in again")
}
