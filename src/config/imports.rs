//! The section of imports over HTTP.

use serde::{Deserialize, Serialize};

use super::validate::ViolationList;

/// The section `[imports]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportsConfig {
    /// Greatest size of a file, in bytes.
    pub max_bytes: usize,
    /// Seconds within which a file must arrive.
    pub upload_seconds: u64,
    /// Minutes after which an import that has not ended fails.
    pub max_minutes: u32,
    /// Greatest number of imports that have not ended.
    pub max_open: u32,
    /// Days for which the report of an import is kept after its end.
    pub keep_days: u32,
}

impl Default for ImportsConfig {
    fn default() -> Self {
        Self { max_bytes: 67_108_864, upload_seconds: 300, max_minutes: 60, max_open: 10, keep_days: 30 }
    }
}

impl ImportsConfig {
    /// Checks the section.
    pub(super) fn check(&self, violations: &mut ViolationList) {
        let bounds = [
            ("imports.max_bytes", self.max_bytes as u64, 1_024, 1_073_741_824),
            ("imports.upload_seconds", self.upload_seconds, 1, 3_600),
            ("imports.max_minutes", self.max_minutes.into(), 1, 1_440),
            ("imports.max_open", self.max_open.into(), 1, 1_000),
            ("imports.keep_days", self.keep_days.into(), 1, 3_650),
        ];
        for (name, value, least, most) in bounds {
            violations.check((least..=most).contains(&value), name, &format!("must be between {least} and {most}"));
        }
    }
}
