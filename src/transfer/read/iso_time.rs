//! Dates and times in any spelling of ISO 8601 and RFC 3339.

use chrono::{Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};

use crate::transfer::zones::{local_time, offset_of, zone_of};

/// Abbreviations of zones that mean one offset (hours east of UTC): those of RFC 5322, section 4.3, and the times of summer in
/// Europe.
const ABBREVIATIONS: [(&str, i32); 12] = [
    ("UT", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
    ("WEST", 1),
    ("CEST", 2),
    ("EEST", 3),
];

/// Years that items can have; chrono reads further ones, with signs.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9_999;

/// A time of a file: a local time, and the offset from UTC if it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IsoTime {
    pub local: NaiveDateTime,
    pub offset: Option<FixedOffset>,
}

impl IsoTime {
    /// Parses a date with a time of day, with or without an offset from UTC, in any spelling of ISO 8601 and RFC 3339, and
    /// with spaces between its parts. The name of a zone in brackets behind it (RFC 9557) says nothing more.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.split_once('[').filter(|_| text.ends_with(']')).map_or(text, |(time, _)| time.trim_end());
        let (day, rest) = text.split_once(['T', 't', ' '])?;
        let (day, rest) = (any_day(day)?, rest.trim());
        let at = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.' | ',')).unwrap_or(rest.len());
        let (clock, offset) = (rest[..at].trim().replace(',', "."), rest[at..].trim());
        let forms = ["%H:%M:%S%.f", "%H:%M", "%H%M%S%.f", "%H%M"];
        let local = day.and_time(forms.iter().find_map(|form| NaiveTime::parse_from_str(&clock, form).ok())?);
        let offset = if offset.is_empty() { None } else { Some(FixedOffset::east_opt(offset_of(offset)?)?) };
        Some(Self { local, offset })
    }

    /// Returns a local time in the zone with a name or an abbreviation; `None` if the zone is not known.
    pub fn in_zone(local: NaiveDateTime, name: &str) -> Option<Self> {
        let hours = ABBREVIATIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, hours)| *hours);
        let offset = match hours {
            Some(hours) => FixedOffset::east_opt(hours * 3_600)?,
            None => local_time(local, zone_of(name)?).offset().fix(),
        };
        Some(Self { local, offset: Some(offset) })
    }

    /// Returns the time in the form in which an editor would send it. UTC is an instant; any other offset should be the one
    /// that the zone of the item has then.
    pub fn text(self) -> String {
        let local = self.local.format("%Y-%m-%dT%H:%M:%S%.f");
        match self.offset {
            None => local.to_string(),
            Some(offset) if offset.local_minus_utc() == 0 => format!("{local}Z"),
            Some(offset) => match offset.from_local_datetime(&self.local).single() {
                Some(at) if offset.local_minus_utc() % 60 == 0 => at.format("%Y-%m-%dT%H:%M:%S%.f%:z").to_string(),
                Some(at) => at.to_utc().format("%Y-%m-%dT%H:%M:%S%.fZ").to_string(),
                None => local.to_string(),
            },
        }
    }
}

/// Returns whether items can have a day: it is one of the years 1 to 9999.
pub fn is_in_years(day: NaiveDate) -> bool {
    YEARS.contains(&day.year())
}

/// Returns the value of `date_precision` for a start that is known to the day at least.
pub fn exact_precision(start: &str) -> &'static str {
    if IsoTime::parse(start).is_some() { "time" } else { "day" }
}

/// Parses a day of ISO 8601, with or without hyphens.
pub fn parse_day(text: &str) -> Option<NaiveDate> {
    let day = match text.len() {
        10 => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok(),
        8 => NaiveDate::parse_from_str(text, "%Y%m%d").ok(),
        _ => None,
    };
    day.filter(|day| is_in_years(*day))
}

/// Parses a day of ISO 8601, or one that cannot be mistaken in another spelling: `2027/05/01` and `01.05.2027`.
pub fn any_day(text: &str) -> Option<NaiveDate> {
    let parse = |form: &&str| NaiveDate::parse_from_str(text, form).ok().filter(|day| is_in_years(*day));
    parse_day(text).or_else(|| ["%Y/%m/%d", "%d.%m.%Y"].iter().find_map(parse).filter(|_| text.len() > 7))
}

/// Returns the first day of a month or a year of ISO 8601, `2027-05` or `2027`, its last day, and its precision as the field
/// `date_precision` has it.
pub fn month_or_year(text: &str) -> Option<(NaiveDate, NaiveDate, &'static str)> {
    let text = text.trim();
    let is_form = |form: &str| {
        text.len() == form.len()
            && text.bytes().zip(form.bytes()).all(|(a, b)| a == b || (b == b'0' && a.is_ascii_digit()))
    };
    if is_form("0000") {
        let year = text.parse().ok()?;
        return Some((NaiveDate::from_ymd_opt(year, 1, 1)?, NaiveDate::from_ymd_opt(year, 12, 31)?, "year"));
    }
    let first = is_form("0000-00").then(|| NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok())??;
    Some((first, crate::content::local_time::last_of_month(first), "month"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_all_spellings() {
        for (given, wanted) in [
            ("2027-03-01T18:30:00-05:00", "2027-03-01T18:30:00-05:00"),
            ("2027-03-01T18:30:00+0530", "2027-03-01T18:30:00+05:30"),
            ("2027-03-01T09:30+01:00", "2027-03-01T09:30:00+01:00"),
            ("2027-03-01 09:30 +01", "2027-03-01T09:30:00+01:00"),
            ("20270301T083000Z", "2027-03-01T08:30:00Z"),
            ("2027-03-01t08:30:00,5z", "2027-03-01T08:30:00.500Z"),
            ("2027-03-01T08:30 UTC", "2027-03-01T08:30:00Z"),
            ("2027-03-01T09:30:00+01:00[Europe/Brussels]", "2027-03-01T09:30:00+01:00"),
            ("2027-03-01 09:30", "2027-03-01T09:30:00"),
        ] {
            assert_eq!(IsoTime::parse(given).map(IsoTime::text).as_deref(), Some(wanted), "{given}");
        }
        for given in ["+262142/12/31T23:59Z", "-0001/01/01T00:00", "+12345-1-1T09:30", "0000-12-31T23:59"] {
            assert_eq!(IsoTime::parse(given), None, "{given}");
        }
        for given in ["2027-03-01", "soon", "2027-03-01T25:00", "2027-03-01T09:30+99:00", "2027-03-01T09:30 dusk"] {
            assert_eq!(IsoTime::parse(given), None, "{given}");
        }
    }

    #[test]
    fn zones_have_names_and_abbreviations() {
        let noon = NaiveDate::from_ymd_opt(2027, 7, 1).unwrap().and_hms_opt(12, 0, 0).unwrap();
        for (name, wanted) in [
            ("UTC", "2027-07-01T12:00:00Z"),
            ("CEST", "2027-07-01T12:00:00+02:00"),
            ("pdt", "2027-07-01T12:00:00-07:00"),
            ("America/New_York", "2027-07-01T12:00:00-04:00"),
        ] {
            assert_eq!(IsoTime::in_zone(noon, name).map(IsoTime::text).as_deref(), Some(wanted), "{name}");
        }
        assert_eq!(IsoTime::in_zone(noon, "XYZ"), None);
    }

    #[test]
    fn months_and_years() {
        let said = |text: &str| month_or_year(text).map(|(first, last, what)| format!("{first} {last} {what}"));
        assert_eq!(said("2028-02").as_deref(), Some("2028-02-01 2028-02-29 month"));
        assert_eq!(said("2028").as_deref(), Some("2028-01-01 2028-12-31 year"));
        for text in ["2028-13", "2028-2", "20280", "+028", "2028-02-01", ""] {
            assert_eq!(said(text), None, "{text}");
        }
    }
}
