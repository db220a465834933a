//! The versions that a writer expects to find (RFC 9110, section 13.1.1).

use smallvec::SmallVec;

/// The versions of which an item must have one for a write to be carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected(SmallVec<[i64; 2]>);

impl Expected {
    /// Whether the write is based on this version.
    pub fn accepts(&self, version: i64) -> bool {
        self.0.contains(&version)
    }

    /// The newest of them, from which it is told what the writer changed; none if no version is good enough.
    pub fn newest(&self) -> Option<i64> {
        self.0.iter().max().copied()
    }
}

impl FromIterator<i64> for Expected {
    fn from_iter<I: IntoIterator<Item = i64>>(versions: I) -> Self {
        Self(versions.into_iter().collect())
    }
}
