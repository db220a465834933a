//! A cache of sessions and API keys, so that authenticating a request needs no query.
//!
//! A cached credential depends on its account, as a cached response depends on items: every change of an
//! account, its API keys and its sessions has an entry in the journal. The writer of the node that makes the
//! change invalidates the account before the change is acknowledged; other nodes do so when they next poll
//! the journal. A node that has not polled it for [`MAX_JOURNAL_AGE`] trusts nothing in this cache and asks the
//! database.
//!
//! The invalidation clock is read before the database is. A credential that is revoked between the read and
//! its insertion here is therefore out of date as soon as it is inserted. See
//! `docs/decisions/0018-rights-are-known-not-carried.md`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::result::QueryResult;
use uuid::Uuid;

use super::expiry::Expiry;
use super::keys::{self, LastUse};
use super::permissions::{Action, Area, Role, is_permitted};
use super::sessions;
use super::tokens::{AccessTokens, Claims};
use crate::auth::actor::Actor;
use crate::database::invalidation::{DependencySlots, Freshness, InvalidationClock};
use crate::database::schema::{accounts, refresh_tokens};
use crate::database::{Database, Db, now};
use crate::microseconds::SECOND;
use crate::problem::{Problem, ProblemKind};

/// Time for which the cache is trusted after the journal was polled.
const MAX_JOURNAL_AGE: Duration = Duration::from_secs(1);
/// Time for which the rights of a cookie are cached (µs).
const MAX_COOKIE_AGE: i64 = 30 * SECOND;
/// Largest number of cached credentials; the cache is emptied when it is exceeded.
const MAX_CACHED: usize = 4_096;

/// The rights of a valid credential, as they were read from the database.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The authenticated actor.
    pub actor: Actor,
    /// Time of expiry; `None` if the credential does not expire by itself.
    pub expiry: Option<Expiry>,
    /// Time of the last use, for API keys only.
    pub last_use: Option<Arc<LastUse>>,
}

struct CachedGrant {
    grant: Grant,
    freshness: Freshness,
}

/// The cache of recently used credentials of this node.
pub struct CredentialCache {
    known: Mutex<HashMap<String, CachedGrant>>,
    clock: Arc<InvalidationClock>,
    looked: LastLook,
}

impl CredentialCache {
    /// Creates an empty cache that is invalidated through `clock`.
    pub fn new(clock: &Arc<InvalidationClock>) -> Self {
        Self { known: Mutex::default(), clock: Arc::clone(clock), looked: LastLook::default() }
    }

    /// Returns the actor that an access token or API key authenticates, or `None` if the credential is not
    /// valid.
    ///
    /// # Errors
    /// 503 if the credential is not cached and the database does not answer.
    pub async fn actor(
        &self,
        tokens: &AccessTokens,
        database: &Database,
        token: &str,
    ) -> Result<Option<Actor>, Problem> {
        if token.starts_with(keys::PREFIX) {
            return keys::authenticate(self, database, token).await;
        }
        match tokens.verify_or_look_up(database, token).await? {
            Some(claims) => self.session(database, claims).await,
            None => Ok(None),
        }
    }

    /// Returns the actor of a verified access token, unless its session has ended or its account is closed.
    async fn session(&self, database: &Database, claims: Claims) -> Result<Option<Actor>, Problem> {
        if let Some(grant) = self.find(&claims.sid) {
            return Ok(Some(grant.actor).filter(|actor| actor.account_id == claims.sub));
        }
        let (since, session) = (self.now(), claims.sid.clone());
        let load = move |c: &mut Db| Ok::<_, Problem>(session_grant(c, &claims.sub, &claims.sid)?);
        let Some(grant) = database.read(load).await? else { return Ok(None) };
        self.insert(session, grant.clone(), since);
        Ok(Some(grant.actor))
    }

    /// Returns the actor that the cookie of a session authenticates, or `None` if it is not valid.
    ///
    /// # Errors
    /// 503 if the cookie is not cached and the database does not answer.
    pub async fn cookie_actor(&self, database: &Database, value: &str) -> Result<Option<Actor>, Problem> {
        let name = sessions::cookie_hash(value);
        if let Some(grant) = self.find(&name) {
            return Ok(Some(grant.actor));
        }
        let (since, hash) = (self.now(), name.clone());
        let load = move |c: &mut Db| Ok::<_, Problem>(cookie_grant(c, &hash)?);
        let Some(grant) = database.read(load).await? else { return Ok(None) };
        self.insert(name, grant.clone(), since);
        Ok(Some(grant.actor))
    }

    /// Returns the time of the invalidation clock. It must be read before the credential is read from the
    /// database.
    pub fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Returns a cached credential, unless it was invalidated or has expired, or this node has not polled the
    /// journal lately.
    pub fn find(&self, name: &str) -> Option<Grant> {
        if !self.looked.is_recent() {
            return None;
        }
        let mut known = self.lock_cache();
        let found = known.get(name)?;
        let good =
            self.clock.is_fresh(&found.freshness) && !found.grant.expiry.is_some_and(|expiry| expiry.is_reached());
        if good {
            return Some(found.grant.clone());
        }
        known.remove(name);
        None
    }

    /// Caches a credential that was read from the database; `since` is the value of [`CredentialCache::now`] from
    /// before that read.
    pub fn insert(&self, name: String, grant: Grant, since: u64) {
        // Without the id of an account, nothing could invalidate the entry.
        let Ok(account) = Uuid::try_parse(&grant.actor.account_id) else { return };
        let depends = DependencySlots::default().and_items([account]);
        let mut known = self.lock_cache();
        if known.len() >= MAX_CACHED {
            known.clear();
        }
        known.insert(name, CachedGrant { grant, freshness: Freshness::new(depends, since) });
    }

    /// Records that the invalidation clock includes everything that the journal held at this moment.
    pub fn note_journal_read(&self, at: Instant) {
        self.looked.note(at);
    }

    fn lock_cache(&self) -> MutexGuard<'_, HashMap<String, CachedGrant>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Time at which this node last polled the journal, in microseconds since `started`; 0 means never.
struct LastLook {
    started: Instant,
    at: AtomicU64,
}

impl Default for LastLook {
    fn default() -> Self {
        Self { started: Instant::now(), at: AtomicU64::new(0) }
    }
}

impl LastLook {
    fn note(&self, at: Instant) {
        let micros = at.saturating_duration_since(self.started).as_micros();
        self.at.store(u64::try_from(micros).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    fn is_recent(&self) -> bool {
        let at = self.at.load(Ordering::SeqCst);
        at != 0 && self.started.elapsed().saturating_sub(Duration::from_micros(at)) < MAX_JOURNAL_AGE
    }
}

/// Reads the rights of a session. A session is valid while its account is open and its family of refresh
/// tokens has a token left.
fn session_grant(connection: &mut Db, account_id: &str, session: &str) -> QueryResult<Option<Grant>> {
    let role: Option<String> = accounts::table
        .inner_join(refresh_tokens::table)
        .filter(accounts::id.eq(account_id).and(accounts::active.eq(true)))
        .filter(refresh_tokens::family_id.eq(session))
        .select(accounts::role)
        .first(connection)
        .optional()?;
    let grant = |role: Role| Grant {
        actor: Actor { account_id: account_id.to_owned(), role, key: None, session: Some(session.to_owned()) },
        expiry: None,
        last_use: None,
    };
    Ok(role.as_deref().and_then(Role::from_name).map(grant))
}

/// Reads the rights of the session of a cookie, by the stored form of its value. They are cached for a short time, because
/// a cookie that is replaced leaves no entry in the journal.
fn cookie_grant(connection: &mut Db, hash: &str) -> QueryResult<Option<Grant>> {
    let Some(owner) = sessions::of_cookie(connection, hash)? else { return Ok(None) };
    let grant = session_grant(connection, &owner.account_id, &owner.session)?;
    Ok(grant.map(|grant| Grant {
        actor: Actor { role: grant.actor.role.of_cookie(), ..grant.actor },
        expiry: Expiry::from_wall(owner.expires_at.min(now() + MAX_COOKIE_AGE)),
        last_use: None,
    }))
}

/// Checks against the database that an actor's session or API key is still valid and, if `required` is given,
/// that its role still permits the action. Returns the actor as it is now.
///
/// Every operation that changes accounts, API keys, sessions or second factors must call this in its own
/// transaction: the cache may be a second old, which is too old where rights are given or taken. Writers are
/// serialised, so of two administrators who close each other's accounts at once only the first succeeds.
///
/// # Errors
/// 401 if the session or key has ended, 403 if the role does not permit the action any more.
pub fn reauthorize(connection: &mut Db, actor: &Actor, required: Option<(Area, Action)>) -> Result<Actor, Problem> {
    let grant = match (&actor.key, &actor.session) {
        (Some(key), _) => keys::grant_by_id(connection, &key.id)?,
        (None, Some(session)) => session_grant(connection, &actor.account_id, session)?,
        (None, None) => None,
    };
    let ended = || Problem::new(ProblemKind::Unauthorized, "the session or API key has ended in the meantime");
    let now = grant.map(|grant| grant.actor).filter(|now| now.account_id == actor.account_id).ok_or_else(ended)?;
    match required {
        Some((area, action)) if !is_permitted(now.role, area, action) => {
            let detail = format!("the role {} may not do this ({area:?}: {action:?})", now.role.name());
            Err(Problem::new(ProblemKind::Forbidden, detail))
        }
        _ => Ok(now),
    }
}

/// Checks against the database that an account may still do what it asked for earlier, by itself or by one of its keys. Its
/// session may have ended since then.
///
/// # Errors
/// 401 if the account is closed or the key has ended, 403 if the role does not permit the action any more.
pub fn require_still(
    connection: &mut Db,
    account: &str,
    key: Option<&str>,
    (area, action): (Area, Action),
) -> Result<(), Problem> {
    let role = match key {
        Some(key) => keys::grant_by_id(connection, key)?.filter(|it| !it.actor.is_restricted()).map(|it| it.actor.role),
        None => {
            let open = accounts::table.filter(accounts::id.eq(account).and(accounts::active.eq(true)));
            let role: Option<String> = open.select(accounts::role).first(connection).optional()?;
            role.as_deref().and_then(Role::from_name)
        }
    };
    match role {
        None => Err(Problem::new(ProblemKind::Unauthorized, "the account is closed, or its API key has ended")),
        Some(role) if !is_permitted(role, area, action) => {
            let detail = format!("the account has the role {} now, which may not do this", role.name());
            Err(Problem::new(ProblemKind::Forbidden, detail))
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    const BRAM: &str = "01890a5d-ac96-774b-bcce-b302099a8058";

    fn grant(account: &str) -> Grant {
        let actor = Actor { account_id: account.into(), role: Role::Editor, key: None, session: Some("s".into()) };
        Grant { actor, expiry: None, last_use: None }
    }

    fn credentials() -> (CredentialCache, Arc<InvalidationClock>) {
        let clock = Arc::new(InvalidationClock::default());
        let credentials = CredentialCache::new(&clock);
        std::thread::sleep(Duration::from_millis(1));
        credentials.note_journal_read(Instant::now());
        (credentials, clock)
    }

    #[test]
    fn what_changed_between_read_and_entry_is_not_believed() {
        let (credentials, clock) = credentials();
        let since = credentials.now();
        // The key is revoked after it was read and before it is inserted.
        clock.record([("account", ANNA)]);
        credentials.insert("key".into(), grant(ANNA), since);
        assert!(credentials.find("key").is_none());
        credentials.insert("key".into(), grant(ANNA), credentials.now());
        assert!(credentials.find("key").is_some());
        clock.record([("account", BRAM)]);
        assert!(credentials.find("key").is_some());
        clock.record([("account", ANNA)]);
        assert!(credentials.find("key").is_none());
    }

    #[test]
    fn what_has_ended_is_not_believed() {
        let (credentials, _) = credentials();
        let ended = Grant { expiry: Expiry::from_wall(1), ..grant(ANNA) };
        credentials.insert("key".into(), ended, credentials.now());
        assert!(credentials.find("key").is_none());
    }

    #[test]
    fn a_node_that_does_not_look_believes_nothing() {
        let (mut credentials, _) = credentials();
        credentials.insert("key".into(), grant(ANNA), credentials.now());
        assert!(credentials.find("key").is_some());
        let ago = |times: u32| Instant::now().checked_sub(MAX_JOURNAL_AGE * times).unwrap();
        credentials.looked.started = ago(4);
        credentials.note_journal_read(ago(2));
        assert!(credentials.find("key").is_none());
        credentials.note_journal_read(Instant::now());
        assert!(credentials.find("key").is_some());
    }
}
