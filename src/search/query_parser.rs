//! Parser of full-text queries: words, phrases in quotes, and words behind a minus that must not occur.

use tantivy::query::{BooleanQuery, EmptyQuery, Occur, Query};
use unicode_normalization::UnicodeNormalization;

use crate::search::index::SearchError;
use crate::search::query_builder::{QueryBuilder, union};

/// Maximum length of a query, in characters.
pub const MAX_QUERY_CHARACTERS: usize = 200;
/// Maximum number of words and phrases in a query.
const MAX_WORDS: usize = 16;

/// A parsed full-text query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    parts: Vec<QueryPart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QueryPart {
    pub text: String,
    pub phrase: bool,
    pub excluded: bool,
    /// Whether this is the last word, which may be incomplete.
    pub last: bool,
}

impl SearchQuery {
    /// Parses a query.
    ///
    /// # Errors
    ///
    /// Returns a code and a message if the text is too long, has no words, or has too many of them.
    pub fn parse(text: &str) -> Result<Self, (&'static str, String)> {
        if text.chars().count() > MAX_QUERY_CHARACTERS {
            return Err(("too_long", format!("at most {MAX_QUERY_CHARACTERS} characters")));
        }
        // Keyboards of some languages write wide spaces, quotes and minuses.
        let text: String = text.nfkc().collect();
        let (mut parts, mut rest) = (Vec::new(), text.trim_start());
        while !rest.is_empty() {
            let excluded = rest.starts_with('-');
            let after = rest.trim_start_matches('-');
            let (word, phrase, further) = match after.strip_prefix('"') {
                Some(quoted) => {
                    let (inner, further) = quoted.split_once('"').unwrap_or((quoted, ""));
                    (inner, true, further)
                }
                None => {
                    let end = after.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(after.len());
                    (&after[..end], false, &after[end..])
                }
            };
            if word.chars().any(char::is_alphanumeric) {
                parts.push(QueryPart { text: word.to_owned(), phrase, excluded, last: false });
            }
            rest = further.trim_start();
        }
        if !parts.iter().any(|part| !part.excluded) {
            return Err(("no_words", "must contain a word with letters or digits".to_owned()));
        }
        if parts.len() > MAX_WORDS {
            return Err(("too_many", format!("at most {MAX_WORDS} words and phrases")));
        }
        let open = !text.ends_with(char::is_whitespace);
        if let Some(last) = parts.last_mut().filter(|last| open && !last.phrase && !last.excluded) {
            last.last = true;
        }
        Ok(Self { parts })
    }

    /// Returns the query on the index: every part must occur, in any field.
    ///
    /// # Errors
    ///
    /// Fails if the index cannot be read.
    pub(super) fn query(&self, builder: &QueryBuilder<'_>) -> Result<Box<dyn Query>, SearchError> {
        let mut clauses: Vec<Vec<(Occur, Box<dyn Query>)>> = builder.words.iter().map(|_| Vec::new()).collect();
        for part in &self.parts {
            let occur = if part.excluded { Occur::MustNot } else { Occur::Must };
            for (clauses, query) in clauses.iter_mut().zip(builder.part(part)?) {
                clauses.extend(query.map(|query| (occur, query)));
            }
        }
        Ok(union(clauses.into_iter().map(combine_clauses).collect()))
    }
}

/// Returns the query for documents that meet all clauses.
fn combine_clauses(mut clauses: Vec<(Occur, Box<dyn Query>)>) -> Box<dyn Query> {
    match clauses.as_slice() {
        [] => Box::new(EmptyQuery),
        [(Occur::Must, _)] => clauses.remove(0).1,
        _ => Box::new(BooleanQuery::new(clauses)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<(String, bool, bool, bool)> {
        let search_query = SearchQuery::parse(text).unwrap();
        search_query.parts.into_iter().map(|p| (p.text, p.phrase, p.excluded, p.last)).collect()
    }

    #[test]
    fn takes_texts_apart() {
        let part = |text: &str, phrase, excluded, last| (text.to_owned(), phrase, excluded, last);
        assert_eq!(parts("shared riv"), [part("shared", false, false, false), part("riv", false, false, true)]);
        assert_eq!(parts("shared rivers "), [part("shared", false, false, false), part("rivers", false, false, false)]);
        assert_eq!(
            parts("\"shared rivers\" -talk --\"two words\" x"),
            [
                part("shared rivers", true, false, false),
                part("talk", false, true, false),
                part("two words", true, true, false),
                part("x", false, false, true)
            ]
        );
        assert_eq!(parts("\"open"), [part("open", true, false, false)]);
        assert_eq!(
            parts("会議　－水道　＂国際　会議＂"),
            [
                part("会議", false, false, false),
                part("水道", false, true, false),
                part("国際 会議", true, false, false)
            ]
        );
        for nothing in ["", "  ", "-", "\"\"", "-talk", "…"] {
            assert!(SearchQuery::parse(nothing).is_err(), "{nothing}");
        }
    }
}
