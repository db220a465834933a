//! Bounds of the nesting of elements: programs that read HTML call themselves for each level, and their stack is bounded.

use std::borrow::Cow;
use std::ops::Range;

use crate::content::html_attributes::end_of_tag;

/// Maximum number of elements within each other. Texts that people write have ten at most.
const MAX_DEPTH: usize = 100;

/// Elements without an end tag (HTML Standard, "Void elements").
const VOID_ELEMENTS: [&str; 13] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];

/// Returns sanitised HTML without the tags of elements that are nested too deeply; what is in them stays.
pub fn flatten(html: &str) -> Cow<'_, str> {
    let (mut unwanted, mut at, mut depth) = (Vec::new(), 0, 0_usize);
    while let Some(start) = html[at..].find('<').map(|offset| at + offset) {
        let tag = &html[start + 1..];
        let tag = &tag[..end_of_tag(tag)];
        at = (start + tag.len() + 2).min(html.len());
        let element = tag.split(' ').next().unwrap_or_default();
        let is_unwanted = if VOID_ELEMENTS.contains(&element) {
            false
        } else if element.starts_with('/') {
            depth = depth.saturating_sub(1);
            depth >= MAX_DEPTH
        } else {
            depth += 1;
            depth > MAX_DEPTH
        };
        if is_unwanted {
            unwanted.push(start..at);
        }
    }
    without_parts(html, unwanted)
}

/// Returns HTML, be it sanitised or not, in which few links begin before an earlier one ends. It is for programs that take the
/// next `>` for the end of a tag, whatever is in quotes.
pub fn without_nested_links(html: &str) -> Cow<'_, str> {
    let (mut unwanted, mut open) = (Vec::new(), 0);
    for (start, _) in html.match_indices('<') {
        let tag = &html[start + 1..];
        let element = tag.split(|c: char| c.is_whitespace() || c == '>').next().unwrap_or_default();
        if element.eq_ignore_ascii_case("/a") {
            open = 0;
        } else if element.eq_ignore_ascii_case("a") {
            open += 1;
            if open > MAX_DEPTH {
                unwanted.push(start..tag.find('>').map_or(html.len(), |end| start + end + 2));
            }
        }
    }
    without_parts(html, unwanted)
}

/// Returns a text without these parts, which are in their order and may overlap.
fn without_parts(text: &str, parts: Vec<Range<usize>>) -> Cow<'_, str> {
    if parts.is_empty() {
        return Cow::Borrowed(text);
    }
    let (mut out, mut copied) = (String::with_capacity(text.len()), 0);
    for part in parts {
        out.push_str(&text[copied..part.start.max(copied)]);
        copied = part.end;
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nested_too_deeply_is_flat() {
        let nested = |depth: usize| format!("{}<br>a<img src=\"b\">{}", "<i>".repeat(depth), "</i>".repeat(depth));
        for depth in [0, 1, MAX_DEPTH] {
            assert_eq!(flatten(&nested(depth)), nested(depth));
        }
        assert_eq!(flatten(&nested(MAX_DEPTH + 50)), nested(MAX_DEPTH));
        let title =
            |depth: usize| format!("{0}<a title=\"1 > 0 <b>\">c</a>{1}", "<i>".repeat(depth), "</i>".repeat(depth));
        assert_eq!(flatten(&title(MAX_DEPTH - 1)), title(MAX_DEPTH - 1));
        let flat = title(MAX_DEPTH).replace("<a title=\"1 > 0 <b>\">c</a>", "c");
        assert_eq!(flatten(&title(MAX_DEPTH)), flat);
        let beside = "<ul><li>a</li></ul><hr><p>b</p>".repeat(200);
        assert_eq!(flatten(&beside), beside);
    }

    #[test]
    fn links_that_never_end_are_few() {
        let beside = "<a href=\"b\">c</a> <A>d</A> ".repeat(300);
        assert_eq!(without_nested_links(&beside), beside);
        let open = "<a\nhref=b>c".repeat(300);
        let bounded = without_nested_links(&open);
        assert_eq!((bounded.matches("<a").count(), bounded.matches('c').count()), (MAX_DEPTH, 300));
        assert_eq!(without_nested_links("<abbr>a</abbr> < a <a").as_ref(), "<abbr>a</abbr> < a <a");
    }
}
