//! Rich text: Markdown or HTML as input, sanitised HTML as output.

use std::borrow::Cow;
use std::sync::LazyLock;

use ammonia::Builder;
use serde_json::{Value, json};
use url::Url;

use crate::content::html_attributes::{AttributeChange, map_attributes};
use crate::content::{anchors, html_nesting, markdown};

/// The markup language of a rich text's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RichTextFormat {
    /// CommonMark with extensions of GitHub Flavored Markdown.
    Markdown,
    Html,
}

impl RichTextFormat {
    /// Returns the value in JSON.
    pub fn word(self) -> &'static str {
        match self {
            RichTextFormat::Markdown => "markdown",
            RichTextFormat::Html => "html",
        }
    }

    /// Parses the value in JSON.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "markdown" => Some(RichTextFormat::Markdown),
            "html" => Some(RichTextFormat::Html),
            _ => None,
        }
    }

    /// Guesses the format of a source: HTML if it begins with `<` and ends with `>`, else Markdown.
    pub fn guess(source: &str) -> Self {
        let text = source.trim();
        if text.starts_with('<') && text.ends_with('>') { RichTextFormat::Html } else { RichTextFormat::Markdown }
    }
}

/// Returns the stored form: the source with its format, and the sanitised HTML.
pub fn stored_value(format: RichTextFormat, source: &str) -> Value {
    json!({"format": format.word(), "source": source, "html": to_html(format, source)})
}

/// Converts a source to sanitised HTML, without scripts, styles, frames, forms and event handlers. Links get
/// `rel="noopener noreferrer"`, and ids the prefix of [`anchors`]. The output of Markdown is sanitised too, since
/// Markdown may contain HTML.
pub fn to_html(format: RichTextFormat, source: &str) -> String {
    sanitise(&to_raw_html(format, source))
}

/// Returns the HTML of a source as it was meant, which is not safe to show.
pub(super) fn to_raw_html(format: RichTextFormat, source: &str) -> Cow<'_, str> {
    match format {
        RichTextFormat::Html => Cow::Borrowed(source),
        RichTextFormat::Markdown => Cow::Owned(markdown::to_html(source)),
    }
}

/// Returns HTML without anything that is not safe to show.
pub(super) fn sanitise(raw: &str) -> String {
    let mut clean = SANITISER.clean(raw.trim()).to_string();
    // XML cannot have these characters (XML 1.0, section 2.2), and feeds are XML. References (`&#1;`) lead to them.
    clean.retain(|c| (!c.is_control() || matches!(c, '\n' | '\t')) && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    let clean = html_nesting::flatten(&clean);
    // Of some attributes, the sanitiser leaves the name alone.
    let clean = map_attributes(&clean, |_, name, value| match name {
        "class" | "style" if value.is_empty() => AttributeChange::Remove,
        _ => AttributeChange::Keep,
    });
    anchors::complete_anchors(&clean)
}

/// Returns the text as Markdown: the source if it is Markdown, else a conversion of the HTML.
pub fn to_markdown(format: Option<RichTextFormat>, source: &str, html: &str) -> String {
    match format {
        Some(RichTextFormat::Markdown) => source.to_owned(),
        _ => htmd::convert(html).unwrap_or_else(|_| to_text(html)),
    }
}

/// Returns the text without markup, with blank lines between paragraphs. The words of a link are followed by its
/// address, unless it leads to a place in the same text.
pub fn to_text(html: &str) -> String {
    plain_text(&without_links(html, |address| address.is_empty() || address.starts_with('#')))
}

/// Returns the text without markup and without the addresses of its links.
pub fn to_words(html: &str) -> String {
    plain_text(&without_links(html, |_| true))
}

/// Returns the text without markup as it is read elsewhere than on its page: relative addresses are absolute.
pub fn to_text_of_page(html: &str, page: &Url) -> String {
    // Once it is absolute, the address of a place in the text looks like any other.
    to_text(&resolve_links(&without_links(html, |address| address.starts_with('#')), page))
}

/// Removes the addresses of some links.
fn without_links(html: &str, is_unwanted: impl Fn(&str) -> bool) -> String {
    map_attributes(html, |element, name, value| match (element, name) {
        ("a", "href") if is_unwanted(value) => AttributeChange::Remove,
        _ => AttributeChange::Keep,
    })
}

fn plain_text(html: &str) -> String {
    let text = nanohtml2text::html2text(&html_nesting::without_nested_links(html));
    let lines: Vec<&str> = text.lines().map(|line| behind_break(line.trim_end())).collect();
    lines.join("\n").trim().to_owned()
}

/// Returns a line without the space that the end of a line behind a line break becomes.
fn behind_break(line: &str) -> &str {
    line.strip_prefix(' ').filter(|rest| !rest.starts_with(' ')).unwrap_or(line)
}

/// Makes the addresses of links and images in sanitised HTML absolute. Relative ones are meant from the page that shows
/// the text, which a feed is not.
pub fn resolve_links(html: &str, page: &Url) -> String {
    map_attributes(html, |_, name, value| {
        let address = if matches!(name, "href" | "src" | "cite") { absolute_address(value, page) } else { None };
        address.map_or(AttributeChange::Keep, AttributeChange::Set)
    })
}

/// Returns an address, escaped as in HTML, resolved against a page; `None` if it is absolute.
fn absolute_address(escaped: &str, page: &Url) -> Option<String> {
    let address = escaped.replace("&amp;", "&");
    let is_relative = matches!(Url::parse(&address), Err(url::ParseError::RelativeUrlWithoutBase));
    let resolved = page.join(&address).ok().filter(|_| is_relative)?;
    Some(String::from(resolved).replace('&', "&amp;"))
}

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder.link_rel(Some("noopener noreferrer")).url_schemes(["http", "https", "mailto", "tel"].into());
    // Images load when they become visible. Only one attribute may be set in this way: the sanitiser writes several in
    // an order that differs between processes, so nodes would store different HTML for the same source.
    builder.set_tag_attribute_value("img", "loading", "lazy");
    // Anchors; `name` is what older HTML has instead of `id`.
    builder.add_generic_attributes(["id"]).add_tag_attributes("a", ["name"]);
    // What Markdown says beside its elements: the language of code and the alignment of table cells.
    builder.add_tag_attributes("code", ["class"]).filter_style_properties(["text-align"].into());
    builder.add_tag_attributes("td", ["style"]).add_tag_attributes("th", ["style"]);
    builder.attribute_filter(|_, name, value| match name {
        "id" | "name" => anchors::anchor_id(value).map(Cow::Owned),
        "class" => is_language(value).then_some(Cow::Borrowed(value)),
        _ => Some(Cow::Borrowed(value)),
    });
    builder
});

/// Returns whether a class names the language of code, as in `language-rust`.
fn is_language(class: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '#' | '.');
    class.strip_prefix("language-").is_some_and(|name| !name.is_empty() && name.chars().all(is_plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sanitises() {
        let html =
            to_html(RichTextFormat::Html, "<p onclick=x()>a<script>alert(1)</script><a href='javascript:x'>b</a></p>");
        assert_eq!(html, "<p>a<a rel=\"noopener noreferrer\">b</a></p>");
        assert_eq!(
            to_html(RichTextFormat::Markdown, "**a** <img src=x onerror=y>"),
            "<p><strong>a</strong> <img src=\"x\" loading=\"lazy\"></p>"
        );
    }

    #[test]
    fn nesting_and_characters_are_bounded() {
        let deep = format!("{}a&#1;b&#x85;c{}", "<div><b>".repeat(300), "</b></div>".repeat(300));
        let html = to_html(RichTextFormat::Html, &deep);
        assert_eq!((html.matches("<div>").count(), html.matches("<b>").count()), (50, 50));
        assert_eq!((to_text(&html).as_str(), to_markdown(None, "", &html).contains("ab…c")), ("ab…c", true));
        let titles = format!("{}<b title='> <script>x</script>'>y", "<b>".repeat(150));
        assert!(!to_html(RichTextFormat::Html, &titles).contains("<script"));
        let quotes = to_html(RichTextFormat::Markdown, &format!("{} a", ">".repeat(300)));
        assert_eq!((quotes.matches("<blockquote>").count(), quotes.matches("</blockquote>").count()), (100, 100));
    }

    #[test]
    fn relative_addresses_are_meant_from_the_page() {
        let page = Url::parse("https://www.example.org/events/rivers").unwrap();
        let html = to_html(
            RichTextFormat::Html,
            r##"<p>href="/x" <a href="/map?a=1&b=2">1</a> <a href="notes">2</a> <a href="#top" title="src=1 > 0">3</a>
            <a href="https://other.example.org/">4</a> <a href="mailto:a@example.org">5</a> <img src="hall.jpg" alt="<b>"></p>"##,
        );
        let resolved = resolve_links(&html, &page);
        for part in [
            r#"href="/x" <a"#,
            r#"href="https://www.example.org/map?a=1&amp;b=2""#,
            r#"href="https://www.example.org/events/notes""#,
            r#"href="https://www.example.org/events/rivers#top""#,
            r#"href="https://other.example.org/""#,
            r#"href="mailto:a@example.org""#,
            r#"src="https://www.example.org/events/hall.jpg""#,
        ] {
            assert!(resolved.contains(part), "{part} in {resolved}");
        }
        assert_eq!(resolve_links("<p>1 &lt; 2 <b", &page), "<p>1 &lt; 2 <b");
    }

    #[test]
    fn anchors_work_in_both_formats() {
        assert_eq!(
            to_html(RichTextFormat::Html, r##"<p><a href="#x">to</a></p><h2 id="x">Here</h2>"##),
            r##"<p><a href="#h-x" rel="noopener noreferrer">to</a></p><h2 id="h-x">Here</h2>"##
        );
        assert_eq!(
            to_html(RichTextFormat::Markdown, "[to](#the-plan)\n\n## The plan"),
            "<p><a href=\"#h-the-plan\" rel=\"noopener noreferrer\">to</a></p>\n<h2 id=\"h-the-plan\">The plan</h2>"
        );
        let note = to_html(RichTextFormat::Markdown, "Text[^1].\n\n[^1]: Note.");
        for part in ["href=\"#h-fn-1\"", "id=\"h-fnref-1\"", "<li id=\"h-fn-1\">", "href=\"#h-fnref-1\""] {
            assert!(note.contains(part), "{part} in {note}");
        }
    }

    #[test]
    fn markdown_says_more_than_elements() {
        let html = to_html(RichTextFormat::Markdown, "|a|b|\n|--|-:|\n|1|2|\n\n```rust\nx\n```");
        assert!(html.contains("<td style=\"text-align:right\">2</td>"), "{html}");
        assert!(html.contains("<code class=\"language-rust\">"), "{html}");
        let other = r#"<table><tbody><tr><td style="color:red">1</td></tr></tbody></table><code class="btn">x</code>"#;
        let plain = "<table><tbody><tr><td>1</td></tr></tbody></table><code>x</code>";
        assert_eq!(to_html(RichTextFormat::Html, other), plain);
    }

    /// Pieces of HTML and Markdown that name elements and lead to them, and some that must not be shown.
    const PIECES: &str = r##"(<(p|h2|a|b|li|table|td|svg|math|form|img)( (id|name|href|class|style)=("#?(h-)?[abé ]{0,2}"|'#%20a'|#?a|"javascript:a"))*>|</(p|h2|a|b|li|table|td|svg)>|\[x\]\(#a\)|\[\^a\](: )?|## [ab]|<iframe src=a>|<script>a</script>|[ab<>"=
]){0,30}"##;

    proptest! {
        #[test]
        fn ids_have_the_prefix_and_links_lead_to_them(source in PIECES, markdown in any::<bool>()) {
            let format = if markdown { RichTextFormat::Markdown } else { RichTextFormat::Html };
            let html = to_html(format, &source);
            let ids = anchors::ids(&html);
            let mut seen = Vec::new();
            let mut faults = Vec::new();
            map_attributes(&html, |element, name, value| {
                let is_allowed = match name {
                    "id" | "name" => value.starts_with(anchors::PREFIX),
                    // Whatever has a target in the text leads to it.
                    "href" => {
                        let id = value.strip_prefix('#').and_then(anchors::anchor_id);
                        id.is_none_or(|id| !ids.contains(&id) || value == format!("#{id}")) && !value.contains("script:")
                    }
                    "style" => value == "text-align:right",
                    "class" => value.starts_with("language-"),
                    _ => !name.starts_with("on"),
                };
                if !is_allowed || matches!(element, "script" | "iframe" | "form" | "svg" | "math") {
                    faults.push(format!("{element} {name} {value}"));
                }
                if name == "id" {
                    seen.push(value.to_owned());
                }
                AttributeChange::Keep
            });
            prop_assert!(faults.is_empty(), "{:?} in {} from {}", faults, html, source);
            let count = seen.len();
            seen.sort();
            seen.dedup();
            prop_assert_eq!(seen.len(), count, "{}", html);
            // What was read and is written again keeps its anchors.
            prop_assert!(ids.is_subset(&anchors::ids(&to_html(RichTextFormat::Html, &html))), "{}", html);
        }
    }

    #[test]
    fn text_keeps_paragraphs_apart() {
        assert_eq!(to_text("<p>One &amp; two.</p>\n<p>Three.</p>"), "One & two.\n\nThree.");
        assert_eq!(to_text("<p>One,<br>\ntwo,<br />three</p>"), "One,\ntwo,\nthree");
    }

    #[test]
    fn addresses_of_links_stand_behind_their_words() {
        let page = Url::parse("https://www.example.org/en/events/rivers").unwrap();
        for (source, text, words, on_page) in [
            ("[a](#x)", "a", "a", "a"),
            ("x[^1]\n\n[^1]: Note.", "x1\n\n\nNote. ↩", "x1\n\n\nNote. ↩", "x1\n\n\nNote. ↩"),
            ("[a](<>)", "a", "a", "a (https://www.example.org/en/events/rivers)"),
            ("[a](/b)", "a (/b)", "a", "a (https://www.example.org/b)"),
            ("[a](?x=1&y=2)", "a (?x=1&y=2)", "a", "a (https://www.example.org/en/events/rivers?x=1&y=2)"),
            ("[a](//h/x)", "a (//h/x)", "a", "a (https://h/x)"),
            ("[a](c#d)", "a (c#d)", "a", "a (https://www.example.org/en/events/c#d)"),
            ("[a](https://example.org/)", "a (https://example.org/)", "a", "a (https://example.org/)"),
            ("<https://example.org/>", "https://example.org/", "https://example.org/", "https://example.org/"),
            ("[a](mailto:a@example.org)", "a (mailto:a@example.org)", "a", "a (mailto:a@example.org)"),
        ] {
            let html = to_html(RichTextFormat::Markdown, source);
            let found = (to_text(&html), to_words(&html), to_text_of_page(&html, &page));
            assert_eq!((&*found.0, &*found.1, &*found.2), (text, words, on_page), "{source}");
        }
    }
}
