//! The content lines of iCalendar (RFC 5545, section 3.1), unfolded. Non-conforming files are accepted: any
//! line ending, a byte order mark, NUL characters, and text that is not UTF-8.

use std::io::{BufRead, Read};

/// Greatest length of a content line, in bytes.
const LONGEST: usize = 1_048_576;

/// An iterator over content lines, each with the number of its first physical line.
pub struct Lines {
    input: Box<dyn BufRead>,
    number: usize,
    /// Physical lines that are read but not returned. A single read can give several, if lines end with lone
    /// carriage returns.
    ready: std::collections::VecDeque<String>,
    ended: bool,
}

impl Lines {
    /// Creates an iterator over the lines of an input.
    pub fn new(input: Box<dyn BufRead>) -> Self {
        Self { input, number: 0, ready: std::collections::VecDeque::new(), ended: false }
    }

    /// Returns the next content line with its number, an error of the input, or `None` at the end.
    pub fn next(&mut self) -> Option<(usize, Result<String, String>)> {
        loop {
            let first = match self.physical()? {
                Ok(line) => line,
                Err(error) => return Some((self.number + 1, Err(error))),
            };
            let number = self.number;
            let mut line = first;
            while let Some(Ok(next)) = self.peek() {
                let Some(rest) = next.strip_prefix([' ', '\t']) else { break };
                if line.len() + rest.len() <= LONGEST {
                    line.push_str(rest);
                }
                self.ready.pop_front();
                self.number += 1;
            }
            if !line.trim().is_empty() {
                return Some((number, Ok(line)));
            }
        }
    }

    fn peek(&mut self) -> Option<Result<&str, String>> {
        if self.ready.is_empty()
            && let Err(error) = self.fill()
        {
            return Some(Err(error));
        }
        self.ready.front().map(|line| Ok(line.as_str()))
    }

    fn physical(&mut self) -> Option<Result<String, String>> {
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
        let count =
            self.input.by_ref().take(LONGEST as u64).read_until(b'\n', &mut bytes).map_err(|e| e.to_string())?;
        if count == 0 {
            self.ended = true;
            return Ok(());
        }
        bytes.retain(|byte| *byte != 0);
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']);
        self.ready.extend(text.split('\r').map(str::to_owned));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &'static [u8]) -> Vec<(usize, String)> {
        let mut lines = Lines::new(Box::new(text));
        std::iter::from_fn(|| lines.next()).map(|(number, line)| (number, line.unwrap())).collect()
    }

    #[test]
    fn unfolds_whatever_the_line_end() {
        let wanted = vec![(1, "A:one two".to_owned()), (3, "B:x".to_owned())];
        assert_eq!(lines(b"\xef\xbb\xbfA:one\r\n  two\r\nB:x\r\n"), wanted);
        assert_eq!(lines(b"A:one\n  two\nB:x"), wanted);
        assert_eq!(lines(b"A:one\r  two\rB:x\r"), wanted);
        assert_eq!(lines(b"A:one\0\r\n\t two\r\nB:\0x"), wanted);
    }
}
