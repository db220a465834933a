//! Time zones as calendars define them: `VTIMEZONE` (RFC 5545, section 3.6.5).

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta};

use super::components::Component;
use super::property::Property;
use super::rules::RecurrenceRule;
use super::times::basic_time;
use crate::time_zone::{LocalOffsets, Zone};
use crate::transfer::zones::{offset_of, zone_of};

/// First and last year for which the changes of a zone are computed. No clock changed by a rule before the first one.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2100;
/// First year of which a rule that begins before [`YEARS`] is believed. Programs let the rule of today begin in 1601; of the
/// years before 1970, the rules of a known zone say more.
const FIRST_OF_OLD_RULE: i32 = 1970;

/// Greatest number of changes of a definition; one with more is taken as one that cannot be read whole.
const MOST_CHANGES: usize = 2_000;
/// Greatest number of occurrences of one rule.
const MOST_OF_RULE: u16 = 500;

/// The definition of a zone.
#[derive(Debug, Default)]
pub struct Definition {
    /// Changes in their order.
    changes: Vec<Change>,
    /// For each change, the earliest local time of it and all later ones.
    earliest: Vec<NaiveDateTime>,
    /// Whether the offset after some change is another one than after the last.
    alternates: bool,
    /// Whether every part of it could be read.
    is_whole: bool,
    /// Whether a rule begins before [`YEARS`].
    has_old_rule: bool,
    /// Zone of the place that the definition names.
    pub place: Option<Zone>,
}

/// A change of the offset from UTC, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    /// Local time, with the offset before the change.
    local: NaiveDateTime,
    before: i32,
    after: i32,
}

impl Change {
    fn instant(&self) -> NaiveDateTime {
        self.local - TimeDelta::seconds(self.before.into())
    }
}

impl Definition {
    /// Reads a definition. Parts that cannot be read are left out; without any, it says nothing. `rules` is the number of
    /// rules that can still be read in the file.
    pub fn read(component: &Component, rules: &mut usize) -> Self {
        let parts = component.children.iter().filter(|child| matches!(child.name.as_str(), "STANDARD" | "DAYLIGHT"));
        let (mut changes, mut is_whole, mut has_old_rule) = (Vec::new(), true, false);
        for part in parts {
            let is_old = observance(part, rules, &mut changes);
            is_whole &= is_old.is_some() && changes.len() <= MOST_CHANGES;
            has_old_rule |= is_old == Some(true);
            changes.truncate(MOST_CHANGES);
        }
        changes.sort_by_key(Change::instant);
        changes.dedup();
        let mut earliest: Vec<NaiveDateTime> = changes.iter().map(|change| change.local).collect();
        for at in (1..earliest.len()).rev() {
            earliest[at - 1] = earliest[at - 1].min(earliest[at]);
        }
        let alternates = changes.windows(2).any(|pair| pair[0].after != pair[1].after);
        Self {
            changes,
            earliest,
            alternates,
            is_whole,
            has_old_rule,
            place: component.text("X-LIC-LOCATION").and_then(|place| zone_of(&place)),
        }
    }

    /// Returns whether the definition says what the offset of a local time is. Many files name a zone and define only the
    /// changes of one year: such a definition says nothing of the time before the first change, nor, if the offset alternates
    /// and there is no rule for further years, of that after the last one. One with a rule of today that begins centuries ago
    /// says nothing of the years before 1970.
    pub fn covers(&self, local: NaiveDateTime) -> bool {
        let (Some(first), Some(last)) = (self.changes.first(), self.changes.last()) else { return false };
        let is_too_early = first.local > local || (self.has_old_rule && local.year() < FIRST_OF_OLD_RULE);
        self.is_whole && !is_too_early && (!self.alternates || local <= last.local)
    }

    /// Returns the offset of a local time. A local time that occurs twice is the first one, and one that does not occur has
    /// the offset from before the change (RFC 5545, section 3.3.5).
    pub fn offset_at(&self, local: NaiveDateTime) -> Option<i32> {
        let after = self.earliest.partition_point(|earliest| *earliest <= local);
        let last = after.checked_sub(1).and_then(|at| self.changes.get(at));
        let is_skipped =
            |change: &Change| local < change.local + TimeDelta::seconds((change.after - change.before).into());
        let offset = last.map(|change| if is_skipped(change) { change.before } else { change.after });
        offset.or_else(|| self.changes.first().map(|change| change.before))
    }

    /// Returns the offset at an instant (UTC).
    pub fn offset_at_instant(&self, utc: NaiveDateTime) -> Option<i32> {
        let after = self.changes.partition_point(|change| change.instant() <= utc);
        let last = after.checked_sub(1).and_then(|at| self.changes.get(at));
        last.map(|change| change.after).or_else(|| self.changes.first().map(|change| change.before))
    }

    /// Returns whether a zone has the offset of the definition at a local time.
    pub fn agrees_at(&self, zone: Zone, local: NaiveDateTime) -> bool {
        let Some(offset) = self.offset_at(local) else { return true };
        let is_it = |own: chrono::FixedOffset| own.local_minus_utc() == offset;
        match zone.clock_at(local) {
            LocalOffsets::Once(own) => is_it(own),
            LocalOffsets::Twice(first, second) => is_it(first) || is_it(second),
            LocalOffsets::Skipped(..) => true,
        }
    }

    /// Returns whether a zone has the same changes as the definition in the year before a local time and the one
    /// after it.
    pub fn agrees_around(&self, zone: Zone, local: NaiveDateTime) -> bool {
        let (from, to) = (local - TimeDelta::days(366), local + TimeDelta::days(366));
        if !self.agrees_at(zone, from) || !self.agrees_at(zone, local) {
            return false;
        }
        let (from, to) = (from.and_utc().timestamp(), to.and_utc().timestamp());
        let mut before = zone.period_at(from).offset;
        let theirs =
            zone.changes(from, to).filter(|period| std::mem::replace(&mut before, period.offset) != period.offset);
        let theirs: Vec<(i64, i32)> = theirs.map(|period| (period.begins, period.offset)).collect();
        let instant = |change: &Change| change.instant().and_utc().timestamp();
        let place = |time: i64| self.changes.partition_point(|change| instant(change) < time);
        let real = self.changes[place(from + 1)..place(to)].iter().filter(|change| change.before != change.after);
        let ours: Vec<(i64, i32)> = real.map(|change| (instant(change), change.after)).collect();
        theirs == ours
    }
}

/// Adds the changes to one observance of a zone. Returns whether it has a rule that begins before [`YEARS`]; `None` if a part
/// of it is not read.
fn observance(component: &Component, rules: &mut usize, changes: &mut Vec<Change>) -> Option<bool> {
    let offset = |name: &str| offset_of(&component.text(name)?);
    let (before, after) = (offset("TZOFFSETFROM")?, offset("TZOFFSETTO")?);
    let start = basic_time(component.find("DTSTART")?.value.trim())?;
    let change = |local| Change { local, before, after };
    changes.push(change(start));
    for property in component.all("RDATE") {
        let dates = property.list();
        let locals = dates.iter().filter_map(|text| basic_time(text.split('/').next()?));
        changes.extend(locals.take(MOST_CHANGES + 1).map(change));
        changes.truncate(MOST_CHANGES + 1);
    }
    for property in component.all("RRULE") {
        *rules = rules.checked_sub(1).filter(|_| changes.len() <= MOST_CHANGES)?;
        changes.extend(by_rule(property, start, before).unwrap_or_default().into_iter().map(change));
    }
    Some(start.year() < *YEARS.start() && component.find("RRULE").is_some())
}

/// Returns the local times of a rule. Clocks change by the year: a rule by days or less is none of theirs.
fn by_rule(property: &Property, start: NaiveDateTime, before: i32) -> Option<Vec<NaiveDateTime>> {
    let local = |utc: NaiveDateTime| utc + TimeDelta::seconds(before.into());
    let rule = RecurrenceRule::parse(property, local).ok().filter(|rule| rule.days_a_step > 1)?;
    let every_year = !property.value.contains("COUNT") && !property.value.contains("INTERVAL=2");
    let first = if every_year { not_before(start, *YEARS.start()) } else { start };
    let last = NaiveDate::from_ymd_opt(*YEARS.end(), 12, 31)?.and_hms_opt(23, 59, 59)?;
    Some(rule.occurrences(first, Some(last), MOST_OF_RULE).ok()?.0)
}

/// Returns a time in a year that is not before another one, on the same day of the year. Definitions often begin in
/// 1601, and the changes of four centuries are of no use.
fn not_before(time: NaiveDateTime, year: i32) -> NaiveDateTime {
    if time.year() >= year {
        time
    } else {
        time.with_year(year).or_else(|| time.with_day(28)?.with_year(year)).unwrap_or(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observance(lines: &[&str]) -> Component {
        let offsets = ["DTSTART:19700329T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200"];
        let properties = offsets.iter().chain(lines).map(|line| Property::parse(line).unwrap()).collect();
        Component { name: "DAYLIGHT".to_owned(), properties, ..Component::default() }
    }

    fn read(children: Vec<Component>, rules: &mut usize) -> Definition {
        Definition::read(&Component { children, ..Component::default() }, rules)
    }

    #[test]
    fn a_definition_has_a_bound() {
        let yearly = "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU";
        let mut rules = 3;
        let found = read(vec![observance(&[yearly])], &mut rules);
        assert_eq!((found.changes.len(), found.is_whole, rules), (131, true, 2));
        let dates: Vec<String> = (0..=MOST_CHANGES)
            .map(|hour| {
                let local = basic_time("20270101T000000").unwrap() + TimeDelta::hours(hour as i64);
                format!("{}", local.format("%Y%m%dT%H%M%S"))
            })
            .collect();
        let found = read(vec![observance(&[&format!("RDATE:{}", dates.join(","))])], &mut rules);
        assert_eq!((found.changes.len(), found.is_whole), (MOST_CHANGES, false));
        // A rule by days is none of clocks, and beyond the bound of a file no rule is read.
        let found = read(vec![observance(&["RRULE:FREQ=DAILY"]), observance(&[yearly, yearly])], &mut rules);
        assert_eq!((found.changes.len(), found.is_whole, rules), (131, false, 0));
    }

    /// The rule of today from 1601 on, as Outlook writes it, is no rule of the years before 1970; one with years of its own is.
    #[test]
    fn rules_before_1970_are_read() {
        let part = |name: &str, lines: [&str; 4]| {
            let properties = lines.iter().map(|line| Property::parse(line).unwrap()).collect();
            Component { name: name.to_owned(), properties, ..Component::default() }
        };
        let (est, edt) = ("TZOFFSETTO:-0500", "TZOFFSETTO:-0400");
        let winter = |start, rule| part("STANDARD", [start, "TZOFFSETFROM:-0400", est, rule]);
        let summer = |start, rule| part("DAYLIGHT", [start, "TZOFFSETFROM:-0500", edt, rule]);
        let outlook = vec![
            winter("DTSTART:16011104T020000", "RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11"),
            summer("DTSTART:16010311T020000", "RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3"),
        ];
        let former = vec![
            winter("DTSTART:19671029T020000", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"),
            summer("DTSTART:19670430T020000", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=4;UNTIL=19730429T070000Z"),
        ];
        let (outlook, former) = (read(outlook, &mut 9), read(former, &mut 9));
        for (local, offset, of_outlook, of_former) in [
            ("19690715T120000", -4, false, true),
            ("19691215T120000", -5, false, true),
            ("19700715T120000", -4, true, true),
        ] {
            let local = basic_time(local).unwrap();
            let offsets = [outlook.offset_at(local), former.offset_at(local)];
            assert_eq!(offsets, [Some(offset * 3_600); 2], "{local}");
            assert_eq!((outlook.covers(local), former.covers(local)), (of_outlook, of_former), "{local}");
        }
    }

    #[test]
    fn the_last_change_before_a_time_counts() {
        let mut back = observance(&[]);
        back.properties = ["DTSTART:19701025T030000", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100"]
            .map(|line| Property::parse(line).unwrap())
            .into();
        let found = read(vec![observance(&[]), back], &mut 0);
        for (local, offset) in [
            ("19700101T000000", 3_600),
            ("19700329T023000", 3_600),
            ("19700329T030000", 7_200),
            ("19701025T025959", 7_200),
            ("19701025T030000", 3_600),
        ] {
            let local = basic_time(local).unwrap();
            assert_eq!(found.offset_at(local), Some(offset), "{local}");
        }
        let instant = |text: &str| found.offset_at_instant(basic_time(text).unwrap());
        assert_eq!((instant("19700329T005959"), instant("19700329T010000")), (Some(3_600), Some(7_200)));
    }
}
