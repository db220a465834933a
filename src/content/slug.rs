//! Slugs, the readable identifiers of items in addresses.

/// Maximum length of a slug, in characters. Slugs of longer titles are cut at a word.
pub const MAX_SLUG: usize = 120;

/// Returns the slug of a title, transliterated to ASCII: "Zürich – Überblick" becomes `zurich-uberblick`. The slug of a
/// title without letters and digits is empty. A title with the form of an id gets the prefix `id-`.
pub fn from_title(title: &str) -> String {
    let full = slug::slugify(title);
    if is_id(&full) {
        return format!("id-{full}");
    }
    if full.len() <= MAX_SLUG {
        return full;
    }
    let cut = &full[..MAX_SLUG];
    cut.rsplit_once('-').map_or(cut, |(words, _)| words).to_owned()
}

/// Returns whether a text has the form of an id.
pub fn is_id(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// Returns whether a text is a valid slug: lower-case ASCII letters and digits with single hyphens between them. A text
/// with the form of an id is not, since addresses accept ids as well and would resolve it to the item with that id.
pub fn is_slug(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = text.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= MAX_SLUG
        && bytes.iter().all(|&b| plain(b) || b == b'-')
        && plain(bytes[0])
        && plain(bytes[bytes.len() - 1])
        && !text.contains("--")
        && !is_id(text)
}

/// Returns the key by which titles and names are sorted: transliterated, in lower case, at most 200 bytes.
pub fn sort_key(title: &str) -> String {
    let mut key = slug::slugify(title).replace('-', " ");
    key.truncate(200);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn transliterates() {
        assert_eq!(from_title("Zürich – Überblick"), "zurich-uberblick");
        assert_eq!(from_title("Ευρώπη 2030?"), "europe-2030");
        assert_eq!(from_title("🎉"), "tada");
        assert_eq!(from_title("—"), "");
        assert_eq!(from_title("01890A5D-AC96-774B-BCCE-B302099A8057"), "id-01890a5d-ac96-774b-bcce-b302099a8057");
    }

    proptest! {
        #[test]
        fn every_title_gives_a_slug_or_nothing(title in "\\PC{0,300}") {
            let made = from_title(&title);
            prop_assert!(made.is_empty() || is_slug(&made), "{made:?}");
        }
    }
}
