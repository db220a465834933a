//! What must be known of a calendar file before its events are read: its zones, which may be defined after their use,
//! the newest revision of each event, and the occurrences of series that have events of their own.

use std::collections::{HashMap, HashSet};

use chrono::{Days, NaiveDate, Utc};

use super::clock::SeriesStart;
use super::components::{CalendarPart, CalendarParts, Component};
use super::definition::Definition;
use super::old_zone::OldZone;
use super::property::Property;
use super::times::{CalendarTime, time_of};
use super::zones::CalendarZones;
use crate::items::record_ids::is_unique;
use crate::transfer::read::{Input, Settings, bounded_name};
use crate::transfer::survey::hash_of;

/// Greatest number of events of a file that change a series from an occurrence on; they are held until the series is
/// read.
const MOST_RANGES: usize = 1_000;

/// Greatest number of calendars of a file.
pub const MOST_CALENDARS: usize = 20_000;

/// Greatest number of rules in the definitions of zones of a file.
const MOST_ZONE_RULES: usize = 50_000;

/// Properties by which a calendar says what it is, the most exact first.
const NAMES: [&str; 6] = ["X-WR-RELCALID", "SOURCE", "UID", "URL", "NAME", "X-WR-CALNAME"];

/// One calendar of a file.
pub struct Calendar {
    pub zones: CalendarZones,
    /// Value of `METHOD` in upper case (RFC 5546), if there is one.
    pub method: Option<String>,
    /// Whether its dates are those of the Gregorian calendar.
    pub is_gregorian: bool,
    /// Name of the source.
    pub origin: String,
    /// Last day on which an occurrence of a series is imported.
    pub horizon: NaiveDate,
    /// Whether it is one of vCalendar 1.0.
    is_vcalendar: bool,
    /// What it says of its zone, if it is one of vCalendar 1.0.
    old_zone: OldZone,
    says: [Option<String>; NAMES.len()],
}

/// The calendars of a file.
#[derive(Default)]
pub struct Calendars {
    pub list: Vec<Calendar>,
    newest: HashMap<u64, String>,
    /// Occurrences with events of their own, by the hash of their series.
    replaced: HashMap<u64, HashMap<String, CalendarTime>>,
    /// The newest revisions of additions to series.
    additions: HashMap<u64, String>,
    /// The series, each with its newest revision.
    series: HashMap<u64, String>,
    /// The starts of the series that have events of their own for some occurrences, with the position of the calendar.
    starts: HashMap<u64, (usize, Property)>,
    /// Events that change a series from an occurrence on, by the hash of their series.
    ranges: HashMap<u64, Vec<Component>>,
    /// Number of these events.
    range_count: usize,
    /// Events that replace an occurrence, until the zones are known: calendar, series and `RECURRENCE-ID`.
    pending: Vec<(usize, u64, Property)>,
    /// Number of rules of zones that can still be read.
    zone_rules: usize,
}

impl Calendar {
    fn new(settings: &Settings) -> Self {
        let today = Utc::now().date_naive();
        Self {
            zones: CalendarZones::new(&settings.time_zone),
            method: None,
            is_gregorian: true,
            origin: String::new(),
            horizon: today.checked_add_days(Days::new(settings.horizon.into())).unwrap_or(today),
            is_vcalendar: false,
            old_zone: OldZone::default(),
            says: Default::default(),
        }
    }

    /// Reads a property. Returns whether it says what the calendar is.
    fn property(&mut self, property: &Property) -> bool {
        let text = property.text();
        match property.name.as_str() {
            "X-WR-TIMEZONE" | "TIMEZONE-ID" => self.zones.set_calendar_zone(&text),
            // What cannot be read is noted when the file is read for the second time.
            "TZ" | "DAYLIGHT" => drop(self.old_zone.read(property)),
            "VERSION" => self.is_vcalendar = text == "1.0",
            "METHOD" => self.method = Some(text.to_ascii_uppercase()),
            "CALSCALE" => self.is_gregorian = text.eq_ignore_ascii_case("GREGORIAN"),
            name => {
                if let Some(place) = NAMES.iter().position(|known| *known == name) {
                    self.says[place] = Some(text).filter(|text| !text.is_empty());
                    return true;
                }
            }
        }
        false
    }

    /// Returns whether the calendar is one of vCalendar 1.0, in which semicolons divide lists.
    pub fn is_vcalendar(&self) -> bool {
        self.is_vcalendar
    }

    /// Returns whether the calendar has all events of its source. A message about some of them has another method than
    /// `PUBLISH` (RFC 5546, section 1.4).
    pub fn is_whole(&self) -> bool {
        self.method.as_deref().is_none_or(|method| method == "PUBLISH")
    }

    /// Returns whether the events are further occurrences of series (`METHOD:ADD`; RFC 5546, section 3.2.4).
    pub fn is_addition(&self) -> bool {
        self.method.as_deref() == Some("ADD")
    }

    /// Returns what revisions of one event have in common. Further occurrences of a series are no revision of it.
    fn event_key(&self, identity: &str, event: &Component) -> u64 {
        let instance = event.find("RECURRENCE-ID").map(|instance| instance.value.trim().to_owned());
        let addition = || Some(format!("ADD {}", event.find("DTSTART")?.value.trim())).filter(|_| self.is_addition());
        hash_of(&instance.or_else(addition).unwrap_or_default(), identity)
    }

    /// Returns the source of the events with a `UID`. One that is unique by itself means the same event in every
    /// calendar.
    fn identity(&self, uid: &str) -> String {
        if is_unique(uid) { format!("ics:{uid}") } else { format!("{}/{uid}", self.origin) }
    }

    /// Returns the identity of an event; `None` without a `UID`, and without a start and a title.
    pub fn identity_of(&self, event: &Component) -> Option<String> {
        // A UID is required (RFC 5545, section 3.8.4.7). If it is missing, start and title identify the event.
        let made =
            || Some(format!("{}/{}/{}", self.origin, event.find("DTSTART")?.value.trim(), event.text("SUMMARY")?));
        // It is part of the sources of all occurrences.
        event.text("UID").map(|uid| self.identity(&uid)).or_else(made).map(bounded_name)
    }
}

impl Calendars {
    /// Reads a file for the first time.
    pub fn read(input: &mut dyn Input, settings: &Settings) -> Self {
        let mut all = Self { zone_rules: MOST_ZONE_RULES, ..Self::default() };
        for part in CalendarParts::new(input) {
            match part {
                CalendarPart::Calendar if all.list.len() == MOST_CALENDARS => break,
                CalendarPart::Calendar => all.begin(settings),
                CalendarPart::Property(property) => {
                    let is_name = all.list.last_mut().is_some_and(|calendar| calendar.property(&property));
                    if is_name {
                        all.name(settings);
                    }
                }
                CalendarPart::Component(component) => all.component(settings, component),
                CalendarPart::Fault(..) => {}
            }
        }
        for calendar in all.list.iter_mut().filter(|calendar| calendar.is_vcalendar) {
            calendar.zones.set_old_zone(std::mem::take(&mut calendar.old_zone));
        }
        let pending = std::mem::take(&mut all.pending);
        let has_own: HashSet<u64> = pending.iter().map(|(_, series, _)| *series).collect();
        all.starts.retain(|series, _| has_own.contains(series));
        for (calendar, series, property) in pending {
            let found = all.list.get(calendar).and_then(|it| all.instance_time(series, &property, &it.zones));
            if let Some(when) = found {
                all.replaced.entry(series).or_default().insert(when.key(), when);
            }
        }
        all
    }

    fn begin(&mut self, settings: &Settings) {
        self.list.push(Calendar::new(settings));
        self.name(settings);
    }

    /// Names the source of the present calendar by what it has said of itself so far.
    fn name(&mut self, settings: &Settings) {
        if let Some(calendar) = self.list.last_mut() {
            let says = calendar.says.iter().flatten().next().cloned();
            calendar.origin = format!("ics:{}", settings.source(says));
        }
    }

    fn component(&mut self, settings: &Settings, component: Component) {
        if self.list.is_empty() {
            self.begin(settings);
        }
        let place = self.list.len() - 1;
        let Some(calendar) = self.list.last_mut() else { return };
        match component.name.as_str() {
            "VTIMEZONE" => {
                if let Some(tzid) = component.find("TZID") {
                    // A comma in a name is escaped here, and in the parameters that refer to it is not.
                    let name = tzid.text().replace("&amp;", "&");
                    calendar.zones.define(
                        name.trim().trim_matches('"').to_owned(),
                        Definition::read(&component, &mut self.zone_rules),
                    );
                }
            }
            "VEVENT" => {
                let Some(identity) = calendar.identity_of(&component) else { return };
                let (series, key) = (hash_of("", &identity), calendar.event_key(&identity, &component));
                let revision = revision(&component);
                raise(self.newest.entry(key).or_default(), &revision);
                if calendar.is_addition() {
                    raise(self.additions.entry(series).or_default(), &revision);
                }
                match component.find("RECURRENCE-ID") {
                    Some(instance) => {
                        self.pending.push((place, series, instance.clone()));
                        if instance.parameter_is("RANGE", "THISANDFUTURE") && self.range_count < MOST_RANGES {
                            self.range_count += 1;
                            self.ranges.entry(series).or_default().push(component);
                        }
                    }
                    None if is_series(&component) && !calendar.is_addition() => {
                        raise(self.series.entry(series).or_default(), &revision);
                        let start = component.find("DTSTART").map(|start| (place, start.clone()));
                        self.starts.extend(start.map(|start| (series, start)));
                    }
                    None => {}
                }
            }
            _ => {}
        }
    }

    /// Returns whether the file has a newer revision of an event.
    pub fn has_newer(&self, calendar: &Calendar, identity: &str, event: &Component) -> bool {
        self.newest.get(&calendar.event_key(identity, event)).is_some_and(|newest| *newest > revision(event))
    }

    /// Returns the revision in which the file has an event or a series as a whole, if it has. An addition is a revision of the
    /// series too.
    pub fn revision_of(&self, identity: &str) -> Option<&String> {
        let hash = hash_of("", identity);
        self.newest.get(&hash).max(self.additions.get(&hash))
    }

    /// Returns whether the file has the series to which an event belongs, and no newer revision which is none or cancels it.
    pub fn has_series(&self, identity: &str) -> bool {
        let hash = hash_of("", identity);
        self.series.get(&hash).is_some_and(|revision| self.newest.get(&hash).is_none_or(|newest| newest == revision))
    }

    /// Returns which occurrence of a series a `RECURRENCE-ID` means, in the form of the series: a date if this has dates.
    pub fn occurrence(&self, identity: &str, instance: &Property, zones: &CalendarZones) -> Option<CalendarTime> {
        self.instance_time(hash_of("", identity), instance, zones)
    }

    fn instance_time(&self, series: u64, instance: &Property, zones: &CalendarZones) -> Option<CalendarTime> {
        let start = self.starts.get(&series).and_then(|(calendar, start)| {
            let zones = &self.list.get(*calendar)?.zones;
            Some(SeriesStart::new(start, time_of(start, zones).ok()?.0, zones))
        });
        match start {
            Some(start) => start.read(&instance.value, instance, zones).ok().map(|when| start.align(when)),
            None => time_of(instance, zones).ok().map(|(when, _)| when),
        }
    }

    /// Returns the occurrences of a series that have events of their own.
    pub fn replaced_starts(&self, identity: &str) -> impl Iterator<Item = CalendarTime> + use<'_> {
        self.replaced.get(&hash_of("", identity)).into_iter().flat_map(|starts| starts.values().copied())
    }

    /// Returns whether an event is neither a series nor an occurrence of one that the file has in part.
    pub fn occurs_once(&self, identity: &str) -> bool {
        let hash = hash_of("", identity);
        !self.series.contains_key(&hash) && !self.replaced.contains_key(&hash)
    }

    /// Returns the events that change a series from an occurrence on, if the file has the series.
    pub fn ranges(&self, identity: &str) -> &[Component] {
        let ranges = self.ranges.get(&hash_of("", identity)).filter(|_| self.has_series(identity));
        ranges.map_or(&[], Vec::as_slice)
    }

    /// Returns whether an occurrence of a series has an event of its own.
    pub fn is_replaced(&self, identity: &str, key: &str) -> bool {
        self.replaced.get(&hash_of("", identity)).is_some_and(|keys| keys.contains_key(key))
    }
}

/// Sets the newest revision to another one, if that is newer.
fn raise(newest: &mut String, revision: &str) {
    if newest.as_str() < revision {
        revision.clone_into(newest);
    }
}

/// Returns whether an event is the first one of a series.
pub fn is_series(event: &Component) -> bool {
    ["RRULE", "RDATE"].iter().any(|name| event.find(name).is_some_and(|property| !property.value.trim().is_empty()))
}

/// Returns the revision of an event: a higher `SEQUENCE` is newer, then a later `DTSTAMP` (RFC 5546, section 2.1.5). Some
/// programs write the time of the first version there, and the one of the last in `LAST-MODIFIED`.
pub fn revision(event: &Component) -> String {
    let sequence = event.text("SEQUENCE").and_then(|text| text.parse::<u32>().ok());
    let stamp = ["DTSTAMP", "LAST-MODIFIED"].iter().filter_map(|name| event.text(name)).max();
    match (sequence, stamp) {
        (None, None) => String::new(),
        (sequence, stamp) => format!("{:010} {}", sequence.unwrap_or(0), stamp.unwrap_or_default()),
    }
}
