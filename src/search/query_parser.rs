//! Parser of full-text queries: words, phrases in quotes, and words behind a minus that must not occur.

use tantivy::query::{BooleanQuery, BoostQuery, EmptyQuery, FuzzyTermQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::tokenizer::TokenStream;
use tantivy::{Index, Searcher, Term};

use crate::search::index::{SearchError, Words};

/// Maximum length of a query, in characters.
pub const MAX_QUERY_CHARACTERS: usize = 200;
/// Maximum number of words and phrases in a query.
const MAX_WORDS: usize = 16;
/// Maximum number of completions of a word that are searched for.
const MAX_COMPLETIONS: usize = 24;
/// Maximum number of terms in each segment from which the completions are chosen.
const MAX_EXAMINED_TERMS: usize = 1_000;
/// Minimum length of a word that may have one typing error, in characters.
const MIN_LENGTH_ONE_ERROR: usize = 4;
/// Minimum length of a word that may have two typing errors, in characters.
const MIN_LENGTH_TWO_ERRORS: usize = 8;
/// Weight of a word that only begins like the typed one, or is only similar to it.
const SIMILAR_WEIGHT: f32 = 0.5;

/// A parsed full-text query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    text: String,
    phrase: bool,
    excluded: bool,
    /// Whether this is the last word, which may be incomplete.
    last: bool,
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
                parts.push(Part { text: word.to_owned(), phrase, excluded, last: false });
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
        Ok(union(clauses.into_iter().map(all).collect()))
    }
}

/// Returns the query for documents that meet all clauses.
fn all(mut clauses: Vec<(Occur, Box<dyn Query>)>) -> Box<dyn Query> {
    match clauses.as_slice() {
        [] => Box::new(EmptyQuery),
        [(Occur::Must, _)] => clauses.remove(0).1,
        _ => Box::new(BooleanQuery::new(clauses)),
    }
}

/// Returns the query for documents that meet any of these.
fn union(mut ways: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match ways.len() {
        0 => Box::new(EmptyQuery),
        1 => ways.remove(0),
        _ => Box::new(BooleanQuery::union(ways)),
    }
}

/// Builder of queries on one state of the index.
pub(super) struct QueryBuilder<'a> {
    pub index: &'a Index,
    pub searcher: &'a Searcher,
    /// Fields to search: those of each content type in the language of the search.
    pub words: Vec<&'a Words>,
}

impl QueryBuilder<'_> {
    /// Returns the query of a part for each content type.
    fn part(&self, part: &Part) -> Result<Vec<Option<Box<dyn Query>>>, SearchError> {
        let mut ways = Vec::with_capacity(self.words.len());
        for words in &self.words {
            ways.push(self.ways(words, part)?);
        }
        // Only a word that occurs nowhere is taken for a typing error.
        if !part.phrase && !part.excluded && ways.iter().all(|ways| ways.as_ref().is_some_and(Vec::is_empty)) {
            for (ways, words) in ways.iter_mut().zip(&self.words) {
                *ways = Some(self.terms(words.whole, &part.text)?.first().and_then(similar).into_iter().collect());
            }
        }
        Ok(ways.into_iter().map(|ways| ways.map(union)).collect())
    }

    /// Returns the ways in which items of a content type can contain the part, or `None` if it has no word.
    fn ways(&self, words: &Words, part: &Part) -> Result<Option<Vec<Box<dyn Query>>>, SearchError> {
        let stems = self.terms(words.stems, &part.text)?;
        let mut ways: Vec<Box<dyn Query>> = Vec::new();
        match stems.as_slice() {
            [] => return Ok(None),
            [stem] => {
                if self.searcher.doc_freq(stem)? > 0 {
                    ways.push(Box::new(TermQuery::new(stem.clone(), IndexRecordOption::WithFreqs)));
                }
                if part.last {
                    ways.extend(self.completions(words, &part.text, stem)?);
                }
            }
            // A word with a hyphen or an apostrophe is a phrase too.
            _ => ways.push(Box::new(PhraseQuery::new(stems))),
        }
        Ok(Some(ways))
    }

    /// Returns queries for words that begin like this one and have another stem.
    fn completions(&self, words: &Words, text: &str, stem: &Term) -> Result<Vec<Box<dyn Query>>, SearchError> {
        let whole = self.terms(words.whole, text)?;
        let Some(whole) = whole.first() else { return Ok(Vec::new()) };
        let begin = whole.serialized_value_bytes();
        let mut end = begin.to_vec();
        // Terms are UTF-8, in which no byte is 255.
        end.push(255);
        let mut found: Vec<(u32, Vec<u8>)> = Vec::new();
        for segment in self.searcher.segment_readers() {
            let terms = segment.inverted_index(words.whole)?;
            let mut stream = terms.terms().range().ge(begin).lt(&end).into_stream()?;
            let mut examined = 0;
            while let Some((term, info)) = stream.next().filter(|_| examined < MAX_EXAMINED_TERMS) {
                examined += 1;
                match found.iter_mut().find(|(_, known)| known == term) {
                    Some((count, _)) => *count += info.doc_freq,
                    None => found.push((info.doc_freq, term.to_vec())),
                }
            }
        }
        found.sort_unstable_by(|a, b| b.cmp(a));
        let mut queries: Vec<Box<dyn Query>> = Vec::new();
        for (_, term) in found.into_iter().take(MAX_COMPLETIONS) {
            let text = String::from_utf8_lossy(&term).into_owned();
            if self.terms(words.stems, &text)?.first() != Some(stem) {
                let term = Term::from_field_text(words.whole, &text);
                let query = Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs));
                queries.push(Box::new(BoostQuery::new(query, SIMILAR_WEIGHT)));
            }
        }
        Ok(queries)
    }

    /// Returns the terms of a text in a field.
    fn terms(&self, field: Field, text: &str) -> Result<Vec<Term>, SearchError> {
        let mut analyzer = self.index.tokenizer_for_field(field)?;
        let mut stream = analyzer.token_stream(text);
        let mut terms = Vec::new();
        while stream.advance() {
            terms.push(Term::from_field_text(field, &stream.token().text));
        }
        Ok(terms)
    }
}

/// Returns the query for words with few typing errors, or `None` if the word is too short to have any.
fn similar(whole: &Term) -> Option<Box<dyn Query>> {
    let length = std::str::from_utf8(whole.serialized_value_bytes()).map_or(0, |text| text.chars().count());
    let errors = u8::from(length >= MIN_LENGTH_ONE_ERROR) + u8::from(length >= MIN_LENGTH_TWO_ERRORS);
    let query = || Box::new(FuzzyTermQuery::new(whole.clone(), errors, true));
    (errors > 0).then(|| Box::new(BoostQuery::new(query(), SIMILAR_WEIGHT)) as Box<dyn Query>)
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
        for nothing in ["", "  ", "-", "\"\"", "-talk", "…"] {
            assert!(SearchQuery::parse(nothing).is_err(), "{nothing}");
        }
    }
}
