//! Line ends as `\n`, so that lines are counted right: a parser of CSV counts the second half of `\r\n` late.

use std::io::{self, BufRead, Read};

use crate::transfer::read::Input;

/// An input without the carriage returns before line feeds.
pub struct UnixLines(pub Box<dyn Input>);

impl UnixLines {
    /// Continues at the start.
    ///
    /// # Errors
    /// Fails if the file cannot be read again.
    pub fn restart(&mut self) -> io::Result<()> {
        self.0.restart()
    }
}

impl Read for UnixLines {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let ready = self.0.fill_buf()?;
            let Some(first) = ready.first().copied() else { return Ok(0) };
            if out.is_empty() {
                return Ok(0);
            }
            if first != b'\r' {
                let length = ready.iter().position(|byte| *byte == b'\r').unwrap_or(ready.len()).min(out.len());
                out[..length].copy_from_slice(&ready[..length]);
                self.0.consume(length);
                return Ok(length);
            }
            self.0.consume(1);
            if self.0.fill_buf()?.first() != Some(&b'\n') {
                out[0] = b'\r';
                return Ok(1);
            }
        }
    }
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
            UnixLines(Box::new(input)).read_to_string(&mut text).unwrap();
            assert_eq!(text, "a\nb\rc\n\n\r\nd\r");
        }
    }
}
