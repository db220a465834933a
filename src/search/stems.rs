//! The stemmer of the index, which keeps the stems of frequent words: the same words come again and again, in titles that
//! are indexed several times and in each language of the site, and to look a stem up takes a fraction of the time.

use std::sync::Arc;

use quick_cache::sync::Cache;
use rust_stemmers::{Algorithm, Stemmer};
use tantivy::tokenizer::{Token, TokenFilter, TokenStream, Tokenizer};

/// Number of words of a language whose stems are kept.
const MAX_STEMS: usize = 4_000;
/// Longest word whose stem is kept, in bytes, which bounds the memory.
const MAX_WORD: usize = 64;

/// A filter that replaces words in lower case by their stems (Snowball).
#[derive(Clone)]
pub(super) struct Stems {
    algorithm: Algorithm,
    cache: Arc<Cache<String, String>>,
}

impl Stems {
    /// Creates the filter of a language. Its copies share the stems that they keep.
    pub fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, cache: Arc::new(Cache::new(MAX_STEMS)) }
    }
}

impl TokenFilter for Stems {
    type Tokenizer<T: Tokenizer> = StemTokenizer<T>;

    fn transform<T: Tokenizer>(self, words: T) -> StemTokenizer<T> {
        StemTokenizer { stems: self, words }
    }
}

#[derive(Clone)]
pub(super) struct StemTokenizer<T> {
    stems: Stems,
    words: T,
}

impl<T: Tokenizer> Tokenizer for StemTokenizer<T> {
    type TokenStream<'a> = StemStream<'a, T::TokenStream<'a>>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        let stemmer = Stemmer::create(self.stems.algorithm);
        StemStream { words: self.words.token_stream(text), stemmer, cache: &self.stems.cache }
    }
}

pub(super) struct StemStream<'a, T> {
    words: T,
    stemmer: Stemmer,
    cache: &'a Cache<String, String>,
}

impl<T: TokenStream> TokenStream for StemStream<'_, T> {
    fn advance(&mut self) -> bool {
        if !self.words.advance() {
            return false;
        }
        let word = &mut self.words.token_mut().text;
        if let Some(stem) = self.cache.get(word.as_str()) {
            *word = stem;
            return true;
        }
        let stem = self.stemmer.stem(word).into_owned();
        if word.len() <= MAX_WORD {
            self.cache.insert(std::mem::replace(word, stem.clone()), stem);
        } else {
            *word = stem;
        }
        true
    }

    fn token(&self) -> &Token {
        self.words.token()
    }

    fn token_mut(&mut self) -> &mut Token {
        self.words.token_mut()
    }
}

#[cfg(test)]
mod tests {
    use tantivy::tokenizer::{SimpleTokenizer, TextAnalyzer};

    use super::*;

    fn words(analyzer: &mut TextAnalyzer, text: &str) -> Vec<String> {
        let mut stream = analyzer.token_stream(text);
        let mut found = Vec::new();
        while let Some(token) = stream.next() {
            found.push(token.text.clone());
        }
        found
    }

    #[test]
    fn stems_are_those_of_the_library_also_when_they_are_kept() {
        let mut analyzer =
            TextAnalyzer::builder(SimpleTokenizer::default()).filter(Stems::new(Algorithm::English)).build();
        let long = "uncharacteristically".repeat(4);
        let text = format!("rivers flowing river flows running {long} rivers {long} policies policy");
        let stemmer = Stemmer::create(Algorithm::English);
        let stems: Vec<String> = text.split(' ').map(|word| stemmer.stem(word).into_owned()).collect();
        for _ in 0..2 {
            assert_eq!(words(&mut analyzer, &text), stems);
            assert_eq!(words(&mut analyzer.clone(), &text), stems);
        }
    }
}
