//! The times of events in iCalendar (RFC 5545, sections 3.3.4, 3.3.5 and 3.6.1).

use std::collections::HashMap;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone};
use icalendar::parser::Property;

use super::ics::{Event, parameter};
use crate::content::local_time::rfc3339;
use crate::time_zone::{LocalOffsets, Zone};
use crate::transfer::zones::zone_of;

/// The time zones of a calendar.
pub struct CalendarZones {
    fallback: Zone,
    calendar: Option<Zone>,
    by_tzid: HashMap<String, Zone>,
}

/// The times of an event, as its fields hold them.
pub struct EventSpan {
    pub starts: String,
    pub ends: Option<String>,
    pub zone: String,
    /// Whether the event takes whole days.
    pub days: bool,
}

/// A date, or an instant in a zone.
#[derive(Clone, Copy)]
enum When {
    Day(NaiveDate),
    At(DateTime<Zone>),
}

type Wrong = (&'static str, String);

impl CalendarZones {
    /// Creates a set of zones with a fallback for times that name none.
    pub fn new(fallback: &str) -> Self {
        Self { fallback: zone_of(fallback).unwrap_or_else(Zone::utc), calendar: None, by_tzid: HashMap::new() }
    }

    /// Forgets the zones of the previous calendar in the file.
    pub fn forget_calendar(&mut self) {
        self.calendar = None;
        self.by_tzid.clear();
    }

    /// Sets the zone of the calendar as a whole.
    pub fn set_calendar_zone(&mut self, name: &str) {
        self.calendar = zone_of(name);
    }

    /// Records a calendar's own name for the zone of a place.
    pub fn name(&mut self, tzid: &str, place: &str) {
        if let Some(zone) = zone_of(place) {
            self.by_tzid.insert(tzid.to_owned(), zone);
        }
    }

    /// Returns the zone of times that name none.
    fn own(&self) -> Zone {
        self.calendar.unwrap_or(self.fallback)
    }

    /// Returns the times of an event.
    ///
    /// # Errors
    /// Returns the name of the property that is missing or wrong, and a message.
    pub fn span(&self, event: &Event<'_>) -> Result<EventSpan, Wrong> {
        let start = event.find("DTSTART").ok_or(("DTSTART", "an event requires a start".to_owned()))?;
        let starts = self.when(start).map_err(|why| ("DTSTART", why))?;
        let ends = match (event.find("DTEND"), event.find("DURATION")) {
            (Some(end), _) => Some(self.when(end).map_err(|why| ("DTEND", why))?),
            (None, Some(length)) => Some(after(starts, length.val.as_str().trim()).map_err(|why| ("DURATION", why))?),
            (None, None) => None,
        };
        let zone = match starts {
            When::At(at) => at.timezone(),
            When::Day(_) => self.own(),
        };
        Ok(match (starts, ends) {
            (When::Day(first), Some(When::Day(after))) => {
                // The end of a whole-day event is exclusive in iCalendar and inclusive here. Some programs
                // write the first day as the end, too, which counts as one day.
                let last = after.pred_opt().filter(|last| *last >= first).unwrap_or(first);
                EventSpan {
                    starts: first.to_string(),
                    ends: Some(last.to_string()),
                    zone: zone.name().into(),
                    days: true,
                }
            }
            (When::Day(first), Some(When::At(_)) | None) => {
                EventSpan { starts: first.to_string(), ends: None, zone: zone.name().into(), days: true }
            }
            (When::At(start), ends) => {
                let end = match ends {
                    Some(When::At(end)) => Some(rfc3339(&end.with_timezone(&zone))),
                    Some(When::Day(day)) => Some(day.to_string()),
                    None => None,
                };
                EventSpan { starts: rfc3339(&start), ends: end, zone: zone.name().into(), days: false }
            }
        })
    }

    fn when(&self, property: &Property<'_>) -> Result<When, String> {
        let text = property.val.as_str().trim();
        let wrong = || format!("\"{text}\" is neither a date nor a date with a time");
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y%m%d") {
            return Ok(When::Day(day));
        }
        if let Some(local) = text.strip_suffix(['Z', 'z']) {
            let at = NaiveDateTime::parse_from_str(local, "%Y%m%dT%H%M%S").map_err(|_| wrong())?;
            return Ok(When::At(self.own().from_utc_datetime(&at)));
        }
        let local = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").map_err(|_| wrong())?;
        let zone = match parameter(property, "TZID") {
            Some(tzid) => {
                let known = self.by_tzid.get(tzid).copied().or_else(|| zone_of(tzid));
                known.ok_or_else(|| format!("\"{tzid}\" is not a known time zone"))?
            }
            None => self.own(),
        };
        Ok(When::At(local_time(local, zone)))
    }
}

/// Returns the instant of a local time. A time that occurs twice is the first one, and a time within a gap
/// has the offset from before the gap (RFC 5545, section 3.3.5).
fn local_time(local: NaiveDateTime, zone: Zone) -> DateTime<Zone> {
    match zone.clock_at(local) {
        LocalOffsets::Once(offset) | LocalOffsets::Twice(offset, _) | LocalOffsets::Skipped(offset, _) => {
            zone.at(local, offset)
        }
    }
}

/// Returns the end of an event, given its start and duration (RFC 5545, section 3.3.6).
fn after(starts: When, text: &str) -> Result<When, String> {
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
        When::Day(day) => day.checked_add_days(Days::new(whole)).map(When::Day),
        // Days are nominal and keep the local time across a change of the offset; hours, minutes and seconds
        // are exact. So the days are added to the local time and the rest to the instant.
        When::At(at) => {
            let zone = at.timezone();
            let later = at.naive_local().checked_add_days(Days::new(whole)).map(|local| local_time(local, zone));
            later.and_then(|at| at.checked_add_signed(TimeDelta::seconds(seconds))).map(When::At)
        }
    }
    .ok_or_else(wrong)
}
