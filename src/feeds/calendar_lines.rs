//! Content lines of iCalendar (RFC 5545, section 3.1) for properties that the library does not escape.

/// Returns a content line, folded after 75 bytes between characters.
pub fn property(name: &str, value: &str) -> String {
    let whole = format!("{name}:{value}");
    let (mut out, mut width) = (String::with_capacity(whole.len() + 8), 0);
    for letter in whole.chars() {
        if width + letter.len_utf8() > 75 {
            out.push_str("\r\n ");
            width = 1;
        }
        out.push(letter);
        width += letter.len_utf8();
    }
    out.push_str("\r\n");
    out
}

/// Escapes a text as a property value (RFC 5545, section 3.3.11).
pub fn escape_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,").replace('\n', "\\n").replace('\r', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_between_letters() {
        let long = property("X", &"ü".repeat(100));
        assert!(long.split("\r\n").all(|line| line.len() <= 75), "{long}");
        assert_eq!(long.replace("\r\n ", "").trim_end(), format!("X:{}", "ü".repeat(100)));
        assert_eq!(escape_text("a;b,c\\d\ne"), "a\\;b\\,c\\\\d\\ne");
    }
}
