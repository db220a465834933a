//! The fields of which a record says whether its source has them.

/// The fields of which a record says whether its source has them, so that those which it does not have are gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum FieldScope {
    /// Those that it has. Other documents of its source may say more of the item, as of a person.
    #[default]
    Own,
    /// All but these, of which something else speaks, or which are there and could not be read.
    AllBut(Vec<&'static str>),
    /// These, such as those whose cells in a table are empty.
    Only(Vec<&'static str>),
}

impl FieldScope {
    /// Returns whether a field that the record does not have is gone.
    pub fn contains(&self, field: &str) -> bool {
        match self {
            Self::Own => false,
            Self::AllBut(others) => !others.contains(&field),
            Self::Only(fields) => fields.contains(&field),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_not_gone() {
        let scopes = [FieldScope::Own, FieldScope::AllBut(vec!["series"]), FieldScope::Only(vec!["body"])];
        assert_eq!(scopes.each_ref().map(|scope| scope.contains("series")), [false, false, false]);
        assert_eq!(scopes.each_ref().map(|scope| scope.contains("body")), [false, true, true]);
        assert_eq!(scopes.each_ref().map(|scope| scope.contains("links")), [false, true, false]);
    }
}
