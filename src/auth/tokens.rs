//! Access tokens: short-lived JWT (RFC 7519) signed with EdDSA; keys in the database, shared by all
//! nodes, rotated by age, published as a JWK set (RFC 7517).

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
    /// The role of the account then.
    pub role: Role,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// Its own id.
    pub jti: String,
}

/// A JSON Web Key Set (RFC 7517) of Ed25519 keys (RFC 8037).
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JwkSet {
    /// The keys, the current one first.
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
    known: Arc<Mutex<HashMap<String, Claims>>>,
}

/// The most tokens that are remembered; beyond that remembering begins anew.
const MOST_KNOWN: usize = 4_096;

impl Tokens {
    /// Without keys yet; see [`Tokens::set_keys`].
    pub fn new(config: AuthConfig) -> Self {
        crypto::install();
        Self { config, keys: Arc::default(), known: Arc::default() }
    }

    /// Takes the keys that [`load_keys`] found, the newest first.
    pub fn set_keys(&self, rows: &[SigningKey]) {
        let keys = rows.iter().filter_map(Key::read).collect();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        self.known().clear();
    }

    fn keys(&self) -> Arc<Vec<Key>> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Claims>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Life of an access token, in seconds.
    pub fn lifetime(&self) -> i64 {
        i64::from(self.config.access_token_minutes) * 60
    }

    /// A token for this account.
    pub fn issue(&self, account: &str, role: Role) -> Result<String, String> {
        let keys = self.keys();
        let key = keys.first().ok_or("there is no signing key")?;
        let iat = now() / 1_000_000;
        let claims = Claims {
            iss: self.config.issuer.clone(),
            aud: self.config.audience.clone(),
            sub: account.to_owned(),
            role,
            exp: iat + self.lifetime(),
            iat,
            jti: new_id(),
        };
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &key.encoding).map_err(|e| e.to_string())
    }

    /// The claims of a token that is genuine, meant for us, and has not ended.
    pub fn verify(&self, token: &str) -> Option<Claims> {
        if let Some(claims) = self.known().get(token) {
            return Some(claims.clone()).filter(|claims| claims.exp > now() / 1_000_000);
        }
        let claims = self.check(token)?;
        let mut known = self.known();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(token.to_owned(), claims.clone());
        Some(claims)
    }

    fn check(&self, token: &str) -> Option<Claims> {
        let kid = jsonwebtoken::decode_header(token).ok().filter(|h| h.alg == Algorithm::EdDSA)?.kid?;
        let keys = self.keys();
        let key = keys.iter().find(|key| key.id == kid)?;
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[&self.config.issuer]);
        rules.set_audience(&[&self.config.audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        rules.leeway = 0;
        jsonwebtoken::decode::<Claims>(token, &key.decoding, &rules).ok().map(|data| data.claims)
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

/// Makes a new key; it signs from now on, the older ones still verify.
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

/// Forgets keys with which no token can be valid any more: those followed by a newer one for
/// longer than `lifetime` seconds.
pub fn retire_keys(connection: &mut Db, purpose: &str, lifetime: i64) -> QueryResult<usize> {
    let keys = load_keys(connection, purpose)?;
    let bound = now() - lifetime * 1_000_000;
    let Some(current) = keys.iter().position(|key| key.created_at < bound) else { return Ok(0) };
    let old: Vec<&String> = keys[current + 1..].iter().map(|key| &key.id).collect();
    diesel::delete(signing_keys::table.filter(signing_keys::id.eq_any(old))).execute(connection)
}
