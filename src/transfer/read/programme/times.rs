//! The times of sessions in programmes.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};

use crate::content::local_time::rfc3339;
use crate::time_zone::Zone;
use crate::transfer::read::iso_time::{IsoTime, any_day, parse_day};

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

/// A note on how times were read: field, code and message.
pub type TimeNote = (&'static str, &'static str, String);

/// Start and end as fields hold them, and how they were read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FieldTimes {
    pub starts: Option<String>,
    pub ends: Option<String>,
    /// Whether the start names no offset, so that it is in the zone of the programme.
    pub is_local: bool,
    pub notes: Vec<TimeNote>,
}

/// A time of a file: an instant, or a local time.
#[derive(Debug, Clone, Copy)]
enum FileTime {
    At(DateTime<Zone>),
    Local(NaiveDateTime),
}

impl FileTime {
    /// Parses a date with a time of day as [`IsoTime::parse`] does.
    fn parse(text: &str, zone: Zone) -> Option<Self> {
        let IsoTime { local, offset } = IsoTime::parse(text)?;
        Some(match offset {
            None => FileTime::Local(local),
            Some(offset) => FileTime::At(offset.from_local_datetime(&local).single()?.with_timezone(&zone)),
        })
    }

    /// Returns the time as its zone has it.
    fn local_time(self) -> NaiveDateTime {
        match self {
            FileTime::At(at) => at.naive_local(),
            FileTime::Local(local) => local,
        }
    }

    /// Returns whether two times are one.
    fn is_same(self, other: Self) -> bool {
        match (self, other) {
            (FileTime::At(at), FileTime::At(other)) => at == other,
            _ => self.local_time() == other.local_time(),
        }
    }

    fn checked_add(self, length: TimeDelta) -> Option<Self> {
        match self {
            FileTime::At(at) => at.checked_add_signed(length).map(FileTime::At),
            FileTime::Local(local) => local.checked_add_signed(length).map(FileTime::Local),
        }
    }

    fn text(self) -> String {
        match self {
            FileTime::At(at) => rfc3339(&at),
            FileTime::Local(local) => local.format("%Y-%m-%dT%H:%M:%S").to_string(),
        }
    }
}

/// Returns the day of a date or a time as a zone has it, and whether it has a time of day.
pub fn day_in(text: &str, zone: Zone) -> Option<(NaiveDate, bool)> {
    let text = text.trim();
    match parse_day(text) {
        Some(day) => Some((day, false)),
        None => FileTime::parse(text, zone).map(|given| (given.local_time().date(), true)),
    }
}

/// Returns a text that says something.
fn trimmed_text(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

impl GivenTimes {
    /// Returns start and end. The session's own date decides; day and time of day are used where it is absent. A
    /// session that begins before the hour at which the day of the programme changes takes place on the next day. The
    /// end decides over the duration.
    ///
    /// # Errors
    /// Returns a message if the start cannot be read.
    pub fn read(&self, zone: Zone, day_change: NaiveTime) -> Result<FieldTimes, String> {
        let mut notes = Vec::new();
        let Some(start) = self.start(zone, day_change, &mut notes)? else {
            return Ok(FieldTimes { notes, ..FieldTimes::default() });
        };
        let ends = self.end(start, zone, &mut notes);
        let is_local = matches!(start, FileTime::Local(_));
        Ok(FieldTimes { starts: Some(start.text()), ends: ends.map(FileTime::text), is_local, notes })
    }

    /// Returns the start; none if it is not known.
    fn start(&self, zone: Zone, day_change: NaiveTime, notes: &mut Vec<TimeNote>) -> Result<Option<FileTime>, String> {
        let date = trimmed_text(self.date.as_ref());
        if let Some(own) = date.and_then(|text| FileTime::parse(text, zone)) {
            return Ok(Some(own));
        }
        let own_day = date.and_then(any_day).map(|day| day.to_string());
        let Some(start) = trimmed_text(self.start.as_ref()) else {
            return match (date, own_day) {
                (Some(_), Some(day)) => {
                    let note = format!("left out: the day {day} without a time of day");
                    notes.push(("/starts_at", "no_time", note));
                    Ok(None)
                }
                (Some(date), None) => Err(format!("date \"{date}\"")),
                (None, _) => Ok(None),
            };
        };
        if let (Some(date), None) = (date, &own_day) {
            let note = format!("the date \"{date}\" cannot be read; the day and the time of day are taken");
            notes.push(("/starts_at", "not_a_time", note));
        }
        let day = own_day.as_deref().unwrap_or(&self.day);
        let local = || local_start(day, start, day_change).map(FileTime::Local);
        FileTime::parse(start, zone).or_else(local).map(Some).ok_or_else(|| format!("day \"{day}\", start \"{start}\""))
    }

    /// Returns the end, given the start. An end that is a time of day is the next one after the start. Where formats demand an
    /// end or a duration, one that is the start, or nothing, says that it is not known.
    fn end(&self, start: FileTime, zone: Zone, notes: &mut Vec<TimeNote>) -> Option<FileTime> {
        let given = trimmed_text(self.end.as_ref());
        let of_day = |text: &str| {
            let (from, clock) = (start.local_time(), clock(text)?);
            let day = if clock < from.time() { from.date().succ_opt()? } else { from.date() };
            Some(FileTime::Local(day.and_time(clock)))
        };
        if let Some(end) = given.and_then(|text| FileTime::parse(text, zone).or_else(|| of_day(text))) {
            if !end.is_same(start) {
                return Some(end);
            }
        } else if let Some(text) = given {
            notes.push(("/ends_at", "not_a_time", format!("left out: the end \"{text}\" cannot be read")));
        }
        let text = trimmed_text(self.duration.as_ref())?;
        let Some((length, note)) = length(text) else {
            notes.push(("/ends_at", "duration", format!("left out: duration \"{text}\"")));
            return None;
        };
        notes.extend(note.map(|note| ("/ends_at", "duration", note)));
        start.checked_add(length).filter(|_| !length.is_zero())
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
            hours.checked_mul(60)?.checked_add(*minutes)?
        }
        [days, hours, minutes] if *hours < 24 && *minutes < 60 => {
            if *minutes == 0 {
                note = Some(format!("\"{text}\" is read as {days} days and {hours} hours"));
            }
            days.checked_mul(1_440)?.checked_add(hours * 60 + minutes)?
        }
        [hours, minutes, seconds] if *minutes < 60 && *seconds < 60 => hours.checked_mul(60)?.checked_add(*minutes)?,
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
    fn no_length_is_no_end() {
        let given = |end: Option<&str>, duration: &str| {
            let date = Some("2027-05-01T09:00:00+02:00".to_owned());
            let given = GivenTimes { date, end: end.map(str::to_owned), ..on_day("09:00", duration) };
            let times = given.read("Europe/Brussels".parse().unwrap(), NaiveTime::MIN).unwrap();
            (times.ends, times.notes.len())
        };
        for end in [None, Some("2027-05-01T09:00:00+02:00"), Some("2027-05-01T07:00:00Z"), Some("09:00")] {
            assert_eq!(given(end, "00:00"), (None, 0), "{end:?}");
            assert_eq!(given(end, "0"), (None, 0), "{end:?}");
            assert_eq!(given(end, "00:30").0.as_deref(), Some("2027-05-01T09:30:00+02:00"), "{end:?}");
        }
        assert_eq!(given(Some("2027-05-01T09:10:00+02:00"), "00:00").0.as_deref(), Some("2027-05-01T09:10:00+02:00"));
    }

    #[test]
    fn dates_in_all_spellings() {
        let wanted = "2027-05-02T00:30:00+02:00";
        for date in [
            "2027-05-02T00:30:00+0200",
            "2027-05-02T00:30:00+02",
            "2027-05-02 00:30:00 +02:00",
            "2027-05-02T00:30+02:00",
            "2027-05-01T22:30:00.000Z",
            "2027-05-01 22:30:00 UTC",
            "20270501T223000Z",
        ] {
            for start in [Some("00:30".to_owned()), None] {
                let given = GivenTimes {
                    date: Some(date.to_owned()),
                    day: "2027-05-01".to_owned(),
                    start,
                    ..GivenTimes::default()
                };
                assert_eq!(read(given, "Europe/Brussels", "00:00").0.as_deref(), Some(wanted), "{date}");
            }
        }
        let strange = GivenTimes { date: Some("2 May".to_owned()), ..on_day("09:00", "00:30") };
        let times = strange.read(Zone::utc(), NaiveTime::MIN).unwrap();
        assert_eq!((times.starts.as_deref(), times.notes.len()), (Some("2016-01-30T09:00:00"), 1));
        assert!(GivenTimes { start: None, ..strange }.read(Zone::utc(), NaiveTime::MIN).is_err());
        let ends = |end: &str| {
            let given = GivenTimes { end: Some(end.to_owned()), ..on_day("23:30", "00:30") };
            given.read(Zone::utc(), NaiveTime::MIN).unwrap()
        };
        assert_eq!(ends("00:15").ends.as_deref(), Some("2016-01-31T00:15:00"));
        assert_eq!((ends("late").ends.as_deref(), ends("late").notes.len()), (Some("2016-01-31T00:00:00"), 1));
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
        for long in
            ["9223372036854775807:0:0", "9223372036854775807:59", "9223372036854775807:30:0", "9223372036854775808"]
        {
            assert_eq!(length(long), None, "{long}");
        }
    }
}
