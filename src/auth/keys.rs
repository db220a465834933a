//! API keys: of machines, and of people for their own programs. A key is shown once; only its hash is
//! kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::json;

use super::credentials::Grant;
use super::expiry::Expiry;
use super::permissions::Role;
use super::sessions::{hash, new_secret};
use super::told;
use crate::app::App;
use crate::database::schema::{accounts, api_keys};
use crate::database::{Database, Db, new_id, now};
use crate::http::route::{Actor, ShownKey};
use crate::journal::Author;
use crate::problem::Problem;

/// What every key begins with, so that it is recognised where it should not be.
pub const PREFIX: &str = "plk_";
/// The kind of keys that are not for the account itself.
const MACHINE: &str = "machine";
/// The last use is noted to this exactness (µs).
const NOTED: u64 = 300_000_000;
const HOUR: i64 = 3_600_000_000;

/// A row of `api_keys`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys)]
pub struct ApiKey {
    /// UUIDv7.
    pub id: String,
    /// Whose it is, or who answers for it.
    pub account_id: String,
    /// personal or machine.
    pub kind: String,
    /// What it is for.
    pub name: String,
    /// Its hash.
    pub token_hash: String,
    /// Its last four characters.
    pub hint: String,
    /// The most that it may do.
    pub role: String,
    /// The collections that it is for, with commas; all, if empty.
    pub collections: String,
    /// When it was made (µs).
    pub created_at: i64,
    /// When it ends (µs), or 0.
    pub expires_at: i64,
    /// When it was last used (µs, to five minutes), or 0.
    pub last_used_at: i64,
    /// When it was revoked (µs), or 0.
    pub revoked_at: i64,
}

/// What a new key is to be.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// For a machine, and not for the account itself.
    pub machine: bool,
    /// What it is for.
    pub name: String,
    /// The most that it may do.
    pub role: Role,
    /// The collections that it is for.
    pub collections: Vec<String>,
    /// When it ends (µs), or 0.
    pub expires_at: i64,
}

/// Makes a key; the text is shown now and never again.
pub fn create(connection: &mut Db, author: &Author, account_id: &str, wanted: Wanted) -> QueryResult<(ApiKey, String)> {
    let token = format!("{PREFIX}{}", new_secret());
    let key = ApiKey {
        id: new_id(),
        account_id: account_id.to_owned(),
        kind: if wanted.machine { MACHINE } else { "personal" }.to_owned(),
        name: wanted.name,
        token_hash: hash(&token),
        hint: token[token.len() - 4..].to_owned(),
        role: wanted.role.word().to_owned(),
        collections: wanted.collections.join(","),
        created_at: now(),
        expires_at: wanted.expires_at,
        last_used_at: 0,
        revoked_at: 0,
    };
    diesel::insert_into(api_keys::table).values(&key).execute(connection)?;
    let more =
        json!({"key": key.id, "name": key.name, "kind": key.kind, "role": key.role, "collections": key.collections});
    told::append(connection, author, "key_create", account_id, &more)?;
    Ok((key, token))
}

/// The keys that are not revoked: of an account, or all; the newest first.
pub fn all(connection: &mut Db, account_id: Option<&str>) -> QueryResult<Vec<ApiKey>> {
    let mut query = api_keys::table.filter(api_keys::revoked_at.eq(0)).order(api_keys::id.desc()).into_boxed();
    if let Some(account_id) = account_id {
        query = query.filter(api_keys::account_id.eq(account_id).and(api_keys::kind.eq("personal")));
    }
    query.limit(1_000).select(ApiKey::as_select()).load(connection)
}

/// Ends a key: one's own, or with none for `account_id`, anybody's.
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
    Ok(told::append(connection, author, "key_revoke", &key.account_id, &more)?)
}

/// Makes an account answer for a machine's key from now on: the key does no more than that account may.
///
/// # Errors
/// 404 if there is no such key of a machine.
pub fn take_over(connection: &mut Db, author: &Author, id: &str, account_id: &str) -> Result<ApiKey, Problem> {
    let found: Option<ApiKey> = api_keys::table
        .find(id)
        .filter(api_keys::revoked_at.eq(0).and(api_keys::kind.eq(MACHINE)))
        .select(ApiKey::as_select())
        .first(connection)
        .optional()?;
    let key = found.ok_or_else(|| Problem::not_found("key"))?;
    diesel::update(api_keys::table.find(id)).set(api_keys::account_id.eq(account_id)).execute(connection)?;
    // Told of the account that answered for it: what nodes know of the key depends on that one.
    let more = json!({"key": key.id, "name": key.name, "account": account_id});
    told::append(connection, author, "key_take_over", &key.account_id, &more)?;
    Ok(ApiKey { account_id: account_id.to_owned(), ..key })
}

/// Returns who shows a key; nobody, if it is not good.
///
/// # Errors
/// Fails if the database has to be asked and does not answer.
pub async fn actor(app: &App, token: &str) -> Result<Option<Actor>, Problem> {
    let hashed = hash(token);
    let grant = match app.credentials.find(&hashed) {
        Some(grant) => grant,
        None => {
            let (since, wanted) = (app.credentials.now(), hashed.clone());
            let load = move |c: &mut Db| Ok::<_, Problem>(read_grant(c, &Name::Hash(wanted))?);
            let Some(grant) = app.database.read(load).await? else { return Ok(None) };
            app.credentials.insert(hashed, grant.clone(), since);
            grant
        }
    };
    if let (Some(key), Some(last_use)) = (&grant.actor.key, &grant.last_use) {
        last_use.note(&app.database, &key.id, &grant.actor.account_id);
    }
    Ok(Some(grant.actor))
}

/// Reads what a key is good for, by its id.
pub fn grant_by_id(connection: &mut Db, id: &str) -> QueryResult<Option<Grant>> {
    read_grant(connection, &Name::Id(id.to_owned()))
}

/// What a key is looked for by.
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

/// What a key is good for, if it is good: never more than its account may now.
fn grant(key: ApiKey, account_role: &str, active: bool) -> Option<Grant> {
    let expiry = Expiry::at(key.expires_at);
    if key.revoked_at != 0 || !active || expiry.is_some_and(|expiry| expiry.has_come()) {
        return None;
    }
    let role = Role::from_word(&key.role)?.min(Role::from_word(account_role)?);
    let collections = key.collections.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let shown = Arc::new(ShownKey { id: key.id, collections });
    let last_use = LastUse { name: key.name, at: AtomicI64::new(key.last_used_at) };
    let actor = Actor { account_id: key.account_id, role, key: Some(shown), session: None };
    Some(Grant { actor, expiry, last_use: Some(Arc::new(last_use)) })
}

/// When a key was last used, as this node knows it.
#[derive(Debug)]
pub struct LastUse {
    /// The name of the key.
    name: String,
    at: AtomicI64,
}

/// Whether the journal is told of a use: the first of each hour, however steadily the key is used.
fn is_news(last_used_at: i64, at: i64) -> bool {
    last_used_at / HOUR != at / HOUR
}

impl LastUse {
    /// Notes a use of a key beside the request, if the last one that was noted is long ago: nobody waits for it.
    fn note(&self, database: &Database, key_id: &str, account_id: &str) {
        let (at, last) = (now(), self.at.load(Ordering::Relaxed));
        let is_old = at.abs_diff(last) > NOTED;
        // Of requests at once, one notes it.
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
                    told::append(c, &author, "key_use", account_id, &more)?;
                }
                Ok::<_, Problem>(())
            };
            if let Err(problem) = database.write(write).await {
                tracing::warn!(detail = problem.detail, "the use of a key was not noted");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_never_rests_is_told_of_every_hour() {
        let (mut last, mut told) = (0, 0);
        for at in (100 * HOUR..103 * HOUR).step_by(300_000_000) {
            told += u32::from(is_news(last, at));
            last = at;
        }
        assert_eq!(told, 3);
    }
}
