//! Names of languages in other systems.

use isolang::Language;

use crate::content::values;

/// Words after which the name of a language goes on in ISO 639-3, as in "Modern Greek (1453-)".
const BEFORE: &str = "modern ";

/// Returns the BCP 47 tag of a language, given its tag, also with underscores (UTS 35), one of its codes, its English name, or
/// its own name.
pub fn language_tag(given: &str) -> Option<String> {
    let name = given.trim();
    let by_code = (name.len() == 3).then(|| Language::from_639_3(&name.to_ascii_lowercase())).flatten();
    // Names in other letters may be short.
    let is_name = name.len() > 3 || !name.is_ascii();
    let found = by_code.or_else(|| is_name.then(|| by_name(name)).flatten());
    match found {
        Some(language) => Some(language.to_639_1().unwrap_or(language.to_639_3()).to_owned()),
        None => values::language(without_address(&name.replace('_', "-"))).ok(),
    }
}

/// Returns a tag without the ending by which pretalx and WordPress say how a text addresses its readers, as `de-formal` does.
fn without_address(tag: &str) -> &str {
    let end = ["-formal", "-informal"].into_iter().find(|end| {
        let start = tag.len().checked_sub(end.len()).filter(|start| *start > 0);
        start.and_then(|start| tag.get(start..)).is_some_and(|last| last.eq_ignore_ascii_case(end))
    });
    end.map_or(tag, |end| &tag[..tag.len() - end.len()])
}

/// Returns the language with a name. Of several, one that has a code of two letters.
fn by_name(name: &str) -> Option<Language> {
    let (wanted, own) = (plain_name(name), plain_name(name));
    let by_own = Language::match_autonyms(move |known| plain_name(known) == own);
    let mut all: Vec<Language> =
        Language::match_names(move |known| plain_name(known) == wanted).chain(by_own).collect();
    all.sort_by_key(|language| language.to_639_1().is_none());
    all.into_iter().next()
}

/// Returns a name in lower case, without what stands in brackets and before it.
fn plain_name(name: &str) -> String {
    let name = name.to_lowercase();
    let name = name.split('(').next().unwrap_or_default().trim();
    name.strip_prefix(BEFORE).unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_codes_and_names_become_tags() {
        for (given, tag) in [
            ("de", "de"),
            ("DE-at", "de-AT"),
            ("deu", "de"),
            ("German", "de"),
            ("deutsch", "de"),
            ("Deutsch (Österreich)", "de"),
            ("ENGLISH", "en"),
            ("Français", "fr"),
            ("Nederlands", "nl"),
            ("Greek", "el"),
            ("Ελληνικά", "el"),
            ("日本語", "ja"),
            ("Low German", "nds"),
            ("zh-Hant", "zh-Hant"),
            ("de_DE", "de-DE"),
            ("de-formal", "de"),
            ("de_DE_formal", "de-DE"),
            ("pt_br", "pt-BR"),
            ("ger", "de"),
            ("eng-GB", "en-GB"),
            ("Klingon", "tlh"),
        ] {
            assert_eq!(language_tag(given).as_deref(), Some(tag), "{given}");
        }
        for given in ["", "Klingonish", "mixed", "to be announced", "jj", "en-JJ", "en-english"] {
            assert_eq!(language_tag(given), None, "{given}");
        }
    }
}
