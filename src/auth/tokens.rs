//! Access tokens: short-lived JWTs (RFC 7519) of the type `at+jwt` (RFC 9068, 2.1), signed with EdDSA.
//!
//! The signing keys are stored in the database, shared by all nodes, rotated by age, and published as a JWK
//! Set (RFC 7517). A new key is published at once but signs only [`LEAD`] later, when every node and every
//! client that caches the set has it. Otherwise fresh tokens would be refused by those who do not know the
//! key yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;
use diesel::result::QueryResult;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::crypto;
use super::expiry::Expiry;
use super::permissions::Role;
use crate::config::AuthConfig;
use crate::database::schema::signing_keys;
use crate::database::{Database, DatabaseError, Db, new_id, now};
use crate::microseconds::{DAY, SECOND};

/// The claims of an access token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Audience.
    pub aud: String,
    /// Subject: the id of the account.
    pub sub: String,
    /// Id of the session, which is the family of refresh tokens.
    pub sid: String,
    /// Role of the account at the time of issue, for other services. Plenary itself reads the current role
    /// instead.
    pub role: Role,
    /// Time of expiry, in seconds since 1970.
    pub exp: i64,
    /// Time of issue, in seconds since 1970.
    pub iat: i64,
    /// Start of validity, in seconds since 1970.
    pub nbf: i64,
    /// Id of the token.
    pub jti: String,
}

/// A JSON Web Key Set (RFC 7517) of Ed25519 keys (RFC 8037).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JwkSet {
    /// Public keys, the newest first. A new key is published ten minutes before it signs its first token.
    pub keys: Vec<Jwk>,
}

/// A public signing key.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Jwk {
    /// Key type, `OKP` (RFC 8037).
    #[schema(example = "OKP")]
    pub kty: String,
    /// Curve of the key.
    #[schema(example = "Ed25519")]
    pub crv: String,
    /// Signature algorithm.
    #[schema(example = "EdDSA")]
    pub alg: String,
    /// Intended use: `sig`, the verification of signatures.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    pub key_use: String,
    /// Key id, which the header of a token names.
    pub kid: String,
    /// Public key of 32 bytes, base64url.
    pub x: String,
}

struct Key {
    id: String,
    created_at: i64,
    encoding: EncodingKey,
    decoding: DecodingKey,
    public: [u8; 32],
}

/// The issuer and verifier of access tokens.
#[derive(Clone)]
pub struct AccessTokens {
    config: AuthConfig,
    keys: Arc<RwLock<Arc<Vec<Key>>>>,
    /// Cache of tokens that were verified with the current keys, so that a signature is verified once per
    /// token and not once per request.
    known: Arc<Mutex<HashMap<String, VerifiedClaims>>>,
    /// Time of the last look-up of a key that a token named and this node did not know.
    looked_up: Arc<tokio::sync::Mutex<Option<Instant>>>,
}

/// Minimum interval between look-ups of unknown keys, however many tokens name some.
const LOOK_UP: Duration = Duration::from_secs(1);

/// The claims and the expiry of a verified token.
type VerifiedClaims = (Claims, Option<Expiry>);

/// The outcome of verifying a token.
#[derive(Debug)]
pub enum VerificationOutcome {
    /// The signature, the issuer and the audience are right, and the token is valid at present.
    Good(Claims),
    /// The header names a key that this node does not know; it may be a new one.
    UnknownKey,
    /// The token is not valid for any other reason.
    Bad,
}

/// Largest number of cached tokens; the cache is emptied when it is exceeded.
const MAX_CACHED: usize = 4_096;
/// Time for which a key is published before it signs (µs). It is longer than the minute in which nodes read
/// the keys, and than `Cache-Control` lets clients keep the set.
const LEAD: i64 = 600_000_000;
/// Tolerated difference between the clocks of nodes, in seconds.
const SKEW: i64 = 10;
/// The type of an access token (RFC 9068, 2.1).
const TYPE: &str = "at+jwt";

impl AccessTokens {
    /// Creates an issuer without keys; see [`AccessTokens::set_keys`].
    pub fn new(config: AuthConfig) -> Self {
        crypto::install();
        Self { config, keys: Arc::default(), known: Arc::default(), looked_up: Arc::default() }
    }

    /// Reads the signing keys from the database.
    ///
    /// # Errors
    /// Fails if the database does not respond.
    pub async fn reload(&self, database: &Database) -> Result<(), DatabaseError> {
        let load = |c: &mut Db| Ok::<_, DatabaseError>(load_keys(c, "jwt")?);
        self.set_keys(&database.read(load).await?);
        Ok(())
    }

    /// Returns the claims of a token whose signature and claims are valid. Whether its session still exists
    /// is not checked here.
    ///
    /// An unknown signing key is looked up in the database, because another node may have created it since
    /// the last read. Tokens with invented keys cause at most one such read per second.
    ///
    /// # Errors
    /// Fails if the keys have to be read and the database does not respond.
    pub async fn verify_or_look_up(&self, database: &Database, token: &str) -> Result<Option<Claims>, DatabaseError> {
        match self.verify(token) {
            VerificationOutcome::Good(claims) => return Ok(Some(claims)),
            VerificationOutcome::Bad => return Ok(None),
            VerificationOutcome::UnknownKey => {}
        }
        // The lock is held during the read, so that concurrent requests with the same new key wait for one
        // read and then verify again, instead of being refused.
        let mut last = self.looked_up.lock().await;
        if last.is_none_or(|last| last.elapsed() >= LOOK_UP) {
            self.reload(database).await?;
            *last = Some(Instant::now());
        }
        drop(last);
        match self.verify(token) {
            VerificationOutcome::Good(claims) => Ok(Some(claims)),
            VerificationOutcome::Bad | VerificationOutcome::UnknownKey => Ok(None),
        }
    }

    /// Replaces the keys by those that [`load_keys`] returned, the newest first. If they differ from the
    /// present ones, the cache of verified tokens is emptied, since the key of a cached token may have been
    /// removed.
    pub fn set_keys(&self, rows: &[SigningKey]) {
        if self.keys().iter().map(|key| &key.id).eq(rows.iter().map(|row| &row.id)) {
            return;
        }
        let keys = rows.iter().filter_map(Key::read).collect();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        self.lock_cache().clear();
    }

    fn keys(&self) -> Arc<Vec<Key>> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn lock_cache(&self) -> MutexGuard<'_, HashMap<String, VerifiedClaims>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the life of an access token, in seconds.
    pub fn lifetime(&self) -> i64 {
        i64::from(self.config.access_token_minutes) * 60
    }

    /// Issues a token for a session of an account.
    ///
    /// # Errors
    /// Returns a message if there is no signing key or the token cannot be signed.
    pub fn issue(&self, account: &str, role: Role, session: &str) -> Result<String, String> {
        let keys = self.keys();
        let key = signing_key(&keys, now()).ok_or("there is no signing key")?;
        let iat = now() / SECOND;
        let claims = Claims {
            iss: self.config.issuer.clone(),
            aud: self.config.audience.clone(),
            sub: account.to_owned(),
            sid: session.to_owned(),
            role,
            exp: iat + self.lifetime(),
            iat,
            nbf: iat,
            jti: new_id(),
        };
        let header = Header { kid: Some(key.id.clone()), typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &key.encoding).map_err(|e| e.to_string())
    }

    /// Verifies the type, signature and claims of a token. Whether its session has ended is not checked here
    /// but in [`credentials`](super::credentials).
    pub fn verify(&self, token: &str) -> VerificationOutcome {
        if let Some((claims, expiry)) = self.lock_cache().get(token) {
            let ended = expiry.is_none_or(|expiry| expiry.is_reached());
            return if ended { VerificationOutcome::Bad } else { VerificationOutcome::Good(claims.clone()) };
        }
        let verified = self.check(token);
        if let VerificationOutcome::Good(claims) = &verified {
            let expiry = Expiry::from_wall(claims.exp.saturating_mul(SECOND));
            let mut known = self.lock_cache();
            if known.len() >= MAX_CACHED {
                known.clear();
            }
            known.insert(token.to_owned(), (claims.clone(), expiry));
        }
        verified
    }

    fn check(&self, token: &str) -> VerificationOutcome {
        let is_ours = |header: &Header| {
            header.alg == Algorithm::EdDSA && header.typ.as_ref().is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE))
        };
        let header = jsonwebtoken::decode_header(token).ok().filter(is_ours);
        let Some(kid) = header.and_then(|header| header.kid) else { return VerificationOutcome::Bad };
        let keys = self.keys();
        let Some(key) = keys.iter().find(|key| key.id == kid) else { return VerificationOutcome::UnknownKey };
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[&self.config.issuer]);
        rules.set_audience(&[&self.config.audience]);
        rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        rules.leeway = 0;
        let decoded = jsonwebtoken::decode::<Claims>(token, &key.decoding, &rules).ok().map(|data| data.claims);
        match decoded.filter(|claims| is_of_now(claims, now() / SECOND)) {
            Some(claims) => VerificationOutcome::Good(claims),
            None => VerificationOutcome::Bad,
        }
    }

    /// Returns the public keys as a JWK Set.
    pub fn jwks(&self) -> JwkSet {
        let jwk = |key: &Key| Jwk {
            kty: "OKP".into(),
            crv: "Ed25519".into(),
            alg: "EdDSA".into(),
            key_use: "sig".into(),
            kid: key.id.clone(),
            x: URL_SAFE_NO_PAD.encode(key.public),
        };
        JwkSet { keys: self.keys().iter().map(jwk).collect() }
    }

    /// Returns whether the newest key is older than the configured age, so that a new one must be added.
    pub fn rotation_due(&self) -> bool {
        let age = i64::from(self.config.key_rotation_days) * DAY;
        self.keys().first().is_none_or(|key| key.created_at + age < now())
    }
}

/// Returns the key that signs: the newest of those that were published at least [`LEAD`] ago. While there is
/// none, as on a new site, the oldest key signs at once.
fn signing_key(keys: &[Key], now: i64) -> Option<&Key> {
    keys.iter().find(|key| key.created_at + LEAD <= now).or(keys.last())
}

/// Returns whether a token is valid at `now` (in seconds since 1970). `nbf` and `iat` may lie ahead by
/// [`SKEW`], since the issuing node's clock may; `exp` gets no tolerance.
fn is_of_now(claims: &Claims, now: i64) -> bool {
    claims.exp > now && claims.exp > claims.iat && claims.nbf <= now + SKEW && claims.iat <= now + SKEW
}

impl Key {
    fn read(row: &SigningKey) -> Option<Self> {
        let seed: [u8; 32] = URL_SAFE_NO_PAD.decode(&row.secret).ok()?.try_into().ok()?;
        let (encoding, decoding, public) = crypto::keys(&seed)?;
        Some(Key { id: row.id.clone(), created_at: row.created_at, encoding, decoding, public })
    }
}

/// A secret key of the site, shared by its nodes through the database.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys)]
pub struct SigningKey {
    /// Id of the key.
    pub id: String,
    /// `jwt` or `cursor`.
    pub purpose: String,
    /// 32 random bytes, base64url.
    pub secret: String,
    /// Time of creation (µs since 1970).
    pub created_at: i64,
}

/// Returns the keys of a purpose, the newest first.
///
/// # Errors
/// Returns an error if the query fails.
pub fn load_keys(connection: &mut Db, purpose: &str) -> QueryResult<Vec<SigningKey>> {
    signing_keys::table
        .filter(signing_keys::purpose.eq(purpose))
        .order((signing_keys::created_at.desc(), signing_keys::id.desc()))
        .select(SigningKey::as_select())
        .load(connection)
}

/// Adds a new key. It is published at once and signs after [`LEAD`]; older keys still verify.
///
/// # Errors
/// Returns an error if the statement fails.
pub fn add_key(connection: &mut Db, purpose: &str) -> QueryResult<()> {
    let key = SigningKey {
        id: new_id(),
        purpose: purpose.to_owned(),
        secret: super::sessions::new_secret(),
        created_at: now(),
    };
    diesel::insert_into(signing_keys::table).values(&key).execute(connection)?;
    Ok(())
}

/// Deletes keys under which no token can be valid any more: those that a newer key replaced more than
/// `lifetime` seconds ago. The replacement counts from twice [`LEAD`] after its creation, which leaves a node
/// that learns late of the newer key time to stop signing with the older one. Returns how many were deleted.
///
/// # Errors
/// Returns an error if a statement fails.
pub fn retire_keys(connection: &mut Db, purpose: &str, lifetime: i64) -> QueryResult<usize> {
    let keys = load_keys(connection, purpose)?;
    let bound = now() - lifetime * SECOND - 2 * LEAD;
    let Some(current) = keys.iter().position(|key| key.created_at < bound) else { return Ok(0) };
    let old: Vec<&String> = keys[current + 1..].iter().map(|key| &key.id).collect();
    diesel::delete(signing_keys::table.filter(signing_keys::id.eq_any(old))).execute(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(iat: i64, nbf: i64, exp: i64) -> Claims {
        let text = String::new;
        Claims { iss: text(), aud: text(), sub: text(), sid: text(), role: Role::Editor, exp, iat, nbf, jti: text() }
    }

    #[test]
    fn a_token_is_good_from_when_it_is_made_until_it_ends() {
        assert!(is_of_now(&claims(100, 100, 200), 100));
        // The clock of another node may be slightly ahead.
        assert!(is_of_now(&claims(100 + SKEW, 100 + SKEW, 200), 100));
        assert!(!is_of_now(&claims(101 + SKEW, 100, 200), 100));
        assert!(!is_of_now(&claims(100, 101 + SKEW, 200), 100));
        assert!(!is_of_now(&claims(100, 100, 200), 200));
        assert!(!is_of_now(&claims(200, 100, 200), 195));
    }

    #[test]
    fn a_key_is_published_before_it_signs() {
        crypto::install();
        let key = |id: &str, created_at| {
            let row = SigningKey {
                id: id.into(),
                purpose: "jwt".into(),
                secret: super::super::sessions::new_secret(),
                created_at,
            };
            Key::read(&row).unwrap()
        };
        let signs = |keys: &[Key], now| signing_key(keys, now).map(|key| key.id.clone()).unwrap();
        let first = [key("first", 1_000)];
        assert_eq!(signs(&first, 1_000), "first");
        let both = [key("second", 5_000), key("first", 1_000)];
        assert_eq!(signs(&both, 5_000), "first");
        assert_eq!(signs(&both, 5_000 + LEAD - 1), "first");
        assert_eq!(signs(&both, 5_000 + LEAD), "second");
    }
}
