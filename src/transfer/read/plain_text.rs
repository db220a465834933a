//! Plain text and HTML in fields of rich text: plain text is never read as markup.

use serde_json::{Value, json};

use crate::content::html::escape;

/// Tags whose end, or which alone, show that a text is HTML.
const TAGS: [&str; 20] = [
    "a",
    "b",
    "blockquote",
    "body",
    "div",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "html",
    "i",
    "li",
    "ol",
    "p",
    "span",
    "strong",
    "table",
    "u",
    "ul",
];

/// Returns the value of a rich text field for a text that is HTML if it plainly is, and else plain text.
pub fn rich_value(text: &str) -> Value {
    if !is_html(text) {
        return plain_value(text);
    }
    let source = if has_blocks(text) { text.to_owned() } else { with_breaks(text) };
    json!({"format": "html", "source": source})
}

/// Returns the value of a rich text field for a text that is surely plain, whatever it looks like.
pub fn plain_value(text: &str) -> Value {
    json!({"format": "html", "source": paragraphs(text)})
}

/// Returns whether a text has elements that begin on a line of their own, so that its line ends say nothing.
fn has_blocks(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["<p", "<div", "<li", "<h1", "<h2", "<h3", "<table"].iter().any(|tag| lower.contains(tag))
}

/// Returns a text with a line break at each line end, unless it is there already: some programs add lines of plain text to
/// HTML.
fn with_breaks(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().map(str::trim_end).collect();
    let has_break = |line: &str| ["<br>", "<br/>", "<br />"].iter().any(|tag| line.to_lowercase().ends_with(tag));
    let last = lines.len().saturating_sub(1);
    let ended = lines.iter().enumerate().map(|(at, line)| {
        let end = if at == last || has_break(line) { "" } else { "<br>" };
        format!("{line}{end}")
    });
    ended.collect::<Vec<_>>().join("\n")
}

/// Returns the value of a rich text field for HTML. Its line ends are line breaks if no tag makes any.
pub fn html_value(text: &str) -> Value {
    let breaks = has_blocks(text) || text.to_lowercase().contains("<br");
    let source = if breaks { text.to_owned() } else { text.trim().replace('\n', "<br>\n") };
    json!({"format": "html", "source": source})
}

/// Returns whether a text plainly is HTML: it has a line break, or the end of an element.
fn is_html(text: &str) -> bool {
    let lower = text.to_lowercase();
    let name = |rest: &str| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
    let ends = |tag: &str| lower.match_indices("</").any(|(at, _)| name(&lower[at + 2..]) == tag);
    let breaks = |(at, _): (usize, &str)| lower[at + 3..].trim_start().starts_with(['>', '/']);
    lower.match_indices("<br").any(breaks) || TAGS.into_iter().any(ends)
}

/// Returns plain text as HTML: blank lines end paragraphs, other line ends are line breaks.
fn paragraphs(text: &str) -> String {
    let escaped = escape(text.trim());
    let lines: Vec<&str> = escaped.lines().map(str::trim_end).collect();
    let parts = lines.split(|line| line.trim().is_empty()).filter(|part| !part.is_empty());
    parts.map(|part| format!("<p>{}</p>", part.join("<br>\n"))).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_plain() {
        let text = "09:00 Doors\n09:30 Welcome\n\n# 2 of 5\nWrite to <desk@example.org>, 2 < 3 & a *star*";
        let wanted = "<p>09:00 Doors<br>\n09:30 Welcome</p>\n<p># 2 of 5<br>\nWrite to &lt;desk@example.org&gt;, 2 &lt; 3 &amp; a *star*</p>";
        assert_eq!(rich_value(text)["source"], wanted);
        assert_eq!(rich_value("Use the <table> tag")["source"], "<p>Use the &lt;table&gt; tag</p>");
    }

    #[test]
    fn html_is_known_by_its_tags() {
        assert_eq!(rich_value("One<br>two")["source"], "One<br>two");
        assert_eq!(
            rich_value("See <a href=\"https://a.example/\">this</a>\nor that")["source"],
            "See <a href=\"https://a.example/\">this</a><br>\nor that"
        );
        assert_eq!(rich_value("One<br>two\n\nthree<br/>\nfour")["source"], "One<br>two<br>\n<br>\nthree<br/>\nfour");
        assert_eq!(rich_value("<p>A</p>\n<p>B</p>")["source"], "<p>A</p>\n<p>B</p>");
    }
}
