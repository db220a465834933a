//! VTIMEZONE (RFC 5545, section 3.6.5) of an IANA zone, for the years that a calendar needs.

use std::fmt::Write;

use chrono::{DateTime, NaiveDate, Offset, TimeDelta, Utc};
use chrono_tz::{OffsetComponents, OffsetName, Tz};

/// The component, with every change of the clock from the first year to the last.
pub fn vtimezone(zone: Tz, first_year: i32, last_year: i32) -> String {
    let mut out = format!("BEGIN:VTIMEZONE\r\nTZID:{}\r\n", zone.name());
    let begin = midnight(first_year - 1);
    let end = midnight(last_year + 2);
    observance(&mut out, zone, begin, offset(zone, begin));
    let mut day = begin;
    while day < end {
        let next = day + TimeDelta::days(1);
        if offset(zone, day) != offset(zone, next) {
            observance(&mut out, zone, change(zone, day, next), offset(zone, day));
        }
        day = next;
    }
    out.push_str("END:VTIMEZONE\r\n");
    out
}

fn midnight(year: i32) -> DateTime<Utc> {
    let day = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// Seconds east of Greenwich.
fn offset(zone: Tz, at: DateTime<Utc>) -> i32 {
    at.with_timezone(&zone).offset().fix().local_minus_utc()
}

/// The second at which the clock changes, between two instants that differ.
fn change(zone: Tz, mut before: DateTime<Utc>, mut after: DateTime<Utc>) -> DateTime<Utc> {
    let old = offset(zone, before);
    while after - before > TimeDelta::seconds(1) {
        let middle = before + (after - before) / 2;
        if offset(zone, middle) == old { before = middle } else { after = middle }
    }
    after - TimeDelta::nanoseconds(i64::from(after.timestamp_subsec_nanos()))
}

fn observance(out: &mut String, zone: Tz, at: DateTime<Utc>, from: i32) {
    let local = at.with_timezone(&zone);
    let kind = if local.offset().dst_offset().is_zero() { "STANDARD" } else { "DAYLIGHT" };
    let onset = at.naive_utc() + TimeDelta::seconds(i64::from(from));
    let to = offset(zone, at);
    let _ = write!(
        out,
        "BEGIN:{kind}\r\nDTSTART:{}\r\nTZOFFSETFROM:{}\r\nTZOFFSETTO:{}\r\nTZNAME:{}\r\nEND:{kind}\r\n",
        onset.format("%Y%m%dT%H%M%S"),
        utc_offset(from),
        utc_offset(to),
        local.offset().abbreviation().unwrap_or("LMT"),
    );
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

    #[test]
    fn changes_of_the_clock_are_where_they_are() {
        let text = vtimezone(chrono_tz::Europe::Brussels, 2015, 2015);
        let summer =
            "BEGIN:DAYLIGHT\r\nDTSTART:20150329T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:CEST\r\n";
        let winter =
            "BEGIN:STANDARD\r\nDTSTART:20151025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nTZNAME:CET\r\n";
        assert!(text.contains(summer) && text.contains(winter), "{text}");
        assert_eq!(vtimezone(chrono_tz::Asia::Kolkata, 2020, 2020).matches("BEGIN:STANDARD").count(), 1);
    }
}
