//! The times of a list as values of fields.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::{Map, Value};

use super::mapping::RuleOptions;
use crate::content::field::{Field, FieldType};
use crate::transfer::read::Sink;
use crate::transfer::read::SinkClosed;
use crate::transfer::read::iso_time::{IsoTime, exact_precision, month_or_year, parse_day};

/// The specifiers of strftime for an offset from UTC, and for the name of a zone.
const OFFSETS: [&str; 4] = ["%z", "%:z", "%#z", "%+"];
const ZONE_NAME: &str = "%Z";

/// Returns a time in the form in which an editor would send it: by the format of its rule, else in any spelling of ISO 8601.
/// `None` if it has none of the forms.
pub fn moment(rule: &RuleOptions, text: &str) -> Option<String> {
    rule.format.0.iter().find_map(|format| by_format(format, text)).or_else(|| parse_iso(text))
}

fn parse_iso(text: &str) -> Option<String> {
    let is_iso = text.get(..4).is_some_and(|year| year.bytes().all(|byte| byte.is_ascii_digit()));
    let day = || parse_day(text).map(|day| day.to_string());
    let month = || month_or_year(text).map(|_| text.to_owned());
    month().or_else(day).or_else(|| IsoTime::parse(text).map(IsoTime::text)).filter(|_| is_iso)
}

/// Reads a text by a format of strftime. An offset from UTC and the name of a zone decide over the instant.
fn by_format(format: &str, text: &str) -> Option<String> {
    if OFFSETS.iter().any(|specifier| format.contains(specifier)) {
        let at = DateTime::parse_from_str(text, format).ok()?;
        return Some(IsoTime { local: at.naive_local(), offset: Some(*at.offset()) }.text());
    }
    if format.contains(ZONE_NAME)
        && let Some((format, text, zone)) = without_zone(format, text)
    {
        let local = NaiveDateTime::parse_from_str(&text, &format).ok()?;
        return Some(IsoTime::in_zone(local, &zone).unwrap_or(IsoTime { local, offset: None }).text());
    }
    match NaiveDateTime::parse_from_str(text, format) {
        Ok(local) => Some(IsoTime { local, offset: None }.text()),
        Err(_) => NaiveDate::parse_from_str(text, format).ok().map(|day| day.to_string()),
    }
}

/// Returns a format and a text without the name of the zone, and that name.
fn without_zone(format: &str, text: &str) -> Option<(String, String, String)> {
    let (forms, words): (Vec<&str>, Vec<&str>) =
        (format.split_whitespace().collect(), text.split_whitespace().collect());
    let place = forms.iter().position(|form| form.ends_with(ZONE_NAME)).filter(|_| forms.len() == words.len())?;
    let (form, word) = (forms[place].strip_suffix(ZONE_NAME)?, words[place]);
    // The name stands alone, or behind the digits of the time.
    let start = if form.is_empty() { 0 } else { word.rfind(|c: char| c.is_ascii_digit())? + 1 };
    let (rest, zone) = word.split_at(start);
    let with = |all: &[&str], own: &str| {
        let parts = all.iter().enumerate().map(|(at, part)| if at == place { own } else { *part });
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    };
    Some((with(&forms, form), with(&words, rest), zone.to_owned()))
}

/// Notes a time that has another form than those that are read, and a name of a zone that is not known.
///
/// # Errors
/// Returns [`SinkClosed`] if the import has ended.
pub fn note_form(
    sink: &Sink,
    line: &str,
    (name, declared): (&str, &'static Field),
    rule: &RuleOptions,
    text: &str,
) -> Result<(), SinkClosed> {
    if !matches!(declared.kind, FieldType::Moment { .. }) {
        return Ok(());
    }
    let pointer = format!("/{}", name.replace('.', "/"));
    if moment(rule, text).is_some() {
        let zone = rule.format.0.iter().find_map(|format| unknown_zone(format, text));
        return zone.map_or(Ok(()), |zone| {
            let message = format!("left out: the zone \"{zone}\"; \"{text}\" is read as a local time");
            sink.note(line, &pointer, "unknown_zone", message)
        });
    }
    let forms = rule.format.0.join("\", \"");
    let message = match forms.as_str() {
        "" => format!("\"{text}\" is not of the form 2027-03-04T09:30; `format` in the mapping states another one"),
        _ => {
            format!("\"{text}\" is not of the form \"{forms}\", which the mapping states as `format`; it may be a list")
        }
    };
    sink.note(line, &pointer, "other_form", message)
}

/// Returns the name of the zone in a time that a format reads, if it is not known.
fn unknown_zone(format: &str, text: &str) -> Option<String> {
    if !format.contains(ZONE_NAME) || OFFSETS.iter().any(|specifier| format.contains(specifier)) {
        return None;
    }
    let (format, text, zone) = without_zone(format, text)?;
    let local = NaiveDateTime::parse_from_str(&text, &format).ok()?;
    (!zone.is_empty() && IsoTime::in_zone(local, &zone).is_none()).then_some(zone)
}

/// Makes the start and the end of an item of which only the month or the year is known days, and says how exact they are,
/// unless the mapping does.
pub fn months_and_years(fields: &'static [Field], body: &mut Map<String, Value>) {
    if !fields.iter().any(|field| field.name == "date_precision") {
        return;
    }
    let read = |body: &Map<String, Value>, name: &str| month_or_year(body.get(name)?.as_str()?);
    let start = read(body, "starts_at");
    if let Some((_, last, _)) = read(body, "ends_at").filter(|_| start.is_some()) {
        body.insert("ends_at".to_owned(), last.to_string().into());
    }
    if let Some((first, _, precision)) = start {
        body.insert("starts_at".to_owned(), first.to_string().into());
        body.entry("date_precision").or_insert_with(|| precision.into());
    } else if let Some(start) = body.get("starts_at").and_then(Value::as_str) {
        // An earlier file may have known the month only, so the precision is set in any case.
        let precision = exact_precision(start);
        body.entry("date_precision").or_insert_with(|| precision.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::read::csv::mapping::Texts;

    fn read(format: &str, text: &str) -> Option<String> {
        moment(&RuleOptions { format: Texts(vec![format.to_owned()]), ..RuleOptions::default() }, text)
    }

    #[test]
    fn offsets_and_zones_of_formats_decide() {
        for (format, text, wanted) in [
            ("%Y-%m-%dT%H:%M:%S%z", "2027-03-01T18:30:00-0500", "2027-03-01T18:30:00-05:00"),
            ("%d.%m.%Y %H:%M %:z", "01.03.2027 18:30 +05:30", "2027-03-01T18:30:00+05:30"),
            ("%d.%m.%Y %H:%M %Z", "01.03.2027 18:30 UTC", "2027-03-01T18:30:00Z"),
            ("%d.%m.%Y %H:%M%Z", "01.03.2027 18:30CET", "2027-03-01T18:30:00+01:00"),
            ("%a %b %d %H:%M:%S %Z %Y", "Mon Mar 01 18:30:00 EST 2027", "2027-03-01T18:30:00-05:00"),
            ("%d.%m.%Y %H:%M %Z", "01.03.2027 18:30 XYZ", "2027-03-01T18:30:00"),
            ("%d.%m.%Y", "01.03.2027", "2027-03-01"),
            ("%d.%m.%Y", "2027-03-01T18:30+01", "2027-03-01T18:30:00+01:00"),
        ] {
            assert_eq!(read(format, text).as_deref(), Some(wanted), "{format} {text}");
        }
        assert_eq!(unknown_zone("%d.%m.%Y %H:%M %Z", "01.03.2027 18:30 XYZ").as_deref(), Some("XYZ"));
        assert_eq!(unknown_zone("%d.%m.%Y %H:%M %Z", "01.03.2027 18:30 CET"), None);
        assert_eq!(read("%d.%m.%Y", "03/01/2027"), None);
    }
}
