//! Time zones as calendars define them: `VTIMEZONE` (RFC 5545, section 3.6.5).

use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeDelta};

use super::components::Component;
use super::rules::RecurrenceRule;
use super::times::basic_time;
use crate::time_zone::{LocalOffsets, Zone};
use crate::transfer::zones::{offset_of, zone_of};

/// First and last year for which the changes of a zone are computed.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2100;

/// The definition of a zone.
#[derive(Debug, Default)]
pub struct Definition {
    /// Changes in their order.
    changes: Vec<Change>,
    /// Whether every part of it could be read.
    is_whole: bool,
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
    /// Reads a definition. Parts that cannot be read are left out; without any, it says nothing.
    pub fn read(component: &Component) -> Self {
        let parts = component.children.iter().filter(|child| matches!(child.name.as_str(), "STANDARD" | "DAYLIGHT"));
        let parts: Vec<Option<Vec<Change>>> = parts.map(observance).collect();
        let is_whole = parts.iter().all(Option::is_some);
        let mut changes: Vec<Change> = parts.into_iter().flatten().flatten().collect();
        changes.sort_by_key(Change::instant);
        changes.dedup();
        Self { changes, is_whole, place: component.text("X-LIC-LOCATION").and_then(|place| zone_of(&place)) }
    }

    /// Returns whether the definition says what the offset of a local time is. Many files name a zone and define only the
    /// changes of one year: such a definition says nothing of the time before the first change, nor, if the offset alternates
    /// and there is no rule for further years, of that after the last one.
    pub fn covers(&self, local: NaiveDateTime) -> bool {
        let (Some(first), Some(last)) = (self.changes.first(), self.changes.last()) else { return false };
        let alternates = self.changes.iter().any(|change| change.after != last.after);
        self.is_whole && first.local <= local && (!alternates || local <= last.local)
    }

    /// Returns the offset of a local time. A local time that occurs twice is the first one, and one that does not occur has
    /// the offset from before the change (RFC 5545, section 3.3.5).
    pub fn offset_at(&self, local: NaiveDateTime) -> Option<i32> {
        let last = self.changes.iter().rfind(|change| change.local <= local);
        let is_skipped =
            |change: &Change| local < change.local + TimeDelta::seconds((change.after - change.before).into());
        let offset = last.map(|change| if is_skipped(change) { change.before } else { change.after });
        offset.or_else(|| self.changes.first().map(|change| change.before))
    }

    /// Returns the offset at an instant (UTC).
    pub fn offset_at_instant(&self, utc: NaiveDateTime) -> Option<i32> {
        let last = self.changes.iter().rfind(|change| change.instant() <= utc);
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
        let real = self.changes.iter().filter(|change| change.before != change.after);
        let ours = real.map(|change| (change.instant().and_utc().timestamp(), change.after));
        let ours: Vec<(i64, i32)> = ours.filter(|(at, _)| (from + 1..to).contains(at)).collect();
        theirs == ours
    }
}

/// Returns the changes to one observance of a zone.
fn observance(component: &Component) -> Option<Vec<Change>> {
    let offset = |name: &str| offset_of(&component.text(name)?);
    let (before, after) = (offset("TZOFFSETFROM")?, offset("TZOFFSETTO")?);
    let start = basic_time(component.find("DTSTART")?.value.trim())?;
    let mut locals = vec![start];
    for property in component.all("RDATE") {
        locals.extend(property.list().iter().filter_map(|text| basic_time(text.split('/').next()?)));
    }
    for property in component.all("RRULE") {
        let local = |utc: NaiveDateTime| utc + TimeDelta::seconds(before.into());
        let Ok(rule) = RecurrenceRule::parse(property, local) else { continue };
        let every_year = !property.value.contains("COUNT") && !property.value.contains("INTERVAL=2");
        let first = if every_year { not_before(start, *YEARS.start()) } else { start };
        let last = NaiveDate::from_ymd_opt(*YEARS.end(), 12, 31)?.and_hms_opt(23, 59, 59)?;
        locals.extend(rule.occurrences(first, Some(last)).unwrap_or_default().0);
    }
    Some(locals.into_iter().map(|local| Change { local, before, after }).collect())
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
