//! Anchors of rich text: ids of elements, and the links of the same text that lead to them.
//!
//! All ids begin with one prefix, in the text and in the links. It keeps them apart from other ids of a page and from
//! the global variables of scripts, which browsers create for ids and names (DOM clobbering).

use std::collections::HashSet;

use percent_encoding::percent_decode_str;

use crate::content::html_attributes::{AttributeChange, map_attributes};
use crate::content::text_outline::outline;

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
/// link to a place in the text leads there. A link to a place elsewhere in the page stays as it is.
pub fn complete(html: &str) -> String {
    let mut seen = HashSet::new();
    let unique = map_attributes(html, |_, name, value| match name {
        "id" if !seen.insert(value.to_owned()) => AttributeChange::Remove,
        _ => AttributeChange::Keep,
    });
    let named = outline(&unique).0;
    let ids = ids(&named);
    map_attributes(&named, |_, name, value| {
        let fragment = if name == "href" { value.strip_prefix('#') } else { None };
        match fragment.and_then(target).filter(|id| ids.contains(id)) {
            Some(id) => AttributeChange::Set(format!("#{id}")),
            None => AttributeChange::Keep,
        }
    })
}

/// Returns the id to which a fragment, escaped as in HTML, leads.
fn target(fragment: &str) -> Option<String> {
    let fragment = fragment.replace("&amp;", "&");
    anchor_id(&percent_decode_str(&fragment).decode_utf8_lossy())
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
        assert_eq!(complete(html), expected);
        assert_eq!(complete(expected), expected);
    }
}
