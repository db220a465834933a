//! Protection of what visitors send without an account: a proof of work, a field that people do not see, a minimum time, and
//! limits by network and address. See `docs/decisions/0040-newsletter-and-contact.md`.

pub mod challenge;
pub mod limits;

use std::net::IpAddr;

use crate::config::ProtectionConfig;
use crate::content::violation::Violations;
use crate::database::{Db, now};
use crate::microseconds::SECOND;
use crate::problem::{Problem, ProblemKind};
use crate::protection::challenge::SolvedChallenge;
use crate::protection::limits::{Quota, network_key};

/// What a visitor's form shows of its sender.
#[derive(Debug, Clone)]
pub struct VisitorProof {
    challenge: SolvedChallenge,
    network: Quota,
}

impl VisitorProof {
    /// Checks the solution of a challenge without the database. `network` is the quota of its sender.
    ///
    /// # Errors
    /// 422 if the solution is wrong, expired, or came sooner than a person fills in a form.
    pub fn read(config: &ProtectionConfig, key: &[u8], solution: &str, network: Quota) -> Result<Self, Problem> {
        let challenge = challenge::verify(config, key, solution)
            .map_err(|(code, message)| Problem::invalid(Violations::one("/altcha", code, message)))?;
        Ok(Self { challenge, network })
    }

    /// Uses the proof up, and counts the form, within the transaction of what the form causes.
    ///
    /// # Errors
    /// 422 if the solution was used before, 429 if the network sent too many forms.
    pub fn use_up(&self, connection: &mut Db) -> Result<(), Problem> {
        if !self.challenge.use_up(connection)? {
            let message = "the solution was used already; solve a new challenge";
            return Err(Problem::invalid(Violations::one("/altcha", "reused", message)));
        }
        match self.network.take(connection)? {
            None => Ok(()),
            Some(ends_at) => Err(too_many(ends_at)),
        }
    }
}

/// Returns the quota of forms of the network of an address.
pub fn network_quota(config: &ProtectionConfig, key: &[u8], address: Option<IpAddr>) -> Quota {
    Quota::per_hour(network_key(config, key, address), config.network_per_hour)
}

/// Returns the problem of a sender whose quota is used up until this time (µs).
pub fn too_many(ends_at: i64) -> Problem {
    let seconds = u64::try_from((ends_at - now()) / SECOND + 1).unwrap_or(1);
    Problem::new(ProblemKind::TooManyAttempts, "too many forms were sent from this network").retry_after(seconds)
}
