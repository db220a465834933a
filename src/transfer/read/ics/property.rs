//! The properties of iCalendar (RFC 5545, section 3.1): name, parameters and value.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::Encoding;
use percent_encoding::percent_decode_str;
use quoted_printable::ParseMode;

use crate::feeds::calendar::ZONE_PARAMETER;
use crate::transfer::read::input::text_of_bytes;

/// Properties whose values are times in a zone that they name.
const TIMES: [&str; 5] = ["DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE"];

/// Property with a text that has markup.
const MARKUP: &str = "X-ALT-DESC";

/// Greatest number of parameters of a property.
const MOST_PARAMETERS: usize = 200;

/// A property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// Name in upper case.
    pub name: String,
    /// Parameters: name in upper case, and value without quotation marks.
    parameters: Vec<(String, String)>,
    /// Value as it is written.
    pub value: String,
}

impl Property {
    /// Parses a content line; `None` if it is none, or has more parameters than any property.
    pub fn parse(line: &str) -> Option<Self> {
        let end = line.find([';', ':'])?;
        let name = line[..end].trim();
        // An ampersand as XML writes it would end a parameter that is not quoted.
        let is_time = TIMES.iter().any(|known| known.eq_ignore_ascii_case(name)) && line.contains("&amp;");
        let line = &if is_time { Cow::Owned(line.replace("&amp;", "&")) } else { Cow::Borrowed(line) };
        let is_name = |c: char| c.is_alphanumeric() || "-_./".contains(c);
        if name.is_empty() || !name.chars().all(is_name) {
            return None;
        }
        let (mut parameters, mut rest) = (Vec::new(), &line[end..]);
        while let Some(after) = rest.strip_prefix(';') {
            let (parameter, next) = parameter(after)?;
            if parameters.len() == MOST_PARAMETERS {
                return None;
            }
            parameters.push(parameter);
            rest = next;
        }
        let mut property =
            Self { name: name.to_ascii_uppercase(), parameters, value: rest.strip_prefix(':')?.to_owned() };
        property.decode();
        property.complete_zone();
        Some(property)
    }

    /// Moves what belongs to a `TZID` from the value to it. A zone such as `GMT+01:00` must be quoted, and often is not.
    fn complete_zone(&mut self) {
        if !TIMES.contains(&self.name.as_str()) {
            return;
        }
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let is_date = |text: &str| digits(text) >= 8 || (digits(text) == 4 && text.as_bytes().get(4) == Some(&b'-'));
        if is_date(self.value.trim_start()) {
            return;
        }
        let mut colons = self.value.match_indices(':').map(|(at, _)| at);
        let Some(at) = colons.find(|at| is_date(&self.value[at + 1..])) else { return };
        let Some((_, zone)) = self.parameters.iter_mut().find(|(name, _)| name == "TZID") else { return };
        let (head, value) = (self.value[..at].to_owned(), self.value[at + 1..].to_owned());
        let mut parts = head.split(';');
        *zone = format!("{zone}:{}", parts.next().unwrap_or_default()).trim().to_owned();
        let more = parts.filter_map(|part| part.split_once('='));
        self.parameters.extend(more.map(|(name, value)| (name.trim().to_ascii_uppercase(), value.trim().to_owned())));
        self.value = value;
    }

    /// Decodes a value of vCalendar 1.0 that is written as quoted-printable, in the character set that it names.
    fn decode(&mut self) {
        let encoded = |(name, value): &(String, String)| {
            (name == "ENCODING" && value.eq_ignore_ascii_case("QUOTED-PRINTABLE")) || name == "QUOTED-PRINTABLE"
        };
        if !self.parameters.iter().any(encoded) {
            return;
        }
        let Ok(bytes) = quoted_printable::decode(self.value.as_bytes(), ParseMode::Robust) else { return };
        let charset = self.parameter("CHARSET").and_then(|label| Encoding::for_label(label.as_bytes()));
        let text = charset.and_then(|charset| charset.decode_without_bom_handling_and_without_replacement(&bytes));
        let text = text.unwrap_or_else(|| text_of_bytes(&bytes).0);
        self.value = text.replace("\r\n", "\\n").replace('\n', "\\n");
    }

    /// Returns a parameter, such as `TZID`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name)?;
        Some(found.1.as_str())
    }

    /// Returns the time zone of a time: `TZID`, or what our own calendars say beside a time in UTC.
    pub fn zone(&self) -> Option<&str> {
        self.parameter("TZID").or_else(|| self.parameter(ZONE_PARAMETER))
    }

    /// Returns all parameters: name in upper case, and value.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the text with markup that stands beside a text in its `ALTREP` (RFC 5545, section 3.2.1) as a `data:` URL
    /// (RFC 2397), as Thunderbird writes it.
    pub fn markup(&self) -> Option<Self> {
        let url = self.parameter("ALTREP")?.trim();
        let rest = url.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:")).map(|_| &url[5..])?;
        let (head, data) = rest.split_once(',')?;
        let mut head = head.split(';').map(|part| part.trim().to_ascii_lowercase());
        if head.next()? != "text/html" {
            return None;
        }
        let (mut charset, mut is_base64) = (None, false);
        for part in head {
            is_base64 |= part == "base64";
            charset = charset.or_else(|| part.strip_prefix("charset=").map(|label| label.trim_matches('"').to_owned()));
        }
        let mut bytes: Vec<u8> = percent_decode_str(data).collect();
        if is_base64 {
            bytes.retain(|byte| !byte.is_ascii_whitespace());
            bytes = STANDARD.decode(bytes).ok()?;
        }
        let charset = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
        let text = charset.and_then(|charset| charset.decode_without_bom_handling_and_without_replacement(&bytes));
        let text = text.unwrap_or_else(|| text_of_bytes(&bytes).0);
        let parameters = self.parameters.iter().filter(|(name, _)| name == "LANGUAGE").cloned().collect();
        Some(Self { name: MARKUP.to_owned(), parameters, value: text.replace('\\', "\\\\") })
    }

    /// Returns whether a parameter has a value.
    pub fn parameter_is(&self, name: &str, value: &str) -> bool {
        self.parameter(name).is_some_and(|given| given.eq_ignore_ascii_case(value))
    }

    /// Returns the value as a text (section 3.3.11), trimmed.
    pub fn text(&self) -> String {
        unescape(&self.value).trim().to_owned()
    }

    /// Returns the values as texts. A comma that is escaped is part of a text.
    pub fn list(&self) -> Vec<String> {
        self.split_value(b",")
    }

    /// Returns the values of a list of vCalendar 1.0, in which semicolons stand between them.
    pub fn old_list(&self) -> Vec<String> {
        self.split_value(b",;")
    }

    fn split_value(&self, separators: &[u8]) -> Vec<String> {
        let (mut values, mut start, mut escaped) = (Vec::new(), 0, false);
        for (at, byte) in self.value.bytes().enumerate() {
            match byte {
                b'\\' if !escaped => escaped = true,
                _ if !escaped && separators.contains(&byte) => {
                    values.push(&self.value[start..at]);
                    start = at + 1;
                }
                _ => escaped = false,
            }
        }
        values.push(&self.value[start..]);
        values.into_iter().map(|value| unescape(value).trim().to_owned()).filter(|value| !value.is_empty()).collect()
    }
}

/// Parses a parameter. Returns it with the rest of the line.
fn parameter(text: &str) -> Option<((String, String), &str)> {
    let end = text.find(['=', ';', ':'])?;
    let name = text[..end].trim().to_ascii_uppercase();
    let Some(mut rest) = text[end..].strip_prefix('=') else { return Some(((name, String::new()), &text[end..])) };
    let mut value = String::new();
    loop {
        let quoted = rest.strip_prefix('"').and_then(|inner| inner.split_once('"'));
        match quoted {
            Some((inner, after)) => {
                value.push_str(inner);
                rest = after;
            }
            None => {
                let end = rest.find([';', ':', ','])?;
                value.push_str(&rest[..end]);
                rest = &rest[end..];
            }
        }
        let Some(next) = rest.strip_prefix(',') else { break };
        value.push(',');
        rest = next;
    }
    // After a quoted value nothing else may stand; what does is part of the value.
    if !rest.starts_with([';', ':']) {
        let end = rest.find([';', ':'])?;
        value.push_str(&rest[..end]);
        rest = &rest[end..];
    }
    Some(((name, decode_parameter(&value)), rest))
}

/// Returns the value of a parameter without the escapes of RFC 6868. Some programs write those of values instead.
fn decode_parameter(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        let plain = match (letter, letters.peek()) {
            ('^', Some('n')) => Some('\n'),
            ('^', Some('\'')) => Some('"'),
            ('^', Some('^')) => Some('^'),
            ('\\', Some(escaped @ ('"' | ','))) => Some(*escaped),
            _ => None,
        };
        if plain.is_some() {
            letters.next();
        }
        out.push(plain.unwrap_or(letter));
    }
    out.trim().to_owned()
}

/// Returns a text without escapes. A backslash that escapes nothing stays.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('n' | 'N') => out.push('\n'),
            Some(escaped @ ('\\' | ';' | ',' | ':' | '"')) => out.push(escaped),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parameters_and_values() {
        let property =
            Property::parse("organizer;CN=\"Club, of Boats; east: two\";role=CHAIR:mailto:a@b.example").unwrap();
        assert_eq!((property.name.as_str(), property.value.as_str()), ("ORGANIZER", "mailto:a@b.example"));
        assert_eq!(property.parameter("CN"), Some("Club, of Boats; east: two"));
        assert!(property.parameter_is("ROLE", "chair"));
        let odd = Property::parse("ORGANIZER;CN=Club \\\"The Boat\\\":MAILTO:a@b.example").unwrap();
        assert_eq!(odd.parameter("CN"), Some("Club \"The Boat\""));
        let caret = Property::parse("X;CN=^'A^' ^^ B:").unwrap();
        assert_eq!((caret.parameter("CN"), caret.value.as_str()), (Some("\"A\" ^ B"), ""));
        let twice = Property::parse("X;CN=\"a^^nb^nc^^^'^\":").unwrap();
        assert_eq!(twice.parameter("CN"), Some("a^nb\nc^\"^"));
        let many = |count: usize| Property::parse(&format!("X{}:a", ";A=b".repeat(count))).is_some();
        assert!(many(MOST_PARAMETERS) && !many(MOST_PARAMETERS + 1));
        for wrong in ["no property", "", ":x", "A B:x", "A;CN=x"] {
            assert_eq!(Property::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn zones_that_are_not_quoted_are_whole() {
        let read = |line: &str| {
            let property = Property::parse(line).unwrap();
            (property.parameter("TZID").unwrap().to_owned(), property.value)
        };
        for (line, zone, value) in [
            ("DTSTART;TZID=GMT+01:00:20270701T090000", "GMT+01:00", "20270701T090000"),
            ("DTSTART;TZID=GMT+01:00;VALUE=DATE-TIME:2027-07-01T09:00", "GMT+01:00", "2027-07-01T09:00"),
            (
                "DTSTART;TZID=(UTC+01:00) Brussels, Paris:20270701T090000",
                "(UTC+01:00) Brussels, Paris",
                "20270701T090000",
            ),
            (
                "DTEND;TZID=Eastern Time (US &amp; Canada):20270701T090000",
                "Eastern Time (US & Canada)",
                "20270701T090000",
            ),
            ("DTSTART;TZID=Europe/Brussels:2027-07-01T09:00:00", "Europe/Brussels", "2027-07-01T09:00:00"),
        ] {
            assert_eq!(read(line), (zone.to_owned(), value.to_owned()), "{line}");
        }
    }

    #[test]
    fn texts_and_lists() {
        let property = Property::parse("CATEGORIES:Law\\, order and rivers,Water, ,a\\\\,b\\;c").unwrap();
        assert_eq!(property.list(), ["Law, order and rivers", "Water", "a\\", "b;c"]);
        assert_eq!(Property::parse("X:a\\nb\\Nc\\\\n C:\\\\x \\d").unwrap().text(), "a\nb\nc\\n C:\\x \\d");
    }

    #[test]
    fn texts_with_markup_stand_beside_others() {
        let read = |url: &str| {
            let property = Property::parse(&format!("DESCRIPTION;LANGUAGE=nl;ALTREP=\"{url}\":plain")).unwrap();
            property.markup().map(|markup| (markup.parameter("LANGUAGE").map(str::to_owned), markup.text()))
        };
        let nl = |text: &str| Some((Some("nl".to_owned()), text.to_owned()));
        assert_eq!(read("data:text/html,%3Cb%3EHello%2C%20C:\\n%3C/b%3E"), nl("<b>Hello, C:\\n</b>"));
        assert_eq!(read("DATA:text/html;charset=UTF-8;base64,PGI+w6k8L2I+"), nl("<b>é</b>"));
        assert_eq!(read("data:text/html;charset=iso-8859-1,%3Cb%3E%E9%3C/b%3E"), nl("<b>é</b>"));
        for other in ["data:text/plain,a", "https://river.example/a.html", "data:text/html", "data:text/html;base64,%"]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }

    #[test]
    fn quoted_printable_is_decoded() {
        let property =
            Property::parse("SUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Stra=C3=9Fe=0D=0Azwei").unwrap();
        assert_eq!(property.text(), "Straße\nzwei");
        let bare = Property::parse("SUMMARY;QUOTED-PRINTABLE;CHARSET=ISO-8859-1:Stra=DFe").unwrap();
        assert_eq!(bare.text(), "Straße");
    }
}
