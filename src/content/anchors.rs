//! Anchors of rich text: ids of elements, and the links of the same text that lead to them.
//!
//! All ids begin with one prefix, in the text and in the links. It keeps them apart from other ids of a page and from
//! the global variables of scripts, which browsers create for ids and names (DOM clobbering).

use std::collections::{HashMap, HashSet};

use percent_encoding::percent_decode_str;
use unicode_normalization::char::is_combining_mark;

use crate::content::html_attributes::{AttributeChange, map_attributes};
use crate::content::text_outline::{Heading, outline};

/// Prefix of all ids.
pub const PREFIX: &str = "h-";

/// Returns the id that stands for one in a source: with the prefix, and with `-` for everything but letters, digits,
/// `-`, `_`, `.` and `:`, so that no id needs an escape. `None` for an empty one.
pub fn anchor_id(written: &str) -> Option<String> {
    let own = written.trim();
    let own = own.strip_prefix(PREFIX).unwrap_or(own);
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':') { c } else { '-' };
    (!own.is_empty()).then(|| PREFIX.chars().chain(own.chars().map(plain)).collect())
}

/// Returns all ids and names of sanitised HTML.
pub fn ids(html: &str) -> HashSet<String> {
    let mut ids = HashSet::new();
    map_attributes(html, |_, name, value| {
        if matches!(name, "id" | "name") {
            ids.insert(value.to_owned());
        }
        AttributeChange::Keep
    });
    ids
}

/// Completes the anchors of sanitised HTML whose ids have the prefix: an id occurs once, each heading has one, and a
/// link to a place in the text leads there, also by the anchor that GitHub gives to a heading. A link to a place
/// elsewhere in the page stays as it is.
pub fn complete_anchors(html: &str) -> String {
    let mut seen = HashSet::new();
    let unique = map_attributes(html, |_, name, value| match name {
        "id" if !seen.insert(value.to_owned()) => AttributeChange::Remove,
        _ => AttributeChange::Keep,
    });
    let (named, headings) = outline(&unique);
    let (ids, elsewhere) = (ids(&named), github_anchors(&headings));
    map_attributes(&named, |_, name, value| {
        let fragment = if name == "href" { value.strip_prefix('#').map(decode_fragment) } else { None };
        let own = fragment.as_deref().and_then(anchor_id).filter(|id| ids.contains(id));
        match own.or_else(|| elsewhere.get(&fragment?).map(|id| (*id).to_owned())) {
            Some(id) => AttributeChange::Set(format!("#{id}")),
            None => AttributeChange::Keep,
        }
    })
}

/// Returns a fragment, escaped as in HTML, as it was meant.
fn decode_fragment(fragment: &str) -> String {
    percent_decode_str(&fragment.replace("&amp;", "&")).decode_utf8_lossy().into_owned()
}

/// Returns the ids of headings by the anchors that GitHub and the programs that follow it give to them: the words in
/// lower case without punctuation, each space a hyphen; the second of two that are the same ends with `-1`.
fn github_anchors(headings: &[Heading]) -> HashMap<String, &str> {
    let (mut anchors, mut counts) = (HashMap::new(), HashMap::new());
    for heading in headings {
        let kept = |c: &char| c.is_alphanumeric() || is_combining_mark(*c) || matches!(c, '-' | '_' | ' ');
        let words: String = heading.text.to_lowercase().chars().filter(kept).collect();
        let base = words.replace(' ', "-");
        let count: &mut usize = counts.entry(base.clone()).or_insert(0);
        let mut anchor = base.clone();
        while anchors.contains_key(&anchor) {
            *count += 1;
            anchor = format!("{base}-{count}");
        }
        anchors.insert(anchor, heading.id.as_str());
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_form() {
        for (written, id) in [
            ("x", Some("h-x")),
            ("h-x", Some("h-x")),
            (" Élan vital ", Some("h-Élan-vital")),
            ("a\"<&b", Some("h-a---b")),
            ("location", Some("h-location")),
            ("", None),
            ("h-", None),
        ] {
            assert_eq!(anchor_id(written).as_deref(), id, "{written}");
        }
    }

    #[test]
    fn links_lead_to_ids() {
        let html = concat!(
            r##"<a href="#x">1</a><a href="#the-plan">2</a><a href="#a%20b&amp;c">3</a><a href="#top">4</a>"##,
            r##"<a href="/p#x">5</a><a href="#">6</a><p id="h-x">a</p><p id="h-x">b</p><h2>The plan</h2>"##,
            r##"<h3 id="h-a-b-c">Own</h3><a name="h-n">n</a><a href="#n">7</a>"##,
        );
        let expected = concat!(
            r##"<a href="#h-x">1</a><a href="#h-the-plan">2</a><a href="#h-a-b-c">3</a><a href="#top">4</a>"##,
            r##"<a href="/p#x">5</a><a href="#">6</a><p id="h-x">a</p><p>b</p><h2 id="h-the-plan">The plan</h2>"##,
            r##"<h3 id="h-a-b-c">Own</h3><a name="h-n">n</a><a href="#h-n">7</a>"##,
        );
        assert_eq!(complete_anchors(html), expected);
        assert_eq!(complete_anchors(expected), expected);
    }

    #[test]
    fn anchors_of_github_lead_to_the_same_headings() {
        let html = concat!(
            "<h2>Dup</h2><h2>Dup</h2><h2>Dup 1</h2><h2>Élan vital: why?</h2><h2>A &amp; B</h2><h2>नदी</h2>",
            r##"<a href="#dup">1</a><a href="#dup-1">2</a><a href="#dup-1-1">3</a><a href="#%C3%A9lan-vital-why">4</a>"##,
            r##"<a href="#a--b">5</a><a href="#नदी">6</a><a href="#dup-2">7</a><a href="#dup-9">8</a>"##,
        );
        let led: Vec<String> = complete_anchors(html)
            .split("href=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect();
        let ids: Vec<String> =
            outline(&complete_anchors(html)).1.into_iter().map(|heading| format!("#{}", heading.id)).collect();
        assert_eq!(ids[..3], ["#h-dup", "#h-dup-2", "#h-dup-1"]);
        // An id of the text comes before an anchor that it would have elsewhere.
        assert_eq!(led, [&ids[0], &ids[2], &ids[2], &ids[3], &ids[4], &ids[5], &ids[1], "#dup-9"]);
        let other = complete_anchors(r##"<h2>Dup</h2><h2>Dup</h2><a href="#dup-1">2</a>"##);
        assert!(other.contains(r##"<a href="#h-dup-2">2</a>"##), "{other}");
        assert_eq!(complete_anchors(&complete_anchors(html)), complete_anchors(html));
    }
}
