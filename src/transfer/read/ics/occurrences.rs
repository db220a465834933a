//! The occurrences of an event that recurs (RFC 5545, section 3.8.5).

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::components::Component;
use super::property::Property;
use super::rules::RecurrenceRule;
use super::times::{CalendarSpan, CalendarTime, after, when_of};
use super::zones::CalendarZones;
use crate::time_zone::Zone;

/// Greatest number of events that one series becomes.
const MOST: usize = 4_000;

/// The local start of an occurrence, and its exact length if it has one of its own.
pub type Occurrence = (NaiveDateTime, Option<TimeDelta>);

/// The occurrences of a series.
#[derive(Debug, Default)]
pub struct Occurrences {
    /// Local starts in their order, each with its length if that is not the one of the first occurrence.
    pub starts: Vec<Occurrence>,
    /// Local starts that are left out, as far as they are known.
    pub left: Vec<NaiveDateTime>,
    /// Text than which the keys of further occurrences are greater, which are not known.
    pub unknown_after: Option<String>,
    /// What was left out: the property, a code and a message.
    pub notes: Vec<(&'static str, &'static str, String)>,
}

impl Occurrences {
    /// Computes the occurrences of an event up to a day.
    pub fn of(event: &Component, span: CalendarSpan, zones: &CalendarZones, horizon: NaiveDate) -> Self {
        let zone = span.zone(zones.own());
        let start = span.starts.local();
        let end = horizon.and_hms_opt(23, 59, 59).unwrap_or_default();
        let dates = BTreeMap::from([(start, None)]);
        let mut series = Series { zone, zones, start, end, dates, endless: false, unread: false, notes: Vec::new() };
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
    /// Starts, and lengths that are not the one of the first occurrence.
    dates: BTreeMap<NaiveDateTime, Option<TimeDelta>>,
    endless: bool,
    /// Whether a part of the series could not be read, so that it may have any occurrence.
    unread: bool,
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
        match found {
            Ok((dates, true)) => dates,
            Ok((dates, false)) => {
                self.unread = true;
                let message = format!("only the first {} occurrences of this rule are taken", dates.len());
                self.notes.push((name, "too_many", message));
                dates
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
        self.dates.extend(found.into_iter().map(|date| (date, None)));
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
            let (text, end) = text.split_once('/').map_or((text.as_str(), None), |(start, end)| (start, Some(end)));
            let when = match when_of(text, property.parameter("TZID"), self.zones) {
                Ok((when, _)) => when,
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
            self.dates.insert(self.local(when), length);
        }
    }

    /// Returns the length of a period, which has an end or a duration (RFC 5545, section 3.3.9).
    fn length(&self, start: CalendarTime, end: &str, property: &Property) -> Result<TimeDelta, String> {
        let found = if end.trim_start_matches('+').starts_with('P') {
            after(start, end)?
        } else {
            when_of(end, property.parameter("TZID"), self.zones)?.0
        };
        match (start, found) {
            (CalendarTime::At(start), CalendarTime::At(end)) if end > start => Ok(end - start),
            _ => Err(format!("\"{end}\" is no end of this period")),
        }
    }

    fn except_dates(&mut self, property: &Property) {
        for text in property.list() {
            match when_of(&text, property.parameter("TZID"), self.zones) {
                Ok((CalendarTime::Day(day), _)) => self.dates.retain(|date, _| date.date() != day),
                Ok((when, _)) => drop(self.dates.remove(&self.local(when))),
                Err(why) => self.notes.push(("EXDATE", "not_a_time", format!("left out: {why}"))),
            }
        }
    }

    fn local(&self, when: CalendarTime) -> NaiveDateTime {
        local_start(when, self.start, self.zone)
    }

    fn bounded(mut self) -> Occurrences {
        let (mut starts, mut left) = (Vec::new(), Vec::new());
        for (date, length) in self.dates {
            if date <= self.end { starts.push((date, length)) } else { left.push(date) }
        }
        if !left.is_empty() || self.endless {
            let count = if self.endless { "all".to_owned() } else { left.len().to_string() };
            let message = format!("{count} occurrences after {} are left out; --horizon takes more", self.end.date());
            self.notes.push(("RRULE", "horizon", message));
        }
        if starts.len() > MOST {
            let early = starts.len() - MOST;
            left.extend(starts.drain(..early).map(|(date, _)| date));
            let message = format!("the {early} earliest occurrences are left out: a series has at most {MOST} events");
            self.notes.push(("RRULE", "too_many", message));
        }
        let last_day = || self.end.date().format("%Y%m%d").to_string();
        let unknown_after = if self.unread { Some(String::new()) } else { self.endless.then(last_day) };
        Occurrences { starts, left, unknown_after, notes: self.notes }
    }
}

/// Returns the local start of an occurrence; on a date it begins when the first one does.
pub fn local_start(when: CalendarTime, first: NaiveDateTime, zone: Zone) -> NaiveDateTime {
    match when {
        CalendarTime::Day(day) if first.time() != NaiveTime::MIN => day.and_time(first.time()),
        CalendarTime::Day(_) => when.local(),
        CalendarTime::At(at) => at.with_timezone(&zone).naive_local(),
    }
}
