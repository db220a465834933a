//! Paths of the website, and patterns of them.
//!
//! Paths are compared segment by segment, after percent-decoding, in Unicode's composed form (NFC), without regard to the case
//! of ASCII letters, to empty segments and to a slash at the end. A pattern has placeholders: `{name}` stands for a segment or a part of one, and
//! `{*name}` at the end for all further segments, of which there may be none. A comparison takes time in proportion to the
//! length of the path, whatever the pattern: each segment has at most one placeholder, so nothing is tried twice.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use unicode_normalization::UnicodeNormalization;

/// Maximum length of a path, in bytes.
pub const MAX_SITE_PATH: usize = 2_000;
/// Maximum number of segments of a path with a redirect.
pub const MAX_SITE_SEGMENTS: usize = 32;
/// Maximum number of placeholders of a pattern.
const MAX_PLACEHOLDERS: usize = 10;

/// The characters that are encoded in a segment of a path, besides those that are not ASCII.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A path of the website, as its decoded segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitePath(Vec<String>);

impl SitePath {
    /// Parses a path, which begins with a slash; what follows `?` or `#` is left out. Returns `None` for a text that is no
    /// path of a website: one that is too long, is no UTF-8 after decoding, or has control characters.
    pub fn parse(text: &str) -> Option<Self> {
        let path = text.split(['?', '#']).next().filter(|path| path.starts_with('/') && path.len() <= MAX_SITE_PATH)?;
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        segments.map(decode_segment).collect::<Option<Vec<String>>>().map(Self)
    }

    /// Creates a path of these decoded segments.
    pub fn from_segments(segments: Vec<String>) -> Self {
        Self(segments)
    }

    /// Returns the decoded segments.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// Returns the text by which equal paths are found.
    pub fn key(&self) -> String {
        key_of(&self.0)
    }

    /// Returns the keys of the path and of all above it, the root first, as far as a redirect may have them.
    pub fn keys_above(&self) -> Vec<String> {
        (0..=self.0.len().min(MAX_SITE_SEGMENTS)).map(|count| key_of(&self.0[..count])).collect()
    }

    /// Returns the path as it stands in an address.
    pub fn encode(&self) -> String {
        format!("/{}", encode_segments(&self.0))
    }

    /// Returns the path with its letters in the composed form, in which browsers and servers know it.
    pub fn to_nfc(&self) -> Self {
        Self(self.0.iter().map(|segment| to_nfc(segment).into_owned()).collect())
    }
}

/// Returns the key of a path with these segments. What has a meaning in paths stays encoded, so that keys of different paths
/// differ, and a key is a path itself.
fn key_of(segments: &[String]) -> String {
    let reserved = [('%', "%25"), ('/', "%2f"), ('?', "%3f"), ('#', "%23"), ('{', "%7b"), ('}', "%7d")];
    let key = |segment: &String| {
        // In lower case, a letter can have a composed form that it did not have before.
        let lower = to_nfc(&to_nfc(segment).to_ascii_lowercase()).into_owned();
        reserved.into_iter().fold(lower, |text, (from, to)| text.replace(from, to))
    };
    format!("/{}", segments.iter().map(key).collect::<Vec<_>>().join("/"))
}

/// Returns a text in Unicode's composed form (NFC): systems differ in the form in which they write letters with accents.
pub(super) fn to_nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// Returns segments as they stand in an address.
pub fn encode_segments(segments: &[String]) -> String {
    let encoded = |segment: &String| utf8_percent_encode(segment, SEGMENT).to_string();
    segments.iter().map(encoded).collect::<Vec<_>>().join("/")
}

fn decode_segment(segment: &str) -> Option<String> {
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    (!text.chars().any(char::is_control)).then(|| text.into_owned())
}

/// What the placeholders of a pattern stand for, by their names.
pub type Captures = Vec<(String, Vec<String>)>;

/// A pattern of paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    pub(super) parts: Vec<SegmentPattern>,
    /// Name of the placeholder for all further segments.
    pub(super) rest: Option<String>,
}

/// The pattern of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SegmentPattern {
    pub(super) before: String,
    pub(super) name: Option<String>,
    pub(super) after: String,
}

impl PathPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    ///
    /// Returns the rule that the text violates.
    pub fn parse(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix('/').ok_or("a path begins with a slash")?;
        let mut pattern = Self { parts: Vec::new(), rest: None };
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            if pattern.rest.is_some() {
                return Err("a placeholder with `*` is the last segment".to_owned());
            }
            match segment.strip_prefix("{*").and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => pattern.rest = Some(placeholder(name)?),
                None => pattern.parts.push(part(segment)?),
            }
        }
        let names: Vec<&str> = pattern.names().collect();
        if names.iter().enumerate().any(|(index, name)| names[..index].contains(name)) {
            return Err("two placeholders have the same name".to_owned());
        }
        if names.len() > MAX_PLACEHOLDERS {
            return Err(format!("a pattern has at most {MAX_PLACEHOLDERS} placeholders"));
        }
        Ok(pattern)
    }

    /// Returns the names of the placeholders.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| part.name.as_deref()).chain(self.rest.as_deref())
    }

    /// Returns the text that patterns have in common which match the same paths: placeholders without names.
    pub fn key(&self) -> String {
        let fixed = |text: &str| key_of(&[text.to_owned()])[1..].to_owned();
        let part = |part: &SegmentPattern| {
            let place = if part.name.is_some() { "{}" } else { "" };
            format!("/{}{place}{}", fixed(&part.before), fixed(&part.after))
        };
        let rest = if self.rest.is_some() { "/{*}" } else { "" };
        format!("{}{rest}", self.parts.iter().map(part).collect::<String>())
    }

    /// Returns what the placeholders stand for in a path; `None` if the pattern does not match it.
    pub fn matches(&self, path: &SitePath) -> Option<Captures> {
        let segments = path.segments();
        let has_length = match self.rest {
            Some(_) => segments.len() >= self.parts.len(),
            None => segments.len() == self.parts.len(),
        };
        if !has_length {
            return None;
        }
        let mut captures = Captures::new();
        for (part, segment) in self.parts.iter().zip(segments) {
            let segment = part.comparable_text(segment);
            let inner = part.inner_text(&segment)?;
            captures.extend(part.name.as_ref().map(|name| (name.clone(), vec![inner.to_owned()])));
        }
        captures.extend(self.rest.as_ref().map(|name| (name.clone(), segments[self.parts.len()..].to_vec())));
        Some(captures)
    }

    /// Returns a path that the pattern matches, with this word for each placeholder.
    pub fn sample(&self, word: &str) -> SitePath {
        let part = |part: &SegmentPattern| match part.name {
            Some(_) => format!("{}{word}{}", part.before, part.after),
            None => part.before.clone(),
        };
        SitePath(self.parts.iter().map(part).chain(self.rest.as_ref().map(|_| word.to_owned())).collect())
    }
}

impl SegmentPattern {
    /// Returns a segment as it is compared with the fixed text of the part, if there is any.
    fn comparable_text<'a>(&self, segment: &'a str) -> Cow<'a, str> {
        let is_free = self.name.is_some() && self.before.is_empty() && self.after.is_empty();
        if is_free { Cow::Borrowed(segment) } else { to_nfc(segment) }
    }

    /// Returns the text of a segment between what is fixed; `None` if the segment does not match.
    pub(super) fn inner_text<'a>(&self, segment: &'a str) -> Option<&'a str> {
        if self.name.is_none() {
            return segment.eq_ignore_ascii_case(&self.before).then_some("");
        }
        let end = segment.len().checked_sub(self.after.len())?;
        let inner = segment.get(self.before.len()..end).filter(|inner| !inner.is_empty())?;
        let (before, after) = (segment.get(..self.before.len())?, segment.get(end..)?);
        (before.eq_ignore_ascii_case(&self.before) && after.eq_ignore_ascii_case(&self.after)).then_some(inner)
    }
}

fn part(segment: &str) -> Result<SegmentPattern, String> {
    let fixed = |text: &str| match text.contains(['{', '}', '*', '?', '#', '\\']) {
        true => Err(format!("\"{segment}\" is no segment of a pattern: it has at most one placeholder `{{name}}`")),
        false => match decode_segment(text) {
            Some(text) => Ok(to_nfc(&text).into_owned()),
            None => Err(format!("\"{segment}\" is no UTF-8")),
        },
    };
    let Some((before, rest)) = segment.split_once('{') else {
        return Ok(SegmentPattern { before: fixed(segment)?, name: None, after: String::new() });
    };
    let (name, after) = rest.split_once('}').ok_or_else(|| format!("\"{segment}\" lacks a closing brace"))?;
    Ok(SegmentPattern { before: fixed(before)?, name: Some(placeholder(name)?), after: fixed(after)? })
}

fn placeholder(name: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    match !name.is_empty() && name.len() <= 32 && name.bytes().all(is_plain) {
        true => Ok(name.to_owned()),
        false => Err(format!("\"{name}\" is no name of a placeholder: at most 32 of a-z, 0-9 and _")),
    }
}

/// Returns the names of the placeholders in the address to which a pattern leads.
///
/// # Errors
///
/// Returns the rule that the text violates.
pub fn placeholders_of(address: &str) -> Result<Vec<&str>, String> {
    let mut names = Vec::new();
    let mut rest = address;
    while let Some(at) = rest.find(['{', '}']) {
        let inner = rest[at..].strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, after) = inner.ok_or("a placeholder is a name in braces")?;
        names.push(name);
        rest = after;
    }
    Ok(names)
}

/// Returns an address with what the placeholders stand for. A slash before one that stands for nothing is left out, as is
/// one behind it that would make another host of a path. In a query, what separates parameters is encoded.
pub fn fill(address: &str, captures: &Captures) -> String {
    let filled = fill_placeholders(address, captures);
    match address.starts_with('/') && filled.starts_with("//") {
        true => format!("/{}", filled.trim_start_matches('/')),
        false => filled,
    }
}

fn fill_placeholders(address: &str, captures: &Captures) -> String {
    let mut out = String::with_capacity(address.len() + 40);
    let mut rest = address;
    while let Some((before, (name, after))) = rest.split_once('{').and_then(|(b, r)| Some((b, r.split_once('}')?))) {
        out.push_str(before);
        let value = captures.iter().find(|(known, _)| known == name).map(|(_, value)| encode_segments(value));
        let in_query = out.contains(['?', '#']);
        match value.filter(|value| !value.is_empty()) {
            Some(value) if in_query => out.push_str(&parameter(&value)),
            Some(value) => out.push_str(&value),
            None if out.len() > 1 && out.ends_with('/') && !out.ends_with("//") => drop(out.pop()),
            None => {}
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Returns encoded segments as a value in a query (`application/x-www-form-urlencoded`).
fn parameter(segments: &str) -> String {
    [('&', "%26"), ('=', "%3D"), ('+', "%2B")]
        .into_iter()
        .fold(segments.to_owned(), |text, (c, code)| text.replace(c, code))
}

/// Returns an address with further segments at the end of its path.
pub fn append(address: &str, segments: &[String]) -> String {
    if segments.is_empty() {
        return address.to_owned();
    }
    let (path, end) = address.split_at(address.find(['?', '#']).unwrap_or(address.len()));
    format!("{}/{}{end}", path.trim_end_matches('/'), encode_segments(segments))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> SitePath {
        SitePath::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn paths_are_compared_by_their_segments() {
        for same in ["/a/Ünï b", "//A/%C3%9Cn%C3%AF%20b/", "/a/Ünï b?x=1#top"] {
            assert_eq!(path(same).key(), "/a/Ünï b", "{same}");
        }
        assert_eq!(path("/Olee%CC%81").key(), path("/ole\u{e9}/").key());
        assert_ne!(path("/a%2Fb").key(), path("/a/b").key());
        assert_ne!(path("/a%252fb").key(), path("/a%2fb").key());
        assert_eq!(path("/a%2Fb").encode(), "/a%2Fb");
        assert_eq!(path("/a/b").keys_above(), ["/", "/a", "/a/b"]);
        for bad in ["", "a", "?/a", "/%ff", "/%00", "/a%0Ab"] {
            assert_eq!(SitePath::parse(bad), None, "{bad}");
        }
        assert_eq!(SitePath::parse(&format!("/{}", "a".repeat(MAX_SITE_PATH))), None);
    }

    #[test]
    fn patterns_match_and_fill() {
        let cases = [
            (
                "/blog/{year}/{slug}",
                "/Blog/2020/Rain%20fall",
                "/news/{slug}?y={year}",
                Some("/news/Rain%20fall?y=2020"),
            ),
            ("/{page}.html", "/about.HTML", "/{page}", Some("/about")),
            ("/{page}.html", "/.html", "/{page}", None),
            ("/files/v{n}/x", "/files/v12/x", "/f/{n}", Some("/f/12")),
            ("/old/{*rest}", "/old/a/b/", "/new/{rest}", Some("/new/a/b")),
            ("/old/{*rest}", "/old", "/new/{rest}", Some("/new")),
            ("/old/{*rest}", "/old/a", "https://example.org/{rest}/x", Some("https://example.org/a/x")),
            ("/{*all}", "/", "/{all}", Some("/")),
            ("/old/{*rest}", "/old", "/{rest}/archive", Some("/archive")),
            ("/blog/{a}", "/blog/a%26b=1", "/news?a={a}", Some("/news?a=a%26b%3D1")),
            ("/old/{a}", "/old/a/b", "/new/{a}", None),
            ("/ole\u{e9}-{a}", "/olee%CC%81-x", "/{a}", Some("/x")),
            ("/old/{a}", "/old/e%CC%81", "/new/{a}", Some("/new/e%CC%81")),
            ("/old/{a}", "/old/%2F%2Fevil.example", "/{a}", Some("/%2F%2Fevil.example")),
        ];
        for (pattern, given, to, wanted) in cases {
            let found = PathPattern::parse(pattern).unwrap().matches(&path(given)).map(|captures| fill(to, &captures));
            assert_eq!(found.as_deref(), wanted, "{pattern} {given}");
        }
        for bad in ["a", "/{a}{b}", "/{*a}/b", "/{a", "/a}", "/{A}", "/{}", "/{a}/{a}", "/a*", "/x{*a}", "/a?b"] {
            assert!(PathPattern::parse(bad).is_err(), "{bad}");
        }
        let keys = |pattern: &str| {
            let pattern = PathPattern::parse(pattern).unwrap();
            (pattern.key(), pattern.key_start())
        };
        assert_eq!(keys("/A/x{b}/{*c}"), ("/a/x{}/{*}".to_owned(), "/a/x".to_owned()));
        assert_eq!(keys("/A/%7Bb/{*c}"), ("/a/%7bb/{*}".to_owned(), "/a/%7bb".to_owned()));
        assert_eq!(keys("/{*c}"), ("/{*}".to_owned(), "/".to_owned()));
        assert_eq!(append("/new/?x=1", &["a b".to_owned()]), "/new/a%20b?x=1");
    }

    proptest! {
        #[test]
        fn a_pattern_matches_its_samples(text in "(/[a-z{}*.%/]{0,12}){1,4}", given in "\\PC{0,40}") {
            let _ = SitePath::parse(&given);
            if let Ok(pattern) = PathPattern::parse(&text) {
                let sample = pattern.sample("word").key();
                prop_assert!(sample.starts_with(&pattern.key_start()), "{sample} {text}");
                prop_assert!(pattern.matches(&pattern.sample("word")).is_some(), "{text}");
                prop_assert_eq!(pattern.matches(&pattern.sample("word")).unwrap().len(), pattern.names().count());
            }
        }

        #[test]
        fn what_is_encoded_decodes_to_itself(segments in prop::collection::vec("[^\\p{Cc}]{1,8}", 0..5)) {
            let path = SitePath::from_segments(segments);
            prop_assert_eq!(SitePath::parse(&path.encode()), Some(path.clone()));
            prop_assert_eq!(SitePath::parse(&path.key()).map(|again| again.key()), Some(path.key()));
        }
    }
}
