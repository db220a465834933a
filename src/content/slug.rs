//! Slugs: the readable part of an address.

/// The longest slug, in characters; a longer title is cut at a word.
pub const MAX_SLUG: usize = 120;

/// The slug of a title, transliterated to ASCII: "Zürich – Überblick" gives `zurich-uberblick`.
/// A title without any letter or digit gives an empty slug.
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

/// Whether a text has the form of an id.
pub fn is_id(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// Whether this is a slug: lower-case ASCII letters and digits, single hyphens between them. What has the form of an id
/// is none: an address would mean the item with that id.
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

/// The key by which titles and names sort: transliterated, lower case, at most 200 bytes.
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
