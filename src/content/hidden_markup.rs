//! What the sanitiser leaves out of a rich text, so that its writer can be told.
//!
//! The elements and attributes of the source are compared with those of the sanitised HTML, so no rule of the sanitiser
//! is stated a second time.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, StartTag, Tag, TagToken, Token, TokenSink, TokenSinkResult, Tokenizer};

use crate::content::rich_text::{RichTextFormat, sanitise, to_raw_html};

/// Elements of a document around a text. Nothing of them is ever shown.
const FRAME: [&str; 3] = ["body", "head", "html"];
/// Attributes that say how an element looks or how it is opened, which is up to the website.
const STYLE: [&str; 15] = [
    "align",
    "bgcolor",
    "border",
    "cellpadding",
    "cellspacing",
    "class",
    "color",
    "dir",
    "face",
    "height",
    "rel",
    "size",
    "style",
    "target",
    "width",
];
/// Maximum number of names in a description.
const MAX_NAMES: usize = 20;
/// Maximum length of a name in a description, in characters.
const MAX_NAME: usize = 40;

/// An element, or an attribute of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct HtmlPart {
    element: String,
    attribute: Option<String>,
}

/// Describes what of a source is not shown, in words: `iframe, script (2), onclick of p`. `None` if all is shown.
///
/// The text within an element that is left out is shown, except that of `script` and `style`.
/// `html` is what the sanitiser has made of the source, if it is known.
pub fn hidden_markup(format: RichTextFormat, source: &str, html: Option<&str>) -> Option<String> {
    let raw = to_raw_html(format, source);
    let html = html.map_or_else(|| Cow::Owned(sanitise(&raw)), Cow::Borrowed);
    if raw == html {
        return None;
    }
    let (written, shown) = (parts(&raw), parts(&html));
    let lost = |part: &HtmlPart| written.get(part).copied().unwrap_or(0) - shown.get(part).copied().unwrap_or(0);
    let names: Vec<String> = written
        .keys()
        .filter_map(|part| {
            let element = HtmlPart { element: part.element.clone(), attribute: None };
            // An attribute is left out with its element; that is said once.
            let count = lost(part) - if part.attribute.is_some() { lost(&element).max(0) } else { 0 };
            (count > 0 && is_told(part)).then(|| part_description(part, count))
        })
        .collect();
    let more = names.len().saturating_sub(MAX_NAMES);
    let shown = names[..names.len() - more].join(", ");
    (!names.is_empty()).then(|| if more > 0 { format!("{shown} and {more} more") } else { shown })
}

fn is_told(part: &HtmlPart) -> bool {
    match &part.attribute {
        None => !FRAME.contains(&part.element.as_str()),
        Some(name) => !STYLE.contains(&name.as_str()) && !name.starts_with("data-") && !name.starts_with("aria-"),
    }
}

fn part_description(part: &HtmlPart, count: i64) -> String {
    let short = |name: &str| name.chars().take(MAX_NAME).collect::<String>();
    let name = match &part.attribute {
        None => short(&part.element),
        Some(attribute) => format!("{} of {}", short(attribute), short(&part.element)),
    };
    if count == 1 { name } else { format!("{name} ({count})") }
}

/// Counts the elements and attributes of HTML.
fn parts(html: &str) -> BTreeMap<HtmlPart, i64> {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let tokenizer = Tokenizer::new(Counter::default(), Default::default());
    // The counter never asks to stop, so everything is read at once.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.parts.take()
}

#[derive(Default)]
struct Counter {
    parts: RefCell<BTreeMap<HtmlPart, i64>>,
}

impl Counter {
    fn count(&self, tag: &Tag) {
        let element = || tag.name.to_string();
        let mut parts = self.parts.borrow_mut();
        *parts.entry(HtmlPart { element: element(), attribute: None }).or_default() += 1;
        for attribute in &tag.attrs {
            let part = HtmlPart { element: element(), attribute: Some(attribute.name.local.to_string()) };
            *parts.entry(part).or_default() += 1;
        }
    }
}

impl TokenSink for Counter {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let TagToken(tag) = token else { return TokenSinkResult::Continue };
        if tag.kind != StartTag {
            return TokenSinkResult::Continue;
        }
        self.count(&tag);
        match &*tag.name {
            "script" => TokenSinkResult::RawData(RawKind::ScriptData),
            "iframe" | "noembed" | "noframes" | "style" | "xmp" => TokenSinkResult::RawData(RawKind::Rawtext),
            "textarea" | "title" => TokenSinkResult::RawData(RawKind::Rcdata),
            "plaintext" => TokenSinkResult::Plaintext,
            _ => TokenSinkResult::Continue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_what_is_not_shown() {
        for (source, expected) in [
            ("<p>a <b>b</b> <a href=\"/x\" target=_blank class=y>c</a> <img src=x alt=y></p>", None),
            ("<html><body style=\"x\"><p>a</p></body></html>", None),
            ("<table><tr><td style=\"color:red\">1</td></tr></table>", None),
            ("<iframe src=\"https://video.example.org/1\"></iframe>", Some("iframe")),
            ("<script>if (a < b) '<form>'</script><SCRIPT src=x></SCRIPT>", Some("script (2)")),
            ("<p onclick=x>a</p><p onclick=y id=z>b</p>", Some("onclick of p (2)")),
            ("<a href=\"javascript:x\">a</a><a href=\"/ok\">b</a>", Some("href of a")),
            ("<p id=a>1</p><p id=a>2</p>", Some("id of p")),
            ("<td>1</td>", Some("td")),
            ("<video controls><source src=x></video>", Some("source, video")),
        ] {
            assert_eq!(hidden_markup(RichTextFormat::Html, source, None).as_deref(), expected, "{source}");
        }
        let many: String = (0..30).map(|n| format!("<x-{n}>")).collect();
        assert!(hidden_markup(RichTextFormat::Html, &many, None).unwrap().ends_with(" and 10 more"));
    }

    #[test]
    fn markdown_is_shown_as_a_whole() {
        let source =
            "# A\n\n|a|b|\n|--|-:|\n|1|2|\n\n```c++\nx\n```\n\n~~b~~ https://a.org [x](#a)[^1]\n\n[^1]: Note.\n\n- 1";
        assert_eq!(hidden_markup(RichTextFormat::Markdown, source, None), None);
        assert_eq!(
            hidden_markup(RichTextFormat::Markdown, "`<iframe>` <iframe src=x></iframe>", None).as_deref(),
            Some("iframe")
        );
        assert_eq!(hidden_markup(RichTextFormat::Markdown, "[a](javascript:x)", None).as_deref(), Some("href of a"));
    }

    proptest! {
        #[test]
        fn of_what_is_shown_nothing_is_left_out(source in "(<[a-z]{1,6}( (id|href|src|on[a-z])=a)?>|</[a-z]{1,6}>|[a-z<> ]){0,30}") {
            let shown = crate::content::rich_text::to_html(RichTextFormat::Html, &source);
            prop_assert_eq!(hidden_markup(RichTextFormat::Html, &shown, None), None, "{}", shown);
        }
    }
}
