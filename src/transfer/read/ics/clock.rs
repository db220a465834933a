//! The clock by which the rules of a series run: that of its first start (RFC 5545, sections 3.3.10 and 3.8.5.3). A series
//! in UTC keeps its time of day in UTC, and one in a zone that the calendar defines follows the definition.

use chrono::{DateTime, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};

use super::definition::Definition;
use super::property::Property;
use super::times::{CalendarTime, basic_time, parse_time};
use super::zones::CalendarZones;
use crate::time_zone::Zone;
use crate::transfer::zones::local_time;

/// A clock.
#[derive(Clone, Copy)]
pub enum Clock<'a> {
    /// UTC. Its times are given in the zone.
    Utc(Zone),
    /// A zone as the rules in use have it.
    Zone(Zone),
    /// A zone as the calendar defines it. Its times are given in the first zone; the second one decides where the
    /// definition says nothing.
    Defined(&'a Definition, Zone, Option<Zone>),
}

impl Clock<'_> {
    /// Returns the instant of a local time.
    pub fn instant(self, local: NaiveDateTime) -> DateTime<Zone> {
        match self {
            Clock::Utc(shown) => shown.from_utc_datetime(&local),
            Clock::Zone(zone) => local_time(local, zone),
            Clock::Defined(definition, shown, beyond) => {
                match (beyond.filter(|_| !definition.covers(local)), definition.offset_at(local)) {
                    (None, Some(offset)) => shown.from_utc_datetime(&(local - TimeDelta::seconds(offset.into()))),
                    (zone, _) => local_time(local, zone.unwrap_or(shown)).with_timezone(&shown),
                }
            }
        }
    }

    /// Returns the local time of an instant.
    pub fn local_time(self, at: DateTime<Zone>) -> NaiveDateTime {
        match self {
            Clock::Utc(_) => at.naive_utc(),
            Clock::Zone(zone) => at.with_timezone(&zone).naive_local(),
            Clock::Defined(definition, shown, beyond) => {
                let offset = definition.offset_at_instant(at.naive_utc());
                let own = offset.map(|offset| at.naive_utc() + TimeDelta::seconds(offset.into()));
                let other = beyond.filter(|_| own.is_none_or(|local| !definition.covers(local)));
                match (other, own) {
                    (None, Some(local)) => local,
                    (zone, _) => at.with_timezone(&zone.unwrap_or(shown)).naive_local(),
                }
            }
        }
    }
}

/// The start of a series.
#[derive(Clone, Copy)]
pub struct SeriesStart<'a> {
    /// The first occurrence.
    pub first: CalendarTime,
    /// Its local time, as it is written.
    pub local: NaiveDateTime,
    pub clock: Clock<'a>,
    /// Name of its zone.
    tzid: Option<&'a str>,
}

impl<'a> SeriesStart<'a> {
    /// Creates the start of a series from the property and the time that it is.
    pub fn new(property: &'a Property, first: CalendarTime, zones: &'a CalendarZones) -> Self {
        let text = property.value.trim();
        let tzid = property.zone();
        let clock = match first {
            CalendarTime::Day(_) => Clock::Zone(zones.own_zone()),
            CalendarTime::At(at) if text.ends_with(['Z', 'z']) => Clock::Utc(at.timezone()),
            CalendarTime::At(at) => zones.clock(tzid, at),
        };
        let local = match first {
            CalendarTime::Day(_) => first.local_time(),
            // A time that does not exist on the first day exists on others.
            CalendarTime::At(at) => basic_time(text).unwrap_or_else(|| clock.local_time(at)),
        };
        Self { first, local, clock, tzid }
    }

    /// Returns the occurrence at a local time.
    pub fn occurrence_at(&self, local: NaiveDateTime) -> CalendarTime {
        match self.first {
            _ if local == self.local => self.first,
            CalendarTime::Day(_) => CalendarTime::Day(local.date()),
            CalendarTime::At(_) => CalendarTime::At(self.clock.instant(local)),
        }
    }

    /// Returns the local time of an occurrence.
    pub fn local_of(&self, when: CalendarTime) -> NaiveDateTime {
        match when {
            CalendarTime::Day(_) => when.local_time(),
            CalendarTime::At(at) => self.clock.local_time(at),
        }
    }

    /// Returns the date or instant of a value of a property such as `EXDATE`. Some programs name the zone of the start only.
    ///
    /// # Errors
    /// Returns a message if the value or its zone cannot be read.
    pub fn read(&self, text: &str, property: &Property, zones: &CalendarZones) -> Result<CalendarTime, String> {
        let tzid = property.zone().or(self.tzid);
        parse_time(text.trim(), tzid, zones).map(|(when, _)| when)
    }

    /// Returns a time in the form of the first occurrence: its date, if the series has dates; the time of day at which the
    /// first one starts, if this is a date and the series has times.
    pub fn align(&self, when: CalendarTime) -> CalendarTime {
        match (when, self.first) {
            (CalendarTime::At(at), CalendarTime::Day(_)) => CalendarTime::Day(day_of(at)),
            (CalendarTime::Day(day), CalendarTime::At(_)) => self.occurrence_at(day.and_time(self.local.time())),
            (CalendarTime::At(at), CalendarTime::At(first)) => CalendarTime::At(at.with_timezone(&first.timezone())),
            (CalendarTime::Day(_), CalendarTime::Day(_)) => when,
        }
    }
}

/// Returns the day that an instant means. Whole days are often written in UTC, whatever the zone.
fn day_of(at: DateTime<Zone>) -> chrono::NaiveDate {
    let utc = at.naive_utc();
    if utc.time() == NaiveTime::MIN && at.naive_local().time() != NaiveTime::MIN { utc.date() } else { at.date_naive() }
}
