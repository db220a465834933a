//! The times of events in iCalendar (RFC 5545, sections 3.3.4, 3.3.5 and 3.6.1).

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

use super::components::Component;
use super::property::Property;
use super::zones::CalendarZones;
use crate::content::local_time::{end_of_day, rfc3339};
use crate::time_zone::Zone;
use crate::transfer::read::iso_time::is_in_years;
use crate::transfer::read::yes_no::yes_or_no;
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
    /// Length, if the file says this and no end.
    length: Option<Length>,
}

/// A duration (RFC 5545, section 3.3.6). Its days are nominal and keep the local time across a change of the offset.
#[derive(Debug, Clone, Copy)]
struct Length {
    days: u64,
    seconds: u64,
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

    /// Returns the time in UTC; a date is its midnight.
    pub fn utc(self) -> NaiveDateTime {
        match self {
            CalendarTime::Day(day) => day.and_time(NaiveTime::MIN),
            CalendarTime::At(at) => at.naive_utc(),
        }
    }

    /// Returns the local time; a date is its first instant.
    pub fn local_time(self) -> NaiveDateTime {
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
        let (starts, note) = time_of(start, zones).map_err(|why| ("DTSTART", why))?;
        notes.extend(note.map(|note| ("DTSTART", "zone", note)));
        let (ends, length) = end_of(event, (start, starts), zones, notes);
        if is_flagged(event) && matches!(starts, CalendarTime::At(_)) {
            // Whole days are often written in UTC, whatever the zone.
            let is_utc = start.value.trim().ends_with(['Z', 'z']);
            match whole_days(starts, ends, is_utc) {
                Some(span) => return Ok(span),
                None => notes.push(("X-MICROSOFT-CDO-ALLDAYEVENT", "mixed_end", NOT_WHOLE.to_owned())),
            }
        }
        Ok(Self { starts, ends: None, length }.with_end(ends, notes))
    }

    /// Returns the span with an end as the file has it: a date is exclusive there.
    fn with_end(self, ends: Option<CalendarTime>, notes: &mut TimeNotes) -> Self {
        let first = self.starts.local_time().date();
        let Some(end) = ends else { return self };
        let last = last_day(first, end);
        let note = match (self.starts, end) {
            // What is wrong with two times the rules of events tell.
            (CalendarTime::At(start), CalendarTime::At(end)) => {
                return Self { ends: Some(CalendarTime::At(end.with_timezone(&start.timezone()))), ..self };
            }
            _ if end.local_time().date() < first => {
                notes.push((
                    "DTEND",
                    "before_start",
                    format!("left out: the end, {}, is before the start", end.text()),
                ));
                return self;
            }
            (CalendarTime::Day(_), CalendarTime::Day(_)) => None,
            (CalendarTime::Day(_), CalendarTime::At(end)) => {
                Some(format!("the event takes whole days; of its end {} only the date is taken", rfc3339(&end)))
            }
            (CalendarTime::At(_), CalendarTime::Day(_)) => {
                Some(format!("the event starts at a time; its end, a date, is taken as the end of {last}"))
            }
        };
        notes.extend(note.map(|note| ("DTEND", "mixed_end", note)));
        Self { ends: Some(CalendarTime::Day(last)), ..self }
    }

    /// Returns the span of an occurrence of a series, given its start. It is as long as the first one: exactly, or nominally
    /// if the file says the length and no end (RFC 5545, section 3.8.5.3).
    pub fn moved_to(self, starts: CalendarTime) -> Self {
        let days = (starts.local_time().date() - self.starts.local_time().date()).num_days();
        let shifted = |day: NaiveDate| day.checked_add_signed(TimeDelta::days(days)).unwrap_or(day);
        let ends = self.ends.map(|end| match (self.starts, end, starts) {
            (CalendarTime::At(first), CalendarTime::At(end), CalendarTime::At(start)) => {
                let nominal = self.length.and_then(|length| length.end_after(starts));
                let exact = || start.checked_add_signed(end - first).map(CalendarTime::At);
                nominal.or_else(exact).unwrap_or(CalendarTime::At(end))
            }
            (_, CalendarTime::Day(day), _) => CalendarTime::Day(shifted(day)),
            (_, end, _) => end,
        });
        Self { starts, ends, ..self }
    }

    /// Returns the span with another exact length.
    pub fn with_length(self, length: TimeDelta) -> Self {
        match self.starts {
            CalendarTime::At(at) => {
                Self { ends: at.checked_add_signed(length).map(CalendarTime::At), length: None, ..self }
            }
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
        let ends = match (self.starts, self.ends) {
            // The end of an event that starts at a time has one too: a day lasts until the midnight after it.
            (CalendarTime::At(_), Some(CalendarTime::Day(last))) => Some(rfc3339(&end_of_day(last, zone))),
            (_, ends) => ends.map(CalendarTime::text),
        };
        record.set("ends_at", ends);
        record.set("time_zone", zone.name());
        record.set("all_day", matches!(self.starts, CalendarTime::Day(_)));
    }
}

/// Why a flag for whole days is not followed.
const NOT_WHOLE: &str = "left out: the event is flagged as whole days, and its times are not from midnight to midnight";

/// Returns whether a program says that the times of an event are whole days.
fn is_flagged(event: &Component) -> bool {
    WHOLE_DAYS.iter().any(|flag| event.text(flag).and_then(|text| yes_or_no(&text)) == Some(true))
}

/// Returns the end of an event as the file has it, and its length if that is said. Of an end and a duration, which must not both be there (RFC 5545,
/// section 3.6.1), the end counts, unless it cannot be read.
fn end_of(
    event: &Component,
    (start, starts): (&Property, CalendarTime),
    zones: &CalendarZones,
    notes: &mut TimeNotes,
) -> (Option<CalendarTime>, Option<Length>) {
    let not_read = |property, why| (property, "not_a_time", format!("left out: {why}"));
    let end = event.find("DTEND").map(|end| {
        // Some programs name the zone of the start only.
        let tzid = end.zone().or_else(|| start.zone());
        parse_time(end.value.trim(), tzid, zones).map(|(end, _)| end)
    });
    let length = event.find("DURATION").map(|length| length.value.trim());
    match end {
        Some(Ok(end)) => {
            if let Some(length) = length {
                let message = format!("left out: the event lasts until its DTEND and not for \"{length}\"");
                notes.push(("DURATION", "mixed_end", message));
            }
            return (Some(end), None);
        }
        Some(Err(why)) => notes.push(not_read("DTEND", why)),
        None => {}
    }
    let Some(text) = length else { return (None, None) };
    let (found, length) = match Length::parse(text).and_then(|length| Ok((length.end(starts, text)?, length))) {
        Ok(found) => found,
        Err(why) => {
            notes.push(not_read("DURATION", why));
            return (None, None);
        }
    };
    if let (CalendarTime::Day(_), true) = (starts, text.contains('T')) {
        let message =
            format!("the event takes whole days, and so does its duration \"{text}\": a part of a day is one");
        notes.push(("DURATION", "mixed_end", message));
    }
    (Some(found), Some(length))
}

/// Returns the last day of an event that ends before a date or at a time. Some programs write the first day as the end, too,
/// which counts as one day.
fn last_day(first: NaiveDate, end: CalendarTime) -> NaiveDate {
    let local = end.local_time();
    let is_midnight = local.time() == NaiveTime::MIN;
    let last = if is_midnight { local.date().pred_opt().unwrap_or(local.date()) } else { local.date() };
    last.max(first)
}

/// Returns the whole days that times from midnight to midnight are, or to the last minute of a day: in their own zone, or in
/// UTC if they may be written so. Dates are whole days already.
fn whole_days(starts: CalendarTime, ends: Option<CalendarTime>, is_utc: bool) -> Option<CalendarSpan> {
    let CalendarTime::At(start) = starts else { return None };
    [Some(start.timezone()), is_utc.then(Zone::utc)].into_iter().flatten().find_map(|zone| {
        let local = |at: DateTime<Zone>| at.with_timezone(&zone).naive_local();
        let first = local(start);
        let is_edge = |end: NaiveDateTime| end.time() == NaiveTime::MIN || (end.hour(), end.minute()) == (23, 59);
        let last = match ends {
            Some(CalendarTime::At(end)) if is_edge(local(end)) && end >= start => {
                Some(last_day(first.date(), CalendarTime::At(end.with_timezone(&zone))))
            }
            Some(_) => return None,
            None => None,
        };
        (first.time() == NaiveTime::MIN).then(|| CalendarSpan {
            starts: CalendarTime::Day(first.date()),
            ends: last.map(CalendarTime::Day),
            length: None,
        })
    })
}

/// Parses a local time in the basic form of ISO 8601, with or without seconds, or in the extended one, of the years 1 to
/// 9999.
pub fn basic_time(text: &str) -> Option<NaiveDateTime> {
    let forms = ["%Y%m%dT%H%M%S", "%Y%m%dT%H%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"];
    let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    local.filter(|local| is_in_years(local.date()))
}

/// Returns the date or instant of a property, with a note if its zone is not what the file says.
///
/// # Errors
/// Returns a message if the value or its zone cannot be read.
pub fn time_of(property: &Property, zones: &CalendarZones) -> Result<(CalendarTime, Option<String>), String> {
    parse_time(property.value.trim(), property.zone(), zones)
}

/// Returns the date or instant of a value; see [`time_of`].
///
/// # Errors
/// Returns a message if the value or its zone cannot be read.
pub fn parse_time(
    text: &str,
    tzid: Option<&str>,
    zones: &CalendarZones,
) -> Result<(CalendarTime, Option<String>), String> {
    let wrong = || format!("\"{text}\" is neither a date nor a date with a time");
    for form in ["%Y%m%d", "%Y-%m-%d"] {
        if let Some(day) = NaiveDate::parse_from_str(text, form).ok().filter(|day| is_in_years(*day)) {
            return Ok((CalendarTime::Day(day), None));
        }
    }
    if let Some(local) = basic_time(text) {
        let (at, note) = zones.instant(tzid, local);
        return Ok((CalendarTime::At(at), note));
    }
    if let Some(utc) = text.strip_suffix(['Z', 'z']).and_then(basic_time) {
        let own = tzid.map_or(zones.own_zone(), |tzid| zones.instant(Some(tzid), utc).0.timezone());
        return Ok((CalendarTime::At(chrono::TimeZone::from_utc_datetime(&own, &utc)), None));
    }
    // An offset behind the time is not allowed, but it says what is meant.
    let sign = text.rfind(['+', '-']).filter(|at| *at > 8).ok_or_else(wrong)?;
    let (local, offset) = basic_time(&text[..sign]).zip(offset_of(&text[sign..])).ok_or_else(wrong)?;
    let utc = local - TimeDelta::seconds(offset.into());
    Ok((CalendarTime::At(chrono::TimeZone::from_utc_datetime(&zones.own_zone(), &utc)), None))
}

/// Returns the end of an event, given its start and duration.
///
/// # Errors
/// Returns a message if the duration cannot be read, or ends after the year 9999.
pub fn end_after(starts: CalendarTime, text: &str) -> Result<CalendarTime, String> {
    Length::parse(text)?.end(starts, text)
}

impl Length {
    /// Parses a duration.
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is not a duration");
        let mut rest = text.trim_start_matches('+').strip_prefix('P').ok_or_else(wrong)?;
        let (mut days, mut seconds, mut in_time) = (0_u64, 0_u64, false);
        while !rest.is_empty() {
            if let Some(time) = rest.strip_prefix('T') {
                (rest, in_time) = (time, true);
                continue;
            }
            let digits = rest.chars().take_while(char::is_ascii_digit).count();
            let number: u64 = rest[..digits].parse().ok().filter(|n| *n < 100_000_000).ok_or_else(wrong)?;
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
        Ok(Self { days, seconds })
    }

    fn end(self, starts: CalendarTime, text: &str) -> Result<CalendarTime, String> {
        self.end_after(starts).ok_or_else(|| format!("\"{text}\" ends after the year 9999"))
    }

    /// Returns the end after a start; `None` after the year 9999.
    fn end_after(self, starts: CalendarTime) -> Option<CalendarTime> {
        let ends = match starts {
            // A part of a day is one.
            CalendarTime::Day(day) => {
                let days = self.days.saturating_add(self.seconds.div_ceil(86_400));
                CalendarTime::Day(day.checked_add_days(Days::new(days))?)
            }
            // Hours, minutes and seconds are exact. So the days are added to the local time and the rest to the instant.
            CalendarTime::At(at) => {
                let local = at.naive_local().checked_add_days(Days::new(self.days)).filter(is_near)?;
                let rest = TimeDelta::try_seconds(self.seconds.try_into().ok()?)?;
                let ends = local_time(local, at.timezone()).checked_add_signed(rest);
                CalendarTime::At(ends.filter(|ends| is_near(&ends.naive_utc()))?)
            }
        };
        Some(ends).filter(|ends| is_near(&ends.local_time()))
    }
}

fn is_near(local: &NaiveDateTime) -> bool {
    is_in_years(local.date())
}
