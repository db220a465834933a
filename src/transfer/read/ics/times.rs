//! The times of events in iCalendar (RFC 5545, sections 3.3.4, 3.3.5 and 3.6.1).

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::components::Component;
use super::property::Property;
use super::zones::CalendarZones;
use crate::content::local_time::rfc3339;
use crate::time_zone::Zone;
use crate::transfer::record::Record;
use crate::transfer::zones::{local_time, offset_of};

/// The flags of programs that write whole days as times.
const WHOLE_DAYS: [&str; 3] =
    ["X-MICROSOFT-CDO-ALLDAYEVENT", "X-MICROSOFT-MSNCALENDAR-ALLDAYEVENT", "X-FUNAMBOL-ALLDAY"];

/// A date, or an instant in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalendarTime {
    Day(NaiveDate),
    At(DateTime<Zone>),
}

/// The times of an event.
#[derive(Debug, Clone, Copy)]
pub struct CalendarSpan {
    pub starts: CalendarTime,
    /// End, if it is known; a date is the last day.
    pub ends: Option<CalendarTime>,
}

/// A property that is missing or wrong, and a message.
pub type WrongProperty = (&'static str, String);

/// Notes on times: the property, a code and a message.
pub type TimeNotes = Vec<(&'static str, &'static str, String)>;

impl CalendarTime {
    /// Returns the text by which an occurrence of a series is identified: the date, or the time in UTC.
    pub fn key(self) -> String {
        match self {
            CalendarTime::Day(day) => day.format("%Y%m%d").to_string(),
            CalendarTime::At(at) => at.naive_utc().format("%Y%m%dT%H%M%SZ").to_string(),
        }
    }

    /// Returns the local time; a date is its first instant.
    pub fn local(self) -> NaiveDateTime {
        match self {
            CalendarTime::Day(day) => day.and_time(NaiveTime::MIN),
            CalendarTime::At(at) => at.naive_local(),
        }
    }

    fn text(self) -> String {
        match self {
            CalendarTime::Day(day) => day.to_string(),
            CalendarTime::At(at) => rfc3339(&at),
        }
    }
}

impl CalendarSpan {
    /// Reads the times of an event.
    ///
    /// # Errors
    /// Returns the property that is missing or wrong. An end that is wrong is left out, with a note.
    pub fn read(event: &Component, zones: &CalendarZones, notes: &mut TimeNotes) -> Result<Self, WrongProperty> {
        let start = event.find("DTSTART").ok_or(("DTSTART", "an event requires a start".to_owned()))?;
        let (starts, note) = when(start, zones).map_err(|why| ("DTSTART", why))?;
        notes.extend(note.map(|note| ("DTSTART", "zone", note)));
        let end = match (event.find("DTEND"), event.find("DURATION")) {
            (Some(end), _) => {
                // Some programs name the zone of the start only.
                let tzid = end.parameter("TZID").or_else(|| start.parameter("TZID"));
                Some(("DTEND", when_of(end.value.trim(), tzid, zones).map(|(end, _)| end)))
            }
            (None, Some(length)) => Some(("DURATION", after(starts, length.value.trim()))),
            (None, None) => None,
        };
        let ends = match end {
            Some((_, Ok(end))) => Some(end),
            Some((property, Err(why))) => {
                notes.push((property, "not_a_time", format!("left out: {why}")));
                None
            }
            None => None,
        };
        let is_flagged =
            WHOLE_DAYS.iter().any(|flag| event.text(flag).is_some_and(|text| text.eq_ignore_ascii_case("true")));
        Ok(Self { starts, ends: None }.with_end(ends, is_flagged, notes))
    }

    /// Returns the span with an end as the file has it: a date is exclusive there.
    fn with_end(self, ends: Option<CalendarTime>, is_flagged: bool, notes: &mut TimeNotes) -> Self {
        let midnight = |when: CalendarTime| when.local().time() == NaiveTime::MIN;
        let before = |day: NaiveDate| day.pred_opt().unwrap_or(day);
        match (self.starts, ends) {
            // Some programs write the first day as the end, too, which counts as one day.
            (CalendarTime::Day(first), Some(CalendarTime::Day(end))) => {
                Self { starts: self.starts, ends: Some(CalendarTime::Day(before(end).max(first))) }
            }
            (CalendarTime::Day(_), Some(CalendarTime::At(end))) => {
                let last = if midnight(CalendarTime::At(end)) { before(end.date_naive()) } else { end.date_naive() };
                let message =
                    format!("the event takes whole days; of its end {} only the date is taken", rfc3339(&end));
                notes.push(("DTEND", "mixed_end", message));
                Self { starts: self.starts, ends: Some(CalendarTime::Day(last)) }
            }
            (CalendarTime::At(start), Some(end @ CalendarTime::At(_)))
                if is_flagged && midnight(self.starts) && midnight(end) =>
            {
                let (first, last) = (start.date_naive(), before(end.local().date()));
                Self { starts: CalendarTime::Day(first), ends: Some(CalendarTime::Day(last.max(first))) }
            }
            (CalendarTime::At(start), None) if is_flagged && midnight(self.starts) => {
                Self { starts: CalendarTime::Day(start.date_naive()), ends: None }
            }
            (CalendarTime::At(start), Some(CalendarTime::At(end))) => {
                Self { starts: self.starts, ends: Some(CalendarTime::At(end.with_timezone(&start.timezone()))) }
            }
            (CalendarTime::At(start), Some(CalendarTime::Day(end))) => {
                let last = before(end).max(start.date_naive());
                let message = format!("the event starts at a time; its end, a date, is taken as the end of {last}");
                notes.push(("DTEND", "mixed_end", message));
                Self { starts: self.starts, ends: Some(CalendarTime::Day(last)) }
            }
            (_, None) => self,
        }
    }

    /// Returns the span of an occurrence of a series, given its local start. It is as long as the first one.
    pub fn moved_to(self, local: NaiveDateTime) -> Self {
        let days = (local.date() - self.starts.local().date()).num_days();
        let shifted = |day: NaiveDate| day.checked_add_signed(TimeDelta::days(days)).unwrap_or(day);
        let starts = match self.starts {
            CalendarTime::Day(_) => CalendarTime::Day(local.date()),
            CalendarTime::At(at) => CalendarTime::At(local_time(local, at.timezone())),
        };
        let ends = self.ends.map(|end| match (self.starts, end, starts) {
            (CalendarTime::At(first), CalendarTime::At(end), CalendarTime::At(start)) => {
                CalendarTime::At(start + (end - first))
            }
            (_, CalendarTime::Day(day), _) => CalendarTime::Day(shifted(day)),
            (_, end, _) => end,
        });
        Self { starts, ends }
    }

    /// Returns the span with another exact length.
    pub fn lasting(self, length: TimeDelta) -> Self {
        match self.starts {
            CalendarTime::At(at) => Self { ends: at.checked_add_signed(length).map(CalendarTime::At), ..self },
            CalendarTime::Day(_) => self,
        }
    }

    /// Returns the zone of the start; dates have that of the calendar.
    pub fn zone(self, own: Zone) -> Zone {
        match self.starts {
            CalendarTime::At(at) => at.timezone(),
            CalendarTime::Day(_) => own,
        }
    }

    /// Sets the fields of a record.
    pub fn set(self, record: &mut Record, own: Zone) {
        let zone = self.zone(own);
        record.set("starts_at", self.starts.text());
        record.set("ends_at", self.ends.map(CalendarTime::text));
        record.set("time_zone", zone.name());
        record.set("all_day", matches!(self.starts, CalendarTime::Day(_)));
    }
}

/// Parses a local time in the basic form of ISO 8601, with or without seconds, or in the extended one.
pub fn basic_time(text: &str) -> Option<NaiveDateTime> {
    let forms = ["%Y%m%dT%H%M%S", "%Y%m%dT%H%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"];
    forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
}

/// Returns the date or instant of a property, with a note if its zone is not what the file says.
///
/// # Errors
/// Returns a message if the value or its zone cannot be read.
pub fn when(property: &Property, zones: &CalendarZones) -> Result<(CalendarTime, Option<String>), String> {
    when_of(property.value.trim(), property.parameter("TZID"), zones)
}

/// Returns the date or instant of a value; see [`when`].
///
/// # Errors
/// Returns a message if the value or its zone cannot be read.
pub fn when_of(
    text: &str,
    tzid: Option<&str>,
    zones: &CalendarZones,
) -> Result<(CalendarTime, Option<String>), String> {
    let wrong = || format!("\"{text}\" is neither a date nor a date with a time");
    for form in ["%Y%m%d", "%Y-%m-%d"] {
        if let Ok(day) = NaiveDate::parse_from_str(text, form) {
            return Ok((CalendarTime::Day(day), None));
        }
    }
    if let Some(local) = basic_time(text) {
        let (at, note) = zones.instant(tzid, local);
        return Ok((CalendarTime::At(at), note));
    }
    if let Some(utc) = text.strip_suffix(['Z', 'z']).and_then(basic_time) {
        let own = tzid.map_or(zones.own(), |tzid| zones.instant(Some(tzid), utc).0.timezone());
        return Ok((CalendarTime::At(chrono::TimeZone::from_utc_datetime(&own, &utc)), None));
    }
    // An offset behind the time is not allowed, but it says what is meant.
    let sign = text.rfind(['+', '-']).filter(|at| *at > 8).ok_or_else(wrong)?;
    let (local, offset) = basic_time(&text[..sign]).zip(offset_of(&text[sign..])).ok_or_else(wrong)?;
    let utc = local - TimeDelta::seconds(offset.into());
    Ok((CalendarTime::At(chrono::TimeZone::from_utc_datetime(&zones.own(), &utc)), None))
}

/// Returns the end of an event, given its start and duration (RFC 5545, section 3.3.6).
///
/// # Errors
/// Returns a message if the duration cannot be read.
pub fn after(starts: CalendarTime, text: &str) -> Result<CalendarTime, String> {
    let wrong = || format!("\"{text}\" is not a duration");
    let mut rest = text.trim_start_matches('+').strip_prefix('P').ok_or_else(wrong)?;
    let (mut days, mut seconds, mut in_time) = (0_i64, 0_i64, false);
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            (rest, in_time) = (time, true);
            continue;
        }
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        let number: i64 = rest[..digits].parse().ok().filter(|n| *n < 100_000_000).ok_or_else(wrong)?;
        match (rest[digits..].chars().next(), in_time) {
            (Some('W'), false) => days += number * 7,
            (Some('D'), false) => days += number,
            (Some('H'), true) => seconds += number * 3_600,
            (Some('M'), true) => seconds += number * 60,
            (Some('S'), true) => seconds += number,
            _ => return Err(wrong()),
        }
        rest = &rest[digits + 1..];
    }
    let whole = u64::try_from(days).map_err(|_| wrong())?;
    match starts {
        CalendarTime::Day(day) => day.checked_add_days(Days::new(whole)).map(CalendarTime::Day),
        // Days are nominal and keep the local time across a change of the offset; hours, minutes and seconds
        // are exact. So the days are added to the local time and the rest to the instant.
        CalendarTime::At(at) => {
            let zone = at.timezone();
            let later = at.naive_local().checked_add_days(Days::new(whole)).map(|local| local_time(local, zone));
            later.and_then(|at| at.checked_add_signed(TimeDelta::seconds(seconds))).map(CalendarTime::At)
        }
    }
    .ok_or_else(wrong)
}
