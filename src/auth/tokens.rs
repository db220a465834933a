//! Access tokens: short-lived JWT (RFC 7519) of the type `at+jwt` (RFC 9068, 2.1), signed with EdDSA; keys in the
//! database, shared by all nodes, rotated by age, published as a JWK set (RFC 7517). A new key is published at once
//! and signs [`LEAD`] later, when every node and whoever reads the set has it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

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
use crate::database::{Db, new_id, now};

/// What an access token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// Who made it.
    pub iss: String,
    /// For whom it was made.
    pub aud: String,
    /// The account.
    pub sub: String,
    /// The session: the family of refresh tokens.
    pub sid: String,
    /// The role of the account then, for others who check the token; here, the account is asked.
    pub role: Role,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// From when it is good, in seconds since 1970.
    pub nbf: i64,
    /// Its own id.
    pub jti: String,
}

/// A JSON Web Key Set (RFC 7517) of Ed25519 keys (RFC 8037).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JwkSet {
    /// The keys, the newest first. One that is new is published ten minutes before it signs.
    pub keys: Vec<Jwk>,
}

/// A public key.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Jwk {
    /// Key type.
    #[schema(example = "OKP")]
    pub kty: String,
    /// Curve.
    #[schema(example = "Ed25519")]
    pub crv: String,
    /// Algorithm.
    #[schema(example = "EdDSA")]
    pub alg: String,
    /// Use.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    pub key_use: String,
    /// Key id.
    pub kid: String,
    /// The public key, base64url.
    pub x: String,
}

struct Key {
    id: String,
    created_at: i64,
    encoding: EncodingKey,
    decoding: DecodingKey,
    public: [u8; 32],
}

/// Makes and checks access tokens.
#[derive(Clone)]
pub struct Tokens {
    config: AuthConfig,
    keys: Arc<RwLock<Arc<Vec<Key>>>>,
    /// Tokens whose signature was found good with the current keys, so that it is computed once a
    /// token and not once a request.
    known: Arc<Mutex<HashMap<String, Known>>>,
}

/// What a token whose signature is good says, and when it ends.
type Known = (Claims, Option<Expiry>);

/// What a token turned out to be.
#[derive(Debug)]
pub enum Verified {
    /// Genuine, meant for us, and of now.
    Good(Claims),
    /// Signed, as it says, with a key that this node does not know.
    UnknownKey,
    /// Anything else.
    Bad,
}

/// The most tokens that are remembered; beyond that remembering begins anew.
const MOST_KNOWN: usize = 4_096;
/// A key is published for so long (µs) before it signs: nodes read the keys every minute, and others keep the
/// set for as long as `Cache-Control` allows.
const LEAD: i64 = 600_000_000;
/// Seconds by which the clocks of nodes may differ.
const SKEW: i64 = 10;
/// The type of an access token (RFC 9068, 2.1).
const TYPE: &str = "at+jwt";

impl Tokens {
    /// Without keys yet; see [`Tokens::set_keys`].
    pub fn new(config: AuthConfig) -> Self {
        crypto::install();
        Self { config, keys: Arc::default(), known: Arc::default() }
    }

    /// Takes the keys that [`load_keys`] found, the newest first.
    pub fn set_keys(&self, rows: &[SigningKey]) {
        if self.keys().iter().map(|key| &key.id).eq(rows.iter().map(|row| &row.id)) {
            return;
        }
        let keys = rows.iter().filter_map(Key::read).collect();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        self.known().clear();
    }

    fn keys(&self) -> Arc<Vec<Key>> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Life of an access token, in seconds.
    pub fn lifetime(&self) -> i64 {
        i64::from(self.config.access_token_minutes) * 60
    }

    /// A token for a session of an account.
    ///
    /// # Errors
    /// Fails if there is no signing key.
    pub fn issue(&self, account: &str, role: Role, session: &str) -> Result<String, String> {
        let keys = self.keys();
        let key = signing_key(&keys, now()).ok_or("there is no signing key")?;
        let iat = now() / 1_000_000;
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

    /// Checks a token: its type, signature and claims, but not whether its session goes on.
    pub fn verify(&self, token: &str) -> Verified {
        if let Some((claims, expiry)) = self.known().get(token) {
            let ended = expiry.is_none_or(|expiry| expiry.has_come());
            return if ended { Verified::Bad } else { Verified::Good(claims.clone()) };
        }
        let verified = self.check(token);
        if let Verified::Good(claims) = &verified {
            let expiry = Expiry::at(claims.exp.saturating_mul(1_000_000));
            let mut known = self.known();
            if known.len() >= MOST_KNOWN {
                known.clear();
            }
            known.insert(token.to_owned(), (claims.clone(), expiry));
        }
        verified
    }

    fn check(&self, token: &str) -> Verified {
        let is_ours = |header: &Header| {
            header.alg == Algorithm::EdDSA && header.typ.as_ref().is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE))
        };
        let header = jsonwebtoken::decode_header(token).ok().filter(is_ours);
        let Some(kid) = header.and_then(|header| header.kid) else { return Verified::Bad };
        let keys = self.keys();
        let Some(key) = keys.iter().find(|key| key.id == kid) else { return Verified::UnknownKey };
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[&self.config.issuer]);
        rules.set_audience(&[&self.config.audience]);
        rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        rules.leeway = 0;
        let decoded = jsonwebtoken::decode::<Claims>(token, &key.decoding, &rules).ok().map(|data| data.claims);
        match decoded.filter(|claims| is_of_now(claims, now() / 1_000_000)) {
            Some(claims) => Verified::Good(claims),
            None => Verified::Bad,
        }
    }

    /// The public keys.
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

    /// Whether the newest key is so old that a new one is due.
    pub fn rotation_due(&self) -> bool {
        let age = i64::from(self.config.key_rotation_days) * 86_400_000_000;
        self.keys().first().is_none_or(|key| key.created_at + age < now())
    }
}

/// The key that signs: the newest one that has been published for long enough; while there is none, the oldest.
fn signing_key(keys: &[Key], now: i64) -> Option<&Key> {
    keys.iter().find(|key| key.created_at + LEAD <= now).or(keys.last())
}

/// Whether a token has begun, has not ended, and was not made in the future (in seconds since 1970).
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

/// A secret of the server, shared by its nodes through the database.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = signing_keys)]
pub struct SigningKey {
    /// Key id.
    pub id: String,
    /// `jwt` or `cursor`.
    pub purpose: String,
    /// 32 random bytes, base64url.
    pub secret: String,
    /// When it was made (µs).
    pub created_at: i64,
}

/// The keys of a purpose, the newest first.
pub fn load_keys(connection: &mut Db, purpose: &str) -> QueryResult<Vec<SigningKey>> {
    signing_keys::table
        .filter(signing_keys::purpose.eq(purpose))
        .order((signing_keys::created_at.desc(), signing_keys::id.desc()))
        .select(SigningKey::as_select())
        .load(connection)
}

/// Makes a new key: it is published from now on and signs in ten minutes; the older ones still verify.
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

/// Forgets keys with which no token can be valid any more: those followed by a newer one that has signed for
/// longer than `lifetime` seconds, also on a node that has learnt of it late.
pub fn retire_keys(connection: &mut Db, purpose: &str, lifetime: i64) -> QueryResult<usize> {
    let keys = load_keys(connection, purpose)?;
    let bound = now() - lifetime * 1_000_000 - 2 * LEAD;
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
        // The clock of another node may be ahead by a little.
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
