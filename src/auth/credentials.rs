//! Sessions and API keys as this node knows them, so that a request need not ask the database who acts.
//!
//! What is known of a credential depends on its account, in the way in which kept answers depend on items: the
//! journal tells of every change of an account, its keys and its sessions; the writer of this node notes it
//! before the change is acknowledged, the other nodes when they look at the journal. A node that has not looked
//! for [`BELIEVED`] asks the database. The time of a read is taken before it begins, so what was revoked between
//! a read and its entry here is out of date at once. See `docs/decisions/0018-rights-are-known-not-carried.md`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::result::QueryResult;
use uuid::Uuid;

use super::expiry::Expiry;
use super::keys::{self, LastUse};
use super::permissions::{Action, Area, Role, may};
use super::tokens::Claims;
use crate::app::App;
use crate::database::Db;
use crate::database::ledger::{Basis, Depends, Ledger};
use crate::database::schema::{accounts, refresh_tokens};
use crate::http::route::Actor;
use crate::problem::{Kind, Problem};

/// A look at the journal is believed for so long.
const BELIEVED: Duration = Duration::from_secs(1);
/// The most credentials that are known; beyond that knowing begins anew.
const MOST_KNOWN: usize = 4_096;

/// What the database says of a credential that is good.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Who acts with it.
    pub actor: Actor,
    /// When it ends, where that is known before.
    pub expiry: Option<Expiry>,
    /// When it was last used, if it is a key.
    pub last_use: Option<Arc<LastUse>>,
}

struct Known {
    grant: Grant,
    basis: Basis,
}

/// The credentials that were shown lately.
pub struct Credentials {
    known: Mutex<HashMap<String, Known>>,
    ledger: Arc<Ledger>,
    looked: LastLook,
}

impl Credentials {
    /// Nothing is known yet; changes are noted in this ledger.
    pub fn new(ledger: &Arc<Ledger>) -> Self {
        Self { known: Mutex::default(), ledger: Arc::clone(ledger), looked: LastLook::default() }
    }

    /// Returns who acts with an access token or an API key; nobody, if it is not good.
    ///
    /// # Errors
    /// Fails if the database has to be asked and does not answer.
    pub async fn actor(&self, app: &App, token: &str) -> Result<Option<Actor>, Problem> {
        if token.starts_with(keys::PREFIX) {
            return keys::actor(app, token).await;
        }
        match app.verify_token(token).await? {
            Some(claims) => self.session(app, claims).await,
            None => Ok(None),
        }
    }

    async fn session(&self, app: &App, claims: Claims) -> Result<Option<Actor>, Problem> {
        if let Some(grant) = self.find(&claims.sid) {
            return Ok(Some(grant.actor).filter(|actor| actor.account_id == claims.sub));
        }
        let (since, session) = (self.now(), claims.sid.clone());
        let load = move |c: &mut Db| Ok::<_, Problem>(session_grant(c, &claims.sub, &claims.sid)?);
        let Some(grant) = app.database.read(load).await? else { return Ok(None) };
        self.insert(session, grant.clone(), since);
        Ok(Some(grant.actor))
    }

    /// The time of the ledger, to be taken before a credential is read.
    pub fn now(&self) -> u64 {
        self.ledger.now()
    }

    /// Returns what is known of a credential, if nothing was changed since and it has not ended.
    pub fn find(&self, name: &str) -> Option<Grant> {
        if !self.looked.is_recent() {
            return None;
        }
        let mut known = self.known();
        let found = known.get(name)?;
        let good = self.ledger.holds(&found.basis) && !found.grant.expiry.is_some_and(|expiry| expiry.has_come());
        if good {
            return Some(found.grant.clone());
        }
        known.remove(name);
        None
    }

    /// Keeps what was read of a credential; the reading began at `since`.
    pub fn insert(&self, name: String, grant: Grant, since: u64) {
        // What does not depend on an account that can be named is not kept.
        let Ok(account) = Uuid::try_parse(&grant.actor.account_id) else { return };
        let depends = Depends::default().and_items([account]);
        let mut known = self.known();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(name, Known { grant, basis: Basis::new(depends, since) });
    }

    /// Notes that the ledger has everything that the journal had at this moment.
    pub fn looked(&self, at: Instant) {
        self.looked.note(at);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When this node last looked at the journal, in microseconds since it was started; 0 is never.
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
        at != 0 && self.started.elapsed().saturating_sub(Duration::from_micros(at)) < BELIEVED
    }
}

/// Reads what a session is good for: its account is open, and some token of its family is left.
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
    Ok(role.as_deref().and_then(Role::from_word).map(grant))
}

/// Asks the database whether an actor is still who it was when the request came, and may still do this. To be
/// called in the transaction of whatever changes accounts, keys, sessions or a second factor: two who take each
/// other's rights at once do not both succeed. Returns the actor as it is now.
///
/// # Errors
/// 401 if the session or key has ended, 403 if the role does not permit it any more.
pub fn confirm(connection: &mut Db, actor: &Actor, wanted: Option<(Area, Action)>) -> Result<Actor, Problem> {
    let grant = match (&actor.key, &actor.session) {
        (Some(key), _) => keys::grant_by_id(connection, &key.id)?,
        (None, Some(session)) => session_grant(connection, &actor.account_id, session)?,
        (None, None) => None,
    };
    let ended = || Problem::new(Kind::Unauthorised, "the session or key has ended meanwhile");
    let now = grant.map(|grant| grant.actor).filter(|now| now.account_id == actor.account_id).ok_or_else(ended)?;
    match wanted {
        Some((area, action)) if !may(now.role, area, action) => {
            let detail = format!("the role {} may not do this ({area:?}: {action:?})", now.role.word());
            Err(Problem::new(Kind::Forbidden, detail))
        }
        _ => Ok(now),
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

    fn credentials() -> (Credentials, Arc<Ledger>) {
        let ledger = Arc::new(Ledger::default());
        let credentials = Credentials::new(&ledger);
        std::thread::sleep(Duration::from_millis(1));
        credentials.looked(Instant::now());
        (credentials, ledger)
    }

    #[test]
    fn what_changed_between_read_and_entry_is_not_believed() {
        let (credentials, ledger) = credentials();
        let since = credentials.now();
        // The key is revoked after it was read and before it is entered.
        ledger.note([("account", ANNA)]);
        credentials.insert("key".into(), grant(ANNA), since);
        assert!(credentials.find("key").is_none());
        credentials.insert("key".into(), grant(ANNA), credentials.now());
        assert!(credentials.find("key").is_some());
        ledger.note([("account", BRAM)]);
        assert!(credentials.find("key").is_some());
        ledger.note([("account", ANNA)]);
        assert!(credentials.find("key").is_none());
    }

    #[test]
    fn what_has_ended_is_not_believed() {
        let (credentials, _) = credentials();
        let ended = Grant { expiry: Expiry::at(1), ..grant(ANNA) };
        credentials.insert("key".into(), ended, credentials.now());
        assert!(credentials.find("key").is_none());
    }

    #[test]
    fn a_node_that_does_not_look_believes_nothing() {
        let (credentials, _) = credentials();
        credentials.insert("key".into(), grant(ANNA), credentials.now());
        assert!(credentials.find("key").is_some());
        let Some(long_ago) = Instant::now().checked_sub(BELIEVED) else { return };
        credentials.looked(long_ago);
        assert!(credentials.find("key").is_none());
    }
}
