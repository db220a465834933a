//! Passwords: argon2id, off the request threads, few at a time.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::content::values::Wrong;
use crate::problem::{Kind, Problem};

/// Shortest password, in characters (NIST SP 800-63B: at least 8; longer without a second factor).
pub const MIN_PASSWORD: usize = 12;
/// Longest password, in characters; it bounds the work.
pub const MAX_PASSWORD: usize = 200;
/// How many hashes may wait for their turn; a flood beyond that is turned away at once.
const MAX_WAITING: usize = 64;

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Hasher {
    argon2: Arc<Argon2<'static>>,
    turns: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// Compared with when there is no account, so that the answer takes as long.
    dummy: Arc<String>,
}

impl Hasher {
    /// With this much memory, passes, and hashes at a time.
    pub fn new(memory_kib: u32, passes: u32, threads: usize) -> Result<Self, String> {
        let params = Params::new(memory_kib, passes, 1, None).map_err(|e| e.to_string())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let dummy = argon2.hash_password(b"nobody has this password").map_err(|e| e.to_string())?.to_string();
        Ok(Self {
            argon2: Arc::new(argon2),
            turns: Arc::new(Semaphore::new(threads)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING + threads)),
            dummy: Arc::new(dummy),
        })
    }

    /// The hash to store, in PHC form, with a fresh salt.
    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        let argon2 = Arc::clone(&self.argon2);
        self.in_turn(move || argon2.hash_password(password.as_bytes()).map(|hash| hash.to_string()))
            .await?
            .map_err(|error| Problem::internal(&error))
    }

    /// The same, for the command line, where nothing else waits.
    pub fn hash_now(&self, password: &str) -> Result<String, String> {
        self.argon2.hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|e| e.to_string())
    }

    /// Whether the password belongs to the hash. Without a hash the work is done all the same.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        let argon2 = Arc::clone(&self.argon2);
        let exists = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy.to_string());
        self.in_turn(move || {
            let right =
                PasswordHash::new(&hash).is_ok_and(|hash| argon2.verify_password(password.as_bytes(), &hash).is_ok());
            right && exists
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let overloaded = || Problem::new(Kind::Unavailable, "too many log-ins at once").retry_after(2);
        let _place = self.waiting.try_acquire().map_err(|_| overloaded())?;
        let _turn = self.turns.acquire().await.map_err(|_| overloaded())?;
        actix_web::web::block(work).await.map_err(|error| Problem::internal(&error))
    }
}

/// Checks a new password: long enough, not too long, not the account's own name.
pub fn check_new(password: &str, email: &str) -> Result<(), Wrong> {
    let length = password.chars().count();
    if !(MIN_PASSWORD..=MAX_PASSWORD).contains(&length) {
        return Err(("password_length", format!("between {MIN_PASSWORD} and {MAX_PASSWORD} characters")));
    }
    let local = email.split('@').next().unwrap_or(email).to_lowercase();
    let mut letters: Vec<char> = password.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    if letters.len() < 5 || (local.len() > 3 && password.to_lowercase().contains(&local)) {
        return Err((
            "password_weak",
            "too easy to guess: few different characters, or the account's own name".to_owned(),
        ));
    }
    Ok(())
}
