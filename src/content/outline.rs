//! What a text is like: its headings, how it begins, how long it takes to read.

use serde::Serialize;

use super::rich_text::to_text;
use super::slug::from_title;

/// Longest excerpt, in characters.
const EXCERPT: usize = 240;
/// Words that are read in a minute.
const WORDS_A_MINUTE: usize = 220;
/// What begins the ids of headings: nothing else on a page is called so, and no script takes one for a
/// variable of its own.
const ANCHOR: &str = "h-";

/// A heading of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Heading {
    /// 1 to 6.
    pub level: u8,
    /// Its id in the HTML.
    pub id: String,
    /// Its text.
    pub text: String,
}

/// Sanitised HTML with an id on each heading, and the headings.
pub fn outlined(html: &str) -> (String, Vec<Heading>) {
    let (mut out, mut headings, mut rest) = (String::with_capacity(html.len() + 64), Vec::new(), html);
    while let Some((at, level)) = next_heading(rest) {
        let end_tag = format!("</h{level}>");
        let Some((open, inner)) = rest[at..].find('>').and_then(|end| {
            let inner = &rest[at + end + 1..];
            Some((at + end, &inner[..inner.find(&end_tag)?]))
        }) else {
            break;
        };
        let text = to_text(inner).replace('\n', " ");
        let id = free_id(&text, &headings);
        out.push_str(&rest[..open]);
        out.push_str(&format!(" id=\"{id}\">"));
        out.push_str(inner);
        out.push_str(&end_tag);
        rest = &rest[open + 1 + inner.len() + end_tag.len()..];
        headings.push(Heading { level, id, text });
    }
    out.push_str(rest);
    (out, headings)
}

/// Where the next `<h1` to `<h6` begins. The sanitiser writes names of tags in small letters, and no `<`
/// into texts or attributes.
fn next_heading(html: &str) -> Option<(usize, u8)> {
    html.match_indices("<h").find_map(|(at, _)| {
        let bytes = html.as_bytes();
        let level = bytes.get(at + 2).filter(|level| (b'1'..=b'6').contains(level))?;
        matches!(bytes.get(at + 3), Some(b'>' | b' ')).then_some((at, level - b'0'))
    })
}

fn free_id(text: &str, headings: &[Heading]) -> String {
    let slug = from_title(text);
    let base = format!("{ANCHOR}{}", if slug.is_empty() { "section" } else { &slug });
    let taken = |id: &str| headings.iter().any(|heading| heading.id == id);
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    std::iter::once(base.clone()).chain(numbered).find(|id| !taken(id)).unwrap_or(base)
}

/// How a text begins: whole words, and an ellipsis where there is more.
pub fn excerpt(text: &str) -> String {
    let words = text.split_whitespace();
    let mut out = String::new();
    for word in words {
        if out.chars().count() + word.chars().count() + 1 > EXCERPT {
            let kept = if out.is_empty() { word.chars().take(EXCERPT - 1).collect() } else { out };
            return format!("{}…", kept.trim_end_matches([',', ';', ':', '.', '–', '-']));
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Minutes that it takes to read a text, at least one.
pub fn reading_minutes(text: &str) -> usize {
    text.split_whitespace().count().div_ceil(WORDS_A_MINUTE).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headings_get_ids() {
        let (html, headings) =
            outlined("<p>a</p><h2>The <em>plan</em></h2><hr><h3 title=\"x\">Plan</h3><h2>The plan</h2><h2>…</h2>");
        assert_eq!(
            html,
            "<p>a</p><h2 id=\"h-the-plan\">The <em>plan</em></h2><hr><h3 title=\"x\" id=\"h-plan\">Plan</h3><h2 id=\"h-the-plan-2\">The plan</h2><h2 id=\"h-section\">…</h2>"
        );
        assert_eq!(headings[0], Heading { level: 2, id: "h-the-plan".into(), text: "The plan".into() });
        assert_eq!(headings.len(), 4);
    }

    #[test]
    fn excerpts_end_with_a_word() {
        assert_eq!(excerpt("One  two\nthree."), "One two three.");
        let long = "word, ".repeat(100);
        let short = excerpt(&long);
        assert!(short.chars().count() <= EXCERPT && short.ends_with("word…"), "{short}");
        assert_eq!(excerpt(&"x".repeat(500)).chars().count(), EXCERPT);
        assert_eq!((reading_minutes(""), reading_minutes(&"a ".repeat(221))), (1, 2));
    }

    proptest! {
        #[test]
        fn nothing_but_ids_is_added(source in "(<h[1-7]>|</h[1-7]>|[a-zé<> ]|<p>|&amp;){0,40}") {
            let html = super::super::rich_text::to_html(super::super::rich_text::Format::Html, &source);
            let (out, headings) = outlined(&html);
            let mut without = out.clone();
            for heading in &headings {
                without = without.replacen(&format!(" id=\"{}\"", heading.id), "", 1);
            }
            prop_assert_eq!(without, html);
        }
    }
}
