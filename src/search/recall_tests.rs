//! Tests that each text is found by each of its parts.

use proptest::prelude::*;
use tantivy::TantivyDocument;

use crate::config::Config;
use crate::search::{Search, SearchQuery};

/// Pieces of texts; those of scripts without spaces contain no letter twice.
const PIECES: [&str; 18] = [
    "rivers",
    "Who's",
    "C++",
    "c",
    ".NET",
    "R&D",
    "2027",
    "re\u{301}sume\u{301}",
    "ＡＩ",
    "飲料水道国際会議",
    "ｶﾞｲﾄﾞ",
    "น้ำดื่ม",
    "서울에",
    "हिन्दी",
    ", ",
    " ",
    ".",
    "Trinkwasserversorgung",
];
const UNSPACED: &str = "飲料水道国際会議";

/// An index with one event that has this text.
struct OneText {
    search: Search,
    _folder: tempfile::TempDir,
}

impl OneText {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.site.locales = vec!["de".to_owned()];
        let search = Search::open(folder.path(), &config.site()).unwrap();
        let mut writer = search.writer().unwrap().unwrap();
        let mut document = TantivyDocument::new();
        for field in search.words(&["event"], "de")[0].fields() {
            document.add_text(field, text);
        }
        writer.add_document(document).unwrap();
        writer.commit().unwrap();
        search.open_index().reader.reload().unwrap();
        Self { search, _folder: folder }
    }

    fn is_found_by(&self, query: &str) -> bool {
        let query = SearchQuery::parse(query).unwrap();
        self.search.matches(&query, &["event"], "de").unwrap().count().unwrap() == 1
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_text_is_found_by_each_of_its_words(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 1..12)) {
        let text = pieces.concat();
        let index = OneText::new(&text);
        for word in text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)) {
            for query in [word.to_owned(), format!("{word} "), format!("\"{word}\"")] {
                prop_assert!(index.is_found_by(&query), "{text:?} by {query:?}");
            }
            prop_assert!(!index.is_found_by(&format!("{word} xylophone")), "{text:?} by {word:?}");
        }
    }

    #[test]
    fn a_run_of_letters_is_found_by_each_part_and_by_nothing_else(
        before in "[a-z .]{0,3}",
        after in "[a-z .]{0,3}",
        from in 0_usize..8,
        length in 1_usize..8,
        further in 0_usize..8,
    ) {
        let index = OneText::new(&format!("{before}{UNSPACED}{after}"));
        let letters: Vec<char> = UNSPACED.chars().collect();
        let part: String = letters.iter().skip(from).take(length).collect();
        prop_assert!(index.is_found_by(&part), "{part}");
        let pair: String = [letters[from], letters[further]].iter().collect();
        prop_assert_eq!(index.is_found_by(&pair), UNSPACED.contains(&pair), "{}", pair);
    }

    #[test]
    fn a_compound_is_found_by_its_parts(first in "[a-zäöü]{5,9}", middle in "[a-z]{5,9}", last in "[a-z]{5,9}") {
        let index = OneText::new(&format!("{first}{middle}{last}"));
        for part in [first, middle] {
            prop_assert!(index.is_found_by(&format!("{part} ")), "{part}");
        }
    }
}
