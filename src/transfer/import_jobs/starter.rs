//! Who asked for an import, and whether they may still import.

use super::ImportJob;
use crate::auth::credentials::require_still;
use crate::auth::permissions::{Action, Area};
use crate::database::Db;
use crate::problem::Problem;

/// Who asked for an import: an account, by itself or by one of its keys.
#[derive(Debug, Clone)]
pub struct Starter {
    account: String,
    key: Option<String>,
}

impl Starter {
    /// Returns who asked for an import.
    pub fn of(job: &ImportJob) -> Self {
        Self { account: job.created_by.clone().unwrap_or_default(), key: job.via.clone() }
    }

    /// Checks that they may still import. An import may wait and run for long, and writes as long as it runs.
    ///
    /// # Errors
    /// 401 if the account is closed or the key has ended, 403 if the role does not permit imports any more.
    pub fn require(&self, connection: &mut Db) -> Result<(), Problem> {
        require_still(connection, &self.account, self.key.as_deref(), (Area::Imports, Action::Manage))
    }
}
