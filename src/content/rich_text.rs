//! Rich text: Markdown (CommonMark with tables and strikethrough) or HTML as input, sanitised HTML as output.

use std::sync::LazyLock;

use ammonia::Builder;
use pulldown_cmark::{Options, Parser};
use serde_json::{Value, json};

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
    fn text_keeps_paragraphs_apart() {
        assert_eq!(to_text("<p>One &amp; two.</p>\n<p>Three.</p>"), "One & two.\n\nThree.");
    }
}
