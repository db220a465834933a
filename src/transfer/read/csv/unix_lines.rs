//! Line ends as `\n`, so that lines are counted right: a parser of CSV counts the second half of `\r\n` late.

use std::io::{self, BufRead, Read};

use csv::{ByteRecord, Reader};

use crate::transfer::read::Input;

/// An input without the carriage returns before line feeds.
pub struct UnixLines {
    pub input: Box<dyn Input>,
    /// Number of bytes that were read since the start.
    length: u64,
    /// Whether the last of them ends a line.
    is_line_end: bool,
}

impl UnixLines {
    pub fn new(input: Box<dyn Input>) -> Self {
        Self { input, length: 0, is_line_end: true }
    }

    /// Returns whether the line before a position, which a reader of this input has reached, has an end. The last one of a
    /// file may have none.
    pub fn has_line_end(&self, position: u64) -> bool {
        position < self.length || self.is_line_end
    }

    /// Continues at the start.
    ///
    /// # Errors
    /// Fails if the file cannot be read again.
    pub fn restart(&mut self) -> io::Result<()> {
        (self.length, self.is_line_end) = (0, true);
        self.input.restart()
    }

    fn note(&mut self, given: &[u8]) {
        self.length += given.len() as u64;
        self.is_line_end = given.last() == Some(&b'\n');
    }
}

impl Read for UnixLines {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let ready = self.input.fill_buf()?;
            let Some(first) = ready.first().copied() else { return Ok(0) };
            if out.is_empty() {
                return Ok(0);
            }
            if first != b'\r' {
                let length = ready.iter().position(|byte| *byte == b'\r').unwrap_or(ready.len()).min(out.len());
                out[..length].copy_from_slice(&ready[..length]);
                self.input.consume(length);
                self.note(&out[..length]);
                return Ok(length);
            }
            self.input.consume(1);
            if self.input.fill_buf()?.first() != Some(&b'\n') {
                out[0] = b'\r';
                self.note(b"\r");
                return Ok(1);
            }
        }
    }
}

/// Returns the number of the first line of the row that a reader has read last. The position that the row has is where the
/// reader began to look for it, which may be at blank lines.
pub fn first_line(row: &ByteRecord, reader: &Reader<&mut UnixLines>) -> u64 {
    let end = reader.position();
    let within = row.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
    let own_end = u64::from(reader.get_ref().has_line_end(end.byte()));
    end.line().saturating_sub(within + own_end).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Cursor};

    #[test]
    fn only_line_ends_change() {
        for capacity in [1, 3, 100] {
            let input = BufReader::with_capacity(capacity, Cursor::new(b"a\r\nb\rc\n\r\n\r\r\nd\r".to_vec()));
            let mut text = String::new();
            UnixLines::new(Box::new(input)).read_to_string(&mut text).unwrap();
            assert_eq!(text, "a\nb\rc\n\n\r\nd\r");
        }
    }

    #[test]
    fn rows_have_their_own_lines() {
        for end in ["", "\r\n", "\n\n"] {
            for capacity in [1, 3, 100] {
                let text = format!("\r\na,b\r\n\"c\r\n\r\n\",d\n\n\r\ne,f\n\ng,\"h\ni\"{end}");
                let input = BufReader::with_capacity(capacity, Cursor::new(text.into_bytes()));
                let mut lines = UnixLines::new(Box::new(input));
                let mut reader =
                    csv::ReaderBuilder::new().has_headers(false).buffer_capacity(capacity).from_reader(&mut lines);
                let (mut row, mut found) = (ByteRecord::new(), Vec::new());
                while reader.read_byte_record(&mut row).unwrap() {
                    found.push(first_line(&row, &reader));
                }
                assert_eq!(found, [2, 3, 8, 10], "{end:?} by {capacity}");
            }
        }
    }
}
