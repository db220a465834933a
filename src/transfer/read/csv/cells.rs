//! What programs write around the values of a table: a line with the separator, an apostrophe before what looks like a
//! formula, and quotes around an entry of a list.

use std::io;

use csv::ByteRecord;

use super::unix_lines::UnixLines;
use crate::transfer::read::input::text_of_bytes;

/// First characters of what a spreadsheet takes for a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Reads the line `sep=;` with which Excel marks the separator, if the input begins with one. Returns the separator.
///
/// # Errors
/// Fails if the input cannot be read.
pub fn separator(input: &mut UnixLines) -> io::Result<Option<u8>> {
    let start = input.input.fill_buf()?;
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let is_quoted = text.first() == Some(&b'"');
    let rest = text.get(usize::from(is_quoted)..).unwrap_or_default();
    let is_marked = rest.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"sep="));
    let (true, Some(separator)) = (is_marked, rest.get(4).copied()) else { return Ok(None) };
    let end = &rest[5..];
    let end = if is_quoted { end.strip_prefix(b"\"").unwrap_or(end) } else { end };
    let line_end = match end {
        [b'\r', b'\n', ..] => 2,
        [b'\n' | b'\r', ..] => 1,
        _ => return Ok(None),
    };
    let length = start.len() - end.len() + line_end;
    input.input.consume(length);
    Ok(Some(separator))
}

/// Returns a value without the apostrophe that keeps a spreadsheet from running it as a formula (OWASP, "CSV Injection");
/// `None` if it has none.
fn strip_guard(cell: &str) -> Option<&str> {
    cell.strip_prefix('\'').filter(|bare| bare.trim_start_matches('\'').starts_with(FORMULA))
}

/// Returns the entries of a list. One that has the separator within it is in quotes, with a quote within it doubled, as RFC
/// 4180 has it for values.
pub fn entries(text: &str, split: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (entry, after) = quoted_entry(rest, split).unwrap_or_else(|| {
            let (entry, after) = rest.split_once(split).unwrap_or((rest, ""));
            (entry.trim().to_owned(), after)
        });
        all.push(entry);
        rest = after.trim_start();
    }
    all.retain(|entry| !entry.is_empty());
    all
}

/// Returns the entry in quotes with which a text begins, and what follows its separator.
fn quoted_entry<'a>(text: &'a str, split: &str) -> Option<(String, &'a str)> {
    let within = text.strip_prefix('"')?;
    let (mut entry, mut rest) = (String::new(), within);
    loop {
        let (before, after) = rest.split_once('"')?;
        entry.push_str(before);
        let Some(more) = after.strip_prefix('"') else {
            let after = after.trim_start();
            let next = if after.is_empty() { "" } else { after.strip_prefix(split.trim_start())? };
            return Some((entry.trim().to_owned(), next));
        };
        entry.push('"');
        rest = more;
    }
}

/// Returns the values of a row, and whether one of them is not UTF-8.
pub fn texts_of(cells: &ByteRecord) -> (Vec<String>, bool) {
    let texts: Vec<_> = cells.iter().map(text_of_bytes).collect();
    let is_windows_1252 = texts.iter().any(|(_, is_windows_1252)| *is_windows_1252);
    (texts.into_iter().map(|(text, _)| text.into_owned()).collect(), is_windows_1252)
}

/// Removes the apostrophes before what looks like a formula. Returns whether there were any.
pub fn unguard(texts: &mut [String]) -> bool {
    let mut is_guarded = false;
    for text in texts {
        if let Some(bare) = strip_guard(text).map(str::to_owned) {
            *text = bare;
            is_guarded = true;
        }
    }
    is_guarded
}

/// Makes a row as long as the header, where only empty values are missing or too many. Returns the number of values that the
/// file has.
pub fn fit(texts: &mut Vec<String>, columns: usize) -> usize {
    let given = texts.len();
    while texts.len() > columns && texts.last().is_some_and(|text| text.trim().is_empty()) {
        texts.pop();
    }
    if texts.len() < columns {
        texts.resize(columns, String::new());
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Cursor, Read as _};

    #[test]
    fn a_line_names_the_separator() {
        for (text, separator_of, rest) in [
            ("sep=;\r\na;b\n", Some(b';'), "a;b\n"),
            ("\u{feff}SEP=|\na|b\n", Some(b'|'), "a|b\n"),
            ("\"sep=\t\"\na\tb", Some(b'\t'), "a\tb"),
            ("sep=;;\na;b\n", None, "sep=;;\na;b\n"),
            ("sep,b\n", None, "sep,b\n"),
            ("", None, ""),
        ] {
            let mut input = UnixLines::new(Box::new(BufReader::new(Cursor::new(text.as_bytes().to_vec()))));
            assert_eq!(separator(&mut input).unwrap(), separator_of, "{text}");
            let mut left = String::new();
            input.read_to_string(&mut left).unwrap();
            assert_eq!(left, rest);
        }
    }

    #[test]
    fn apostrophes_before_formulas_go() {
        for (cell, bare) in [
            ("'=1+2", Some("=1+2")),
            ("'-40 °C", Some("-40 °C")),
            ("''=x", Some("'=x")),
            ("'t Spui", None),
            ("=1", None),
            ("'", None),
        ] {
            assert_eq!(strip_guard(cell), bare, "{cell}");
        }
    }

    #[test]
    fn entries_may_have_the_separator_in_quotes() {
        for (text, split, wanted) in [
            ("Water; Law", ";", &["Water", "Law"][..]),
            ("\"Law, order; rivers\"; Water", ";", &["Law, order; rivers", "Water"]),
            ("Water; \"a \"\"b\"\"; c\"", "; ", &["Water", "a \"b\"; c"]),
            ("\"Big\" ideas; Water", ";", &["\"Big\" ideas", "Water"]),
            ("\"open; Water;;", ";", &["\"open", "Water"]),
            ("Water", ";", &["Water"]),
        ] {
            assert_eq!(entries(text, split), wanted, "{text}");
        }
    }
}
