//! `VTIMEZONE` components (RFC 5545, section 3.6.5) of IANA time zones, for the years that a calendar needs.

use std::collections::BTreeSet;
use std::fmt::Write;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

use crate::time_zone::{Period, Zone};

/// The last year that iCalendar can represent.
const LAST_YEAR: i32 = 9_999;

/// A period with one UTC offset, and the offset before it, in seconds.
struct Observance {
    from: i32,
    to: Period,
}

/// Returns the component of a zone.
///
/// It lists every transition of the zone in these years, the year before and the year after each. Years
/// without events are left out, so that a calendar with events centuries apart does not list all transitions
/// between them.
pub fn vtimezone(zone: Zone, years: &BTreeSet<i32>) -> String {
    let mut observances: Vec<Observance> = Vec::new();
    for (first, last) in runs(years) {
        let (begin, end) = (new_year(first - 1), new_year((last + 2).min(LAST_YEAR + 1)));
        let start = zone.period_at(begin);
        observances.push(Observance { from: start.offset, to: start });
        for to in zone.changes(begin, end) {
            let Some(before) = observances.last().map(|last| &last.to) else { break };
            if (before.offset, before.daylight, &before.name) != (to.offset, to.daylight, &to.name) {
                observances.push(Observance { from: before.offset, to });
            }
        }
    }
    // Clients expect a STANDARD observance, even where a zone stays at what was its daylight saving time.
    let standard = observances.iter().any(|observance| !observance.to.daylight);
    let mut out = format!("BEGIN:VTIMEZONE\r\nTZID:{}\r\n", zone.name());
    for observance in &observances {
        let kind = if standard && observance.to.daylight { "DAYLIGHT" } else { "STANDARD" };
        write_observance(&mut out, kind, observance);
    }
    out.push_str("END:VTIMEZONE\r\n");
    out
}

/// Groups years into runs of first and last year. Years up to three apart share a run, since the years around
/// each would overlap or touch.
fn runs(years: &BTreeSet<i32>) -> Vec<(i32, i32)> {
    let mut runs: Vec<(i32, i32)> = Vec::new();
    for year in years {
        match runs.last_mut() {
            Some((_, last)) if year - *last <= 3 => *last = *year,
            _ => runs.push((*year, *year)),
        }
    }
    runs
}

/// Returns the start of a year in seconds since 1970, without regard to time zones.
fn new_year(year: i32) -> i64 {
    first_day(year).and_utc().timestamp()
}

fn first_day(year: i32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default().and_time(NaiveTime::MIN)
}

fn write_observance(out: &mut String, kind: &str, observance: &Observance) {
    let Observance { from, to } = observance;
    let onset = DateTime::from_timestamp(to.begins + i64::from(*from), 0).unwrap_or_default().naive_utc();
    let _ = write!(
        out,
        "BEGIN:{kind}\r\nDTSTART:{}\r\nTZOFFSETFROM:{}\r\nTZOFFSETTO:{}\r\n",
        // `DTSTART` cannot represent times before the year 1.
        onset.max(first_day(1)).format("%Y%m%dT%H%M%S"),
        utc_offset(*from),
        utc_offset(to.offset),
    );
    // "LMT" (local mean time, before zones were standardised) and "-00" (unknown) are placeholders and not
    // names.
    if !matches!(to.name.as_str(), "LMT" | "-00") {
        let _ = write!(out, "TZNAME:{}\r\n", to.name);
    }
    let _ = write!(out, "END:{kind}\r\n");
}

fn utc_offset(seconds: i32) -> String {
    let (sign, seconds) = (if seconds < 0 { '-' } else { '+' }, seconds.abs());
    let rest = seconds % 60;
    let short = format!("{sign}{:02}{:02}", seconds / 3_600, seconds / 60 % 60);
    if rest == 0 { short } else { format!("{short}{rest:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone_text(zone: &str, years: &[i32]) -> String {
        vtimezone(zone.parse().unwrap(), &years.iter().copied().collect())
    }

    #[test]
    fn changes_of_the_clock_are_where_they_are() {
        let text = zone_text("Europe/Brussels", &[2015]);
        let summer =
            "BEGIN:DAYLIGHT\r\nDTSTART:20150329T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:CEST\r\n";
        let winter =
            "BEGIN:STANDARD\r\nDTSTART:20151025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nTZNAME:CET\r\n";
        assert!(text.contains(summer) && text.contains(winter), "{text}");
        assert_eq!(zone_text("Asia/Kolkata", &[2020]).matches("BEGIN:STANDARD").count(), 1);
    }

    #[test]
    fn every_zone_has_a_standard_time_and_no_made_up_name() {
        for zone in crate::time_zone::rules::names() {
            for years in [&[1850, 1911][..], &[1945, 1971], &[2015, 2024, 2027, 2030], &[1, 9999]] {
                let text = zone_text(&zone, years);
                assert!(text.contains("BEGIN:STANDARD") && !text.contains("TZNAME:LMT"), "{text}");
                let starts: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("DTSTART:")).collect();
                assert!(starts.iter().all(|at| at.len() == 15) && starts.is_sorted(), "{text}");
            }
        }
    }

    #[test]
    fn far_years_cost_nothing() {
        assert!(zone_text("Europe/Brussels", &[1, 1000, 5000, 9999]).len() < 4_000);
        assert_eq!(runs(&[1, 2015, 2018, 2022].into()), [(1, 1), (2015, 2018), (2022, 2022)]);
    }
}
