//! The input of readers: a file that can be read more than once, in any encoding.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Number of bytes at the start of a file among which its encoding is declared.
const HEAD: usize = 1_024;
/// Number of bytes that are decoded at a time.
const BLOCK: usize = 65_536;

/// An input that can be read again from its start.
pub trait Input: BufRead + Send {
    /// Continues at the start.
    ///
    /// # Errors
    /// Fails if the file cannot be read again.
    fn restart(&mut self) -> io::Result<()>;
}

impl<R: Read + Seek + Send> Input for BufReader<R> {
    fn restart(&mut self) -> io::Result<()> {
        self.seek(SeekFrom::Start(0)).map(drop)
    }
}

/// Returns the text of bytes that should be UTF-8, and whether they are not and were read as windows-1252, in which
/// every byte is a character.
pub fn text_of_bytes(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), false),
        Err(_) => (WINDOWS_1252.decode_without_bom_handling(bytes).0, true),
    }
}

/// Returns the input as UTF-8 without a byte order mark. The encoding is that of the mark, else the one that is given,
/// else UTF-16 if the first letters have it, else UTF-8; bytes of the latter stay as they are.
///
/// # Errors
/// Fails for a label that names no encoding, and if the input cannot be read.
pub fn as_utf8(mut input: Box<dyn Input>, label: Option<&str>) -> io::Result<Box<dyn Input>> {
    let start = input.fill_buf()?;
    let (encoding, mark) = match (Encoding::for_bom(start), label) {
        (Some((encoding, length)), _) => (encoding, length),
        (None, Some(label)) => {
            let wrong = || io::Error::new(io::ErrorKind::InvalidData, format!("\"{label}\" is not a known encoding"));
            (Encoding::for_label(label.as_bytes()).ok_or_else(wrong)?, 0)
        }
        // Each of these formats begins with two letters of ASCII, which in UTF-16 have a byte of zeros each.
        (None, None) => match *start {
            [first, 0, second, 0, ..] if first != 0 && second != 0 => (UTF_16LE, 0),
            [0, first, 0, second, ..] if first != 0 && second != 0 => (UTF_16BE, 0),
            _ => (UTF_8, 0),
        },
    };
    if encoding == UTF_8 && mark == 0 {
        return Ok(input);
    }
    Ok(Box::new(DecodedInput::new(input, encoding, mark)?))
}

/// Returns the encoding that the XML declaration of a file names (XML 1.0, section 4.3.3).
///
/// # Errors
/// Fails if the input cannot be read.
pub fn declared_in_xml(input: &mut dyn Input) -> io::Result<Option<String>> {
    let start = input.fill_buf()?;
    let head = String::from_utf8_lossy(&start[..start.len().min(HEAD)]);
    let declaration = head.trim_start_matches('\u{feff}').trim_start().strip_prefix("<?xml");
    let declaration = declaration.and_then(|rest| rest.split_once("?>")).map(|(declaration, _)| declaration);
    let value = declaration.and_then(|text| text.split_once("encoding")).map(|(_, rest)| rest.trim_start());
    let quoted = value.and_then(|rest| rest.strip_prefix('=')).map(|rest| rest.trim_start());
    Ok(quoted.and_then(|rest| rest.split(['"', '\'']).nth(1)).map(str::to_owned))
}

/// An input whose bytes are decoded to UTF-8.
struct DecodedInput {
    input: Box<dyn Input>,
    encoding: &'static Encoding,
    decoder: Decoder,
    /// Length of the byte order mark.
    mark: usize,
    text: Vec<u8>,
    place: usize,
    ended: bool,
}

impl DecodedInput {
    fn new(input: Box<dyn Input>, encoding: &'static Encoding, mark: usize) -> io::Result<Self> {
        let decoder = encoding.new_decoder_without_bom_handling();
        let mut decoded = Self { input, encoding, decoder, mark, text: Vec::new(), place: 0, ended: false };
        decoded.input.consume(mark);
        Ok(decoded)
    }

    /// Decodes the next bytes. Bytes that are no character of the encoding are an error, since they would be lost.
    fn decode(&mut self) -> io::Result<()> {
        self.text.resize(BLOCK, 0);
        self.place = 0;
        let mut written = 0;
        while written == 0 && !self.ended {
            let bytes = self.input.fill_buf()?;
            let last = bytes.is_empty();
            let (result, read, count, replaced) = self.decoder.decode_to_utf8(bytes, &mut self.text, last);
            self.input.consume(read);
            written = count;
            if replaced {
                let message = format!("the text is not valid {}", self.encoding.name());
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            self.ended = last && result == CoderResult::InputEmpty;
        }
        self.text.truncate(written);
        Ok(())
    }
}

impl Read for DecodedInput {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let count = ready.len().min(out.len());
        out[..count].copy_from_slice(&ready[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for DecodedInput {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.place >= self.text.len() && !self.ended {
            self.decode()?;
        }
        Ok(&self.text[self.place..])
    }

    fn consume(&mut self, count: usize) {
        self.place = (self.place + count).min(self.text.len());
    }
}

impl Input for DecodedInput {
    fn restart(&mut self) -> io::Result<()> {
        self.input.restart()?;
        let mut rest = self.mark;
        while rest > 0 {
            let ready = self.input.fill_buf()?.len().min(rest);
            if ready == 0 {
                break;
            }
            self.input.consume(ready);
            rest -= ready;
        }
        self.decoder = self.encoding.new_decoder_without_bom_handling();
        (self.place, self.ended) = (0, false);
        self.text.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn read_all(input: &mut dyn Input) -> io::Result<String> {
        let mut text = String::new();
        input.read_to_string(&mut text).map(|_| text)
    }

    fn open(bytes: &[u8], label: Option<&str>) -> io::Result<Box<dyn Input>> {
        as_utf8(Box::new(BufReader::with_capacity(7, Cursor::new(bytes.to_vec()))), label)
    }

    fn read_twice(bytes: &[u8], label: Option<&str>) -> String {
        let mut input = open(bytes, label).unwrap();
        let first = read_all(&mut *input).unwrap();
        input.restart().unwrap();
        assert_eq!(first, read_all(&mut *input).unwrap());
        first
    }

    #[test]
    fn all_encodings_become_utf_8() {
        assert_eq!(read_twice("Straße, lang genug".as_bytes(), None), "Straße, lang genug");
        assert_eq!(read_twice(b"\xef\xbb\xbfStra\xc3\x9fe", None), "Straße");
        assert_eq!(read_twice(b"Stra\xdfe und Gr\xfc\xdfe", Some("ISO-8859-1")), "Straße und Grüße");
        assert_eq!(read_twice(b"\xff\xfeS\x00t\x00\xdf\x00", None), "Stß");
        assert_eq!(read_twice(b"A\x00:\x00A\x01", None), "A:Ł");
        assert_eq!(read_twice(b"\x00A\x00:\x01A", None), "A:Ł");
        assert!(open(b"x", Some("klingon")).is_err());
        assert!(open(b"\x81 wrong", Some("shift_jis")).and_then(|mut input| read_all(&mut *input)).is_err());
        assert_eq!(text_of_bytes(b"Stra\xdfe"), (Cow::Borrowed("Straße"), true));
    }

    #[test]
    fn xml_names_its_encoding() {
        for (text, encoding) in [
            ("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>", Some("ISO-8859-1")),
            ("<?xml version='1.0' encoding = 'utf-8' standalone='yes'?>", Some("utf-8")),
            ("<?xml version=\"1.0\"?><a encoding=\"x\"/>", None),
            ("<a/>", None),
        ] {
            let mut input = BufReader::new(Cursor::new(text.as_bytes().to_vec()));
            assert_eq!(declared_in_xml(&mut input).unwrap().as_deref(), encoding, "{text}");
        }
    }
}
