//! Properties of a text: its headings, its excerpt and its reading time.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::content::anchors::{PREFIX, ids};
use crate::content::rich_text::to_text;
use crate::content::slug::from_title;

/// Maximum length of an excerpt, in characters.
const EXCERPT: usize = 240;
/// Reading speed, in words per minute.
const WORDS_A_MINUTE: usize = 220;

/// A heading of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Heading {
    /// Level, 1 to 6.
    pub level: u8,
    /// Id of the element in the HTML.
    pub id: String,
    /// Text without markup.
    pub text: String,
}

/// Adds an id to each heading of sanitised HTML that has none. Returns the HTML and the headings.
pub fn outline(html: &str) -> (String, Vec<Heading>) {
    let (mut out, mut headings, mut rest) = (String::with_capacity(html.len() + 64), Vec::new(), html);
    let mut taken = None;
    while let Some((at, level)) = next_heading(rest) {
        let end_tag = format!("</h{level}>");
        let Some((open, inner)) = rest[at..].find('>').and_then(|end| {
            let inner = &rest[at + end + 1..];
            Some((at + end, &inner[..inner.find(&end_tag)?]))
        }) else {
            break;
        };
        let text = to_text(inner).replace('\n', " ");
        out.push_str(&rest[..open]);
        let id = match own_id(&rest[at..open]) {
            Some(id) => id.to_owned(),
            None => {
                let id = taken.get_or_insert_with(|| TakenIds::in_html(html)).free_id(&text);
                out.push_str(&format!(" id=\"{id}\""));
                id
            }
        };
        out.push('>');
        out.push_str(inner);
        out.push_str(&end_tag);
        rest = &rest[open + 1 + inner.len() + end_tag.len()..];
        headings.push(Heading { level, id, text });
    }
    out.push_str(rest);
    (out, headings)
}

/// Returns the id in the start tag of an element.
fn own_id(tag: &str) -> Option<&str> {
    tag.split_once(" id=\"")?.1.split('"').next()
}

/// Returns the offset and the level of the next heading. A search for `<h1` to `<h6` is sufficient only for the output
/// of the sanitiser, which writes tag names in lower case and escapes `<` in texts and attributes.
fn next_heading(html: &str) -> Option<(usize, u8)> {
    html.match_indices("<h").find_map(|(at, _)| {
        let bytes = html.as_bytes();
        let level = bytes.get(at + 2).filter(|level| (b'1'..=b'6').contains(level))?;
        matches!(bytes.get(at + 3), Some(b'>' | b' ')).then_some((at, level - b'0'))
    })
}

/// The ids of a text, and the last number of each id that several headings would have.
struct TakenIds {
    ids: HashSet<String>,
    numbers: HashMap<String, usize>,
}

impl TakenIds {
    fn in_html(html: &str) -> Self {
        Self { ids: ids(html), numbers: HashMap::new() }
    }

    /// Returns an id for a heading that no other element has, and takes it.
    fn free_id(&mut self, text: &str) -> String {
        let slug = from_title(text);
        let base = format!("{PREFIX}{}", if slug.is_empty() { "section" } else { &slug });
        let number = self.numbers.entry(base.clone()).or_insert(0);
        loop {
            *number += 1;
            let id = if *number == 1 { base.clone() } else { format!("{base}-{number}") };
            if self.ids.insert(id.clone()) {
                return id;
            }
        }
    }
}

/// Returns the beginning of a text in whole words, with an ellipsis if the text is longer.
pub fn excerpt(text: &str) -> String {
    let words = text.split_whitespace();
    let (mut out, mut length) = (String::new(), 0);
    for word in words {
        let word_length = word.chars().count();
        if length + word_length + 1 > EXCERPT {
            let kept = if out.is_empty() { word.chars().take(EXCERPT - 1).collect() } else { out };
            return format!("{}…", kept.trim_end_matches([',', ';', ':', '.', '–', '-']));
        }
        if !out.is_empty() {
            out.push(' ');
            length += 1;
        }
        out.push_str(word);
        length += word_length;
    }
    out
}

/// Returns the reading time of a text in minutes, at least 1.
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
            outline("<p>a</p><h2>The <em>plan</em></h2><hr><h3 title=\"x\">Plan</h3><h2>The plan</h2><h2>…</h2>");
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

    #[test]
    fn ids_of_the_writer_stay() {
        let (html, headings) = outline("<p id=\"h-plan\">a</p><h2 id=\"h-x\">Plan</h2><h2>Plan</h2><h2>X</h2>");
        assert_eq!(
            html,
            "<p id=\"h-plan\">a</p><h2 id=\"h-x\">Plan</h2><h2 id=\"h-plan-2\">Plan</h2><h2 id=\"h-x-2\">X</h2>"
        );
        let ids: Vec<&str> = headings.iter().map(|heading| heading.id.as_str()).collect();
        assert_eq!(ids, ["h-x", "h-plan-2", "h-x-2"]);
    }

    proptest! {
        #[test]
        fn stored_texts_have_the_ids_of_their_headings(
            source in "(<h[1-7]( id=[ab])?>|</h[1-7]>|[a-zé<> ]|<p>|&amp;){0,40}"
        ) {
            let html = super::super::rich_text::to_html(super::super::rich_text::RichTextFormat::Html, &source);
            let (out, headings) = outline(&html);
            let ids: HashSet<&str> = headings.iter().map(|heading| heading.id.as_str()).collect();
            prop_assert_eq!(ids.len(), headings.len());
            prop_assert_eq!(out, html);
        }
    }
}
