//! Log-in with an OpenID provider by the authorization code flow with PKCE (OpenID Connect Core 1.0, section
//! 3.1; RFC 7636).
//!
//! The `state` that travels through the browser is signed. The PKCE verifier and the nonce are derived from
//! it and the site's key, so nothing is stored between the two requests, and any node can handle the second
//! one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::OidcConfig;
use crate::database::{new_id, now};
use crate::microseconds::MINUTE;
use crate::problem::{Problem, ProblemKind};
use crate::signed_token;

/// Time within which the user must return from the provider (µs).
const STATE_LIFETIME: i64 = 600_000_000;
/// Time for which the provider's metadata and keys are cached (µs).
const METADATA_MAX_AGE: i64 = 3_600_000_000;
/// Age of the provider's keys before which they are not fetched anew for a token with an unknown key (µs).
const KEYS_MIN_AGE: i64 = MINUTE;
/// Time after a request to the provider that failed, within which no other one is made for its metadata and keys.
const PAUSE: Duration = Duration::from_secs(10);
/// Timeout of a request to the provider.
const TIMEOUT: Duration = Duration::from_secs(10);
const STATE: &str = "oidc-state";

/// The metadata of a provider (OpenID Connect Discovery 1.0, section 3).
#[derive(Debug, Clone, Deserialize)]
struct Provider {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

/// The cached metadata and keys of the provider; `at` is the time when they were asked for (µs since 1970).
struct ProviderCache {
    provider: Provider,
    keys: JwkSet,
    at: i64,
}

impl ProviderCache {
    /// Returns whether the key that a token names is among the keys.
    fn has_key_of(&self, token: &str) -> bool {
        let name = jsonwebtoken::decode_header(token).ok().and_then(|header| header.kid);
        self.keys.keys.iter().any(|key| name.is_none() || key.common.key_id == name)
    }
}

/// A client of the configured provider.
pub struct Oidc {
    config: OidcConfig,
    key: Vec<u8>,
    known: Mutex<Option<Arc<ProviderCache>>>,
    /// End of the last request for metadata and keys, if it failed. It is locked during a request, so that there is one at
    /// a time.
    failed: tokio::sync::Mutex<Option<Instant>>,
}

/// The payload of the `state` parameter, which is signed but not encrypted.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    id: String,
    redirect_uri: String,
    until: i64,
}

/// The claims of an ID token that are used here.
#[derive(Debug, Clone, Deserialize)]
pub struct Identity {
    /// Issuer, the provider.
    pub iss: String,
    /// Subject, the identifier of the user at the provider.
    pub sub: String,
    /// E-mail address, if the provider discloses it.
    pub email: Option<String>,
    /// Whether the provider has verified the e-mail address.
    #[serde(default)]
    pub email_verified: bool,
    /// Full name, if the provider discloses it.
    pub name: Option<String>,
    nonce: Option<String>,
}

/// The claims of an access token that are used here (RFC 9068, section 2.2).
#[derive(Debug, Clone, Deserialize)]
pub struct AccessClaims {
    /// Issuer, the provider.
    pub iss: String,
    /// Subject, the identifier of the user at the provider.
    pub sub: String,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

impl Oidc {
    /// Creates a client for this configuration; `key` signs the state that travels through the browser.
    pub fn new(config: OidcConfig, key: Vec<u8>) -> Self {
        Self { config, key, known: Mutex::default(), failed: tokio::sync::Mutex::default() }
    }

    /// Returns whether a provider is configured.
    pub fn is_configured(&self) -> bool {
        !self.config.issuer.is_empty()
    }

    /// Returns the URL to which the browser is sent, and the state with which it will come back.
    ///
    /// # Errors
    /// 503 if the provider's metadata cannot be fetched or used.
    pub async fn begin(self: &Arc<Self>, redirect_uri: String) -> Result<(String, String), Problem> {
        let known = self.provider(now() - METADATA_MAX_AGE).await?;
        let state = State { id: new_id(), redirect_uri, until: now() + STATE_LIFETIME };
        let payload = serde_json::to_vec(&state).map_err(|error| Problem::internal(&error))?;
        let sealed = signed_token::seal(&self.key, STATE, &payload);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier(&state)));
        let mut address = url::Url::parse(&known.provider.authorization_endpoint).map_err(|e| provider_problem(&e))?;
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.config.client_id)
            .append_pair("redirect_uri", &state.redirect_uri)
            .append_pair("scope", "openid email profile")
            .append_pair("state", &sealed)
            .append_pair("nonce", &self.secret("oidc-nonce", &state))
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok((address.into(), sealed))
    }

    /// Exchanges the code with which the browser came back, and returns the verified identity of the user.
    ///
    /// # Errors
    /// 401 if the state, the code or the ID token is not valid, 503 if the provider cannot be used.
    pub async fn finish(self: &Arc<Self>, code: String, sealed: &str) -> Result<Identity, Problem> {
        let state: Option<State> =
            signed_token::open(&self.key, STATE, sealed).and_then(|payload| serde_json::from_slice(&payload).ok());
        let state = state
            .filter(|state| state.until > now())
            .ok_or_else(|| refusal("the state is not valid or has expired"))?;
        let begun = now();
        let known = self.provider(begun - METADATA_MAX_AGE).await?;
        let token = self.exchange(&known.provider, code, &state).await?;
        let client_id = &self.config.client_id;
        let identity: Option<Identity> = match self.claims(&known, &token, client_id) {
            Some(identity) => Some(identity),
            // The provider may have rotated its keys since they were cached, so they are fetched once more.
            None => self.claims(&*self.provider(begun).await?, &token, client_id),
        };
        let nonce = self.secret("oidc-nonce", &state);
        identity
            .filter(|identity| identity.nonce.as_deref() == Some(&nonce))
            .ok_or_else(|| refusal("the ID token of the provider is not valid"))
    }

    /// Derives a secret from a state; without the site's key it cannot be computed from the state.
    fn secret(&self, purpose: &str, state: &State) -> String {
        let sealed = signed_token::seal(&self.key, purpose, state.id.as_bytes());
        URL_SAFE_NO_PAD.encode(Sha256::digest(sealed))
    }

    /// Returns the code verifier of a state: 43 characters, the least that RFC 7636, section 4.1 allows.
    fn verifier(&self, state: &State) -> String {
        self.secret("oidc-verifier", state)
    }

    /// Exchanges a code for an ID token at the provider's token endpoint.
    async fn exchange(self: &Arc<Self>, provider: &Provider, code: String, state: &State) -> Result<String, Problem> {
        let (endpoint, oidc) = (provider.token_endpoint.clone(), Arc::clone(self));
        let form = [
            ("grant_type", "authorization_code".to_owned()),
            ("code", code),
            ("redirect_uri", state.redirect_uri.clone()),
            ("client_id", oidc.config.client_id.clone()),
            ("client_secret", oidc.config.client_secret.clone()),
            ("code_verifier", oidc.verifier(state)),
        ];
        let ask = move || {
            let mut answer =
                agent().post(&endpoint).send_form(form.iter().map(|(name, value)| (*name, value.as_str())))?;
            answer.body_mut().read_json::<TokenAnswer>()
        };
        match run_blocking(ask).await? {
            Ok(answer) => Ok(answer.id_token),
            Err(ureq::Error::StatusCode(400..=499)) => Err(refusal("the provider does not accept the code")),
            Err(error) => Err(provider_problem(&error)),
        }
    }

    /// Returns the claims of an access token that the provider issued for a resource of this server (RFC 9068, section
    /// 4); `None` if it is not one, or no provider is configured.
    ///
    /// An ID token is never accepted: its audience is the client. Keys are fetched anew for an unknown key id, but at
    /// most once a minute, because anybody can send tokens; while the provider does not answer, once every ten seconds.
    ///
    /// # Errors
    /// 503 if the provider's metadata cannot be fetched or used.
    pub async fn access_claims(self: &Arc<Self>, token: &str, audience: &str) -> Result<Option<AccessClaims>, Problem> {
        let is_token = self.is_configured() && jsonwebtoken::decode_header(token).is_ok();
        if !is_token || audience == self.config.client_id {
            return Ok(None);
        }
        let known = self.provider(now() - METADATA_MAX_AGE).await?;
        let claims = self.claims(&known, token, audience);
        if claims.is_some() || known.has_key_of(token) {
            return Ok(claims);
        }
        Ok(self.claims(&*self.provider(now() - KEYS_MIN_AGE).await?, token, audience))
    }

    /// Verifies a token for an audience and returns its claims; `None` if it is not valid under the known keys. The
    /// algorithm of the header must fit the type of the key, so that a token cannot choose how its signature
    /// is checked.
    fn claims<T: DeserializeOwned>(&self, known: &ProviderCache, token: &str, audience: &str) -> Option<T> {
        let header = jsonwebtoken::decode_header(token).ok()?;
        if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) {
            return None;
        }
        let keys = known.keys.keys.iter().filter(|key| header.kid.is_none() || key.common.key_id == header.kid);
        let mut rules = Validation::new(header.alg);
        rules.set_issuer(&[&self.config.issuer]);
        rules.set_audience(&[audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let fits = |key: &&jsonwebtoken::jwk::Jwk| match &key.algorithm {
            AlgorithmParameters::RSA(_) => header.alg == Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(_) => header.alg == Algorithm::ES256,
            AlgorithmParameters::OctetKeyPair(_) => header.alg == Algorithm::EdDSA,
            _ => false,
        };
        keys.filter(fits).find_map(|key| {
            let key = DecodingKey::from_jwk(key).ok()?;
            jsonwebtoken::decode::<T>(token, &key, &rules).ok().map(|data| data.claims)
        })
    }

    /// Returns the provider's metadata and keys as they were at `since` (µs since 1970) or later, from the cache if it has
    /// them. Requests that need them meanwhile wait for one request to the provider; after one that failed, they fail at
    /// once for a while.
    async fn provider(self: &Arc<Self>, since: i64) -> Result<Arc<ProviderCache>, Problem> {
        if let Some(known) = self.known_since(since) {
            return Ok(known);
        }
        // In a task of its own, which goes on if the client goes away: otherwise the next request would ask again.
        let here = Arc::clone(self);
        let refreshed = actix_web::rt::spawn(async move { here.refresh_since(since).await });
        refreshed.await.map_err(|error| Problem::internal(&error))?
    }

    async fn refresh_since(&self, since: i64) -> Result<Arc<ProviderCache>, Problem> {
        let mut failed = self.failed.lock().await;
        if let Some(known) = self.known_since(since) {
            return Ok(known);
        }
        if failed.is_some_and(|at| at.elapsed() < PAUSE) {
            return Err(no_answer());
        }
        let fetched = self.fetch().await;
        *failed = fetched.is_err().then(Instant::now);
        let known = Arc::new(fetched?);
        *self.lock_cache() = Some(Arc::clone(&known));
        Ok(known)
    }

    fn lock_cache(&self) -> MutexGuard<'_, Option<Arc<ProviderCache>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_since(&self, since: i64) -> Option<Arc<ProviderCache>> {
        self.lock_cache().clone().filter(|known| known.at >= since)
    }

    /// Asks the provider for its metadata and keys.
    async fn fetch(&self) -> Result<ProviderCache, Problem> {
        let issuer = self.config.issuer.clone();
        let ask = move || {
            let (at, base) = (now(), issuer.trim_end_matches('/'));
            let agent = agent();
            let provider: Provider =
                agent.get(&format!("{base}/.well-known/openid-configuration")).call()?.body_mut().read_json()?;
            let keys: JwkSet = agent.get(&provider.jwks_uri).call()?.body_mut().read_json()?;
            Ok::<_, ureq::Error>(ProviderCache { provider, keys, at })
        };
        let known = run_blocking(ask).await?.map_err(|error| provider_problem(&error))?;
        if known.provider.issuer != self.config.issuer {
            return Err(provider_problem(&format!("its metadata name the issuer {}", known.provider.issuer)));
        }
        Ok(known)
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(TIMEOUT)).max_redirects(2).build().into()
}

async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    actix_web::web::block(work).await.map_err(|error| Problem::internal(&error))
}

fn refusal(detail: &str) -> Problem {
    Problem::new(ProblemKind::Unauthorized, detail)
}

fn provider_problem(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "the OpenID provider cannot be used");
    no_answer()
}

fn no_answer() -> Problem {
    Problem::new(ProblemKind::Unavailable, "the OpenID provider does not respond as expected").retry_after(10)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A provider that fails: returns its address, and the number of requests that it got.
    fn failing_provider() -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 1_024]);
                let _ = stream
                    .write_all(b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        });
        (issuer, requests)
    }

    /// Anybody can send tokens with the name of a key that nobody has; the last keys are those of `age` (µs) ago.
    fn requests_for_invented_keys(age: i64) -> usize {
        let (issuer, requests) = failing_provider();
        let oidc = Arc::new(Oidc::new(OidcConfig { issuer, ..OidcConfig::default() }, b"key".to_vec()));
        let address = || "http://127.0.0.1".to_owned();
        let provider = Provider {
            issuer: oidc.config.issuer.clone(),
            authorization_endpoint: address(),
            token_endpoint: address(),
            jwks_uri: address(),
        };
        let keys = JwkSet { keys: Vec::new() };
        *oidc.lock_cache() = Some(Arc::new(ProviderCache { provider, keys, at: now() - age }));
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","kid":"invented"}"#);
        let token = format!("{header}.e30.AAAA");
        actix_web::rt::System::new().block_on(async {
            let ask = || oidc.access_claims(&token, "https://example.org/mcp");
            for _ in 0..4 {
                let (one, other) = futures_util::future::join(ask(), ask()).await;
                let is_recent = age < KEYS_MIN_AGE;
                assert!(one.is_ok() == is_recent && other.is_ok() == is_recent, "{age}");
            }
        });
        requests.load(Ordering::SeqCst)
    }

    #[test]
    fn a_provider_that_fails_is_asked_once_in_a_while() {
        assert_eq!(requests_for_invented_keys(0), 0);
        assert_eq!(requests_for_invented_keys(2 * KEYS_MIN_AGE), 1);
        assert_eq!(requests_for_invented_keys(2 * METADATA_MAX_AGE), 1);
    }
}
