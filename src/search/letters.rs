//! Letters of a text as the index compares them: of the many ways to write the same letter, each becomes one
//! (Unicode's form NFKC), and what is not seen is left out.

use std::collections::VecDeque;
use std::iter;

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// First character that combines with the one before it.
const FIRST_COMBINING: char = '\u{300}';

/// A letter of the normalized text, with its place in the original one in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    pub letter: char,
    pub from: usize,
    pub to: usize,
}

/// The letters of a text, in its order.
#[derive(Debug, Clone)]
pub(super) struct Letters<'a> {
    rest: &'a str,
    at: usize,
    ready: VecDeque<Letter>,
}

impl<'a> Letters<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { rest: text, at: 0, ready: VecDeque::new() }
    }

    /// Takes a character with those that combine with it.
    fn take_cluster(&mut self) -> Option<&'a str> {
        let first = self.rest.chars().next()?.len_utf8();
        let combining = self.rest[first..].chars().take_while(|next| combines(*next));
        let (cluster, rest) = self.rest.split_at(first + combining.map(char::len_utf8).sum::<usize>());
        self.rest = rest;
        Some(cluster)
    }
}

impl Iterator for Letters<'_> {
    type Item = Letter;

    fn next(&mut self) -> Option<Letter> {
        loop {
            if let Some(letter) = self.ready.pop_front() {
                return Some(letter);
            }
            let cluster = self.take_cluster()?;
            let (from, to) = (self.at, self.at + cluster.len());
            self.at = to;
            if let Some(letter) = already_normal(cluster) {
                return Some(Letter { letter, from, to });
            }
            let letters = cluster.nfkc().filter(|letter| !is_ignored(*letter));
            self.ready.extend(letters.map(|letter| Letter { letter: without_dot(letter), from, to }));
        }
    }
}

/// Returns the only character of a cluster if it is its own normal form.
fn already_normal(cluster: &str) -> Option<char> {
    let mut characters = cluster.chars();
    let first = characters.next().filter(|_| characters.next().is_none())?;
    let is_normal = first.is_ascii() || is_nfkc_quick(iter::once(first)) == IsNormalized::Yes;
    (is_normal && !is_ignored(first) && without_dot(first) == first).then_some(first)
}

/// Returns whether a character is, or may be, combined with the one before it in the normal form.
fn combines(next: char) -> bool {
    if next < FIRST_COMBINING {
        return false;
    }
    // The parts of a Korean letter and the signs for voiced Japanese ones have further forms.
    iter::once(next).nfkd().next().is_some_and(|first| {
        canonical_combining_class(first) != 0 || is_nfkc_quick(iter::once(first)) == IsNormalized::Maybe
    })
}

/// Returns whether a character only says how its neighbours are shown (places for hyphens and line breaks, joiners, byte
/// order marks, variants, frames), or is an accent for which there is no letter that has it.
fn is_ignored(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{200b}' | '\u{200d}' | '\u{2060}' | '\u{20dd}'..='\u{20e4}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{e0100}'..='\u{e01ef}'
    )
}

/// Returns the letter whose lower case is a single one.
fn without_dot(letter: char) -> char {
    if letter == '\u{130}' { 'I' } else { letter }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(text: &str) -> String {
        Letters::new(text).map(|letter| letter.letter).collect()
    }

    #[test]
    fn each_way_to_write_a_letter_is_the_same() {
        for (written, same) in [
            ("re\u{301}sume\u{301}", "résumé"),
            ("ＡＢＣ　１２", "ABC 12"),
            ("ｶﾞｲﾄﾞﾌﾞｯｸ", "ガイドブック"),
            ("か\u{3099}", "が"),
            ("\u{1109}\u{1165}\u{110b}\u{116e}\u{11af}", "서울"),
            ("Wasser\u{ad}amt", "Wasseramt"),
            ("葛\u{e0100}城", "葛城"),
            ("ㄱㅏ", "가"),
            ("㈱", "(株)"),
            ("\u{feff}a", "a"),
            ("", ""),
            ("\u{301}", ""),
            ("сто\u{301}рона", "сторона"),
            ("1\u{fe0f}\u{20e3}", "1"),
            ("\u{130}stanbul", "Istanbul"),
        ] {
            assert_eq!(letters(written), same);
        }
    }

    #[test]
    fn each_letter_knows_its_place() {
        let found: Vec<Letter> = Letters::new("ae\u{301}㈱b").collect();
        let places: Vec<(usize, usize)> = found.iter().map(|letter| (letter.from, letter.to)).collect();
        assert_eq!(places, [(0, 1), (1, 4), (4, 7), (4, 7), (4, 7), (7, 8)]);
    }
}
