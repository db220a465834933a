//! Long texts as they are stored: compressed, since most of the texts of an item are in it twice (source and HTML), and
//! each page of the database that a write changes costs more than the compression.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::get_frame_content_size;

/// First bytes of a compressed text (RFC 8878, section 3.1.1). JSON begins with none of them, so that texts that are
/// stored as they are, as short ones and those of older versions, are told apart.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Length in bytes from which a text is compressed.
const LEAST: usize = 256;
/// Level of compression. Higher ones take longer, and the writer waits.
const LEVEL: i32 = 1;

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Returns the stored form of a text, which must be JSON.
pub fn compress(json: &str) -> Vec<u8> {
    match json.len() {
        LEAST.. => try_compress(json.as_bytes()).unwrap_or_else(|_| json.as_bytes().to_vec()),
        _ => json.as_bytes().to_vec(),
    }
}

fn try_compress(json: &[u8]) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(Compressor::new(LEVEL)?),
        };
        compressor.compress(json)
    })
}

/// Returns a text of which this is the stored form.
///
/// # Errors
///
/// Fails if the stored form is damaged.
pub fn decompress(stored: &[u8]) -> io::Result<String> {
    let json = match stored.starts_with(&MAGIC) {
        true => try_decompress(stored)?,
        false => stored.to_vec(),
    };
    String::from_utf8(json).map_err(io::Error::other)
}

fn try_decompress(stored: &[u8]) -> io::Result<Vec<u8>> {
    let length = get_frame_content_size(stored).ok().flatten().and_then(|length| usize::try_from(length).ok());
    // `compress` says the length of each text.
    let length = length.ok_or_else(|| io::Error::other("a compressed text is damaged"))?;
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new()?),
        };
        decompressor.decompress(stored, length)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_was_stored_as_it_is() {
        assert_eq!(decompress(b"{\"content\":{}}").ok().as_deref(), Some("{\"content\":{}}"));
        assert!(decompress(&[MAGIC.as_slice(), b"damaged"].concat()).is_err());
        assert!(decompress(&[0xff, 0xfe]).is_err());
    }

    #[test]
    fn long_ones_are_compressed() {
        let long = format!("{{\"title\":\"{}\"}}", "Rivers ".repeat(1_000));
        assert!(compress(&long).len() < 200);
    }

    proptest! {
        #[test]
        fn what_is_compressed_is_read_again(text in ".{0,600}") {
            let json = serde_json::json!({"title": text}).to_string();
            prop_assert_eq!(decompress(&compress(&json)).ok(), Some(json));
        }
    }
}
