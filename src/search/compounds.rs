//! Parts of compound words. Many languages write a compound as one word (`Trinkwasserversorgung`), and those who search for
//! a part of it mean the compound too. No dictionary says where its parts begin, so each ending of a long word is a term: a
//! part in the middle is then the beginning of an ending. See `docs/decisions/0036-words-of-all-scripts.md`.

use tantivy::tokenizer::{Token, TokenFilter, TokenStream, Tokenizer};

/// Languages that write compounds as one word.
const LANGUAGES: [&str; 15] =
    ["af", "da", "de", "et", "fi", "fo", "fy", "hu", "is", "lb", "nb", "nl", "nn", "no", "sv"];
/// Minimum length of a compound, in letters.
const MIN_COMPOUND: usize = 7;
/// Minimum length of a part that ends a compound, in letters.
pub(super) const MIN_LAST_PART: usize = 4;
/// Minimum length of a part that stands anywhere in a compound, in letters.
pub(super) const MIN_PART: usize = 5;

/// Returns whether a language writes compounds as one word.
pub(super) fn has_compounds(locale: &str) -> bool {
    LANGUAGES.contains(&locale.split('-').next().unwrap_or(locale))
}

/// Filter that turns each long word into its endings, itself first. Of a short one nothing is left but an empty token, so
/// that an excerpt around a long word has its neighbours.
#[derive(Debug, Clone)]
pub(super) struct Endings;

impl TokenFilter for Endings {
    type Tokenizer<T: Tokenizer> = EndingsTokenizer<T>;

    fn transform<T: Tokenizer>(self, words: T) -> EndingsTokenizer<T> {
        EndingsTokenizer { words, token: Token::default() }
    }
}

/// Tokenizer of the endings of long words.
#[derive(Debug, Clone)]
pub(super) struct EndingsTokenizer<T> {
    words: T,
    token: Token,
}

impl<T: Tokenizer> Tokenizer for EndingsTokenizer<T> {
    type TokenStream<'a> = EndingsStream<'a, T::TokenStream<'a>>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        self.token.reset();
        EndingsStream { words: self.words.token_stream(text), starts: Vec::new(), token: &mut self.token }
    }
}

/// Stream of the endings of the long words of a text.
pub(super) struct EndingsStream<'a, T> {
    words: T,
    /// Places in the current word at which the further endings begin, the last one first.
    starts: Vec<usize>,
    token: &'a mut Token,
}

impl<T: TokenStream> TokenStream for EndingsStream<'_, T> {
    fn advance(&mut self) -> bool {
        while self.starts.is_empty() {
            if !self.words.advance() {
                return false;
            }
            let word = self.words.token();
            self.starts = starts(&word.text);
            self.token.clone_from(word);
        }
        let Some(start) = self.starts.pop() else { return false };
        self.token.text.clear();
        self.token.text.push_str(&self.words.token().text[start..]);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

/// Returns the places at which the endings of a word begin, the last one first.
fn starts(word: &str) -> Vec<usize> {
    let letters: Vec<usize> = word.char_indices().map(|(place, _)| place).collect();
    if letters.len() < MIN_COMPOUND || !word.chars().all(char::is_alphabetic) {
        return vec![word.len()];
    }
    // No part is a single letter.
    let endings = letters[..=letters.len() - MIN_LAST_PART].iter().enumerate();
    endings.filter(|(number, _)| *number != 1).map(|(_, place)| *place).rev().collect()
}

#[cfg(test)]
mod tests {
    use tantivy::tokenizer::{SimpleTokenizer, TextAnalyzer};

    use super::*;

    #[test]
    fn a_long_word_becomes_its_endings() {
        let mut analyzer = TextAnalyzer::builder(SimpleTokenizer::default()).filter(Endings).build();
        let mut stream = analyzer.token_stream("das große weinmärkte a1b2c3d4e5");
        let mut found = Vec::new();
        while let Some(token) = stream.next() {
            found.push((token.text.clone(), token.position, token.offset_from..token.offset_to));
        }
        let long = ["weinmärkte", "inmärkte", "nmärkte", "märkte", "ärkte", "rkte"];
        let mut expected = vec![(String::new(), 0, 0..3), (String::new(), 1, 4..10)];
        expected.extend(long.map(|ending| (ending.to_owned(), 2, 11..22)));
        expected.push((String::new(), 3, 23..33));
        assert_eq!(found, expected);
    }

    #[test]
    fn languages_are_known_with_their_regions() {
        assert!(has_compounds("de") && has_compounds("de-CH") && has_compounds("nl-BE"));
        assert!(!has_compounds("en") && !has_compounds("fr-BE"));
    }
}
