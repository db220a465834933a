//! Proofs of work by the protocol of ALTCHA (version 2 of its proofs), whose official widget solves them in a browser. A
//! challenge is signed and not stored; a solution is stored when it is used, so that no node takes it again.

use std::collections::BTreeMap;

use altcha::{Challenge, CreateChallengeOptions, Payload, VerifySolutionOptions, create_challenge, verify_solution};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use diesel::prelude::*;
use diesel::result::QueryResult;

use crate::config::ProtectionConfig;
use crate::database::mail_schema::used_challenges;
use crate::database::{Db, now};
use crate::microseconds::{MINUTE, SECOND};
use crate::problem::Problem;
use crate::signed_token;

const PURPOSE: &str = "altcha";
const ALGORITHM: &str = "PBKDF2/SHA-256";
/// Member of a challenge's data with the time at which it was made (ms since 1970).
const MADE_AT: &str = "made_at";
/// Greatest length of a solution, in characters.
pub const MOST_CHARACTERS: usize = 4_000;

/// A challenge that was solved.
#[derive(Debug, Clone)]
pub struct SolvedChallenge {
    nonce: String,
    /// Time from which on the solution is refused anyway (µs since 1970).
    expires_at: i64,
}

/// Returns the secret with which challenges are signed.
fn secret(key: &[u8]) -> Option<String> {
    signed_token::derive(key, PURPOSE, b"").map(|secret| STANDARD.encode(secret))
}

/// Creates a challenge.
///
/// # Errors
/// 500 if it cannot be signed.
pub fn create(config: &ProtectionConfig, key: &[u8]) -> Result<Challenge, Problem> {
    let at = now();
    let options = CreateChallengeOptions {
        algorithm: ALGORITHM.to_owned(),
        cost: config.difficulty,
        data: Some(BTreeMap::from([(MADE_AT.to_owned(), (at / 1_000).into())])),
        expires_at: Some(at / SECOND + i64::from(config.challenge_minutes) * 60),
        hmac_signature_secret: secret(key),
        ..CreateChallengeOptions::default()
    };
    create_challenge(options).map_err(|error| Problem::internal(&error))
}

/// Checks a solution: the text that the widget puts into its field. The checks that cost least come first.
///
/// # Errors
/// Fails with the code of the violation and its explanation.
pub fn verify(
    config: &ProtectionConfig,
    key: &[u8],
    solution: &str,
) -> Result<SolvedChallenge, (&'static str, &'static str)> {
    let wrong = ("not_valid", "this is not the solution of a challenge of this server");
    if solution.len() > MOST_CHARACTERS {
        return Err(wrong);
    }
    let bytes = STANDARD.decode(solution).map_err(|_| wrong)?;
    let Payload { challenge, solution }: Payload = serde_json::from_slice(&bytes).map_err(|_| wrong)?;
    let options = VerifySolutionOptions::new(&challenge, &solution, secret(key).ok_or(wrong)?);
    let result = verify_solution(options).map_err(|_| wrong)?;
    if result.expired {
        return Err(("expired", "the challenge has expired; solve a new one"));
    }
    // What follows is signed, and so as it was made.
    let (true, Some(expires_at)) = (result.verified, challenge.parameters.expires_at) else { return Err(wrong) };
    let made_at = challenge.parameters.data.as_ref().and_then(|data| data.get(MADE_AT)?.as_i64()).ok_or(wrong)?;
    if now() / 1_000 - made_at < i64::from(config.minimum_seconds) * 1_000 {
        return Err((
            "too_soon",
            "the form was sent sooner than a person fills it in; wait a moment and send it again",
        ));
    }
    Ok(SolvedChallenge { nonce: challenge.parameters.nonce, expires_at: expires_at.saturating_mul(SECOND) })
}

impl SolvedChallenge {
    /// Uses the solution up. Returns false if it was used before, on whatever node.
    ///
    /// # Errors
    /// Fails if a statement fails.
    pub fn use_up(&self, connection: &mut Db) -> QueryResult<bool> {
        let found = used_challenges::table.find(&self.nonce).select(used_challenges::nonce).first::<String>(connection);
        // Writers of all nodes take turns, so no other one inserts the row in between.
        if found.optional()?.is_some() {
            return Ok(false);
        }
        let row = (used_challenges::nonce.eq(&self.nonce), used_challenges::expires_at.eq(self.expires_at));
        diesel::insert_into(used_challenges::table).values(row).execute(connection)?;
        Ok(true)
    }
}

/// Deletes the proofs that have expired.
///
/// # Errors
/// Fails if the statement fails.
pub fn delete_expired(connection: &mut Db) -> QueryResult<usize> {
    let expired = used_challenges::expires_at.lt(now() - MINUTE);
    diesel::delete(used_challenges::table.filter(expired)).execute(connection)
}

#[cfg(test)]
mod tests {
    use altcha::{SolveChallengeOptions, solve_challenge};

    use super::*;

    fn solve(challenge: &Challenge) -> String {
        let solution = solve_challenge(SolveChallengeOptions::new(challenge)).unwrap().unwrap();
        let payload = Payload { challenge: challenge.clone(), solution };
        STANDARD.encode(serde_json::to_vec(&payload).unwrap())
    }

    #[test]
    fn only_own_challenges_count_and_only_with_work() {
        let config = ProtectionConfig { difficulty: 1, minimum_seconds: 0, ..ProtectionConfig::default() };
        let challenge = create(&config, b"key").unwrap();
        let solution = solve(&challenge);
        assert_eq!(verify(&config, b"key", &solution).unwrap().nonce, challenge.parameters.nonce);
        assert_eq!(verify(&config, b"another", &solution).unwrap_err().0, "not_valid");
        let slow = ProtectionConfig { minimum_seconds: 60, ..config.clone() };
        assert_eq!(verify(&slow, b"key", &solution).unwrap_err().0, "too_soon");
        let mut easier = challenge.clone();
        easier.parameters.key_prefix = String::new();
        assert_eq!(verify(&config, b"key", &solve(&easier)).unwrap_err().0, "not_valid");
        let mut longer = challenge;
        longer.parameters.expires_at = Some(4_000_000_000);
        assert_eq!(verify(&config, b"key", &solve(&longer)).unwrap_err().0, "not_valid");
        for text in ["", "x", "e30=", &"A".repeat(5_000)] {
            assert_eq!(verify(&config, b"key", text).unwrap_err().0, "not_valid");
        }
    }
}
