//! Password hashing with argon2id, on threads of its own and with bounded concurrency.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::content::values::RuleViolation;
use crate::problem::{Problem, ProblemKind};

/// Least length of a password, in characters (NIST SP 800-63B: at least 8; longer without a second factor).
pub const MIN_PASSWORD: usize = 12;
/// Greatest length of a password, in characters; it bounds the work of a hash.
pub const MAX_PASSWORD: usize = 200;
/// Number of hashes that may wait for a thread; further requests are refused at once.
const MAX_WAITING: usize = 64;

/// A password hasher and verifier with bounded concurrency.
#[derive(Clone)]
pub struct Hasher {
    argon2: Arc<Argon2<'static>>,
    turns: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// Hash that is verified when there is no account, so that the response takes as long as with one.
    dummy: Arc<String>,
}

impl Hasher {
    /// Creates a hasher with this memory per hash, this number of passes, and this number of concurrent
    /// hashes.
    ///
    /// # Errors
    /// Returns a message if argon2 does not accept the parameters.
    pub fn new(memory_kib: u32, passes: u32, threads: usize) -> Result<Self, String> {
        let params = Params::new(memory_kib, passes, 1, None).map_err(|e| e.to_string())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Ok(Self {
            argon2: Arc::new(argon2),
            turns: Arc::new(Semaphore::new(threads)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING + threads)),
            dummy: Arc::new(dummy_hash(memory_kib, passes)),
        })
    }

    /// Returns the PHC string of a password, with a fresh salt.
    ///
    /// # Errors
    /// 503 if too many hashes are waiting.
    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        let argon2 = Arc::clone(&self.argon2);
        self.in_turn(move || argon2.hash_password(password.as_bytes()).map(|hash| hash.to_string()))
            .await?
            .map_err(|error| Problem::internal(&error))
    }

    /// Returns the PHC string of a password, computed on the calling thread, for commands and tests.
    ///
    /// # Errors
    /// Returns a message if the hash cannot be computed.
    pub fn hash_now(&self, password: &str) -> Result<String, String> {
        self.argon2.hash_password(password.as_bytes()).map(|hash| hash.to_string()).map_err(|e| e.to_string())
    }

    /// Returns whether a password matches a hash. Without a hash the result is `false`, after the same work.
    ///
    /// # Errors
    /// 503 if too many hashes are waiting.
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

    /// Runs `work` on a blocking thread when a permit is free.
    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let overloaded = || Problem::new(ProblemKind::Unavailable, "too many concurrent log-ins").retry_after(2);
        let _place = self.waiting.try_acquire().map_err(|_| overloaded())?;
        let _turn = self.turns.acquire().await.map_err(|_| overloaded())?;
        actix_web::web::block(work).await.map_err(|error| Problem::internal(&error))
    }
}

/// Returns a PHC string with these parameters. It is not computed, since that would cost the start of the server as much
/// as a log-in; a verification does the same work for any salt and any output.
fn dummy_hash(memory_kib: u32, passes: u32) -> String {
    // 16 and 32 bytes in base64 without padding, the usual lengths of salt and output.
    let (salt, output) = ("A".repeat(22), "A".repeat(43));
    format!("$argon2id$v=19$m={memory_kib},t={passes},p=1${salt}${output}")
}

/// Checks a new password: its length, the number of different characters, and that it does not contain the
/// local part of the account's e-mail address.
///
/// # Errors
/// Returns the code and message of the first rule that the password breaks.
pub fn check_new(password: &str, email: &str) -> Result<(), RuleViolation> {
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
            "too easy to guess: it has fewer than five different characters or contains the name of the account"
                .to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An account that does not exist must cost the same work as one that does.
    #[test]
    fn the_dummy_has_the_form_of_a_hash() {
        let hasher = Hasher::new(64, 2, 1).expect("the parameters are valid");
        let real = hasher.hash_now("correct horse").expect("there is memory");
        let (real, dummy) = (PasswordHash::new(&real), PasswordHash::new(&hasher.dummy));
        let (real, dummy) = (real.expect("a PHC string"), dummy.expect("a PHC string"));
        assert_eq!((dummy.algorithm, dummy.version), (real.algorithm, real.version));
        assert_eq!(dummy.params.to_string(), real.params.to_string());
        let lengths = |hash: &PasswordHash| {
            (hash.salt.as_ref().map(|salt| salt.len()), hash.hash.as_ref().map(|output| output.len()))
        };
        assert_eq!(lengths(&dummy), lengths(&real));
        let error = hasher.argon2.verify_password(b"nobody has this password", &dummy);
        assert!(matches!(error, Err(argon2::password_hash::Error::PasswordInvalid)), "{error:?}");
    }
}
