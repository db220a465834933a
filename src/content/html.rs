//! Plain text within HTML.

/// Escapes plain text for a place between the tags of HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(escape("R&D <b>\"now\"</b> &amp;"), "R&amp;D &lt;b&gt;\"now\"&lt;/b&gt; &amp;amp;");
    }
}
