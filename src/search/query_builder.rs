//! Builder of queries on the index from the parts of a full-text query.

use tantivy::query::{
    BooleanQuery, BoostQuery, ConstScoreQuery, EmptyQuery, FuzzyTermQuery, PhraseQuery, Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::tokenizer::{Token, TokenStream};
use tantivy::{Index, Searcher, Term};

use crate::search::beginnings::{BeginningQuery, MAX_EXAMINED_TERMS, terms_beginning_with};
use crate::search::compounds::{MIN_LAST_PART, MIN_PART};
use crate::search::index::{SearchError, Words};
use crate::search::query_parser::QueryPart;

/// Maximum number of completions of a word that are searched for.
const MAX_COMPLETIONS: usize = 24;
/// Minimum length of a word that may have one typing error, in characters.
const MIN_LENGTH_ONE_ERROR: usize = 4;
/// Minimum length of a word that may have two typing errors, in characters.
const MIN_LENGTH_TWO_ERRORS: usize = 8;
/// Score of a word that is only a part of a compound, which is less than that of nearly every whole word.
const PART_SCORE: f32 = 0.01;
/// Weight of a word that only begins like the typed one, or is only similar to it.
const SIMILAR_WEIGHT: f32 = 0.5;

/// Returns the query for documents that meet any of these.
pub(super) fn union(mut ways: Vec<Box<dyn Query>>) -> Box<dyn Query> {
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
    pub fn part(&self, part: &QueryPart) -> Result<Vec<Option<Box<dyn Query>>>, SearchError> {
        let mut ways = Vec::with_capacity(self.words.len());
        for words in &self.words {
            ways.push(self.ways(words, part)?);
        }
        // Only a word that occurs nowhere is taken for a typing error.
        if !part.phrase && !part.excluded && ways.iter().all(|ways| ways.as_ref().is_some_and(Vec::is_empty)) {
            for (ways, words) in ways.iter_mut().zip(&self.words) {
                let whole = self.terms(words.whole, &part.text)?.pop();
                *ways = Some(whole.and_then(|(_, whole)| similar_query(&whole)).into_iter().collect());
            }
        }
        Ok(ways.into_iter().map(|ways| ways.map(union)).collect())
    }

    /// Returns the ways in which items of a content type can contain the part, or `None` if it has no word.
    fn ways(&self, words: &Words, part: &QueryPart) -> Result<Option<Vec<Box<dyn Query>>>, SearchError> {
        let stems = self.terms(words.stems, &part.text)?;
        let mut ways: Vec<Box<dyn Query>> = Vec::new();
        match stems.as_slice() {
            [] => return Ok(None),
            [(_, stem)] => {
                if self.searcher.doc_freq(stem)? > 0 {
                    ways.push(Box::new(TermQuery::new(stem.clone(), IndexRecordOption::WithFreqs)));
                }
                if part.last {
                    ways.extend(self.completions(words, &part.text, stem)?);
                }
                if !part.phrase && !part.excluded {
                    ways.extend(self.compounds(words, &part.text, stem)?);
                }
            }
            // A word with a hyphen or an apostrophe is a phrase too, as are the letters of a script without spaces.
            _ => ways.push(Box::new(PhraseQuery::new_with_offset(stems))),
        }
        Ok(Some(ways))
    }

    /// Returns queries for words that begin like this one and have another stem.
    fn completions(&self, words: &Words, text: &str, stem: &Term) -> Result<Vec<Box<dyn Query>>, SearchError> {
        let Some((_, whole)) = self.terms(words.whole, text)?.pop() else { return Ok(Vec::new()) };
        let found = terms_beginning_with(self.searcher, &whole, MAX_EXAMINED_TERMS)?;
        let mut queries: Vec<Box<dyn Query>> = Vec::new();
        for (_, text) in found.into_iter().take(MAX_COMPLETIONS) {
            if self.terms(words.stems, &text)?.first().is_none_or(|(_, of)| of != stem) {
                let term = Term::from_field_text(words.whole, &text);
                let query = Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs));
                queries.push(Box::new(BoostQuery::new(query, SIMILAR_WEIGHT)));
            }
        }
        Ok(queries)
    }

    /// Returns queries for compounds with this word as a part, if the language has compounds.
    fn compounds(&self, words: &Words, text: &str, stem: &Term) -> Result<Vec<Box<dyn Query>>, SearchError> {
        let mut queries: Vec<Box<dyn Query>> = Vec::new();
        let (Some(endings), Some(stem)) = (words.endings, text_of(stem)) else { return Ok(queries) };
        let last = Term::from_field_text(endings, &stem);
        if stem.chars().count() >= MIN_LAST_PART && self.searcher.doc_freq(&last)? > 0 {
            let query = Box::new(TermQuery::new(last, IndexRecordOption::Basic));
            queries.push(Box::new(ConstScoreQuery::new(query, PART_SCORE)));
        }
        let whole = self.terms(words.whole, text)?.pop().and_then(|(_, whole)| text_of(&whole));
        // The stem of a short word may be too short to stand anywhere.
        let part = [Some(stem), whole].into_iter().flatten().find(|part| part.chars().count() >= MIN_PART);
        if let Some(part) = part.map(|part| Term::from_field_text(endings, &part))
            && !terms_beginning_with(self.searcher, &part, 1)?.is_empty()
        {
            let query = Box::new(BeginningQuery::new(self.searcher, part));
            queries.push(Box::new(BoostQuery::new(query, PART_SCORE)));
        }
        Ok(queries)
    }

    /// Returns the terms of a text in a field with their positions. Of several terms at one place, these are the longest.
    fn terms(&self, field: Field, text: &str) -> Result<Vec<(usize, Term)>, SearchError> {
        let mut analyzer = self.index.tokenizer_for_field(field)?;
        let mut stream = analyzer.token_stream(text);
        let mut tokens: Vec<Token> = Vec::new();
        while stream.advance() {
            tokens.push(stream.token().clone());
        }
        let longest = tokens.iter().filter(|token| !tokens.iter().any(|other| contains(other, token)));
        Ok(longest.map(|token| (token.position, Term::from_field_text(field, &token.text))).collect())
    }
}

/// Returns whether a token has all letters of another one, and more.
fn contains(longer: &Token, shorter: &Token) -> bool {
    let (longer, shorter) = (longer.offset_from..longer.offset_to, shorter.offset_from..shorter.offset_to);
    longer != shorter && longer.start <= shorter.start && shorter.end <= longer.end
}

fn text_of(term: &Term) -> Option<String> {
    String::from_utf8(term.serialized_value_bytes().to_vec()).ok()
}

/// Returns the query for words with few typing errors, or `None` if the word is too short to have any.
fn similar_query(whole: &Term) -> Option<Box<dyn Query>> {
    let length = std::str::from_utf8(whole.serialized_value_bytes()).map_or(0, |text| text.chars().count());
    let errors = u8::from(length >= MIN_LENGTH_ONE_ERROR) + u8::from(length >= MIN_LENGTH_TWO_ERRORS);
    let query = || Box::new(FuzzyTermQuery::new(whole.clone(), errors, true));
    (errors > 0).then(|| Box::new(BoostQuery::new(query(), SIMILAR_WEIGHT)) as Box<dyn Query>)
}
