//! The occurrences of an event that recurs (RFC 5545, section 3.8.5).

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::components::Component;
use super::property::Property;
use super::rules::RecurrenceRule;
use super::times::{CalendarSpan, CalendarTime, when_of};
use super::zones::CalendarZones;
use crate::time_zone::Zone;

/// Greatest number of events that one series becomes.
const MOST: usize = 4_000;

/// The occurrences of a series.
#[derive(Debug, Default)]
pub struct Occurrences {
    /// Local starts, in their order.
    pub starts: Vec<NaiveDateTime>,
    /// What was left out: the property, a code and a message.
    pub notes: Vec<(&'static str, &'static str, String)>,
}

impl Occurrences {
    /// Computes the occurrences of an event up to a day.
    pub fn of(event: &Component, span: CalendarSpan, zones: &CalendarZones, horizon: NaiveDate) -> Self {
        let zone = match span.starts {
            CalendarTime::At(at) => at.timezone(),
            CalendarTime::Day(_) => zones.own(),
        };
        let start = span.starts.local();
        let end = horizon.and_hms_opt(23, 59, 59).unwrap_or_default();
        let mut series =
            Series { zone, zones, start, end, dates: BTreeSet::from([start]), endless: false, notes: Vec::new() };
        event.all("RRULE").for_each(|rule| series.rule(rule));
        event.all("RDATE").for_each(|dates| series.dates(dates));
        event.all("EXRULE").for_each(|rule| series.except_rule(rule));
        event.all("EXDATE").for_each(|dates| series.except_dates(dates));
        series.bounded()
    }
}

struct Series<'a> {
    zone: Zone,
    zones: &'a CalendarZones,
    start: NaiveDateTime,
    end: NaiveDateTime,
    dates: BTreeSet<NaiveDateTime>,
    endless: bool,
    notes: Vec<(&'static str, &'static str, String)>,
}

impl Series<'_> {
    fn occurrences(&mut self, property: &Property, name: &'static str) -> Vec<NaiveDateTime> {
        let zone = self.zone;
        let local = |utc: NaiveDateTime| utc.and_utc().with_timezone(&zone).naive_local();
        let found = RecurrenceRule::parse(property, local).and_then(|rule| {
            self.endless |= !rule.is_finite;
            let end = if rule.is_finite { None } else { Some(self.end) };
            rule.occurrences(self.start, end)
        });
        found.unwrap_or_else(|why| {
            self.notes.push((name, "recurrence", format!("left out: {why}")));
            Vec::new()
        })
    }

    fn rule(&mut self, property: &Property) {
        let found = self.occurrences(property, "RRULE");
        self.dates.extend(found);
    }

    fn except_rule(&mut self, property: &Property) {
        let endless = self.endless;
        for date in self.occurrences(property, "EXRULE") {
            self.dates.remove(&date);
        }
        self.endless = endless;
    }

    fn dates(&mut self, property: &Property) {
        for text in property.list() {
            // Of a period only the start is taken: all events of a series are equally long.
            let (text, length) = text.split_once('/').map_or((text.as_str(), None), |(start, end)| (start, Some(end)));
            match when_of(text, property.parameter("TZID"), self.zones) {
                Ok((when, _)) => drop(self.dates.insert(self.local(when))),
                Err(why) => self.notes.push(("RDATE", "not_a_time", format!("left out: {why}"))),
            }
            if let Some(length) = length {
                let message = format!("the length \"{length}\" is left out: all events of a series are equally long");
                self.notes.push(("RDATE", "period", message));
            }
        }
    }

    fn except_dates(&mut self, property: &Property) {
        for text in property.list() {
            match when_of(&text, property.parameter("TZID"), self.zones) {
                Ok((CalendarTime::Day(day), _)) => self.dates.retain(|date| date.date() != day),
                Ok((when, _)) => drop(self.dates.remove(&self.local(when))),
                Err(why) => self.notes.push(("EXDATE", "not_a_time", format!("left out: {why}"))),
            }
        }
    }

    /// Returns the local start of an occurrence; on a date it begins when the first one does.
    fn local(&self, when: CalendarTime) -> NaiveDateTime {
        match when {
            CalendarTime::Day(day) if self.start.time() != NaiveTime::MIN => day.and_time(self.start.time()),
            CalendarTime::Day(_) => when.local(),
            CalendarTime::At(at) => at.with_timezone(&self.zone).naive_local(),
        }
    }

    fn bounded(mut self) -> Occurrences {
        let later = self.dates.iter().filter(|date| **date > self.end).count();
        if later > 0 || self.endless {
            let count = if self.endless { "all".to_owned() } else { later.to_string() };
            let message = format!("{count} occurrences after {} are left out; --horizon takes more", self.end.date());
            self.notes.push(("RRULE", "horizon", message));
        }
        let mut starts: Vec<NaiveDateTime> = self.dates.into_iter().filter(|date| *date <= self.end).collect();
        if starts.len() > MOST {
            let early = starts.len() - MOST;
            starts.drain(..early);
            let message = format!("the {early} earliest occurrences are left out: a series has at most {MOST} events");
            self.notes.push(("RRULE", "too_many", message));
        }
        Occurrences { starts, notes: self.notes }
    }
}
