//! The occurrences of an event that recurs (RFC 5545, section 3.8.5).

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, TimeDelta, TimeZone};

use super::clock::{Clock, SeriesStart};
use super::components::Component;
use super::property::Property;
use super::rules::RecurrenceRule;
use super::times::{CalendarTime, after};
use super::zones::CalendarZones;
use crate::time_zone::Zone;

/// Greatest number of events that one series becomes.
const MOST: usize = 4_000;

/// The start of an occurrence, and its exact length if it has one of its own.
pub type Occurrence = (CalendarTime, Option<TimeDelta>);

/// The occurrences of a series.
#[derive(Debug, Default)]
pub struct Occurrences {
    /// Starts in their order, each with its length if that is not the one of the first occurrence.
    pub starts: Vec<Occurrence>,
    /// Starts that are left out, as far as they are known.
    pub left: Vec<CalendarTime>,
    /// Text than which the keys of further occurrences are greater, which are not known.
    pub unknown_after: Option<String>,
    /// What was left out: the property, a code and a message.
    pub notes: Vec<(&'static str, &'static str, String)>,
}

impl Occurrences {
    /// Computes the occurrences of an event up to a day.
    pub fn of(event: &Component, start: SeriesStart<'_>, zones: &CalendarZones, horizon: NaiveDate) -> Self {
        let end = horizon.and_hms_opt(23, 59, 59).unwrap_or_default();
        let dates = BTreeMap::from([(start.first.utc(), (start.first, None))]);
        let (endless, unread, is_cut) = (false, false, false);
        let mut series = Series { start, zones, end, dates, endless, unread, is_cut, notes: Vec::new() };
        event.all("RRULE").for_each(|rule| series.rule(rule));
        event.all("RDATE").for_each(|dates| series.dates(dates));
        event.all("EXRULE").for_each(|rule| series.except_rule(rule));
        event.all("EXDATE").for_each(|dates| series.except_dates(dates));
        series.bounded()
    }
}

struct Series<'a> {
    start: SeriesStart<'a>,
    zones: &'a CalendarZones,
    /// Last local time.
    end: NaiveDateTime,
    /// Occurrences by their starts in UTC.
    dates: BTreeMap<NaiveDateTime, Occurrence>,
    endless: bool,
    /// Whether a part of the series could not be read, so that it may have any occurrence.
    unread: bool,
    /// Whether a rule has more occurrences than are computed.
    is_cut: bool,
    notes: Vec<(&'static str, &'static str, String)>,
}

impl Series<'_> {
    fn occurrences(&mut self, property: &Property, name: &'static str) -> Vec<CalendarTime> {
        let start = self.start;
        let local = |utc: NaiveDateTime| start.clock.local(Zone::utc().from_utc_datetime(&utc));
        let found = RecurrenceRule::parse(property, local).and_then(|mut rule| {
            self.endless |= !rule.is_finite;
            for part in rule.left_out.drain(..) {
                self.notes.push((name, "left_out", format!("left out: {part}")));
            }
            let end = if rule.is_finite { None } else { Some(self.end) };
            rule.occurrences(start.local, end)
        });
        match found {
            Ok((dates, is_whole)) => {
                if dates.is_empty() && start.local <= self.end {
                    let message = format!("\"{}\" has no occurrence", property.value.trim());
                    self.notes.push((name, "recurrence", message));
                }
                self.unread |= !is_whole;
                self.is_cut |= !is_whole && !dates.is_empty();
                dates.into_iter().map(|local| start.at(local)).collect()
            }
            Err(why) => {
                self.unread = true;
                self.notes.push((name, "recurrence", format!("left out: {why}")));
                Vec::new()
            }
        }
    }

    fn rule(&mut self, property: &Property) {
        let found = self.occurrences(property, "RRULE");
        self.dates.extend(found.into_iter().map(|start| (start.utc(), (start, None))));
    }

    fn except_rule(&mut self, property: &Property) {
        let (endless, is_cut) = (self.endless, std::mem::take(&mut self.is_cut));
        let found = self.occurrences(property, "EXRULE");
        if self.is_cut {
            let message = format!("only the first {} occurrences of this rule are taken", found.len());
            self.notes.push(("EXRULE", "too_many", message));
        }
        for start in found {
            self.dates.remove(&start.utc());
        }
        (self.endless, self.is_cut) = (endless, is_cut);
    }

    fn dates(&mut self, property: &Property) {
        for text in property.old_list() {
            let (text, end) = text.split_once('/').map_or((text.as_str(), None), |(start, end)| (start, Some(end)));
            let when = match self.start.read(text, property, self.zones) {
                Ok(when) => when,
                Err(why) => {
                    self.unread = true;
                    self.notes.push(("RDATE", "not_a_time", format!("left out: {why}")));
                    continue;
                }
            };
            let length = end.and_then(|end| {
                let length = self.length(when, end.trim(), property);
                length.map_err(|why| self.notes.push(("RDATE", "period", format!("left out: {why}")))).ok()
            });
            let start = self.start.like(when);
            self.dates.insert(start.utc(), (start, length));
        }
    }

    /// Returns the length of a period, which has an end or a duration (RFC 5545, section 3.3.9).
    fn length(&self, start: CalendarTime, end: &str, property: &Property) -> Result<TimeDelta, String> {
        let found = if end.trim_start_matches('+').starts_with('P') {
            after(start, end)?
        } else {
            self.start.read(end, property, self.zones)?
        };
        match (start, found) {
            (CalendarTime::At(start), CalendarTime::At(end)) if end > start => Ok(end - start),
            _ => Err(format!("\"{end}\" is no end of this period")),
        }
    }

    fn except_dates(&mut self, property: &Property) {
        let start = self.start;
        for text in property.old_list() {
            match start.read(&text, property, self.zones) {
                Ok(CalendarTime::Day(day)) => self.dates.retain(|_, (one, _)| start.local_of(*one).date() != day),
                Ok(when) => drop(self.dates.remove(&start.like(when).utc())),
                Err(why) => self.notes.push(("EXDATE", "not_a_time", format!("left out: {why}"))),
            }
        }
    }

    fn bounded(mut self) -> Occurrences {
        let (mut starts, mut left) = (Vec::new(), Vec::new());
        self.note_other_clock();
        for (start, length) in std::mem::take(&mut self.dates).into_values() {
            if self.start.local_of(start) <= self.end { starts.push((start, length)) } else { left.push(start) }
        }
        if !left.is_empty() || self.endless {
            let count = if self.endless { "all".to_owned() } else { left.len().to_string() };
            let message = format!("{count} occurrences after {} are left out; --horizon takes more", self.end.date());
            self.notes.push(("RRULE", "horizon", message));
        }
        left.extend(self.bound(&mut starts));
        let last_day = || self.end.date().format("%Y%m%d").to_string();
        let unknown_after = if self.unread { Some(String::new()) } else { self.endless.then(last_day) };
        Occurrences { starts, left, unknown_after, notes: self.notes }
    }
}

impl Series<'_> {
    /// Leaves out what is more than a series can have: what is over, the earliest first, then what is the farthest ahead.
    /// If a rule has more occurrences than are computed, those that are taken are the first ones. Returns what is left out.
    fn bound(&mut self, starts: &mut Vec<Occurrence>) -> Vec<CalendarTime> {
        let more = starts.len().saturating_sub(MOST);
        let now = chrono::Utc::now().naive_utc();
        let over = if self.is_cut { 0 } else { starts.iter().take_while(|(start, _)| start.utc() < now).count() };
        let early: Vec<Occurrence> = starts.drain(..more.min(over)).collect();
        let late: Vec<Occurrence> = starts.drain(starts.len().min(MOST)..).collect();
        if !early.is_empty() {
            let message =
                format!("the {} earliest occurrences are left out: a series has at most {MOST} events", early.len());
            self.notes.push(("RRULE", "too_many", message));
        }
        if self.is_cut || !late.is_empty() {
            let message = match early.len() {
                0 => {
                    format!("only the first {} occurrences are taken: a series has at most {MOST} events", starts.len())
                }
                _ => format!("the {} latest occurrences are left out: a series has at most {MOST} events", late.len()),
            };
            self.notes.push(("RRULE", "too_many", message));
        }
        early.into_iter().chain(late).map(|(start, _)| start).collect()
    }

    /// Says that occurrences have another time of day in their zone than the calendar writes, if the first one has not.
    fn note_other_clock(&mut self) {
        let start = self.start;
        let Clock::Defined(_, zone, _) = start.clock else { return };
        let differs = |when: CalendarTime| start.local_of(when) != when.local();
        let others = self.dates.values().filter(|(when, _)| differs(*when)).count();
        if others > 0 && !differs(start.first) {
            let message = format!(
                "the calendar defines its zone with other offsets than {zone} has at later occurrences; their instants are kept"
            );
            self.notes.push(("RRULE", "zone", message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::read::ics::times::when;

    fn occurrences(start: &str, rule: &str, horizon: NaiveDate) -> Occurrences {
        let lines = [format!("DTSTART:{start}"), format!("RRULE:{rule}")];
        let properties = lines.iter().map(|line| Property::parse(line).unwrap()).collect();
        let event = Component { name: "VEVENT".to_owned(), properties, ..Component::default() };
        let zones = CalendarZones::new("Europe/Brussels");
        let (first, _) = when(&event.properties[0], &zones).unwrap();
        Occurrences::of(&event, SeriesStart::new(&event.properties[0], first, &zones), &zones, horizon)
    }

    #[test]
    fn too_many_occurrences_are_the_first_ones() {
        let horizon = NaiveDate::from_ymd_opt(2999, 1, 1).unwrap();
        for rule in ["FREQ=SECONDLY", "FREQ=SECONDLY;COUNT=5000", "FREQ=MINUTELY;COUNT=60000"] {
            let found = occurrences("29980301T090000", rule, horizon);
            let first = NaiveDate::from_ymd_opt(2998, 3, 1).unwrap().and_hms_opt(9, 0, 0).unwrap();
            assert_eq!((found.starts.len(), found.starts[0].0.local()), (MOST, first), "{rule}");
            let told: Vec<&str> =
                found.notes.iter().filter(|note| note.1 == "too_many").map(|note| note.2.as_str()).collect();
            assert_eq!(told, ["only the first 4000 occurrences are taken: a series has at most 4000 events"], "{rule}");
        }
        // What is over is left out before what is ahead.
        let found = occurrences("20000101T090000", "FREQ=DAILY;COUNT=12000", horizon);
        assert!(
            found.starts.len() == MOST
                && found.starts[0].0.utc()
                    > occurrences("20000101T090000", "FREQ=DAILY;COUNT=2", horizon).starts[1].0.utc()
        );
        assert_eq!(found.left.len(), 8_000);
    }

    #[test]
    fn a_rule_without_occurrences_is_told() {
        let horizon = NaiveDate::from_ymd_opt(2028, 1, 1).unwrap();
        for rule in
            ["FREQ=WEEKLY;INTERVAL=0;COUNT=3", "FREQ=DAILY;COUNT=0", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2"]
        {
            let found = occurrences("20270301T090000", rule, horizon);
            assert_eq!(
                (found.starts.len(), found.notes.len(), found.notes[0].1),
                (1, 1, "recurrence"),
                "{rule}: {:?}",
                found.notes
            );
        }
    }
}
