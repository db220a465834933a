//! Words for true and false, as people and programs write them. One list for all readers.

/// Words for true: English, those of spreadsheets in several languages, and the mark in a cell.
const YES: [&str; 19] = [
    "true",
    "checked",
    "yes",
    "y",
    "1",
    "x",
    "on",
    "wahr",
    "ja",
    "vrai",
    "oui",
    "waar",
    "verdadero",
    "sí",
    "si",
    "vero",
    "sì",
    "verdadeiro",
    "sim",
];
/// Words for false.
const NO: [&str; 15] = [
    "false",
    "unchecked",
    "no",
    "n",
    "0",
    "off",
    "falsch",
    "nein",
    "faux",
    "non",
    "onwaar",
    "nee",
    "falso",
    "não",
    "nao",
];

/// Returns what a word means; `None` if it is neither true nor false.
pub fn yes_or_no(word: &str) -> Option<bool> {
    let word = word.trim().to_lowercase();
    let is_in = |words: &[&str]| words.contains(&word.as_str());
    is_in(&YES).then_some(true).or_else(|| is_in(&NO).then_some(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_people_and_spreadsheets() {
        for (word, means) in [
            (" TRUE", Some(true)),
            ("WAHR", Some(true)),
            ("x", Some(true)),
            ("FAUX", Some(false)),
            ("Nein", Some(false)),
            ("0", Some(false)),
            ("perhaps", None),
            ("", None),
        ] {
            assert_eq!(yes_or_no(word), means, "{word}");
        }
    }
}
