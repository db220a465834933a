//! The fields that the record of another system gave its item. What the record has no more can be removed then, and what
//! editors and other records added stays.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Names of fields of an item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordFields(BTreeSet<String>);

impl RecordFields {
    /// Returns the fields that are stored with a source.
    pub fn from_stored(fields: &str) -> Self {
        fields.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// Returns the form in which the names are stored; empty if there are none.
    pub fn to_text(&self) -> String {
        self.names().collect::<Vec<_>>().join(",")
    }

    /// Returns the names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Returns whether a field is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<String> for RecordFields {
    fn from_iter<T: IntoIterator<Item = String>>(names: T) -> Self {
        // The names of declared fields have no comma, and no others are stored.
        Self(names.into_iter().filter(|name| !name.contains(',')).collect())
    }
}

impl Extend<String> for RecordFields {
    fn extend<T: IntoIterator<Item = String>>(&mut self, names: T) {
        self.0.extend(names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stored_in_their_order() {
        let fields: RecordFields = ["title", "body", "title", "a,b"].map(str::to_owned).into_iter().collect();
        assert_eq!(fields.to_text(), "body,title");
        assert_eq!(RecordFields::from_stored("body,title"), fields);
        assert!(RecordFields::from_stored("").is_empty() && RecordFields::default().to_text().is_empty());
    }
}
