//! The content lines of iCalendar (RFC 5545, section 3.1), unfolded. Non-conforming files are accepted: any line
//! ending, a byte order mark, NUL characters, text that is not UTF-8, and the soft line breaks of vCalendar 1.0.

use std::collections::VecDeque;
use std::io::{BufRead, Read};

use crate::transfer::read::input::{Input, text_of_bytes};

/// Greatest length of a content line, in bytes.
const LONGEST: usize = 1_048_576;

/// Number of bytes of a content line among which its encoding is said.
const LONGEST_HEAD: usize = 1_024;

/// An iterator over content lines.
pub struct Lines<'a> {
    input: &'a mut dyn Input,
    number: usize,
    /// Physical lines that are read but not returned. A single read can give several, if lines end with lone
    /// carriage returns.
    ready: VecDeque<Vec<u8>>,
    ended: bool,
}

/// A content line.
#[derive(Debug, PartialEq, Eq)]
pub struct ContentLine {
    /// Number of its first physical line.
    pub number: usize,
    pub text: String,
    /// Whether it was not UTF-8 and was read as windows-1252.
    pub is_windows_1252: bool,
    /// Whether it is longer than what is read of a line.
    pub is_cut: bool,
}

impl<'a> Lines<'a> {
    /// Creates an iterator over the lines of an input.
    pub fn new(input: &'a mut dyn Input) -> Self {
        Self { input, number: 0, ready: VecDeque::new(), ended: false }
    }

    /// Returns the next content line, an error of the input with the number of its line, or `None` at the end.
    pub fn next(&mut self) -> Option<Result<ContentLine, (usize, String)>> {
        loop {
            let mut bytes = match self.physical_line()? {
                Ok(line) => line,
                Err(error) => return Some(Err((self.number + 1, error))),
            };
            let number = self.number;
            let is_cut = self.unfold(&mut bytes);
            let (text, is_windows_1252) = text_of_bytes(&bytes);
            if !text.trim().is_empty() {
                return Some(Ok(ContentLine { number, text: text.into_owned(), is_windows_1252, is_cut }));
            }
        }
    }

    /// Appends the physical lines that continue a line. Letters can be divided between them, so this precedes the
    /// decoding. Returns whether the line is too long.
    fn unfold(&mut self, line: &mut Vec<u8>) -> bool {
        let (mut is_cut, mut is_encoded) = (false, None);
        loop {
            self.skip_blank();
            let Some(Ok(next)) = self.peek() else { break };
            let soft = line.ends_with(b"=") && is_encoded.unwrap_or_else(|| is_quoted_printable(line));
            if is_encoded.is_none() && (line.len() >= LONGEST_HEAD || line.contains(&b':')) {
                is_encoded = Some(is_quoted_printable(line));
            }
            let rest = match next.first() {
                Some(b' ' | b'\t') => &next[1..],
                _ if soft => next,
                _ => break,
            };
            let length = line.len() - usize::from(soft);
            if length + rest.len() <= LONGEST {
                line.truncate(length);
                line.extend_from_slice(rest);
            } else {
                is_cut = true;
            }
            self.ready.pop_front();
            self.number += 1;
        }
        is_cut
    }

    /// Skips an empty line within a folded one, as some programs write it.
    fn skip_blank(&mut self) {
        // An error of the input is found again, and reported, when the line is read.
        while self.ready.len() < 2 && self.ready.front().is_none_or(Vec::is_empty) && !self.ended {
            if self.fill().is_err() {
                break;
            }
        }
        let continues = self.ready.get(1).and_then(|line| line.first()).is_some_and(|byte| b" \t".contains(byte));
        if continues && self.ready.front().is_some_and(Vec::is_empty) {
            self.ready.pop_front();
            self.number += 1;
        }
    }

    fn peek(&mut self) -> Option<Result<&[u8], String>> {
        if self.ready.is_empty()
            && let Err(error) = self.fill()
        {
            return Some(Err(error));
        }
        self.ready.front().map(|line| Ok(line.as_slice()))
    }

    fn physical_line(&mut self) -> Option<Result<Vec<u8>, String>> {
        match self.peek()? {
            Ok(_) => {
                self.number += 1;
                self.ready.pop_front().map(Ok)
            }
            Err(error) => {
                self.ended = true;
                Some(Err(error))
            }
        }
    }

    fn fill(&mut self) -> Result<(), String> {
        if self.ended {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let mut input = (&mut *self.input).take(LONGEST as u64);
        let count = input.read_until(b'\n', &mut bytes).map_err(|e| e.to_string())?;
        if count == 0 {
            self.ended = true;
            return Ok(());
        }
        bytes.retain(|byte| *byte != 0);
        while bytes.last().is_some_and(|byte| b"\r\n".contains(byte)) {
            bytes.pop();
        }
        self.ready.extend(bytes.split(|byte| *byte == b'\r').map(<[u8]>::to_vec));
        Ok(())
    }
}

/// Returns whether the value of a line is encoded as quoted-printable, as in vCalendar 1.0.
fn is_quoted_printable(line: &[u8]) -> bool {
    let start = &line[..line.len().min(LONGEST_HEAD)];
    let head = start.split(|byte| *byte == b':').next().unwrap_or_default();
    String::from_utf8_lossy(head).to_ascii_uppercase().contains("QUOTED-PRINTABLE")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Cursor};

    fn lines(text: &[u8]) -> Vec<(usize, String, bool)> {
        let mut input = BufReader::new(Cursor::new(text.to_vec()));
        let mut lines = Lines::new(&mut input);
        let mut found = Vec::new();
        while let Some(line) = lines.next() {
            let line = line.unwrap();
            found.push((line.number, line.text, line.is_windows_1252));
        }
        found
    }

    #[test]
    fn unfolds_whatever_the_line_end() {
        let wanted = vec![(1, "A:one two".to_owned(), false), (3, "B:x".to_owned(), false)];
        assert_eq!(lines(b"A:one\r\n  two\r\nB:x\r\n"), wanted);
        assert_eq!(lines(b"A:one\n  two\nB:x"), wanted);
        assert_eq!(lines(b"A:one\r  two\rB:x\r"), wanted);
        assert_eq!(lines(b"A:one\0\r\n\t two\r\nB:\0x"), wanted);
        assert_eq!(lines(b"A:one\r\n\r\n  two\r\nB:x"), [wanted[0].clone(), (4, "B:x".to_owned(), false)]);
        assert_eq!(lines(b"A:one two\r\n\r\n\r\nB:x\r\n\r\n"), [wanted[0].clone(), (4, "B:x".to_owned(), false)]);
    }

    #[test]
    fn letters_are_whole() {
        assert_eq!(lines(b"A:Stra\xc3\r\n \x9fe"), [(1, "A:Straße".to_owned(), false)]);
        assert_eq!(
            lines(b"A:Stra\xdfe\r\nB:\xc3\x9f"),
            [(1, "A:Straße".to_owned(), true), (2, "B:ß".to_owned(), false)]
        );
        assert_eq!(
            lines(b"A;ENCODING=QUOTED-PRINTABLE:a=\r\nb\r\nC:d="),
            [(1, "A;ENCODING=QUOTED-PRINTABLE:ab".to_owned(), false), (3, "C:d=".to_owned(), false)]
        );
    }

    #[test]
    fn the_encoding_is_said_at_the_start_of_a_line() {
        let folded = b"A;ENCODING=QUOTED\r\n -PRINTABLE:a=\r\nb=\r\nc\r\nC:ENCODING=QUOTED-PRINTABLE=\r\nD:e";
        let texts = |bytes: &[u8]| lines(bytes).into_iter().map(|(_, text, _)| text).collect::<Vec<_>>();
        let wanted = ["A;ENCODING=QUOTED-PRINTABLE:abc", "C:ENCODING=QUOTED-PRINTABLE=", "D:e"];
        assert_eq!(texts(folded), wanted);
        let far = format!("A;X={};ENCODING=QUOTED-PRINTABLE:a=\r\nB:b", "x".repeat(LONGEST_HEAD));
        assert_eq!(texts(far.as_bytes()).len(), 2);
    }
}
