//! API keys, both of machines and of people for their own programs. The text of a key is shown once, when it
//! is created; only its hash is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::json;

use super::credentials::{CredentialCache, Grant};
use super::expiry::Expiry;
use super::permissions::Role;
use super::sessions::{hash, new_secret};
use crate::auth::actor::{Actor, ShownKey};
use crate::auth::audit_log;
use crate::database::schema::{accounts, api_keys};
use crate::database::{Database, Db, new_id, now};
use crate::journal::Author;
use crate::microseconds::HOUR;
use crate::problem::Problem;

/// Prefix of every key, by which secret scanners and reviewers recognise a leaked one.
pub const PREFIX: &str = "plk_";
/// The kind of keys that belong to a machine rather than to a person.
const MACHINE: &str = "machine";
/// Resolution of the stored time of last use (µs); it bounds the writes that a busy key causes.
const NOTED: u64 = 300_000_000;

/// A row of `api_keys`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys)]
pub struct ApiKey {
    /// UUIDv7.
    pub id: String,
    /// Owner of a personal key, or the account responsible for the key of a machine.
    pub account_id: String,
    /// `personal` or `machine`.
    pub kind: String,
    /// Name of the key, chosen by its creator.
    pub name: String,
    /// SHA-256 of the key, base64url.
    pub token_hash: String,
    /// Last four characters of the key.
    pub hint: String,
    /// Upper bound of the key's role.
    pub role: String,
    /// Names of the collections that the key is restricted to, separated by commas; empty for all.
    pub collections: String,
    /// Time of creation (µs since 1970).
    pub created_at: i64,
    /// Time of expiry (µs since 1970), or 0 for never.
    pub expires_at: i64,
    /// Time of the last use (µs since 1970, exact to five minutes), or 0 for never.
    pub last_used_at: i64,
    /// Time of revocation (µs since 1970), or 0.
    pub revoked_at: i64,
}

/// The properties of a key that is to be created.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// Whether the key belongs to a machine rather than to the account itself.
    pub machine: bool,
    /// Name of the key.
    pub name: String,
    /// Upper bound of the key's role.
    pub role: Role,
    /// Names of the collections that the key is restricted to; empty for all.
    pub collections: Vec<String>,
    /// Time of expiry (µs since 1970), or 0 for never.
    pub expires_at: i64,
}

/// Creates a key. Returns the stored row and the text of the key, which cannot be recovered later.
///
/// # Errors
/// Returns an error if the key or its journal entry cannot be inserted.
pub fn create(
    connection: &mut Db,
    author: &Author,
    account_id: &str,
    new_key: NewApiKey,
) -> QueryResult<(ApiKey, String)> {
    let token = format!("{PREFIX}{}", new_secret());
    let key = ApiKey {
        id: new_id(),
        account_id: account_id.to_owned(),
        kind: if new_key.machine { MACHINE } else { "personal" }.to_owned(),
        name: new_key.name,
        token_hash: hash(&token),
        hint: token[token.len() - 4..].to_owned(),
        role: new_key.role.name().to_owned(),
        collections: new_key.collections.join(","),
        created_at: now(),
        expires_at: new_key.expires_at,
        last_used_at: 0,
        revoked_at: 0,
    };
    diesel::insert_into(api_keys::table).values(&key).execute(connection)?;
    let more =
        json!({"key": key.id, "name": key.name, "kind": key.kind, "role": key.role, "collections": key.collections});
    audit_log::append(connection, author, "key_create", account_id, &more)?;
    Ok((key, token))
}

/// Returns up to 1,000 keys that are not revoked, the newest first: the personal keys of an account, or
/// without `account_id` all keys.
///
/// # Errors
/// Returns an error if the query fails.
pub fn all(connection: &mut Db, account_id: Option<&str>) -> QueryResult<Vec<ApiKey>> {
    let mut query = api_keys::table.filter(api_keys::revoked_at.eq(0)).order(api_keys::id.desc()).into_boxed();
    if let Some(account_id) = account_id {
        query = query.filter(api_keys::account_id.eq(account_id).and(api_keys::kind.eq("personal")));
    }
    query.limit(1_000).select(ApiKey::as_select()).load(connection)
}

/// Revokes a key. With `account_id`, only a personal key of that account can be revoked.
///
/// # Errors
/// 404 if there is no such key, or it is revoked already.
pub fn revoke(connection: &mut Db, author: &Author, id: &str, account_id: Option<&str>) -> Result<(), Problem> {
    let found: Option<ApiKey> = api_keys::table
        .find(id)
        .filter(api_keys::revoked_at.eq(0))
        .select(ApiKey::as_select())
        .first(connection)
        .optional()?;
    let found = found.filter(|key| account_id.is_none_or(|own| key.account_id == own && key.kind == "personal"));
    let key = found.ok_or_else(|| Problem::not_found("key"))?;
    diesel::update(api_keys::table.find(id)).set(api_keys::revoked_at.eq(now())).execute(connection)?;
    let more = json!({"key": key.id, "name": key.name});
    Ok(audit_log::append(connection, author, "key_revoke", &key.account_id, &more)?)
}

/// Makes an account responsible for a machine's key. From then on the key may do no more than that account.
///
/// # Errors
/// 404 if there is no machine's key with this id, or it is revoked.
pub fn transfer_ownership(connection: &mut Db, author: &Author, id: &str, account_id: &str) -> Result<ApiKey, Problem> {
    let found: Option<ApiKey> = api_keys::table
        .find(id)
        .filter(api_keys::revoked_at.eq(0).and(api_keys::kind.eq(MACHINE)))
        .select(ApiKey::as_select())
        .first(connection)
        .optional()?;
    let key = found.ok_or_else(|| Problem::not_found("key"))?;
    diesel::update(api_keys::table.find(id)).set(api_keys::account_id.eq(account_id)).execute(connection)?;
    // The entry names the account that was responsible until now: cached credentials of the key depend on
    // that account, so only an entry about it invalidates them.
    let more = json!({"key": key.id, "name": key.name, "account": account_id});
    audit_log::append(connection, author, "key_take_over", &key.account_id, &more)?;
    Ok(ApiKey { account_id: account_id.to_owned(), ..key })
}

/// Returns the actor that a key authenticates, or `None` if the key is not valid, and records the use of the
/// key.
///
/// # Errors
/// 503 if the key is not cached and the database does not answer.
pub async fn authenticate(
    credentials: &CredentialCache,
    database: &Database,
    token: &str,
) -> Result<Option<Actor>, Problem> {
    let hashed = hash(token);
    let grant = match credentials.find(&hashed) {
        Some(grant) => grant,
        None => {
            let (since, hash_of_key) = (credentials.now(), hashed.clone());
            let load = move |c: &mut Db| Ok::<_, Problem>(read_grant(c, &Name::Hash(hash_of_key))?);
            let Some(grant) = database.read(load).await? else { return Ok(None) };
            credentials.insert(hashed, grant.clone(), since);
            grant
        }
    };
    if let (Some(key), Some(last_use)) = (&grant.actor.key, &grant.last_use) {
        last_use.note(database, &key.id, &grant.actor.account_id);
    }
    Ok(Some(grant.actor))
}

/// Reads the rights of a key by its id; `None` if the key is not valid.
///
/// # Errors
/// Returns an error if the query fails.
pub fn grant_by_id(connection: &mut Db, id: &str) -> QueryResult<Option<Grant>> {
    read_grant(connection, &Name::Id(id.to_owned()))
}

/// The column by which a key is looked up.
enum Name {
    Hash(String),
    Id(String),
}

fn read_grant(connection: &mut Db, name: &Name) -> QueryResult<Option<Grant>> {
    let keys = api_keys::table.inner_join(accounts::table).into_boxed();
    let named = match name {
        Name::Hash(hash) => keys.filter(api_keys::token_hash.eq(hash)),
        Name::Id(id) => keys.filter(api_keys::id.eq(id)),
    };
    let found: Option<(ApiKey, String, bool)> =
        named.select((ApiKey::as_select(), accounts::role, accounts::active)).first(connection).optional()?;
    Ok(found.and_then(|(key, role, active)| grant(key, &role, active)))
}

/// Returns the rights of a key, or `None` if it is revoked or expired or its account is closed. The role is
/// the lower of the key's and the account's, so that demoting an account demotes its keys.
fn grant(key: ApiKey, account_role: &str, active: bool) -> Option<Grant> {
    let expiry = Expiry::from_wall(key.expires_at);
    if key.revoked_at != 0 || !active || expiry.is_some_and(|expiry| expiry.is_reached()) {
        return None;
    }
    let role = Role::from_name(&key.role)?.min(Role::from_name(account_role)?);
    let collections = key.collections.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let shown = Arc::new(ShownKey { id: key.id, collections });
    let last_use = LastUse { name: key.name, at: AtomicI64::new(key.last_used_at) };
    let actor = Actor { account_id: key.account_id, role, key: Some(shown), session: None };
    Some(Grant { actor, expiry, last_use: Some(Arc::new(last_use)) })
}

/// The last use of a key, as far as this node knows.
#[derive(Debug)]
pub struct LastUse {
    /// Name of the key.
    name: String,
    at: AtomicI64,
}

/// Returns whether a use of a key gets a journal entry: the first recorded use in each hour of the clock
/// does, however often the key is used.
fn is_news(last_used_at: i64, at: i64) -> bool {
    last_used_at / HOUR != at / HOUR
}

impl LastUse {
    /// Records a use of a key in a task of its own, unless one was recorded within [`NOTED`]. The request
    /// does not wait for the write and does not fail with it.
    fn note(&self, database: &Database, key_id: &str, account_id: &str) {
        let (at, last) = (now(), self.at.load(Ordering::Relaxed));
        let is_old = at.abs_diff(last) > NOTED;
        // Of several concurrent requests, only the one that wins the exchange writes.
        if !is_old || self.at.compare_exchange(last, at, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let (database, key_id, name) = (database.clone(), key_id.to_owned(), self.name.clone());
        let author = Author {
            account_id: Some(account_id.to_owned()),
            request_id: "key".to_owned(),
            via: Some(key_id.clone()),
            ..Author::default()
        };
        actix_web::rt::spawn(async move {
            let write = move |c: &mut Db| {
                diesel::update(api_keys::table.find(&key_id)).set(api_keys::last_used_at.eq(at)).execute(c)?;
                if let Some(account_id) = author.account_id.as_deref().filter(|_| is_news(last, at)) {
                    let more = json!({"key": key_id, "name": name});
                    audit_log::append(c, &author, "key_use", account_id, &more)?;
                }
                Ok::<_, Problem>(())
            };
            if let Err(problem) = database.write(write).await {
                tracing::warn!(detail = problem.detail, "recording the use of an API key failed");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_never_rests_is_told_of_every_hour() {
        let (mut last, mut count) = (0, 0);
        for at in (100 * HOUR..103 * HOUR).step_by(300_000_000) {
            count += u32::from(is_news(last, at));
            last = at;
        }
        assert_eq!(count, 3);
    }
}
