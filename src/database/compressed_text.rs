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
    compress_from(LEAST, json)
}

/// Returns the stored form of a text that is compressed from this length on, in bytes. It must be JSON, or a part of it.
pub fn compress_from(least: usize, json: &str) -> Vec<u8> {
    let plain = || json.as_bytes().to_vec();
    if json.len() < least { plain() } else { compress_bytes(json.as_bytes()).unwrap_or_else(|_| plain()) }
}

/// Returns the Zstandard frame of these bytes, which says their length.
///
/// # Errors
///
/// Fails if there is no memory for it.
pub fn compress_bytes(bytes: &[u8]) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(Compressor::new(LEVEL)?),
        };
        compressor.compress(bytes)
    })
}

/// Returns a text of which this is the stored form.
///
/// # Errors
///
/// Fails if the stored form is damaged.
pub fn decompress(stored: &[u8]) -> io::Result<String> {
    let json = match stored.starts_with(&MAGIC) {
        true => decompress_bytes(stored)?,
        false => stored.to_vec(),
    };
    String::from_utf8(json).map_err(io::Error::other)
}

/// Returns the bytes of a frame of [`compress_bytes`].
///
/// # Errors
///
/// Fails if the frame is damaged.
pub fn decompress_bytes(stored: &[u8]) -> io::Result<Vec<u8>> {
    let length = get_frame_content_size(stored).ok().flatten().and_then(|length| usize::try_from(length).ok());
    // `compress_bytes` says the length.
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
