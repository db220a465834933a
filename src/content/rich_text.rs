//! Rich text: Markdown (CommonMark with tables and strikethrough) or HTML in, sanitised HTML out.

use std::sync::LazyLock;

use ammonia::Builder;
use pulldown_cmark::{Options, Parser};
use serde_json::{Value, json};

/// In which language a rich text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// CommonMark.
    Markdown,
    /// HTML.
    Html,
}

impl Format {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Format::Markdown => "markdown",
            Format::Html => "html",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "markdown" => Some(Format::Markdown),
            "html" => Some(Format::Html),
            _ => None,
        }
    }

    /// A text that begins with a tag and ends with one is HTML; all else is Markdown.
    pub fn guess(source: &str) -> Self {
        let text = source.trim();
        if text.starts_with('<') && text.ends_with('>') { Format::Html } else { Format::Markdown }
    }
}

/// The stored form: what was written, and the HTML that may be shown.
pub fn stored(format: Format, source: &str) -> Value {
    json!({"format": format.word(), "source": source, "html": to_html(format, source)})
}

/// Sanitised HTML: no scripts, styles, frames, forms or event handlers; links get `rel`.
pub fn to_html(format: Format, source: &str) -> String {
    let raw = match format {
        Format::Html => source.to_owned(),
        Format::Markdown => {
            let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
            let mut html = String::with_capacity(source.len() * 5 / 4);
            pulldown_cmark::html::push_html(&mut html, Parser::new_ext(source, options));
            html
        }
    };
    SANITISER.clean(raw.trim()).to_string()
}

/// The text as Markdown: as it was written, or made from the HTML.
pub fn to_markdown(format: Option<Format>, source: &str, html: &str) -> String {
    match format {
        Some(Format::Markdown) => source.to_owned(),
        _ => htmd::convert(html).unwrap_or_else(|_| to_text(html)),
    }
}

/// The text without any markup, paragraphs kept apart.
pub fn to_text(html: &str) -> String {
    let text = nanohtml2text::html2text(html);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder.link_rel(Some("noopener noreferrer")).url_schemes(["http", "https", "mailto", "tel"].into());
    // Pictures of a text are fetched when they come into sight. One attribute and no more: several would be
    // written in another order by each process.
    builder.set_tag_attribute_value("img", "loading", "lazy");
    builder
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sanitises() {
        let html = to_html(Format::Html, "<p onclick=x()>a<script>alert(1)</script><a href='javascript:x'>b</a></p>");
        assert_eq!(html, "<p>a<a rel=\"noopener noreferrer\">b</a></p>");
        assert_eq!(
            to_html(Format::Markdown, "**a** <img src=x onerror=y>"),
            "<p><strong>a</strong> <img src=\"x\" loading=\"lazy\"></p>"
        );
    }

    #[test]
    fn text_keeps_paragraphs_apart() {
        assert_eq!(to_text("<p>One &amp; two.</p>\n<p>Three.</p>"), "One & two.\n\nThree.");
    }
}
