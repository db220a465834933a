//! Local times in IANA zones. A moment is kept as the editor meant it: a date, or a local time
//! with the UTC offset that its zone had then (RFC 3339).

use chrono::{DateTime, Days, MappedLocalTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// A fault of a time: the rule's word and its explanation.
pub type Wrong = (&'static str, String);

/// A time as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Only the day is known.
    Day(NaiveDate),
    /// An instant, with the local clock of its zone.
    At(DateTime<Tz>),
}

impl Moment {
    /// Reads a date, a local time, or a local time with offset, in `zone`.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, Wrong> {
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return in_range(day, text).map(Moment::Day);
        }
        if let Ok(fixed) = DateTime::parse_from_rfc3339(text) {
            let at = fixed.with_timezone(&zone);
            in_range(at.date_naive(), text)?;
            let same_clock = at.naive_local() == fixed.naive_local();
            let is_utc = text.ends_with(['Z', 'z']);
            if !same_clock && !is_utc {
                return Err(("wrong_offset", wrong_offset(fixed.naive_local(), zone)));
            }
            return Ok(Moment::At(at));
        }
        let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
            .ok_or((
                "not_a_time",
                format!("\"{text}\" is no date (2015-07-01) and no local time (2015-07-01T09:30)"),
            ))?;
        in_range(local.date(), text)?;
        at_local(local, zone).map(Moment::At)
    }

    /// The stored text: `2015-07-01` or `2015-07-01T09:30:00+02:00`.
    pub fn canonical(&self) -> String {
        match self {
            Moment::Day(day) => day.format("%Y-%m-%d").to_string(),
            Moment::At(at) => rfc3339(at),
        }
    }

    /// The instant at which it begins, or for the end of a span, at which that is over.
    pub fn instant(&self, zone: Tz, end: bool) -> DateTime<Tz> {
        match self {
            Moment::At(at) => *at,
            Moment::Day(day) => midnight(if end { *day + Days::new(1) } else { *day }, zone),
        }
    }
}

/// Reads a moment for which it does not matter what clocks show: a date or a local time in `zone`, or a
/// time with any UTC offset.
pub fn instant(text: &str, zone: Tz) -> Result<DateTime<Utc>, Wrong> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        in_range(at.date_naive(), text)?;
        return Ok(at.to_utc());
    }
    Ok(Moment::parse(text, zone)?.instant(zone, false).to_utc())
}

/// The same from a query, where a "+" that was not percent-encoded arrives as a space.
pub fn instant_in_query(text: &str, zone: Tz) -> Result<DateTime<Utc>, Wrong> {
    instant(text, zone).or_else(|wrong| instant(&text.replace(' ', "+"), zone).map_err(|_| wrong))
}

/// Start and end of a stored item, if it has a start. Without an end, an item of which only the
/// day is known lasts that day, and any other ends as it starts.
pub fn stored_span(content: &serde_json::Map<String, serde_json::Value>) -> Option<(DateTime<Tz>, DateTime<Tz>)> {
    let text = |name: &str| content.get(name).and_then(serde_json::Value::as_str);
    let zone: Tz = text("time_zone")?.parse().ok()?;
    let starts = Moment::parse(text("starts_at")?, zone).ok()?;
    let ends = text("ends_at").and_then(|ends| Moment::parse(ends, zone).ok()).unwrap_or(starts);
    Some((starts.instant(zone, false), ends.instant(zone, true)))
}

/// RFC 3339 with the offset, and fractions of a second only where there are some.
pub fn rfc3339(at: &DateTime<Tz>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, false)
}

/// Microseconds since 1970 (UTC) as RFC 3339 in UTC, to the millisecond.
pub fn utc_text(micros: i64) -> String {
    DateTime::<Utc>::from_timestamp_micros(micros)
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn in_range(day: NaiveDate, text: &str) -> Result<NaiveDate, Wrong> {
    use chrono::Datelike;
    if (1..=9998).contains(&day.year()) {
        return Ok(day);
    }
    Err(("out_of_range", format!("\"{text}\" lies outside the years 1 to 9998")))
}

/// The first instant of a day; where midnight is skipped, the first that exists.
pub fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Tz> {
    let mut local = day.and_hms_opt(0, 0, 0).unwrap_or_default();
    for _ in 0..24 {
        if let Some(at) = zone.from_local_datetime(&local).earliest() {
            return at;
        }
        local += TimeDelta::minutes(15);
    }
    zone.from_utc_datetime(&local)
}

fn at_local(local: NaiveDateTime, zone: Tz) -> Result<DateTime<Tz>, Wrong> {
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) => Ok(at),
        MappedLocalTime::Ambiguous(first, second) => Err((
            "ambiguous_time",
            format!("clocks in {zone} show {local} twice; write {} or {}", rfc3339(&first), rfc3339(&second)),
        )),
        MappedLocalTime::None => {
            let (before, after) = around_gap(local, zone);
            Err(("nonexistent_time", format!("clocks in {zone} skip {local}; write {before} or {after}")))
        }
    }
}

/// What a clock shows that was not put forward yet, and one that was, for a skipped local time.
fn around_gap(local: NaiveDateTime, zone: Tz) -> (String, String) {
    let earlier = zone.from_local_datetime(&(local - TimeDelta::hours(3))).latest();
    let later = zone.from_local_datetime(&(local + TimeDelta::hours(3))).earliest();
    let text = |at: Option<DateTime<Tz>>| at.map(|at| rfc3339(&at)).unwrap_or_default();
    (text(later.map(|at| at - TimeDelta::hours(3))), text(earlier.map(|at| at + TimeDelta::hours(3))))
}

fn wrong_offset(local: NaiveDateTime, zone: Tz) -> String {
    let right: Vec<String> = match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) => vec![rfc3339(&at)],
        MappedLocalTime::Ambiguous(first, second) => vec![rfc3339(&first), rfc3339(&second)],
        MappedLocalTime::None => {
            let (before, after) = around_gap(local, zone);
            vec![before, after]
        }
    };
    format!("{zone} has another UTC offset then; write {}", right.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BRUSSELS: Tz = chrono_tz::Europe::Brussels;

    #[test]
    fn names_both_choices_of_an_ambiguous_time() {
        let (code, message) = Moment::parse("2025-10-26T02:30", BRUSSELS).unwrap_err();
        assert_eq!(code, "ambiguous_time");
        assert!(message.contains("2025-10-26T02:30:00+02:00 or 2025-10-26T02:30:00+01:00"), "{message}");
        assert!(Moment::parse("2025-10-26T02:30:00+01:00", BRUSSELS).is_ok());
    }

    #[test]
    fn names_both_choices_of_a_skipped_time() {
        let (code, message) = Moment::parse("2025-03-30T02:30", BRUSSELS).unwrap_err();
        assert_eq!(code, "nonexistent_time");
        assert!(message.contains("2025-03-30T01:30:00+01:00 or 2025-03-30T03:30:00+02:00"), "{message}");
    }

    #[test]
    fn refuses_an_offset_that_the_zone_does_not_have() {
        let (code, message) = Moment::parse("2015-07-01T09:00:00+05:00", BRUSSELS).unwrap_err();
        assert_eq!(code, "wrong_offset");
        assert!(message.contains("2015-07-01T09:00:00+02:00"), "{message}");
    }

    #[test]
    fn a_day_ends_at_the_next_midnight() {
        let day = Moment::parse("2015-07-01", BRUSSELS).unwrap();
        assert_eq!(rfc3339(&day.instant(BRUSSELS, false)), "2015-07-01T00:00:00+02:00");
        assert_eq!(rfc3339(&day.instant(BRUSSELS, true)), "2015-07-02T00:00:00+02:00");
    }

    proptest! {
        #[test]
        fn what_is_stored_reads_back_the_same(seconds in -60_000_000_000i64..200_000_000_000, zone in 0usize..chrono_tz::TZ_VARIANTS.len()) {
            let zone = chrono_tz::TZ_VARIANTS[zone];
            let at = DateTime::from_timestamp(seconds, 0).unwrap().with_timezone(&zone);
            // Before standard time, offsets have seconds, which RFC 3339 cannot write.
            use chrono::Offset;
            prop_assume!(at.offset().fix().local_minus_utc() % 60 == 0);
            let stored = Moment::At(at).canonical();
            prop_assert_eq!(Moment::parse(&stored, zone).map_err(|e| TestCaseError::fail(e.1))?, Moment::At(at));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}") {
            let _ = Moment::parse(&text, BRUSSELS);
        }
    }
}
