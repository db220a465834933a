//! The stored form of snapshots. That of an item has the item's content as the item itself stores it, so that it is
//! compressed once.

use std::io;

use crate::database::compressed_text;

/// First byte of a snapshot in two parts. Other snapshots are texts as [`compressed_text`] stores them, which never
/// begin with it.
const IN_PARTS: u8 = 2;
/// Length of the number that says where the second part begins, in bytes.
const LENGTH: usize = 4;

/// Returns the stored form of a snapshot that is an object with `content` as its last member. `head` is the object up
/// to the value of that member, and `content` the value in its stored form.
pub fn of_parts(head: &str, content: &[u8]) -> Vec<u8> {
    let head = compressed_text::compress(head);
    let mut stored = Vec::with_capacity(1 + LENGTH + head.len() + content.len());
    stored.push(IN_PARTS);
    stored.extend_from_slice(&u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes());
    stored.extend_from_slice(&head);
    stored.extend_from_slice(content);
    stored
}

/// Returns a snapshot as JSON.
///
/// # Errors
///
/// Fails if the stored form is damaged.
pub fn read(stored: &[u8]) -> io::Result<String> {
    let Some((&IN_PARTS, parts)) = stored.split_first() else { return compressed_text::decompress(stored) };
    let damaged = || io::Error::other("a snapshot is damaged");
    let (length, parts) = parts.split_first_chunk::<LENGTH>().ok_or_else(damaged)?;
    let (head, content) = parts.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(damaged)?;
    Ok(format!("{}{}}}", compressed_text::decompress(head)?, compressed_text::decompress(content)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_form() {
        let content = format!("{{\"title\":\"{}\"}}", "Rivers ".repeat(100));
        let whole = format!("{{\"slug\":\"rivers\",\"content\":{content}}}");
        let in_parts = of_parts("{\"slug\":\"rivers\",\"content\":", &compressed_text::compress(&content));
        assert!(in_parts.len() < 100);
        // Those of older versions are plain texts, also in an item that was written before.
        let plain = of_parts("{\"slug\":\"rivers\",\"content\":", content.as_bytes());
        for stored in [in_parts.as_slice(), plain.as_slice(), whole.as_bytes(), &compressed_text::compress(&whole)] {
            assert_eq!(read(stored).ok().as_deref(), Some(whole.as_str()));
        }
        assert!([1, 3, 10, in_parts.len() - 1].into_iter().all(|end| read(&in_parts[..end]).is_err()));
        assert!(read(&[]).is_ok_and(|text| text.is_empty()));
    }
}
