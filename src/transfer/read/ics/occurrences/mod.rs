//! The occurrences of an event that recurs (RFC 5545, section 3.8.5).

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};

use super::clock::{Clock, SeriesStart};
use super::components::Component;
use super::property::Property;
use super::rules::RecurrenceRule;
use super::times::{CalendarTime, end_after};
use super::zones::CalendarZones;
use crate::time_zone::Zone;

/// Greatest number of events that one series becomes.
const MOST: usize = 4_000;
/// Greatest number of rules of one name, `RRULE` or `EXRULE`, of an event.
const MOST_RULES: usize = 10;
/// Greatest number of dates that the rules of one name, or the lists in `RDATE`, give one series.
const MOST_DATES: usize = 20_000;
/// Greatest number of values of `RDATE` and `EXDATE` for which an event has a note each.
const MOST_BAD_VALUES: usize = 20;
/// Number of steps in which the rules of a file are computed, at most; a step is about a date.
pub const MOST_STEPS: u64 = 50_000_000;
/// Steps after which a rule that finds no date gives up.
const STEPS_TO_NOTHING: u64 = 100_000;

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
    /// Computes the occurrences of an event up to a day. `steps` is the number of steps that are left for the rules of the
    /// file.
    pub fn of(
        event: &Component,
        start: SeriesStart<'_>,
        zones: &CalendarZones,
        horizon: NaiveDate,
        steps: &Cell<u64>,
    ) -> Self {
        let end = horizon.and_hms_opt(23, 59, 59).unwrap_or_default();
        let dates = BTreeMap::from([(start.first.utc(), (start.first, None))]);
        let (endless, unread, is_cut) = (false, false, false);
        let (computed, bad_values, notes) = (0, 0, Vec::new());
        let mut series =
            Series { start, zones, end, steps, dates, computed, bad_values, endless, unread, is_cut, notes };
        event.all("RRULE").take(MOST_RULES).for_each(|rule| series.rule(rule));
        series.computed = 0;
        event.all("RDATE").for_each(|dates| series.dates(dates));
        series.computed = 0;
        event.all("EXRULE").take(MOST_RULES).for_each(|rule| series.except_rule(rule));
        series.except_dates(event);
        ["RRULE", "EXRULE"].into_iter().for_each(|name| series.note_more_rules(event, name));
        series.into_occurrences()
    }
}

struct Series<'a> {
    start: SeriesStart<'a>,
    zones: &'a CalendarZones,
    /// Last local time.
    end: NaiveDateTime,
    /// Occurrences by their starts in UTC.
    dates: BTreeMap<NaiveDateTime, Occurrence>,
    /// Steps that are left for the rules of the file.
    steps: &'a Cell<u64>,
    /// Number of dates that the present kind of property gave.
    computed: usize,
    endless: bool,
    /// Whether a part of the series could not be read, so that it may have any occurrence.
    unread: bool,
    /// Whether a rule has more occurrences than are computed.
    is_cut: bool,
    /// Number of values of lists that cannot be read.
    bad_values: usize,
    notes: Vec<(&'static str, &'static str, String)>,
}

impl Series<'_> {
    fn occurrences(&mut self, property: &Property, name: &'static str) -> Vec<CalendarTime> {
        let start = self.start;
        // Whole days are often written in UTC, whatever the zone.
        let is_day = |utc: NaiveDateTime| matches!(start.first, CalendarTime::Day(_)) && utc.time() == NaiveTime::MIN;
        let of_clock = |utc: NaiveDateTime| start.clock.local_time(Zone::utc().from_utc_datetime(&utc));
        let local = |utc: NaiveDateTime| if is_day(utc) { utc } else { of_clock(utc) };
        let found = RecurrenceRule::parse(property, local).and_then(|mut rule| {
            self.endless |= !rule.is_finite;
            for part in rule.left_out.drain(..) {
                self.notes.push((name, "left_out", format!("left out: {part}")));
            }
            let end = if rule.is_finite { None } else { Some(self.end) };
            let (most, days_a_step) = (self.date_limit(), rule.days_a_step);
            if most == 0 {
                return Err(format!("the rules before it have all dates that are computed, {MOST_DATES} for a series"));
            }
            let found = rule.occurrences(start.local, end, most)?;
            self.spend(&found.0, days_a_step);
            Ok(found)
        });
        match found {
            Ok((dates, is_whole)) => {
                if dates.is_empty() && start.local <= self.end {
                    let message = format!("\"{}\" has no occurrence", property.value.trim());
                    self.notes.push((name, "recurrence", message));
                }
                self.unread |= !is_whole;
                self.is_cut |= !is_whole && !dates.is_empty();
                dates.into_iter().map(|local| start.occurrence_at(local)).collect()
            }
            Err(why) => {
                self.unread = true;
                self.notes.push((name, "recurrence", format!("left out: {why}")));
                Vec::new()
            }
        }
    }

    /// Returns how many dates of the next rule are computed.
    fn date_limit(&self) -> u16 {
        let left =
            MOST_DATES.saturating_sub(self.computed).min(usize::try_from(self.steps.get()).unwrap_or(MOST_DATES));
        u16::try_from(left).unwrap_or(u16::MAX)
    }

    /// Counts the dates of a rule, and the steps that it took to find them.
    fn spend(&mut self, dates: &[NaiveDateTime], days_a_step: u64) {
        let days = dates.last().map(|last| (*last - self.start.local).num_days().unsigned_abs());
        let steps = days.map_or(STEPS_TO_NOTHING, |days| dates.len() as u64 + days / days_a_step);
        self.computed += dates.len();
        self.steps.set(self.steps.get().saturating_sub(steps));
    }

    fn note_more_rules(&mut self, event: &Component, name: &'static str) {
        let more = event.all(name).count().saturating_sub(MOST_RULES);
        if more > 0 {
            self.unread = true;
            self.notes.push((
                name,
                "too_many",
                format!("only the first {MOST_RULES} rules are taken; {more} are left out"),
            ));
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
            self.computed += 1;
            if self.computed > MOST_DATES {
                self.unread = true;
                if self.computed == MOST_DATES + 1 {
                    let message = format!("only the first {MOST_DATES} dates are taken");
                    self.notes.push(("RDATE", "too_many", message));
                }
                return;
            }
            let (text, end) = text.split_once('/').map_or((text.as_str(), None), |(start, end)| (start, Some(end)));
            let when = match self.start.read(text, property, self.zones) {
                Ok(when) => when,
                Err(why) => {
                    self.unread = true;
                    self.note_bad_value("RDATE", "not_a_time", &why);
                    continue;
                }
            };
            let length = end.and_then(|end| {
                let length = self.length(when, end.trim(), property);
                length.map_err(|why| self.note_bad_value("RDATE", "period", &why)).ok()
            });
            let start = self.start.align(when);
            self.dates.insert(start.utc(), (start, length));
        }
    }

    /// Notes a value of a list that is left out. A list can have any number of them, so the notes are bounded.
    fn note_bad_value(&mut self, name: &'static str, code: &'static str, why: &str) {
        self.bad_values += 1;
        match self.bad_values {
            1..=MOST_BAD_VALUES => self.notes.push((name, code, format!("left out: {why}"))),
            _ if self.bad_values == MOST_BAD_VALUES + 1 => {
                let message = format!("left out: more than {MOST_BAD_VALUES} values of this series cannot be read");
                self.notes.push((name, "too_many", message));
            }
            _ => {}
        }
    }

    /// Returns the length of a period, which has an end or a duration (RFC 5545, section 3.3.9).
    fn length(&self, start: CalendarTime, end: &str, property: &Property) -> Result<TimeDelta, String> {
        let found = if end.trim_start_matches('+').starts_with('P') {
            end_after(start, end)?
        } else {
            self.start.read(end, property, self.zones)?
        };
        match (start, found) {
            (CalendarTime::At(start), CalendarTime::At(end)) if end > start => Ok(end - start),
            _ => Err(format!("\"{end}\" is no end of this period")),
        }
    }

    fn except_dates(&mut self, event: &Component) {
        let (start, mut days) = (self.start, HashSet::new());
        for (property, text) in
            event.all("EXDATE").flat_map(|list| list.old_list().into_iter().map(move |text| (list, text)))
        {
            match start.read(&text, property, self.zones) {
                Ok(CalendarTime::Day(day)) => drop(days.insert(day)),
                Ok(when) => drop(self.dates.remove(&start.align(when).utc())),
                Err(why) => self.note_bad_value("EXDATE", "not_a_time", &why),
            }
        }
        if !days.is_empty() {
            self.dates.retain(|_, (one, _)| !days.contains(&start.local_of(*one).date()));
        }
    }

    fn into_occurrences(mut self) -> Occurrences {
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
        let differs = |when: CalendarTime| start.local_of(when) != when.local_time();
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
mod tests;
