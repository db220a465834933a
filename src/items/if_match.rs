//! Entity tags of versions, and the versions named by an `If-Match` precondition (RFC 9110, section 13.1.1).

use smallvec::SmallVec;

/// Returns the entity tag of a version, for `If-Match`. Those of representations end with a hash; writes compare the version
/// alone.
pub fn version_tag(version: i64) -> String {
    format!("\"v{version}\"")
}

/// The versions that a conditional write accepts. The precondition holds if the item is at one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExpectedVersions(SmallVec<[i64; 2]>);

impl ExpectedVersions {
    /// Returns whether the precondition holds for an item at `version`.
    pub fn accepts(&self, version: i64) -> bool {
        self.0.contains(&version)
    }

    /// Returns the newest accepted version, the base of a three-way merge, or `None` if no version is
    /// accepted.
    pub fn newest_version(&self) -> Option<i64> {
        self.0.iter().max().copied()
    }
}

impl FromIterator<i64> for ExpectedVersions {
    fn from_iter<I: IntoIterator<Item = i64>>(versions: I) -> Self {
        Self(versions.into_iter().collect())
    }
}
