//! Tokenizer of texts and of queries.
//!
//! Most scripts put spaces between words, which then are the tokens. In the others a run of letters becomes
//! the letters and the pairs of neighbours, so that every part of the run is found without a dictionary that
//! knows its words. See `docs/decisions/0036-words-of-all-scripts.md`.

use std::collections::VecDeque;
use std::iter::Peekable;

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};

use super::letters::{Letter, Letters};

/// Scripts that are written without spaces between words, and Korean, where a space separates words together
/// with the particles that are appended to them.
const UNSPACED: [Script; 19] = [
    Script::Ahom,
    Script::Balinese,
    Script::Bopomofo,
    Script::Han,
    Script::Hangul,
    Script::Hiragana,
    Script::Javanese,
    Script::Katakana,
    Script::Khmer,
    Script::Lao,
    Script::Myanmar,
    Script::New_Tai_Lue,
    Script::Nushu,
    Script::Tai_Le,
    Script::Tai_Tham,
    Script::Tai_Viet,
    Script::Tangut,
    Script::Thai,
    Script::Yi,
];

/// No letter of these scripts comes before this character.
const FIRST_UNSPACED: char = '\u{e00}';

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Letter, digit or mark of a script with spaces between words.
    Spaced,
    /// Letter of a script without them.
    Unspaced,
    /// Mark, which continues whatever precedes it.
    Mark,
    Separator,
}

impl Class {
    fn of_letter(letter: char) -> Self {
        if letter.is_ascii_alphanumeric() {
            Class::Spaced
        } else if letter.is_ascii() {
            Class::Separator
        } else if is_combining_mark(letter) {
            // Before letters, since some vowel signs are letters by another property.
            Class::Mark
        } else if !letter.is_alphanumeric() {
            Class::Separator
        } else if is_unspaced(letter) {
            Class::Unspaced
        } else {
            Class::Spaced
        }
    }
}

fn is_unspaced(letter: char) -> bool {
    if letter < FIRST_UNSPACED {
        return false;
    }
    // The sign for long vowels is of two scripts, and many others are of all.
    let scripts = letter.script_extension();
    !scripts.is_common() && !scripts.is_inherited() && UNSPACED.iter().any(|script| scripts.contains_script(*script))
}

/// Tokenizer of a field.
#[derive(Debug, Clone)]
pub(super) struct WordTokenizer {
    /// Whether runs of scripts without spaces are left out, as in a field for the beginnings of words.
    only_spaced: bool,
    token: Token,
}

impl WordTokenizer {
    pub fn new(only_spaced: bool) -> Self {
        Self { only_spaced, token: Token::default() }
    }
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream {
            letters: Letters::new(text).peekable(),
            before: ' ',
            dot: None,
            position: 0,
            only_spaced: self.only_spaced,
            ready: VecDeque::new(),
            token: &mut self.token,
        }
    }
}

/// Stream of the tokens of a text.
pub(super) struct WordStream<'a> {
    letters: Peekable<Letters<'a>>,
    /// The letter before the next one.
    before: char,
    /// Place of the dot before the next letter, if nothing that belongs to it precedes the dot.
    dot: Option<usize>,
    /// Position of the next token.
    position: usize,
    only_spaced: bool,
    /// Tokens of the current run.
    ready: VecDeque<Token>,
    token: &'a mut Token,
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        loop {
            if let Some(token) = self.ready.pop_front() {
                *self.token = token;
                return true;
            }
            let Some(letter) = self.letters.next() else { return false };
            match Class::of_letter(letter.letter) {
                Class::Spaced => self.word(letter),
                Class::Unspaced => self.run(letter),
                Class::Mark | Class::Separator => self.separator(letter),
            }
        }
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

impl WordStream<'_> {
    /// Takes the next letter if it continues a run of this class.
    fn next_of(&mut self, class: Class) -> Option<Letter> {
        self.letters.next_if(|letter| [class, Class::Mark].contains(&Class::of_letter(letter.letter)))
    }

    fn separator(&mut self, separator: Letter) {
        let begins_word =
            separator.letter == '.' && self.before != '.' && Class::of_letter(self.before) == Class::Separator;
        self.dot = begins_word.then_some(separator.from);
        self.before = separator.letter;
    }

    /// Makes the token of a word, and one with the dot before it, as in `.NET`.
    fn word(&mut self, first: Letter) {
        let (mut text, mut to, mut letters) = (String::from(first.letter), first.to, 1);
        while let Some(letter) = self.next_of(Class::Spaced) {
            text.push(letter.letter);
            to = letter.to;
            letters += 1;
        }
        let is_name = first.letter.is_alphabetic();
        if is_name && letters == 1 {
            for sign in self.signs() {
                text.push(sign.letter);
                to = sign.to;
            }
        }
        if let Some(dot) = self.dot.take().filter(|_| is_name && letters > 1) {
            // Whoever types the dot means it; who does not finds the word with the dot as well.
            self.push(format!(".{text}"), dot, to);
        }
        self.push(text, first.from, to);
        self.position += 1;
        self.before = first.letter;
    }

    /// Takes the signs that belong to a word of one letter, which would not be the same word without them: `C++`.
    fn signs(&mut self) -> Vec<Letter> {
        let mut ahead = self.letters.clone();
        let mut signs = Vec::new();
        while let Some(sign) = ahead.next_if(|letter| matches!(letter.letter, '+' | '#' | '♯')) {
            signs.push(Letter { letter: if sign.letter == '♯' { '#' } else { sign.letter }, ..sign });
        }
        let is_plus = matches!(signs.as_slice(), [Letter { letter: '+', .. }]);
        // Between two letters the sign stands for "and", as it does before a number.
        let joins = |next: char| next.is_alphabetic() || (is_plus && next.is_numeric());
        if signs.len() > 2 || ahead.peek().is_some_and(|next| joins(next.letter)) {
            return Vec::new();
        }
        self.letters = ahead;
        signs
    }

    /// Makes the tokens of a run of a script without spaces: each letter, and each pair of letters at the position of
    /// its first one.
    fn run(&mut self, first: Letter) {
        let mut current = Some(first);
        while let Some(letter) = current {
            current = self.next_of(Class::Unspaced);
            if !self.only_spaced {
                self.push(letter.letter.to_string(), letter.from, letter.to);
                if let Some(next) = current {
                    self.push([letter.letter, next.letter].iter().collect(), letter.from, next.to);
                }
            }
            self.position += 1;
        }
        self.dot = None;
        self.before = first.letter;
    }

    fn push(&mut self, text: String, offset_from: usize, offset_to: usize) {
        let position = self.position;
        self.ready.push_back(Token { offset_from, offset_to, position, text, position_length: 1 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str, only_spaced: bool) -> Vec<(String, usize)> {
        let mut tokenizer = WordTokenizer::new(only_spaced);
        let mut stream = tokenizer.token_stream(text);
        let mut found = Vec::new();
        while stream.advance() {
            let token = stream.token();
            assert!(text.is_char_boundary(token.offset_from) && text.is_char_boundary(token.offset_to), "{text}");
            assert!(token.offset_from < token.offset_to, "{text}");
            found.push((token.text.clone(), token.position));
        }
        found
    }

    /// A change of this list needs another `FORMAT`, as does a release of the crates for Unicode that changes it:
    /// otherwise the terms of a query are not those in the index.
    #[test]
    fn texts_become_these_tokens() {
        for (text, expected) in [
            ("Who's here? 2027", "Who@0 s@1 here@2 2027@3"),
            ("re\u{301}sume\u{301}", "résumé@0"),
            ("C++ or C#, f♯!", "C++@0 or@1 C#@2 f#@3"),
            ("C++17 a+b i++j x+1 2+ go+ c+++", "C++@0 17@1 a@2 b@3 i@4 j@5 x@6 1@7 2@8 go@9 c@10"),
            ("ASP.NET (.NET) end. Next ...then .5", "ASP@0 NET@1 .NET@2 NET@2 end@3 Next@4 then@5 5@6"),
            ("R&D", "R@0 D@1"),
            ("水", "水@0"),
            ("飲料水", "飲@0 飲料@0 料@1 料水@1 水@2"),
            ("第2回AI会", "第@0 2@1 回@2 AI@3 会@4"),
            ("サーバー・の", "サ@0 サー@0 ー@1 ーバ@1 バ@2 バー@2 ー@3 の@4"),
            ("ﾊﾞｽ", "バ@0 バス@0 ス@1"),
            ("น้ำ ok", "น@0 น้@0 ้@1 ้ํ@1 ํ@2 ํา@2 า@3 ok@4"),
            ("서울에", "서@0 서울@0 울@1 울에@1 에@2"),
            ("हिन्दी தமிழ்", "हिन्दी@0 தமிழ்@1"),
            ("😀 ́ \u{0}", ""),
        ] {
            let found: Vec<String> =
                tokens(text, false).into_iter().map(|(text, position)| format!("{text}@{position}")).collect();
            assert_eq!(found.join(" "), expected, "{text}");
        }
        assert_eq!(tokens("飲料水 2027", true), [("2027".to_owned(), 3)]);
    }
}
