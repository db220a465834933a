//! Sessions, which are families of refresh tokens. Each token can be used for one refresh, which issues the
//! next token of its family. A token that is used again later was stolen, or its successor was: the whole
//! family is revoked.
//!
//! Two tabs of a browser share a token and may refresh at the same moment. Within [`LEEWAY`] the second
//! refresh therefore returns the same successor as the first, instead of a second one. A family stays one
//! chain: a thief who uses a token within that time shares the successor with the owner, and the theft is
//! detected when the later of the two uses it. A successor per refresh would give the thief a branch that is
//! never detected.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;
use sha2::{Digest, Sha256};

use super::accounts::{self, AccountRow};
use crate::database::schema::refresh_tokens;
use crate::database::{Db, new_id, now};
use crate::microseconds::{DAY, HOUR, MINUTE, SECOND};
use crate::problem::{Problem, ProblemKind};
use crate::signed_token;

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

/// A session, which began with a log-in.
#[derive(Debug, Clone)]
pub struct Session {
    /// Id of the family of refresh tokens.
    pub id: String,
    /// Time of the log-in (µs since 1970).
    pub begun_at: i64,
    /// Time of the last refresh (µs since 1970).
    pub refreshed_at: i64,
    /// Time of expiry, unless the session is refreshed before (µs since 1970).
    pub expires_at: i64,
    /// `User-Agent` of the log-in.
    pub agent: String,
}

/// How the client of a session authenticates, which decides how long its tokens last. The tokens of one kind are unknown to
/// the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// By access tokens.
    Bearer {
        /// Days for which a refresh token lasts.
        days: u32,
    },
    /// By a cookie.
    Cookie {
        /// Minutes for which the cookie lasts unless it is renewed.
        minutes: u32,
        /// Hours for which the session lasts, however often the cookie is renewed.
        hours: u32,
    },
}

impl SessionKind {
    /// Returns the stored form of a token of this kind.
    fn hash(self, token: &str) -> String {
        match self {
            Self::Bearer { .. } => hash(token),
            Self::Cookie { .. } => cookie_hash(token),
        }
    }

    /// Returns when a token expires that is issued at `at` (µs since 1970).
    fn expires_at(self, begun_at: i64, at: i64) -> i64 {
        match self {
            Self::Bearer { days } => at + i64::from(days) * DAY,
            Self::Cookie { minutes, .. } => (at + i64::from(minutes) * MINUTE).min(self.ends_at(begun_at)),
        }
    }

    /// Returns when a session ends however often its tokens are refreshed (µs since 1970).
    pub fn ends_at(self, begun_at: i64) -> i64 {
        match self {
            Self::Bearer { .. } => i64::MAX,
            Self::Cookie { hours, .. } => begun_at + i64::from(hours) * HOUR,
        }
    }

    /// Returns the purpose for which successors of a token are derived.
    fn purpose(self) -> &'static str {
        match self {
            Self::Bearer { .. } => "refresh",
            Self::Cookie { .. } => "cookie",
        }
    }
}

/// Time after the use of a token (µs) within which using it again returns the same successor.
const LEEWAY: i64 = 10 * SECOND;
/// Greatest number of successors within that time. More of them are no sign of a second tab but of a reuse.
const MOST_STEPS: usize = 16;
/// Characters of the `User-Agent` that are stored.
const MAX_AGENT: usize = 200;

/// Returns the sessions of an account that have not ended, the newest first.
///
/// # Errors
/// Returns an error if the query fails.
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

/// Ends one session of an account. Returns whether it existed.
///
/// # Errors
/// Returns an error if the statement fails.
pub fn revoke(connection: &mut Db, account_id: &str, id: &str) -> QueryResult<bool> {
    let own = refresh_tokens::account_id.eq(account_id).and(refresh_tokens::family_id.eq(id));
    diesel::delete(refresh_tokens::table.filter(own)).execute(connection).map(|rows| rows > 0)
}

/// A refresh token that was issued for a session.
#[derive(Debug, Clone)]
pub struct RefreshToken {
    /// Id of the session.
    pub session: String,
    /// Refresh token, or the value of the cookie.
    pub token: String,
    /// Time of the log-in (µs since 1970).
    pub begun_at: i64,
    /// Time of expiry of the token (µs since 1970).
    pub expires_at: i64,
}

/// The outcome of a refresh. The reuse of a token is an outcome and not an error, since an error would roll
/// back the transaction that revokes the family.
pub enum RefreshOutcome {
    /// The account, and the next token of the session.
    Next(Box<AccountRow>, RefreshToken),
    /// The token was used before; its family is revoked. Holds the id of the account.
    Reused(String),
    /// The token is unknown or expired, or its account is closed.
    Refused,
}

/// Returns a new random secret of 256 bits, as base64url.
pub fn new_secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// Returns the stored form of a secret: its SHA-256 as base64url. Without salt, so that it can be looked up,
/// and without stretching, since the secrets are random.
pub fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}

/// Returns the stored form of the value of a cookie. It differs from that of a refresh token, so that neither is accepted
/// in the place of the other.
pub fn cookie_hash(value: &str) -> String {
    hash(&format!("cookie:{value}"))
}

/// Starts a session for an account that logged in with this `User-Agent`, and issues its first token.
///
/// # Errors
/// Returns an error if the statement fails.
pub fn begin(connection: &mut Db, account_id: &str, kind: SessionKind, agent: &str) -> QueryResult<RefreshToken> {
    let agent = agent.chars().filter(|c| !c.is_control()).take(MAX_AGENT).collect();
    let at = now();
    let (session, token) = (new_id(), new_secret());
    let row = Row {
        token_hash: kind.hash(&token),
        family_id: session,
        account_id: account_id.to_owned(),
        created_at: at,
        expires_at: kind.expires_at(at, at),
        used_at: 0,
        agent,
        begun_at: at,
    };
    diesel::insert_into(refresh_tokens::table).values(&row).execute(connection)?;
    Ok(row.into_refresh_token(token))
}

impl Row {
    /// Returns the token of this row, which the caller knows.
    fn into_refresh_token(self, token: String) -> RefreshToken {
        RefreshToken { session: self.family_id, token, begun_at: self.begun_at, expires_at: self.expires_at }
    }
}

fn find(connection: &mut Db, hash: &str) -> QueryResult<Option<Row>> {
    refresh_tokens::table.find(hash).select(Row::as_select()).first(connection).optional()
}

/// The session to which a cookie belongs.
#[derive(Debug)]
pub struct CookieOwner {
    /// Id of the account.
    pub account_id: String,
    /// Id of the session.
    pub session: String,
    /// Time of expiry of the cookie (µs since 1970).
    pub expires_at: i64,
}

/// Returns the session of a cookie by its stored form. A cookie that was replaced is accepted for [`LEEWAY`], since
/// requests with it may be on their way.
///
/// # Errors
/// Returns an error if the query fails.
pub fn of_cookie(connection: &mut Db, hash: &str) -> QueryResult<Option<CookieOwner>> {
    let at = now();
    let is_valid = |row: &Row| row.expires_at > at && (row.used_at == 0 || (at - row.used_at).abs() <= LEEWAY);
    let owner =
        |row: Row| CookieOwner { account_id: row.account_id, session: row.family_id, expires_at: row.expires_at };
    Ok(find(connection, hash)?.filter(is_valid).map(owner))
}

/// Derives the successor of a token. It is derived rather than random, so that it can be returned again
/// although only its hash is stored.
fn successor(site_key: &[u8], kind: SessionKind, token: &str) -> Result<String, Problem> {
    let next = signed_token::derive(site_key, kind.purpose(), token.as_bytes());
    next.map(|next| URL_SAFE_NO_PAD.encode(next)).ok_or_else(|| Problem::internal(&"no refresh token could be made"))
}

/// Uses a refresh token up and issues its successor. Within [`LEEWAY`] a token that was used already returns
/// the unused end of its chain, to which the second of two concurrent refreshes is entitled.
///
/// # Errors
/// Returns an error if a statement fails, or if no successor can be derived.
pub fn refresh(
    connection: &mut Db,
    site_key: &[u8],
    token: &str,
    kind: SessionKind,
) -> Result<RefreshOutcome, Problem> {
    let (mut token, mut steps) = (token.to_owned(), 0);
    let Some(mut row) = find(connection, &kind.hash(&token))? else { return Ok(RefreshOutcome::Refused) };
    // The chain is followed to its end, since the successor may have been used as well, by a tab that
    // refreshed twice. Each step must be recent: one old step means that an old token came back.
    while row.used_at != 0 {
        if (now() - row.used_at).abs() > LEEWAY || steps == MOST_STEPS {
            tracing::warn!(account = row.account_id, "a refresh token was used twice; its session is revoked");
            end_family(connection, &row.family_id)?;
            return Ok(RefreshOutcome::Reused(row.account_id));
        }
        token = successor(site_key, kind, &token)?;
        row = match find(connection, &kind.hash(&token))? {
            Some(next) => next,
            // The token was used by a version whose successors were random, so its successor cannot be
            // derived.
            None => return Ok(RefreshOutcome::Refused),
        };
        steps += 1;
    }
    let account = accounts::by_id(connection, &row.account_id)?;
    if row.expires_at < now() || !account.active {
        return Ok(RefreshOutcome::Refused);
    }
    let issued = match steps {
        0 => use_up(connection, row, successor(site_key, kind, &token)?, kind)?,
        _ => row.into_refresh_token(token),
    };
    Ok(RefreshOutcome::Next(Box::new(account), issued))
}

/// Marks a token as used and stores its successor, which it returns.
fn use_up(connection: &mut Db, row: Row, next: String, kind: SessionKind) -> QueryResult<RefreshToken> {
    let at = now();
    diesel::update(refresh_tokens::table.find(&row.token_hash))
        .set(refresh_tokens::used_at.eq(at))
        .execute(connection)?;
    let expires_at = kind.expires_at(row.begun_at, at);
    let row = Row { token_hash: kind.hash(&next), created_at: at, expires_at, used_at: 0, ..row };
    diesel::insert_into(refresh_tokens::table).values(&row).execute(connection)?;
    Ok(row.into_refresh_token(next))
}

/// Ends the session of a token. Returns the ids of its account and of the session, if there was one.
///
/// # Errors
/// Returns an error if a statement fails.
pub fn log_out(connection: &mut Db, token: &str, kind: SessionKind) -> QueryResult<Option<(String, String)>> {
    let Some(row) = find(connection, &kind.hash(token))? else { return Ok(None) };
    end_family(connection, &row.family_id)?;
    Ok(Some((row.account_id, row.family_id)))
}

fn end_family(connection: &mut Db, family: &str) -> QueryResult<()> {
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::family_id.eq(family))).execute(connection).map(drop)
}

/// Ends all sessions of an account, after its password was changed or the account was closed.
///
/// # Errors
/// Returns an error if the statement fails.
pub fn revoke_all(connection: &mut Db, account_id: &str) -> QueryResult<()> {
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::account_id.eq(account_id)))
        .execute(connection)
        .map(drop)
}

/// Ends all sessions of an account except one. Used when the credentials for logging in have changed: the
/// session that changed them has proved its identity, the others have not.
///
/// # Errors
/// Returns an error if the statement fails.
pub fn revoke_others(connection: &mut Db, account_id: &str, session: &str) -> QueryResult<()> {
    let others = refresh_tokens::account_id.eq(account_id).and(refresh_tokens::family_id.ne(session));
    diesel::delete(refresh_tokens::table.filter(others)).execute(connection).map(drop)
}

/// Deletes expired refresh tokens. Returns how many were deleted.
///
/// # Errors
/// Returns an error if the statement fails.
pub fn delete_expired(connection: &mut Db) -> QueryResult<usize> {
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::expires_at.lt(now()))).execute(connection)
}

/// Returns the problem for a refresh token that is not valid.
pub fn refusal() -> Problem {
    Problem::new(ProblemKind::Unauthorized, "the refresh token is not valid or has expired; log in again")
}
