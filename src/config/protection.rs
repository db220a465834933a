//! The section `[protection]`: what keeps programs from filling in forms.

use serde::{Deserialize, Serialize};

use super::validate::ViolationList;

/// The section `[protection]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtectionConfig {
    /// Cost of one step of the proof of work, in iterations of PBKDF2; a proof takes 256 steps on average.
    pub difficulty: u32,
    /// Minutes for which a challenge is valid.
    pub challenge_minutes: u32,
    /// Seconds between a challenge and its use below which the sender is a program.
    pub minimum_seconds: u32,
    /// Length of the prefix of IPv4 addresses that count as one network, in bits.
    pub ipv4_prefix: u32,
    /// Length of the prefix of IPv6 addresses that count as one network, in bits.
    pub ipv6_prefix: u32,
    /// Greatest number of forms that one network sends within an hour.
    pub network_per_hour: u32,
    /// Greatest number of mails that forms send to one address within a day.
    pub address_per_day: u32,
}

impl Default for ProtectionConfig {
    fn default() -> Self {
        Self {
            difficulty: 5_000,
            challenge_minutes: 20,
            minimum_seconds: 2,
            ipv4_prefix: 24,
            ipv6_prefix: 48,
            network_per_hour: 20,
            address_per_day: 3,
        }
    }
}

impl ProtectionConfig {
    /// Checks the section.
    pub(super) fn check(&self, violations: &mut ViolationList) {
        let bounds = [
            ("protection.difficulty", self.difficulty, 1, 1_000_000),
            ("protection.challenge_minutes", self.challenge_minutes, 1, 1_440),
            ("protection.minimum_seconds", self.minimum_seconds, 0, 60),
            ("protection.ipv4_prefix", self.ipv4_prefix, 8, 32),
            ("protection.ipv6_prefix", self.ipv6_prefix, 16, 64),
            ("protection.network_per_hour", self.network_per_hour, 1, 1_000_000),
            ("protection.address_per_day", self.address_per_day, 1, 1_000),
        ];
        for (name, value, least, most) in bounds {
            violations.check((least..=most).contains(&value), name, &format!("must be between {least} and {most}"));
        }
    }
}
