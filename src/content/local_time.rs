//! Local times in IANA time zones, written as RFC 3339 with the zone in another field.
//!
//! The local time is authoritative, since it is what an editor means: an event at nine o'clock stays at nine when its
//! country changes its clocks. The stored UTC offset is read only to distinguish the two occurrences of a local time
//! when clocks are put back; otherwise the offset follows from the rules of the zone, also when they change later.
//! Strict reading of stored offsets would make every item unreadable whose zone has new rules (docs/decisions/0017).
//!
//! Offsets in RFC 3339 have no seconds. A historical offset with seconds is written rounded to the minute, as
//! Temporal and chrono do. The text alone is then up to 30 seconds off; with the zone, the instant is exact.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::content::field::Span;
use crate::content::local_clock::{
    LAST_YEAR, at_local, existing_day, first_occurrence, in_range, matching_offset, without_leap_second, wrong_offset,
};
use crate::time_zone::{LocalOffsets, Zone};

pub use crate::content::local_clock::{TimeViolation, date, rfc3339};

/// A time as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A date without a time of day.
    Day(NaiveDate),
    /// An instant with its local time in the zone.
    At(DateTime<Zone>),
}

impl Moment {
    /// Parses the input of an editor: a date, a local time, or a local time with a UTC offset, in `zone`. An offset of
    /// `Z` denotes an instant, which is converted to the zone.
    ///
    /// # Errors
    ///
    /// Fails for a text that is not a time, a local time that does not exist or occurs twice in the zone, an offset
    /// that the zone does not have then, and years outside 1 to 9999.
    pub fn parse(text: &str, zone: Zone) -> Result<Self, TimeViolation> {
        if let Some(day) = date(text) {
            return existing_day(in_range(day, text)?, zone).map(Moment::Day);
        }
        if let Ok(given) = DateTime::parse_from_rfc3339(text) {
            let given = without_leap_second(given);
            if text.ends_with(['Z', 'z']) {
                let at = given.with_timezone(&zone);
                in_range(at.date_naive(), text)?;
                return Ok(Moment::At(first_occurrence(at)));
            }
            let local = given.naive_local();
            in_range(local.date(), text)?;
            let own = matching_offset(zone.clock_at(local), *given.offset())
                .ok_or_else(|| ("wrong_offset", wrong_offset(local, zone)))?;
            return Ok(Moment::At(zone.instant_at(local, own)));
        }
        let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
            .ok_or((
                "not_a_time",
                format!("\"{text}\" is neither a date (2015-07-01) nor a local time (2015-07-01T09:30)"),
            ))?;
        in_range(local.date(), text)?;
        at_local(without_leap_second(local), zone).map(Moment::At)
    }

    /// Parses a stored time, or one that was written under other rules. Only its local time counts. If that occurs
    /// twice in the zone, the offset selects the occurrence; if it does not exist, it is read with the offset before
    /// the gap (RFC 5545, section 3.3.5). Returns none for a text that is not a time.
    ///
    /// Unlike [`Moment::parse`], this never rejects a time because of the rules of its zone: a stored item must stay
    /// readable under every release of the time zone database.
    pub fn parse_stored(text: &str, zone: Zone) -> Option<Self> {
        if let Some(day) = date(text) {
            return Some(Moment::Day(day));
        }
        let given = without_leap_second(DateTime::parse_from_rfc3339(text).ok()?);
        if text.ends_with(['Z', 'z']) {
            return Some(Moment::At(first_occurrence(given.with_timezone(&zone))));
        }
        let local = given.naive_local();
        let offset = match zone.clock_at(local) {
            LocalOffsets::Once(offset) | LocalOffsets::Skipped(offset, _) => offset,
            clock @ LocalOffsets::Twice(first, _) => matching_offset(clock, *given.offset()).unwrap_or(first),
        };
        Some(Moment::At(zone.instant_at(local, offset)))
    }

    /// Returns the stored text: `2015-07-01` or `2015-07-01T09:30:00+02:00`.
    pub fn to_text(self) -> String {
        match self {
            Moment::Day(day) => day.format("%Y-%m-%d").to_string(),
            Moment::At(at) => rfc3339(&at),
        }
    }

    /// Returns the local date of the time.
    fn day(&self) -> NaiveDate {
        match self {
            Moment::Day(day) => *day,
            Moment::At(at) => at.date_naive(),
        }
    }

    /// Returns the instant of the time. A date yields its start, or its end if `end` is set, since a span that ends on
    /// a date includes that day.
    pub fn instant(&self, zone: Zone, end: bool) -> DateTime<Zone> {
        match self {
            Moment::At(at) => *at,
            Moment::Day(day) if end => end_of_day(*day, zone),
            Moment::Day(day) => zone.midnight(*day),
        }
    }
}

/// Returns the next midnight, or the last microsecond of the day 9999-12-31, whose next midnight RFC 3339 cannot
/// express.
pub fn end_of_day(day: NaiveDate, zone: Zone) -> DateTime<Zone> {
    let next = zone.midnight(day + Days::new(1));
    if next.year() > LAST_YEAR { next - TimeDelta::microseconds(1) } else { next }
}

/// Parses an instant: a date or a local time in `zone`, or a time with any UTC offset.
///
/// # Errors
///
/// Fails as [`Moment::parse`] does, except that every UTC offset is accepted.
pub fn instant(text: &str, zone: Zone) -> Result<DateTime<Utc>, TimeViolation> {
    if let Ok(given) = DateTime::parse_from_rfc3339(text) {
        let given = without_leap_second(given);
        in_range(given.date_naive(), text)?;
        // Responses round offsets with seconds, so a time copied from one has a rounded offset. If the offset denotes
        // one of the zone at that local time, the exact one is used. "Z" is always exact.
        let own = matching_offset(zone.clock_at(given.naive_local()), *given.offset())
            .filter(|_| !text.ends_with(['Z', 'z']));
        return Ok(own.map_or(given.to_utc(), |own| zone.instant_at(given.naive_local(), own).to_utc()));
    }
    Ok(Moment::parse(text, zone)?.instant(zone, false).to_utc())
}

/// Parses an instant as [`instant`] does, from a query string, in which a "+" that was not percent-encoded arrives as a
/// space.
///
/// # Errors
///
/// Fails as [`instant`] does.
pub fn instant_in_query(text: &str, zone: Zone) -> Result<DateTime<Utc>, TimeViolation> {
    instant(text, zone).or_else(|wrong| instant(&text.replace(' ', "+"), zone).map_err(|_| wrong))
}

/// Returns the stored text of an instant: RFC 3339 in UTC, to the microsecond, at most the end of the year 9999.
pub fn utc_instant(at: DateTime<Utc>) -> String {
    let last = NaiveDate::from_ymd_opt(LAST_YEAR + 1, 1, 1).unwrap_or_default().and_time(chrono::NaiveTime::MIN);
    let last = last.and_utc() - TimeDelta::microseconds(1);
    at.min(last).to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// Returns the zone of an item's times, if it has a valid one.
pub fn zone_of(content: &Map<String, Value>) -> Option<Zone> {
    content.get("time_zone")?.as_str()?.parse().ok()
}

/// Returns the start and the end of a stored item, if it has a start. Without an end, an item lasts until the end of
/// the day of its start: nothing says that it is over earlier. An item of which only the month or the year is known
/// lasts until the end of that.
pub fn stored_span(span: Span, content: &Map<String, Value>) -> Option<(DateTime<Zone>, DateTime<Zone>)> {
    let zone = zone_of(content)?;
    let moment = |name: &str| Moment::parse_stored(content.get(name)?.as_str()?, zone);
    let starts = moment(span.starts_at)?;
    let ends = moment(span.ends_at);
    let last = match (ends.unwrap_or(starts), content.get("date_precision").and_then(Value::as_str)) {
        (last, Some("month")) => Moment::Day(last_of_month(last.day())),
        (last, Some("year")) => Moment::Day(last_of_year(last.day())),
        (last, _) if ends.is_none() => Moment::Day(last.day()),
        (last, _) => last,
    };
    Some((starts.instant(zone, false), last.instant(zone, true)))
}

/// Returns the last day of the month of a day.
pub fn last_of_month(day: NaiveDate) -> NaiveDate {
    let first = day - Days::new(u64::from(day.day0()));
    first.checked_add_months(Months::new(1)).map_or(day, |next| next - Days::new(1))
}

/// Returns the last day of the year of a day.
pub fn last_of_year(day: NaiveDate) -> NaiveDate {
    NaiveDate::from_ymd_opt(day.year(), 12, 31).unwrap_or(day)
}

/// Returns the year at an instant (µs since 1970-01-01T00:00:00Z) in a zone.
pub fn year_at(micros: i64, zone: Zone) -> i32 {
    DateTime::from_timestamp_micros(micros).map_or(1970, |at| at.with_timezone(&zone).year())
}

/// Returns the instant at which the year after that of another instant begins in a zone (µs since 1970-01-01T00:00:00Z).
pub fn next_year(micros: i64, zone: Zone) -> i64 {
    let last = NaiveDate::from_ymd_opt(year_at(micros, zone), 12, 31);
    last.map_or(i64::MAX, |day| end_of_day(day, zone).timestamp_micros())
}

/// Formats microseconds since 1970-01-01T00:00:00Z as RFC 3339 in UTC, to the millisecond.
pub fn utc_text(micros: i64) -> String {
    DateTime::<Utc>::from_timestamp_micros(micros)
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    fn brussels() -> Zone {
        zone("Europe/Brussels")
    }

    #[test]
    fn a_year_ends_at_midnight_of_its_zone() {
        let zone: Zone = "Europe/Brussels".parse().unwrap();
        let micros = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
        let new_year = micros("2027-01-01T00:00:00+01:00");
        assert_eq!((year_at(new_year - 1, zone), year_at(new_year, zone)), (2026, 2027));
        assert_eq!(next_year(micros("2026-06-01T12:00:00Z"), zone), new_year);
        assert_eq!(next_year(new_year - 1, zone), new_year);
        assert_eq!(next_year(new_year, zone), micros("2028-01-01T00:00:00+01:00"));
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
    fn a_span_lasts_as_long_as_what_is_known_of_it() {
        const SPAN: Span = Span { starts_at: "starts_at", ends_at: "ends_at" };
        let ends = |content: Value| {
            let (_, ends) = stored_span(SPAN, content.as_object().unwrap()).unwrap();
            rfc3339(&ends)
        };
        for (content, end) in [
            (json!({"starts_at": "2027-03-04T14:30:00+01:00"}), "2027-03-05T00:00:00+01:00"),
            (json!({"starts_at": "2027-03-04"}), "2027-03-05T00:00:00+01:00"),
            (
                json!({"starts_at": "2027-03-04T14:30:00+01:00", "ends_at": "2027-03-04T15:00:00+01:00"}),
                "2027-03-04T15:00:00+01:00",
            ),
            (json!({"starts_at": "2028-02-01", "date_precision": "month"}), "2028-03-01T00:00:00+01:00"),
            (
                json!({"starts_at": "2027-11-01", "ends_at": "2027-12-01", "date_precision": "month"}),
                "2028-01-01T00:00:00+01:00",
            ),
            (json!({"starts_at": "1998-01-01", "date_precision": "year"}), "1999-01-01T00:00:00+01:00"),
        ] {
            let mut content = content;
            content["time_zone"] = "Europe/Brussels".into();
            assert_eq!(ends(content.clone()), end, "{content}");
        }
    }

    #[test]
    fn offsets_with_seconds_are_rounded() {
        let monrovia = zone("Africa/Monrovia");
        let at = Moment::parse("1971-03-01T12:00:00", monrovia).unwrap();
        assert_eq!(at.to_text(), "1971-03-01T12:00:00-00:45");
        // The offset is -00:44:30.
        assert_eq!(at.instant(monrovia, false).to_utc().to_rfc3339(), "1971-03-01T12:44:30+00:00");
        for text in ["1971-03-01T12:00:00-00:45", "1971-03-01T12:00:00-00:44", "1971-03-01T12:44:30Z"] {
            assert_eq!(Moment::parse(text, monrovia), Ok(at), "{text}");
            assert_eq!(Moment::parse_stored(text, monrovia), Some(at), "{text}");
        }
        assert_eq!(Moment::parse("1971-03-01T12:00:00-00:46", monrovia).unwrap_err().0, "wrong_offset");
        let named = |text: &str| instant(text, monrovia).unwrap().to_rfc3339();
        assert_eq!(named("1971-03-01T12:00:00-00:45"), "1971-03-01T12:44:30+00:00");
        assert_eq!(instant("1971-03-01T12:00:00-00:45", brussels()).unwrap().to_rfc3339(), "1971-03-01T12:45:00+00:00");
    }

    #[test]
    fn what_is_stored_is_read_by_its_local_time() {
        let at = Moment::parse_stored("2015-07-01T09:00:00+05:00", brussels()).unwrap();
        assert_eq!(at.to_text(), "2015-07-01T09:00:00+02:00");
        let skipped = Moment::parse_stored("2025-03-30T02:30:00+01:00", brussels()).unwrap();
        assert_eq!(skipped.to_text(), "2025-03-30T03:30:00+02:00");
        for offset in ["+02:00", "+01:00"] {
            let text = format!("2025-10-26T02:30:00{offset}");
            assert_eq!(Moment::parse_stored(&text, brussels()).unwrap().to_text(), text);
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
                let stored = Moment::parse(text, zone).unwrap().to_text();
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
        // The calendar of Samoa skipped this day.
        assert_eq!(begins("Pacific/Apia", "2011-12-30"), "2011-12-31T00:00:00+14:00");
        assert_eq!(Moment::parse("2011-12-30", zone("Pacific/Apia")).unwrap_err().0, "nonexistent_time");
    }

    fn any_zone() -> impl Strategy<Value = Zone> {
        let names = crate::time_zone::rules::names();
        (0..names.len()).prop_map(move |index| zone(&names[index]))
    }

    /// Times from year 1 to 9999, half of them near a change of the zone's clock.
    fn any_time(zone: Zone) -> impl Strategy<Value = i64> {
        let changes: Vec<i64> = zone.changes(-FIRST, 4_102_444_800).map(|change| change.begins).collect();
        let changes = if changes.is_empty() { vec![0] } else { changes };
        let near = (0..changes.len(), -7_300i64..7_300).prop_map(move |(index, apart)| changes[index] + apart);
        prop_oneof![near, -FIRST..253_402_200_000]
    }

    /// The seconds from the second day of year 1 to 1970.
    const FIRST: i64 = 62_135_510_400;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_stored_reads_back_the_same((zone, seconds) in any_zone().prop_flat_map(|zone| (Just(zone), any_time(zone)))) {
            let exact = DateTime::from_timestamp(seconds, 0).unwrap();
            let given = exact.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            let moment = Moment::parse(&given, zone).map_err(|e| TestCaseError::fail(e.1))?;
            let at = moment.instant(zone, false);
            // Exact, except where clocks were put back by less than a minute: there the first occurrence is taken.
            let back = (exact - at.to_utc()).num_seconds();
            prop_assert!(back == 0 || ((1..60).contains(&back) && matches!(zone.clock_at(at.naive_local()), LocalOffsets::Twice(..))));
            let stored = moment.to_text();
            prop_assert_eq!(Moment::parse(&stored, zone).map_err(|e| TestCaseError::fail(e.1))?, moment);
            prop_assert_eq!(Moment::parse_stored(&stored, zone), Some(moment));
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
            let _ = Moment::parse_stored(&text, brussels());
        }
    }

    /// Offsets are compared with those of another library, which may have another release of the time zone database.
    /// Releases occasionally correct the history of a zone, so one zone in a hundred may differ.
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
