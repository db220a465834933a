//! Names of components, and of the members of enumerations in generated code.

/// Returns a name in Pascal case: `StartsAtGte` for `starts_at[gte]`.
pub fn pascal(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| format!("{}{}", word[..1].to_ascii_uppercase(), &word[1..])).collect()
}

/// Returns the names of an enumeration's members for generated code (`x-enum-varnames`), where generators that form
/// them from the values would produce one name twice, or a name that Python's strings have already.
pub fn member_names(words: &[&str]) -> Option<Vec<String>> {
    /// Methods of Python's `str`, from which enumerations of texts inherit.
    const METHODS: [&str; 9] = ["title", "format", "count", "index", "center", "find", "join", "replace", "split"];
    let bare = |word: &str| word.trim_start_matches('-').to_owned();
    let repeated = words.iter().enumerate().any(|(index, word)| words[..index].iter().any(|w| bare(w) == bare(word)));
    let unusual =
        words.iter().any(|word| METHODS.contains(word) || !word.starts_with(|c: char| c.is_ascii_alphabetic()));
    (repeated || unusual).then(|| words.iter().map(|word| member_name(word)).collect())
}

fn member_name(word: &str) -> String {
    match word.strip_prefix('-') {
        Some(key) => format!("{}Descending", pascal(key)),
        None if word == "*" => "All".to_owned(),
        None => pascal(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_words() {
        assert_eq!(pascal("starts_at[gte]"), "StartsAtGte");
        assert_eq!(pascal("If-None-Match"), "IfNoneMatch");
        assert_eq!(pascal("Event types"), "EventTypes");
    }

    #[test]
    fn members_are_named_where_names_would_collide() {
        assert_eq!(member_names(&["offline", "online"]), None);
        assert_eq!(member_names(&["name", "-name"]), Some(vec!["Name".to_owned(), "NameDescending".to_owned()]));
        assert_eq!(member_names(&["en", "*"]), Some(vec!["En".to_owned(), "All".to_owned()]));
        assert_eq!(member_names(&["title"]), Some(vec!["Title".to_owned()]));
    }
}
