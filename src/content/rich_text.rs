//! Rich text: Markdown (CommonMark with tables and strikethrough) or HTML as input, sanitised HTML as output.

use std::sync::LazyLock;

use ammonia::Builder;
use pulldown_cmark::{Options, Parser};
use serde_json::{Value, json};
use url::Url;

/// The markup language of a rich text's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RichTextFormat {
    /// CommonMark.
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
pub fn stored(format: RichTextFormat, source: &str) -> Value {
    json!({"format": format.word(), "source": source, "html": to_html(format, source)})
}

/// Converts a source to sanitised HTML, without scripts, styles, frames, forms and event handlers. Links get
/// `rel="noopener noreferrer"`. The output of Markdown is sanitised too, since Markdown may contain HTML.
pub fn to_html(format: RichTextFormat, source: &str) -> String {
    let raw = match format {
        RichTextFormat::Html => source.to_owned(),
        RichTextFormat::Markdown => {
            let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
            let mut html = String::with_capacity(source.len() * 5 / 4);
            pulldown_cmark::html::push_html(&mut html, Parser::new_ext(source, options));
            html
        }
    };
    SANITISER.clean(raw.trim()).to_string()
}

/// Returns the text as Markdown: the source if it is Markdown, else a conversion of the HTML.
pub fn to_markdown(format: Option<RichTextFormat>, source: &str, html: &str) -> String {
    match format {
        Some(RichTextFormat::Markdown) => source.to_owned(),
        _ => htmd::convert(html).unwrap_or_else(|_| to_text(html)),
    }
}

/// Returns the text without markup, with blank lines between paragraphs.
pub fn to_text(html: &str) -> String {
    let text = nanohtml2text::html2text(html);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

/// Makes the addresses of links and images in sanitised HTML absolute. Relative ones are meant from the page that shows
/// the text, which a feed is not.
pub fn resolve_links(html: &str, page: &Url) -> String {
    let (mut out, mut rest) = (String::with_capacity(html.len()), html);
    // Sanitised HTML has `<` for tags only, and all its values are in double quotes. A `>` within a value ends no tag,
    // but no address contains one that is not encoded.
    while let Some((before, tag)) = rest.split_once('<') {
        let (tag, after) = tag.split_at(tag.find('>').unwrap_or(tag.len()));
        out.push_str(before);
        out.push('<');
        push_resolved(&mut out, tag, page);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Writes a tag with absolute addresses.
fn push_resolved(out: &mut String, tag: &str, page: &Url) {
    let mut rest = tag;
    while let Some((before, value)) = rest.split_once("=\"") {
        let Some((value, after)) = value.split_once('"') else { break };
        let name = before.rsplit(' ').next().unwrap_or_default();
        let address = if matches!(name, "href" | "src" | "cite") { absolute(value, page) } else { None };
        out.push_str(before);
        out.push_str("=\"");
        out.push_str(address.as_deref().unwrap_or(value));
        out.push('"');
        rest = after;
    }
    out.push_str(rest);
}

/// Returns an address, escaped as in HTML, resolved against a page; `None` if it is absolute.
fn absolute(escaped: &str, page: &Url) -> Option<String> {
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
    builder
});

#[cfg(test)]
mod tests {
    use super::*;

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
    fn text_keeps_paragraphs_apart() {
        assert_eq!(to_text("<p>One &amp; two.</p>\n<p>Three.</p>"), "One & two.\n\nThree.");
    }
}
