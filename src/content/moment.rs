//! Local times in IANA zones (RFC 3339 with the zone beside it). What is kept is what an editor meant: a date,
//! or what the zone's clock shows. The UTC offset beside a local time says which of two is meant where clocks
//! are put back; else it follows from the zone's rules, also when those change later.
//!
//! RFC 3339 has no seconds in offsets. Where a zone's offset had some, it is shown rounded to the minute, as
//! Temporal and chrono do it; local time and zone count, so that the instant stays exact.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};
use serde_json::{Map, Value};

use crate::time_zone::{LocalClock, Zone};

/// A fault of a time: the rule's word and its explanation.
pub type Wrong = (&'static str, String);

/// A time as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Only the day is known.
    Day(NaiveDate),
    /// An instant, with the local clock of its zone.
    At(DateTime<Zone>),
}

impl Moment {
    /// Reads what an editor gives: a date, a local time, or a local time with offset, in `zone`.
    ///
    /// # Errors
    /// What is no time, what the zone's clock never shows or shows twice, an offset that is not the zone's,
    /// and years outside 1 to 9999.
    pub fn parse(text: &str, zone: Zone) -> Result<Self, Wrong> {
        if let Some(day) = date(text) {
            return existing_day(in_range(day, text)?, zone).map(Moment::Day);
        }
        if let Ok(given) = DateTime::parse_from_rfc3339(text) {
            let given = without_leap_second(given);
            if text.ends_with(['Z', 'z']) {
                let at = given.with_timezone(&zone);
                in_range(at.date_naive(), text)?;
                return Ok(Moment::At(as_shown(at)));
            }
            let local = given.naive_local();
            in_range(local.date(), text)?;
            let own = meant(zone.clock_at(local), *given.offset())
                .ok_or_else(|| ("wrong_offset", wrong_offset(local, zone)))?;
            return Ok(Moment::At(zone.at(local, own)));
        }
        let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
            .ok_or((
                "not_a_time",
                format!("\"{text}\" is no date (2015-07-01) and no local time (2015-07-01T09:30)"),
            ))?;
        in_range(local.date(), text)?;
        at_local(without_leap_second(local), zone).map(Moment::At)
    }

    /// Reads what is stored, or comes from where other rules applied: local time and zone count. Of a time
    /// that the zone's clock shows twice, the offset tells which is meant; one that it skips is read with the
    /// offset before that (RFC 5545, section 3.3.5). None for what is no time at all.
    pub fn stored(text: &str, zone: Zone) -> Option<Self> {
        if let Some(day) = date(text) {
            return Some(Moment::Day(day));
        }
        let given = without_leap_second(DateTime::parse_from_rfc3339(text).ok()?);
        if text.ends_with(['Z', 'z']) {
            return Some(Moment::At(as_shown(given.with_timezone(&zone))));
        }
        let local = given.naive_local();
        let offset = match zone.clock_at(local) {
            LocalClock::Once(offset) | LocalClock::Skipped(offset, _) => offset,
            clock @ LocalClock::Twice(first, _) => meant(clock, *given.offset()).unwrap_or(first),
        };
        Some(Moment::At(zone.at(local, offset)))
    }

    /// The stored text: `2015-07-01` or `2015-07-01T09:30:00+02:00`.
    pub fn canonical(&self) -> String {
        match self {
            Moment::Day(day) => day.format("%Y-%m-%d").to_string(),
            Moment::At(at) => rfc3339(at),
        }
    }

    /// The instant at which it begins, or for the end of a span, at which that is over.
    pub fn instant(&self, zone: Zone, end: bool) -> DateTime<Zone> {
        match self {
            Moment::At(at) => *at,
            Moment::Day(day) if end => end_of_day(*day, zone),
            Moment::Day(day) => zone.midnight(*day),
        }
    }
}

/// The next midnight. The last day that RFC 3339 can write has none: it ends with its last microsecond.
pub fn end_of_day(day: NaiveDate, zone: Zone) -> DateTime<Zone> {
    let next = zone.midnight(day + Days::new(1));
    if next.year() > LAST_YEAR { next - TimeDelta::microseconds(1) } else { next }
}

/// Reads a moment for which it does not matter what clocks show: a date or a local time in `zone`, or a
/// time with any UTC offset.
pub fn instant(text: &str, zone: Zone) -> Result<DateTime<Utc>, Wrong> {
    if let Ok(given) = DateTime::parse_from_rfc3339(text) {
        let given = without_leap_second(given);
        in_range(given.date_naive(), text)?;
        // As answers show a time whose offset had seconds; "Z" is exact.
        let own = meant(zone.clock_at(given.naive_local()), *given.offset()).filter(|_| !text.ends_with(['Z', 'z']));
        return Ok(own.map_or(given.to_utc(), |own| zone.at(given.naive_local(), own).to_utc()));
    }
    Ok(Moment::parse(text, zone)?.instant(zone, false).to_utc())
}

/// The same from a query, where a "+" that was not percent-encoded arrives as a space.
pub fn instant_in_query(text: &str, zone: Zone) -> Result<DateTime<Utc>, Wrong> {
    instant(text, zone).or_else(|wrong| instant(&text.replace(' ', "+"), zone).map_err(|_| wrong))
}

/// The stored text of a moment in UTC, to the microsecond, within the years that RFC 3339 can write.
pub fn utc_instant(at: DateTime<Utc>) -> String {
    let last = NaiveDate::from_ymd_opt(LAST_YEAR + 1, 1, 1).unwrap_or_default().and_time(chrono::NaiveTime::MIN);
    let last = last.and_utc() - TimeDelta::microseconds(1);
    at.min(last).to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// The zone of an item's times.
pub fn zone_of(content: &Map<String, Value>) -> Option<Zone> {
    content.get("time_zone")?.as_str()?.parse().ok()
}

/// Start and end of a stored item, if it has a start. Without an end, an item of which only the
/// day is known lasts that day, and any other ends as it starts.
pub fn stored_span(content: &Map<String, Value>) -> Option<(DateTime<Zone>, DateTime<Zone>)> {
    let zone = zone_of(content)?;
    let moment = |name: &str| Moment::stored(content.get(name)?.as_str()?, zone);
    let starts = moment("starts_at")?;
    let ends = moment("ends_at").unwrap_or(starts);
    Some((starts.instant(zone, false), ends.instant(zone, true)))
}

/// RFC 3339 with the offset, and fractions of a second only where there are some.
pub fn rfc3339(at: &DateTime<Zone>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false)
}

/// Microseconds since 1970 (UTC) as RFC 3339 in UTC, to the millisecond.
pub fn utc_text(micros: i64) -> String {
    DateTime::<Utc>::from_timestamp_micros(micros)
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// The last year that RFC 3339 and iCalendar can write.
const LAST_YEAR: i32 = 9_999;

fn in_range(day: NaiveDate, text: &str) -> Result<NaiveDate, Wrong> {
    if (1..=LAST_YEAR).contains(&day.year()) {
        return Ok(day);
    }
    Err(("out_of_range", format!("\"{text}\" lies outside the years 1 to {LAST_YEAR}")))
}

/// A date of four, two and two digits.
fn date(text: &str) -> Option<NaiveDate> {
    if text.len() != 10 {
        return None;
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

fn existing_day(day: NaiveDate, zone: Zone) -> Result<NaiveDate, Wrong> {
    if zone.midnight(day).date_naive() == day {
        return Ok(day);
    }
    Err(("nonexistent_time", format!("the calendar of {zone} skips {day}")))
}

/// The second 60 as the one before it: RFC 5545, section 3.3.12, of clocks that do not know leap seconds.
fn without_leap_second<T: Timelike>(time: T) -> T {
    match time.nanosecond().checked_sub(1_000_000_000).map(|within| time.with_nanosecond(within)) {
        Some(Some(earlier)) => earlier,
        _ => time,
    }
}

/// An offset in minutes, rounded as it is shown.
fn minutes(offset: FixedOffset) -> i32 {
    let seconds = offset.local_minus_utc();
    (seconds.abs() + 30) / 60 * seconds.signum()
}

/// The offset of the zone that a written one stands for: the one that is shown so, else one with seconds that
/// somebody rounded the other way.
fn meant(clock: LocalClock, written: FixedOffset) -> Option<FixedOffset> {
    let offsets = match clock {
        LocalClock::Once(offset) => [Some(offset), None],
        LocalClock::Twice(first, second) => [Some(first), Some(second)],
        LocalClock::Skipped(..) => [None, None],
    };
    let own = || offsets.into_iter().flatten();
    let near = |own: &FixedOffset| {
        let (own, written) = (own.local_minus_utc(), written.local_minus_utc());
        own % 60 != 0 && (own - written).abs() < 60
    };
    own().find(|own| minutes(*own) == minutes(written)).or_else(|| own().find(near))
}

/// The instant that its text is read as. Where clocks were put back by less than a minute, one text stands
/// for two instants: the first is meant.
fn as_shown(at: DateTime<Zone>) -> DateTime<Zone> {
    match at.timezone().clock_at(at.naive_local()) {
        LocalClock::Twice(first, second) if minutes(first) == minutes(second) => {
            at.timezone().at(at.naive_local(), first)
        }
        _ => at,
    }
}

fn at_local(local: NaiveDateTime, zone: Zone) -> Result<DateTime<Zone>, Wrong> {
    match zone.clock_at(local) {
        LocalClock::Once(offset) => Ok(zone.at(local, offset)),
        LocalClock::Twice(first, second) => {
            let (first, second) = (rfc3339(&zone.at(local, first)), rfc3339(&zone.at(local, second)));
            Err(("ambiguous_time", format!("clocks in {zone} show {local} twice; write {first} or {second}")))
        }
        LocalClock::Skipped(before, after) => {
            let around = around_gap(local, zone, before, after);
            Err(("nonexistent_time", format!("clocks in {zone} skip {local}; write {around}")))
        }
    }
}

/// What a clock shows that was not put forward yet, and one that was, for a skipped local time.
fn around_gap(local: NaiveDateTime, zone: Zone, before: FixedOffset, after: FixedOffset) -> String {
    format!("{} or {}", rfc3339(&zone.at(local, after)), rfc3339(&zone.at(local, before)))
}

fn wrong_offset(local: NaiveDateTime, zone: Zone) -> String {
    let right = match zone.clock_at(local) {
        LocalClock::Once(offset) => rfc3339(&zone.at(local, offset)),
        LocalClock::Twice(first, second) => {
            format!("{} or {}", rfc3339(&zone.at(local, first)), rfc3339(&zone.at(local, second)))
        }
        LocalClock::Skipped(before, after) => around_gap(local, zone, before, after),
    };
    format!("{zone} has another UTC offset then; write {right}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn brussels() -> Zone {
        zone("Europe/Brussels")
    }

    #[test]
    fn names_both_choices_of_an_ambiguous_time() {
        let (code, message) = Moment::parse("2025-10-26T02:30", brussels()).unwrap_err();
        assert_eq!(code, "ambiguous_time");
        assert!(message.contains("2025-10-26T02:30:00+02:00 or 2025-10-26T02:30:00+01:00"), "{message}");
        assert!(Moment::parse("2025-10-26T02:30:00+01:00", brussels()).is_ok());
    }

    #[test]
    fn names_both_choices_of_a_skipped_time() {
        let (code, message) = Moment::parse("2025-03-30T02:30", brussels()).unwrap_err();
        assert_eq!(code, "nonexistent_time");
        assert!(message.contains("2025-03-30T01:30:00+01:00 or 2025-03-30T03:30:00+02:00"), "{message}");
    }

    #[test]
    fn refuses_an_offset_that_the_zone_does_not_have() {
        let (code, message) = Moment::parse("2015-07-01T09:00:00+05:00", brussels()).unwrap_err();
        assert_eq!(code, "wrong_offset");
        assert!(message.contains("2015-07-01T09:00:00+02:00"), "{message}");
    }

    #[test]
    fn a_day_ends_at_the_next_midnight() {
        let day = Moment::parse("2015-07-01", brussels()).unwrap();
        assert_eq!(rfc3339(&day.instant(brussels(), false)), "2015-07-01T00:00:00+02:00");
        assert_eq!(rfc3339(&day.instant(brussels(), true)), "2015-07-02T00:00:00+02:00");
    }

    #[test]
    fn offsets_with_seconds_are_rounded() {
        let monrovia = zone("Africa/Monrovia");
        let at = Moment::parse("1971-03-01T12:00:00", monrovia).unwrap();
        assert_eq!(at.canonical(), "1971-03-01T12:00:00-00:45");
        // 44 minutes and 30 seconds west of Greenwich.
        assert_eq!(at.instant(monrovia, false).to_utc().to_rfc3339(), "1971-03-01T12:44:30+00:00");
        for text in ["1971-03-01T12:00:00-00:45", "1971-03-01T12:00:00-00:44", "1971-03-01T12:44:30Z"] {
            assert_eq!(Moment::parse(text, monrovia), Ok(at), "{text}");
            assert_eq!(Moment::stored(text, monrovia), Some(at), "{text}");
        }
        assert_eq!(Moment::parse("1971-03-01T12:00:00-00:46", monrovia).unwrap_err().0, "wrong_offset");
        let named = |text: &str| instant(text, monrovia).unwrap().to_rfc3339();
        assert_eq!(named("1971-03-01T12:00:00-00:45"), "1971-03-01T12:44:30+00:00");
        assert_eq!(instant("1971-03-01T12:00:00-00:45", brussels()).unwrap().to_rfc3339(), "1971-03-01T12:45:00+00:00");
    }

    #[test]
    fn what_is_stored_is_read_by_its_local_time() {
        let at = Moment::stored("2015-07-01T09:00:00+05:00", brussels()).unwrap();
        assert_eq!(at.canonical(), "2015-07-01T09:00:00+02:00");
        let skipped = Moment::stored("2025-03-30T02:30:00+01:00", brussels()).unwrap();
        assert_eq!(skipped.canonical(), "2025-03-30T03:30:00+02:00");
        for offset in ["+02:00", "+01:00"] {
            let text = format!("2025-10-26T02:30:00{offset}");
            assert_eq!(Moment::stored(&text, brussels()).unwrap().canonical(), text);
        }
    }

    #[test]
    fn years_one_to_9999_at_both_ends() {
        for name in ["Pacific/Kiritimati", "Pacific/Midway", "Europe/Brussels", "UTC"] {
            let zone = zone(name);
            for day in ["0001-01-01", "9999-12-31"] {
                let moment = Moment::parse(day, zone).unwrap();
                let (starts, ends) = (moment.instant(zone, false), moment.instant(zone, true));
                assert!(rfc3339(&starts).starts_with(&format!("{day}T00:00:00")), "{starts}");
                assert!(starts < ends && rfc3339(&ends).len() <= "9999-12-31T23:59:59.999999-11:00".len());
            }
            for text in ["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"] {
                let stored = Moment::parse(text, zone).unwrap().canonical();
                assert!(stored.starts_with(text), "{stored}");
                assert!(DateTime::parse_from_rfc3339(&utc_instant(instant(&stored, zone).unwrap())).is_ok());
            }
            for text in ["0000-12-31", "10000-01-01", "0000-12-31T23:59:59", "+9999-01-01", "-0001-01-01"] {
                assert!(Moment::parse(text, zone).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn days_begin_where_their_clocks_do() {
        let begins = |name: &str, day: &str| rfc3339(&zone(name).midnight(day.parse().unwrap()));
        assert_eq!(begins("America/Sao_Paulo", "2017-10-15"), "2017-10-15T01:00:00-02:00");
        assert_eq!(begins("Africa/Monrovia", "1972-01-07"), "1972-01-07T00:44:30+00:00");
        // The whole day was left out.
        assert_eq!(begins("Pacific/Apia", "2011-12-30"), "2011-12-31T00:00:00+14:00");
        assert_eq!(Moment::parse("2011-12-30", zone("Pacific/Apia")).unwrap_err().0, "nonexistent_time");
    }

    #[test]
    fn leap_seconds_are_the_second_before() {
        let at = Moment::parse("2016-12-31T23:59:60Z", brussels()).unwrap();
        assert_eq!(at.canonical(), "2017-01-01T00:59:59+01:00");
        assert_eq!(Moment::parse("2017-01-01T00:59:60", brussels()).unwrap(), at);
    }

    fn any_zone() -> impl Strategy<Value = Zone> {
        let names = crate::time_zone::rules::names();
        (0..names.len()).prop_map(move |index| zone(&names[index]))
    }

    /// Any time from year 1 to 9999, and often one near a change of the zone's clock.
    fn any_time(zone: Zone) -> impl Strategy<Value = i64> {
        let changes: Vec<i64> = zone.changes(-FIRST, 4_102_444_800).map(|change| change.begins).collect();
        let changes = if changes.is_empty() { vec![0] } else { changes };
        let near = (0..changes.len(), -7_300i64..7_300).prop_map(move |(index, apart)| changes[index] + apart);
        prop_oneof![near, -FIRST..253_402_200_000]
    }

    /// From the second day of year 1 to 1970, in seconds.
    const FIRST: i64 = 62_135_510_400;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_stored_reads_back_the_same((zone, seconds) in any_zone().prop_flat_map(|zone| (Just(zone), any_time(zone)))) {
            let exact = DateTime::from_timestamp(seconds, 0).unwrap();
            let given = exact.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            let moment = Moment::parse(&given, zone).map_err(|e| TestCaseError::fail(e.1))?;
            let at = moment.instant(zone, false);
            // Exact, but where clocks were put back by less than a minute: there the first is meant.
            let back = (exact - at.to_utc()).num_seconds();
            prop_assert!(back == 0 || ((1..60).contains(&back) && matches!(zone.clock_at(at.naive_local()), LocalClock::Twice(..))));
            let stored = moment.canonical();
            prop_assert_eq!(Moment::parse(&stored, zone).map_err(|e| TestCaseError::fail(e.1))?, moment);
            prop_assert_eq!(Moment::stored(&stored, zone), Some(moment));
            prop_assert_eq!(instant(&stored, zone).map_err(|e| TestCaseError::fail(e.1))?, at.to_utc());
        }

        #[test]
        fn days_follow_each_other(zone in any_zone(), day in 1i64..3_652_000) {
            let day = NaiveDate::from_ymd_opt(1, 1, 1).unwrap() + Days::new(day as u64);
            let (begin, end) = (zone.midnight(day), zone.midnight(day + Days::new(1)));
            prop_assert!(begin <= end && end - begin < TimeDelta::hours(49));
            prop_assert!(begin.date_naive() >= day && (begin - TimeDelta::seconds(1)).date_naive() <= day);
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}") {
            let _ = Moment::parse(&text, brussels());
            let _ = Moment::stored(&text, brussels());
        }
    }

    /// Another reading of the same database. Its newer releases correct the history of a zone now and then: all but
    /// one in a hundred zones agree.
    #[test]
    fn offsets_are_those_of_another_library() {
        use chrono::{Offset, TimeZone};
        let differs = |theirs: &chrono_tz::Tz| {
            let ours: Zone = zone(theirs.name());
            (0..20_000).step_by(9).any(|day| {
                let at = DateTime::from_timestamp(day * 86_400 + 3_600 * (day % 24), 0).unwrap().naive_utc();
                ours.offset_from_utc_datetime(&at).fix() != theirs.offset_from_utc_datetime(&at).fix()
            })
        };
        let others: Vec<_> = chrono_tz::TZ_VARIANTS.iter().filter(|theirs| differs(theirs)).collect();
        assert!(others.len() * 100 <= chrono_tz::TZ_VARIANTS.len(), "{others:?}");
    }
}
