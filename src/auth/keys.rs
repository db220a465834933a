//! API keys: of machines, and of people for their own programs. A key is shown once; only its hash is
//! kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diesel::prelude::*;
use diesel::result::QueryResult;
use serde_json::json;

use super::permissions::Role;
use super::sessions::{hash, new_secret};
use super::told;
use crate::app::App;
use crate::database::schema::{accounts, api_keys};
use crate::database::{Db, new_id, now};
use crate::http::route::{Actor, ShownKey};
use crate::journal::Author;
use crate::problem::Problem;

/// What every key begins with, so that it is recognised where it should not be.
pub const PREFIX: &str = "plk_";
/// For so long (µs) a node believes what it knows of a key; a revocation elsewhere takes that long.
const BELIEVED: i64 = 5_000_000;
/// The most keys that are remembered; beyond that remembering begins anew.
const MOST_KNOWN: usize = 4_096;
/// The last use is noted to this exactness (µs).
const NOTED: i64 = 300_000_000;
const HOUR: i64 = 3_600_000_000;

/// A row of `api_keys`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys)]
pub struct ApiKey {
    /// UUIDv7.
    pub id: String,
    /// Whose it is, or who made it for a machine.
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
#[derive(Debug)]
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
        kind: if wanted.machine { "machine" } else { "personal" }.to_owned(),
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

/// A key as this node knows it.
#[derive(Clone)]
struct Known {
    actor: Actor,
    expires_at: i64,
    read_at: i64,
}

/// The keys that were shown lately.
#[derive(Default)]
pub struct Keys(Mutex<HashMap<String, Known>>);

impl Keys {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads all keys anew.
    pub fn forget(&self) {
        self.known().clear();
    }

    /// Whoever shows this key; none, if it is not good.
    pub async fn actor(&self, app: &Arc<App>, token: &str) -> Result<Option<Actor>, Problem> {
        let hashed = hash(token);
        let at = now();
        if let Some(known) = self.known().get(&hashed).filter(|known| at - known.read_at < BELIEVED) {
            let ended = known.expires_at != 0 && known.expires_at <= at;
            return Ok((!ended).then(|| known.actor.clone()));
        }
        let wanted = hashed.clone();
        let found = app.database.read(move |c| Ok::<_, Problem>(by_hash(c, &wanted)?)).await?;
        let Some((key, role, active)) = found else { return Ok(None) };
        let Some(actor) = acting(&key, &role, active, at) else { return Ok(None) };
        let mut known = self.known();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(hashed, Known { actor: actor.clone(), expires_at: key.expires_at, read_at: at });
        drop(known);
        if at - key.last_used_at > NOTED {
            note_use(app, key, at);
        }
        Ok(Some(actor))
    }
}

fn by_hash(connection: &mut Db, hashed: &str) -> QueryResult<Option<(ApiKey, String, bool)>> {
    api_keys::table
        .inner_join(accounts::table)
        .filter(api_keys::token_hash.eq(hashed))
        .select((ApiKey::as_select(), accounts::role, accounts::active))
        .first(connection)
        .optional()
}

/// Who acts with the key. A person's key is never more than the person is now.
fn acting(key: &ApiKey, account_role: &str, active: bool, at: i64) -> Option<Actor> {
    let personal = key.kind == "personal";
    if key.revoked_at != 0 || (key.expires_at != 0 && key.expires_at <= at) || (personal && !active) {
        return None;
    }
    let own = Role::from_word(&key.role)?;
    let role = if personal { own.min(Role::from_word(account_role)?) } else { own };
    let collections = key.collections.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let shown = ShownKey { id: key.id.clone(), collections };
    Some(Actor { account_id: key.account_id.clone(), role, key: Some(Arc::new(shown)) })
}

/// Whether the journal is told of a use: the first of each hour, however steadily the key is used.
fn is_news(last_used_at: i64, at: i64) -> bool {
    last_used_at / HOUR != at / HOUR
}

/// Notes the use beside the request: nobody waits for it.
fn note_use(app: &Arc<App>, key: ApiKey, at: i64) {
    let app = Arc::clone(app);
    actix_web::rt::spawn(async move {
        let write = move |c: &mut Db| {
            diesel::update(api_keys::table.find(&key.id)).set(api_keys::last_used_at.eq(at)).execute(c)?;
            if is_news(key.last_used_at, at) {
                let author = Author {
                    account_id: Some(key.account_id.clone()),
                    request_id: "key".to_owned(),
                    reason: None,
                    via: Some(key.id.clone()),
                    due_at: None,
                };
                told::append(c, &author, "key_use", &key.account_id, &json!({"key": key.id, "name": key.name}))?;
            }
            Ok::<_, Problem>(())
        };
        if let Err(problem) = app.database.write(write).await {
            tracing::warn!(detail = problem.detail, "the use of a key was not noted");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_never_rests_is_told_of_every_hour() {
        let (mut last, mut told) = (0, 0);
        for at in (100 * HOUR..103 * HOUR).step_by(usize::try_from(NOTED).unwrap()) {
            told += u32::from(is_news(last, at));
            last = at;
        }
        assert_eq!(told, 3);
    }
}
