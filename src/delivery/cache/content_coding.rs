//! Content codings (RFC 9110, section 8.4): the choice between them, and the encoding of bodies.

use std::io::Write;

/// Minimum size of a body that is encoded, in bytes.
const MIN_BYTES: usize = 1_024;

/// A supported content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// Brotli (RFC 7932).
    Brotli,
    /// Zstandard (RFC 8878).
    Zstd,
    /// gzip (RFC 1952).
    Gzip,
}

impl Coding {
    /// Every supported coding, the preferred one first.
    pub const ALL: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

    /// Returns the name of the coding in `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
            Coding::Gzip => "gzip",
        }
    }

    /// Returns the entity tag of a response in this coding: another representation has another tag.
    pub fn tag(self, tag: &str) -> String {
        format!("{}+{}\"", tag.trim_end_matches('"'), self.name())
    }

    /// Returns the coding that the client prefers by the weights of `Accept-Encoding`; among equal weights,
    /// the server's preference decides.
    pub fn negotiate(accept: &str) -> Option<Self> {
        let weight = |coding: Coding| {
            let entry = accept.split(',').map(str::trim).find(|part| {
                let name = part.split(';').next().unwrap_or_default().trim();
                name.eq_ignore_ascii_case(coding.name())
            })?;
            let quality = entry.split_once("q=").map_or(Ok(1.0), |(_, q)| q.trim().parse::<f32>()).unwrap_or(0.0);
            (quality > 0.0).then_some(quality)
        };
        let mut best: Option<(f32, Coding)> = None;
        for coding in Coding::ALL {
            match weight(coding) {
                Some(quality) if best.is_none_or(|(most, _)| quality > most) => best = Some((quality, coding)),
                _ => {}
            }
        }
        best.map(|(_, coding)| coding)
    }

    /// Returns whether a body is large enough to be encoded.
    pub fn is_worth(self, body: &[u8]) -> bool {
        body.len() >= MIN_BYTES
    }

    /// Returns the encoded body, or `None` if the body is too small to be worth it.
    pub fn encode(self, body: &[u8]) -> Option<Vec<u8>> {
        if !self.is_worth(body) {
            return None;
        }
        let mut encoded = Vec::with_capacity(body.len() / 3);
        match self {
            Coding::Brotli => {
                let mut writer = brotli::CompressorWriter::new(&mut encoded, 16_384, 4, 20);
                writer.write_all(body).and_then(|()| writer.flush()).ok()?;
                drop(writer);
            }
            Coding::Zstd => encoded = zstd::bulk::compress(body, 3).ok()?,
            Coding::Gzip => {
                let mut writer = flate2::write::GzEncoder::new(&mut encoded, flate2::Compression::new(5));
                writer.write_all(body).ok()?;
                writer.finish().ok()?;
            }
        }
        Some(encoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_client_and_then_our_own_order() {
        assert_eq!(Coding::negotiate("gzip, deflate, br, zstd"), Some(Coding::Brotli));
        assert_eq!(Coding::negotiate("gzip;q=1.0, br;q=0.5"), Some(Coding::Gzip));
        assert_eq!(Coding::negotiate("br;q=0, GZIP"), Some(Coding::Gzip));
        assert_eq!(Coding::negotiate("identity"), None);
        assert_eq!(Coding::negotiate(""), None);
    }
}
