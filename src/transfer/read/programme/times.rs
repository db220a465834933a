//! The times of sessions in programmes.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use crate::content::local_time::rfc3339;
use crate::time_zone::Zone;

/// The times of a session as a file has them.
#[derive(Debug, Clone, Default)]
pub struct GivenTimes {
    /// Date of the session itself, with its time and, mostly, its offset.
    pub date: Option<String>,
    /// End of the session itself.
    pub end: Option<String>,
    /// Day of the programme, which may begin and end at another hour than midnight.
    pub day: String,
    /// Time of day.
    pub start: Option<String>,
    pub duration: Option<String>,
}

/// Start and end as fields hold them, and a note on how they were read: field, code and message.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FieldTimes {
    pub starts: Option<String>,
    pub ends: Option<String>,
    pub note: Option<(&'static str, &'static str, String)>,
}

/// A time of a file: an instant, or a local time.
#[derive(Debug, Clone, Copy)]
enum Given {
    At(DateTime<Zone>),
    Local(NaiveDateTime),
}

impl Given {
    fn parse(text: &str, zone: Zone) -> Option<Self> {
        let text = text.trim();
        if let Ok(at) =
            DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z"))
        {
            return Some(Given::At(at.with_timezone(&zone)));
        }
        let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
        forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).map(Given::Local)
    }

    fn after(self, length: TimeDelta) -> Option<Self> {
        match self {
            Given::At(at) => at.checked_add_signed(length).map(Given::At),
            Given::Local(local) => local.checked_add_signed(length).map(Given::Local),
        }
    }

    fn text(self) -> String {
        match self {
            Given::At(at) => rfc3339(&at),
            Given::Local(local) => local.format("%Y-%m-%dT%H:%M:%S").to_string(),
        }
    }
}

impl GivenTimes {
    /// Returns start and end. The session's own date decides; day and time of day are used where it is absent. A
    /// session that begins before the hour at which the day of the programme changes takes place on the next day. The
    /// end decides over the duration.
    ///
    /// # Errors
    /// Returns a message if the start cannot be read.
    pub fn read(&self, zone: Zone, day_change: NaiveTime) -> Result<FieldTimes, String> {
        let own = self.date.as_deref().filter(|text| text.len() > 10).and_then(|text| Given::parse(text, zone));
        let start = match (own, &self.start) {
            (Some(own), _) => own,
            (None, Some(start)) => {
                let day = self.date.as_deref().filter(|date| date.len() == 10).unwrap_or(&self.day);
                let local = local_start(day, start, day_change);
                Given::Local(local.ok_or_else(|| format!("day \"{day}\", start \"{start}\""))?)
            }
            (None, None) => return self.without_start(),
        };
        let length = self.duration.as_deref().map(|text| length(text).ok_or_else(|| format!("duration \"{text}\"")));
        let end = self.end.as_deref().and_then(|text| Given::parse(text, zone));
        let (ends, note) = match (end, length) {
            (Some(end), _) => (Some(end), None),
            (None, Some(Ok((length, note)))) => (start.after(length), note),
            (None, Some(Err(message))) => (None, Some(format!("left out: {message}"))),
            (None, None) => (None, None),
        };
        let note = note.map(|note| ("/ends_at", "duration", note));
        Ok(FieldTimes { starts: Some(start.text()), ends: ends.map(Given::text), note })
    }

    /// Returns the times of a session whose start is not known: none.
    fn without_start(&self) -> Result<FieldTimes, String> {
        let Some(date) = self.date.as_deref().map(str::trim).filter(|date| !date.is_empty()) else {
            return Ok(FieldTimes::default());
        };
        NaiveDate::parse_from_str(date, "%Y-%m-%d").map_err(|_| format!("date \"{date}\""))?;
        let note = format!("left out: the day {date} without a time of day");
        Ok(FieldTimes { note: Some(("/starts_at", "no_time", note)), ..FieldTimes::default() })
    }
}

fn local_start(day: &str, start: &str, day_change: NaiveTime) -> Option<NaiveDateTime> {
    let day = NaiveDate::parse_from_str(day.get(..10)?, "%Y-%m-%d").ok()?;
    let clock = clock(start)?;
    let day = if clock < day_change { day.succ_opt()? } else { day };
    Some(day.and_time(clock))
}

/// Parses a clock time, `09:30` or `09:30:00`.
pub fn clock(text: &str) -> Option<NaiveTime> {
    ["%H:%M", "%H:%M:%S"].iter().find_map(|form| NaiveTime::parse_from_str(text.trim(), form).ok())
}

/// Parses a duration: `00:25`, three parts, or a number of minutes. Three parts are days, hours and minutes, as
/// pretalx writes `1:01:00` for 25 hours, and hours, minutes and seconds if the first part has two digits. Returns a
/// note if it could mean both.
pub fn length(text: &str) -> Option<(TimeDelta, Option<String>)> {
    let texts: Vec<&str> = text.trim().split(':').collect();
    let parts: Vec<i64> = texts.iter().map(|part| part.parse().ok().filter(|n| *n >= 0)).collect::<Option<_>>()?;
    let mut note = None;
    let minutes = match parts.as_slice() {
        [minutes] => *minutes,
        [hours, minutes] => hours.checked_mul(60)?.checked_add(*minutes)?,
        [hours, minutes, seconds] if texts[0].len() > 1 && *minutes < 60 && *seconds < 60 && *hours < 1_000 => {
            hours * 60 + minutes
        }
        [days, hours, minutes] if *hours < 24 && *minutes < 60 => {
            if *minutes == 0 {
                note = Some(format!("\"{text}\" is read as {days} days and {hours} hours"));
            }
            days * 1_440 + hours * 60 + minutes
        }
        [hours, minutes, seconds] if *minutes < 60 && *seconds < 60 => hours * 60 + minutes,
        _ => return None,
    };
    let length = TimeDelta::try_minutes(minutes).filter(|length| *length < TimeDelta::days(60))?;
    Some((length, note))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: GivenTimes, zone: &str, change: &str) -> (Option<String>, Option<String>) {
        let times = given.read(zone.parse().unwrap(), clock(change).unwrap()).unwrap();
        (times.starts, times.ends)
    }

    fn on_day(start: &str, duration: &str) -> GivenTimes {
        let (start, duration) = (Some(start.to_owned()), Some(duration.to_owned()));
        GivenTimes { day: "2016-01-30".to_owned(), start, duration, ..GivenTimes::default() }
    }

    fn texts(starts: &str, ends: &str) -> (Option<String>, Option<String>) {
        (Some(starts.to_owned()), Some(ends.to_owned()))
    }

    #[test]
    fn after_midnight_is_the_next_day() {
        let at = |start, duration| read(on_day(start, duration), "Europe/Brussels", "09:00:00");
        assert_eq!(at("09:30", "00:25"), texts("2016-01-30T09:30:00", "2016-01-30T09:55:00"));
        assert_eq!(at("00:30", "01:00"), texts("2016-01-31T00:30:00", "2016-01-31T01:30:00"));
        assert_eq!(at("23:30", "01:00").1.unwrap(), "2016-01-31T00:30:00");
        assert_eq!(at("09:00", "99999999999999").1, None);
        assert!(on_day("soon", "00:25").read(Zone::utc(), NaiveTime::MIN).is_err());
    }

    #[test]
    fn the_date_of_a_session_decides() {
        let given = |date: &str| GivenTimes { date: Some(date.to_owned()), ..on_day("09:00", "00:30") };
        let wanted = texts("2027-03-05T00:45:00+01:00", "2027-03-05T01:15:00+01:00");
        assert_eq!(read(given("2027-03-05T00:45:00+01:00"), "Europe/Brussels", "00:00"), wanted);
        let wanted = texts("2027-05-01T03:00:00-04:00", "2027-05-01T03:30:00-04:00");
        assert_eq!(read(given("2027-05-01T09:00:00+02:00"), "America/New_York", "00:00"), wanted);
        let ended =
            GivenTimes { end: Some("2027-05-01T12:00:00+02:00".to_owned()), ..given("2027-05-01T09:00:00+02:00") };
        assert_eq!(read(ended, "Europe/Brussels", "00:00").1.unwrap(), "2027-05-01T12:00:00+02:00");
    }

    #[test]
    fn durations_of_all_systems() {
        for (text, minutes) in [
            ("00:25", 25),
            ("90", 90),
            ("1:01:00", 25 * 60),
            ("1:02:30", 26 * 60 + 30),
            ("01:30:00", 90),
            ("26:00", 26 * 60),
        ] {
            assert_eq!(length(text).unwrap().0, TimeDelta::minutes(minutes), "{text}");
        }
        assert!(length("1:01:00").unwrap().1.is_some());
        assert_eq!(length("soon"), None);
        assert_eq!(length("-1:00"), None);
    }
}
