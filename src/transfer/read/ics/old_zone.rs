//! The time zone of a calendar of vCalendar 1.0: `TZ` with the standard offset, and `DAYLIGHT` with the summer time of a year
//! each (sections "Time Zone" and "Daylight Savings Rule").

use std::cell::OnceCell;

use chrono::{Datelike, NaiveDateTime, TimeDelta, TimeZone};

use super::property::Property;
use super::times::basic_time;
use super::zones::{CalendarZones, ZonedInstant};
use crate::time_zone::Zone;
use crate::transfer::zones::{best_known, local_time, offset_of, offsets_of_year};

/// Greatest number of summer times of a calendar.
const MOST_SUMMERS: usize = 500;

/// The zone of a calendar.
#[derive(Debug, Default)]
pub struct OldZone {
    /// Standard offset from UTC, in seconds.
    standard: Option<i32>,
    summers: Vec<Summer>,
    /// Whether `DAYLIGHT` says that there is no summer time.
    is_constant: bool,
    /// The zone with these summer times, once it was searched.
    found: OnceCell<Option<Zone>>,
}

/// A summer time, with local times.
#[derive(Debug, Clone, Copy)]
struct Summer {
    offset: i32,
    begins: NaiveDateTime,
    ends: NaiveDateTime,
}

impl OldZone {
    /// Reads `TZ` or `DAYLIGHT`. Returns why the value cannot be read, if it cannot.
    pub fn read(&mut self, property: &Property) -> Option<String> {
        let text = property.text();
        let parts: Vec<&str> = text.split([';', ',']).map(str::trim).collect();
        let is_read = match property.name.as_str() {
            "TZ" => {
                self.standard = offset(parts.first().copied().unwrap_or_default());
                self.standard.is_some()
            }
            _ => match parts.as_slice() {
                [no, ..] if no.eq_ignore_ascii_case("FALSE") => {
                    self.is_constant = true;
                    true
                }
                [_, given, begins, ends, ..] if self.summers.len() < MOST_SUMMERS => {
                    let summer = summer(given, begins, ends);
                    self.summers.extend(summer);
                    summer.is_some()
                }
                _ => false,
            },
        };
        (!is_read).then(|| format!("left out: \"{text}\" cannot be read"))
    }

    /// Returns the instant of a local time that names no zone; `None` if the calendar does not say its zone.
    pub fn instant(&self, zones: &CalendarZones, local: NaiveDateTime) -> Option<ZonedInstant> {
        let standard = self.standard?;
        if let Some(zone) = *self.found.get_or_init(|| self.zone(zones, standard)) {
            return Some((local_time(local, zone), None));
        }
        let summer = self.summers.iter().find(|summer| summer.begins <= local && local < summer.ends);
        let (at, note) = zones.with_offset(local, summer.map_or(standard, |summer| summer.offset));
        let is_said = self.is_constant || self.summers.iter().any(|summer| summer.begins.year() == local.year());
        let note = note.or_else(|| self.doubt(zones, local, standard).filter(|_| !is_said));
        Some((at, note))
    }

    /// Returns the zone with the summer times of the calendar.
    fn zone(&self, zones: &CalendarZones, standard: i32) -> Option<Zone> {
        if self.summers.is_empty() || self.is_constant {
            return None;
        }
        let day = TimeDelta::days(1);
        let has = |zone: Zone, local: NaiveDateTime, offset: i32| {
            let utc = local - TimeDelta::seconds(offset.into());
            zone.from_utc_datetime(&utc).naive_local() == local
        };
        let fits = |zone: &Zone| {
            self.summers.iter().all(|summer| {
                has(*zone, summer.begins - day, standard)
                    && has(*zone, summer.begins + day, summer.offset)
                    && has(*zone, summer.ends - day, summer.offset)
                    && has(*zone, summer.ends + day, standard)
            })
        };
        zones.candidate_zones().into_iter().chain(best_known()).find(fits)
    }

    /// Returns the note on a time that a summer time may move, of which the calendar says nothing.
    fn doubt(&self, zones: &CalendarZones, local: NaiveDateTime, standard: i32) -> Option<String> {
        let utc = local - TimeDelta::seconds(standard.into());
        let moves = |zone: Zone| {
            let (winter, summer) = offsets_of_year(zone, local.year());
            winter == standard && summer != standard && zone.from_utc_datetime(&utc).naive_local() != local
        };
        let may_move = zones.candidate_zones().into_iter().chain(best_known()).any(moves);
        let offset = sign(standard);
        may_move.then(|| {
            format!("the calendar has times of {offset} and does not say whether its clocks change; they are read so")
        })
    }
}

/// Returns an offset as people write it.
fn sign(seconds: i32) -> String {
    let minutes = seconds.abs() / 60;
    format!("UTC{}{:02}:{:02}", if seconds < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
}

/// Parses an offset from UTC; one without a sign is east of it.
fn offset(text: &str) -> Option<i32> {
    offset_of(text).or_else(|| offset_of(&format!("+{text}")))
}

fn summer(given: &str, begins: &str, ends: &str) -> Option<Summer> {
    let given = offset(given)?;
    let local = |text: &str, before: i32| {
        let utc = text.strip_suffix(['Z', 'z']);
        let time = basic_time(utc.unwrap_or(text))?;
        Some(if utc.is_some() { time + TimeDelta::seconds(before.into()) } else { time })
    };
    let (begins, ends) = (local(begins, given)?, local(ends, given)?);
    (begins < ends || begins.year() == ends.year()).then_some(Summer { offset: given, begins, ends })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(lines: &[&str], site: &str, local: &str) -> (String, bool) {
        let mut old = OldZone::default();
        for line in lines {
            assert_eq!(old.read(&Property::parse(line).unwrap()), None, "{line}");
        }
        let zones = CalendarZones::new(site);
        let (at, note) = old.instant(&zones, basic_time(local).unwrap()).unwrap();
        (at.to_rfc3339(), note.is_some())
    }

    #[test]
    fn times_have_the_offset_of_the_calendar() {
        let summer = "DAYLIGHT:TRUE;+02;20270328T020000;20271031T030000;CET;CEST";
        let american = "DAYLIGHT:TRUE;-04;20270314T015959;20271107T015959;EST;EDT";
        for (lines, site, local, wanted, noted) in [
            (&["TZ:+01"][..], "UTC", "20270304T090000", "2027-03-04T09:00:00+01:00", false),
            (&["TZ:-05"], "Europe/Brussels", "20270704T090000", "2027-07-04T09:00:00-05:00", true),
            (&["TZ:-0500", "DAYLIGHT:FALSE"], "Europe/Brussels", "20270704T090000", "2027-07-04T09:00:00-05:00", false),
            (&["TZ:+05:30"], "Asia/Kolkata", "20270704T090000", "2027-07-04T09:00:00+05:30", false),
            (&["TZ:+01", summer], "UTC", "20270704T090000", "2027-07-04T09:00:00+02:00", false),
            (&["TZ:+01", summer], "UTC", "20270304T090000", "2027-03-04T09:00:00+01:00", false),
            (&["TZ:-05", american], "Europe/Brussels", "20270704T090000", "2027-07-04T09:00:00-04:00", false),
            (&["TZ:-05", american], "Europe/Brussels", "20280704T090000", "2028-07-04T09:00:00-04:00", false),
        ] {
            assert_eq!(instant(lines, site, local), (wanted.to_owned(), noted), "{lines:?} {local}");
        }
    }

    #[test]
    fn summer_times_have_a_bound() {
        let mut old = OldZone::default();
        let property = Property::parse("DAYLIGHT:TRUE;+02;20270328T020000;20271031T030000;CET;CEST").unwrap();
        let told: Vec<bool> = (0..=MOST_SUMMERS).map(|_| old.read(&property).is_some()).collect();
        assert_eq!((told.iter().position(|told| *told), old.summers.len()), (Some(MOST_SUMMERS), MOST_SUMMERS));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for line in ["TZ:soon", "DAYLIGHT:TRUE", "DAYLIGHT:TRUE;-04;soon;20271107T015959;EST;EDT"] {
            assert!(OldZone::default().read(&Property::parse(line).unwrap()).is_some(), "{line}");
        }
    }
}
