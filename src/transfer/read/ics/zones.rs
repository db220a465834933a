//! The time zones of a calendar. A `TZID` is what the file's own `VTIMEZONE` says (RFC 5545, section 3.2.19), then one
//! of the names of a zone.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Datelike, NaiveDateTime, TimeDelta, TimeZone};

use super::clock::Clock;
use super::definition::Definition;
use super::old_zone::OldZone;
use crate::time_zone::{Zone, rules};
use crate::transfer::zones::{
    best_known, local_time, offset_of, offsets_in, offsets_of_year, zone_of, zone_of_city, zone_with_offset,
};

/// Greatest number of names of zones in a calendar; there are some six hundred zones.
const MOST_NAMES: usize = 2_000;
/// Greatest number of searches for a zone that does what a definition says which find none.
const MOST_MISSES: usize = 2_000;

/// The time zones of a calendar.
pub struct CalendarZones {
    fallback: Zone,
    calendar: Option<Zone>,
    definitions: HashMap<String, Definition>,
    /// What a calendar of vCalendar 1.0 says of its zone.
    old: Option<OldZone>,
    /// Zones that were found for definitions, by `TZID`.
    found: RefCell<HashMap<String, Zone>>,
    /// Zones that were found for names.
    named: RefCell<HashMap<String, Option<Zone>>>,
    /// Zones of cities that were found in names.
    cities: RefCell<HashMap<String, Option<Zone>>>,
    /// Names and years for which no zone does what the definition says.
    missed: RefCell<HashSet<(String, i32)>>,
}

/// An instant, and what was done to find it if that is not what the file says.
pub type ZonedInstant = (DateTime<Zone>, Option<String>);

impl CalendarZones {
    /// Creates a set of zones with a fallback for times that name none.
    pub fn new(fallback: &str) -> Self {
        let fallback = zone_of(fallback).unwrap_or_else(Zone::utc);
        Self {
            fallback,
            calendar: None,
            definitions: HashMap::new(),
            old: None,
            found: RefCell::default(),
            named: RefCell::default(),
            cities: RefCell::default(),
            missed: RefCell::default(),
        }
    }

    /// Sets the zone of the calendar as a whole, if its name is known.
    pub fn set_calendar_zone(&mut self, name: &str) {
        self.calendar = self.calendar.or_else(|| found_once(&self.named, name, zone_of));
    }

    /// Sets what a calendar of vCalendar 1.0 says of its zone.
    pub fn set_old_zone(&mut self, old: OldZone) {
        self.old = Some(old);
    }

    /// Returns the calendar's own zone, and that of the site.
    pub fn candidate_zones(&self) -> [Zone; 2] {
        [self.own_zone(), self.fallback]
    }

    /// Adds the calendar's own definition of a zone.
    pub fn define(&mut self, tzid: String, definition: Definition) {
        self.definitions.insert(tzid, definition);
    }

    /// Returns the zone of times that name none.
    pub fn own_zone(&self) -> Zone {
        self.calendar.unwrap_or(self.fallback)
    }

    /// Returns the instant of a local time in the zone with a name; the calendar's own zone if there is no name, or if
    /// nobody defines it.
    pub fn instant(&self, tzid: Option<&str>, local: NaiveDateTime) -> ZonedInstant {
        let Some(tzid) = tzid.map(str::trim).filter(|tzid| !tzid.is_empty()) else {
            let old = self.old.as_ref().filter(|_| self.calendar.is_none()).and_then(|old| old.instant(self, local));
            return old.unwrap_or_else(|| (local_time(local, self.own_zone()), None));
        };
        let Some(definition) = self.definitions.get(tzid) else { return self.by_name(tzid, local) };
        let Some(offset) = definition.offset_at(local) else { return self.by_name(tzid, local) };
        if let Some(zone) = self.find_zone(tzid).or(definition.place).filter(|_| !definition.covers(local)) {
            let message =
                format!("the calendar does not define \"{tzid}\" for this time; it is taken as {zone} has it");
            let note = (!definition.agrees_at(zone, local)).then_some(message);
            return (local_time(local, zone), note);
        }
        let at = |zone: Zone| {
            let utc = local - TimeDelta::seconds(offset.into());
            let same = definition.agrees_at(zone, local);
            if same { local_time(local, zone) } else { zone.from_utc_datetime(&utc) }
        };
        if let Some(zone) = self.find_zone(tzid).or(definition.place) {
            let note = (!definition.agrees_at(zone, local)).then(|| {
                format!("the calendar defines \"{tzid}\" with another offset than {zone} has then; the instant is kept")
            });
            return (at(zone), note);
        }
        let known = self.found.borrow().get(tzid).copied().filter(|zone| definition.agrees_around(*zone, local));
        if let Some(zone) = known.or_else(|| self.search(tzid, definition, local)) {
            self.found.borrow_mut().insert(tzid.to_owned(), zone);
            return (at(zone), None);
        }
        let (at, _) = self.with_offset(local, offset);
        (at, Some(format!("no zone changes its clocks as the calendar defines \"{tzid}\"; the offset is kept")))
    }

    /// Returns the clock of a series in the zone with a name, given its first start.
    pub fn clock(&self, tzid: Option<&str>, first: DateTime<Zone>) -> Clock<'_> {
        let (shown, local) = (first.timezone(), first.naive_local());
        let tzid = tzid.map(str::trim).unwrap_or_default();
        let Some(definition) = self.definitions.get(tzid).filter(|it| it.offset_at(local).is_some()) else {
            return Clock::Zone(shown);
        };
        let same = || Some(shown).filter(|zone| definition.agrees_around(*zone, local));
        Clock::Defined(definition, shown, self.find_zone(tzid).or(definition.place).or_else(same))
    }

    /// Returns the zone with a name. A calendar has few names and many times.
    fn find_zone(&self, tzid: &str) -> Option<Zone> {
        found_once(&self.named, tzid, zone_of)
    }

    /// Returns the instant of a local time in a zone that the calendar does not define. What nobody defines is the zone of
    /// a city that its name has, else one with the offsets that it has, else the calendar's own: most calendars have events
    /// of one place.
    fn by_name(&self, tzid: &str, local: NaiveDateTime) -> ZonedInstant {
        match (self.find_zone(tzid), offset_of(tzid)) {
            (Some(zone), _) => return (local_time(local, zone), None),
            (None, Some(offset)) => return self.with_offset(local, offset),
            (None, None) => {}
        }
        let taken = |as_what: String| format!("\"{tzid}\" is no known zone and not defined; {as_what}");
        let offsets = offsets_in(tzid);
        let zone = found_once(&self.cities, tzid, zone_of_city).or_else(|| self.with_offsets(&offsets, local.year()));
        match (zone, offsets.first()) {
            (None, Some(offset)) => {
                let (at, note) = self.with_offset(local, *offset);
                (at, note.or_else(|| Some(taken("the offset in its name is taken".to_owned()))))
            }
            (zone, _) => {
                let zone = zone.unwrap_or_else(|| self.own_zone());
                (local_time(local, zone), Some(taken(format!("the time is taken as one of {zone}"))))
            }
        }
    }

    /// Returns a zone with the standard offset and the one in summer that a name has; with one offset alone, which programs
    /// write for the whole year, the calendar's own zone if that is its standard offset.
    fn with_offsets(&self, offsets: &[i32], year: i32) -> Option<Zone> {
        let own = [self.own_zone(), self.fallback];
        match offsets {
            [] => None,
            [standard] => own.into_iter().find(|zone| offsets_of_year(*zone, year).0 == *standard),
            [standard, summer, ..] => {
                let fits = |zone: &Zone| offsets_of_year(*zone, year) == (*standard, *summer);
                own.into_iter().chain(best_known()).find(fits)
            }
        }
    }

    /// Returns the instant of a local time with an offset, in a zone that has this offset then.
    pub fn with_offset(&self, local: NaiveDateTime, offset: i32) -> ZonedInstant {
        let utc = local - TimeDelta::seconds(offset.into());
        let has_it = |zone: &Zone| {
            let at = zone.from_utc_datetime(&utc);
            at.naive_local() == local
        };
        let near = self.candidate_zones().into_iter().find(has_it);
        let zone = near.or_else(|| zone_with_offset(offset)).or_else(|| best_known().find(has_it));
        match zone {
            Some(zone) => (zone.from_utc_datetime(&utc), None),
            None => {
                let note = format!("no zone has this offset then; the instant is given in {}", self.own_zone());
                (self.own_zone().from_utc_datetime(&utc), Some(note))
            }
        }
    }

    /// Searches for a zone with the changes of a definition: first the calendar's own and the site's, then the best
    /// known ones, then all.
    fn search(&self, tzid: &str, definition: &Definition, local: NaiveDateTime) -> Option<Zone> {
        let this = (tzid.to_owned(), local.year());
        if self.missed.borrow().contains(&this) || self.missed.borrow().len() >= MOST_MISSES {
            return None;
        }
        let near = self.candidate_zones().into_iter().chain(best_known());
        let all = || rules::names().into_iter().filter_map(|name| name.parse().ok());
        let fits = |zone: &Zone| definition.agrees_around(*zone, local);
        let found = near.into_iter().find(fits).or_else(|| all().find(fits));
        if found.is_none() {
            self.missed.borrow_mut().insert(this);
        }
        found
    }
}

/// Returns what a search finds for a name. It is made once for each name, and for no more than a bound.
fn found_once(
    known: &RefCell<HashMap<String, Option<Zone>>>,
    name: &str,
    search: impl Fn(&str) -> Option<Zone>,
) -> Option<Zone> {
    if let Some(zone) = known.borrow().get(name) {
        return *zone;
    }
    if known.borrow().len() >= MOST_NAMES {
        return None;
    }
    let zone = search(name);
    known.borrow_mut().insert(name.to_owned(), zone);
    zone
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::read::ics::components::Component;
    use crate::transfer::read::ics::property::Property;
    use crate::transfer::read::ics::times::basic_time;

    #[test]
    fn names_have_a_bound() {
        let zones = CalendarZones::new("Europe/Brussels");
        let read = |tzid: &str| zones.instant(Some(tzid), basic_time("20270301T090000").unwrap());
        for number in 1..MOST_NAMES {
            assert_eq!(found_once(&zones.named, &number.to_string(), |_| None), None);
        }
        assert_eq!(read("Asia/Tokyo").0.to_rfc3339(), "2027-03-01T09:00:00+09:00");
        let (at, note) = read("Korea Standard Time");
        assert!(at.timezone() == zones.own_zone() && note.is_some() && zones.named.borrow().len() == MOST_NAMES);
    }

    #[test]
    fn a_search_is_made_once() {
        let mut zones = CalendarZones::new("Europe/Brussels");
        let lines = ["DTSTART:19700101T000000", "TZOFFSETFROM:+0130", "TZOFFSETTO:+0130"];
        let properties = lines.iter().map(|line| Property::parse(line).unwrap()).collect();
        let standard = Component { name: "STANDARD".to_owned(), properties, ..Component::default() };
        let definition = Definition::read(&Component { children: vec![standard], ..Component::default() }, &mut 0);
        zones.define("Own".to_owned(), definition);
        let local = |text: &str| basic_time(text).unwrap();
        for (tzid, text) in [
            ("Own", "20270301T090000"),
            ("Own", "20270701T090000"),
            ("Own", "20280301T090000"),
            ("Nowhere", "20270301T090000"),
        ] {
            let (at, note) = zones.instant(Some(tzid), local(text));
            let utc = if tzid == "Own" { "07:30" } else { "08:00" };
            assert!(note.is_some() && at.naive_utc().format("%H:%M").to_string() == utc, "{tzid} {text} {note:?}");
        }
        assert_eq!((zones.missed.borrow().len(), zones.named.borrow().len(), zones.cities.borrow().len()), (2, 2, 1));
    }
}
