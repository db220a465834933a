//! What the clocks of a zone show: dates and local times that exist once, twice or not at all, and the offsets of each.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, Timelike};

use crate::time_zone::{LocalOffsets, Zone};

/// A violation by a time: its code and its message.
pub type TimeViolation = (&'static str, String);

/// Formats a time as RFC 3339 with its offset, and with fractions of a second only if they are not zero.
pub fn rfc3339(at: &DateTime<Zone>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false)
}

/// The last year that RFC 3339 and iCalendar can express.
pub(super) const LAST_YEAR: i32 = 9_999;

pub(super) fn in_range(day: NaiveDate, text: &str) -> Result<NaiveDate, TimeViolation> {
    if (1..=LAST_YEAR).contains(&day.year()) {
        return Ok(day);
    }
    Err(("out_of_range", format!("\"{text}\" is outside the years 1 to {LAST_YEAR}")))
}

/// Parses a date of four, two and two digits. Chrono alone would accept years with a sign or with other numbers of digits.
pub fn date(text: &str) -> Option<NaiveDate> {
    if text.len() != 10 || !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

/// Checks that a date exists in the zone: a change of the date line can skip a whole day.
pub(super) fn existing_day(day: NaiveDate, zone: Zone) -> Result<NaiveDate, TimeViolation> {
    if zone.midnight(day).date_naive() == day {
        return Ok(day);
    }
    Err(("nonexistent_time", format!("{day} does not exist in {zone}, whose calendar skips it")))
}

/// Replaces the second 60 by 59, as RFC 5545, section 3.3.12 prescribes for clocks without leap seconds.
pub(super) fn without_leap_second<T: Timelike>(time: T) -> T {
    match time.nanosecond().checked_sub(1_000_000_000).map(|within| time.with_nanosecond(within)) {
        Some(Some(earlier)) => earlier,
        _ => time,
    }
}

/// Returns an offset in minutes, rounded as in RFC 3339 texts.
fn minutes(offset: FixedOffset) -> i32 {
    let seconds = offset.local_minus_utc();
    (seconds.abs() + 30) / 60 * seconds.signum()
}

/// Returns the offset of the zone that a written offset denotes: the one with the same rounded text, else one with
/// seconds that other software has rounded in the other direction. The exact match is tried first, since both offsets
/// of an ambiguous time can be near the written one.
pub(super) fn matching_offset(clock: LocalOffsets, written: FixedOffset) -> Option<FixedOffset> {
    let offsets = match clock {
        LocalOffsets::Once(offset) => [Some(offset), None],
        LocalOffsets::Twice(first, second) => [Some(first), Some(second)],
        LocalOffsets::Skipped(..) => [None, None],
    };
    let own = || offsets.into_iter().flatten();
    let near = |own: &FixedOffset| {
        let (own, written) = (own.local_minus_utc(), written.local_minus_utc());
        own % 60 != 0 && (own - written).abs() < 60
    };
    own().find(|own| minutes(*own) == minutes(written)).or_else(|| own().find(near))
}

/// Returns the instant that the text of a time denotes. When clocks were put back by less than a minute, two instants
/// have the same text, and the first one is taken, so that a stored time reads back as itself.
pub(super) fn first_occurrence(at: DateTime<Zone>) -> DateTime<Zone> {
    match at.timezone().clock_at(at.naive_local()) {
        LocalOffsets::Twice(first, second) if minutes(first) == minutes(second) => {
            at.timezone().instant_at(at.naive_local(), first)
        }
        _ => at,
    }
}

/// Returns the instant of a local time that exists exactly once. For an ambiguous or nonexistent time, the message
/// names both possible times with their offsets instead of choosing one.
pub(super) fn at_local(local: NaiveDateTime, zone: Zone) -> Result<DateTime<Zone>, TimeViolation> {
    match zone.clock_at(local) {
        LocalOffsets::Once(offset) => Ok(zone.instant_at(local, offset)),
        LocalOffsets::Twice(first, second) => {
            let (first, second) = (rfc3339(&zone.instant_at(local, first)), rfc3339(&zone.instant_at(local, second)));
            Err(("ambiguous_time", format!("{local} occurs twice in {zone}; write {first} or {second}")))
        }
        LocalOffsets::Skipped(before, after) => {
            let around = around_gap(local, zone, before, after);
            Err(("nonexistent_time", format!("{local} does not exist in {zone}, whose clocks skip it; write {around}")))
        }
    }
}

/// Returns the two times that a skipped local time may denote: with the offset after the gap, which lies before it, and
/// with the offset before the gap, which lies after it.
fn around_gap(local: NaiveDateTime, zone: Zone, before: FixedOffset, after: FixedOffset) -> String {
    format!("{} or {}", rfc3339(&zone.instant_at(local, after)), rfc3339(&zone.instant_at(local, before)))
}

pub(super) fn wrong_offset(local: NaiveDateTime, zone: Zone) -> String {
    let right = match zone.clock_at(local) {
        LocalOffsets::Once(offset) => rfc3339(&zone.instant_at(local, offset)),
        LocalOffsets::Twice(first, second) => {
            format!("{} or {}", rfc3339(&zone.instant_at(local, first)), rfc3339(&zone.instant_at(local, second)))
        }
        LocalOffsets::Skipped(before, after) => around_gap(local, zone, before, after),
    };
    format!("{zone} has a different UTC offset at that time; write {right}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::local_time::Moment;

    #[test]
    fn leap_seconds_are_the_second_before() {
        let zone: Zone = "Europe/Brussels".parse().unwrap();
        let at = Moment::parse("2016-12-31T23:59:60Z", zone).unwrap();
        assert_eq!(at.to_text(), "2017-01-01T00:59:59+01:00");
        assert_eq!(Moment::parse("2017-01-01T00:59:60", zone).unwrap(), at);
    }
}
