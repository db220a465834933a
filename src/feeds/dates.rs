//! When an item takes place, as precisely as that is known.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta};
use serde_json::Value;

use super::{local_time, text};
use crate::content::local_time::{last_of_month, last_of_year};
use crate::time_zone::Zone;

/// Precision of start and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    Time,
    Day,
    Month,
    Year,
}

impl Precision {
    /// Returns the precision of an item.
    pub fn of_item(item: &Value) -> Self {
        let is_all_day = item.get("all_day").and_then(Value::as_bool) == Some(true);
        match text(item, "date_precision") {
            Some("year") => Precision::Year,
            Some("month") => Precision::Month,
            Some("day") => Precision::Day,
            Some(_) if is_all_day => Precision::Day,
            // Sessions do not say how precise they are. One that lasts from midnight to midnight, or only has a
            // midnight, was given by dates.
            None if lasts_whole_days(item) => Precision::Day,
            _ => Precision::Time,
        }
    }
}

fn lasts_whole_days(item: &Value) -> bool {
    let is_midnight = |at: DateTime<Zone>| at == at.timezone().midnight(at.date_naive());
    local_time(item, "starts_at").is_some_and(is_midnight) && local_time(item, "ends_at").is_none_or(is_midnight)
}

/// Returns the first and the last day of an item; for one of which only the month or the year is known, those of the
/// whole month or year.
pub fn days(item: &Value) -> Option<(NaiveDate, NaiveDate)> {
    let day = |name: &str| NaiveDate::parse_from_str(text(item, name)?, "%Y-%m-%d").ok();
    let (first, last) = (day("starts_on")?, day("ends_on")?);
    Some(match Precision::of_item(item) {
        Precision::Time | Precision::Day => (first, last),
        Precision::Month => (first - TimeDelta::days(i64::from(first.day0())), last_of_month(last)),
        Precision::Year => (first - TimeDelta::days(i64::from(first.ordinal0())), last_of_year(last)),
    })
}

/// Returns the start as a text of ISO 8601: a time with its offset, a date, a month or a year.
pub fn start(item: &Value) -> Option<&str> {
    of_precision(item, text(item, "starts_at"), text(item, "starts_on"))
}

/// Returns the end like [`start`]; `None` if it is not known.
pub fn end(item: &Value) -> Option<&str> {
    let ends_at = text(item, "ends_at")?;
    of_precision(item, Some(ends_at), text(item, "ends_on"))
}

fn of_precision<'a>(item: &Value, at: Option<&'a str>, day: Option<&'a str>) -> Option<&'a str> {
    match Precision::of_item(item) {
        Precision::Time => at,
        Precision::Day => day,
        Precision::Month => day?.get(..7),
        Precision::Year => day?.get(..4),
    }
}

/// Returns start and end in one line for readers. It has no words and no names of months, so that it is the same in all
/// languages.
pub fn line(item: &Value) -> Option<String> {
    if Precision::of_item(item) != Precision::Time {
        let (start, end) = (start(item)?, end(item));
        return Some(match end.filter(|end| *end != start) {
            Some(end) => format!("{start} – {end}"),
            None => start.to_owned(),
        });
    }
    let (starts, zone) = (local_time(item, "starts_at")?, text(item, "time_zone")?);
    let (day, clock) = (starts.format("%Y-%m-%d"), starts.format("%H:%M"));
    Some(match local_time(item, "ends_at").filter(|ends| *ends > starts) {
        None => format!("{day}, {clock} ({zone})"),
        Some(ends) if ends.date_naive() == starts.date_naive() => {
            format!("{day}, {clock}–{} ({zone})", ends.format("%H:%M"))
        }
        Some(ends) => format!("{day}, {clock} – {} ({zone})", ends.format("%Y-%m-%d, %H:%M")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item(more: Value) -> Value {
        let mut item = json!({"time_zone": "Europe/Brussels", "all_day": false, "date_precision": "time"});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        item
    }

    #[test]
    fn no_date_is_more_precise_than_it_is_known() {
        let evening = item(json!({"starts_at": "2027-03-04T14:30:00+01:00", "ends_at": "2027-03-04T16:00:00+01:00",
            "starts_on": "2027-03-04", "ends_on": "2027-03-04"}));
        let days = item(json!({"starts_at": "2027-03-04T00:00:00+01:00", "ends_at": "2027-03-06T00:00:00+01:00",
            "starts_on": "2027-03-04", "ends_on": "2027-03-05", "date_precision": "day"}));
        let month = item(json!({"starts_at": "2027-05-01T00:00:00+02:00", "ends_at": null, "starts_on": "2027-05-01",
            "ends_on": "2027-05-31", "date_precision": "month"}));
        let years = item(json!({"starts_at": "1998-06-01T00:00:00+02:00", "ends_at": "2000-01-01T00:00:00+01:00",
            "starts_on": "1998-06-01", "ends_on": "1999-12-31", "date_precision": "year"}));
        for (item, from, to, shown, first, last) in [
            (
                &evening,
                "2027-03-04T14:30:00+01:00",
                Some("2027-03-04T16:00:00+01:00"),
                "2027-03-04, 14:30–16:00 (Europe/Brussels)",
                "2027-03-04",
                "2027-03-04",
            ),
            (&days, "2027-03-04", Some("2027-03-05"), "2027-03-04 – 2027-03-05", "2027-03-04", "2027-03-05"),
            (&month, "2027-05", None, "2027-05", "2027-05-01", "2027-05-31"),
            (&years, "1998", Some("1999"), "1998 – 1999", "1998-01-01", "1999-12-31"),
        ] {
            assert_eq!((start(item), end(item), line(item).as_deref()), (Some(from), to, Some(shown)));
            let (one, other) = super::days(item).unwrap();
            assert_eq!((one.to_string(), other.to_string()), (first.to_owned(), last.to_owned()));
        }
        assert_eq!((start(&json!({})), end(&json!({})), line(&json!({}))), (None, None, None));
    }

    #[test]
    fn sessions_by_days_last_from_midnight_to_midnight() {
        let session = |starts: &str, ends: Option<&str>| {
            Precision::of_item(&json!({"time_zone": "Europe/Brussels", "starts_at": starts, "ends_at": ends}))
        };
        let midnight = "2027-03-04T00:00:00+01:00";
        assert_eq!(session(midnight, Some("2027-03-05T00:00:00+01:00")), Precision::Day);
        assert_eq!(session(midnight, None), Precision::Day);
        assert_eq!(session(midnight, Some("2027-03-04T01:00:00+01:00")), Precision::Time);
        assert_eq!(session("2027-03-04T22:00:00+01:00", Some("2027-03-05T00:00:00+01:00")), Precision::Time);
    }
}
